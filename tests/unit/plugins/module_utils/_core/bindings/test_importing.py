# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bindings from the observed state. Each test also checks that the bindings change nothing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import importing
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.importing import ImportFacts, ImportResult
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingsSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.plan import PlanContext, plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import Role
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import ServiceAccountState

Json = dict[str, t.Any]

ID, STS = "123456789012", "sts.amazonaws.com"
PROVIDER = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
FEDERATED = f"arn:aws:iam::{ID}:oidc-provider/{PROVIDER}"
KEY, EXPIRATION = "eks.amazonaws.com/role-arn", "eks.amazonaws.com/token-expiration"
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
OWN = f"arn:aws:iam::{ID}:policy/own"
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}


def arn(name: str = "app", account: str = ID) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def sa(role: str | None = arn(), manager: str = "eksctl", **others: str) -> Json:
    """Make a service account. Keyword arguments are other annotations of the webhook, with _ instead of -."""
    annotations = {f"eks.amazonaws.com/{key.replace('_', '-')}": value for key, value in others.items()}
    if role is not None:
        annotations[KEY] = role
    fields = {"f:metadata": {"f:annotations": {f"f:{key}": {} for key in annotations}}}
    managed = [{"manager": manager, "operation": "Update", "fieldsV1": fields}]
    return {"metadata": {"uid": "u", "resourceVersion": "1", "annotations": annotations, "managedFields": managed}}


def statement(*names: str, operator: str = "StringEquals", audience: t.Any = STS, **more: t.Any) -> Json:
    """Make a statement that trusts service accounts in the namespace ns."""
    condition: Json = {operator: {f"{PROVIDER}:sub": [f"system:serviceaccount:ns:{name}" for name in names]}}
    if audience:
        condition.setdefault("StringEquals", {})[f"{PROVIDER}:aud"] = audience
    condition.update(more)
    principal = {"Federated": FEDERATED}
    action = "sts:AssumeRoleWithWebIdentity"
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}


def role(*statements: Json, name: str = "app", **settings: t.Any) -> Role:
    given: Json = {
        "path": "/",
        "description": "",
        "managed_policies": (),
        "inline_policies": {},
        "permissions_boundary": None,
        "max_session_duration": 3600,
        "tags": {},
        **settings,
    }
    trust = {"Version": "2012-10-17", "Statement": list(statements) or [statement("app")]}
    return Role(arn=arn(given["path"].lstrip("/") + name), name=name, role_id="AROA", trust_policy=trust, **given)


def facts(accounts: t.Mapping[str, Json], *roles: Role, **rest: t.Any) -> ImportFacts:
    given: Json = {"audiences": {STS, "example.com"}, "policies": {"own"}, **rest}
    return ImportFacts(
        partition="aws",
        account_id=ID,
        issuer=f"https://{PROVIDER}",
        service_accounts={("ns", name): body for name, body in accounts.items()},
        roles={iam_role.name: iam_role for iam_role in roles or [role()]},
        **given,
    )


def collect(observed: ImportFacts) -> ImportResult:
    """Collect the bindings, and check that they change nothing."""
    result = importing.collect_bindings(observed)
    params = {"cluster_name": None, "issuer": observed.issuer, "state": "present", "force": False, "max_workers": 16}
    params |= {"rollout": False, "purge": False, "purge_limit": 0, "purge_namespaces": None}
    specs = BindingsSpec.from_params({**params, "bindings": result.bindings})
    for name, role_spec in specs.roles.items():
        before = observed.roles[name]
        policies = {policy.rpartition("/")[2]: policy for policy in before.managed_policies or ()}
        assert not plan(role_spec, before, PlanContext(before.scope, FEDERATED, policies)).actions
    for spec in [spec for spec in specs.bindings if not spec.is_pattern]:
        body = observed.service_accounts[spec.namespace, spec.service_account]
        account_spec = spec.account_spec(spec.role_arn or body["metadata"]["annotations"][KEY])
        assert not service_account_plan.plan(account_spec, ServiceAccountState.from_kubernetes(body))
    assert set(specs.provider.client_ids or ()) <= set(observed.audiences or ())
    return result


def binding(name: str = "app", **rest: t.Any) -> Json:
    return {"namespace": "ns", "service_account": name, **rest}


