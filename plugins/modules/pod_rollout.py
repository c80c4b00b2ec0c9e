#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_rollout
short_description: Restart the workloads whose pods lack the IAM role of their service account
version_added: 0.1.0
description:
  - The pod identity webhook gives a pod its IAM role when the pod is created, and never after. Pods that are older than
    the annotation of their service account have no role, or the one before, until something replaces them.
  - This module finds those pods, restarts their owners and nothing else, waits until the new pods are ready, and looks
    whether they have the role.
  - A pod is stale if one of its containers, init containers included, lacks E(AWS_ROLE_ARN) and
    E(AWS_WEB_IDENTITY_TOKEN_FILE), or has them with another role, though the webhook would set them. It is stale, too,
    if its token has another audience than the annotation C(eks.amazonaws.com/audience) of the account says. Not stale
    are pods and containers that the webhook passes over (the label C(eks.amazonaws.com/skip-pod-identity-webhook), the
    annotation C(eks.amazonaws.com/skip-containers), containers that set one of the variables themselves or were added
    later by another webhook, static pods), and pods that are being deleted or have ended.
  - If nothing is stale, nothing is written. A rollout that is under way already is still waited for.
extends_documentation_fragment:
  - eksops.irsa.options.rollout
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - eksops.irsa.attributes
attributes:
  check_mode:
    details:
      - RV(verified) then has the pods that are right already.
  idempotent:
    details:
      - With O(only_stale=false) each run restarts again.
options:
  namespace:
    description:
      - Namespace of the service account and of the pods.
      - Needed unless O(service_accounts) is given.
    type: str
  service_account:
    description:
      - Name of the service account whose pods are looked at.
      - One of O(service_account), O(label_selectors) and O(service_accounts) is required.
    type: str
    aliases: [name]
  service_accounts:
    description:
      - Several service accounts whose pods are looked at, in any namespaces. Their rollouts run side by side.
      - It takes the place of O(namespace), O(service_account), O(label_selectors) and O(role_arn).
      - Entries of RV(restarted) and RV(verified) then have a C(namespace) too.
    type: list
    elements: dict
    version_added: 0.2.0
    suboptions:
      namespace:
        description: The account's namespace.
        type: str
        required: true
      name:
        description: The account's name.
        type: str
        required: true
        aliases: [service_account]
      role_arn:
        description: As O(role_arn), for this account.
        type: str
  label_selectors:
    description:
      - Look at pods with these labels only, as C(kubectl -l) takes them.
      - Without O(service_account), pods of all accounts of the namespace are looked at, each for the role of its own.
    type: list
    elements: str
  role_arn:
    description:
      - ARN of the role that the pods are to have.
      - By default what the annotation C(eks.amazonaws.com/role-arn) of the service account says. It is an error if
        O(service_account) has none, whereas pods that are chosen by labels alone are then left alone.
      - If it is empty, pods are to have no role, and those that still have one are stale. Use it after the
        annotation was removed.
      - It is an error if the annotation names another role, because that is what new pods would get. In check mode it
        is not, since the annotation may be about to change; nor is a missing namespace, which may be about to be made.
    type: str
notes:
  - In Kubernetes it needs the verbs get on serviceaccounts (list, where pods are chosen by labels alone) and list on
    pods. For the workloads that it restarts it needs get, list, watch and patch on deployments, statefulsets and
    daemonsets, get, list and watch on replicasets and replicationcontrollers, and watch on pods; for pods that go one
    by one, create on pods/eviction, or delete on pods. With list on events it can say more of what hangs.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.sa_annotate
  - module: kubernetes.core.k8s_rollback
  - name: Amazon EKS Pod Identity Webhook
    description: Its injection rules.
    link: https://github.com/aws/amazon-eks-pod-identity-webhook
"""

EXAMPLES = r"""
- name: Give the role to the pods that started before the annotation
  eksops.irsa.pod_rollout:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: default

- name: Look after all accounts of a team at once
  eksops.irsa.pod_rollout:
    cluster_name: production
    region: eu-west-1
    service_accounts:
      - namespace: default
        name: default
        role_arn: arn:aws:iam::123456789012:role/shop

- name: Replace the pods one by one and keep to the disruption budgets
  eksops.irsa.pod_rollout:
    kubeconfig: ~/.kube/config
    namespace: default
    label_selectors:
      - app=checkout
    strategy: evict
    wait_timeout: 900

