# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spec of a role, and checks of its options."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, RoleSpec

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
    "purge_service_accounts": None,
    "allow_wildcards": False,
    "cluster_name": "c",
    "issuer": None,
    "audiences": ["sts.amazonaws.com"],
    "trust": "merge",
    "force": False,
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def make_spec(**options: t.Any) -> RoleSpec:
    return RoleSpec.from_params({**DEFAULTS, **options}, _runner.load_yaml)


def resolved_policy(policy_name: str = "well-known-x", resource: str = "arn:${partition}:s3:::x") -> dict[str, t.Any]:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    return {"name": "x", "policy_name": policy_name, "statements": [statement]}


def account(namespace: str, name: str) -> dict[str, str]:
    return {"namespace": namespace, "name": name}


def test_unset_options_are_not_in_spec() -> None:
    assert make_spec() == RoleSpec(present=True, name="app", cluster_name="c")


def test_values_are_normalised() -> None:
    spec = make_spec(
        tags={"n": 1, "b": True},
        managed_policies=["B", "A", "B"],
        service_accounts=[account("ns", "b"), account("ns", "a"), account("ns", "b")],
        inline_policies={
            "p": '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
        },
    )
    assert spec.tags == {"n": "1", "b": "true"}
    assert spec.managed_policies == ("B", "A")
    assert spec.subjects == ("system:serviceaccount:ns:a", "system:serviceaccount:ns:b")
    assert spec.inline_policies == {
        "p": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    }


def test_well_known_policies_become_inline_policies() -> None:
    spec = make_spec(inline_policies={"p": POLICY}, well_known_policies=[resolved_policy(), resolved_policy()])
    result = spec.with_well_known_policies(AccountScope("aws-cn", "123456789012"), "cn-north-1")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws-cn:s3:::x"}
    assert result.inline_policies == {"p": POLICY, "well-known-x": {"Version": "2012-10-17", "Statement": [statement]}}


@pytest.mark.parametrize(
    ("options", "names_policies", "expected"),
    [({}, False, None), ({"well_known_policies": []}, True, {}), ({"inline_policies": {}}, True, {})],
)
def test_empty_policies_differ_from_unset_policies(
    options: dict[str, t.Any], names_policies: bool, expected: dict[str, t.Any] | None
) -> None:
    spec = make_spec(**options)
    assert spec.names_inline_policies == names_policies
    assert spec.with_well_known_policies(AccountScope("aws", "123456789012"), None).inline_policies == expected


