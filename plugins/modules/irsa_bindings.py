#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bindings
short_description: Give many Kubernetes service accounts of a cluster their IAM roles at once
version_added: 0.2.0
description:
  - Makes all links of the chain for any number of service accounts of one EKS cluster in one process. IAM knows the
    cluster's OIDC provider; each IAM role trusts the service accounts that are bound to it; each account names its
    role.
  - It plans and writes as M(eksops.irsa.iam_oidc_provider), M(eksops.irsa.irsa_role) and M(eksops.irsa.sa_annotate)
    do. A task for each of them and for each account would take most of its time to start.
  - Everything that can be checked is checked before the first call, for all bindings, and all that is wrong is named at
    once. So are the account's quotas before the first write. After that a binding that fails stops none of the others.
  - A run that was cut off is finished by running it again.
  - Pods that started before are re-created if asked, as M(eksops.irsa.pod_rollout) does it.
extends_documentation_fragment:
  - eksops.irsa.options.bindings
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - eksops.irsa.attributes
attributes:
  action:
    description: Has an action plugin of the same name, which runs on the controller.
    support: full
    details:
      - It runs the module and shows its progress meanwhile, see O(progress_path).
      - It looks O(bindings[].well_known_policies) up before.
options:
  state:
    description:
      - With V(present) the service accounts get their roles.
      - With V(absent) they lose them. The accounts no longer name their roles, and the roles no longer trust them. A
        role that this collection made is deleted when nobody is left whom it trusts. The OIDC provider stays.
      - An account whose pods act as its role keeps it, and its binding has failed, unless O(force=true).
    type: str
    choices: [present, absent]
    default: present
    version_added: 0.3.0
  issuer:
    description:
      - The cluster's OIDC issuer, if O(cluster_name) isn't given. EKS is not asked then.
      - One of O(cluster_name) and O(issuer) is needed.
    type: str
  provider:
    description:
      - Whether to create the cluster's OIDC provider in IAM, and to add audiences that it lacks.
      - With V(false) it is an error if it is missing or lacks one.
    type: bool
    default: true
  rollout:
    description:
      - Whether to re-create the pods that lack the role of their service account in the end, and to wait for them, as
        M(eksops.irsa.pod_rollout) does.
    type: bool
    default: false
  verify:
    description:
      - Whether to verify each binding in the end. A binding that doesn't hold has failed, see O(fail_on).
      - With V(static) provider, trust policy and annotations are evaluated as STS would.
      - With V(token) STS is asked as well, as the token probe of M(eksops.irsa.irsa_verify) does it, with a token of
        the service account. That is a proof. It needs the permission to create C(serviceaccounts/token).
      - In check mode those bindings are verified that are not to be changed.
    type: str
    choices: [none, static, token]
    default: none
    version_added: 0.3.0
  fail_on:
    description: The least severity of a finding with which a binding has failed. V(never) only reports.
    type: str
    choices: [error, warning, never]
    default: error
    version_added: 0.3.0
  exclusive:
    description:
      - Whether O(bindings) are all that there are to be. Service accounts that this collection bound before and that
        are not among them lose their roles, as with O(state=absent).
      - Those are the accounts whose annotation C(eks.amazonaws.com/role-arn) this collection owns.
    type: bool
    default: false
    version_added: 0.3.0
  exclusive_namespaces:
    description: The namespaces in which O(exclusive=true) looks for such accounts, all if left out.
    type: list
    elements: str
    version_added: 0.3.0
  exclusive_limit:
    description:
      - How many service accounts O(exclusive=true) may free. If there are more, nothing is written at all.
    type: int
    default: 10
    version_added: 0.3.0
  max_workers:
    description:
      - How many roles or service accounts are read and written, and how many rollouts are followed, at the same time, 1
        to 64.
    type: int
    default: 16
  on_error:
    description:
      - With V(collect) all other bindings are carried out although one fails, and the module fails in the end.
      - With V(stop) nothing more is begun once one has failed.
    type: str
    choices: [collect, stop]
    default: collect
  force:
    description:
      - Whether to take over annotations and labels that others own with other values, and to own together what others
        set to the wanted value.
      - With O(state=absent) and O(exclusive=true), also whether to take roles away from under running pods. With
        O(rollout=true) these are re-created without the role.
    type: bool
    default: false
  progress_path:
    description:
      - A file in which the module says how far it is while it works, a line of JSON with C(stage), C(done), C(total),
        C(changed) and C(failed). C(changed) counts objects that were changed, C(failed) counts bindings. The file is
        replaced whole each time, and stays in the end.
      - Where the task runs on the controller itself, without C(become) and C(async), it isn't needed. There runs that
        take longer than two seconds show their progress on standard error, in at most 25 lines however many bindings
        there are, and with C(-v) in more.
    type: path
    version_added: 0.3.0
  details:
    description: Whether to return RV(roles) and RV(service_accounts) too.
    type: bool
    default: false