- name: Take the role from running pods after the annotation was removed
  eksops.irsa.pod_rollout:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: batch
    role_arn: ""
"""

RETURN = r"""
actions:
  description: The writes in words.
  returned: success
  type: list
  elements: str
  sample: [restart Deployment shop/checkout]
pods:
  description: The pods as they were found.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The pod's namespace.
      type: str
      returned: success
      sample: shop
    name:
      description: The pod's name.
      type: str
      returned: success
      sample: checkout-7c5ddbdf54-2xkqn
    owner:
      description: The workload that makes the pod again; null for a bare pod.
      type: dict
      returned: success
      contains:
        kind:
          description: The workload's kind.
          type: str
          returned: success
          sample: Deployment
        name:
          description: The workload's name.
          type: str
          returned: success
          sample: checkout
    stale:
      description: Whether the pod lacks what a new one would have.
      type: bool
      returned: success
      sample: true
    reasons:
      description: Why, in words; for a pod that is not stale, what else there is to know.
      type: list
      elements: str
      returned: success
      sample: [container app has no AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE]
restarted:
  description: What was restarted, or would be in check mode. A StatefulSet may be there twice.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The workload's kind, or C(Pod) for a bare pod that was deleted.
      type: str
      returned: success
      sample: Deployment
    name:
      description: The workload's name.
      type: str
      returned: success
      sample: checkout
    strategy:
      description: What was done, V(restart), V(evict) or V(delete).
      type: str
      returned: success
      sample: restart
unmanaged:
  description: The stale pods that have no owner. They were left alone unless O(delete_unmanaged=true).
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The pod's namespace.
      type: str
      returned: success
      sample: shop
    name:
      description: The pod's name.
      type: str
      returned: success
      sample: debug
verified:
  description:
    - The pods that have what they should have when the module ends.
    - With O(wait=false) and in check mode, those that had it before.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The pod's name.
      type: str
      returned: success
      sample: checkout-6f9bb5d7b9-l8t5c
    containers:
      description: The containers, init containers first, whose environment is right.
      type: list
      elements: str
      returned: success
      sample: [app]
elapsed:
  description: How long the module took, in seconds.
  returned: success
  type: float
  sample: 12.3
error:
  description: What went wrong.
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of error; V(rollout_failed) if workloads hang or came up without the role.
      type: str
      returned: failure
      sample: rollout_failed
    done:
      description: The writes that were done before, in words.
      type: list
      elements: str
      returned: when the kind is rollout_failed
      sample: [restart Deployment shop/checkout]
    workloads:
      description: The workloads that hang, each with C(kind), C(name), C(reason) and C(trouble).
      type: list
      elements: dict
      returned: when the kind is rollout_failed
      sample:
        - kind: Deployment
          name: checkout
          reason: 0 of 2 replicas are updated
          trouble: "pod checkout-6f9bb5d7b9-l8t5c, container app: ImagePullBackOff"
"""

import functools
import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.connection import open_api_server
from ansible_collections.eksops.irsa.plugins.module_utils._core import options
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import RolloutFailed
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import specs_from_params
from ansible_collections.eksops.irsa.plugins.module_utils._module.rollout.run import RolloutGroup

ARGUMENTS: dict[str, t.Any] = {**options.POD_ROLLOUT, **options.ROLLOUT, **connection.OPTIONS}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("service_account", "label_selectors", "service_accounts")],
        required_by={"service_account": ["namespace"], "label_selectors": ["namespace"]},
        mutually_exclusive=[
            (one, "service_accounts") for one in ("namespace", "service_account", "label_selectors", "role_arn")
        ],
        check_boto3=False,
        supports_check_mode=True,
    )

    is_single = module.params["service_accounts"] is None

    def body() -> dict[str, t.Any]:
        began = time.monotonic()
        specs = specs_from_params(module.params)
        server = open_api_server(module, connections=1 if is_single else 16)
        group = RolloutGroup(server, specs, check_mode=module.check_mode)
        group.observe()
        group.roll_out(functools.partial(_runner.apply, module))
        first = group.members[0] if is_single else None
        returns: dict[str, t.Any] = {**(first or group).returns()}
        failure = group.failure()
        if failure:
            if first is None or isinstance(failure, RolloutFailed):
                failure.details.update(returns, done=group.written())
            raise failure
        returns["elapsed"] = round(time.monotonic() - began, 3)
        return _runner.result(module, first.decision.plan if first else group.plan(), **returns)

    _runner.run(module, body)


if __name__ == "__main__":
    main()
