# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schemas of objects: each field is replaced by each odd value, and nothing that reads the object fails."""

from __future__ import annotations

import copy
import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import schemas
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import diagnose, webhook_config
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import ChainFacts
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import pods as pod_rules
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods import injection, readiness
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import staleness
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import ServiceAccount
from unit import kubernetes_objects as k8s
from unit.chain_objects import AWS, CHAIN, kubernetes

Json = dict[str, t.Any]

ODD_VALUES: tuple[t.Any, ...] = (None, True, -1, 1.5, "", "x", [], [None], [[]], ["x"], {}, {"": None}, {"x": {}})
EXPECTED = injection.ExpectedInjection(k8s.ROLE, "sts.amazonaws.com", token_expiration=3600, sts_regional=False)
ACCOUNT: Json = {
    "metadata": {
        "name": "app",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "1",
        "labels": {"a": "b"},
        "annotations": {"eks.amazonaws.com/role-arn": k8s.ROLE},
        "managedFields": [
            {
                "manager": "helm",
                "operation": "Update",
                "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, "f:eks.amazonaws.com/role-arn": {}}}},
            }
        ],
    }
}
WORKLOADS = {
    Owner("apps/v1", kind, "web"): k8s.workload(
        "web",
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
        ordinals={"start": 1},
        minReadySeconds=1,
        podManagementPolicy="OrderedReady",
        restarted_at="2026-11-22T10:00:00Z",
        status={
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": 1,
            "availableReplicas": 1,
            "desiredNumberScheduled": 1,
            "updatedNumberScheduled": 1,
            "numberAvailable": 1,
            "updateRevision": "b",
            "currentRevision": "a",
            "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "Quota", "message": "too many"}],
        },
        owner=k8s.owner_reference("Deployment", "web"),
    )
    for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
}
SELECTOR = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
WEBHOOK: Json = {
    "metadata": {"name": "pod-identity-webhook", "annotations": {"a": "b"}},
    "webhooks": [
        {
            "name": "iam-for-pods.amazonaws.com",
            "clientConfig": {"url": "https://127.0.0.1:23443/mutate", "caBundle": "x", "service": None},
            "rules": [
                {
                    "operations": ["CREATE"],
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "resources": ["pods"],
                    "scope": "*",
                }
            ],
            "namespaceSelector": SELECTOR,
            "objectSelector": SELECTOR,
        },
        {"name": "x", "clientConfig": {"service": {"namespace": "kube-system", "name": "pod-identity-webhook"}}},
    ],
}


def full_pod() -> Json:
    """Make a pod with all fields that the collection reads."""
    pod = k8s.pod("web-a", k8s.owner_reference("ReplicaSet", "web"), role=k8s.ROLE, ready=False)
    pod["metadata"] |= {"annotations": {"eks.amazonaws.com/skip-containers": "x"}, "finalizers": ["x"]}
    container = pod["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "a"}, "prefix": "x"}, {"secretRef": {"name": "b"}}]
    container["securityContext"] = {"runAsUser": 5}
    pod["spec"] |= {
        "restartPolicy": "Always",
        "nodeName": "n",
        "initContainers": [{"name": "init", "restartPolicy": "Always"}],
        "volumes": [
            {
                "name": "aws-iam-token",
                "projected": {
                    "sources": [{"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 86400}}]
                },
            }
        ],
        "readinessGates": [{"conditionType": "x"}],
        "securityContext": {"fsGroup": 1},
        "os": {"name": "linux"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}]}
                    ]
                }
            }
        },
    }
    pod["status"] |= {
        "reason": "x",
        "message": "y",
        "initContainerStatuses": [{"name": "init", "started": False, "state": {"running": {"startedAt": "x"}}}],
        "containerStatuses": [
            {
                "name": "app",
                "ready": False,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "x"}, "terminated": {"exitCode": 1}},
                "lastState": {"terminated": {"exitCode": 1}},
            }
        ],
    }
    return pod


def diagnose_all(**facts: t.Any) -> None:
    """Run all rules of the diagnosis."""
    all_facts = ChainFacts(CHAIN, AWS, dataclasses.replace(kubernetes(), **facts))
    diagnose.find_all(all_facts, pod_rules.findings(CHAIN, all_facts.kubernetes))


def read_pod(pod: Json) -> None:
    for phase in ("Running", "Pending", "Failed"):
        body = copy.deepcopy(pod)
        if isinstance(body.get("status"), dict) and body["status"].get("phase") == "Running":
            body["status"]["phase"] = phase
        staleness.evaluate_pod(body, EXPECTED, WORKLOADS).as_dict("shop")
        readiness.find_pod_blocker(body)
        list(injection.list_env_sources(body))
    diagnose_all(pods=[pod], admitted=pod)


def read_workload(owner: Owner) -> t.Callable[[Json], None]:
    def read(workload: Json) -> None:
        rules, pod = owner.rules, full_pod()
        rules.get_rollout_status(workload)
        rules.is_rolling_out(workload)
        rules.is_superseded(workload, pod, workload)
        rules.get_restarted_at(workload)
        readiness.find_workload_blocker(workload)
        workloads = {owner: workload}
        state = staleness.WorkloadState(owner, "app", workloads, lambda _pod: EXPECTED)
        state.count_needed(1), state.updated_count, state.min_ready_seconds, state.first_updated_ordinal
        pod["metadata"]["ownerReferences"] = [k8s.owner_reference(owner.kind, owner.name)]
        staleness.evaluate_pod(pod, EXPECTED, workloads)
        diagnose_all(pods=[pod], workloads=workloads)

    return read


