# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import textwrap

_ROLE = r"""
description:
  description:
    - The role's description.
    - An empty one removes it.
  type: str
path:
  description:
    - The role's path, V(/) for a new role if left out.
    - IAM can't move a role. If it is at another path, it is an error.
  type: str
max_session_duration:
  description:
    - How long a session of the role may last, 3600 to 43200 seconds.
    - IAM takes 3600 for a new role.
  type: int
permissions_boundary:
  description:
    - ARN of the managed policy that bounds the role's permissions.
    - An empty string removes the boundary.
  type: str
managed_policies:
  description:
    - Managed policies to attach, each by its ARN, or by its name alone if it is of the role's account or of AWS.
    - A name that both have is an error, unless one of the two is attached already.
  type: list
  elements: str
purge_policies:
  description:
    - Whether to detach managed policies that are not in O(managed_policies), if those are given.
  type: bool
  default: false
inline_policies:
  description:
    - Inline policies to write, documents by name.
    - A document is a mapping, or such a mapping as JSON or YAML text.
  type: dict
purge_inline_policies:
  description:
    - Whether to delete inline policies that are neither in O(inline_policies) nor in O(well_known_policies), if one of
      them is given.
  type: bool
  default: false
well_known_policies:
  description:
    - Policies that well-known controllers and drivers need, such as V(external_dns), V(karpenter) or V(ebs_csi),
      written as inline policies.
    - An element is the name of a policy, or a dictionary with C(name) and the policy's parameters. The
      R(guide to policies,ansible_collections.eksops.irsa.docsite.guide_policies) lists names and parameters,
      P(eksops.irsa.well_known_policy#lookup) shows a policy with its parameters filled in.
    - The inline policy is called C(well-known-NAME) with dashes, as in C(well-known-external-dns), or as the element's
      C(policy_name) says. The same policy may be given several times with a C(policy_name) of its own each.
    - What a policy needs to know of partition, account, region and cluster it is filled in from the role and
      O(cluster_name) or O(issuer). An element may have C(cluster_name) and C(region), if it should be others.
  type: list
  elements: raw
  version_added: 0.3.0
tags:
  description:
    - Tags to put on the role.
    - The tag C(eksops.irsa/managed) says whether O(state=absent) may delete the role. It is never purged. Setting it to
      V(true) hands a role that somebody else made over to this collection, any other value takes the role out of its
      hands.
  type: dict
purge_tags:
  description:
    - Whether to remove tags that are not in O(tags), if those are given.
  type: bool
  default: true
trust:
  description:
    - With V(merge) only the provider's plain statements are written.
    - With V(replace) the trust policy trusts the given service accounts and nobody else, and
      O(purge_service_accounts) means nothing.
  type: str
  default: merge
  choices: [merge, replace]
purge_service_accounts:
  description:
    - Whether the given service accounts are all of the cluster's that the role may trust.
    - With V(false) they are added to those that are there, for a role that several tasks or playbooks bind accounts to.
  type: bool
  default: true
"""
_SERVICE_ACCOUNT = r"""
audience:
  description:
    - Audience of the pods' tokens, for the annotation C(eks.amazonaws.com/audience).
    - Without the annotation it is V(sts.amazonaws.com), in all partitions.
  type: str
sts_regional_endpoints:
  description:
    - Whether pods call the STS of their own region, for the annotation C(eks.amazonaws.com/sts-regional-endpoints).
  type: bool
token_expiration:
  description:
    - Lifetime of the pods' tokens in seconds, 600 or more, for the annotation C(eks.amazonaws.com/token-expiration).
    - Without the annotation it is V(86400).
  type: int
create:
  description:
    - Whether to create the account where it is missing. If V(false), a missing account is an error.
  type: bool
  default: true
create_namespace:
  description:
    - Whether to create the namespace where an account is to be created and its namespace is missing.
    - A namespace is never deleted.
  type: bool
  default: false
labels:
  description:
    - Labels to set on the account. A label with the value null is taken away.
    - C(app.kubernetes.io/managed-by) can't be set. It tells whose tool manages the account.
  type: dict
annotations:
  description:
    - Other annotations to set on the account. An annotation with the value null is taken away, which goes for those of
      the other options too.
  type: dict
delete:
  description:
    - With O(state=absent), whether to delete the account if this collection created it.
    - An account that others created is never deleted.
  type: bool
  default: false
"""
_ROLLOUT = r"""
strategy:
  description:
    - V(restart) restarts workloads as C(kubectl rollout restart) does, each with its own update strategy. What has none
      (a DaemonSet or StatefulSet with C(OnDelete), the pods of a StatefulSet below its partition, a ReplicaSet of its
      own, a ReplicationController, a workload of a custom kind) has its pods evicted one by one. Stale pods of a
      StatefulSet that are not ready are evicted at once, because its controller would wait for them.
    - V(evict) evicts pods one by one, as C(kubectl drain) does, so that disruption budgets are kept. A refused eviction
      is tried again until O(wait_timeout).
    - V(delete) deletes pods one by one, whatever the disruption budgets say.
    - One by one means that the replacement of a pod is ready before the next pod of the same owner goes, with
      O(wait=false) as well.
    - The pods of a Job are never touched, and a paused Deployment is not restarted. Both are warned of.
  type: str
  default: restart
  choices: [restart, evict, delete]
only_stale:
  description:
    - Restart only the owners of stale pods. If V(false), restart the owners of all the pods.
  type: bool
  default: true
delete_unmanaged:
  description:
    - Delete stale pods that have no owner. Nothing makes them again.
    - By default they are reported in RV(unmanaged) and left alone.
  type: bool
  default: false
wait:
  description:
    - Wait until the workloads have rolled out, by the rules of C(kubectl rollout status), and the new pods have the
      role.
  type: bool
  default: true
wait_timeout:
  description:
    - How long to wait for all workloads together, in seconds.
    - A rollout that is certain to hang (no such image, no quota) ends the wait sooner, after 30 seconds in which
      nothing moves.
  type: int
  default: 300
max_retries:
  description:
    - How often to replace pods again that came up without the role, as happens while the webhook is restarting or
      doesn't know of the annotation yet.
  type: int
  default: 2
"""
_BINDING = r"""
namespace:
  description: Namespace of the service account.
  type: str
  required: true
service_account:
  description: Name of the service account.
  type: str
  required: true
role_name:
  description:
    - Name of the IAM role.
    - Exactly one of O(role_name) and O(role_arn) is needed.
  type: str
role_arn:
  description:
    - ARN of an IAM role that is kept elsewhere, in another account for instance. It is used and not touched.
  type: str
"""
_RBAC = r"""
rbac:
  description: Used by the role P(eksops.irsa.irsa#role) and not here.
  type: dict
"""
_BINDINGS = r"""
bindings:
  description:
    - Which service account gets which role, and what the role is to be like.
    - These are the items of the variable C(irsa_bindings) of the role P(eksops.irsa.irsa#role).
    - Bindings that name the same role share it. Lists and dictionaries that they give of it are put together;
      everything else has to agree.
  type: list
  elements: dict
  required: true
  suboptions:
"""
_ROLLOUT_OPTIONS = r"""
rollout_options:
  description: How to re-create pods, in the options of M(eksops.irsa.pod_rollout).
  type: dict
  default: {}
  suboptions:
"""


