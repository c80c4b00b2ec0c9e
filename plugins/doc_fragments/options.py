# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import textwrap

_ROLE = r"""
description:
  description:
    - The description of the role.
    - An empty string removes it.
  type: str
path:
  description:
    - The path of the role. A new role gets V(/) by default.
    - IAM cannot move a role. A role that exists with another path is an error.
  type: str
max_session_duration:
  description:
    - The maximum session duration of the role, 3600 to 43200 seconds.
    - A new role gets 3600 by default.
  type: int
permissions_boundary:
  description:
    - The ARN of the managed policy to set as the permissions boundary of the role.
    - An empty string removes the boundary.
  type: str
managed_policies:
  description:
    - The managed policies to attach, each by ARN or by name. A name can be that of an AWS managed policy or of a policy
      in the AWS account of the role.
    - If AWS and the account each have a policy of this name, use the ARN. A policy of this name that is already
      attached is kept.
    - A policy that does not exist is an error before the first write. If a policy was created seconds ago and IAM does
      not return it yet, the module waits for it.
  type: list
  elements: str
purge_policies:
  description:
    - Whether to detach managed policies that are not in O(managed_policies). This has no effect if O(managed_policies)
      is not set.
  type: bool
  default: false
inline_policies:
  description:
    - The inline policies to write, a dictionary of policy documents by name.
    - A policy document is a dictionary, or a string with JSON or YAML. A string in which a dictionary has the same
      key twice is an error.
  type: dict
purge_inline_policies:
  description:
    - Whether to delete inline policies that are neither in O(inline_policies) nor in O(well_known_policies). This has
      no effect if neither is set.
  type: bool
  default: false
well_known_policies:
  description:
    - The policies that well-known controllers and drivers need, such as V(external_dns), V(karpenter) or V(ebs_csi).
      They are written as inline policies.
    - An element is the name of a policy, or a dictionary with C(name) and the parameters of the policy. The R(guide to
      policies,ansible_collections.eksops.irsa.docsite.guide_policies) lists names and parameters. The lookup
      P(eksops.irsa.well_known_policy#lookup) shows a policy with its parameters filled in.
    - The inline policy is named C(well-known-NAME) with hyphens, for example C(well-known-external-dns). Set
      C(policy_name) in an element to choose another name. If the same policy is used several times, each element needs
      its own C(policy_name).
    - Partition, AWS account, region and cluster are filled in from the role and from O(cluster_name) or O(issuer). Set
      C(cluster_name) or C(region) in an element to override them.
  type: list
  elements: raw
  version_added: 0.3.0
tags:
  description:
    - The tags to set on the role.
    - The module sets the tag C(eksops.irsa/managed) on each role that it creates, if the role has fewer than 50 tags.
      The tag determines whether O(state=absent) may delete the role. It cannot be set here, and it is never purged. To
      let this collection delete a role that another tool created, set the tag to V(true) with another tool.
  type: dict
purge_tags:
  description:
    - Whether to remove tags that are not in O(tags). This has no effect if O(tags) is not set.
  type: bool
  default: true
trust:
  description:
    - V(merge) writes only the managed statements for the OIDC provider of the cluster. All other statements of the
      trust policy are kept.
    - V(replace) replaces the trust policy, so that the role trusts only the given service accounts.
      O(purge_service_accounts) then has no effect.
  type: str
  default: merge
  choices: [merge, replace]
purge_service_accounts:
  description:
    - Whether to remove other service accounts of the cluster from the trust policy.
    - By default, they are removed from a role that this collection created, and kept in a role that another tool
      created.
    - Set this to V(false) if several tasks or playbooks bind service accounts to the role.
    - M(eksops.irsa.irsa_bindings) fails if pods of a service account use the role that it would lose, unless its option
      C(force) is V(true).
  type: bool
"""
_SERVICE_ACCOUNT = r"""
audience:
  description:
    - The audience of the pods' tokens. Sets the annotation C(eks.amazonaws.com/audience).
    - Without the annotation, the audience is V(sts.amazonaws.com) in all partitions.
  type: str
sts_regional_endpoints:
  description:
    - Whether pods use the STS endpoint of their region. Sets the annotation
      C(eks.amazonaws.com/sts-regional-endpoints).
  type: bool
token_expiration:
  description:
    - The lifetime of the pods' tokens in seconds, 600 or more. Sets the annotation
      C(eks.amazonaws.com/token-expiration).
    - Without the annotation, the lifetime is V(86400).
  type: int
create:
  description:
    - Whether to create the service account if it does not exist. If V(false), a missing service account is an error.
  type: bool
  default: true
create_namespace:
  description:
    - Whether to create the namespace too, if the service account is created and the namespace does not exist.
    - A namespace is never deleted.
  type: bool
  default: false
labels:
  description:
    - The labels to set on the service account. The value null removes a label.
    - The label C(app.kubernetes.io/managed-by) cannot be set, because it names the tool that manages the service
      account.
  type: dict
annotations:
  description:
    - Other annotations to set on the service account. The value null removes an annotation, including those that other
      options set.
  type: dict
delete:
  description:
    - With O(state=absent), whether to delete the service account if this collection created it.
    - A service account that another tool created is never deleted.
  type: bool
  default: false
"""
_ROLLOUT = r"""
strategy:
  description:
    - V(restart) restarts workloads as C(kubectl rollout restart) does, with the update strategy of each workload.
    - A restart does not replace the pods of a DaemonSet or StatefulSet with the update strategy C(OnDelete), of a
      StatefulSet below its partition, of a ReplicaSet without a Deployment, of a ReplicationController, or of a
      workload of a custom kind. V(restart) evicts these pods one by one. Stale pods of a StatefulSet with
      C(podManagementPolicy=OrderedReady) that are not ready are evicted immediately, because the StatefulSet controller
      would wait until they are ready.
    - V(evict) evicts pods one by one, as C(kubectl drain) does, and respects disruption budgets. A refused eviction is
      retried until O(wait_timeout). The other workloads are still restarted and waited for.
    - V(delete) deletes pods one by one and ignores disruption budgets.
    - One by one means that the replacement of a pod is ready before the next pod of the same owner is removed. This
      also applies with O(wait=false).
    - Pods that run to completion are never replaced. These are pods of a Job, and pods with an owner and the restart
      policy C(Never) or C(OnFailure). A paused Deployment is not restarted. Both cause a warning.
  type: str
  default: restart
  choices: [restart, evict, delete]
only_stale:
  description:
    - Whether to restart only the owners of stale pods. If V(false), the owners of all the pods are restarted.
  type: bool
  default: true
delete_unmanaged:
  description:
    - Whether to delete stale pods that have no owner. Nothing creates them again.
    - If V(false), they are kept and returned in RV(unmanaged).
  type: bool
  default: false
wait:
  description:
    - Whether to wait until the workloads have rolled out, by the rules of C(kubectl rollout status), and the new pods
      have the role.
  type: bool
  default: true
wait_timeout:
  description:
    - The maximum time of the rollout of all workloads together, in seconds, with all requests to the API server.
    - If a rollout cannot succeed, for example because an image does not exist, the wait ends after 30 seconds without
      progress.
  type: int
  default: 300
max_retries:
  description:
    - How often to replace new pods that were created without the role. This happens if the webhook is restarting or has
      not received the annotation yet.
  type: int
  default: 2
"""
_BINDING = r"""
namespace:
  description: The namespace of the service account, or a pattern with O(allow_wildcards=true).
  type: str
  required: true
service_account:
  description: The name of the service account, or a pattern with O(allow_wildcards=true).
  type: str
  required: true
role_name:
  description:
    - The name of the IAM role.
    - Exactly one of O(role_name) and O(role_arn) is required.
  type: str
role_arn:
  description:
    - The ARN of an IAM role that is managed elsewhere, for example in another AWS account. The role itself is not
      changed.
  type: str
"""
_TRUST = r"""
allow_wildcards:
  description:
    - Whether O(namespace) and O(service_account) may contain the wildcards C(*) for any text and C(?) for any
      character.
    - Such a binding defines only the role. Its trust policy allows every service account that matches, but the module
      annotates none and re-creates no pods. Annotate the service accounts elsewhere, or with bindings of their own,
      which may use the same role.
    - The default is V(false).
  type: bool
  version_added: 0.3.0
audiences:
  description:
    - The audiences that the trust policy of the role accepts. The default is O(audience), the audience of the tokens.
    - With an empty list, the trust policy has no condition on the audience.
    - Audiences that are only in this option are not added to the OIDC provider. Add them with
      M(eksops.irsa.iam_oidc_provider).
  type: list
  elements: str
  version_added: 0.3.0
"""
_RBAC = r"""
rbac:
  description: Used only by the role P(eksops.irsa.irsa#role). The module ignores it.
  type: dict
"""
_BINDINGS = r"""
bindings:
  description:
    - The service accounts, and the IAM role of each.
    - The items have the form of the variable C(irsa_bindings) of the role P(eksops.irsa.irsa#role).
    - Bindings with the same role name share the role. Their lists and dictionaries for the role are merged. All other
      options for the role must have the same value in each binding that sets them.
  type: list
  elements: dict
  required: true
  suboptions:
"""
_ROLLOUT_OPTIONS = r"""
rollout_options:
  description: How to re-create pods. These are options of M(eksops.irsa.pod_rollout).
  type: dict
  default: {}
  suboptions:
"""


