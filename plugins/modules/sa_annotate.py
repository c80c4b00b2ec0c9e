#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sa_annotate
short_description: Give a Kubernetes service account the annotations of an IAM role
version_added: 0.1.0
description:
  - Sets the annotations by which the EKS pod identity webhook gives new pods of a service account an IAM role (IRSA),
    and creates the account where it is missing.
  - It writes by server-side apply as field manager C(eksops.irsa), so the API server itself keeps account of what this
    collection set and what others did. What others set stays as it is, here and on removal.
  - An annotation or label that somebody else owns with another value is an error that names the owner, unless O(force)
    is set. One that somebody else set to the wanted value is right, and stays theirs.
  - An option that is left out is left alone, also what an earlier run set by it.
  - Pods that run already don't change. M(eksops.irsa.pod_rollout) restarts those that need it.
extends_documentation_fragment:
  - eksops.irsa.options.service_account
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - eksops.irsa.attributes
attributes:
  check_mode:
    details:
      - The first write is sent as a dry run, so the API server's admission has its say as well. Where the credentials
        may not write, that is a warning.
      - The C(uid) of an account that would be created is null.
options:
  state:
    description:
      - V(present) sets what the other options name.
      - V(absent) takes away what this collection set on the account, and leaves what others own, alone or together
        with this collection.
    type: str
    choices: [present, absent]
    default: present
  namespace:
    description: Namespace of the service account.
    type: str
    required: true
  name:
    description: Name of the service account.
    type: str
    required: true
    aliases: [service_account]
  role_arn:
    description: ARN of the IAM role, path included, for the annotation C(eks.amazonaws.com/role-arn).
    type: str
  force:
    description:
      - With O(state=present), whether to take over annotations and labels that others own with other values. Their
        owners may set them back. Those that others set to the wanted value are owned together then.
      - With O(state=absent), whether to take away the annotations of the webhook even if others own them.
    type: bool
    default: false
notes:
  - An account that the collection creates carries the annotation C(eksops.irsa/created).
  - Secrets and image pull secrets of the account are not touched.
  - Needs Kubernetes 1.18 or newer.
requirements:
  - kubernetes >= 31.0.0
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.pod_rollout
  - name: Assign IAM roles to Kubernetes service accounts
    description: What AWS says of it.
    link: https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
  - name: Server-side apply
    description: What Kubernetes says of field managers and conflicts.
    link: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

EXAMPLES = r"""
- name: Give a service account a role, with nothing but the cluster's name and AWS credentials
  eksops.irsa.sa_annotate:
    cluster_name: production
    region: eu-west-1
    namespace: kube-system
    name: ebs-csi-controller-sa
    role_arn: arn:aws:iam::123456789012:role/ebs-csi

- name: Do it by a kubeconfig, in a namespace of its own and with short tokens
  eksops.irsa.sa_annotate:
    kubeconfig: ~/.kube/config
    namespace: backup
    name: uploader
    role_arn: arn:aws:iam::123456789012:role/backup/uploader
    token_expiration: 3600
    create_namespace: true
    labels:
      team: storage

- name: Take the annotation over from whoever set it by hand
  eksops.irsa.sa_annotate:
    cluster_name: production
    region: eu-west-1
    namespace: kube-system
    name: ebs-csi-controller-sa
    role_arn: arn:aws:iam::123456789012:role/ebs-csi
    force: true

- name: Take away what the collection set, and the account itself if the collection created it
  eksops.irsa.sa_annotate:
    kubeconfig: ~/.kube/config
    namespace: backup
    name: uploader
    state: absent
    delete: true
"""

RETURN = r"""
service_account:
  description: The service account as it is after the task. Empty if there is none.
  returned: success
  type: dict
  contains:
    namespace:
      description: Its namespace.
      type: str
      returned: if there is one
      sample: backup
    name:
      description: Its name.
      type: str
      returned: if there is one
      sample: uploader
    uid:
      description: Its UID. Null in check mode where the account would be created.
      type: str
      returned: if there is one
      sample: 0b2a9ee8-4a52-4f30-9b5a-8d4a1f8f8f5e
    annotations:
      description: All its annotations.
      type: dict
      returned: if there is one
      sample:
        eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/backup/uploader
        eksops.irsa/created: "true"
    labels:
      description: All its labels.
      type: dict
      returned: if there is one
      sample: {team: storage}
    managed_annotations:
      description: The annotations that this collection owns, alone or together with others.
      type: list
      elements: str
      returned: if there is one
      sample: [eks.amazonaws.com/role-arn]
    managed_labels:
      description: The labels that this collection owns, alone or together with others.
      type: list
      elements: str
      returned: if there is one
      sample: [team]
    created:
      description: Whether this collection created the account, by this task or an earlier one.
      type: bool
      returned: if there is one
      sample: true
role_arn:
  description: The role that the account is annotated with after the task. Null if there is none.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:role/backup/uploader
previous_role_arn:
  description: The role that the account was annotated with before the task. Null if there was none.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:role/uploader
near_misses:
  description: Annotations on the account that look like those of the webhook and have no effect.
  returned: success
  type: list
  elements: dict
  contains:
    key:
      description: The annotation.
      type: str
      returned: success
      sample: eks.amazon.com/role-arn
    intended:
      description: The one that was probably meant.
      type: str
      returned: success
      sample: eks.amazonaws.com/role-arn
actions:
  description: What the task did, or would do in check mode, in words.
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
from ansible_collections.eksops.irsa.plugins.module_utils._core import options
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import ServiceAccountSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import service_account

ARGUMENTS: dict[str, t.Any] = {**options.SA_ANNOTATE, **options.SERVICE_ACCOUNT, **connection.OPTIONS}


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, check_boto3=False, supports_check_mode=True)

    def body() -> dict[str, t.Any]:
        spec = ServiceAccountSpec.from_params(module.params)
        server = connection.open_api_server(module)
        plan, answers = _runner.converge(
            module,
            lambda: service_account.plan_service_account(server, spec),
            service_account.operations(server),
            server_dry_run=True,
        )
        plan = service_account_plan.confirmed(spec, plan, answers)
        return _runner.result(module, plan, **service_account_plan.returns(plan))

    _runner.run(module, body)


if __name__ == "__main__":
    main()
