"""What people do with AWS, one case for each way in which a permission is used; and what the policy refuses."""

from __future__ import annotations

import typing as t

from permissions.case import ROLE, Case, Excess, of_cluster
from permissions.cluster_objects import SPACE
from permissions.world import World

Json = dict[str, t.Any]

READ_ONLY_POLICY = "AmazonS3ReadOnlyAccess"
INLINE = {"list": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}}


def provider_cases() -> list[Case]:
    def given(world: World) -> Json:
        world.make_provider()
        return of_cluster(world)

    def missing(world: World) -> Json:
        world.drop_provider()
        return of_cluster(world, tags={"team": "shop"})

    def other(world: World) -> Json:
        world.make_provider("sts.amazonaws.com", "old")
        return of_cluster(
            world,
            client_ids=["sts.amazonaws.com", "new"],
            purge_client_ids=True,
            thumbprints=["b" * 40],
            tags={"team": "shop"},
        )

    def unused(world: World) -> Json:
        world.make_provider()
        for name in world.roles():
            world.drop_role(name)
        return of_cluster(world, state="absent")

    return [
        Case("eksops.irsa.eks_oidc_info", "read the issuer and the provider", given),
        Case("eksops.irsa.iam_oidc_provider", "make the provider, with tags", missing, writes=True),
        Case("eksops.irsa.iam_oidc_provider", "change audiences, thumbprints and tags", other, writes=True),
        Case("eksops.irsa.iam_oidc_provider", "remove the provider", unused, writes=True),
    ]


def _role(world: World, **options: t.Any) -> Json:
    accounts = [{"namespace": SPACE, "name": "app"}]
    base = {"name": ROLE, "path": "/irsa/", "service_accounts": accounts, "permissions_boundary": world.boundary}
    return of_cluster(world, **{**base, **options})


def role_cases() -> list[Case]:
    def new(world: World) -> Json:
        world.drop_role(ROLE)
        policies = [READ_ONLY_POLICY, world.tools]
        return _role(world, managed_policies=policies, inline_policies=INLINE, tags={"team": "shop"}, description="new")

    def old(world: World) -> Json:
        world.make_role(ROLE, "app", attached=[world.tools], inline=["old"])
        return _role(
            world,
            description="new",
            max_session_duration=7200,
            tags={"team": "shop"},
            managed_policies=[READ_ONLY_POLICY],
            purge_policies=True,
            inline_policies=INLINE,
            purge_inline_policies=True,
        )

    def unbounded(world: World) -> Json:
        world.make_role(ROLE, "app", bounded=False)
        return _role(world)

    def other(world: World) -> Json:
        world.make_role(ROLE, "other")
        return _role(world)

    def many(world: World) -> Json:
        world.sandbox("POST", "quotas", {"AssumeRolePolicySizeQuota": 4096})
        world.drop_role(ROLE)
        accounts = [{"namespace": SPACE, "name": f"app-of-the-shop-{number}"} for number in range(30)]
        return _role(world, service_accounts=accounts)

    def used(world: World) -> Json:
        world.make_role(ROLE, "app", attached=[world.tools], inline=["old"], profile=True)
        return {"name": ROLE, "state": "absent", "force": True}

    return [
        Case("eksops.irsa.irsa_role", "make a role", new, writes=True),
        Case("eksops.irsa.irsa_role", "change settings, policies and tags of a role", old, writes=True),
        Case("eksops.irsa.irsa_role", "bound a role that has no boundary", unbounded, writes=True),
        Case("eksops.irsa.irsa_role", "change whom a role trusts", other, writes=True),
        Case("eksops.irsa.irsa_role", "make a role whose trust policy needs a raised quota", many, writes=True),
        Case("eksops.irsa.irsa_role", "remove a role that is in an instance profile", used, writes=True),
    ]


def excesses() -> list[Excess]:
    """One for each thing that the statements' resources and conditions are there for."""

    def new(world: World, **options: t.Any) -> Json:
        world.drop_role(ROLE)
        return _role(world, **options)

    def change(world: World, *, bounded: bool = True, **options: t.Any) -> Json:
        world.make_role(ROLE, "app", bounded=bounded)
        return _role(world, **{"permissions_boundary": None, **options})

    def unbounded(world: World) -> Json:
        return new(world, permissions_boundary=None)

    def other_boundary(world: World) -> Json:
        return new(world, permissions_boundary="arn:aws:iam::aws:policy/AdministratorAccess")

    def elsewhere(world: World) -> Json:
        return new(world, path="/")

    def foreign(world: World) -> Json:
        world.make_role(ROLE, "app", path="/")
        return {"name": ROLE, "state": "absent", "force": True}

    def administrator(world: World) -> Json:
        return change(world, managed_policies=["arn:aws:iam::aws:policy/AdministratorAccess"])

    def inline_unbounded(world: World) -> Json:
        return change(world, bounded=False, inline_policies=INLINE)

    def attach_unbounded(world: World) -> Json:
        return change(world, bounded=False, managed_policies=[world.tools])

    def no_boundary(world: World) -> Json:
        return change(world, permissions_boundary="")

    def replaced_boundary(world: World) -> Json:
        return change(world, permissions_boundary=world.tools)

    def provider(world: World) -> Json:
        return {"url": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"}

    return [
        Excess("make a role without a boundary", "iam:CreateRole", unbounded),
        Excess("make a role with another boundary", "iam:CreateRole", other_boundary),
        Excess("make a role outside the path", "iam:CreateRole", elsewhere),
        Excess("remove a role outside the path", "iam:DeleteRole", foreign),
        Excess("attach a policy that is not in the list", "iam:AttachRolePolicy", administrator),
        Excess("attach a policy to a role that has no boundary", "iam:AttachRolePolicy", attach_unbounded),
        Excess("write an inline policy into a role that has no boundary", "iam:PutRolePolicy", inline_unbounded),
        Excess("take the boundary away from a role", "iam:DeleteRolePermissionsBoundary", no_boundary),
        Excess("give a role another boundary", "iam:PutRolePermissionsBoundary", replaced_boundary),
        Excess(
            "look at a provider of another issuer, or make it",
            "iam:GetOpenIDConnectProvider",
            provider,
            "eksops.irsa.iam_oidc_provider",
        ),
    ]