notes:
  - It needs the permissions of the modules that it stands for; their documentation lists them.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.iam_oidc_provider
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.sa_annotate
  - module: eksops.irsa.pod_rollout
"""

EXAMPLES = r"""
- name: Bind the service accounts of a cluster
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

- name: Bind external-dns to a role with what it needs
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

- name: Bind just these, free all others of the namespace, and prove each binding
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings:
      - namespace: analytics
        service_account: reports
        role_name: reports
    exclusive: true
    exclusive_namespaces: [analytics]
    verify: token

- name: Take the role away again, with the service account if it was made for it
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    state: absent
    bindings:
      - namespace: analytics
        service_account: reports
        role_name: reports
        delete: true

- name: See what would become of them, with the list as kept for the role
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings: "{{ irsa_bindings | default([]) }}"
    provider: false
  check_mode: true
  diff: true
"""

RETURN = r"""
results:
  description: What became of each binding, in their order.
  returned: when the bindings were begun
  type: list
  elements: dict
  contains:
    namespace:
      description: The account's namespace.
      type: str
      returned: success
      sample: analytics
    service_account:
      description: The account's name.
      type: str
      returned: success
      sample: reports
    role_name:
      description: The role's name.
      type: str
      returned: success
      sample: reports
    role_arn:
      description: The role's ARN. It is null where the role could not be made.
      type: str
      returned: success
      sample: arn:aws:iam::123456789012:role/reports
    status:
      description: V(ok), V(changed) or V(failed).
      type: str
      returned: success
      sample: changed
    changes:
      description: What was written, or would be in check mode, in words, be it to a role that others share.
      type: list
      elements: str
      returned: success
      sample: [create role reports for analytics/reports]
    error:
      description: What went wrong, with C(kind), C(message), C(cause) and C(fix). It is null if nothing did.
      type: dict
      returned: success
      sample: null
    findings:
      description: What the verification found, as M(eksops.irsa.irsa_verify) returns it.
      type: list
      elements: dict
      returned: if the binding was verified
      sample: []
    proof:
      description:
        - What STS said to a token of the account, as M(eksops.irsa.irsa_verify) returns it. It is null if STS wasn't
          asked, or refused.
      type: dict
      returned: if the binding was verified
      sample:
        assumed_role_arn: arn:aws:sts::123456789012:assumed-role/reports/irsa-verify.analytics.reports
        caller_account: "123456789012"
        audience: sts.amazonaws.com
        issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
        subject: system:serviceaccount:analytics:reports
        expires_in: 900
freed:
  description: What became of each service account that isn't among the bindings any more, like RV(results).
  returned: with O(exclusive=true), when the bindings were begun
  type: list
  elements: dict
  sample: []
counts:
  description: How many bindings there are, and of each status.
  returned: when the bindings were begun
  type: dict
  sample: {total: 2, ok: 0, changed: 2, failed: 0}
