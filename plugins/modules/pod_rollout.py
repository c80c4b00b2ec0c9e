#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_rollout
short_description: Re-create pods that lack the IAM role of their service account
version_added: 0.1.0
description:
  - The pod identity webhook injects the IAM role into a pod only when the pod is created. Pods that are older than the
    annotation of their service account have no role, or the previous role, until they are replaced.
  - This module finds these stale pods and restarts only their owners. It then waits until the new pods are ready and
    checks that they have the role.
  - A pod is stale if the webhook would set E(AWS_ROLE_ARN) and E(AWS_WEB_IDENTITY_TOKEN_FILE) in one of its containers
    or init containers, but the container lacks them or has another role. A pod is also stale if the audience or the
    expiration of its token, or E(AWS_STS_REGIONAL_ENDPOINTS) of a container, is not what the annotations of the service
    account request. Without such an annotation, flags of the webhook set these values, and they are not compared.
  - Pods and containers that the webhook skips are not stale. These are pods that had the label
    C(eks.amazonaws.com/skip-pod-identity-webhook) when they were created, containers in the annotation
    C(eks.amazonaws.com/skip-containers), containers that set one of the variables themselves or that another webhook
    added later, and static pods. Pods that are being deleted or have ended are not stale either.
  - If no pod is stale, the module writes nothing. It still waits for a rollout that is already in progress.
extends_documentation_fragment:
  - eksops.irsa.options.rollout
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
attributes:
  check_mode:
    details:
      - RV(verified) has the pods that already have the role.
  idempotent:
    details:
      - With O(only_stale=false), each run restarts the workloads again.
options:
  namespace:
    description:
      - The namespace of the service account and of the pods.
      - Required unless O(service_accounts) is set.
    type: str
  service_account:
    description:
      - The name of the service account whose pods to check.
      - One of O(service_account), O(label_selectors) and O(service_accounts) is required.
    type: str
    aliases: [name]
  service_accounts:
    description:
      - Several service accounts whose pods to check, in any namespaces. Their workloads roll out in parallel.
      - Mutually exclusive with O(namespace), O(service_account), O(label_selectors) and O(role_arn).
      - The items of RV(restarted) and RV(verified) then have a C(namespace) too.
    type: list
    elements: dict
    version_added: 0.2.0
    suboptions:
      namespace:
        description: The namespace of the service account.
        type: str
        required: true
      name:
        description: The name of the service account.
        type: str
        required: true
        aliases: [service_account]
      role_arn:
        description: The ARN of the role that the pods should have, as in O(role_arn).
        type: str
  label_selectors:
    description:
      - Check only pods with these labels, in the format of C(kubectl -l).
      - Without O(service_account), the pods of all service accounts of the namespace are checked, each for the role of
        its own service account.
    type: list
    elements: str
  role_arn:
    description:
      - The ARN of the role that the pods should have.
      - The default is the annotation C(eks.amazonaws.com/role-arn) of the service account. If O(service_account) does
        not have the annotation, the module fails. Pods that are selected only by labels are skipped in this case.
      - With an empty string, the pods should have no role, and pods that still have one are stale. Use this after you
        remove the annotation.
      - The module fails if the service account is annotated with another role, because new pods would get that role.
      - In check mode with O(role_arn), another annotation and a missing namespace are not errors, because a previous
        task may set them in a normal run. Without O(role_arn), a missing annotation fails in check mode too.
    type: str
notes:
  - In Kubernetes, the module needs get on serviceaccounts (list, if pods are selected only by labels) and list on pods.
  - To restart workloads, it needs get, list, watch and patch on deployments, statefulsets and daemonsets, get, list and
    watch on replicasets and replicationcontrollers, and watch on pods. To replace pods one by one, it needs create on
    pods/eviction, or delete on pods with O(strategy=delete).
  - With list on events, error messages have more details.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.sa_annotate
  - module: kubernetes.core.k8s_rollback
  - name: Amazon EKS Pod Identity Webhook
    description: The rules by which the webhook injects a role.
    link: https://github.com/aws/amazon-eks-pod-identity-webhook
"""

EXAMPLES = r"""
- name: Re-create pods that started before their service account was annotated
  eksops.irsa.pod_rollout:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: default

- name: Re-create stale pods of several service accounts
  eksops.irsa.pod_rollout:
    cluster_name: production
    region: eu-west-1
    service_accounts:
      - namespace: default
        name: default
        role_arn: arn:aws:iam::123456789012:role/shop

- name: Replace pods one by one and respect disruption budgets
  eksops.irsa.pod_rollout:
    kubeconfig: ~/.kube/config
    namespace: default
    label_selectors:
      - app=checkout
    strategy: evict
    wait_timeout: 900

