# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from sandbox import settings
from sandbox.tests.support.aws_server import REGIONS, Aws, refusal

ACCOUNT = settings.ACCOUNT_ID
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}],
}
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}'
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def statement(**changes: t.Any) -> dict[str, t.Any]:
    """TRUST with its statement changed; None takes a field away."""
    changed = {**TRUST["Statement"][0], **changes}  # type: ignore[dict-item]
    return {**TRUST, "Statement": {key: value for key, value in changed.items() if value is not None}}


# Trust policies

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
def test_malformed_trust_is_refused(aws: Aws, document: t.Any, message: str) -> None:
    iam = aws.client("iam")
    text = document if isinstance(document, str) else json.dumps(document)
    aws.role(TRUST, name="other")
    for call, name in (
        (iam.create_role, {"RoleName": "app", "AssumeRolePolicyDocument": text}),
        (iam.update_assume_role_policy, {"RoleName": "other", "PolicyDocument": text}),
    ):
        status, code, found = refusal(call, **name)
        assert (status, code) == (400, "MalformedPolicyDocument")
        assert message in found
    assert iam.get_role(RoleName="other")["Role"]["AssumeRolePolicyDocument"] == TRUST
    assert refusal(iam.get_role, RoleName="app").code == "NoSuchEntity"


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
def test_well_formed_trust_comes_back_as_it_went_in(aws: Aws, document: dict[str, t.Any]) -> None:
    aws.role(document)
    assert aws.client("iam").get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"] == document


@pytest.mark.parametrize("partition", sorted(REGIONS))
def test_an_account_id_becomes_its_root(aws: Aws, partition: str) -> None:
    region = REGIONS[partition]
    aws.role(statement(Principal={"AWS": ["111122223333"]}), region=region)
    stored = aws.client("iam", region=region).get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]
    assert stored["Statement"]["Principal"] == {"AWS": [f"arn:{partition}:iam::111122223333:root"]}


def test_a_deleted_principal_shows_its_id_and_blocks_the_next_write(aws: Aws) -> None:
    iam = aws.client("iam")
    principal = aws.role(TRUST, name="caller")
    caller_id = iam.get_role(RoleName="caller")["Role"]["RoleId"]
    aws.role(statement(Principal={"AWS": principal}))
    iam.delete_role(RoleName="caller")
    stored = iam.get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]
    assert stored["Statement"]["Principal"] == {"AWS": caller_id}
    update = {"RoleName": "app", "PolicyDocument": json.dumps(stored)}
    assert refusal(iam.update_assume_role_policy, **update).message.endswith(f'"AWS":"{caller_id}"')
    aws.role(TRUST, name="caller")
    assert refusal(iam.update_assume_role_policy, **update).code == "MalformedPolicyDocument"


