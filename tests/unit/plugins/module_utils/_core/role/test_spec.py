# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users say of a role, checked."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import (
    AccountScope,
    RoleSpec,
    inline_policy_faults,
)

DEFAULTS: dict[str, t.Any] = {
    "state": "present",
    "name": "app",
    "path": None,
    "description": None,
    "max_session_duration": None,
    "permissions_boundary": None,
    "managed_policies": None,
    "purge_policies": False,
    "inline_policies": None,
    "purge_inline_policies": False,
    "tags": None,
    "purge_tags": True,
    "service_accounts": None,
    "purge_service_accounts": True,
    "allow_wildcards": False,
    "cluster_name": "c",
    "issuer": None,
    "audiences": ["sts.amazonaws.com"],
    "trust": "merge",
    "force": False,
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def wanted(**options: t.Any) -> RoleSpec:
    return RoleSpec.from_params({**DEFAULTS, **options}, _runner.load_yaml)


def looked_up(policy_name: str = "well-known-x", resource: str = "arn:${partition}:s3:::x") -> dict[str, t.Any]:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    return {"name": "x", "policy_name": policy_name, "statements": [statement]}


def account(namespace: str, name: str) -> dict[str, str]:
    return {"namespace": namespace, "name": name}


def test_what_is_left_out_is_not_wanted() -> None:
    assert wanted() == RoleSpec(present=True, name="app", cluster_name="c")


def test_values_are_normalised() -> None:
    made = wanted(
        tags={"n": 1, "b": True},
        managed_policies=["B", "A", "B"],
        service_accounts=[account("ns", "b"), account("ns", "a"), account("ns", "b")],
        inline_policies={
            "p": '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
        },
    )
    assert made.tags == {"n": "1", "b": "True"}
    assert made.managed_policies == ("B", "A")
    assert made.subjects == ("system:serviceaccount:ns:a", "system:serviceaccount:ns:b")
    assert made.inline_policies == {
        "p": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    }


def test_well_known_policies_are_inline_policies_of_the_role_in_its_place() -> None:
    made = wanted(inline_policies={"p": POLICY}, well_known_policies=[looked_up(), looked_up()])
    placed = made.with_well_known_policies(AccountScope("aws-cn", "123456789012"), "cn-north-1")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws-cn:s3:::x"}
    assert placed.inline_policies == {"p": POLICY, "well-known-x": {"Version": "2012-10-17", "Statement": [statement]}}


@pytest.mark.parametrize(
    ("options", "names", "placed"),
    [({}, False, None), ({"well_known_policies": []}, True, {}), ({"inline_policies": {}}, True, {})],
)
def test_no_policies_are_not_the_same_as_policies_left_out(
    options: dict[str, t.Any], names: bool, placed: dict[str, t.Any] | None
) -> None:
    made = wanted(**options)
    assert made.names_inline_policies == names
    assert made.with_well_known_policies(AccountScope("aws", "123456789012"), None).inline_policies == placed


BAD = [
    (
        {"well_known_policies": ["karpenter"]},
        "well_known_policies: karpenter was not looked up",
    ),
    (
        {"well_known_policies": [looked_up("p")], "inline_policies": {"p": POLICY}},
        "p is both in inline_policies and a well-known policy",
    ),
    (
        {"well_known_policies": [looked_up(), looked_up(resource="arn:${partition}:s3:::y")]},
        "well_known_policies would write inline policy well-known-x twice",
    ),
    ({"name": "a b"}, "name 'a b' is no name of an IAM role"),
    ({"name": "x" * 65}, f"name '{'x' * 65}' is no name of an IAM role"),
    ({"name": ""}, "name '' is no name of an IAM role"),
    ({"name": "arn:aws:iam::1:role/x"}, "name 'arn:aws:iam::1:role/x' is an ARN"),
    ({"name": "team/x"}, "name 'team/x' contains a path"),
    ({"path": "team"}, "path 'team' is no path of an IAM role"),
    ({"path": "/team"}, "path '/team' is no path of an IAM role"),
    ({"path": f"/{'x' * 511}/"}, f"path '/{'x' * 511}/' is no path of an IAM role"),
    ({"description": "x" * 1001}, "description is longer than IAM takes, or has characters it doesn't take"),
    ({"description": "a \u2013 b"}, "description is longer than IAM takes, or has characters it doesn't take"),
    ({"max_session_duration": 3599}, "max_session_duration 3599 is out of IAM's range"),
    ({"max_session_duration": 43201}, "max_session_duration 43201 is out of IAM's range"),
    ({"permissions_boundary": "boundary"}, "permissions_boundary 'boundary' is no ARN of a managed policy"),
    (
        {"permissions_boundary": "arn:aws:iam::123456789012:role/x"},
        "permissions_boundary 'arn:aws:iam::123456789012:role/x' is no ARN of a managed policy",
    ),
    ({"managed_policies": ["arn:aws:s3:::x"]}, "managed policy 'arn:aws:s3:::x' is no ARN of a managed policy"),
    ({"managed_policies": ["service-role/X"]}, "managed policy 'service-role/X' is no name of a policy"),
    ({"inline_policies": {"a b": POLICY}}, "inline policy 'a b' is no name of a policy"),
    ({"inline_policies": {"p": "x"}}, "inline policy 'p' is no policy document: it is text, not a mapping"),
    ({"inline_policies": {"p": {**POLICY, "Statement": []}}}, "inline policy 'p': it has no Statement"),
    (
        {"inline_policies": {"p": {**POLICY, "Id": "x" * 10240}}},
        "inline_policies have 10336 characters together",
    ),
    ({"tags": {"": "x"}}, "tag key '' is not one that AWS takes"),
    ({"tags": {"x" * 129: "x"}}, f"tag key '{'x' * 129}' is not one that AWS takes"),
    ({"tags": {"a!": "x"}}, "tag key 'a!' is not one that AWS takes"),
    ({"tags": {"AWS:x": "x"}}, "tag key 'AWS:x' is reserved for AWS"),
    ({"tags": {"a": "x" * 257}}, "tag 'a' has a value that AWS doesn't take"),
    ({"tags": {"a": None}}, "tag 'a' has no text as its value"),
    ({"tags": {"a": "x", "A": "y"}}, "tag keys 'a' and 'A' are the same to IAM"),
    ({"tags": {f"t{n}": "" for n in range(50)}}, "role app would have 51 tags"),
    ({"service_accounts": [account("a.b", "x")]}, "service account a.b/x: 'a.b' is no namespace"),
    ({"service_accounts": [account("x" * 64, "x")]}, f"service account {'x' * 64}/x: '{'x' * 64}' is no namespace"),
    ({"service_accounts": [account("Web", "x")]}, "service account Web/x: 'Web' is no namespace"),
    ({"service_accounts": [account("web", "-x")]}, "service account web/-x: '-x' is no name of a service account"),
    (
        {"service_accounts": [account("web", "x" * 254)]},
        f"service account web/{'x' * 254}: '{'x' * 254}' is no name of a service account",
    ),
    ({"service_accounts": [account("web", "*")]}, "service account web/* has a wildcard"),
    (
        {"service_accounts": [account("web", "A*")], "allow_wildcards": True},
        "service account web/A*: 'A*' is no name of a service account",
    ),
    ({"service_accounts": [], "cluster_name": None}, "service_accounts are given without a cluster"),
    ({"audiences": ["sts.*"]}, "audience 'sts.*' can't be the audience of a token"),
    ({"audiences": [""]}, "audience '' can't be the audience of a token"),
    ({"issuer": "http://x/id"}, "issuer 'http://x/id' is no URL of an OIDC issuer"),
    ({"issuer": "https://x/id/"}, "issuer 'https://x/id/' is no URL of an OIDC issuer"),
    ({"issuer": "https://x/i d"}, "issuer 'https://x/i d' is no URL of an OIDC issuer"),
    (
        {"service_accounts": [account("n" * 63, f"{'x' * 240}{n}") for n in range(13)]},
        "13 service accounts make a trust policy of at least 4527 characters",
    ),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_what_cannot_be_right_is_named(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        wanted(**options)
    assert caught.value.message == message
    assert caught.value.fix


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        wanted(name="a b", path="x", service_accounts=[account("web", "*")])
    assert str(caught.value) == (
        "3 of the given values can't be right. "
        "Cause: (1) name 'a b' is no name of an IAM role; (2) path 'x' is no path of an IAM role; "
        "(3) service account web/* has a wildcard. "
        "Fix: (1) use 1 to 64 of the characters A-Z a-z 0-9 + = , . @ _ -; "
        "(2) begin and end it with /, as in /teams/web/; at most 512 printable ASCII characters; "
        "(3) name the accounts, or set allow_wildcards to trust every account that matches."
    )
    assert len(caught.value.details["problems"]) == 3


GOOD: list[dict[str, t.Any]] = [
    {"name": "x" * 64},
    {"name": "A+b=c,d.e@f_g-h"},
    {"path": "/"},
    {"path": "/a/b c/".replace(" ", "!")},
    {"description": ""},
    {"description": "Zugriff für S3"},
    {"permissions_boundary": ""},
    {"permissions_boundary": "arn:aws-us-gov:iam::aws:policy/PowerUserAccess"},
    {"managed_policies": ["arn:aws-cn:iam::123456789012:policy/team/x"]},
    {"managed_policies": []},
    {"tags": {"Kostenstelle für": "a b/c:d=e+f-g@h"}},
    {"service_accounts": [account("web", "a.b-c")]},
    {"service_accounts": [account("*", "job-?")], "allow_wildcards": True},
    {"service_accounts": [account("web", "*")], "state": "absent"},
    {"audiences": []},
    {"issuer": "oidc.eks.eu-west-1.amazonaws.com/id/ABC", "cluster_name": None, "service_accounts": []},
    {"issuer": "https://oidc.eks.eu-west-1.amazonaws.com:443/id/ABC"},
]


@pytest.mark.parametrize("options", GOOD)
def test_what_is_right_passes(options: dict[str, t.Any]) -> None:
    assert wanted(**options)


FINE = {"Effect": "Allow", "Action": ["s3:*"], "NotResource": "*"}


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ({"Version": "2012-10-17", "Statement": FINE}, []),
        ({"Statement": [FINE], "Id": "x"}, []),
        ({}, ["it has no Statement"]),
        ({"Statement": []}, ["it has no Statement"]),
        ({"Statement": [FINE], "statement": 1}, ["unknown element statement"]),
        ({"Version": "2012", "Statement": [FINE]}, ["Version '2012' is neither 2012-10-17 nor 2008-10-17"]),
        ({"Statement": ["x"]}, ["statement 1 is not a mapping"]),
        ({"Statement": [FINE, {**FINE, "Effect": "allow"}]}, ["statement 2: Effect is neither Allow nor Deny"]),
        ({"Statement": {**FINE, "Principal": "*"}}, ["statement 1: Principal has no place in a policy of a role"]),
        ({"Statement": {**FINE, "Resources": "*"}}, ["statement 1: unknown element Resources"]),
        ({"Statement": {**FINE, "Resource": "*"}}, ["statement 1: it needs one of Resource and NotResource"]),
        ({"Statement": {**FINE, "Action": []}}, ["statement 1: Action is not a list of strings"]),
        ({"Statement": {**FINE, "NotResource": [3]}}, ["statement 1: NotResource is not a list of strings"]),
        (
            {"Statement": {**FINE, "Sid": "a b"}},
            ["statement 1: Sid 'a b' has other characters than letters and digits"],
        ),
    ],
)
def test_faults_of_an_inline_policy(document: dict[str, t.Any], faults: list[str]) -> None:
    assert inline_policy_faults(document) == faults