BINDINGS: dict[str, tuple[ImportFacts, list[Json]]] = {
    "account-without-role": (facts({"app": sa(None)}), []),
    "role-without-settings": (facts({"app": sa()}), [binding(role_name="app")]),
    "all-role-settings": (
        facts(
            {"app": sa(arn("teams/web/app"))},
            role(
                path="/teams/web/",
                description="Reads",
                managed_policies=(S3, OWN),
                inline_policies={"read": READ},
                permissions_boundary=OWN,
                max_session_duration=7200,
                tags={"team": "web", "aws:cloudformation:stack-name": "x", "eksops.irsa/managed": "true"},
            ),
        ),
        [
            binding(
                role_name="app",
                path="/teams/web/",
                description="Reads",
                max_session_duration=7200,
                permissions_boundary=OWN,
                managed_policies=["AmazonS3ReadOnlyAccess", OWN],
                inline_policies={"read": READ},
                tags={"team": "web"},
            )
        ],
    ),
    "customer-managed-policy-with-the-name-of-an-aws-policy": (
        facts({"app": sa()}, role(managed_policies=(S3,)), policies={"AmazonS3ReadOnlyAccess"}),
        [binding(role_name="app", managed_policies=[S3])],
    ),
    "policies-not-listed": (
        facts({"app": sa()}, role(managed_policies=(S3,)), policies=None),
        [binding(role_name="app", managed_policies=[S3])],
    ),
    "annotations": (
        facts({"app": sa(audience=STS, sts_regional_endpoints="false", token_expiration="7200")}),
        [binding(role_name="app", audience=STS, sts_regional_endpoints=False, token_expiration=7200)],
    ),
    "custom-audience": (
        facts({"app": sa(audience="example.com")}, role(statement("app", audience="example.com"))),
        [binding(role_name="app", audience="example.com")],
    ),
    "two-accounts-with-one-role": (
        facts({"web": sa(), "app": sa()}, role(statement("app", "web"), tags={"team": "web"})),
        [binding(role_name="app", tags={"team": "web"}), binding("web", role_name="app")],
    ),
    "role-trusts-an-unannotated-account": (
        facts({"app": sa()}, role(statement("app", "cron"))),
        [binding(role_name="app", purge_service_accounts=False)],
    ),
    "foreign-statement": (
        facts({"app": sa()}, role(statement("app"), {**statement("x"), "Principal": {"Service": "ec2.amazonaws.com"}})),
        [binding(role_name="app")],
    ),
    "role-in-another-aws-account": (
        facts({"app": sa(arn(account="210987654321"))}),
        [binding(role_arn=arn(account="210987654321"))],
    ),
    "wildcard": (
        facts({"app": sa(), "api": sa()}, role(statement("a*", operator="StringLike"), tags={"team": "web"})),
        [
            binding("a*", role_name="app", allow_wildcards=True),
            binding("api", role_name="app", tags={"team": "web"}),
            binding(role_name="app"),
        ],
    ),
    "wildcard-and-names": (
        facts({"app": sa()}, role(statement("app", "cron"), statement("a*", operator="StringLike"))),
        [binding(role_name="app", purge_service_accounts=False)],
    ),
    "no-audience-condition": (
        facts({"app": sa()}, role(statement("app", audience=None))),
        [binding(role_name="app", audiences=[])],
    ),
    "additional-audience": (
        facts({"app": sa()}, role(statement("app", audience=[STS, "example.com"]))),
        [binding(role_name="app", audiences=["example.com", STS])],
    ),
    "wildcard-without-audience-condition": (
        facts({"app": sa()}, role(statement("*", operator="StringLike", audience=None))),
        [
            binding("*", role_name="app", allow_wildcards=True),
            binding(role_name="app", audiences=[]),
        ],
    ),
    "annotation-owned-by-this-collection": (facts({"app": sa(manager="eksops.irsa")}), [binding(role_name="app")]),
}


@pytest.mark.parametrize(("observed", "expected"), BINDINGS.values(), ids=BINDINGS.keys())
def test_bindings_describe_the_observed_state(observed: ImportFacts, expected: list[Json]) -> None:
    result = collect(observed)
    assert result.bindings == expected
    # The order of the keys is part of the result.
    assert [list(item) for item in result.bindings] == [list(item) for item in expected]
    assert (result.skipped_accounts, result.notes) == ([], [])


def test_role_with_audiences_in_separate_statements_is_not_managed() -> None:
    observed = role(statement("app"), statement("web", audience="example.com"))
    result = collect(facts({"app": sa(), "web": sa(audience="example.com")}, observed))
    assert [item.get("role_arn") for item in result.bindings] == [arn(), arn()]
    (note,) = result.notes
    assert note["service_accounts"] == ["ns/app", "ns/web"]
    assert note["message"].startswith(
        "role app is not managed (role_arn), because a binding with role_name would change it: "
    )
    assert "update the trust policy" in note["message"]