def test_trust_size_counts_everything_but_white_space(aws: Aws) -> None:
    iam = aws.client("iam")

    def of_size(size: int) -> str:
        filler = "x" * (size - len(json.dumps(statement(Condition={"StringEquals": {"a:b": ""}})).replace(" ", "")))
        return json.dumps(statement(Condition={"StringEquals": {"a:b": filler}}), indent=8)

    assert len(of_size(2048)) > 2200
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=of_size(2048))
    too_long = {"RoleName": "app", "PolicyDocument": of_size(2049)}
    expected = (409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    assert refusal(iam.update_assume_role_policy, **too_long) == expected
    aws.admin("POST", "quotas", {"AssumeRolePolicySizeQuota": 4096})
    assert iam.get_account_summary()["SummaryMap"]["AssumeRolePolicySizeQuota"] == 4096
    iam.update_assume_role_policy(**too_long)


# Roles

ROLE_PARAMETERS = [
    ({"RoleName": "a" * 65}, "ValidationError", "have length less than or equal to 64"),
    ({"RoleName": "a/b"}, "ValidationError", "The specified value for roleName is invalid."),
    ({"Path": "team"}, "ValidationError", "It must begin and end with /"),
    ({"Path": "/" + "a" * 511 + "/"}, "ValidationError", "have length less than or equal to 512"),
    ({"Description": "a" * 1001}, "ValidationError", "have length less than or equal to 1000"),
    ({"Description": "\u4e2d"}, "ValidationError", "satisfy regular expression pattern"),
    ({"MaxSessionDuration": 3599}, "ValidationError", "have value greater than or equal to 3600"),
    ({"MaxSessionDuration": 43201}, "ValidationError", "have value less than or equal to 43200"),
    ({"Tags": [{"Key": f"k{i}", "Value": ""} for i in range(51)]}, "ValidationError", "less than or equal to 50"),
    ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidInput", "case insensitive"),
    ({"Tags": [{"Key": "AWS:x", "Value": "1"}]}, "InvalidInput", "reserved"),
    ({"Tags": [{"Key": "a" * 129, "Value": ""}]}, "ValidationError", "less than or equal to 128"),
    ({"Tags": [{"Key": "a", "Value": "b" * 257}]}, "ValidationError", "less than or equal to 256"),
    ({"Tags": [{"Key": "a", "Value": "b*"}]}, "ValidationError", "satisfy regular expression pattern"),
    (
        {"PermissionsBoundary": "arn:aws:iam::aws:policy/None"},
        "NoSuchEntity",
        "Scope ARN: arn:aws:iam::aws:policy/None",
    ),
    ({"PermissionsBoundary": "arn:aws:iam::aws:role/ReadOnly"}, "InvalidInput", "is not valid"),
]


@pytest.mark.parametrize(("changes", "code", "message"), ROLE_PARAMETERS)
def test_create_role_checks_its_parameters(aws: Aws, changes: dict[str, t.Any], code: str, message: str) -> None:
    iam = aws.client("iam")
    parameters = {"RoleName": "app", "AssumeRolePolicyDocument": json.dumps(TRUST), **changes}
    found = refusal(iam.create_role, **parameters)
    assert (found.code, found.status) == (code, 404 if code == "NoSuchEntity" else 400)
    assert message in found.message
    assert iam.list_roles()["Roles"] == []


def test_role_names_are_unique_without_regard_to_case(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST, name="App")
    create = {"RoleName": "aPP", "AssumeRolePolicyDocument": json.dumps(TRUST)}
    assert refusal(iam.create_role, **create) == (409, "EntityAlreadyExists", "Role with name aPP already exists.")
    iam.delete_role(RoleName="App")
    iam.create_role(**create)


def test_a_role_that_is_not_there(aws: Aws) -> None:
    iam = aws.client("iam")
    expected = (404, "NoSuchEntity", "The role with name app cannot be found.")
    for call, more in (
        (iam.get_role, {}),
        (iam.delete_role, {}),
        (iam.update_role, {"Description": "x"}),
        (iam.update_assume_role_policy, {"PolicyDocument": json.dumps(TRUST)}),
        (iam.attach_role_policy, {"PolicyArn": READ_ONLY}),
        (iam.detach_role_policy, {"PolicyArn": READ_ONLY}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": POLICY}),
        (iam.delete_role_policy, {"PolicyName": "p"}),
        (iam.list_role_policies, {}),
        (iam.list_attached_role_policies, {}),
        (iam.list_role_tags, {}),
        (iam.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.put_role_permissions_boundary, {"PermissionsBoundary": READ_ONLY}),
    ):
        assert refusal(call, RoleName="app", **more) == expected


def test_update_role_keeps_the_description_and_checks_the_rest(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST, Description="first", MaxSessionDuration=7200)
    iam.update_role(RoleName="app", MaxSessionDuration=10800)
    role = iam.get_role(RoleName="app")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("first", 10800)
    assert refusal(iam.update_role, RoleName="app", MaxSessionDuration=60).code == "ValidationError"
    assert refusal(iam.update_role, RoleName="app", Description="a" * 1001).code == "ValidationError"


def test_permissions_boundary(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    none = refusal(iam.delete_role_permissions_boundary, RoleName="app")
    assert none.code == "NoSuchEntity"
    iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=READ_ONLY)
    assert iam.get_role(RoleName="app")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    missing = refusal(iam.put_role_permissions_boundary, RoleName="app", PermissionsBoundary=f"{READ_ONLY}2")
    assert missing == (404, "NoSuchEntity", f"Scope ARN: {READ_ONLY}2 does not exist or is not attachable.")
    iam.delete_role_permissions_boundary(RoleName="app")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="app")["Role"]


def test_service_linked_roles_are_aws_own(aws: Aws) -> None:
    iam = aws.client("iam")
    name = iam.create_service_linked_role(AWSServiceName="eks.amazonaws.com")["Role"]["RoleName"]
    for call, more in (
        (iam.delete_role, {}),
        (iam.update_assume_role_policy, {"PolicyDocument": json.dumps(TRUST)}),
        (iam.attach_role_policy, {"PolicyArn": READ_ONLY}),
        (iam.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}),
    ):
        found = refusal(call, RoleName=name, **more)
        assert (found.status, found.code) == (400, "UnmodifiableEntity")
    iam.delete_service_linked_role(RoleName=name)


