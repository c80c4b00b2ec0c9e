# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from sandbox.tests.support.aws_server import POLICY, READ_ONLY, TRUST, Aws, expect_error


def test_attached_policies(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    arns = [iam.create_policy(PolicyName=f"p{i:02}", PolicyDocument=POLICY)["Policy"]["Arn"] for i in range(11)]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="app", PolicyArn=arn)
    iam.attach_role_policy(RoleName="app", PolicyArn=arns[0])
    error = expect_error(iam.attach_role_policy, RoleName="app", PolicyArn=arns[10])
    assert error == (409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")

    pages = list(
        iam.get_paginator("list_attached_role_policies").paginate(RoleName="app", PaginationConfig={"PageSize": 5})
    )
    assert [len(page["AttachedPolicies"]) for page in pages] == [5, 5]
    assert [page["IsTruncated"] for page in pages] == [True, False]

    assert expect_error(iam.delete_policy, PolicyArn=arns[0]).code == "DeleteConflict"
    iam.detach_role_policy(RoleName="app", PolicyArn=arns[0])
    not_found = expect_error(iam.detach_role_policy, RoleName="app", PolicyArn=arns[0])
    assert not_found == (404, "NoSuchEntity", f"Policy {arns[0]} was not found.")
    iam.delete_policy(PolicyArn=arns[0])
    missing = expect_error(iam.attach_role_policy, RoleName="app", PolicyArn=arns[0])
    assert missing == (404, "NoSuchEntity", f"Policy {arns[0]} does not exist or is not attachable.")
    malformed = "arn:aws:iam::123456789012:group/x"
    assert expect_error(iam.attach_role_policy, RoleName="app", PolicyArn=malformed).code == "InvalidInput"


def test_inline_policies(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    big = json.loads(POLICY)
    big["Statement"][0]["Resource"] = "arn:aws:s3:::" + "a" * 9000
    iam.put_role_policy(RoleName="app", PolicyName="big", PolicyDocument=json.dumps(big))
    error = expect_error(iam.put_role_policy, RoleName="app", PolicyName="more", PolicyDocument=json.dumps(big))
    assert error == (409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role app")
    iam.put_role_policy(RoleName="app", PolicyName="big", PolicyDocument=json.dumps(big, indent=4))
    for name in ("a", "b", "c"):
        iam.put_role_policy(RoleName="app", PolicyName=name, PolicyDocument=POLICY)
    first = iam.list_role_policies(RoleName="app", MaxItems=3)
    assert (first["PolicyNames"], first["IsTruncated"]) == (["a", "b", "big"], True)
    iam.delete_role_policy(RoleName="app", PolicyName="b")
    second = iam.list_role_policies(RoleName="app", MaxItems=3, Marker=first["Marker"])
    assert (second["PolicyNames"], second["IsTruncated"]) == (["c"], False)
    not_found = (404, "NoSuchEntity", "The role policy with name b cannot be found.")
    assert expect_error(iam.get_role_policy, RoleName="app", PolicyName="b") == not_found
    assert expect_error(iam.delete_role_policy, RoleName="app", PolicyName="b") == not_found
    assert iam.get_role_policy(RoleName="app", PolicyName="a")["PolicyDocument"] == json.loads(POLICY)
    no_resource = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}'
    malformed = expect_error(iam.put_role_policy, RoleName="app", PolicyName="x", PolicyDocument=no_resource)
    assert malformed == (400, "MalformedPolicyDocument", "Policy statement must contain resources.")


def test_aws_managed_policies_exist(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    iam.attach_role_policy(RoleName="app", PolicyArn=READ_ONLY)
    policies = [p for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for p in page["Policies"]]
    assert len(policies) > 1000
    assert len({policy["Arn"] for policy in policies}) == len(policies)
    china = aws.client("iam", region="cn-north-1").get_policy(PolicyArn=READ_ONLY.replace("aws", "aws-cn", 1))
    assert china["Policy"]["PolicyName"] == "ReadOnlyAccess"
    iam.create_policy(PolicyName="mine", PolicyDocument=POLICY)
    assert [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]] == ["mine"]
