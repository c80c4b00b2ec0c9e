# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bindings out of what is there: what they say, what they leave out, and that they change nothing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import importing
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.importing import Imported, ImportFacts
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
    """An account, annotated by somebody; the webhook's other annotations by their names, with _ for -."""
    annotations = {f"eks.amazonaws.com/{key.replace('_', '-')}": value for key, value in others.items()}
    if role is not None:
        annotations[KEY] = role
    fields = {"f:metadata": {"f:annotations": {f"f:{key}": {} for key in annotations}}}
    managed = [{"manager": manager, "operation": "Update", "fieldsV1": fields}]
    return {"metadata": {"uid": "u", "resourceVersion": "1", "annotations": annotations, "managedFields": managed}}


def statement(*names: str, operator: str = "StringEquals", audience: t.Any = STS, **more: t.Any) -> Json:
    """Trust in accounts of the namespace ns."""
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
        roles={each.name: each for each in roles or [role()]},
        **given,
    )


def collected(seen: ImportFacts) -> Imported:
    """What is found, which changes nothing."""
    found = importing.collect_bindings(seen)
    names = {"cluster_name": None, "issuer": seen.issuer, "state": "present", "force": False, "max_workers": 16}
    rest = {"rollout": False, "purge": False, "purge_limit": 0, "purge_namespaces": None}
    wanted = BindingsSpec.from_params({**names, **rest, "bindings": found.bindings})
    for name, each in wanted.roles.items():
        there = seen.roles[name]
        policies = {one.rpartition("/")[2]: one for one in there.managed_policies or ()}
        assert not plan(each, there, PlanContext(there.scope, FEDERATED, policies)).actions
    for spec in wanted.bindings:
        body = seen.service_accounts[spec.namespace, spec.service_account]
        named = spec.account_spec(spec.role_arn or body["metadata"]["annotations"][KEY])
        assert not service_account_plan.plan(named, ServiceAccountState.from_kubernetes(body))
    assert set(wanted.provider.client_ids or ()) <= set(seen.audiences or ())
    return found


def binding(name: str = "app", **rest: t.Any) -> Json:
    return {"namespace": "ns", "service_account": name, **rest}


