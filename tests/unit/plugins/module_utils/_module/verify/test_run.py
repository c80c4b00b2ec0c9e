# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification does when a cluster refuses: a dry run, a read, or anything about the test pod."""

from __future__ import annotations

import base64
import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import Diagnosis, VerificationSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import KubernetesFacts, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify import run as verification
from unit.chain_objects import CA, CLUSTER, ROLE, account, dry_run, hook, inject, pem, plain_pod

Json = dict[str, t.Any]
PODS = "/api/v1/namespaces/shop/pods"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
SECRET = "/api/v1/namespaces/kube-system/secrets/pod-identity-webhook-cert"
SERVICE = {"clientConfig": {"service": {"namespace": "kube-system", "name": "pod-identity-webhook"}, "caBundle": "x"}}


class Server:
    """An API server that has these answers, whatever the order of the requests; a missing one is a 404."""

    host = "https://localhost"

    def __init__(self, **changes: t.Any) -> None:
        self.answers: Json = {
            "GET /api/v1/namespaces/shop/serviceaccounts/app": account(),
            "GET /api/v1/namespaces/shop": {"metadata": {"name": "shop"}},
            f"GET {WEBHOOKS}": [hook()],
            f"GET {PODS}": [],
            f"POST {PODS}": dry_run(),
            **changes,
        }
        self.requests: list[str] = []

    def _answer(self, method: str, path: str) -> t.Any:
        name = f"{method} {path}"
        self.requests.append(name)
        answer = self.answers.get(name, errors.NotFound(f"no {name}"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def request(self, method: str, path: str, **_options: t.Any) -> t.Any:
        return self._answer(method, path)

    def pages(self, path: str, **_options: t.Any) -> tuple[t.Any, str]:
        return self._answer("GET", path), "1"


def verify(
    server: t.Any, probes: t.Sequence[str] = ("admission",), *, start_pods: bool = True, **options: t.Any
) -> Diagnosis:
    spec = VerificationSpec.from_params(
        {
            "namespace": "shop",
            "service_account": "app",
            "probes": list(probes),
            "propagation_timeout": 0,
            "fail_on": "error",
            **options,
        }
    )
    context = verification.VerificationContext(t.cast(t.Any, None), server, CLUSTER, lambda _secret: None)
    return verification.verify(context, spec, start_pods=start_pods)


def facts(server: Server, **options: t.Any) -> KubernetesFacts:
    return verify(server, **options).facts.kubernetes


def ids(found: Diagnosis) -> list[str]:
    return [each.id for each in found.findings]


def refusal(kind: type[errors.IrsaError], cause: str) -> Server:
    return Server(
        **{f"POST {PODS}": kind("could not dry-run the creation of a pod in the namespace shop", cause=cause)}
    )


CALLING = 'Internal error occurred: failed calling webhook "{}": failed to call webhook: Post "https://x": refused'


def test_a_dry_run_pod_with_the_role() -> None:
    found = verify(Server())
    assert (ids(found), found.links["webhook"], found.ok) == ([], "ok", True)


def test_only_an_unreachable_pod_identity_webhook_is_a_finding() -> None:
    ours = verify(refusal(errors.ApiError, f"500: {CALLING.format('iam-for-pods.amazonaws.com')}"))
    assert ids(ours) == ["webhook-unreachable"]
    others = verify(refusal(errors.ApiError, f"500: {CALLING.format('gatekeeper.sh')}"))
    assert ids(others) == []
    assert others.links["webhook"] == "unknown"
    assert any("gatekeeper.sh" in warning for warning in others.warnings)


def test_the_pod_identity_webhook_is_recognized_by_configuration_or_name() -> None:
    cause = f"500: {CALLING.format('renamed.example.com')}"
    server = refusal(errors.ApiError, cause)
    server.answers[f"GET {WEBHOOKS}"] = [hook(name="renamed.example.com")]
    assert ids(verify(server)) == ["webhook-unreachable"]
    server = refusal(errors.ApiError, f"500: {CALLING.format('pod-identity-webhook.amazonaws.com')}")
    server.answers[f"GET {WEBHOOKS}"] = errors.AccessDenied("no", cause="no")
    assert ids(verify(server)) == ["webhook-unreachable"]


@pytest.mark.parametrize(
    ("kind", "cause", "permission"),
    [
        (
            errors.AccessDenied,
            'pods is forbidden: User "u" cannot create resource "pods" in API group ""',
            "create pods in shop",
        ),
        (errors.AccessDenied, 'pods "irsa-verify-x" is forbidden: exceeded quota: full, requested: pods=1', None),
        (errors.AccessDenied, 'pods "irsa-verify-x" is forbidden: violates PodSecurity "restricted:latest"', None),
        (errors.InvalidInput, 'admission webhook "x.example.com" does not support dry run', None),
        (errors.Conflict, "namespace shop is being terminated", None),
    ],
)
def test_a_refusal_for_another_reason_leaves_the_webhook_unknown(
    kind: type[errors.IrsaError], cause: str, permission: str | None
) -> None:
    found = verify(refusal(kind, cause))
    assert (ids(found), found.links["webhook"]) == ([], "unknown")
    admitted = found.facts.kubernetes.admitted
    assert isinstance(admitted, Unknown)
    assert admitted.permission == permission
    (warning,) = found.warnings
    assert (permission or cause) in warning


@pytest.mark.parametrize("kind", [errors.Unreachable, errors.BadCredentials, errors.BadConnection])
def test_a_broken_connection_fails_the_run(kind: type[errors.IrsaError]) -> None:
    for name in (f"POST {PODS}", f"GET {WEBHOOKS}", "GET /api/v1/namespaces/shop/serviceaccounts/app"):
        with pytest.raises(kind):
            verify(Server(**{name: kind("the connection broke")}))


def test_the_serving_certificate_is_read_only_where_it_is_needed() -> None:
    secret = {"data": {"ca.crt": base64.b64encode(pem(CA).encode()).decode(), "tls.key": "c2VjcmV0"}}
    whole = Server(**{f"GET {WEBHOOKS}": [hook(**SERVICE)], f"GET {SECRET}": secret})
    assert isinstance(facts(whole).serving_ca, Unknown)
    assert f"GET {SECRET}" not in whole.requests
    bare = Server(**{f"GET {WEBHOOKS}": [hook(**SERVICE)], f"GET {SECRET}": secret, f"POST {PODS}": dry_run(None)})
    assert facts(bare).serving_ca == pem(CA)
    eks = Server(**{f"POST {PODS}": dry_run(None)})
    assert isinstance(facts(eks).serving_ca, Unknown)
    assert not any("secrets" in each for each in eks.requests)


def test_an_unreadable_serving_certificate_is_skipped() -> None:
    bare = {f"GET {WEBHOOKS}": [hook(**SERVICE)], f"POST {PODS}": dry_run(None)}
    assert facts(Server(**bare)).serving_ca is None
    assert facts(Server(**bare, **{f"GET {SECRET}": {"data": {"ca.crt": "%"}}})).serving_ca is None
    denied = facts(Server(**bare, **{f"GET {SECRET}": errors.AccessDenied("no", cause="no")}))
    assert isinstance(denied.serving_ca, Unknown)


def test_owners_and_keys_of_the_environment_are_read() -> None:
    container = {"name": "app", "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}]}
    keys = {"metadata": {"managedFields": [{"fieldsV1": {"f:data": {"f:AWS_PROFILE": {}}}}]}}
    deployment = {"metadata": {"name": "web"}, "spec": {"template": {"spec": plain_pod("x", container)["spec"]}}}
    server = Server(
        **{
            f"GET {PODS}": [inject(plain_pod("web-5d4f-x1", container))],
            "GET /apis/apps/v1/namespaces/shop/deployments/web": deployment,
            "GET /apis/apps/v1/namespaces/shop/replicasets/web-5d4f": errors.AccessDenied("no", cause="no"),
            "GET /api/v1/namespaces/shop/configmaps/settings": keys,
            "GET /api/v1/namespaces/shop/secrets/keys": errors.AccessDenied("no", cause="no"),
        }
    )
    found = verify(server, ["pods"])
    known = found.facts.kubernetes
    assert known.env_sources == {("ConfigMap", "settings"): ["AWS_PROFILE"]}
    assert {str(owner): workload for owner, workload in known.workloads.items()} == {
        "ReplicaSet web-5d4f": None,
        "Deployment web": deployment,
    }
    assert ids(found) == ["static-credentials"]
    assert known.minor_version == 33
    assert "GET /version" not in server.requests


def test_pods_are_chosen_by_account_or_by_labels() -> None:
    chosen: list[t.Any] = []

    class Keeping(Server):
        def pages(self, path: str, **options: t.Any) -> tuple[t.Any, str]:
            if path == PODS:
                chosen.append(options.get("query"))
            return super().pages(path, **options)

    verify(Keeping(), ["pods"])
    verify(Keeping(), ["pods"], label_selectors=["app=web", "tier!=db"])
    assert chosen == [{"fieldSelector": "spec.serviceAccountName=app"}, {"labelSelector": "app=web,tier!=db"}]


# The test pod

POD: t.Final = {"enabled": True, "image": None, "command": None, "timeout": 5, "node_selector": {}, "tolerations": []}
SESSION = "arn:aws:sts::123456789012:assumed-role/app/botocore-session-1"


class Kubelet(Server):
    """A server on which the test pod goes through some phases, and has a log."""

    def __init__(self, *phases: str, log: t.Any = SESSION, create: Exception | None = None) -> None:
        super().__init__()
        self.phases, self.log, self.create = phases, log, create
        self.made: Json = {}
        self.deleted: list[Json] = []

    def request(self, method: str, path: str, **options: t.Any) -> t.Any:
        body = options.get("body") or {}
        if method == "POST" and path == PODS and not (options.get("query") or {}).get("dryRun"):
            if self.create:
                raise self.create
            pod = inject({**body, "metadata": {**body["metadata"], "uid": "the-uid"}})
            self.made = {**pod, "status": {"phase": "Pending"}}
            return self.made
        if method == "DELETE":
            self.deleted.append(body)
            return {}
        return super().request(method, path, **options)

    def pages(self, path: str, **options: t.Any) -> tuple[t.Any, str]:
        if "metadata.name=irsa-verify-" in str(options):
            return ([self.made] if self.made else []), "1"
        return super().pages(path, **options)

    def watch(self, _path: str, **_options: t.Any) -> t.Iterator[tuple[str, Json]]:
        for phase in self.phases:
            event = "DELETED" if phase == "Gone" else "MODIFIED"
            metadata = {**self.made["metadata"], "resourceVersion": "2"}
            yield event, {**self.made, "metadata": metadata, "status": {"phase": phase}}

    def text(self, path: str, **_options: t.Any) -> str:
        assert path == f"{PODS}/{self.made['metadata']['name']}/log"
        if isinstance(self.log, Exception):
            raise self.log
        return str(self.log)


def test_a_test_pod_that_uses_the_role() -> None:
    server = Kubelet("Pending", "Running", "Succeeded")
    found = verify(server, test_pod=POD)
    assert verification.result_of(found)["test_pod"] == {"log": SESSION, "caller_arn": SESSION}
    assert (ids(found), found.links["pods"]) == ([], "ok")
    (deleted,) = server.deleted
    assert deleted["preconditions"] == {"uid": "the-uid"}


def test_no_test_pod_in_check_mode() -> None:
    server = Kubelet("Succeeded")
    found = verify(server, start_pods=False, test_pod=POD)
    assert (server.made, found.facts.test_pod, found.links["pods"]) == ({}, None, "skipped")


@pytest.mark.parametrize(
    ("server", "says"),
    [
        pytest.param(Kubelet("Running", "Gone"), "was deleted by another client", id="deleted"),
        pytest.param(
            Kubelet("Succeeded", log=errors.AccessDenied("no", cause="no")), "get pods/log in shop", id="no-log-allowed"
        ),
        pytest.param(Kubelet("Failed", log=errors.InvalidInput("no", cause="never ran")), "never ran", id="no-log"),
        pytest.param(
            Kubelet(create=errors.AccessDenied("no", cause='cannot create resource "pods"')),
            "create pods in shop",
            id="no-pod-allowed",
        ),
        pytest.param(Kubelet(create=errors.AccessDenied("no", cause="exceeded quota")), "exceeded quota", id="quota"),
        pytest.param(Kubelet(create=errors.InvalidInput("no", cause="bad image")), "bad image", id="invalid"),
    ],
)
def test_a_test_pod_without_a_caller(server: Kubelet, says: str) -> None:
    found = verify(server, test_pod=POD)
    assert isinstance(found.facts.test_pod, Unknown)
    assert found.links["pods"] == "unknown"
    assert any(says in warning for warning in found.warnings)
    # What was deleted by somebody else can't be deleted; all else that was made is.
    assert len(server.deleted) == (1 if server.made and "Gone" not in server.phases else 0)


def test_a_test_pod_is_deleted_even_when_the_connection_breaks() -> None:
    server = Kubelet("Succeeded", log=errors.Unreachable("gone"))
    with pytest.raises(errors.Unreachable):
        verify(server, test_pod=POD)
    assert len(server.deleted) == 1


def test_a_test_pod_whose_creation_has_no_answer() -> None:
    class Lossy(Kubelet):
        def request(self, method: str, path: str, **options: t.Any) -> t.Any:
            answer = super().request(method, path, **options)
            if answer is self.made and self.made:
                raise errors.AlreadyExists("there is one")
            return answer

    server = Lossy("Succeeded")
    found = verify(server, test_pod=POD)
    assert verification.result_of(found)["test_pod"]["caller_arn"] == SESSION
    assert len(server.deleted) == 1


def test_the_caller_of_a_test_pod_is_compared_with_the_role() -> None:
    server = Kubelet(
        "Succeeded", log=SESSION.replace("/app/", "/nodes/").replace("botocore-session-1", "i-0123456789abcdef0")
    )
    found = verify(server, test_pod=POD)
    assert ids(found) == ["imds-fallback"]
    assert found.findings[0].expected == ROLE
    assert dataclasses.asdict(found.findings[0])["found"].endswith("/i-0123456789abcdef0")
