# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit document: findings for each case, merged and counted, and the module's result."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit import facts as audit_facts
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.accounts import examine_pods
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.build import (
    build_document,
    build_failure,
    build_result,
    is_ok,
    summarize,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.document import AuditDocument
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.facts import AuditFacts, AuditSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import Unknown
from unit.chain_objects import ANNOTATION, CHAIN, CLUSTER, NOW, OTHER, ROLE, account, hook, inject, plain_pod

Json = dict[str, t.Any]
PROVIDER = CHAIN.issuer.removeprefix("https://")
PROVIDER_ARN = f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}"
ORPHANED = "oidc.eks.us-east-1.amazonaws.com/id/FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
DUAL_STACK = ORPHANED.replace("oidc.eks.us-east-1.amazonaws.com", "oidc-eks.us-east-1.api.aws")
ORPHANED_ARN = f"arn:aws:iam::123456789012:oidc-provider/{ORPHANED}"
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
DENIED = Unknown("could not list roles: the permission iam:ListRoles is missing", "iam:ListRoles")
DENIED_SENTENCE = "Could not list roles: the permission iam:ListRoles is missing."
DAY = datetime.timedelta(days=1)
OPTIONS: Json = {
    "cluster_name": "prod",
    "fail_on": "error",
    "unused_days": 90,
    "pods": True,
    "dry_run_pod": True,
    "env_from": False,
    "providers": True,
    "max_workers": 16,
    "max_findings": 100,
}


def spec(**options: t.Any) -> AuditSpec:
    return AuditSpec.from_params({**OPTIONS, **options})


def allow(action: t.Any = "s3:GetObject", resource: t.Any = "*", **more: t.Any) -> Json:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def role(*names: str, name: str = "app", provider: str = PROVIDER, **fields: t.Any) -> Json:
    """Make a role that was used yesterday.

    :param names: the trusted accounts as ``NAMESPACE:NAME``; shop:app if none is given.
    """
    subjects = [f"system:serviceaccount:{account_name}" for account_name in names or ("shop:app",)]
    operator = "StringLike" if any("*" in subject for subject in subjects) else "StringEquals"
    condition: Json = {operator: {f"{provider}:sub": subjects}}
    condition.setdefault("StringEquals", {})[f"{provider}:aud"] = "sts.amazonaws.com"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return {
        "Arn": f"arn:aws:iam::123456789012:role/{name}",
        "RoleName": name,
        "Path": "/",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "CreateDate": NOW - 400 * DAY,
        "RoleLastUsed": {"LastUsedDate": NOW - DAY, "Region": "eu-west-1"},
        "ManagedPolicies": [S3],
        "InlinePolicies": {},
        **fields,
    }


def sa(name: str = "app", role_arn: str | None = ROLE, namespace: str = "shop", **options: t.Any) -> Json:
    body = account(role_arn, **options)
    body["metadata"].update(name=name, namespace=namespace)
    return body


def facts(
    *accounts: Json, roles: t.Sequence[Json] | Unknown | None = None, pods: t.Any = None, **changes: t.Any
) -> AuditFacts:
    """Make the facts about a cluster. By default, shop/app and its only pod have role app."""
    all_roles = [role()] if roles is None else roles
    service_accounts = {
        (body["metadata"]["namespace"], body["metadata"]["name"]): body for body in list(accounts) or [sa()]
    }
    namespaces = {"shop", *(namespace for namespace, _name in service_accounts)}
    values: Json = {
        "cluster": CLUSTER,
        "issuer": CHAIN.issuer,
        "partition": "aws",
        "account_id": "123456789012",
        "provider": {"Url": PROVIDER, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [], "Tags": {}},
        "provider_arns": [PROVIDER_ARN],
        "issuers": {},
        "roles": all_roles if isinstance(all_roles, Unknown) else {body["RoleName"]: body for body in all_roles},
        "policies": {},
        "quotas": Unknown("not needed"),
        "associations": [],
        "addons": [],
        "service_accounts": service_accounts,
        "namespaces": {namespace: {"metadata": {"name": namespace, "labels": {}}} for namespace in namespaces},
        "webhooks": [hook()],
        "pods": {("shop", "app"): [inject(plain_pod())]} if pods is None else pods,
        "now": NOW.timestamp(),
    }
    return AuditFacts(**{**values, **changes})


