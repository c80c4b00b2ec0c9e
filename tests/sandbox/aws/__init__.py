# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's AWS: moto's server, made to refuse what AWS refuses.

``python -m sandbox.aws --dir D --port P`` serves IAM, STS and EKS (and whatever else moto has) over HTTP on 127.0.0.1,
writes its address to D/aws.json as ``{"endpoint": "http://127.0.0.1:<port>"}`` and prints one line when it is ready.
D/cluster.json gives the cluster of settings.CLUSTER_NAME its endpoint, CA, issuer and keys, and each
D/clusters/NAME/cluster.json that is there at the start makes a further one; they are read when needed and again when
they change.

What differs from plain moto: iam (roles, policies, OpenID Connect providers, trust documents), sts (tokens, sessions),
eks, evaluation (trust policies against claims, policies of identities against calls), access (refused keys, permissions
of users and roles), state (quotas).

Tests steer it through JSON over HTTP, which needs no credentials:

``POST /sandbox-api/faults``
    One object or a list: ``service`` ("iam", "sts", "eks" or "*"), ``operation`` (API name or "*"), then what happens:
    ``code``, ``message``, ``status`` (400) for an error; ``body`` with ``status`` for an answer that isn't AWS's;
    ``lose_answer`` true to perform the call and drop the connection; ``delay`` in seconds before anything else.
    ``parameters`` {name: value} narrows it to calls with these (path, query or form). ``times`` (1) calls are hit; 0 is
    for ever; ``every`` 20 hits one in 20 of them. Several faults queue up, first come first served.
``GET /sandbox-api/faults``, ``DELETE /sandbox-api/faults``
    Those still waiting; forget them.
``GET /sandbox-api/calls``, ``DELETE /sandbox-api/calls``
    {service: {operation: count}} since the start or the last DELETE, refused calls included; start again from nothing.
``POST /sandbox-api/quotas``
    {name: number}, see state.QUOTAS; answers with all of them.
``POST /sandbox-api/bound``
    [ARN, ...]: the users and roles whose policies are enforced from now on, those of all others no longer.
``GET /sandbox-api/access-keys/<access key id>``
    {"secret_access_key", "session_token"}: what the key's signatures are verified with.
``POST /sandbox-api/reset``
    Back to the seeds: everything made, every fault, count and quota is gone. Clusters' files are read again.

Access keys that are refused on sight stand in settings.py. Permissions are not enforced, but for those users and roles
that were posted to ``/sandbox-api/bound``: what their policies, permissions boundaries and session policies don't allow
of IAM, STS, EKS and EC2 is refused, with the resources and condition keys that AWS has for each action.

Needed by: every target; demo; benchmarks.
"""