def read_account(account: Json) -> None:
    injection.ExpectedInjection.from_account(account)
    ServiceAccount.from_kubernetes(account)
    diagnose_all(account=account)


def read_webhook(configuration: Json) -> None:
    for hook in webhook_config.hooks_of([configuration]):
        str(hook), hook.address, hook.is_local
    diagnose_all(webhooks=[configuration])


def read_event(event: Json) -> None:
    readiness.find_event_blocker([event])


EVENT = {
    "metadata": {"name": "x", "creationTimestamp": "2026-11-22T10:00:00Z"},
    "reason": "FailedCreate",
    "message": "too many",
    "lastTimestamp": "2026-11-22T10:00:00Z",
    "eventTime": "2026-11-22T10:00:00Z",
    "series": {"lastObservedTime": "2026-11-22T10:00:00Z"},
}
CASES: dict[str, tuple[str, Json, t.Callable[[Json], None]]] = {
    "pod": ("/api/v1/namespaces/shop/pods/x", full_pod(), read_pod),
    "account": ("/api/v1/namespaces/shop/serviceaccounts/x", ACCOUNT, read_account),
    "webhook": ("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/x", WEBHOOK, read_webhook),
    "event": ("/api/v1/namespaces/shop/events/x", EVENT, read_event),
    **{
        owner.kind: (f"/apis/apps/v1/namespaces/shop/{owner.rules.plural}/x", workload, read_workload(owner))
        for owner, workload in WORKLOADS.items()
    },
}


def mutate(value: t.Any) -> t.Iterator[t.Any]:
    """All copies of the value in which one field has an odd value or is missing."""
    yield from ODD_VALUES
    if isinstance(value, dict):
        for key, item in value.items():
            yield {name: other for name, other in value.items() if name != key}
            yield from ({**value, key: odd} for odd in mutate(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from ([*value[:index], odd, *value[index + 1 :]] for odd in mutate(item))


@pytest.mark.parametrize(("path", "body", "read"), CASES.values(), ids=CASES.keys())
def test_object_that_matches_its_schema_can_be_read(path: str, body: Json, read: t.Callable[[Json], None]) -> None:
    assert schemas.find_flaw("GET", path, body) == ""
    read(body)
    mutations = [odd for odd in mutate(body) if isinstance(odd, dict)]
    accepted = [odd for odd in mutations if not schemas.find_flaw("GET", path, odd)]
    for odd in accepted:
        read(odd)
    assert 0 < len(accepted) < len(mutations)


@pytest.mark.parametrize(
    ("method", "path", "body", "flaw"),
    [
        ("GET", "/api/v1/pods", {"metadata": {}}, ""),
        ("GET", "/api/v1/pods", {"metadata": {}, "items": None}, ""),
        ("GET", "/api/v1/pods", {"items": []}, "metadata is missing"),
        ("GET", "/api/v1/pods", {"metadata": {}, "items": {}}, "items is not a list"),
        ("GET", "/api/v1/pods", {"metadata": {}, "items": [{}]}, "items[0].metadata is missing"),
        ("GET", "/api/v1/pods", {"metadata": {"continue": 5}, "items": []}, "metadata.continue is not a string"),
        ("GET", "/api/v1/namespaces/shop", {"metadata": {"name": "shop"}}, ""),
        ("GET", "/version", {"minor": "33"}, ""),
        ("GET", "/api/v1", {"resources": [{"name": "pods"}]}, "resources[0].kind is missing"),
        ("POST", "/api/v1/namespaces/shop/serviceaccounts/x/token", {"status": {}}, "status.token is missing"),
        ("POST", "/api/v1/namespaces/shop/pods/x/eviction", {"metadata": {}, "status": "Success"}, ""),
        ("POST", "/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "x"}}, ""),
        ("DELETE", "/api/v1/namespaces/shop/pods/x", {"status": "Success"}, ""),
        (
            "GET",
            "/apis/example.com/v1/namespaces/shop/widgets/x",
            {"metadata": {"name": 5}},
            "metadata.name is not a string",
        ),
    ],
)
def test_schema_of_an_answer(method: str, path: str, body: Json, flaw: str) -> None:
    assert schemas.find_flaw(method, path, body) == flaw


def test_pod_is_trimmed_to_the_fields_that_are_read() -> None:
    container = {"name": "app", "env": [{"name": "A", "value": "1"}]}
    spec = {"serviceAccountName": "app", "containers": [container], "initContainers": [], "nodeName": "node-1"}
    unused: dict[str, t.Any] = {"tolerations": [{"operator": "Exists"}], "priority": 0}
    full = {**spec, **unused, "containers": [{**container, "livenessProbe": {"periodSeconds": 10}}]}
    assert schemas.trim_pod_spec(full) == spec