def ids(document: AuditDocument) -> list[str]:
    return [finding["id"] for finding in document["findings"]]


def with_policy(**documents: Json) -> Json:
    return role(InlinePolicies=documents)


OWN_POLICY = "arn:aws:iam::123456789012:policy/all"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
NEVER_USED = {"RoleLastUsed": {}}
LONG_AGO = {"RoleLastUsed": {"LastUsedDate": NOW - 91 * DAY}}
TYPO = copy.deepcopy(sa(role_arn=None))
TYPO["metadata"]["annotations"] = {"eks.amazon.com/role-arn": ROLE}
TOO_MANY = ["shop:app", *(f"shop:app-{number}" for number in range(60))]
STALE_POD = plain_pod("web-1")
TERMINATING_POD = plain_pod("web-2")
TERMINATING_POD["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z"
ANNOTATED_POD = plain_pod("web-3", annotations={ANNOTATION: ROLE}, serviceAccountName="other")

CASES: dict[str, tuple[AuditFacts, list[str]]] = {
    "intact chain": (facts(), []),
    "no annotated account": (facts(sa(role_arn=None), roles=[], pods={}), []),
    "no provider": (facts(provider=None), ["provider-missing"]),
    "no role": (facts(roles=[]), ["role-missing"]),
    "role trusts another account": (facts(roles=[role("shop:other")]), ["sub-mismatch", "trusts-missing-account"]),
    "role of another AWS account": (
        facts(sa(role_arn=ROLE.replace("123456789012", "210987654321")), roles=[], pods={}),
        ["arn-wrong-account"],
    ),
    "misspelled annotation": (facts(TYPO, pods={}), ["annotation-typo", "trusts-unannotated-account"]),
    "annotation on the pod": (
        facts(sa(), sa("other", None), pods={("shop", "other"): [ANNOTATED_POD]}),
        ["annotation-typo"],
    ),
    "stale pod": (facts(pods={("shop", "app"): [STALE_POD, inject(plain_pod())]}), ["pod-predates-annotation"]),
    "terminating pod": (facts(pods={("shop", "app"): [TERMINATING_POD]}), []),
    "pod with another role": (facts(pods={("shop", "app"): [inject(plain_pod(), OTHER)]}), ["pod-stale-role"]),
    "no webhook": (facts(webhooks=[]), ["webhook-missing"]),
    "pod identity association": (
        facts(associations=[{"namespace": "shop", "serviceAccount": "app", "associationId": "a-1"}]),
        ["pod-identity-wins"],
    ),
    "pod identity association of another account": (
        facts(associations=[{"namespace": "shop", "serviceAccount": "other", "associationId": "a-1"}]),
        [],
    ),
    "trusted account does not exist": (facts(roles=[role("shop:app", "shop:missing")]), ["trusts-missing-account"]),
    "trusted account and unknown namespaces": (
        facts(roles=[role("shop:app", "missing:app")], namespaces=DENIED),
        ["trusts-missing-account"],
    ),
    "trusted account in a namespace that does not exist": (
        facts(roles=[role("shop:app", "bank:app")]),
        ["trusts-missing-account"],
    ),
    "trusted account in an audited namespace that does not exist": (
        facts(roles=[role("shop:app", "bank:app")], only_namespaces=("shop", "bank")),
        ["trusts-missing-account"],
    ),
    "trusted account in a namespace that is not audited": (
        facts(roles=[role("shop:app", "bank:app")], only_namespaces=("shop",)),
        [],
    ),
    "matching wildcard": (facts(roles=[role("shop:a*")]), []),
    "wildcard that can match a namespace that is not audited": (
        facts(roles=[role(), role("bank:*", name="a"), role("b*:app", name="b")], only_namespaces=("shop",)),
        [],
    ),
    "wildcard without a match": (
        facts(roles=[role(), role("shop:z*", name="spare")]),
        ["trusts-missing-account"],
    ),
    "trusted account without the annotation": (
        facts(roles=[role(), role(name="spare")]),
        ["trusts-unannotated-account"],
    ),
    "role trusts all service accounts and none is annotated with it": (
        facts(roles=[role(), role("*:*", name="spare")]),
        ["trust-too-broad"],
    ),
    "role without policies and no service account is annotated with it": (
        facts(roles=[role(), role(name="spare", ManagedPolicies=[])]),
        ["no-permissions", "trusts-unannotated-account"],
    ),
    "role of two accounts": (facts(sa(), sa("b"), roles=[role("shop:app", "shop:b")]), ["role-shared"]),
    "role never used": (facts(roles=[role(**NEVER_USED)]), ["role-unused"]),
    "role used long ago": (facts(roles=[role(**LONG_AGO)]), ["role-unused"]),
    "new role never used": (facts(roles=[role(**NEVER_USED, CreateDate=NOW - DAY)]), []),
    "unused role of another cluster": (
        facts(roles=[role(), role(name="spare", provider=ORPHANED, **NEVER_USED)]),
        [],
    ),
    "all actions": (facts(roles=[with_policy(all=allow("*"))]), ["policy-too-broad"]),
    "all actions in a managed policy": (
        facts(roles=[role(ManagedPolicies=[OWN_POLICY])], policies={OWN_POLICY: allow(["s3:*", "*"])}),
        ["policy-too-broad"],
    ),
    "all actions in an AWS managed policy": (
        facts(roles=[role(ManagedPolicies=[ADMINISTRATOR])]),
        ["policy-too-broad"],
    ),
    "own policy with the name of an AWS managed policy": (
        facts(roles=[role(ManagedPolicies=[ADMINISTRATOR.replace("aws:p", "123456789012:p")])]),
        [],
    ),
    "all actions but a few": (
        facts(
            roles=[
                role(InlinePolicies={"x": {"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}})
            ]
        ),
        ["policy-too-broad"],
    ),
    "all actions of IAM": (facts(roles=[with_policy(x=allow("IAM:*"))]), ["policy-too-broad"]),
    "all actions on one bucket": (facts(roles=[with_policy(x=allow("*", "arn:aws:s3:::shop"))]), []),
    "all actions with a condition": (
        facts(roles=[with_policy(x=allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}}))]),
        [],
    ),
    "all actions denied": (facts(roles=[with_policy(x=allow("*", Effect="Deny"))]), []),
    "all actions with a permissions boundary": (
        facts(
            roles=[role(InlinePolicies={"x": allow("*")}, PermissionsBoundary={"PermissionsBoundaryArn": OWN_POLICY})],
            policies={OWN_POLICY: allow("s3:*")},
        ),
        [],
    ),
    "permissions boundary that allows nothing": (
        facts(
            roles=[role(PermissionsBoundary={"PermissionsBoundaryArn": OWN_POLICY})],
            policies={OWN_POLICY: allow("s3:*", Effect="Deny")},
        ),
        ["no-permissions"],
    ),
    "provider of a deleted cluster": (
        facts(provider_arns=[PROVIDER_ARN, ORPHANED_ARN], issuers={"us-east-1": frozenset({CHAIN.issuer})}),
        ["provider-orphaned"],
    ),
    "provider of a cluster in another region": (
        facts(provider_arns=[PROVIDER_ARN, ORPHANED_ARN], issuers={"us-east-1": frozenset({f"https://{ORPHANED}"})}),
        [],
    ),
    "provider with the dual-stack host of a cluster in another region": (
        facts(
            provider_arns=[PROVIDER_ARN, ORPHANED_ARN.replace(ORPHANED, DUAL_STACK)],
            issuers={"us-east-1": frozenset({f"https://{ORPHANED}"})},
        ),
        [],
    ),
    "clusters cannot be listed": (
        facts(provider_arns=[PROVIDER_ARN, ORPHANED_ARN], issuers={"us-east-1": DENIED}),
        [],
    ),
    "provider not of EKS": (
        facts(
            provider_arns=[PROVIDER_ARN, "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"]
        ),
        [],
    ),
    "annotation set by kubectl": (facts(sa(owners={"kubectl-annotate": "Update"})), ["unmanaged-annotation"]),
    "annotation set by Helm": (facts(sa(owners={"helm": "Update"})), []),
    "annotation set by an EKS add-on": (facts(sa(owners={"eks": "Apply"})), []),
    "annotation set by kubectl and this collection": (
        facts(sa(owners={"kubectl-edit": "Update", "eksops.irsa": "Apply"})),
        [],
    ),
    "trust policy too long": (
        facts(roles=[role(*TOO_MANY)], quotas={"AssumeRolePolicySizeQuota": 2048}),
        ["trust-too-long", "trusts-missing-account"],
    ),
}


@pytest.mark.parametrize(("case_facts", "expected"), list(CASES.values()), ids=list(CASES))
def test_findings_of_each_case(case_facts: AuditFacts, expected: list[str]) -> None:
    assert ids(build_document(case_facts, spec())) == expected


@pytest.mark.parametrize("case_facts", [case_facts for case_facts, _expected in CASES.values()], ids=list(CASES))
def test_pods_can_be_examined_before_the_roles_are_read(case_facts: AuditFacts) -> None:
    prepared = dataclasses.replace(case_facts, roles=Unknown("not read yet"), addons=Unknown("not read yet"))
    prepared.examined_pods = examine_pods(prepared, spec())
    prepared.roles, prepared.addons = case_facts.roles, case_facts.addons
    assert build_document(prepared, spec()) == build_document(case_facts, spec())


def test_fix_of_an_unused_role_depends_on_its_service_accounts() -> None:
    (bound,) = build_document(facts(roles=[role(**NEVER_USED)]), spec())["findings"]
    assert bound["fix"].startswith(
        "if nobody needs it, remove the binding with eksops.irsa.irsa_bindings (state: absent);"
    )
    findings = build_document(facts(roles=[role(), role("shop:z*", name="spare", **NEVER_USED)]), spec())["findings"]
    (unbound,) = [finding for finding in findings if finding["id"] == "role-unused"]
    assert "delete the role with eksops.irsa.irsa_role (name: spare, state: absent)" in unbound["fix"]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param([None], "it has no role annotation", id="none"),
        pytest.param([OTHER], "it is annotated with another role", id="another"),
        pytest.param([None, None], "they have no role annotation", id="several"),
        pytest.param([OTHER, None], "they are annotated with another role or have no role annotation", id="both"),
    ],
)
def test_message_about_trusted_service_accounts_without_the_annotation(
    annotations: list[str | None], expected: str
) -> None:
    accounts = [sa(f"web-{number}", role_arn) for number, role_arn in enumerate(annotations)]
    names = [f"shop:web-{number}" for number in range(len(annotations))]
    document = build_document(facts(*accounts, roles=[role(*names)], pods={}), spec())
    (message,) = [
        finding["message"] for finding in document["findings"] if finding["id"] == "trusts-unannotated-account"
    ]
    assert message.endswith(f", but {expected}")