INVALID = [
    (
        {"well_known_policies": ["karpenter"]},
        "well_known_policies: karpenter is not resolved",
    ),
    (
        {"well_known_policies": [resolved_policy("p")], "inline_policies": {"p": POLICY}},
        "inline policy p is in inline_policies and in well_known_policies",
    ),
    (
        {"well_known_policies": [resolved_policy(), resolved_policy(resource="arn:${partition}:s3:::y")]},
        "well_known_policies would write inline policy well-known-x twice",
    ),
    ({"name": "a b"}, "name 'a b' is not a valid IAM role name"),
    ({"name": "x" * 65}, f"name '{'x' * 65}' is not a valid IAM role name"),
    ({"name": ""}, "name '' is not a valid IAM role name"),
    ({"name": "arn:aws:iam::1:role/x"}, "name 'arn:aws:iam::1:role/x' is an ARN"),
    ({"name": "team/x"}, "name 'team/x' contains a path"),
    ({"path": "team"}, "path 'team' is not a valid IAM role path"),
    ({"path": "/team"}, "path '/team' is not a valid IAM role path"),
    ({"path": f"/{'x' * 511}/"}, f"path '/{'x' * 511}/' is not a valid IAM role path"),
    ({"description": "x" * 1001}, "description is too long or has characters that IAM does not accept"),
    ({"description": "a \u2013 b"}, "description is too long or has characters that IAM does not accept"),
    ({"max_session_duration": 3599}, "max_session_duration 3599 is out of range"),
    ({"max_session_duration": 43201}, "max_session_duration 43201 is out of range"),
    ({"max_session_duration": 10**5000}, "max_session_duration of more than 18 digits is out of range"),
    ({"permissions_boundary": "boundary"}, "permissions_boundary 'boundary' is not a valid managed policy ARN"),
    (
        {"permissions_boundary": "arn:aws:iam::123456789012:role/x"},
        "permissions_boundary 'arn:aws:iam::123456789012:role/x' is not a valid managed policy ARN",
    ),
    ({"managed_policies": ["arn:aws:s3:::x"]}, "managed policy 'arn:aws:s3:::x' is not a valid managed policy ARN"),
    ({"managed_policies": ["service-role/X"]}, "managed policy 'service-role/X' is not a valid policy name"),
    ({"inline_policies": {"a b": POLICY}}, "inline policy 'a b' is not a valid policy name"),
    ({"inline_policies": {"p": "x"}}, "inline policy 'p' is not a policy document: it is text, not a mapping"),
    ({"inline_policies": {"p": {**POLICY, "Statement": []}}}, "inline policy 'p': it has no Statement"),
    (
        {"inline_policies": {"p": {**POLICY, "Id": "x" * 10240}}},
        "inline_policies have 10336 characters in total",
    ),
    ({"tags": {"": "x"}}, "tag key '' is not valid"),
    ({"tags": {"x" * 129: "x"}}, f"tag key '{'x' * 129}' is not valid"),
    ({"tags": {"a!": "x"}}, "tag key 'a!' is not valid"),
    ({"tags": {"AWS:x": "x"}}, "tag key 'AWS:x' is reserved for AWS"),
    ({"tags": {"a": "x" * 257}}, "the value of tag 'a' is not valid"),
    ({"tags": {"a": None}}, "the value of tag 'a' is not a string"),
    ({"tags": {"a": "x", "A": "y"}}, "tag keys 'a' and 'A' differ only in case, which IAM ignores"),
    ({"tags": {f"t{n}": "" for n in range(51)}}, "role app would have 51 tags"),
    (
        {"tags": {"Eksops.irsa/managed": True}},
        "tag Eksops.irsa/managed is reserved for this collection, which sets it on each role that it creates",
    ),
    ({"path": "/aws-reserved/sso/"}, "path '/aws-reserved/sso/' is reserved for AWS"),
    (
        {"name": "AWSReservedSSO_Admin_0123456789abcdef"},
        "role AWSReservedSSO_Admin_0123456789abcdef belongs to AWS IAM Identity Center, and only that service can "
        "change it",
    ),
    ({"service_accounts": [account("a.b", "x")]}, "service account a.b/x: 'a.b' is not a valid namespace"),
    (
        {"service_accounts": [account("x" * 64, "x")]},
        f"service account {'x' * 64}/x: '{'x' * 64}' is not a valid namespace",
    ),
    ({"service_accounts": [account("Web", "x")]}, "service account Web/x: 'Web' is not a valid namespace"),
    ({"service_accounts": [account("web", "-x")]}, "service account web/-x: '-x' is not a valid service account name"),
    (
        {"service_accounts": [account("web", "x" * 254)]},
        f"service account web/{'x' * 254}: '{'x' * 254}' is not a valid service account name",
    ),
    ({"service_accounts": [account("web", "*")]}, "service account web/* has a wildcard"),
    (
        {"service_accounts": [account("web", "A*")], "allow_wildcards": True},
        "service account web/A*: 'A*' is not a valid service account name",
    ),
    ({"service_accounts": [], "cluster_name": None}, "service_accounts is set without a cluster"),
    ({"audiences": ["sts.*"]}, "audience 'sts.*' is not a valid token audience"),
    ({"audiences": [""]}, "audience '' is not a valid token audience"),
    ({"issuer": "http://x/id"}, "issuer 'http://x/id' is not a valid OIDC issuer URL"),
    ({"issuer": "https://x/id/"}, "issuer 'https://x/id/' is not a valid OIDC issuer URL"),
    (
        {"issuer": "https://oidc-eks.eu-west-1.api.aws/id/ABC"},
        "issuer 'https://oidc-eks.eu-west-1.api.aws/id/ABC' has the dual-stack host of an EKS cluster",
    ),
    ({"issuer": "https://x/i d"}, "issuer 'https://x/i d' is not a valid OIDC issuer URL"),
]


@pytest.mark.parametrize(("options", "message"), INVALID)
def test_invalid_option_is_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_spec(**options)
    assert caught.value.message == message
    assert caught.value.fix


def test_error_lists_all_invalid_options() -> None:
    with pytest.raises(InvalidInput) as caught:
        make_spec(name="a b", path="x", service_accounts=[account("web", "*")])
    assert str(caught.value) == (
        "3 option values are not valid. "
        "Cause: (1) name 'a b' is not a valid IAM role name; (2) path 'x' is not a valid IAM role path; "
        "(3) service account web/* has a wildcard. "
        "Fix: (1) use 1 to 64 of the characters A-Z a-z 0-9 + = , . @ _ -; "
        "(2) start and end it with /, as in /teams/web/; use at most 512 printable ASCII characters; "
        "(3) name the service accounts, or set allow_wildcards to trust every service account that matches."
    )
    assert len(caught.value.details["problems"]) == 3


VALID: list[dict[str, t.Any]] = [
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
    # What was granted by mistake can be removed.
    {"issuer": "https://oidc-eks.eu-west-1.api.aws/id/ABC", "state": "absent"},
]


@pytest.mark.parametrize("options", VALID)
def test_valid_options_are_accepted(options: dict[str, t.Any]) -> None:
    assert make_spec(**options)
