# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit finds of a cluster and its account: each case with exactly the ids that come out."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit import facts as audit_facts
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.build import (
    build_document,
    find_failure,
    is_ok,
    module_result,
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
GONE = "oidc.eks.us-east-1.amazonaws.com/id/FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
GONE_ARN = f"arn:aws:iam::123456789012:oidc-provider/{GONE}"
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
REFUSED = Unknown("could not look: the permission iam:Something is missing", "iam:Something")
SAID = "Could not look: the permission iam:Something is missing."
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
    """A role that trusts shop/app, or those accounts (NAMESPACE:NAME), and was used yesterday."""
    subjects = [f"system:serviceaccount:{each}" for each in names or ("shop:app",)]
    operator = "StringLike" if any("*" in each for each in subjects) else "StringEquals"
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
    found = account(role_arn, **options)
    found["metadata"].update(name=name, namespace=namespace)
    return found


def facts(
    *accounts: Json, roles: t.Sequence[Json] | Unknown | None = None, pods: t.Any = None, **changes: t.Any
) -> AuditFacts:
    """A cluster in which shop/app acts as role app, by a pod that has it; or with these accounts, roles and pods."""
    given = list(accounts) or [sa()]
    found = [role()] if roles is None else roles
    names = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in given}
    spaces = {"shop", *(namespace for namespace, _name in names)}
    values: Json = {
        "cluster": CLUSTER,
        "issuer": CHAIN.issuer,
        "partition": "aws",
        "account_id": "123456789012",
        "provider": {"Url": PROVIDER, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [], "Tags": {}},
        "provider_arns": [PROVIDER_ARN],
        "issuers": {},
        "roles": found if isinstance(found, Unknown) else {each["RoleName"]: each for each in found},
        "policies": {},
        "quotas": Unknown("not needed"),
        "associations": [],
        "addons": [],
        "service_accounts": names,
        "namespaces": {each: {"metadata": {"name": each, "labels": {}}} for each in spaces},
        "webhooks": [hook()],
        "pods": {("shop", "app"): [inject(plain_pod())]} if pods is None else pods,
        "now": NOW.timestamp(),
    }
    return AuditFacts(**{**values, **changes})


def ids(document: AuditDocument) -> list[str]:
    return [each["id"] for each in document["findings"]]


def with_policy(**documents: Json) -> Json:
    return role(InlinePolicies=documents)