provider:
  description: The cluster's OIDC provider, as M(eksops.irsa.iam_oidc_provider) returns it.
  returned: when the bindings were begun
  type: dict
  sample:
    arn: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    url: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    client_ids: [sts.amazonaws.com]
    thumbprints: [9e99a48a9960b14926bb7f3b02e22da2b0ab7280]
    tags: {}
roles:
  description: The roles that were written or found right, as M(eksops.irsa.irsa_role) returns them.
  returned: with O(details=true), when the bindings were begun
  type: list
  elements: dict
  sample: []
service_accounts:
  description: The service accounts, as M(eksops.irsa.sa_annotate) returns them.
  returned: with O(details=true), when the bindings were begun
  type: list
  elements: dict
  sample: []
restarted:
  description: The workloads that were restarted, or would be in check mode, each with its namespace.
  returned: with O(rollout=true), when the bindings were begun
  type: list
  elements: dict
  sample: [{namespace: analytics, kind: Deployment, name: reports, strategy: restart}]
unmanaged:
  description: The pods that lack the role and that nothing makes again, each with C(namespace) and C(name).
  returned: with O(rollout=true), when the bindings were begun
  type: list
  elements: dict
  sample: []
verified:
  description: The pods that have what they should have in the end, each with C(namespace), C(name) and C(containers).
  returned: with O(rollout=true) and O(details=true), when the bindings were begun
  type: list
  elements: dict
  sample: [{namespace: analytics, name: reports-6f9bb5d7b9-l8t5c, containers: [app]}]
actions:
  description:
    - All writes in words, or what they would be in check mode.
    - With more than 100 bindings those that RV(results[].changes) have are left out.
  returned: when the bindings were begun
  type: list
  elements: str
  sample:
    - create role reports for analytics/reports
calls:
  description: How many requests were made, by service and operation.
  returned: when the bindings were begun
  type: dict
  sample:
    iam: {GetRole: 2}
    kubernetes: {get serviceaccounts: 2}
elapsed:
  description: How long it took, in seconds.
  returned: when the bindings were begun
  type: float
  sample: 0.6
"""

import functools
import gc
import time
import typing as t

from ansible.module_utils.common.warnings import warn  # AnsibleAWSModule.warn says it twice
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._core import options
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.outcome import shorten_bindings
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingsSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import (
    BindingsContext,
    ProgressWriter,
    Writes,
    find_rollout_problems,
)
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.run import BindingsRun, Verify

ARGUMENTS: dict[str, t.Any] = {**options.IRSA_BINDINGS, **connection.OPTIONS}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("cluster_name", "issuer")],
        required_one_of=[("cluster_name", "issuer")],
    )

    def body() -> dict[str, t.Any]:
        began = time.monotonic()
        # What is read has no reference cycles, and searching for some would take a quarter of the time.
        gc.disable()
        params = module.params
        spec = BindingsSpec.from_params(params, _runner.load_yaml, rollout_problems=find_rollout_problems(params))
        aws = Aws(module, connections=spec.workers)
        writes = Writes(
            functools.partial(_runner.converge, module), functools.partial(_runner.apply, module), module.check_mode
        )
        context = BindingsContext(
            writes,
            aws,
            connection.open_api_server(module, aws, connections=spec.workers),
            spec,
            ProgressWriter(params["progress_path"]),
            stop_early=params["on_error"] == "stop",
            details=params["details"],
        )
        run = BindingsRun(context, ensure_provider=params["provider"], verify=_verify(params))
        run.execute()
        # AnsibleModule has no public name for whether a diff is asked for.
        diff: bool = module._diff  # pylint: disable=protected-access
        return {**run.result(diff=diff), "elapsed": round(time.monotonic() - began, 3)}

    _runner.run(module, body, reported_args={"bindings": shorten_bindings(module.params["bindings"])})


def _verify(params: dict[str, t.Any]) -> Verify | None:
    if params["verify"] == "none":
        return None
    # Imported here because a run without it begins sooner.
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
