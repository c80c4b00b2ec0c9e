"""What people do with the collection, one case for each way in which a permission is used."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import typing as t

import modules
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.accounts import Accounts
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import inventory
from ansible_collections.eksops.irsa.plugins.module_utils._module.clusters import FleetReader
from modules import Outcome
from world import FULL, MANY, SPACE, World

Json = dict[str, t.Any]

ROLE = "irsa-permissions-app"
# What asks nothing of Kubernetes.
AWS_ALONE = ("inventory", "eksops.irsa.eks_oidc_info", "eksops.irsa.iam_oidc_provider", "eksops.irsa.irsa_role")
KINDS = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController")
READ_ONLY_POLICY = "AmazonS3ReadOnlyAccess"
INLINE = {"list": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}}


@dataclasses.dataclass(frozen=True)
class Case:
    """One run of a module, or of the inventory.

    :param module: its full name; "inventory" for `eks_clusters`.
    :param what: what is done, for the table.
    :param prepare: makes the case's beginning, by an administrator, and returns the module's arguments.
    :param writes: whether it changes something; else it only reads.
    :param lasts: whether a second run has nothing to do.
    :param may_fail: whether it fails with all permissions, too, for a reason that a permission shows.
    :param foreseen: whether check mode needs no more than reading.
    """

    module: str
    what: str
    prepare: c.Callable[[World], Json]
    writes: bool = False
    lasts: bool = True
    may_fail: bool = False
    foreseen: bool = True

    def run(self, world: World, arguments: Json, *, check: bool = False) -> Outcome:
        """Runs it as the limited identity."""
        if self.module == "inventory":
            return modules.call(functools.partial(_inventory, arguments), world.environment)
        return modules.run(self.module, arguments, world.environment, check=check)


def _inventory(options: Json) -> Json:
    """What the inventory reads, with its warnings."""
    accounts = Accounts(
        region="eu-west-1",
        endpoint=None,
        connection={},
        assume_role_arn=None,
        regions=options.get("regions", []),
        connections=8,
    )
    reader = FleetReader(accounts, may_match=lambda _name: True, strict=True, workers=8)
    reading = reader.read(inventory.parse_accounts(options.get("accounts", [])))
    return {"names": [each["cluster_name"] for each in reading.clusters], "warnings": reading.warnings}


def all_cases() -> list[Case]:
    """In the order in which the table looks for one that shows what a permission is for."""
    return [*_providers(), *_roles(), *_accounts(), *_rollouts(), *_bindings(), *_verifications(), *_looks(), *_rbac()]


def _of_cluster(world: World, **arguments: t.Any) -> Json:
    return {"cluster_name": world.place["cluster"], **arguments}


# AWS: the provider


def _providers() -> list[Case]:
    def given(world: World) -> Json:
        world.make_provider()
        return _of_cluster(world)

    def missing(world: World) -> Json:
        world.drop_provider()
        return _of_cluster(world, tags={"team": "shop"})

    def other(world: World) -> Json:
        world.make_provider("sts.amazonaws.com", "old")
        return _of_cluster(
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
        return _of_cluster(world, state="absent")

    return [
        Case("eksops.irsa.eks_oidc_info", "read the issuer and the provider", given),
        Case("eksops.irsa.iam_oidc_provider", "make the provider, with tags", missing, writes=True),
        Case("eksops.irsa.iam_oidc_provider", "change audiences, thumbprints and tags", other, writes=True),
        Case("eksops.irsa.iam_oidc_provider", "remove the provider", unused, writes=True),
    ]


# AWS: roles


def _role(world: World, **options: t.Any) -> Json:
    accounts = [{"namespace": SPACE, "name": "app"}]
    base = {"name": ROLE, "path": "/irsa/", "service_accounts": accounts, "permissions_boundary": world.boundary}
    return _of_cluster(world, **{**base, **options})


def _roles() -> list[Case]:
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


# Kubernetes: accounts


def _account(world: World, **options: t.Any) -> Json:
    base = {"namespace": SPACE, "name": "plain", "role_arn": f"{world.role_stem}/irsa/{ROLE}"}
    return _of_cluster(world, **{**base, **options})


def _accounts() -> list[Case]:
    path = f"/api/v1/namespaces/{SPACE}/serviceaccounts/plain"

    def missing(world: World) -> Json:
        world.drop(path)
        return _account(world)

    def nowhere(world: World) -> Json:
        return _account(world, namespace=f"{SPACE}-{world.next()}", create_namespace=True)

    def bare(world: World) -> Json:
        world.annotate("plain", None)
        return _account(world)

    def made(world: World) -> Json:
        world.drop(path)
        arguments = _account(world)
        administrator = dict(world.administrator)
        if modules.run("eksops.irsa.sa_annotate", arguments, administrator).failed:
            raise RuntimeError("the administrator could not make an account")
        return _account(world, role_arn=None, state="absent", delete=True)

    def freed(world: World) -> Json:
        world.annotate("plain", f"{world.role_stem}/irsa/{ROLE}")
        return _account(world, role_arn=None, state="absent", force=True)

    return [
        Case("eksops.irsa.sa_annotate", "make an account", missing, writes=True),
        Case("eksops.irsa.sa_annotate", "make an account, with create_namespace", nowhere, writes=True),
        Case("eksops.irsa.sa_annotate", "annotate an account", bare, writes=True),
        Case("eksops.irsa.sa_annotate", "take the annotation away", freed, writes=True),
        Case("eksops.irsa.sa_annotate", "delete an account, with delete", made, writes=True),
    ]


# Kubernetes: pods


def _stale(kind: str, world: World) -> Json:
    """All pods of an account are stale once it names another role."""
    name = kind.lower()
    # A rollout that an earlier case has begun would bring pods that name the new role already.
    world.await_workload(kind, name)
    world.annotate(name, f"{world.role_stem}/irsa/{name}-{world.next()}")
    return _of_cluster(world, namespace=SPACE, service_account=name, wait_timeout=40)


def _rollouts() -> list[Case]:
    def by(strategy: str, world: World) -> Json:
        return {**_stale("Deployment", world), "strategy": strategy}

    def hanging(world: World) -> Json:
        quota = f"/api/v1/namespaces/{FULL}/resourcequotas"
        world.make_space(FULL)
        world.drop(f"{quota}/none")
        number = world.next()
        for each in world.api.get(f"/apis/apps/v1/namespaces/{FULL}/statefulsets")["items"]:
            world.drop(f"/apis/apps/v1/namespaces/{FULL}/statefulsets/{each['metadata']['name']}")
        # One that was refused pods for a while is tried again later and later, so it is a new one each time.
        world.annotate(f"hanging-{number}", f"{world.role_stem}/irsa/first", FULL)
        world.make_workload("StatefulSet", f"hanging-{number}", space=FULL)
        world.await_pods(1, space=FULL)
        world.annotate(f"hanging-{number}", f"{world.role_stem}/irsa/second", FULL)
        world.make(quota, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
        return _of_cluster(world, namespace=FULL, service_account=f"hanging-{number}", wait_timeout=4)

    cases = [
        Case("eksops.irsa.pod_rollout", f"restart a {kind}", functools.partial(_stale, kind), writes=True)
        for kind in KINDS
    ]
    cases += [
        Case("eksops.irsa.pod_rollout", f"restart a Deployment by {way}", functools.partial(by, way), writes=True)
        for way in ("evict", "delete")
    ]
    hangs = "say why a workload doesn't get on"
    return [
        *cases,
        Case("eksops.irsa.pod_rollout", hangs, hanging, writes=True, lasts=False, may_fail=True),
    ]


# Many at once


def _many(world: World, **options: t.Any) -> list[Json]:
    names = [f"{kind.lower()}-{number}" for kind in KINDS[:1] for number in range(9)]
    return [
        {
            "namespace": MANY,
            "service_account": name,
            "role_name": f"{ROLE}-{name}",
            "path": "/irsa/",
            "permissions_boundary": world.boundary,
            "managed_policies": [world.tools],
            **options,
        }
        for name in names
    ]


def _bindings() -> list[Case]:
    def bind(world: World) -> Json:
        world.make_provider()
        for each in _many(world):
            world.drop_role(each["role_name"])
            world.annotate(each["service_account"], None, MANY)
        return _of_cluster(world, bindings=_many(world), rollout=True, verify="token", details=True)

    def free(world: World) -> Json:
        for each in _many(world):
            arn = world.make_role(each["role_name"], each["service_account"], space=MANY, attached=[world.tools])
            world.annotate(each["service_account"], arn, MANY)
        bindings = [{key: each[key] for key in ("namespace", "service_account", "role_name")} for each in _many(world)]
        return _of_cluster(world, state="absent", bindings=bindings, force=True)

    def read(world: World) -> Json:
        world.make_provider()
        for each in _many(world):
            arn = world.make_role(each["role_name"], each["service_account"], space=MANY, attached=[world.tools])
            world.annotate(each["service_account"], arn, MANY)
        return _of_cluster(world, namespaces=[MANY])

    return [
        Case("eksops.irsa.irsa_bindings", "bind many accounts, with rollout and verify=token", bind, writes=True),
        Case("eksops.irsa.irsa_bindings_info", "read the bindings of many accounts", read),
        Case("eksops.irsa.irsa_bindings", "free many accounts", free, writes=True),
    ]


# Whether it works


def _verifications() -> list[Case]:
    def bound(world: World) -> None:
        world.make_provider()
        arn = world.make_role(ROLE, "env", attached=[world.tools], inline=["old"])
        world.annotate("env", arn)

    def verify(probes: c.Sequence[str], world: World) -> Json:
        bound(world)
        return _of_cluster(world, namespace=SPACE, service_account="env", probes=list(probes), fail_on="never")

    def test_pod(world: World) -> Json:
        return {**verify(["static"], world), "test_pod": {"enabled": True, "timeout": 40}}

    def addon(world: World) -> Json:
        arguments = {"namespace": "kube-system", "service_account": "ebs-csi-controller-sa", "probes": ["static"]}
        return _of_cluster(world, **arguments, fail_on="never")

    name = "eksops.irsa.irsa_verify"
    token = functools.partial(verify, ["static", "token"])
    admission = functools.partial(verify, ["admission"])
    return [
        Case(name, "verify by what IAM and EKS say (probe static)", functools.partial(verify, ["static"])),
        Case(name, "verify an account that an add-on may keep", addon),
        Case(name, "verify the pods (probe pods)", functools.partial(verify, ["pods"])),
        Case(name, "show a token to STS (probe token)", token, writes=True, lasts=False, foreseen=False),
        Case(name, "rehearse a pod (probe admission)", admission, writes=True, lasts=False, foreseen=False),
        Case(name, "start a test pod", test_pod, writes=True, lasts=False, foreseen=False),
    ]


def _looks() -> list[Case]:
    def audit(world: World, **options: t.Any) -> Json:
        world.make_provider()
        return _of_cluster(world, fail_on="never", rehearse=False, **options)

    def some(world: World) -> Json:
        for kind in KINDS:
            _stale(kind, world)
        return audit(world, namespaces=[SPACE], env_from=True)

    def lots(world: World) -> Json:
        for kind in KINDS:
            for number in range(9):
                world.annotate(f"{kind.lower()}-{number}", f"{world.role_stem}/irsa/other", MANY)
        return audit(world, namespaces=[MANY])

    def rehearsed(world: World) -> Json:
        return {**some(world), "rehearse": True}

    name = "eksops.irsa.irsa_audit"
    there = {"accounts": [{"name": "other", "assume_role_arn": "arn:aws:iam::111122223333:role/irsa-inventory"}]}
    return [
        Case(name, "audit the whole cluster", audit),
        Case(name, "audit a namespace, with env_from", some),
        Case(name, "audit many stale pods", lots),
        Case(name, "audit with rehearse", rehearsed, writes=True, lasts=False, foreseen=False),
        Case("inventory", "look at the clusters of a region", lambda _world: {"regions": ["eu-west-1"]}),
        Case("inventory", "look in all regions of the account", lambda _world: {}),
        Case("inventory", "look in another account", lambda _world: {"regions": ["eu-west-1"], **there}),
    ]


# What the role irsa grants the accounts


def _rbac() -> list[Case]:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    name = "irsa-permissions-granted"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    subject = {"kind": "ServiceAccount", "namespace": SPACE, "name": "env"}

    def body(kind: str) -> Json:
        metadata = {"name": name} if kind.startswith("Cluster") else {"name": name, "namespace": SPACE}
        found: Json = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}
        if not kind.endswith("Binding"):
            return {**found, "rules": rules}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind.removesuffix("Binding"), "name": name}
        return {**found, "roleRef": reference, "subjects": [subject]}

    def path(kind: str) -> str:
        where = rbac if kind.startswith("Cluster") else f"{rbac}/namespaces/{SPACE}"
        return f"{where}/{kind.lower()}s"

    def put(kind: str, state: str, there: Json | None, world: World) -> Json:
        if kind.endswith("Binding"):
            # The role that is granted, without which Kubernetes refuses to bind it.
            world.make(path(kind.removesuffix("Binding")), body(kind.removesuffix("Binding")))
        world.drop(f"{path(kind)}/{name}")
        if there:
            world.make(path(kind), there)
        return {"state": state, "definition": body(kind), **world.connection()}

    cases = []
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        changed = body(kind)
        changed["metadata"] = {**changed["metadata"], "labels": {"old": "yes"}}
        if kind.endswith("Binding"):
            changed["subjects"] = [{**subject, "name": "plain"}]
        else:
            changed["rules"] = []
        for verb, state, there in (
            ("grant", "present", None),
            ("change", "present", changed),
            ("take away", "absent", body(kind)),
        ):
            prepare = functools.partial(put, kind, state, there)
            cases.append(Case("kubernetes.core.k8s", f"{verb} irsa_rbac by a {kind}", prepare, True, foreseen=False))
    return cases


# What the policy refuses


@dataclasses.dataclass(frozen=True)
class Excess:
    """What somebody with the full policy may still not do.

    :param action: what AWS refuses.
    """

    what: str
    action: str
    prepare: c.Callable[[World], Json]
    module: str = "eksops.irsa.irsa_role"


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


def build(world: World) -> None:
    """What all cases work on: namespaces, workloads, and pods that run."""
    world.make_space(SPACE)
    world.make_space(MANY)
    world.make(f"/api/v1/namespaces/{SPACE}/configmaps", {"metadata": {"name": "settings"}, "data": {"A": "1"}})
    world.make(f"/api/v1/namespaces/{SPACE}/secrets", {"metadata": {"name": "settings"}, "stringData": {"B": "2"}})
    for kind in KINDS:
        world.annotate(kind.lower(), f"{world.role_stem}/irsa/first")
        world.make_workload(kind, kind.lower())
        for number in range(9):
            world.annotate(f"{kind.lower()}-{number}", f"{world.role_stem}/irsa/first", MANY)
            # A Deployment's pods stand for those of ReplicaSets as well.
            if kind != "ReplicaSet":
                world.make_workload(kind, f"{kind.lower()}-{number}", space=MANY)
    world.annotate("env", None)
    world.make_workload("Deployment", "env", env_from={"configMapRef": {"name": "settings"}})
    world.make_workload("ReplicaSet", "env-secret", env_from={"secretRef": {"name": "settings"}})
    world.annotate("env-secret", f"{world.role_stem}/irsa/first")
    world.await_pods(7)
    world.await_pods(36, space=MANY, running=False)
