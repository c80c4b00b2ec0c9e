"""All cases: one for each way in which the collection uses a permission."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

from faults import modules
from permissions.aws_cases import provider_cases, role_cases
from permissions.case import ROLE, Case, cluster_arguments
from permissions.cluster_objects import BULK_NAMESPACE, NAMESPACE, QUOTA_NAMESPACE
from permissions.testbed import Testbed

Json = dict[str, t.Any]

# Modules whose cases do not call Kubernetes.
AWS_ONLY = ("inventory", "eksops.irsa.eks_oidc_info", "eksops.irsa.iam_oidc_provider", "eksops.irsa.irsa_role")
KINDS = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController")


def all_cases() -> list[Case]:
    """Return all cases. The table shows the first case that a missing permission affects."""
    return [
        *provider_cases(),
        *role_cases(),
        *_service_account_cases(),
        *_rollout_cases(),
        *_bindings_cases(),
        *_verify_cases(),
        *_audit_cases(),
        *_rbac_cases(),
    ]


# Service accounts


def _account_arguments(testbed: Testbed, **options: t.Any) -> Json:
    base = {"namespace": NAMESPACE, "name": "plain", "role_arn": f"{testbed.role_stem}/irsa/{ROLE}"}
    return cluster_arguments(testbed, **{**base, **options})


def _service_account_cases() -> list[Case]:
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/plain"

    def missing(testbed: Testbed) -> Json:
        testbed.delete(path)
        return _account_arguments(testbed)

    def missing_namespace(testbed: Testbed) -> Json:
        return _account_arguments(testbed, namespace=f"{NAMESPACE}-{testbed.next_number()}", create_namespace=True)

    def not_annotated(testbed: Testbed) -> Json:
        testbed.annotate("plain", None)
        return _account_arguments(testbed)

    def annotated(testbed: Testbed) -> Json:
        testbed.annotate("plain", f"{testbed.role_stem}/irsa/{ROLE}")
        return _account_arguments(testbed, role_arn=None, state="absent", force=True)

    def created_by_module(testbed: Testbed) -> Json:
        testbed.delete(path)
        arguments = _account_arguments(testbed)
        if modules.run("eksops.irsa.sa_annotate", arguments, testbed.admin_environment).failed:
            raise RuntimeError("the administrator could not create a service account")
        return _account_arguments(testbed, role_arn=None, state="absent", delete=True)

    return [
        Case("eksops.irsa.sa_annotate", "create a service account", missing, writes=True),
        Case(
            "eksops.irsa.sa_annotate",
            "create a service account, with create_namespace",
            missing_namespace,
            writes=True,
        ),
        Case("eksops.irsa.sa_annotate", "annotate a service account", not_annotated, writes=True),
        Case("eksops.irsa.sa_annotate", "remove the annotation", annotated, writes=True),
        Case("eksops.irsa.sa_annotate", "delete a service account, with delete", created_by_module, writes=True),
    ]


# Pods


def _make_stale(kind: str, testbed: Testbed) -> Json:
    """Make all pods of a service account stale by annotating it with another role."""
    name = kind.lower()
    # The rollout of an earlier case could create pods with the new role.
    testbed.wait_for_workload(kind, name)
    testbed.annotate(name, f"{testbed.role_stem}/irsa/{name}-{testbed.next_number()}")
    return cluster_arguments(testbed, namespace=NAMESPACE, service_account=name, wait_timeout=40)


def _rollout_cases() -> list[Case]:
    def with_strategy(strategy: str, testbed: Testbed) -> Json:
        return {**_make_stale("Deployment", testbed), "strategy": strategy}

    def blocked_by_quota(testbed: Testbed) -> Json:
        quota = f"/api/v1/namespaces/{QUOTA_NAMESPACE}/resourcequotas"
        testbed.create_namespace(QUOTA_NAMESPACE)
        testbed.delete(f"{quota}/none")
        number = testbed.next_number()
        for workload in testbed.api.get(f"/apis/apps/v1/namespaces/{QUOTA_NAMESPACE}/statefulsets")["items"]:
            testbed.delete(f"/apis/apps/v1/namespaces/{QUOTA_NAMESPACE}/statefulsets/{workload['metadata']['name']}")
        # A new StatefulSet each time: the controller backs off from one whose pods were denied.
        testbed.annotate(f"hanging-{number}", f"{testbed.role_stem}/irsa/first", QUOTA_NAMESPACE)
        testbed.create_workload("StatefulSet", f"hanging-{number}", namespace=QUOTA_NAMESPACE)
        testbed.wait_for_pods(1, namespace=QUOTA_NAMESPACE)
        testbed.annotate(f"hanging-{number}", f"{testbed.role_stem}/irsa/second", QUOTA_NAMESPACE)
        testbed.create(quota, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
        return cluster_arguments(
            testbed, namespace=QUOTA_NAMESPACE, service_account=f"hanging-{number}", wait_timeout=4
        )

    name = "eksops.irsa.pod_rollout"
    cases = [Case(name, f"restart a {kind}", functools.partial(_make_stale, kind), writes=True) for kind in KINDS]
    cases += [
        Case(name, f"restart a Deployment by {strategy}", functools.partial(with_strategy, strategy), writes=True)
        for strategy in ("evict", "delete")
    ]
    task = "explain why a rollout makes no progress"
    return [*cases, Case(name, task, blocked_by_quota, writes=True, idempotent=False, may_fail=True)]


# Bulk operations


def _bulk_bindings(testbed: Testbed, **options: t.Any) -> list[Json]:
    names = [f"{kind.lower()}-{number}" for kind in KINDS[:1] for number in range(9)]
    return [
        {
            "namespace": BULK_NAMESPACE,
            "service_account": name,
            "role_name": f"{ROLE}-{name}",
            "path": "/irsa/",
            "permissions_boundary": testbed.boundary,
            "managed_policies": [testbed.tools],
            **options,
        }
        for name in names
    ]


def _bind_all(testbed: Testbed) -> list[Json]:
    """Bind the service accounts of `_bulk_bindings` as an administrator, and return the bindings."""
    bindings = _bulk_bindings(testbed)
    for binding in bindings:
        name = binding["service_account"]
        arn = testbed.create_role(binding["role_name"], name, namespace=BULK_NAMESPACE, attached=[testbed.tools])
        testbed.annotate(name, arn, BULK_NAMESPACE)
    return bindings


def _bindings_cases() -> list[Case]:
    def bind(testbed: Testbed) -> Json:
        testbed.create_provider()
        bindings = _bulk_bindings(testbed)
        for binding in bindings:
            testbed.delete_role(binding["role_name"])
            testbed.annotate(binding["service_account"], None, BULK_NAMESPACE)
        return cluster_arguments(testbed, bindings=bindings, rollout=True, verify="token", details=True)

    def unbind(testbed: Testbed) -> Json:
        bindings = [
            {key: binding[key] for key in ("namespace", "service_account", "role_name")}
            for binding in _bind_all(testbed)
        ]
        return cluster_arguments(testbed, state="absent", bindings=bindings, force=True)

    def read(testbed: Testbed) -> Json:
        testbed.create_provider()
        _bind_all(testbed)
        return cluster_arguments(testbed, namespaces=[BULK_NAMESPACE])

    name = "eksops.irsa.irsa_bindings"
    return [
        Case(name, "bind many service accounts, with rollout and verify=token", bind, writes=True),
        Case("eksops.irsa.irsa_bindings_info", "read the bindings of many service accounts", read),
        Case(name, "unbind many service accounts", unbind, writes=True),
    ]


# Verification


def _verify_cases() -> list[Case]:
    def verify(probes: c.Sequence[str], testbed: Testbed) -> Json:
        testbed.create_provider()
        arn = testbed.create_role(ROLE, "env", attached=[testbed.tools], inline=["old"])
        testbed.annotate("env", arn)
        return cluster_arguments(
            testbed, namespace=NAMESPACE, service_account="env", probes=list(probes), fail_on="never"
        )

    def test_pod(testbed: Testbed) -> Json:
        return {**verify(["static"], testbed), "test_pod": {"enabled": True, "timeout": 40}}

    def addon(testbed: Testbed) -> Json:
        arguments = {"namespace": "kube-system", "service_account": "ebs-csi-controller-sa", "probes": ["static"]}
        return cluster_arguments(testbed, **arguments, fail_on="never")

    def probe_case(probe: str, prepare: c.Callable[[Testbed], Json]) -> Case:
        # These create tokens or pods, even in check mode.
        return Case(name, probe, prepare, writes=True, idempotent=False, reads_only_in_check_mode=False)

    name = "eksops.irsa.irsa_verify"
    return [
        Case(name, "verify a service account (probe static)", functools.partial(verify, ["static"])),
        Case(name, "verify a service account of an add-on", addon),
        Case(name, "verify pods (probe pods)", functools.partial(verify, ["pods"])),
        probe_case("send a token to STS (probe token)", functools.partial(verify, ["static", "token"])),
        probe_case("create a pod in a server-side dry run (probe admission)", functools.partial(verify, ["admission"])),
        probe_case("run a test pod", test_pod),
    ]


# Audit and inventory


def _audit_cases() -> list[Case]:
    def audit(testbed: Testbed, **options: t.Any) -> Json:
        testbed.create_provider()
        return cluster_arguments(testbed, fail_on="never", dry_run_pod=False, **options)

    def audit_namespace(testbed: Testbed) -> Json:
        for kind in KINDS:
            _make_stale(kind, testbed)
        return audit(testbed, namespaces=[NAMESPACE], env_from=True)

    def audit_many(testbed: Testbed) -> Json:
        for kind in KINDS:
            for number in range(9):
                testbed.annotate(f"{kind.lower()}-{number}", f"{testbed.role_stem}/irsa/other", BULK_NAMESPACE)
        return audit(testbed, namespaces=[BULK_NAMESPACE])

    def audit_with_dry_run_pod(testbed: Testbed) -> Json:
        return {**audit_namespace(testbed), "dry_run_pod": True}

    name = "eksops.irsa.irsa_audit"
    accounts = [{"name": "other", "assume_role_arn": "arn:aws:iam::111122223333:role/irsa-inventory"}]
    return [
        Case(name, "audit the whole cluster", audit),
        Case(name, "audit a namespace, with env_from", audit_namespace),
        Case(name, "audit many stale pods", audit_many),
        Case(
            name,
            "audit with dry_run_pod",
            audit_with_dry_run_pod,
            writes=True,
            idempotent=False,
            reads_only_in_check_mode=False,
        ),
        Case("inventory", "list the clusters of a region", lambda _testbed: {"regions": ["eu-west-1"]}),
        Case("inventory", "list the clusters of all regions", lambda _testbed: {}),
        Case(
            "inventory",
            "list the clusters of another account",
            lambda _testbed: {"regions": ["eu-west-1"], "accounts": accounts},
        ),
    ]


# irsa_rbac of the role


def _rbac_cases() -> list[Case]:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    name = "irsa-permissions-granted"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    subject = {"kind": "ServiceAccount", "namespace": NAMESPACE, "name": "env"}

    def make_object(kind: str) -> Json:
        metadata = {"name": name} if kind.startswith("Cluster") else {"name": name, "namespace": NAMESPACE}
        body: Json = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}
        if not kind.endswith("Binding"):
            return {**body, "rules": rules}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind.removesuffix("Binding"), "name": name}
        return {**body, "roleRef": reference, "subjects": [subject]}

    def path_of(kind: str) -> str:
        prefix = rbac if kind.startswith("Cluster") else f"{rbac}/namespaces/{NAMESPACE}"
        return f"{prefix}/{kind.lower()}s"

    def prepare(kind: str, state: str, existing: Json | None, testbed: Testbed) -> Json:
        role = kind.removesuffix("Binding")
        for old_kind in (f"{role}Binding", role):
            testbed.delete(f"{path_of(old_kind)}/{name}")
        if kind != role:
            testbed.create(path_of(role), make_object(role))
        if existing:
            testbed.create(path_of(kind), existing)
        is_cluster_role = role.startswith("Cluster")
        options = {"cluster_rules": rules, "cluster_name": name} if is_cluster_role else {"rules": rules, "name": name}
        binding = {"namespace": NAMESPACE, "service_account": "env", "rbac": options}
        return cluster_arguments(testbed, state=state, bindings=[binding])

    cases = []
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        different = make_object(kind)
        different["metadata"] = {**different["metadata"], "labels": {"old": "yes"}}
        if kind.endswith("Binding"):
            different["subjects"] = [{**subject, "name": "plain"}]
        else:
            different["rules"] = []
        for task, state, existing in (
            (f"create a {kind}", "present", None),
            (f"change a {kind}", "present", different),
            (f"delete a {kind}", "absent", make_object(kind)),
        ):
            case_prepare = functools.partial(prepare, kind, state, existing)
            cases.append(Case("eksops.irsa.irsa_rbac", task, case_prepare, writes=True, reads_only_in_check_mode=False))
    return cases


def create_objects(testbed: Testbed) -> None:
    """Create the namespaces and workloads that the cases use, and wait for their pods."""
    testbed.create_namespace(NAMESPACE)
    testbed.create_namespace(BULK_NAMESPACE)
    path = f"/api/v1/namespaces/{NAMESPACE}"
    testbed.create(f"{path}/configmaps", {"metadata": {"name": "settings"}, "data": {"A": "1"}})
    testbed.create(f"{path}/secrets", {"metadata": {"name": "settings"}, "stringData": {"B": "2"}})
    for kind in KINDS:
        testbed.annotate(kind.lower(), f"{testbed.role_stem}/irsa/first")
        testbed.create_workload(kind, kind.lower())
        for number in range(9):
            testbed.annotate(f"{kind.lower()}-{number}", f"{testbed.role_stem}/irsa/first", BULK_NAMESPACE)
            # The pods of Deployments have ReplicaSets too.
            if kind != "ReplicaSet":
                testbed.create_workload(kind, f"{kind.lower()}-{number}", namespace=BULK_NAMESPACE)
    testbed.annotate("env", None)
    testbed.create_workload("Deployment", "env", env_from={"configMapRef": {"name": "settings"}})
    testbed.create_workload("ReplicaSet", "env-secret", env_from={"secretRef": {"name": "settings"}})
    testbed.annotate("env-secret", f"{testbed.role_stem}/irsa/first")
    testbed.wait_for_pods(7)
    testbed.wait_for_pods(36, namespace=BULK_NAMESPACE, running=False)
