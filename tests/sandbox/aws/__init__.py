# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's AWS: a moto server with the checks of AWS.

``python -m sandbox.aws --dir D --port P`` serves IAM, STS, EKS and the other services of moto over HTTP on 127.0.0.1.
When it is ready, it writes ``{"endpoint": "http://127.0.0.1:<port>"}`` to D/aws.json and prints one line.
D/cluster.json has the endpoint, CA, issuer and keys of the cluster ``settings.CLUSTER_NAME``. Each
D/clusters/NAME/cluster.json that exists at the start adds a further cluster. Files that change are read again.

Differences from moto: iam (roles, policies, OpenID Connect providers, trust documents), sts (tokens, sessions), eks,
evaluation (trust and identity policies), access (invalid keys, permissions of users and roles), state (quotas).

Tests control it with these requests, which take and return JSON and need no credentials:

``POST /sandbox-api/faults``
    Add a fault, or a list of them, as README.md documents them.
``GET /sandbox-api/faults``, ``DELETE /sandbox-api/faults``
    List the faults that are left, each with the number of calls that it ``selected``, and of its ``hits``; remove them.
``GET /sandbox-api/calls``, ``DELETE /sandbox-api/calls``
    {service: {operation: count}} since the start or the last DELETE, failed calls included; reset the counts.
``POST /sandbox-api/quotas``
    Set quotas, {name: number}, see state.QUOTAS. Returns all quotas.
``POST /sandbox-api/bound``
    [ARN, ...]: enforce the policies of these users and roles, and of no others.
``GET /sandbox-api/access-keys/<access key id>``
    {"secret_access_key", "session_token"}, to verify signatures.
``POST /sandbox-api/reset``
    Restore the initial state: removes all objects, faults, counts and quotas, and reads the clusters' files again.

The access keys in settings.py that simulate invalid credentials always fail. Permissions are enforced only for the
users and roles that were sent to ``/sandbox-api/bound``. Their policies, permissions boundaries and session policies
must allow their calls to IAM, STS, EKS and EC2, with the resources and condition keys that AWS has for each action.

Needed by: every target; demo; benchmarks.
"""