def _options(*texts: str) -> str:
    return "options:\n" + "".join(textwrap.indent(text.lstrip("\n"), "  ") for text in texts)


def _suboptions(parent: str, *texts: str) -> str:
    """The same options as suboptions of ``parent``; their references to each other get the parent's name."""
    text = "".join(text.lstrip("\n") for text in texts)
    for name in re.findall(r"^(\w+):", text, re.MULTILINE):
        text = re.sub(rf"\bO\({name}(?=[=)])", f"O({parent}.{name}", text)
    return textwrap.indent(text, "    ")


def _optional(text: str) -> str:
    """The options of a module as those of a binding. A binding has no defaults, so the text names them."""
    return re.sub(r"^(  type: .+\n)  default: (.+)\n", r"    - The default is V(\2).\n\1", text, flags=re.MULTILINE)


class ModuleDocFragment:
    """The options that several modules share. `module_utils/_core/argument_specs.py` has the same options as data."""

    # Annotated, because ansible-test reads plain assignments as texts.
    ROLE: str = _options(_ROLE)
    SERVICE_ACCOUNT: str = _options(_SERVICE_ACCOUNT)
    ROLLOUT: str = _options(_ROLLOUT)
    BINDINGS: str = _options(
        _BINDINGS + _suboptions("bindings[]", _BINDING, _optional(_ROLE), _TRUST, _optional(_SERVICE_ACCOUNT), _RBAC),
        _ROLLOUT_OPTIONS + _suboptions("rollout_options", _ROLLOUT),
    )