@pytest.mark.parametrize(("manager", "force"), [("helm", ""), ("kubectl-annotate", ", force: true")])
def test_fix_for_an_annotation_of_another_client_has_force(manager: str, force: str) -> None:
    other = sa("web", OTHER, owners={manager: "Update"})
    document = build_document(facts(other, roles=[role("shop:web")], pods={}), spec())
    (fix,) = [finding["fix"] for finding in document["findings"] if finding["id"] == "trusts-unannotated-account"]
    assert fix.startswith(f"annotate it with eksops.irsa.sa_annotate (role_arn: {ROLE}{force}), or remove it ")


def test_equal_findings_are_merged() -> None:
    accounts = [sa(f"app-{number}") for number in range(50)]
    names = [f"shop:app-{number}" for number in range(50)]
    audit = build_document(
        facts(*accounts, roles=[role(*names)], pods={}, provider=None, webhooks=[]), spec(ignore=["role-shared"])
    )
    assert ids(audit) == ["provider-missing", "webhook-missing"]
    assert [len(finding["service_accounts"]) for finding in audit["findings"]] == [50, 50]
    assert audit["counts"]["service_accounts"]["error"] == 50
    assert audit["provider"] | {"arn": None} == {
        "arn": None,
        "exists": False,
        "client_ids": [],
        "state": "error",
        "findings": [0],
    }
    assert [row["count"] for row in summarize(audit)] == [1, 1]
    assert [row["service_accounts"] for row in summarize(audit)] == [50, 50]


