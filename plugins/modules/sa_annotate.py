#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sa_annotate
short_description: Annotate a Kubernetes service account with an IAM role
version_added: 0.1.0
description:
  - Sets the annotations with which the EKS pod identity webhook injects an IAM role into new pods of a service account
    (IRSA). Creates the service account if it does not exist.
  - The module uses server-side apply with the field manager C(eksops.irsa). The API server therefore records which
    fields this collection owns. Fields that others own are kept, with O(state=absent) too.
  - An annotation or label that another field manager owns with another value is an error that names the owner, unless
    O(force=true). If it already has the requested value, the module changes neither the value nor the owner.
  - An option that is not set leaves its annotation unchanged, even if an earlier run set it.
  - Running pods do not change. M(eksops.irsa.pod_rollout) restarts those that lack the role.
extends_documentation_fragment:
  - eksops.irsa.options.service_account
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
attributes:
  check_mode:
    details:
      - In check mode the module sends the first write as a server-side dry run, so admission webhooks run too. If the
        caller may not write, the module issues a warning.
      - If the service account would be created, RV(service_account.uid) is null.
options:
  state:
    description:
      - V(present) sets the annotations and labels that the other options name.
      - V(absent) removes the annotations and labels that only this collection owns. All others are kept.
    type: str
    choices: [present, absent]
    default: present
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
    description: The ARN of the IAM role, including its path. Sets the annotation C(eks.amazonaws.com/role-arn).
    type: str
  force:
    description:
      - With O(state=present), whether to take over annotations and labels that other field managers own with other
        values, and to share the ownership of those that have the requested value. Other owners may set them again.
      - For some values, the API server has no record of who set them, for example after C(kubectl create
        serviceaccount) and C(kubectl annotate). Such a value is kept too, unless O(force=true) replaces it and makes
        the collection its owner.
      - With O(state=absent), whether to remove the annotations of the webhook even if others own them.
    type: bool
    default: false
notes:
  - A service account that the collection creates has the annotation C(eksops.irsa/created).
  - The module does not change secrets and image pull secrets of the service account.
  - Requires Kubernetes 1.18 or later.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.pod_rollout
  - name: Assign IAM roles to Kubernetes service accounts
    description: The AWS documentation.
    link: https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
  - name: Server-side apply
    description: The Kubernetes documentation of field managers and conflicts.
    link: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

EXAMPLES = r"""
- name: Annotate a service account with only the cluster's name and AWS credentials
  eksops.irsa.sa_annotate:
    cluster_name: production
    region: eu-west-1
    namespace: kube-system
    name: ebs-csi-controller-sa
    role_arn: arn:aws:iam::123456789012:role/ebs-csi

- name: Create and annotate a service account with short-lived tokens, using a kubeconfig
  eksops.irsa.sa_annotate:
    kubeconfig: ~/.kube/config
    namespace: backup
    name: uploader
    role_arn: arn:aws:iam::123456789012:role/backup/uploader
    token_expiration: 3600
    create_namespace: true
    labels:
      team: storage

- name: Take over an annotation that another tool owns
  eksops.irsa.sa_annotate:
    cluster_name: production
    region: eu-west-1
    namespace: kube-system
    name: ebs-csi-controller-sa
    role_arn: arn:aws:iam::123456789012:role/ebs-csi
    force: true

- name: Remove the annotations, and delete the service account if this collection created it
  eksops.irsa.sa_annotate:
    kubeconfig: ~/.kube/config
    namespace: backup
    name: uploader
    state: absent
    delete: true
"""

RETURN = r"""
service_account:
  description: The service account after the task. Empty if it does not exist.
  returned: success
  type: dict
  contains:
    namespace:
      description: The namespace of the service account.
      type: str
      returned: if the service account exists
      sample: backup
    name:
      description: The name of the service account.
      type: str
      returned: if the service account exists
      sample: uploader
    uid:
      description: The UID of the service account. Null in check mode if it would be created.
      type: str
      returned: if the service account exists
      sample: 0b2a9ee8-4a52-4f30-9b5a-8d4a1f8f8f5e
    annotations:
      description: All annotations of the service account.
      type: dict
      returned: if the service account exists
      sample:
        eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/backup/uploader
        eksops.irsa/created: "true"
    labels:
      description: All labels of the service account.
      type: dict
      returned: if the service account exists
      sample: {team: storage}
    managed_annotations:
      description: The annotations that this collection owns, alone or together with others.
      type: list
      elements: str
      returned: if the service account exists
      sample: [eks.amazonaws.com/role-arn]
    managed_labels:
      description: The labels that this collection owns, alone or together with others.
      type: list
      elements: str
      returned: if the service account exists
      sample: [team]
    created:
      description: Whether this collection created the service account, now or earlier.
      type: bool
      returned: if the service account exists
      sample: true
role_arn:
  description: The ARN in the role annotation after the task. Null without the annotation.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:role/backup/uploader
previous_role_arn:
  description: The ARN in the role annotation before the task. Null without the annotation.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:role/uploader
near_misses:
  description: "Misspelled annotations: keys that look like those of the webhook, but have no effect."
  returned: success
  type: list
  elements: dict
  contains:
    key:
      description: The key of the annotation.
      type: str
      returned: success
      sample: eks.amazon.com/role-arn
    intended:
      description: The key that was probably intended.
      type: str
      returned: success
      sample: eks.amazonaws.com/role-arn
actions:
  description: The changes that the module made, or would make in check mode.
  returned: success
  type: list
  elements: str
  sample:
    - create service account backup/uploader
    - "service account backup/uploader: set annotation eks.amazonaws.com/token-expiration=3600"
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import ServiceAccountSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import service_account

ARGUMENTS: dict[str, t.Any] = {**argument_specs.SA_ANNOTATE, **argument_specs.SERVICE_ACCOUNT, **connection.OPTIONS}


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, check_boto3=False, supports_check_mode=True)

    def annotate() -> dict[str, t.Any]:
        spec = ServiceAccountSpec.from_params(module.params)
        server = connection.open_api_server(module)
        plan, answers = _runner.converge(
            module,
            lambda: service_account.plan_service_account(server, spec),
            service_account.operations(server),
            server_dry_run=True,
        )
        plan = service_account_plan.with_server_state(spec, plan, answers)
        result = _runner.result(module, plan, **service_account_plan.build_returns(plan))
        if "diff" in result and service_account_plan.creates_namespace(plan):
            result["diff"]["after"]["created_namespace"] = spec.namespace
        return result

    _runner.run(module, annotate)


if __name__ == "__main__":
    main()
