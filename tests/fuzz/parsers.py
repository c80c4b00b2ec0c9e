# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions that read what others wrote, each with inputs to start from.

Objects of Kubernetes go through the check that the client makes of every answer. What it accepts must be safe.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter import (
    audit_report,
    bindings_by_role,
    findings_report,
    fleet_report,
    trust_policy,
)
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import answers, connection
from ansible_collections.eksops.irsa.plugins.module_utils._core import arn as arns
from ansible_collections.eksops.irsa.plugins.module_utils._core import wording
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import importing
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import hosts
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import verification_pods, webhook_config
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods import readiness, workload_kinds
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import conditions, document
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import staleness
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import (
    annotations as account_annotations,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import evaluation, policy
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify import token_probe
from ansible_collections.eksops.irsa.plugins.plugin_utils import _variables
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve

from . import plans, values

_ERRORS = (IrsaError, AnsibleFilterError)
_POD = "/api/v1/namespaces/shop/pods/web-0"
_ACCOUNT = "/api/v1/namespaces/shop/serviceaccounts/app"


class Parser(t.NamedTuple):
    """A parser under test.

    :param run: gets one input, and fails with any exception but those of the collection.
    :param seeds: inputs to start from: texts, or values that are written as JSON.
    :param is_text: whether the input is text. Otherwise it is JSON, and each mutation is JSON too.
    """

    run: t.Callable[[t.Any], object]
    seeds: list[t.Any]
    is_text: bool = False


def _trust(value: t.Any) -> None:
    parsed = document.parse(value, "the trust policy", _runner.load_yaml)
    grant = policy.Grant(plans.PROVIDER, (plans.SUBJECT, "system:serviceaccount:review-*:app"), ("vault",))
    for changed in (policy.merge(parsed, grant), policy.replace(parsed, grant), policy.remove(parsed, plans.PROVIDER)):
        document.size(changed.document)
    evaluation.allows(parsed, plans.PROVIDER, plans.SUBJECT, "sts.amazonaws.com")
    evaluation.allowed_subjects(parsed, plans.PROVIDER)
    evaluation.find_lost(parsed, plans.TRUST, plans.PROVIDER)
    spec = {**dict.fromkeys(RoleSpec.__dataclass_fields__), **_ROLE_OPTIONS}
    plans.plan_role(RoleSpec.from_params(spec), plans.existing_role(AssumeRolePolicyDocument=parsed))


_ROLE_OPTIONS: dict[str, t.Any] = {
    "state": "present",
    "name": "app",
    "issuer": values.ISSUER,
    "service_accounts": [{"namespace": "shop", "name": "app"}],
    "audiences": ["sts.amazonaws.com"],
    "allow_wildcards": False,
    "trust": "merge",
    "force": False,
    "purge_policies": False,
    "purge_inline_policies": False,
    "purge_tags": True,
    "well_known_policies": None,
}


def _policy(value: t.Any) -> None:
    parsed = document.parse(value, "the policy", _runner.load_yaml)
    document.size(parsed)
    document.equal(parsed, values.POLICY)


def _condition(text: str) -> None:
    operator_text, _comma, rest = text.partition("\n")
    pattern, _comma, value = rest.partition("\n")
    document.like(pattern, value)
    conditions.variables_in(pattern)
    replaced = conditions.replace_variables(pattern, lambda _name: [value])
    operator = conditions.Operator.parse(operator_text)
    if operator:
        operator.holds([value], [replaced or document.PolicyValue.of(pattern)])
        operator.holds(None, [document.PolicyValue.of(pattern)])


def _arn(text: str) -> None:
    if arns.is_role_arn(text):
        arns.Arn.parse(text)
    with contextlib.suppress(IrsaError):
        arns.Arn.parse(text)
    arns.region_of(text)
    arns.issuer_in_tokens(text)
    arns.describe_url_difference(text, plans.PROVIDER)
    arns.describe_provider_difference(text, plans.PROVIDER)


def _token(text: str) -> None:
    with contextlib.suppress(ValueError):
        token_probe.read_claims(text)


def _status(text: str) -> None:
    answers.make_error("GET", _POD, 409, text.encode("utf-8", "surrogatepass")).as_dict()


def _account(value: t.Any) -> None:
    body = answers.parse_answer("GET", _ACCOUNT, json.dumps(value).encode())
    plans.plan_accounts(body)
    account_annotations.find_near_misses(body["metadata"].get("annotations") or {})
    role = plans.existing_role()
    facts = importing.ImportFacts(
        partition="aws",
        account_id="123456789012",
        issuer=values.ISSUER,
        audiences=frozenset({"sts.amazonaws.com"}),
        service_accounts={("shop", "app"): body},
        roles={role.name: role},
    )
    importing.list_role_names(facts.service_accounts, "123456789012")
    importing.collect_bindings(facts)


def _pod(value: t.Any) -> None:
    pod = answers.parse_answer("GET", _POD, json.dumps(value).encode())
    found = workload_kinds.find_controller(pod)
    workloads = {found: None} if found else {}
    workload_kinds.list_owners_to_read([pod], workloads, with_templates=True)
    staleness.evaluate_pods([pod], lambda _pod: ExpectedInjection.from_account(plans.ACCOUNT), workloads)
    readiness.is_ready(pod)
    readiness.find_pod_blocker(pod)


def _workload(value: t.Any) -> None:
    for kind, plural in (("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")):
        path = f"/apis/apps/v1/namespaces/shop/{plural}/web"
        workload = answers.parse_answer("GET", path, json.dumps(value).encode())
        rules = workload_kinds.find_kind("apps/v1", kind)
        rules.count_pods(workload)
        rules.get_rollout_status(workload)
        rules.is_rolling_out(workload)
        rules.find_restart_obstacle(workload)
        rules.get_first_updated_ordinal(workload)
        rules.get_pod_template(workload)
        rules.is_superseded(workload, plans.POD, workload)
        readiness.find_workload_blocker(workload)
        workload_kinds.get_restarted_at(workload)


def _webhook(value: t.Any) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    configurations = answers.parse_answer("GET", path, json.dumps(value).encode()).get("items") or []
    for hook in webhook_config.hooks_of(configurations):
        webhook_config.matches_new_pods(hook)
        webhook_config.find_certificate_problem(hook, None, 0.0)
        webhook_config.explain_mismatch(hook.body.get("objectSelector"), {"app": "web"})
    webhook_config.find_injecting_hooks(configurations)


def _kubeconfig(value: t.Any) -> None:
    class Module:
        params: t.ClassVar[dict[str, t.Any]] = {"kubeconfig": value, "validate_certs": False}

        @staticmethod
        def fail_json(msg: str, **_more: t.Any) -> t.NoReturn:
            raise IrsaError(msg)

    connection._configure(connection._kubernetes_core(), t.cast("t.Any", Module()))


def _bindings(text: str) -> None:
    bindings = _variables.parse_bindings(text)
    _variables.check_bindings(bindings)
    _variables.check_rbac(bindings, None)
    bindings_by_role.bindings_by_role(bindings)


def _reports(value: t.Any) -> None:
    for report in (audit_report.audit_report, findings_report.findings_report, fleet_report.fleet_report):
        for report_format in ("table", "markdown"):
            with contextlib.suppress(*_ERRORS):
                report(value, format=report_format)
    for function in (bindings_by_role.bindings_by_role, trust_policy.trust_policy):
        with contextlib.suppress(*_ERRORS):
            function(value)


def _log(text: str) -> None:
    wording.redact_credentials(text)
    verification_pods.caller_in(text)
    verification_pods.old_sdks(text)
    verification_pods.find_refusal(text)


def _clusters(value: t.Any) -> None:
    if isinstance(value, dict):
        hosts.ClusterFilters.from_options(value).matches({"status": "ACTIVE", "cluster_tags": {}})
    if isinstance(value, list):
        hosts.parse_accounts(value)


_AUDIT = {
    "counts": {
        "service_accounts": {"ok": 1, "warning": 0, "error": 1, "unknown": 0},
        "roles": {"ok": 1, "warning": 0, "error": 0, "unknown": 0},
        "pods": {"total": 2, "stale": 1},
        "findings": {"error": 1, "warning": 0, "info": 0},
    },
    "cluster": {"name": "production", "region": "eu-west-1"},
    "summary": [{"id": "a", "severity": "error", "link": "role", "count": 1}],
    "findings": [
        {"id": "a", "severity": "error", "link": "role", "message": "m", "service_accounts": ["shop/app"], "roles": []}
    ],
}
_FINDINGS = {"findings": [{"id": "a", "severity": "error", "link": "pods", "message": "m", "fix": None}], "proof": None}
_HOOK = {
    "name": "iam-for-pods.amazonaws.com",
    "clientConfig": {"url": "https://127.0.0.1:23443/mutate", "caBundle": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"},
    "objectSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
}
_WORKLOAD = {
    "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 2},
    "spec": {
        "replicas": 3,
        "minReadySeconds": 5,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1, "maxUnavailable": "25%"}},
        "template": {"metadata": {"annotations": {}}, "spec": plans.POD["spec"]},
    },
    "status": {
        "observedGeneration": 2,
        "replicas": 3,
        "updatedReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    },
}
_INJECTED_POD: dict[str, t.Any] = {
    "metadata": {
        **plans.POD["metadata"],
        "resourceVersion": "1",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
    },
    "spec": {
        "serviceAccountName": "app",
        "containers": [
            {
                "name": "app",
                "env": [{"name": "AWS_ROLE_ARN", "value": values.ROLE}, {"name": "X", "valueFrom": {}}],
                "volumeMounts": [{"name": "aws-iam-token", "mountPath": "/var/run/secrets"}],
            }
        ],
        "volumes": [
            {
                "name": "aws-iam-token",
                "projected": {"sources": [{"serviceAccountToken": {"audience": "x", "expirationSeconds": 86400}}]},
            }
        ],
    },
    "status": {"phase": "Running", "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "x"}}}]},
}
PARSERS: t.Final[t.Mapping[str, Parser]] = {
    "arn": Parser(_arn, [values.ROLE, values.ISSUER, plans.PROVIDER], is_text=True),
    "bindings": Parser(
        _bindings,
        [json.dumps([{"namespace": "shop", "service_account": "app", "role_name": "app", "inline_policies": "{}"}])],
        is_text=True,
    ),
    "clusters": Parser(
        _clusters, [{"status": "ACTIVE", "tag:team": ["a*"]}, [{"name": "a", "regions": ["eu-west-1"]}]]
    ),
    "condition": Parser(
        _condition,
        ["StringLike\na*b?c\nabc", "ForAnyValue:StringEqualsIfExists\n${aws:username}\nx", "DateLessThan\n2026\n1"],
        is_text=True,
    ),
    "kubeconfig": Parser(_kubeconfig, [values.KUBECONFIG]),
    "log": Parser(
        _log, ["aws-cli/1.16.0 Python/3.11", '"Arn": "arn:aws:sts::123456789012:assumed-role/app/x"'], is_text=True
    ),
    "pod": Parser(_pod, [plans.POD, _INJECTED_POD]),
    "policy": Parser(_policy, [values.POLICY, json.dumps(values.POLICY), "Version: x\nStatement: []"]),
    "policy-text": Parser(_policy, [json.dumps(values.POLICY), "Version: x\nStatement: [&a {b: *a}]"], is_text=True),
    "reports": Parser(_reports, [_AUDIT, _FINDINGS, {"results": [_AUDIT, _FINDINGS]}, {"prod": {"ok": True}}]),
    "service-account": Parser(_account, [plans.ACCOUNT]),
    "status": Parser(
        _status, ['{"reason": "Conflict", "details": {"causes": [{"reason": "FieldManagerConflict"}]}}'], is_text=True
    ),
    "token": Parser(_token, ["e30.eyJpc3MiOiJhIiwiYXVkIjpbImIiXSwic3ViIjoiYyJ9.x"], is_text=True),
    "trust": Parser(_trust, [plans.TRUST, json.dumps(plans.TRUST)]),
    "webhook": Parser(_webhook, [{"metadata": {}, "items": [{"metadata": {"name": "x"}, "webhooks": [_HOOK]}]}]),
    "well-known": Parser(resolve.make_templates, [["external_dns"], [{"name": "external_dns", "zones": ["Z01"]}]]),
    "workload": Parser(_workload, [_WORKLOAD]),
}


def run(parser: Parser, value: t.Any) -> None:
    """Test one input."""
    with contextlib.suppress(*_ERRORS, answers.UnreadableAnswer):
        parser.run(value)