def _options(*texts: str) -> str:
    return "options:\n" + "".join(textwrap.indent(text.lstrip("\n"), "  ") for text in texts)


def _suboptions(parent: str, *texts: str) -> str:
    """The same options inside of another one, whose name their references to each other begin with."""
    text = "".join(text.lstrip("\n") for text in texts)
    for name in re.findall(r"^(\w+):", text, re.MULTILINE):
        text = re.sub(rf"\bO\({name}(?=[=)])", f"O({parent}.{name}", text)
    return textwrap.indent(text, "    ")


def _optional(text: str) -> str:
    """The options of a single module as those of a binding, which has no defaults: what is left out is as there."""
    return re.sub(r"^(  type: .+\n)  default: (.+)\n", r"    - If left out, it is V(\2).\n\1", text, flags=re.MULTILINE)


class ModuleDocFragment:
    """The options that several modules take; `module_utils/_core/options.py` has the same as data."""

    # Annotated, since ansible-test reads plain assignments as texts.
    ROLE: str = _options(_ROLE)
    SERVICE_ACCOUNT: str = _options(_SERVICE_ACCOUNT)
    ROLLOUT: str = _options(_ROLLOUT)
    BINDINGS: str = _options(
        _BINDINGS + _suboptions("bindings[]", _BINDING, _optional(_ROLE), _optional(_SERVICE_ACCOUNT), _RBAC),
        _ROLLOUT_OPTIONS + _suboptions("rollout_options", _ROLLOUT),
    )
