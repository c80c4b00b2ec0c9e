#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bindings
short_description: Bind Kubernetes service accounts to IAM roles
version_added: 0.2.0
description:
  - Binds any number of service accounts of one EKS cluster to IAM roles. The module creates the OIDC provider of the
    cluster in IAM, creates each IAM role with a trust policy for its service accounts, and annotates each service
    account with its role.
  - It makes the same changes as M(eksops.irsa.iam_oidc_provider), M(eksops.irsa.irsa_role) and
    M(eksops.irsa.sa_annotate), but in a single task, which is much faster for many bindings.
  - The module validates all bindings before the first API call and reports all problems together. It checks the quotas
    of the AWS account before the first write. After that, a binding that fails does not stop the others.
  - To complete an interrupted run, run the task again.
  - With O(rollout=true), the module also re-creates pods that started before their service account was annotated.
extends_documentation_fragment:
  - eksops.irsa.options.bindings
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
options:
  state:
    description:
      - V(present) binds the service accounts to their roles.
      - V(absent) unbinds them. It removes the annotations from the service accounts, and the service accounts from the
        trust policies. A role that this collection created is deleted when it trusts nobody else. The OIDC provider is
        kept.
      - With V(absent), a service account whose pods use the role stays bound and its binding fails, unless
        O(force=true).
    type: str
    choices: [present, absent]
    default: present
    version_added: 0.3.0
  issuer:
    description:
      - The OIDC issuer of the cluster, with or without C(https://). The module then does not call EKS.
      - The API server must have this issuer, see O(verify_cluster).
      - Exactly one of O(cluster_name) and O(issuer) is required.
    type: str
  create_provider:
    description:
      - Whether to create the OIDC provider of the cluster in IAM, and to add missing audiences.
      - If V(false), a missing provider or audience is an error.
    type: bool
    default: true
  provider_tags:
    description:
      - The tags to set on the OIDC provider, when it is created and later. Other tags of the provider are kept.
        M(eksops.irsa.iam_oidc_provider) removes tags.
      - Set it if a service control policy requires tags on new providers.
      - It has no effect with O(create_provider=false) or O(state=absent).
    type: dict
    version_added: 0.3.0
  rollout:
    description:
      - Whether to re-create pods that lack the role of their service account, and to wait for the new pods, as
        M(eksops.irsa.pod_rollout) does.
    type: bool
    default: false
  verify:
    description:
      - Whether to verify each binding at the end. A binding with findings fails, see O(fail_on).
      - V(static) evaluates the OIDC provider, the trust policy and the annotations as STS does.
      - V(token) also creates a token of the service account and sends it to STS, as M(eksops.irsa.irsa_verify) does.
        Only this proves that the service account can assume the role. It needs the permission to create
        C(serviceaccounts/token).
      - In check mode, only bindings that would not change are verified.
    type: str
    choices: [none, static, token]
    default: none
    version_added: 0.3.0
  fail_on:
    description:
      - The lowest severity of a finding that makes the binding fail. With V(never), findings are only returned.
    type: str
    choices: [error, warning, never]
    default: error
    version_added: 0.3.0
  purge:
    description:
      - Whether to unbind service accounts that are not in O(bindings), as with O(state=absent).
      - Only service accounts whose annotation C(eks.amazonaws.com/role-arn) this collection owns are unbound.
    type: bool
    default: false
    version_added: 0.3.0
  purge_namespaces:
    description: The namespaces in which O(purge=true) unbinds service accounts. The default is all namespaces.
    type: list
    elements: str
    version_added: 0.3.0
  purge_limit:
    description:
      - The maximum number of service accounts that O(purge=true) may unbind. If there are more, the module fails before
        the first write.
    type: int
    default: 10
    version_added: 0.3.0
  max_workers:
    description: The number of roles, service accounts and rollouts to process in parallel, 1 to 64.
    type: int
    default: 16
  on_error:
    description:
      - With V(collect), a binding that fails does not stop the others. The module fails at the end.
      - With V(stop), the module starts no further binding after a failure.
    type: str
    choices: [collect, stop]
    default: collect
  force:
    description:
      - Whether to take over annotations and labels that other field managers own with other values, and to share the
        ownership of those that have the requested value.
      - With O(state=absent) and O(purge=true), also whether to unbind service accounts whose pods use the role. With
        O(rollout=true), these pods are re-created without the role.
      - With O(state=present), also whether service accounts that no binding lists lose a role that their running pods
        use. See O(bindings[].purge_service_accounts) and O(bindings[].trust).
    type: bool
    default: false
  progress_path:
    description:
      - A file to which the module writes its progress while it runs, as a line of JSON with C(stage), C(done),
        C(total), C(changed) and C(failed). C(changed) counts changed objects, C(failed) counts bindings. Each update
        replaces the file. The file is kept at the end.
      - The option is not needed if the task runs on the controller without C(become) and C(async). The action plugin
        then prints the progress to standard error, if the run takes longer than two seconds, or five seconds with up to
        ten bindings. It prints at most 25 lines, or more with C(-v).
    type: path
    version_added: 0.3.0
  details:
    description: Whether to return RV(roles), RV(service_accounts) and RV(verified) too.
    type: bool
    default: false
notes:
  - The R(guide to permissions,ansible_collections.eksops.irsa.docsite.guide_permissions) lists the permissions that the
    module needs.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.iam_oidc_provider
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.sa_annotate
  - module: eksops.irsa.pod_rollout
"""

EXAMPLES = r"""
- name: Bind two service accounts to the same role
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings:
      - namespace: analytics
        service_account: reports
        role_name: reports
        create_namespace: true
        managed_policies:
          - AmazonS3ReadOnlyAccess
      - namespace: analytics
        service_account: reports-archive
        role_name: reports
        create_namespace: true

- name: Bind external-dns to a role with the policy that it needs
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings:
      - namespace: kube-system
        service_account: external-dns
        role_name: production-external-dns
        well_known_policies:
          - name: external_dns
            zones: [Z0123456789ABCDEFGHIJ]

- name: Bind a service account, unbind all others of the namespace, and verify the binding with STS
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings:
      - namespace: analytics
        service_account: reports
        role_name: reports
    purge: true
    purge_namespaces: [analytics]
    verify: token

- name: Unbind a service account, and delete it if this collection created it
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    state: absent
    bindings:
      - namespace: analytics
        service_account: reports
        role_name: reports
        delete: true

- name: Show what would change for the bindings of the role eksops.irsa.irsa
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings: "{{ irsa_bindings | default([]) }}"
    create_provider: false
  check_mode: true
  diff: true
"""

RETURN = r"""
results:
  description: The result of each binding, in the order of O(bindings).
  returned: if the bindings were processed
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the service account.
      type: str
      returned: success
      sample: analytics
    service_account:
      description: The name of the service account.
      type: str
      returned: success
      sample: reports
    role_name:
      description: The name of the role.
      type: str
      returned: success
      sample: reports
    role_arn:
      description: The ARN of the role. Null if the role could not be created.
      type: str
      returned: success
      sample: arn:aws:iam::123456789012:role/reports
    status:
      description: V(ok), V(changed) or V(failed).
      type: str
      returned: success
      sample: changed
    changes:
      description:
        - The changes that the module made for the binding, or would make in check mode. They include changes to a role
          that other bindings share.
      type: list
      elements: str
      returned: success
      sample: [create role reports for analytics/reports]
    error:
      description: The error, with C(kind), C(message), C(cause) and C(fix). Null if the binding did not fail.
      type: dict
      returned: success
      sample: null
    findings:
      description: The findings of the verification, as M(eksops.irsa.irsa_verify) returns them.
      type: list
      elements: dict
      returned: if the binding was verified
      sample: []
    proof:
      description:
        - The answer of STS to a token of the service account, as M(eksops.irsa.irsa_verify) returns it. Null if the
          module did not call STS, or if STS rejected the token.
      type: dict
      returned: if the binding was verified
      sample:
        assumed_role_arn: arn:aws:sts::123456789012:assumed-role/reports/irsa-verify.analytics.reports
        caller_account: "123456789012"
        audience: sts.amazonaws.com
        issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
        subject: system:serviceaccount:analytics:reports
        expires_in: 900
unbound:
  description: The result of each service account that is unbound because it is not in O(bindings), like RV(results).
  returned: with O(purge=true), if the bindings were processed
  type: list
  elements: dict
  sample: []
check_mode:
  description: Whether the module ran in check mode, so that the changes are only predicted.
  returned: when the bindings were processed
  type: bool
  sample: false
  version_added: 0.3.0
counts:
  description: The number of bindings, in total and by status.
  returned: if the bindings were processed
  type: dict
  sample: {total: 2, ok: 0, changed: 2, failed: 0}
created_namespaces:
  description: The names of the namespaces that were created, or would be created in check mode.
  returned: if the bindings were processed
  type: list
  elements: str
  sample: [analytics]
  version_added: 0.3.0
provider:
  description:
    - The OIDC provider of the cluster, as M(eksops.irsa.iam_oidc_provider) returns it. Empty if it was not needed, for
      example without bindings.
  returned: if the bindings were processed
  type: dict
  sample:
    arn: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    url: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    client_ids: [sts.amazonaws.com]
    thumbprints: [9e99a48a9960b14926bb7f3b02e22da2b0ab7280]
    tags: {}
roles:
  description: The roles of the bindings, as M(eksops.irsa.irsa_role) returns them.
  returned: with O(details=true), if the bindings were processed
  type: list
  elements: dict
  sample: []
service_accounts:
  description: The service accounts of the bindings, as M(eksops.irsa.sa_annotate) returns them.
  returned: with O(details=true), if the bindings were processed
  type: list
  elements: dict
  sample: []
restarted:
  description: The workloads that were restarted, or would be in check mode, each with its namespace.
  returned: with O(rollout=true), if the bindings were processed
  type: list
  elements: dict
  sample: [{namespace: analytics, kind: Deployment, name: reports, strategy: restart}]
unmanaged:
  description: The pods that lack the role and have no owner to re-create them, each with C(namespace) and C(name).
  returned: with O(rollout=true), if the bindings were processed
  type: list
  elements: dict
  sample: []
verified:
  description: The pods that have the expected role at the end, each with C(namespace), C(name) and C(containers).
  returned: with O(rollout=true) and O(details=true), if the bindings were processed
  type: list
  elements: dict
  sample: [{namespace: analytics, name: reports-6f9bb5d7b9-l8t5c, containers: [app]}]
actions:
  description:
    - The changes that the module made, or would make in check mode.
    - With more than 100 bindings, changes that are in RV(results[].changes) are omitted here.
  returned: if the bindings were processed
  type: list
  elements: str
  sample:
    - create role reports for analytics/reports
notes:
  description:
    - Roles that other clusters use too and that now trust more service accounts, and with O(state=absent) the service
      accounts and namespaces that are kept.
    - The names of other clusters require C(eks:ListClusters) and C(eks:DescribeCluster). Without these permissions, the
      notes have the OIDC providers of the clusters.
  returned: if the bindings were processed
  type: list
  elements: str
  sample:
    - role shop-cart, which cluster production uses too, now trusts shop/cart of cluster staging
  version_added: 0.3.0
calls:
  description: The number of requests by service and operation.
  returned: if the bindings were processed
  type: dict
  sample:
    iam: {GetRole: 2}
    kubernetes: {get serviceaccounts: 2}
elapsed:
  description: The duration in seconds.
  returned: if the bindings were processed
  type: float
  sample: 0.6
"""

import functools
import time
import typing as t

from ansible.module_utils.common.warnings import warn  # AnsibleAWSModule.warn prints a warning twice
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.outcome import shorten_bindings
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingsSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import (
    BindingsContext,
    PlanRunner,
    ProgressWriter,
    find_rollout_problems,
)
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.run import BindingsRun, Verify

ARGUMENTS: dict[str, t.Any] = {**argument_specs.IRSA_BINDINGS, **connection.OPTIONS}


def main() -> None:
    _runner.disable_garbage_collection()
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("cluster_name", "issuer")],
        required_one_of=[("cluster_name", "issuer")],
    )

    def apply_bindings() -> dict[str, t.Any]:
        started_at = time.monotonic()
        params = module.params
        spec = BindingsSpec.from_params(params, _runner.load_yaml, rollout_problems=find_rollout_problems(params))
        aws = Aws(module, connections=spec.workers)
        runner = PlanRunner(
            functools.partial(_runner.converge, module), functools.partial(_runner.apply, module), module.check_mode
        )
        context = BindingsContext(
            runner,
            aws,
            connection.open_api_server(module, aws, connections=spec.workers),
            spec,
            ProgressWriter(params["progress_path"]),
            stop_early=params["on_error"] == "stop",
            details=params["details"],
        )
        run = BindingsRun(context, ensure_provider=params["create_provider"], verify=_make_verifier(params))
        run.execute()
        # AnsibleModule has no public attribute for diff mode.
        diff: bool = module._diff  # pylint: disable=protected-access
        return {**run.result(diff=diff), "elapsed": round(time.monotonic() - started_at, 3)}

    _runner.run(module, apply_bindings, reported_args={"bindings": shorten_bindings(module.params["bindings"])})


def _make_verifier(params: dict[str, t.Any]) -> Verify | None:
    if params["verify"] == "none":
        return None
    # Imported here because a run without verification starts faster.
    from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.verify import (
        VerifyOptions,
        verify_bindings,
    )

    return functools.partial(
        verify_bindings,
        VerifyOptions(
            region=params["region"],
            ask_sts=params["verify"] == "token",
            fail_on=params["fail_on"],
            warn=warn,
            redact=_runner.redact,
        ),
    )


if __name__ == "__main__":
    main()