def test_delete_role_wants_everything_gone_first(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    iam.attach_role_policy(RoleName="app", PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName="app", PolicyName="p", PolicyDocument=POLICY)
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="app")
    for message, undo, parameters in (
        (
            "must remove roles from instance profile first",
            iam.remove_role_from_instance_profile,
            {"InstanceProfileName": "profile"},
        ),
        ("must detach all policies first", iam.detach_role_policy, {"PolicyArn": READ_ONLY}),
        ("must delete policies first", iam.delete_role_policy, {"PolicyName": "p"}),
    ):
        expected = (409, "DeleteConflict", f"Cannot delete entity, {message}.")
        assert refusal(iam.delete_role, RoleName="app") == expected
        undo(RoleName="app", **parameters)
    iam.delete_role(RoleName="app")


def test_roles_quota(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.admin("POST", "quotas", {"RolesQuota": 1})
    aws.role(TRUST)
    found = refusal(iam.create_role, RoleName="b", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert found == (409, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["RolesQuota"], summary["Roles"], summary["AttachedPoliciesPerRoleQuota"]) == (1, 1, 10)


# Policies of roles


def test_attached_policies(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    arns = [iam.create_policy(PolicyName=f"p{i:02}", PolicyDocument=POLICY)["Policy"]["Arn"] for i in range(11)]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="app", PolicyArn=arn)
    iam.attach_role_policy(RoleName="app", PolicyArn=arns[0])
    over = refusal(iam.attach_role_policy, RoleName="app", PolicyArn=arns[10])
    assert over == (409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")

    pages = list(
        iam.get_paginator("list_attached_role_policies").paginate(RoleName="app", PaginationConfig={"PageSize": 5})
    )
    assert [len(page["AttachedPolicies"]) for page in pages] == [5, 5]
    assert [page["IsTruncated"] for page in pages] == [True, False]

    assert refusal(iam.delete_policy, PolicyArn=arns[0]).code == "DeleteConflict"
    iam.detach_role_policy(RoleName="app", PolicyArn=arns[0])
    gone = refusal(iam.detach_role_policy, RoleName="app", PolicyArn=arns[0])
    assert gone == (404, "NoSuchEntity", f"Policy {arns[0]} was not found.")
    iam.delete_policy(PolicyArn=arns[0])
    missing = refusal(iam.attach_role_policy, RoleName="app", PolicyArn=arns[0])
    assert missing == (404, "NoSuchEntity", f"Policy {arns[0]} does not exist or is not attachable.")
    malformed = "arn:aws:iam::123456789012:group/x"
    assert refusal(iam.attach_role_policy, RoleName="app", PolicyArn=malformed).code == "InvalidInput"


def test_inline_policies(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    big = json.loads(POLICY)
    big["Statement"][0]["Resource"] = "arn:aws:s3:::" + "a" * 9000
    iam.put_role_policy(RoleName="app", PolicyName="big", PolicyDocument=json.dumps(big))
    over = refusal(iam.put_role_policy, RoleName="app", PolicyName="more", PolicyDocument=json.dumps(big))
    assert over == (409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role app")
    iam.put_role_policy(RoleName="app", PolicyName="big", PolicyDocument=json.dumps(big, indent=4))
    for name in ("a", "b", "c"):
        iam.put_role_policy(RoleName="app", PolicyName=name, PolicyDocument=POLICY)
    first = iam.list_role_policies(RoleName="app", MaxItems=3)
    assert (first["PolicyNames"], first["IsTruncated"]) == (["a", "b", "big"], True)
    iam.delete_role_policy(RoleName="app", PolicyName="b")
    second = iam.list_role_policies(RoleName="app", MaxItems=3, Marker=first["Marker"])
    assert (second["PolicyNames"], second["IsTruncated"]) == (["c"], False)
    gone = (404, "NoSuchEntity", "The role policy with name b cannot be found.")
    assert refusal(iam.get_role_policy, RoleName="app", PolicyName="b") == gone
    assert refusal(iam.delete_role_policy, RoleName="app", PolicyName="b") == gone
    assert iam.get_role_policy(RoleName="app", PolicyName="a")["PolicyDocument"] == json.loads(POLICY)
    no_resource = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}'
    malformed = refusal(iam.put_role_policy, RoleName="app", PolicyName="x", PolicyDocument=no_resource)
    assert malformed == (400, "MalformedPolicyDocument", "Policy statement must contain resources.")


def test_managed_policies_of_aws_are_there(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    iam.attach_role_policy(RoleName="app", PolicyArn=READ_ONLY)
    found = [p for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for p in page["Policies"]]
    assert len(found) > 1000
    assert len({policy["Arn"] for policy in found}) == len(found)
    china = aws.client("iam", region="cn-north-1").get_policy(PolicyArn=READ_ONLY.replace("aws", "aws-cn", 1))
    assert china["Policy"]["PolicyName"] == "ReadOnlyAccess"
    iam.create_policy(PolicyName="mine", PolicyDocument=POLICY)
    assert [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]] == ["mine"]


def test_entities_for_policy(aws: Aws) -> None:
    iam = aws.client("iam")
    for index in range(3):
        aws.role(TRUST, name=f"role{index}")
        iam.attach_role_policy(RoleName=f"role{index}", PolicyArn=READ_ONLY)
    pages = iam.get_paginator("list_entities_for_policy").paginate(
        PolicyArn=READ_ONLY, EntityFilter="Role", PaginationConfig={"PageSize": 2}
    )
    assert [[role["RoleName"] for role in page["PolicyRoles"]] for page in pages] == [["role0", "role1"], ["role2"]]


# Tags


def test_tags_of_roles(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST, Tags=[{"Key": "Team", "Value": "a"}])
    iam.tag_role(RoleName="app", Tags=[{"Key": "team", "Value": "b"}, {"Key": "Other", "Value": ""}])
    tags = {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName="app")["Tags"]}
    assert tags == {"team": "b", "Other": ""}
    iam.untag_role(RoleName="app", TagKeys=["TEAM", "absent"])
    iam.tag_role(RoleName="app", Tags=[{"Key": f"k{i:02}", "Value": ""} for i in range(49)])
    over = refusal(iam.tag_role, RoleName="app", Tags=[{"Key": "last", "Value": ""}])
    assert over == (409, "LimitExceeded", "Cannot exceed quota for TagsPerRole: 50")
    assert refusal(iam.tag_role, RoleName="app", Tags=[{"Key": "aws:x", "Value": ""}]).code == "InvalidInput"
    pages = list(iam.get_paginator("list_role_tags").paginate(RoleName="app", PaginationConfig={"PageSize": 20}))
    assert [len(page["Tags"]) for page in pages] == [20, 20, 10]


# The account


def test_authorization_details_page_and_filter(aws: Aws) -> None:
    iam = aws.client("iam")
    for index in range(7):
        aws.role(aws.trust(), name=f"Role{index}", Tags=[{"Key": "n", "Value": str(index)}])
    iam.create_user(UserName="Person")
    iam.put_role_policy(RoleName="Role0", PolicyName="p", PolicyDocument=POLICY)
    iam.attach_role_policy(RoleName="Role0", PolicyArn=READ_ONLY)
    iam.put_role_permissions_boundary(RoleName="Role1", PermissionsBoundary=READ_ONLY)

    paginator = iam.get_paginator("get_account_authorization_details")
    pages = list(paginator.paginate(Filter=["Role"], PaginationConfig={"PageSize": 3}))
    assert all(not page["UserDetailList"] and not page["Policies"] for page in pages)
    # The user takes a place on the first page although the filter leaves it out: a short page, yet more to come.
    assert [len(page["RoleDetailList"]) for page in pages] == [2, 3, 2]
    roles = {role["RoleName"]: role for page in pages for role in page["RoleDetailList"]}
    assert sorted(roles) == [f"Role{index}" for index in range(7)]
    first = roles["Role0"]
    assert first["AssumeRolePolicyDocument"] == aws.trust()
    assert first["RolePolicyList"] == [{"PolicyName": "p", "PolicyDocument": json.loads(POLICY)}]
    assert first["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert first["Tags"] == [{"Key": "n", "Value": "0"}]
    assert "PermissionsBoundary" not in first
    assert roles["Role1"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY

    users = iam.get_account_authorization_details(Filter=["User"])
    assert [user["UserName"] for user in users["UserDetailList"]] == ["Person"]
    assert refusal(iam.get_account_authorization_details, Marker="nonsense").code == "ValidationError"


@pytest.mark.parametrize("size", [1, 3, 4])
def test_list_roles_pages(aws: Aws, size: int) -> None:
    for name in ("d", "B", "a", "C"):
        aws.role(TRUST, name=name)
    pages = list(aws.client("iam").get_paginator("list_roles").paginate(PaginationConfig={"PageSize": size}))
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == ["a", "B", "C", "d"]
    assert len(pages) == -(-4 // size)
    assert not pages[-1]["IsTruncated"]