SKIPPED: dict[str, tuple[ImportFacts, str | None, str]] = {
    "misspelled-key": (
        facts({"app": {"metadata": {"annotations": {"eks.amazon.com/role-arn": arn()}}}}),
        None,
        "annotation eks.amazon.com/role-arn has no effect; the correct key is eks.amazonaws.com/role-arn",
    ),
    "empty-annotation": (facts({"app": sa("")}), "", "the annotation is empty"),
    "invalid-arn": (facts({"app": sa("app")}), "app", "the annotation is not a valid role ARN: 'app'"),
    "role-name-too-long": (
        facts({"app": sa(arn("x" * 65))}),
        arn("x" * 65),
        f"name {'x' * 65!r} is not a valid IAM role name",
    ),
    "another-partition": (
        facts({"app": sa(arn().replace("aws", "aws-cn", 1))}),
        arn().replace("aws", "aws-cn", 1),
        "the role is in partition aws-cn, but the cluster is in aws",
    ),
    "provider-missing": (facts({"app": sa()}, audiences=None), arn(), f"OIDC provider {FEDERATED} does not exist"),
    "audience-not-accepted-by-provider": (
        facts({"app": sa(audience="other.example")}),
        arn(),
        "the OIDC provider of the cluster does not accept audience 'other.example'",
    ),
    "role-missing": (facts({"app": sa(arn("gone"))}), arn("gone"), "role gone does not exist"),
    "path-missing-in-annotation": (
        facts({"app": sa()}, role(path="/teams/")),
        arn(),
        "the annotation differs from the ARN of the role, arn:aws:iam::123456789012:role/teams/app",
    ),
    "not-trusted": (
        facts({"app": sa()}, role(statement("web"))),
        arn(),
        "role app does not trust the service account; eksops.irsa.irsa_verify shows why",
    ),
    "trusted-with-another-audience": (
        facts({"app": sa(audience="example.com")}),
        arn(),
        "role app does not trust the service account; eksops.irsa.irsa_verify shows why",
    ),
    "template-in-annotation": (
        facts({"app": sa(arn(account="210987654321"), audience="{{x}}")}, audiences={"{{x}}"}),
        arn(account="210987654321"),
        "an annotation contains template syntax of Ansible",
    ),
}


@pytest.mark.parametrize(("observed", "role_arn", "reason"), SKIPPED.values(), ids=SKIPPED.keys())
def test_skipped_accounts(observed: ImportFacts, role_arn: str | None, reason: str) -> None:
    result = collect(observed)
    assert (result.bindings, result.notes) == ([], [])
    assert result.skipped_accounts == [
        {"namespace": "ns", "service_account": "app", "role_arn": role_arn, "reason": reason}
    ]


def test_skipped_account_stays_in_the_trust_policy() -> None:
    result = collect(facts({"app": sa(), "bad": sa(audience="other.example")}, role(statement("app", "bad"))))
    assert result.bindings == [binding(role_name="app", purge_service_accounts=False)]


def test_values_that_no_option_can_set_are_noted() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": ["{{x}}"]}]}
    observed = role(description="{% x %}", inline_policies={"template": policy, "read": READ}, managed_policies=None)
    result = collect(facts({"app": sa(token_expiration="0600", sts_regional_endpoints="yes")}, observed))
    assert result.bindings == [binding(role_name="app", inline_policies={"read": READ})]
    assert [note["message"] for note in result.notes] == [
        "annotation eks.amazonaws.com/sts-regional-endpoints is kept: no option can set its value 'yes'",
        "annotation eks.amazonaws.com/token-expiration is kept: no option can set its value '0600'",
        "the description of role app is omitted, because it contains template syntax of Ansible",
        "inline policy template of role app is omitted, because it contains template syntax of Ansible",
        "some policies of role app are omitted, because they could not be read",
    ]


def test_undecidable_trust_policy_is_not_skipped() -> None:
    result = collect(facts({"app": sa()}, role(statement("app", IpAddress={"aws:SourceIp": "192.0.2.0/24"}))))
    assert result.bindings == [binding(role_name="app")]


def test_list_role_names() -> None:
    accounts = {
        ("ns", "a"): sa(arn("path/one")),
        ("ns", "b"): sa(arn("one")),
        ("ns", "c"): sa(arn("two", account="210987654321")),
        ("ns", "d"): sa("invalid"),
        ("ns", "e"): sa(None),
    }
    assert importing.list_role_names(accounts, ID) == ["one"]


def test_import_spec_from_params() -> None:
    given = {"cluster_name": None, "issuer": PROVIDER, "namespaces": ["a", "a", "b"]}
    assert importing.ImportSpec.from_params(given) == importing.ImportSpec(None, f"https://{PROVIDER}", ("a", "b"))
    with pytest.raises(InvalidInput, match="2 option values are not valid") as raised:
        importing.ImportSpec.from_params({**given, "issuer": "https://x/?y", "namespaces": ["*"]})
    assert "is not a valid OIDC issuer URL" in str(raised.value)
