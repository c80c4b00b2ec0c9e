"""What people do with the collection, one case for each way in which a permission is used."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

from permissions import modules
from permissions.aws_cases import provider_cases, role_cases
from permissions.case import ROLE, Case, of_cluster
from permissions.cluster_objects import FULL, MANY, SPACE
from permissions.world import World

Json = dict[str, t.Any]

# What asks nothing of Kubernetes.
AWS_ALONE = ("inventory", "eksops.irsa.eks_oidc_info", "eksops.irsa.iam_oidc_provider", "eksops.irsa.irsa_role")
KINDS = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController")


def all_cases() -> list[Case]:
    """In the order in which the table looks for one that shows what a permission is for."""
    return [
        *provider_cases(),
        *role_cases(),
        *_accounts(),
        *_rollouts(),
        *_bindings(),
        *_verifications(),
        *_looks(),
        *_rbac(),
    ]


def _account(world: World, **options: t.Any) -> Json:
    base = {"namespace": SPACE, "name": "plain", "role_arn": f"{world.role_stem}/irsa/{ROLE}"}
    return of_cluster(world, **{**base, **options})


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

    def unbound(world: World) -> Json:
        world.annotate("plain", f"{world.role_stem}/irsa/{ROLE}")
        return _account(world, role_arn=None, state="absent", force=True)

    return [
        Case("eksops.irsa.sa_annotate", "make an account", missing, writes=True),
        Case("eksops.irsa.sa_annotate", "make an account, with create_namespace", nowhere, writes=True),
        Case("eksops.irsa.sa_annotate", "annotate an account", bare, writes=True),
        Case("eksops.irsa.sa_annotate", "take the annotation away", unbound, writes=True),
        Case("eksops.irsa.sa_annotate", "delete an account, with delete", made, writes=True),
    ]


# Kubernetes: pods


def _stale(kind: str, world: World) -> Json:
    """All pods of an account are stale once it names another role."""
    name = kind.lower()
    # A rollout that an earlier case has begun would bring pods that name the new role already.
    world.await_workload(kind, name)
    world.annotate(name, f"{world.role_stem}/irsa/{name}-{world.next()}")
    return of_cluster(world, namespace=SPACE, service_account=name, wait_timeout=40)


def _rollouts() -> list[Case]:
    def by(strategy: str, world: World) -> Json:
        return {**_stale("Deployment", world), "strategy": strategy}

    def hanging(world: World) -> Json:
        quota = f"/api/v1/namespaces/{FULL}/resourcequotas"
        world.make_space(FULL)
        world.drop(f"{quota}/none")
        number = world.next()
        for workload in world.api.get(f"/apis/apps/v1/namespaces/{FULL}/statefulsets")["items"]:
            world.drop(f"/apis/apps/v1/namespaces/{FULL}/statefulsets/{workload['metadata']['name']}")
        # One that was refused pods for a while is tried again later and later, so it is a new one each time.
        world.annotate(f"hanging-{number}", f"{world.role_stem}/irsa/first", FULL)
        world.make_workload("StatefulSet", f"hanging-{number}", space=FULL)
        world.await_pods(1, space=FULL)
        world.annotate(f"hanging-{number}", f"{world.role_stem}/irsa/second", FULL)
        world.make(quota, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
        return of_cluster(world, namespace=FULL, service_account=f"hanging-{number}", wait_timeout=4)

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
        for binding in _many(world):
            world.drop_role(binding["role_name"])
            world.annotate(binding["service_account"], None, MANY)
        return of_cluster(world, bindings=_many(world), rollout=True, verify="token", details=True)

    def free(world: World) -> Json:
        for binding in _many(world):
            arn = world.make_role(binding["role_name"], binding["service_account"], space=MANY, attached=[world.tools])
            world.annotate(binding["service_account"], arn, MANY)
        bindings = [
            {key: binding[key] for key in ("namespace", "service_account", "role_name")} for binding in _many(world)
        ]
        return of_cluster(world, state="absent", bindings=bindings, force=True)

    def read(world: World) -> Json:
        world.make_provider()
        for binding in _many(world):
            arn = world.make_role(binding["role_name"], binding["service_account"], space=MANY, attached=[world.tools])
            world.annotate(binding["service_account"], arn, MANY)
        return of_cluster(world, namespaces=[MANY])

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
        return of_cluster(world, namespace=SPACE, service_account="env", probes=list(probes), fail_on="never")

    def test_pod(world: World) -> Json:
        return {**verify(["static"], world), "test_pod": {"enabled": True, "timeout": 40}}

    def addon(world: World) -> Json:
        arguments = {"namespace": "kube-system", "service_account": "ebs-csi-controller-sa", "probes": ["static"]}
        return of_cluster(world, **arguments, fail_on="never")

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
        return of_cluster(world, fail_on="never", dry_run_pod=False, **options)

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
        return {**some(world), "dry_run_pod": True}

    name = "eksops.irsa.irsa_audit"
    there = {"accounts": [{"name": "other", "assume_role_arn": "arn:aws:iam::111122223333:role/irsa-inventory"}]}
    return [
        Case(name, "audit the whole cluster", audit),
        Case(name, "audit a namespace, with env_from", some),
        Case(name, "audit many stale pods", lots),
        Case(name, "audit with dry_run_pod", rehearsed, writes=True, lasts=False, foreseen=False),
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
