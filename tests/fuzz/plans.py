# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for valid options of a module, for objects that exist and for objects that do not."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._core import arn as arns
from ansible_collections.eksops.irsa.plugins.module_utils._core.argument_specs import (
    SA_ANNOTATE,
    SERVICE_ACCOUNT,
    defaults,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingsSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import verification_pods
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import build_chain, specs_from_params
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider import plan as provider_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role import plan as role_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, Role, RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import decision, staleness
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import (
    ServiceAccountSpec,
    ServiceAccountState,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import Grant, build_document

from .values import ISSUER, POLICY, ROLE

Params = t.Mapping[str, t.Any]

PROVIDER = arns.provider_arn("aws", "123456789012", ISSUER)
SUBJECT = "system:serviceaccount:shop:app"
ANNOTATION = "eks.amazonaws.com/role-arn"
TRUST = build_document(Grant(PROVIDER, (SUBJECT,), ("sts.amazonaws.com",)))
ACCOUNT: dict[str, t.Any] = {
    "metadata": {
        "name": "app",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "7",
        "annotations": {ANNOTATION: ROLE},
        "managedFields": [
            {
                "manager": "helm",
                "operation": "Update",
                "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, f"f:{ANNOTATION}": {}}}},
            }
        ],
    }
}
POD: dict[str, t.Any] = {
    "metadata": {"name": "web-0", "namespace": "shop", "uid": "u", "labels": {"app": "web"}, "annotations": {}},
    "spec": {"serviceAccountName": "app", "containers": [{"name": "app", "image": "app:1", "env": []}]},
    "status": {"phase": "Running"},
}


def existing_role(**changed: t.Any) -> Role:
    """A role of this collection."""
    role = {
        "Arn": ROLE,
        "RoleName": "app",
        "Path": "/",
        "RoleId": "AROAABCDEFGHIJKLMNOPQ",
        "AssumeRolePolicyDocument": TRUST,
        "Tags": {"eksops.irsa/managed": "true"},
        **changed,
    }
    return Role.from_aws(role, managed_policies=[], inline_policies={"read": POLICY})


def plan_role(spec: RoleSpec, *roles: Role | None) -> None:
    """The plans for these observed roles; None if the role does not exist."""
    context = role_plan.PlanContext(AccountScope("aws", "123456789012"), PROVIDER)
    for role in roles:
        with contextlib.suppress(IrsaError):
            role_plan.plan(spec, role, context).diff()


def plan_accounts(body: dict[str, t.Any]) -> None:
    """The plans that annotate an observed service account, and remove its annotation."""
    options = {"namespace": "shop", "name": "app", "role_arn": ROLE}
    for state in ("present", "absent"):
        spec = ServiceAccountSpec.from_params(
            {**defaults(SA_ANNOTATE, SERVICE_ACCOUNT), **options, "state": state, "force": state == "present"}
        )
        with contextlib.suppress(IrsaError):
            account_plan.build_returns(account_plan.plan(spec, ServiceAccountState.from_kubernetes(body, "Active")))


def _plan_account(spec: ServiceAccountSpec) -> None:
    for state in (
        ServiceAccountState(None, ""),
        ServiceAccountState(None, "Active"),
        ServiceAccountState.from_kubernetes(ACCOUNT, "Active"),
    ):
        with contextlib.suppress(IrsaError):
            account_plan.build_returns(account_plan.plan(spec, state))


def _role(params: Params) -> None:
    plan_role(RoleSpec.from_params(params, _runner.load_yaml), None, existing_role())


def _provider(params: Params) -> None:
    spec = provider_plan.ProviderSpec.from_params(params)
    found = {"ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [], "Tags": {}}
    for existing in (None, found):
        with contextlib.suppress(IrsaError):
            provider_plan.plan(spec, provider_plan.ObservedProvider(ISSUER, PROVIDER, existing)).diff()


def _account(params: Params) -> None:
    _plan_account(ServiceAccountSpec.from_params(params))


def _rollout(params: Params) -> None:
    for spec in decision.specs_from_params(params):
        for account in (None, ACCOUNT):
            with contextlib.suppress(IrsaError):
                injection = decision.require_expected_injection(spec, account)
                statuses = staleness.evaluate_pods([POD], lambda _pod, found=injection: found, {})
                decision.decide(spec, statuses, {}).plan.diff()


def _bindings(params: Params) -> None:
    spec = BindingsSpec.from_params(params, _runner.load_yaml)
    for role in spec.roles.values():
        plan_role(role, None, existing_role())
    for binding in spec.bindings:
        with contextlib.suppress(IrsaError):
            _plan_account(binding.account_spec(ROLE))


def _verification(params: Params) -> None:
    for spec in specs_from_params(params):
        build_chain(spec, None, ACCOUNT)
        verification_pods.build_dry_run_pod(spec)
        if spec.test_pod:
            verification_pods.build_test_pod(spec, spec.test_pod, verification_pods.build_pod_name(spec, "1"))


PLANS: dict[str, t.Callable[[Params], None]] = {
    "iam_oidc_provider": _provider,
    "irsa_bindings": _bindings,
    "irsa_role": _role,
    "irsa_verify": _verification,
    "pod_rollout": _rollout,
    "sa_annotate": _account,
}