- name: Re-create pods without a role after the annotation was removed
  eksops.irsa.pod_rollout:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: batch
    role_arn: ""
"""

RETURN = r"""
actions:
  description: The changes that the module made, or would make in check mode.
  returned: success
  type: list
  elements: str
  sample: [restart Deployment shop/checkout]
pods:
  description: The pods before the rollout.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the pod.
      type: str
      returned: success
      sample: shop
    name:
      description: The name of the pod.
      type: str
      returned: success
      sample: checkout-7c5ddbdf54-2xkqn
    owner:
      description: The workload that re-creates the pod. Null if the pod has no owner.
      type: dict
      returned: success
      contains:
        kind:
          description: The kind of the workload.
          type: str
          returned: success
          sample: Deployment
        name:
          description: The name of the workload.
          type: str
          returned: success
          sample: checkout
    stale:
      description: Whether a new pod would get another role or other settings.
      type: bool
      returned: success
      sample: true
    reasons:
      description: Why the pod is stale. For a pod that is not stale, other information about it.
      type: list
      elements: str
      returned: success
      sample: [container app has no AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE]
restarted:
  description:
    - The workloads that were restarted, or would be in check mode.
    - A StatefulSet has one entry for each way in which its pods are replaced.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the workload. C(Pod) for a deleted pod without an owner.
      type: str
      returned: success
      sample: Deployment
    name:
      description: The name of the workload.
      type: str
      returned: success
      sample: checkout
    strategy:
      description: The strategy that was used, V(restart), V(evict) or V(delete).
      type: str
      returned: success
      sample: restart
unmanaged:
  description: The stale pods without an owner. They are kept unless O(delete_unmanaged=true).
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the pod.
      type: str
      returned: success
      sample: shop
    name:
      description: The name of the pod.
      type: str
      returned: success
      sample: debug
verified:
  description:
    - The pods that have the expected role at the end.
    - With O(wait=false) and in check mode, the pods that had it before.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the pod.
      type: str
      returned: success
      sample: checkout-6f9bb5d7b9-l8t5c
    containers:
      description: The containers with the expected environment variables, init containers first.
      type: list
      elements: str
      returned: success
      sample: [app]
elapsed:
  description: The duration in seconds.
  returned: success
  type: float
  sample: 12.3
error:
  description: The error.
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of error. V(rollout_failed) if a rollout did not complete or new pods lack the role.
      type: str
      returned: failure
      sample: rollout_failed
    done:
      description: The changes that were made before the error.
      type: list
      elements: str
      returned: failure
      sample: [restart Deployment shop/checkout]
    workloads:
      description: The workloads that did not roll out, each with C(kind), C(name), C(reason) and C(blocker).
      type: list
      elements: dict
      returned: if the kind is V(rollout_failed)
      sample:
        - kind: Deployment
          name: checkout
          reason: 0 of 2 replicas are updated
          blocker: "pod checkout-6f9bb5d7b9-l8t5c, container app: ImagePullBackOff"
"""

import functools
import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.connection import open_api_server
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import RolloutFailed
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import specs_from_params
from ansible_collections.eksops.irsa.plugins.module_utils._module.rollout.run import RolloutGroup

ARGUMENTS: dict[str, t.Any] = {**argument_specs.POD_ROLLOUT, **argument_specs.ROLLOUT, **connection.OPTIONS}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("service_account", "label_selectors", "service_accounts")],
        required_by={"service_account": ["namespace"], "label_selectors": ["namespace"]},
        mutually_exclusive=[
            (option, "service_accounts") for option in ("namespace", "service_account", "label_selectors", "role_arn")
        ],
        check_boto3=False,
        supports_check_mode=True,
    )

    is_single = module.params["service_accounts"] is None

    def roll_out() -> dict[str, t.Any]:
        started_at = time.monotonic()
        specs = specs_from_params(module.params)
        server = open_api_server(module, connections=1 if is_single else 16)
        group = RolloutGroup(server, specs, check_mode=module.check_mode)
        group.observe()
        group.roll_out(functools.partial(_runner.apply, module))
        first = group.rollouts[0] if is_single else None
        result: dict[str, t.Any] = {**(first or group).result()}
        failure = group.failure()
        if failure:
            if first is None or first.written or isinstance(failure, RolloutFailed):
                failure.details.update(result)
            # An error before the wait may already list the writes.
            failure.details.update(done=group.written() or failure.details.get("done", []))
            raise failure
        result["elapsed"] = round(time.monotonic() - started_at, 3)
        return _runner.result(module, first.decision.plan if first else group.plan(), **result)

    _runner.run(module, roll_out)


if __name__ == "__main__":
    main()