def test_document_rows_refer_to_each_other() -> None:
    case_facts = facts(
        sa(),
        sa("b"),
        sa("alone", role_arn=OTHER),
        roles=[
            role("shop:app", "shop:b", "shop:missing", InlinePolicies={"queue": allow()}),
            role("x:y", name="spare"),
        ],
        pods={("shop", "app"): [inject(plain_pod()), plain_pod("web-9", owner=None)]},
        namespaces={namespace: {"metadata": {"name": namespace}} for namespace in ("shop", "x")},
    )
    document = build_document(case_facts, spec())
    accounts, roles, findings = document["service_accounts"], document["roles"], document["findings"]
    assert [(row["namespace"], row["name"], row["exists"]) for row in accounts] == [
        ("shop", "alone", True),
        ("shop", "app", True),
        ("shop", "b", True),
        ("shop", "missing", False),
        ("x", "y", False),
    ]
    assert [row["arn"] for row in roles] == [ROLE, OTHER, ROLE.replace("app", "spare")]
    assert [row["exists"] for row in roles] == [True, False, True]
    assert [row["service_accounts"] for row in roles] == [[1, 2], [0], []]
    assert [row["role"] for row in accounts] == [1, 0, 0, None, None]
    for account_row in accounts:
        name = f"{account_row['namespace']}/{account_row['name']}"
        expected = [index for index, finding in enumerate(findings) if name in finding["service_accounts"]]
        assert account_row["findings"] == expected, name
    for role_row in roles:
        expected = [index for index, finding in enumerate(findings) if role_row["arn"] in finding["roles"]]
        assert role_row["findings"] == expected
    assert accounts[1]["pods"] == {"total": 2, "stale": 1}
    assert accounts[1]["bound_by"] == "eksops.irsa"
    assert roles[0]["policies"] == [
        {"kind": "managed", "name": "AmazonS3ReadOnlyAccess", "arn": S3},
        {"kind": "inline", "name": "queue", "arn": None},
    ]
    assert (roles[0]["created"], roles[0]["last_used"]) == ("2025-10-18T12:00:00Z", "2026-11-21T12:00:00Z")
    assert document["generated_at"] == "2026-11-22T12:00:00Z"
    assert document["counts"]["pods"] == {"total": 2, "stale": 1}
    assert document["counts"]["service_accounts"] == {
        "total": 5,
        "ok": 0,
        "note": 1,
        "warning": 2,
        "unknown": 0,
        "error": 2,
    }
    severities = ["error", "warning", "note"]
    ranks = [severities.index(finding["severity"]) for finding in findings]
    assert ranks == sorted(ranks)