OWN_POLICY = "arn:aws:iam::123456789012:policy/all"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
NEVER_USED = {"RoleLastUsed": {}}
LONG_AGO = {"RoleLastUsed": {"LastUsedDate": NOW - 91 * DAY}}
TYPO = copy.deepcopy(sa(role_arn=None))
TYPO["metadata"]["annotations"] = {"eks.amazon.com/role-arn": ROLE}
TOO_MANY = ["shop:app", *(f"shop:app-{number}" for number in range(60))]
BARE = plain_pod("web-1")
ENDING = plain_pod("web-2")
ENDING["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z"
ON_THE_POD = plain_pod("web-3", annotations={ANNOTATION: ROLE}, serviceAccountName="other")

CASES: dict[str, tuple[AuditFacts, list[str]]] = {
    "all is well": (facts(), []),
    "nothing is bound": (facts(sa(role_arn=None), roles=[], pods={}), []),
    "no provider": (facts(provider=None), ["provider-missing"]),
    "no role": (facts(roles=[]), ["role-missing"]),
    "a role for another account": (facts(roles=[role("shop:other")]), ["sub-mismatch", "trusts-missing-account"]),
    "a role of another AWS account": (
        facts(sa(role_arn=ROLE.replace("123456789012", "210987654321")), roles=[], pods={}),
        ["arn-wrong-account"],
    ),
    "a typing error": (facts(TYPO, pods={}), ["annotation-typo", "trusts-unannotated-account"]),
    "the annotation on the pod": (
        facts(sa(), sa("other", None), pods={("shop", "other"): [ON_THE_POD]}),
        ["annotation-typo"],
    ),
    "a pod from before": (facts(pods={("shop", "app"): [BARE, inject(plain_pod())]}), ["pod-predates-annotation"]),
    "a pod that is ending": (facts(pods={("shop", "app"): [ENDING]}), []),
    "a pod with another role": (facts(pods={("shop", "app"): [inject(plain_pod(), OTHER)]}), ["pod-stale-role"]),
    "no webhook": (facts(webhooks=[]), ["webhook-missing"]),
    "an association": (
        facts(associations=[{"namespace": "shop", "serviceAccount": "app", "associationId": "a-1"}]),
        ["pod-identity-wins"],
    ),
    "an association of another account": (
        facts(associations=[{"namespace": "shop", "serviceAccount": "other", "associationId": "a-1"}]),
        [],
    ),
    "an account that is gone": (facts(roles=[role("shop:app", "shop:gone")]), ["trusts-missing-account"]),
    "a namespace that is gone": (
        facts(roles=[role("shop:app", "gone:app")], namespaces=REFUSED),
        ["trusts-missing-account"],
    ),
    "a namespace that isn't looked at": (facts(roles=[role("shop:app", "elsewhere:app")]), []),
    "a wildcard that matches": (facts(roles=[role("shop:a*")]), []),
    "a wildcard that matches nobody": (
        facts(roles=[role(), role("shop:z*", name="spare")]),
        ["trusts-missing-account"],
    ),
    "a role that its account doesn't name": (
        facts(roles=[role(), role(name="spare")]),
        ["trusts-unannotated-account"],
    ),
    "a role for everybody, named by nobody": (
        facts(roles=[role(), role("*:*", name="spare")]),
        ["trust-too-broad"],
    ),
    "a role without policies, named by nobody": (
        facts(roles=[role(), role(name="spare", ManagedPolicies=[])]),
        ["no-permissions", "trusts-unannotated-account"],
    ),
    "a role for two": (facts(sa(), sa("b"), roles=[role("shop:app", "shop:b")]), ["role-shared"]),
    "a role that was never used": (facts(roles=[role(**NEVER_USED)]), ["role-unused"]),
    "a role that was used long ago": (facts(roles=[role(**LONG_AGO)]), ["role-unused"]),
    "a new role": (facts(roles=[role(**NEVER_USED, CreateDate=NOW - DAY)]), []),
    "an unused role of somebody else": (facts(roles=[role(), role(name="spare", provider=GONE, **NEVER_USED)]), []),
    "everything": (facts(roles=[with_policy(all=allow("*"))]), ["policy-too-broad"]),
    "everything by a managed policy": (
        facts(roles=[role(ManagedPolicies=[OWN_POLICY])], policies={OWN_POLICY: allow(["s3:*", "*"])}),
        ["policy-too-broad"],
    ),
    "everything by AWS's policy": (facts(roles=[role(ManagedPolicies=[ADMINISTRATOR])]), ["policy-too-broad"]),
    "a policy of one's own with that name": (
        facts(roles=[role(ManagedPolicies=[ADMINISTRATOR.replace("aws:p", "123456789012:p")])]),
        [],
    ),
    "all but a few": (
        facts(
            roles=[
                role(InlinePolicies={"x": {"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}})
            ]
        ),
        ["policy-too-broad"],
    ),
    "all of IAM": (facts(roles=[with_policy(x=allow("IAM:*"))]), ["policy-too-broad"]),
    "everything in one bucket": (facts(roles=[with_policy(x=allow("*", "arn:aws:s3:::shop"))]), []),
    "everything on a condition": (
        facts(roles=[with_policy(x=allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}}))]),
        [],
    ),
    "everything denied": (facts(roles=[with_policy(x=allow("*", Effect="Deny"))]), []),
    "everything within bounds": (
        facts(
            roles=[role(InlinePolicies={"x": allow("*")}, PermissionsBoundary={"PermissionsBoundaryArn": OWN_POLICY})],
            policies={OWN_POLICY: allow("s3:*")},
        ),
        [],
    ),
    "bounds that allow nothing": (
        facts(
            roles=[role(PermissionsBoundary={"PermissionsBoundaryArn": OWN_POLICY})],
            policies={OWN_POLICY: allow("s3:*", Effect="Deny")},
        ),
        ["no-permissions"],
    ),
    "a cluster that is gone": (
        facts(provider_arns=[PROVIDER_ARN, GONE_ARN], issuers={"us-east-1": frozenset({CHAIN.issuer})}),
        ["provider-orphaned"],
    ),
    "a cluster in another region": (
        facts(provider_arns=[PROVIDER_ARN, GONE_ARN], issuers={"us-east-1": frozenset({f"https://{GONE}"})}),
        [],
    ),
    "clusters that can't be listed": (
        facts(provider_arns=[PROVIDER_ARN, GONE_ARN], issuers={"us-east-1": REFUSED}),
        [],
    ),
    "a provider that isn't EKS's": (
        facts(
            provider_arns=[PROVIDER_ARN, "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"]
        ),
        [],
    ),
    "kubectl annotate": (facts(sa(owners={"kubectl-annotate": "Update"})), ["unmanaged-annotation"]),
    "Helm": (facts(sa(owners={"helm": "Update"})), []),
    "an add-on of EKS": (facts(sa(owners={"eks": "Apply"})), []),
    "this collection after somebody's hand": (
        facts(sa(owners={"kubectl-edit": "Update", "eksops.irsa": "Apply"})),
        [],
    ),
    "a trust policy that is too long": (
        facts(roles=[role(*TOO_MANY)], quotas={"AssumeRolePolicySizeQuota": 2048}),
        ["trust-too-long", "trusts-missing-account"],
    ),
}


@pytest.mark.parametrize(("seen", "expected"), list(CASES.values()), ids=list(CASES))
def test_exactly_this_is_found(seen: AuditFacts, expected: list[str]) -> None:
    assert ids(build_document(seen, spec())) == expected


def test_what_says_the_same_is_one_finding() -> None:
    many = [sa(f"app-{number}") for number in range(50)]
    names = [f"shop:app-{number}" for number in range(50)]
    audit = build_document(
        facts(*many, roles=[role(*names)], pods={}, provider=None, webhooks=[]), spec(ignore=["role-shared"])
    )
    assert ids(audit) == ["provider-missing", "webhook-missing"]
    assert [len(each["service_accounts"]) for each in audit["findings"]] == [50, 50]
    assert audit["counts"]["service_accounts"]["error"] == 50
    assert audit["provider"] | {"arn": None} == {
        "arn": None,
        "exists": False,
        "client_ids": [],
        "state": "error",
        "findings": [0],
    }
    assert [each["count"] for each in summarize(audit)] == [1, 1]
    assert [each["service_accounts"] for each in summarize(audit)] == [50, 50]


def test_the_document_holds_together() -> None:
    bare = plain_pod("web-9", owner=None)
    seen = facts(
        sa(),
        sa("b"),
        sa("alone", role_arn=OTHER),
        roles=[role("shop:app", "shop:b", "shop:gone", InlinePolicies={"queue": allow()}), role("x:y", name="spare")],
        pods={("shop", "app"): [inject(plain_pod()), bare]},
        namespaces={each: {"metadata": {"name": each}} for each in ("shop", "x")},
    )
    document = build_document(seen, spec())
    accounts, roles, findings = document["service_accounts"], document["roles"], document["findings"]
    assert [(each["namespace"], each["name"], each["exists"]) for each in accounts] == [
        ("shop", "alone", True),
        ("shop", "app", True),
        ("shop", "b", True),
        ("shop", "gone", False),
        ("x", "y", False),
    ]
    assert [each["arn"] for each in roles] == [ROLE, OTHER, ROLE.replace("app", "spare")]
    assert [each["exists"] for each in roles] == [True, False, True]
    assert [each["service_accounts"] for each in roles] == [[1, 2], [0], []]
    assert [each["role"] for each in accounts] == [1, 0, 0, None, None]
    for index, each in enumerate(accounts):
        name = f"{each['namespace']}/{each['name']}"
        assert each["findings"] == [place for place, one in enumerate(findings) if name in one["service_accounts"]], (
            index
        )
    for each in roles:
        assert each["findings"] == [place for place, one in enumerate(findings) if each["arn"] in one["roles"]]
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
    order = ["error", "warning", "note"]
    ranks = [order.index(each["severity"]) for each in findings]
    assert ranks == sorted(ranks)


def test_ignored_findings_are_nowhere() -> None:
    audit = build_document(facts(roles=[]), spec(ignore=["role-missing"]))
    assert ids(audit) == []
    assert audit["service_accounts"][0]["state"] == "ok"


@pytest.mark.parametrize(
    ("fail_on", "seen", "expected"),
    [
        ("error", facts(roles=[]), "EKS cluster prod has 1 error"),
        ("warning", facts(roles=[role(**NEVER_USED)]), "EKS cluster prod has 1 warning"),
        ("error", facts(roles=[role(**NEVER_USED)]), None),
        ("warning", facts(sa(owners={"kubectl-edit": "Update"})), None),
        ("never", facts(roles=[]), None),
    ],
)
def test_failure_depends_on_severity(fail_on: str, seen: AuditFacts, expected: str | None) -> None:
    failure = find_failure(build_document(seen, spec()), fail_on)
    assert (failure.message if failure else None) == expected


def test_what_cannot_be_read_is_unknown_and_said_once() -> None:
    many = [sa("a"), sa("b")]
    audit = build_document(facts(*many, roles=REFUSED, pods={}, skipped_checks=("The roles: refused.",)), spec())
    assert ids(audit) == []
    assert not is_ok(audit)
    assert {each["state"] for each in audit["service_accounts"]} == {"unknown"}
    assert [each["exists"] for each in audit["roles"]] == [None]
    assert audit["skipped_checks"][0] == "The roles: refused."
    assert audit["skipped_checks"][1:] == [f"{SAID} It concerns shop/a and shop/b."]
    again = build_document(facts(*many, roles=REFUSED, pods={}, skipped_checks=(SAID,)), spec())
    assert again["skipped_checks"] == [SAID]


def test_roles_of_declared_accounts_are_meant() -> None:
    elsewhere = sa(role_arn=ROLE.replace("123456789012", "210987654321"))
    audit = build_document(facts(elsewhere, roles=[], pods={}), spec(role_accounts=["210987654321"]))
    assert ids(audit) == []
    assert audit["service_accounts"][0]["state"] == "unknown"


def test_a_role_with_a_path_is_one_role_however_it_is_named() -> None:
    with_path = role(Arn="arn:aws:iam::123456789012:role/teams/app")
    audit = build_document(facts(roles=[with_path]), spec())
    assert ids(audit) == ["role-path-dropped", "trusts-unannotated-account"]
    assert [each["arn"] for each in audit["roles"]] == ["arn:aws:iam::123456789012:role/teams/app"]
    assert audit["service_accounts"][0]["role"] == 0
    assert audit["roles"][0]["findings"] == [0, 1]


def test_the_dry_run_says_of_all_what_it_shows() -> None:
    shown = Finding("webhook-unreachable", "a new pod comes back untouched", "restore it")
    audit = build_document(facts(webhook=(shown,)), spec())
    assert ids(audit) == ["webhook-unreachable"]


def test_the_result_is_cut_and_counted() -> None:
    many = [sa(f"app-{number}", role_arn=f"{ROLE}-{number}") for number in range(7)]
    audit = build_document(facts(*many, roles=[], pods={}), spec(limit=5))
    returns = module_result(audit, limit=5, details=False)
    assert (len(returns["findings"]), returns["omitted"]) == (5, 2)
    assert returns["summary"][0]["count"] == 7
    assert not {"service_accounts", "roles"} & set(returns)
    assert len(module_result(audit, limit=0, details=True)["findings"]) == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ignore": ["role-sharde"]}, "did you mean role-shared?"),
        ({"role_accounts": ["12"]}, "'12', which is not an AWS account"),
        ({"namespaces": ["Shop"]}, "'Shop' is no namespace"),
        ({"unused_days": -1}, "unused_days is -1"),
        ({"max_findings": -1}, "max_findings is -1"),
        ({"max_workers": 65}, "max_workers is 65"),
        ({"issuer": "http://x"}, "issuer"),
    ],
)
def test_invalid_options_are_rejected(options: Json, said: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        spec(**options)
    assert said in str(caught.value)


def test_all_bad_options_are_named_at_once() -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        spec(max_findings=-1, unused_days=-1)
    assert "max_findings is -1" in str(caught.value)
    assert "unused_days is -1" in str(caught.value)


def test_examined_accounts_are_annotated_or_trusted() -> None:
    seen = facts(sa(), sa("plain", None), sa("trusted", None), roles=[role("shop:trusted", "shop:gone")], pods={})
    assert seen.examined_accounts == [("shop", "app"), ("shop", "trusted")]


def test_a_plain_pod_needs_no_second_look() -> None:
    assert audit_facts.is_plain(inject(plain_pod()), ROLE)
    assert not audit_facts.is_plain(inject(plain_pod()), OTHER)
    assert not audit_facts.is_plain(plain_pod(), ROLE)
    assert not audit_facts.is_plain(plain_pod(), None)


def test_owners_are_needed_for_what_their_authors_wrote() -> None:
    """A container that names a role itself is no stale one."""
    own = plain_pod("web-1")
    own["spec"]["containers"][0]["env"] = [{"name": "AWS_ROLE_ARN", "value": OTHER}]
    seen = facts(pods={("shop", "app"): [own]})
    assert ids(build_document(seen, spec())) == ["env-preset"]
    assert ids(build_document(dataclasses.replace(seen, pods=Unknown("off")), spec(pods=False))) == []
