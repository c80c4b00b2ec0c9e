# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from sandbox.tests.support.aws_server import ACCOUNT, REGIONS, ROOT, TRUST, Aws, expect_error


def statement(**changes: t.Any) -> dict[str, t.Any]:
    """Return TRUST with a changed statement. None removes a field."""
    changed = {**TRUST["Statement"][0], **changes}  # type: ignore[dict-item]
    return {**TRUST, "Statement": {key: value for key, value in changed.items() if value is not None}}


MALFORMED = [
    ("{", "This policy contains invalid Json"),
    ("[]", "Syntax errors in policy."),
    ({"Version": "2012-10-17"}, "Syntax errors in policy."),
    ({"Version": "2012-10-17", "Statement": []}, "Syntax errors in policy."),
    ({**TRUST, "Version": "2013-01-01"}, "The policy must contain a valid version string"),
    ({**TRUST, "Statements": []}, "Unknown field Statements"),
    (statement(Effect=None), "Missing required field Effect"),
    (statement(Effect="allow"), "Invalid effect: allow"),
    (statement(Principal=None), "Missing required field Principal"),
    (statement(Principal={"AWS": []}), "a statement with no principals!"),
    (statement(Principal={"User": "x"}), "Invalid principal in policy"),
    (statement(Action=None), "Missing required field Action"),
    (statement(Action="AssumeRole"), "must be prefaced by a vendor"),
    (statement(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
    (statement(Resource="*"), "Has prohibited field Resource"),
    (statement(Conditions={}), "Unknown field Conditions"),
    (statement(Sid="has spaces"), "Statement IDs (SID) must be alpha-numeric."),
    (statement(Condition={"StringEquals2": {"a:b": "c"}}), "Invalid Condition type : StringEquals2."),
    (statement(Principal={"Federated": "nonsense"}), "Federated principals must be valid domain names"),
    (statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/gone"}), f':{ACCOUNT}:role/gone"'),
    (statement(Principal={"AWS": "AROAEXAMPLEGONE123456"}), 'Invalid principal in policy: "AWS":"AROAEXAMPLE'),
    (statement(Principal={"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}), "Invalid principal in policy"),
    ({**TRUST, "Statement": [{**TRUST["Statement"][0], "Sid": "a"}] * 2}, "must be unique"),  # type: ignore[dict-item]
]


@pytest.mark.parametrize(("document", "message"), MALFORMED)
def test_malformed_trust_policy_is_rejected(aws: Aws, document: t.Any, message: str) -> None:
    iam = aws.client("iam")
    text = document if isinstance(document, str) else json.dumps(document)
    aws.role(TRUST, name="other")
    for call, name in (
        (iam.create_role, {"RoleName": "app", "AssumeRolePolicyDocument": text}),
        (iam.update_assume_role_policy, {"RoleName": "other", "PolicyDocument": text}),
    ):
        error = expect_error(call, **name)
        assert (error.status, error.code) == (400, "MalformedPolicyDocument")
        assert message in error.message
    assert iam.get_role(RoleName="other")["Role"]["AssumeRolePolicyDocument"] == TRUST
    assert expect_error(iam.get_role, RoleName="app").code == "NoSuchEntity"


@pytest.mark.parametrize(
    "document",
    [
        {key: value for key, value in TRUST.items() if key != "Version"},
        {**TRUST, "Version": "2008-10-17"},
        {**TRUST, "Id": "x"},
        statement(Principal="*"),
        statement(Principal={"Federated": "cognito-identity.amazonaws.com"}, Action="sts:AssumeRoleWithWebIdentity"),
        statement(Principal={"Federated": "arn:aws:iam::999999999999:oidc-provider/oidc.example/id/A"}),
        statement(Principal={"AWS": ["arn:aws:iam::999999999999:role/unseen", ROOT], "Service": "ec2.amazonaws.com"}),
        statement(Action=["sts:AssumeRole", "sts:TagSession"], Condition={"Bool": {"aws:SecureTransport": True}}),
    ],
)
def test_valid_trust_policy_is_stored_unchanged(aws: Aws, document: dict[str, t.Any]) -> None:
    aws.role(document)
    assert aws.client("iam").get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"] == document


@pytest.mark.parametrize("partition", sorted(REGIONS))
def test_account_id_becomes_root_arn(aws: Aws, partition: str) -> None:
    region = REGIONS[partition]
    aws.role(statement(Principal={"AWS": ["111122223333"]}), region=region)
    stored = aws.client("iam", region=region).get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]
    assert stored["Statement"]["Principal"] == {"AWS": [f"arn:{partition}:iam::111122223333:root"]}


def test_deleted_principal_is_replaced_by_its_id(aws: Aws) -> None:
    iam = aws.client("iam")
    principal = aws.role(TRUST, name="caller")
    caller_id = iam.get_role(RoleName="caller")["Role"]["RoleId"]
    aws.role(statement(Principal={"AWS": principal}))
    iam.delete_role(RoleName="caller")
    stored = iam.get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]
    assert stored["Statement"]["Principal"] == {"AWS": caller_id}
    update = {"RoleName": "app", "PolicyDocument": json.dumps(stored)}
    assert expect_error(iam.update_assume_role_policy, **update).message.endswith(f'"AWS":"{caller_id}"')
    aws.role(TRUST, name="caller")
    assert expect_error(iam.update_assume_role_policy, **update).code == "MalformedPolicyDocument"


def test_trust_policy_size_ignores_white_space(aws: Aws) -> None:
    iam = aws.client("iam")

    def of_size(size: int) -> str:
        filler = "x" * (size - len(json.dumps(statement(Condition={"StringEquals": {"a:b": ""}})).replace(" ", "")))
        return json.dumps(statement(Condition={"StringEquals": {"a:b": filler}}), indent=8)

    assert len(of_size(2048)) > 2200
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=of_size(2048))
    too_long = {"RoleName": "app", "PolicyDocument": of_size(2049)}
    expected = (409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    assert expect_error(iam.update_assume_role_policy, **too_long) == expected
    aws.control("POST", "quotas", {"AssumeRolePolicySizeQuota": 4096})
    assert iam.get_account_summary()["SummaryMap"]["AssumeRolePolicySizeQuota"] == 4096
    iam.update_assume_role_policy(**too_long)