FOUND: dict[str, tuple[ImportFacts, list[Json]]] = {
    "nobody names a role": (facts({"app": sa(None)}), []),
    "a role with nothing on it": (facts({"app": sa()}), [binding(role_name="app")]),
    "all that a role has": (
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
    "a policy of AWS that the account has one of the name of": (
        facts({"app": sa()}, role(managed_policies=(S3,)), policies={"AmazonS3ReadOnlyAccess"}),
        [binding(role_name="app", managed_policies=[S3])],
    ),
    "the account's policies couldn't be listed": (
        facts({"app": sa()}, role(managed_policies=(S3,)), policies=None),
        [binding(role_name="app", managed_policies=[S3])],
    ),
    "the account's annotations": (
        facts({"app": sa(audience=STS, sts_regional_endpoints="false", token_expiration="7200")}),
        [binding(role_name="app", audience=STS, sts_regional_endpoints=False, token_expiration=7200)],
    ),
    "an audience of its own": (
        facts({"app": sa(audience="example.com")}, role(statement("app", audience="example.com"))),
        [binding(role_name="app", audience="example.com")],
    ),
    "two accounts share a role, which is said once": (
        facts({"web": sa(), "app": sa()}, role(statement("app", "web"), tags={"team": "web"})),
        [binding(role_name="app", tags={"team": "web"}), binding("web", role_name="app")],
    ),
    "the role trusts an account that doesn't name it": (
        facts({"app": sa()}, role(statement("app", "cron"))),
        [binding(role_name="app", purge_service_accounts=False)],
    ),
    "and statements of other providers": (
        facts({"app": sa()}, role(statement("app"), {**statement("x"), "Principal": {"Service": "ec2.amazonaws.com"}})),
        [binding(role_name="app")],
    ),
    "a role of another account": (
        facts({"app": sa(arn(account="210987654321"))}),
        [binding(role_arn=arn(account="210987654321"))],
    ),
    "this collection's own": (facts({"app": sa(manager="eksops.irsa")}), [binding(role_name="app")]),
}


@pytest.mark.parametrize(("seen", "expected"), FOUND.values(), ids=FOUND.keys())
def test_bindings(seen: ImportFacts, expected: list[Json]) -> None:
    found = collected(seen)
    assert found.bindings == expected
    assert [list(each) for each in found.bindings] == [list(each) for each in expected]
    assert (found.skipped_accounts, found.notes) == ([], [])


# What only leaving the role alone leaves as it is, with a word of the note.
AS_IT_IS = {
    "a wildcard": (role(statement("a*", operator="StringLike")), "the trust policy of role app"),
    "no condition on the audience": (role(statement("app", audience=None)), "update the trust policy"),
    "an audience besides": (role(statement("app", audience=[STS, "example.com"])), "update the trust policy"),
    "more tags than one of ours may have": (
        role(tags={str(number): "" for number in range(50)}),
        "would have 51 tags",
    ),
}


@pytest.mark.parametrize(("there", "says"), AS_IT_IS.values(), ids=AS_IT_IS.keys())
def test_a_role_that_cant_be_described_is_left_as_it_is(there: Role, says: str) -> None:
    found = collected(facts({"app": sa()}, there))
    assert found.bindings == [binding(role_arn=arn())]
    (note,) = found.notes
    assert note["service_accounts"] == ["ns/app"]
    assert note["message"].startswith("role app is named by its ARN and left as it is; else: ")
    assert says in note["message"]


def test_audiences_in_separate_statements_are_left_as_they_are() -> None:
    apart = role(statement("app"), statement("web", audience="example.com"))
    found = collected(facts({"app": sa(), "web": sa(audience="example.com")}, apart))
    assert [each.get("role_arn") for each in found.bindings] == [arn(), arn()]
    assert found.notes[0]["service_accounts"] == ["ns/app", "ns/web"]


SKIPPED: dict[str, tuple[ImportFacts, str | None, str]] = {
    "a key that is none": (
        facts({"app": {"metadata": {"annotations": {"eks.amazon.com/role-arn": arn()}}}}),
        None,
        "annotation eks.amazon.com/role-arn has no effect; it looks like eks.amazonaws.com/role-arn",
    ),
    "empty": (facts({"app": sa("")}), "", "the annotation is empty"),
    "no ARN": (facts({"app": sa("app")}), "app", "the annotation is no ARN of an IAM role: 'app'"),
    "a name too long": (
        facts({"app": sa(arn("x" * 65))}),
        arn("x" * 65),
        f"name {'x' * 65!r} is not a valid IAM role name",
    ),
    "another partition": (
        facts({"app": sa(arn().replace("aws", "aws-cn", 1))}),
        arn().replace("aws", "aws-cn", 1),
        "the role is in partition aws-cn, and the cluster in aws",
    ),
    "no provider": (facts({"app": sa()}, audiences=None), arn(), f"IAM has no OIDC provider {FEDERATED}"),
    "an audience that the provider hasn't got": (
        facts({"app": sa(audience="other.example")}),
        arn(),
        "the cluster's OIDC provider doesn't accept the audience 'other.example'",
    ),
    "no role": (facts({"app": sa(arn("gone"))}), arn("gone"), "there is no role gone"),
    "a path left out": (
        facts({"app": sa()}, role(path="/teams/")),
        arn(),
        "there is no such role; IAM has arn:aws:iam::123456789012:role/teams/app",
    ),
    "not trusted": (
        facts({"app": sa()}, role(statement("web"))),
        arn(),
        "the trust policy of role app doesn't let the account in; eksops.irsa.irsa_verify says why",
    ),
    "trusted with another audience": (
        facts({"app": sa(audience="example.com")}),
        arn(),
        "the trust policy of role app doesn't let the account in; eksops.irsa.irsa_verify says why",
    ),
    "a template": (
        facts({"app": sa(arn(account="210987654321"), audience="{{x}}")}, audiences={"{{x}}"}),
        arn(account="210987654321"),
        "an annotation has what Ansible takes for a template",
    ),
}


@pytest.mark.parametrize(("seen", "role_arn", "reason"), SKIPPED.values(), ids=SKIPPED.keys())
def test_left_out(seen: ImportFacts, role_arn: str | None, reason: str) -> None:
    found = collected(seen)
    assert (found.bindings, found.notes) == ([], [])
    assert found.skipped_accounts == [
        {"namespace": "ns", "service_account": "app", "role_arn": role_arn, "reason": reason}
    ]


def test_an_account_left_out_stays_trusted() -> None:
    found = collected(facts({"app": sa(), "bad": sa(audience="other.example")}, role(statement("app", "bad"))))
    assert found.bindings == [binding(role_name="app", purge_service_accounts=False)]


def test_what_no_option_says_is_left_out_and_noted() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": ["{{x}}"]}]}
    there = role(description="{% x %}", inline_policies={"odd": policy, "read": READ}, managed_policies=None)
    found = collected(facts({"app": sa(token_expiration="0600", sts_regional_endpoints="yes")}, there))
    assert found.bindings == [binding(role_name="app", inline_policies={"read": READ})]
    assert [each["message"] for each in found.notes] == [
        "annotation eks.amazonaws.com/sts-regional-endpoints is 'yes', which no option can say; it stays as it is",
        "annotation eks.amazonaws.com/token-expiration is '0600', which no option can say; it stays as it is",
        "the description of role app has what Ansible takes for a template, and is left out",
        "inline policy odd of role app has what Ansible takes for a template, and is left out",
        "the policies of role app could not all be read, and those are left out",
    ]


def test_a_trust_that_cant_be_told_is_taken_as_it_is() -> None:
    found = collected(facts({"app": sa()}, role(statement("app", IpAddress={"aws:SourceIp": "192.0.2.0/24"}))))
    assert found.bindings == [binding(role_name="app")]


def test_the_roles_to_read() -> None:
    accounts = {
        ("ns", "a"): sa(arn("path/one")),
        ("ns", "b"): sa(arn("one")),
        ("ns", "c"): sa(arn("two", account="210987654321")),
        ("ns", "d"): sa("nonsense"),
        ("ns", "e"): sa(None),
    }
    assert importing.list_role_names(accounts, ID) == ["one"]


def test_options() -> None:
    given = {"cluster_name": None, "issuer": PROVIDER, "namespaces": ["a", "a", "b"]}
    assert importing.ImportSpec.from_params(given) == importing.ImportSpec(None, f"https://{PROVIDER}", ("a", "b"))
    with pytest.raises(InvalidInput, match="2 option values are not valid") as caught:
        importing.ImportSpec.from_params({**given, "issuer": "https://x/?y", "namespaces": ["*"]})
    assert "no URL of an OIDC issuer" in str(caught.value)
