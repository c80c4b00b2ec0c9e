# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifications if the cluster rejects the dry run, a read or the test pod."""

from __future__ import annotations

import base64
import dataclasses
import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import Diagnosis, specs_from_params
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import KubernetesFacts, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify import run as verification
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.shared_reads import SharedReads
from unit.chain_objects import CA, CLUSTER, ROLE, account, dry_run, hook, inject, pem, plain_pod

Json = dict[str, t.Any]
PODS = "/api/v1/namespaces/shop/pods"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
SECRET = "/api/v1/namespaces/kube-system/secrets/pod-identity-webhook-cert"
SERVICE = {"clientConfig": {"service": {"namespace": "kube-system", "name": "pod-identity-webhook"}, "caBundle": "x"}}


class Server:
    """An API server with these responses, in any order; a request without a response fails with 404."""

    host = "https://localhost"

    def __init__(self, **changes: t.Any) -> None:
        self.responses: Json = {
            "GET /api/v1/namespaces/shop/serviceaccounts/app": account(),
            "GET /api/v1/namespaces/shop": {"metadata": {"name": "shop"}},
            f"GET {WEBHOOKS}": [hook()],
            f"GET {PODS}": [],
            f"POST {PODS}": dry_run(),
            **changes,
        }
        self.requests: list[str] = []
        self.limits: list[float] = []

    def within(self, seconds: float) -> Server:
        self.limits.append(seconds)
        return self

    def _answer(self, method: str, path: str) -> t.Any:
        name = f"{method} {path}"
        self.requests.append(name)
        answer = self.responses.get(name, errors.NotFound(f"no {name}"))
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
    (spec,) = specs_from_params(
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


def ids(diagnosis: Diagnosis) -> list[str]:
    return [finding.id for finding in diagnosis.findings]


def reject_dry_run(kind: type[errors.IrsaError], cause: str) -> Server:
    return Server(
        **{f"POST {PODS}": kind("could not dry-run the creation of a pod in the namespace shop", cause=cause)}
    )


WEBHOOK_ERROR = (
    'Internal error occurred: failed calling webhook "{}": failed to call webhook: Post "https://x": refused'
)


def test_dry_run_pod_with_the_role() -> None:
    diagnosis = verify(Server())
    assert (ids(diagnosis), diagnosis.links["webhook"], diagnosis.ok) == ([], "ok", True)


def test_only_an_unreachable_pod_identity_webhook_is_a_finding() -> None:
    diagnosis = verify(reject_dry_run(errors.ApiError, f"500: {WEBHOOK_ERROR.format('iam-for-pods.amazonaws.com')}"))
    assert ids(diagnosis) == ["webhook-unreachable"]
    diagnosis = verify(reject_dry_run(errors.ApiError, f"500: {WEBHOOK_ERROR.format('gatekeeper.sh')}"))
    assert ids(diagnosis) == []
    assert diagnosis.links["webhook"] == "unknown"
    assert any("gatekeeper.sh" in warning for warning in diagnosis.warnings)


def test_pod_identity_webhook_is_recognized_by_configuration_or_name() -> None:
    cause = f"500: {WEBHOOK_ERROR.format('renamed.example.com')}"
    server = reject_dry_run(errors.ApiError, cause)
    server.responses[f"GET {WEBHOOKS}"] = [hook(name="renamed.example.com")]
    assert ids(verify(server)) == ["webhook-unreachable"]
    server = reject_dry_run(errors.ApiError, f"500: {WEBHOOK_ERROR.format('pod-identity-webhook.amazonaws.com')}")
    server.responses[f"GET {WEBHOOKS}"] = errors.AccessDenied("no", cause="no")
    assert ids(verify(server)) == ["webhook-unreachable"]


@pytest.mark.parametrize(
    ("kind", "cause", "permission"),
    [
        (
            errors.AccessDenied,
            'pods is forbidden: User "u" cannot create resource "pods" in API group ""',
            "create pods in shop",
        ),
        (errors.QuotaExceeded, 'pods "irsa-verify-x" is forbidden: exceeded quota: full, requested: pods=1', None),
        (errors.AccessDenied, 'pods "irsa-verify-x" is forbidden: violates PodSecurity "restricted:latest"', None),
        (errors.InvalidInput, 'admission webhook "x.example.com" does not support dry run', None),
        (errors.Conflict, "namespace shop is being terminated", None),
    ],
)
def test_dry_run_rejected_for_another_reason_leaves_the_webhook_unknown(
    kind: type[errors.IrsaError], cause: str, permission: str | None
) -> None:
    diagnosis = verify(reject_dry_run(kind, cause))
    assert (ids(diagnosis), diagnosis.links["webhook"]) == ([], "unknown")
    admitted = diagnosis.facts.kubernetes.admitted
    assert isinstance(admitted, Unknown)
    assert admitted.permission == permission
    (warning,) = diagnosis.warnings
    assert (permission or cause) in warning


@pytest.mark.parametrize("kind", [errors.Unreachable, errors.BadCredentials, errors.BadConnection])
def test_broken_connection_fails_the_verification(kind: type[errors.IrsaError]) -> None:
    for name in (f"POST {PODS}", f"GET {WEBHOOKS}", "GET /api/v1/namespaces/shop/serviceaccounts/app"):
        with pytest.raises(kind):
            verify(Server(**{name: kind("the connection broke")}))


def test_serving_certificate_is_read_only_if_it_is_needed() -> None:
    secret = {"data": {"ca.crt": base64.b64encode(pem(CA).encode()).decode(), "tls.key": "c2VjcmV0"}}
    in_cluster = {f"GET {WEBHOOKS}": [hook(**SERVICE)], f"GET {SECRET}": secret}
    working = Server(**in_cluster)
    assert isinstance(facts(working).serving_ca, Unknown)
    assert f"GET {SECRET}" not in working.requests
    assert facts(Server(**in_cluster, **{f"POST {PODS}": dry_run(None)})).serving_ca == pem(CA)
    on_eks = Server(**{f"POST {PODS}": dry_run(None)})
    assert isinstance(facts(on_eks).serving_ca, Unknown)
    assert not any("secrets" in request for request in on_eks.requests)


def test_unreadable_serving_certificate_is_skipped() -> None:
    not_injected = {f"GET {WEBHOOKS}": [hook(**SERVICE)], f"POST {PODS}": dry_run(None)}
    assert facts(Server(**not_injected)).serving_ca is None
    assert facts(Server(**not_injected, **{f"GET {SECRET}": {"data": {"ca.crt": "%"}}})).serving_ca is None
    denied = facts(Server(**not_injected, **{f"GET {SECRET}": errors.AccessDenied("no", cause="no")}))
    assert isinstance(denied.serving_ca, Unknown)


def test_owners_and_keys_of_env_from_are_read() -> None:
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
    diagnosis = verify(server, ["pods"])
    kubernetes = diagnosis.facts.kubernetes
    assert kubernetes.env_sources == {("ConfigMap", "settings"): ["AWS_PROFILE"]}
    assert {str(owner): workload for owner, workload in kubernetes.workloads.items()} == {
        "ReplicaSet web-5d4f": None,
        "Deployment web": deployment,
    }
    assert ids(diagnosis) == ["static-credentials"]
    assert kubernetes.minor_version == 33
    assert "GET /version" not in server.requests


def test_pods_are_selected_by_account_or_by_labels() -> None:
    queries: list[t.Any] = []

    class RecordingServer(Server):
        def pages(self, path: str, **options: t.Any) -> tuple[t.Any, str]:
            if path == PODS:
                queries.append(options.get("query"))
            return super().pages(path, **options)

    verify(RecordingServer(), ["pods"])
    verify(RecordingServer(), ["pods"], label_selectors=["app=web", "tier!=db"])
    assert queries == [{"fieldSelector": "spec.serviceAccountName=app"}, {"labelSelector": "app=web,tier!=db"}]


# The test pod

POD: t.Final = {"enabled": True, "image": None, "command": None, "timeout": 5, "node_selector": {}, "tolerations": []}
SESSION = "arn:aws:sts::123456789012:assumed-role/app/botocore-session-1"


class PodServer(Server):
    """A server on which the test pod has these phases and this log.

    :param create_error: rejects the creation of the test pod.
    """

    def __init__(self, *phases: str, log: t.Any = SESSION, create_error: Exception | None = None) -> None:
        super().__init__()
        self.phases, self.log, self.create_error = phases, log, create_error
        self.pod: Json = {}
        self.deleted: list[Json] = []

    def request(self, method: str, path: str, **options: t.Any) -> t.Any:
        body = options.get("body") or {}
        if method == "POST" and path == PODS and not (options.get("query") or {}).get("dryRun"):
            if self.create_error:
                raise self.create_error
            pod = inject({**body, "metadata": {**body["metadata"], "uid": "the-uid"}})
            self.pod = {**pod, "status": {"phase": "Pending"}}
            return self.pod
        if method == "DELETE":
            self.deleted.append(body)
            return {}
        return super().request(method, path, **options)

    def pages(self, path: str, **options: t.Any) -> tuple[t.Any, str]:
        if "metadata.name=irsa-verify-" in str(options):
            return ([self.pod] if self.pod else []), "1"
        return super().pages(path, **options)

    def watch(self, _path: str, **_options: t.Any) -> t.Iterator[tuple[str, Json]]:
        for phase in self.phases:
            event = "DELETED" if phase == "Deleted" else "MODIFIED"
            metadata = {**self.pod["metadata"], "resourceVersion": "2"}
            yield event, {**self.pod, "metadata": metadata, "status": {"phase": phase}}

    def text(self, path: str, **_options: t.Any) -> str:
        assert path == f"{PODS}/{self.pod['metadata']['name']}/log"
        if isinstance(self.log, Exception):
            raise self.log
        return str(self.log)


def test_test_pod_with_the_role() -> None:
    server = PodServer("Pending", "Running", "Succeeded")
    diagnosis = verify(server, test_pod=POD)
    assert verification.result_of(diagnosis)["test_pod"] == {"log": SESSION, "caller_arn": SESSION}
    assert (ids(diagnosis), diagnosis.links["pods"]) == ([], "ok")
    (deleted,) = server.deleted
    assert deleted["preconditions"] == {"uid": "the-uid"}


def test_check_mode_starts_no_test_pod() -> None:
    server = PodServer("Succeeded")
    diagnosis = verify(server, start_pods=False, test_pod=POD)
    assert (server.pod, diagnosis.facts.test_pod, diagnosis.links["pods"]) == ({}, None, "skipped")


@pytest.mark.parametrize(
    ("server", "message"),
    [
        pytest.param(PodServer("Running", "Deleted"), "was deleted by another client", id="deleted"),
        pytest.param(
            PodServer("Succeeded", log=errors.AccessDenied("no", cause="no")), "get pods/log in shop", id="log-denied"
        ),
        pytest.param(PodServer("Failed", log=errors.InvalidInput("no", cause="never ran")), "never ran", id="no-log"),
        pytest.param(
            PodServer(create_error=errors.AccessDenied("no", cause='cannot create resource "pods"')),
            "create pods in shop",
            id="creation-denied",
        ),
        pytest.param(
            PodServer(create_error=errors.QuotaExceeded("no", cause="exceeded quota")),
            "exceeded quota",
            id="quota-exceeded",
        ),
        pytest.param(
            PodServer(create_error=errors.InvalidInput("no", cause="bad image")), "bad image", id="invalid-pod"
        ),
    ],
)
def test_test_pod_without_a_caller_is_unknown(server: PodServer, message: str) -> None:
    diagnosis = verify(server, test_pod=POD)
    assert isinstance(diagnosis.facts.test_pod, Unknown)
    assert diagnosis.links["pods"] == "unknown"
    assert any(message in warning for warning in diagnosis.warnings)
    # A pod that was created and not deleted by another client is always deleted.
    assert len(server.deleted) == (1 if server.pod and "Deleted" not in server.phases else 0)


def test_test_pod_is_deleted_if_the_connection_breaks() -> None:
    server = PodServer("Succeeded", log=errors.Unreachable("gone"))
    with pytest.raises(errors.Unreachable):
        verify(server, test_pod=POD)
    assert len(server.deleted) == 1


def test_test_pod_whose_creation_response_is_lost() -> None:
    class LossyServer(PodServer):
        def request(self, method: str, path: str, **options: t.Any) -> t.Any:
            response = super().request(method, path, **options)
            if response is self.pod and self.pod:
                raise errors.AlreadyExists("the pod exists")
            return response

    server = LossyServer("Succeeded")
    diagnosis = verify(server, test_pod=POD)
    assert verification.result_of(diagnosis)["test_pod"]["caller_arn"] == SESSION
    assert len(server.deleted) == 1


def test_test_pod_is_deleted_if_its_creation_is_not_answered() -> None:
    class LossyServer(PodServer):
        def request(self, method: str, path: str, **options: t.Any) -> t.Any:
            response = super().request(method, path, **options)
            if response is self.pod and self.pod:
                raise errors.Unreachable("no answer")
            return response

    server = LossyServer("Succeeded")
    with pytest.raises(errors.Unreachable):
        verify(server, test_pod=POD)
    assert [body["preconditions"] for body in server.deleted] == [{"uid": "the-uid"}]


def test_test_pod_has_a_time_limit() -> None:
    server = PodServer("Pending", "Running", "Succeeded")
    verify(server, test_pod=POD)
    # Creation and log, deletion, and the watch in between.
    assert server.limits == [POD["timeout"] + 4, POD["timeout"] + 9, POD["timeout"]]


def test_caller_of_the_test_pod_is_compared_with_the_role() -> None:
    server = PodServer(
        "Succeeded", log=SESSION.replace("/app/", "/nodes/").replace("botocore-session-1", "i-0123456789abcdef0")
    )
    diagnosis = verify(server, test_pod=POD)
    assert ids(diagnosis) == ["imds-fallback"]
    assert diagnosis.findings[0].expected == ROLE
    assert dataclasses.asdict(diagnosis.findings[0])["found"].endswith("/i-0123456789abcdef0")


# Several service accounts


def hide_secret(value: t.Any, _secrets: t.Collection[str]) -> t.Any:
    return json.loads(json.dumps(value).replace("hunter2", "***"))


def verify_all(server: t.Any, *names: str, **options: t.Any) -> list[verification.AccountResult]:
    accounts = [{"namespace": "shop", "name": name, "role_arn": None} for name in names]
    params = {"probes": ["admission"], "propagation_timeout": 0, "fail_on": "error", "service_accounts": accounts}
    context = verification.VerificationContext(
        t.cast(t.Any, None), server, CLUSTER, lambda _secret: None, shared=SharedReads(len(names))
    )
    specs = specs_from_params({**params, **options})
    return verification.verify_all(context, specs, start_pods=True, redact=hide_secret)


ACCOUNTS = "GET /api/v1/namespaces/shop/serviceaccounts"


def test_service_account_that_cannot_be_read_does_not_stop_the_others() -> None:
    server = Server(**{f"{ACCOUNTS}/cart": errors.Unreachable("could not read cart", cause="503")})
    cart, app = verify_all(server, "cart", "app")
    assert cart.returns == {
        "namespace": "shop",
        "service_account": "cart",
        "msg": "could not read cart. Cause: 503.",
        "error": {"kind": "unreachable", "message": "could not read cart", "cause": "503", "fix": None},
    }
    assert (app.returns["service_account"], app.returns["ok"], app.failure) == ("app", True, None)
    assert verification.find_failure([cart, app]) is cart.failure
    assert str(verification.find_failure([cart, app, cart])).splitlines() == [
        "2 of 3 service accounts failed the verification:",
        "  shop/cart: could not read cart. Cause: 503.",
        "  shop/cart: could not read cart. Cause: 503.",
    ]


def test_service_accounts_share_webhooks_and_namespace() -> None:
    server = Server(**{f"{ACCOUNTS}/cart": account(name="cart")})
    verify_all(server, "app", "cart")
    assert server.requests.count(f"GET {WEBHOOKS}") == server.requests.count("GET /api/v1/namespaces/shop") == 1
    assert server.requests.count(f"POST {PODS}") == 2


def test_error_of_all_service_accounts_is_reported_once() -> None:
    refused = errors.BadCredentials("could not read the service account", cause="401: Unauthorized", fix="log in")
    server = Server(**{f"{ACCOUNTS}/app": refused, f"{ACCOUNTS}/cart": refused})
    with pytest.raises(errors.BadCredentials, match="401"):
        verify_all(server, "app", "cart")


def test_finding_of_a_service_account_has_its_message_and_error() -> None:
    server = Server(**{f"POST {PODS}": plain_pod()})
    (app,) = verify_all(server, "app")
    assert app.returns["error"]["kind"] == "chain_broken"
    assert app.returns["msg"] == str(app.failure)
    assert verification.find_failure([app]) is app.failure
    (app,) = verify_all(server, "app", fail_on="never")
    assert app.failure is verification.find_failure([app]) is None


def test_warning_names_the_service_accounts() -> None:
    results = [
        verification.AccountResult({"namespace": "shop", "service_account": name}, warnings=("It is unknown.",))
        for name in ("app", "cart")
    ]
    assert verification.list_warnings(results) == ["shop/app and shop/cart: It is unknown."]


def test_service_account_is_listed_once() -> None:
    with pytest.raises(errors.InvalidInput, match="shop/app is listed twice"):
        verify_all(Server(), "app", "app")


def test_secret_is_in_no_result_warning_or_error() -> None:
    server = reject_dry_run(errors.ApiError, "hunter2 is not accepted")
    server.responses[f"{ACCOUNTS}/cart"] = errors.Unreachable("could not read cart", cause="503 for hunter2")
    results = verify_all(server, "app", "cart")
    assert "***" in str(verification.list_warnings(results))
    assert "***" in str(results[1].failure)
    assert "hunter2" not in str(results) + str(results[1].failure) + str(verification.list_warnings(results))


def test_secret_is_not_in_the_error_about_another_cluster() -> None:
    server = Server(**{f"{ACCOUNTS}/app": errors.WrongCluster("it is another cluster", cause="token hunter2")})
    with pytest.raises(errors.WrongCluster) as caught:
        verify_all(server, "app", "cart")
    assert str(caught.value) == "it is another cluster. Cause: token ***."
