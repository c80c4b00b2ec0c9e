"""Cases that use permissions of AWS, and attempts that the full policy denies."""

from __future__ import annotations

import typing as t

from permissions.case import ROLE, Case, DeniedAttempt, cluster_arguments
from permissions.cluster_objects import NAMESPACE
from permissions.testbed import Testbed

Json = dict[str, t.Any]

READ_ONLY_POLICY = "AmazonS3ReadOnlyAccess"
INLINE = {"list": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}}


def provider_cases() -> list[Case]:
    def existing(testbed: Testbed) -> Json:
        testbed.create_provider()
        return cluster_arguments(testbed)

    def missing(testbed: Testbed) -> Json:
        testbed.delete_provider()
        return cluster_arguments(testbed, tags={"team": "shop"})

    def different(testbed: Testbed) -> Json:
        testbed.create_provider("sts.amazonaws.com", "old")
        return cluster_arguments(
            testbed,
            client_ids=["sts.amazonaws.com", "new"],
            purge_client_ids=True,
            thumbprints=["b" * 40],
            tags={"team": "shop"},
        )

    def unused(testbed: Testbed) -> Json:
        testbed.create_provider()
        for name in testbed.list_roles():
            testbed.delete_role(name)
        return cluster_arguments(testbed, state="absent")

    return [
        Case("eksops.irsa.eks_oidc_info", "read the issuer and the provider", existing),
        Case("eksops.irsa.iam_oidc_provider", "create the provider, with tags", missing, writes=True),
        Case("eksops.irsa.iam_oidc_provider", "change audiences, thumbprints and tags", different, writes=True),
        Case("eksops.irsa.iam_oidc_provider", "delete the provider", unused, writes=True),
    ]


def _role_arguments(testbed: Testbed, **options: t.Any) -> Json:
    accounts = [{"namespace": NAMESPACE, "name": "app"}]
    base = {"name": ROLE, "path": "/irsa/", "service_accounts": accounts, "permissions_boundary": testbed.boundary}
    return cluster_arguments(testbed, **{**base, **options})


def role_cases() -> list[Case]:
    def missing(testbed: Testbed) -> Json:
        testbed.delete_role(ROLE)
        return _role_arguments(
            testbed,
            managed_policies=[READ_ONLY_POLICY, testbed.tools],
            inline_policies=INLINE,
            tags={"team": "shop"},
            description="new",
        )

    def different(testbed: Testbed) -> Json:
        testbed.create_role(ROLE, "app", attached=[testbed.tools], inline=["old"])
        return _role_arguments(
            testbed,
            description="new",
            max_session_duration=7200,
            tags={"team": "shop"},
            managed_policies=[READ_ONLY_POLICY],
            purge_policies=True,
            inline_policies=INLINE,
            purge_inline_policies=True,
        )

    def without_boundary(testbed: Testbed) -> Json:
        testbed.create_role(ROLE, "app", with_boundary=False)
        return _role_arguments(testbed)

    def other_account(testbed: Testbed) -> Json:
        testbed.create_role(ROLE, "other")
        return _role_arguments(testbed)

    def raised_quota(testbed: Testbed) -> Json:
        testbed.call_sandbox("POST", "quotas", {"AssumeRolePolicySizeQuota": 4096})
        testbed.delete_role(ROLE)
        accounts = [{"namespace": NAMESPACE, "name": f"app-of-the-shop-{number}"} for number in range(30)]
        return _role_arguments(testbed, service_accounts=accounts)

    def instance_profile(testbed: Testbed) -> Json:
        testbed.create_role(ROLE, "app", attached=[testbed.tools], inline=["old"], profile=True)
        return {"name": ROLE, "state": "absent", "force": True}

    return [
        Case("eksops.irsa.irsa_role", "create a role", missing, writes=True),
        Case("eksops.irsa.irsa_role", "change settings, policies and tags of a role", different, writes=True),
        Case("eksops.irsa.irsa_role", "set the boundary of a role without one", without_boundary, writes=True),
        Case("eksops.irsa.irsa_role", "change the trust policy of a role", other_account, writes=True),
        Case("eksops.irsa.irsa_role", "create a role that needs a raised quota", raised_quota, writes=True),
        Case("eksops.irsa.irsa_role", "delete a role in an instance profile", instance_profile, writes=True),
    ]


def denied_attempts() -> list[DeniedAttempt]:
    """Return one attempt per restriction by the statements' resources and conditions."""

    def create(testbed: Testbed, **options: t.Any) -> Json:
        testbed.delete_role(ROLE)
        return _role_arguments(testbed, **options)

    def change(testbed: Testbed, *, with_boundary: bool = True, **options: t.Any) -> Json:
        testbed.create_role(ROLE, "app", with_boundary=with_boundary)
        return _role_arguments(testbed, **{"permissions_boundary": None, **options})

    def no_boundary(testbed: Testbed) -> Json:
        return create(testbed, permissions_boundary=None)

    def other_boundary(testbed: Testbed) -> Json:
        return create(testbed, permissions_boundary="arn:aws:iam::aws:policy/AdministratorAccess")

    def other_path(testbed: Testbed) -> Json:
        return create(testbed, path="/")

    def delete_other_path(testbed: Testbed) -> Json:
        testbed.create_role(ROLE, "app", path="/")
        return {"name": ROLE, "state": "absent", "force": True}

    def attach_unlisted(testbed: Testbed) -> Json:
        return change(testbed, managed_policies=["arn:aws:iam::aws:policy/AdministratorAccess"])

    def attach_without_boundary(testbed: Testbed) -> Json:
        return change(testbed, with_boundary=False, managed_policies=[testbed.tools])

    def inline_without_boundary(testbed: Testbed) -> Json:
        return change(testbed, with_boundary=False, inline_policies=INLINE)

    def remove_boundary(testbed: Testbed) -> Json:
        return change(testbed, permissions_boundary="")

    def replace_boundary(testbed: Testbed) -> Json:
        return change(testbed, permissions_boundary=testbed.tools)

    def other_provider(testbed: Testbed) -> Json:
        return {"url": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"}

    return [
        DeniedAttempt("create a role without a boundary", "iam:CreateRole", no_boundary),
        DeniedAttempt("create a role with another boundary", "iam:CreateRole", other_boundary),
        DeniedAttempt("create a role outside the path", "iam:CreateRole", other_path),
        DeniedAttempt("delete a role outside the path", "iam:DeleteRole", delete_other_path),
        DeniedAttempt("attach a policy that is not listed", "iam:AttachRolePolicy", attach_unlisted),
        DeniedAttempt("attach a policy to a role without a boundary", "iam:AttachRolePolicy", attach_without_boundary),
        DeniedAttempt(
            "write an inline policy of a role without a boundary", "iam:PutRolePolicy", inline_without_boundary
        ),
        DeniedAttempt("remove the boundary of a role", "iam:DeleteRolePermissionsBoundary", remove_boundary),
        DeniedAttempt("replace the boundary of a role", "iam:PutRolePermissionsBoundary", replace_boundary),
        DeniedAttempt(
            "read or create the provider of another issuer",
            "iam:GetOpenIDConnectProvider",
            other_provider,
            "eksops.irsa.iam_oidc_provider",
        ),
    ]