def test_ignored_findings_are_removed() -> None:
    audit = build_document(facts(roles=[]), spec(ignore=["role-missing"]))
    assert ids(audit) == []
    assert audit["service_accounts"][0]["state"] == "ok"


@pytest.mark.parametrize(
    ("fail_on", "case_facts", "expected"),
    [
        ("error", facts(roles=[]), "EKS cluster prod has 1 error"),
        ("warning", facts(roles=[role(**NEVER_USED)]), "EKS cluster prod has 1 warning"),
        ("error", facts(roles=[role(**NEVER_USED)]), None),
        ("warning", facts(sa(owners={"kubectl-edit": "Update"})), None),
        ("never", facts(roles=[]), None),
    ],
)
def test_failure_depends_on_severity(fail_on: str, case_facts: AuditFacts, expected: str | None) -> None:
    failure = build_failure(build_document(case_facts, spec()), fail_on)
    assert (failure.message if failure else None) == expected


def test_unreadable_roles_are_unknown_and_skipped_once() -> None:
    accounts = [sa("a"), sa("b")]
    audit = build_document(facts(*accounts, roles=DENIED, pods={}, skipped_checks=("Add-ons: denied.",)), spec())
    assert ids(audit) == []
    assert not is_ok(audit)
    assert {row["state"] for row in audit["service_accounts"]} == {"unknown"}
    assert [row["exists"] for row in audit["roles"]] == [None]
    assert audit["skipped_checks"] == ["Add-ons: denied.", f"{DENIED_SENTENCE} This affects shop/a and shop/b."]
    audit = build_document(facts(*accounts, roles=DENIED, pods={}, skipped_checks=(DENIED_SENTENCE,)), spec())
    assert audit["skipped_checks"] == [DENIED_SENTENCE]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"only_namespaces": ("shop", "shopp")}, ["Namespace shopp does not exist."]),
        ({"only_namespaces": ("shopp",), "namespaces": {}}, ["Namespace shopp does not exist."]),
        ({"only_namespaces": ("shopp",), "namespaces": DENIED}, []),
        ({}, []),
    ],
)
def test_namespace_that_does_not_exist_is_reported(changes: Json, expected: list[str]) -> None:
    document = build_document(facts(**changes), spec())
    assert [text for text in document["skipped_checks"] if "shopp" in text] == expected


def test_role_accounts_allows_roles_of_another_aws_account() -> None:
    other = sa(role_arn=ROLE.replace("123456789012", "210987654321"))
    audit = build_document(facts(other, roles=[], pods={}), spec(role_accounts=["210987654321"]))
    assert ids(audit) == []
    assert audit["service_accounts"][0]["state"] == "unknown"


def test_role_named_without_its_path_is_listed_once() -> None:
    with_path = role(Arn="arn:aws:iam::123456789012:role/teams/app")
    audit = build_document(facts(roles=[with_path]), spec())
    assert ids(audit) == ["role-path-dropped", "trusts-unannotated-account"]
    assert [row["arn"] for row in audit["roles"]] == ["arn:aws:iam::123456789012:role/teams/app"]
    assert audit["service_accounts"][0]["role"] == 0
    assert audit["roles"][0]["findings"] == [0, 1]


def test_findings_of_the_dry_run_are_included() -> None:
    finding = Finding("webhook-unreachable", "the webhook does not respond", "restore it")
    audit = build_document(facts(webhook=(finding,)), spec())
    assert ids(audit) == ["webhook-unreachable"]


def test_result_has_at_most_max_findings() -> None:
    accounts = [sa(f"app-{number}", role_arn=f"{ROLE}-{number}") for number in range(7)]
    audit = build_document(facts(*accounts, roles=[], pods={}), spec())
    result = build_result(audit, limit=5, details=False)
    assert (len(result["findings"]), result["omitted"]) == (5, 2)
    assert result["summary"][0]["count"] == 7
    assert not {"service_accounts", "roles"} & set(result)
    assert len(build_result(audit, limit=0, details=True)["findings"]) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ignore": ["role-sharde"]}, "did you mean role-shared?"),
        ({"role_accounts": ["12"]}, "role_accounts: '12' is not a valid AWS account ID"),
        ({"namespaces": ["Shop"]}, "'Shop' is not a valid namespace"),
        ({"unused_days": -1}, "unused_days is -1"),
        ({"max_findings": -1}, "max_findings is -1"),
        ({"max_workers": 65}, "max_workers is 65"),
        ({"issuer": "http://x"}, "issuer"),
    ],
)
def test_invalid_options_are_rejected(options: Json, message: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        spec(**options)
    assert message in str(caught.value)


def test_all_invalid_options_are_reported_together() -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        spec(max_findings=-1, unused_days=-1)
    assert "max_findings is -1" in str(caught.value)
    assert "unused_days is -1" in str(caught.value)


def test_examined_accounts_are_annotated_or_trusted() -> None:
    case_facts = facts(
        sa(), sa("plain", None), sa("trusted", None), roles=[role("shop:trusted", "shop:missing")], pods={}
    )
    assert case_facts.examined_accounts == [("shop", "app"), ("shop", "trusted")]


def test_pod_is_fully_injected_only_with_this_role() -> None:
    assert audit_facts.is_fully_injected(inject(plain_pod()), ROLE)
    assert not audit_facts.is_fully_injected(inject(plain_pod()), OTHER)
    assert not audit_facts.is_fully_injected(plain_pod(), ROLE)
    assert not audit_facts.is_fully_injected(plain_pod(), None)


def test_container_that_sets_its_role_is_not_stale() -> None:
    pod = plain_pod("web-1")
    pod["spec"]["containers"][0]["env"] = [{"name": "AWS_ROLE_ARN", "value": OTHER}]
    case_facts = facts(pods={("shop", "app"): [pod]})
    assert ids(build_document(case_facts, spec())) == ["env-preset"]
    assert ids(build_document(dataclasses.replace(case_facts, pods=Unknown("off")), spec(pods=False))) == []
