# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole sandbox, with the simulated and with the real API server: both must pass the same."""

from __future__ import annotations

import base64
import itertools
import json
import os
import stat
import time
import typing as t

import boto3
import botocore.session
import pytest
import urllib3
from botocore.signers import RequestSigner
from sandbox import settings
from sandbox.api import Api, ApiError
from sandbox.launch import supervisor

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, t.Any]

AWS_CLI = settings.TEST_POD_IMAGE
NO_RIGHT = (
    "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: "
    "Not authorized to perform sts:AssumeRoleWithWebIdentity"
)
TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
_numbers = itertools.count(1)


class Lane:
    """A running sandbox with an OIDC provider, and a namespace for each test."""

    def __init__(self, state: settings.State) -> None:
        self.state = state
        self.api = Api(state)
        self.namespace = ""
        options = {
            "endpoint_url": state.env()["AWS_ENDPOINT_URL"],
            "aws_access_key_id": settings.ACCESS_KEY_ID,
            "aws_secret_access_key": settings.SECRET_ACCESS_KEY,
            "region_name": settings.REGION,
        }
        self.iam = boto3.client("iam", **options)
        self.sts = boto3.client("sts", **options)
        cluster = boto3.client("eks", **options).describe_cluster(name=settings.CLUSTER_NAME)["cluster"]
        self.issuer = cluster["identity"]["oidc"]["issuer"]
        self.provider_arn = self.iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=[settings.AUDIENCE])[
            "OpenIDConnectProviderArn"
        ]

    @property
    def core(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}"

    @property
    def apps(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}"

    def enter_namespace(self) -> None:
        self.namespace = f"test-{next(_numbers)}"
        self.api.post("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.wait_for(lambda: self.exists(f"{self.core}/serviceaccounts/default"))

    def role(self, subject: str, name: str | None = None) -> str:
        """Make a role that trusts one subject and return its ARN."""
        host = self.issuer.removeprefix("https://")
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{host}:sub": subject, f"{host}:aud": settings.AUDIENCE}},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.iam.create_role(RoleName=name or self.namespace, AssumeRolePolicyDocument=trust)
        return str(made["Role"]["Arn"])

    def account(self, name: str, role_arn: str | None = None) -> None:
        annotations = {"eks.amazonaws.com/role-arn": role_arn} if role_arn else {}
        self.api.post(f"{self.core}/serviceaccounts", {"metadata": {"name": name, "annotations": annotations}})

    def pod(self, name: str, *containers: Json, annotations: dict[str, str] | None = None, **spec: t.Any) -> Json:
        body = {
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {"containers": list(containers) or [CONTAINER], **spec},
        }
        return self.api.post(f"{self.core}/pods", body)

    def get(self, name: str) -> Json:
        return self.api.get(f"{self.core}/pods/{name}")

    def exists(self, path: str) -> bool:
        try:
            self.api.get(path)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def wait_for_phase(self, name: str, *phases: str) -> Json:
        self.wait_for(lambda: self.get(name)["status"].get("phase") in phases)
        return self.get(name)

    def wait_for_reason(self, name: str, reason: str) -> Json:
        def waiting() -> bool:
            statuses = self.get(name)["status"].get("containerStatuses") or []
            return any((each["state"].get("waiting") or {}).get("reason") == reason for each in statuses)

        self.wait_for(waiting)
        return self.get(name)

    def run_test_pod(self, account: str, **container: t.Any) -> tuple[str, str]:
        """Run the documented test pod to its end and return its phase and its log."""
        name = f"irsa-test-{next(_numbers)}"
        command = {"args": ["sts", "get-caller-identity"], **container}
        self.pod(name, {"name": "main", "image": AWS_CLI, **command}, serviceAccountName=account, restartPolicy="Never")
        phase = self.wait_for_phase(name, "Succeeded", "Failed")["status"]["phase"]
        return phase, self.api.text(f"{self.core}/pods/{name}/log")

    def events(self, name: str) -> list[tuple[str, str]]:
        found = self.api.get(f"{self.core}/events", fieldSelector=f"involvedObject.name={name}")["items"]
        return [(each["type"], each["reason"]) for each in found]

    @staticmethod
    def wait_for(check: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"not so after {seconds:g} s"
            time.sleep(0.02)


CONTAINER: Json = {"name": "main", "image": "busybox"}


@pytest.fixture(scope="module", params=["simulated", "real"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    real = request.param == "real"
    if real and not os.environ.get("KUBEBUILDER_ASSETS"):
        pytest.skip("KUBEBUILDER_ASSETS is not set: no real API server to test with")
    state = settings.State(tmp_path_factory.mktemp(request.param))
    supervisor.up(state, real=real, tied=True)
    try:
        yield Lane(state)
    finally:
        supervisor.down(state)


@pytest.fixture
def lane(running: Lane) -> Lane:
    running.enter_namespace()
    return running


def ready(pod: Json) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions") or []}
    return conditions.get("Ready") == "True"


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({}, id="args"),
        pytest.param({"command": ["aws"]}, id="command-and-args"),
        pytest.param({"command": ["sh", "-c", "aws sts get-caller-identity"], "args": None}, id="shell"),
    ],
)
def test_the_chain(lane: Lane, container: Json) -> None:
    lane.account("app", lane.role(f"system:serviceaccount:{lane.namespace}:app"))
    phase, log = lane.run_test_pod("app", **container)
    assert phase == "Succeeded", log
    caller = json.loads(log)
    assert caller["Account"] == settings.ACCOUNT_ID
    assert caller["Arn"].startswith(f"arn:aws:sts::123456789012:assumed-role/{lane.namespace}/")


def test_a_trust_for_another_account_is_refused(lane: Lane) -> None:
    lane.account("app", lane.role(f"system:serviceaccount:{lane.namespace}:other"))
    phase, log = lane.run_test_pod("app")
    assert (phase, log.strip()) == ("Failed", NO_RIGHT)


def test_an_audience_that_the_provider_does_not_list_is_refused(lane: Lane) -> None:
    role_arn = lane.role(f"system:serviceaccount:{lane.namespace}:app")
    annotations = {"eks.amazonaws.com/role-arn": role_arn, "eks.amazonaws.com/audience": "vault"}
    lane.api.post(f"{lane.core}/serviceaccounts", {"metadata": {"name": "app", "annotations": annotations}})
    phase, log = lane.run_test_pod("app")
    assert phase == "Failed"
    assert "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation" in log


def test_without_the_annotation_the_pod_is_the_node(lane: Lane) -> None:
    phase, log = lane.run_test_pod("default", args=["sts", "get-caller-identity", "--query", "Arn", "--output", "text"])
    assert (phase, log) == (
        "Succeeded",
        "arn:aws:sts::123456789012:assumed-role/sandbox-node-role/i-0123456789abcdef0\n",
    )


def test_the_token_file(lane: Lane) -> None:
    lane.account("app", lane.role(f"system:serviceaccount:{lane.namespace}:app"))
    pod = lane.pod("web", serviceAccountName="app")
    environment = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    assert environment["AWS_WEB_IDENTITY_TOKEN_FILE"] == TOKEN_FILE
    lane.wait_for(lambda: ready(lane.get("web")))
    directory = lane.state.tokens / f"{lane.namespace}_web_{pod['metadata']['uid']}"
    [token] = [path for path in directory.rglob("*") if path.is_file() and path.parent.name == "aws-iam-token"]
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    payload = token.read_text().split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == [settings.AUDIENCE]
    assert claims["iss"] == lane.issuer
    assert claims["sub"] == f"system:serviceaccount:{lane.namespace}:app"
    assert claims["kubernetes.io"]["pod"]["name"] == "web"
    lane.api.delete(f"{lane.core}/pods/web")
    lane.wait_for(lambda: not directory.exists())


def test_a_skip_label_keeps_the_webhook_away(lane: Lane) -> None:
    lane.account("app", lane.role(f"system:serviceaccount:{lane.namespace}:app"))
    body = {
        "metadata": {"name": "bare", "labels": {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}},
        "spec": {"serviceAccountName": "app", "containers": [CONTAINER]},
    }
    made = lane.api.post(f"{lane.core}/pods", body)
    assert "AWS_ROLE_ARN" not in json.dumps(made["spec"])


def test_a_pod_is_ready_soon(lane: Lane) -> None:
    took = []
    # The fastest of three: what else the machine does is none of the node's business.
    for name in ("web", "again", "once-more"):
        lane.pod(name)
        started = time.monotonic()
        lane.wait_for(lambda name=name: ready(lane.get(name)))
        took.append(time.monotonic() - started)
    assert min(took) < 2.0
    pod = lane.get("web")
    assert pod["spec"]["nodeName"] == settings.NODE_NAME
    assert pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]


def test_readiness_is_put_off(lane: Lane) -> None:
    made = lane.pod("late", annotations={"sandbox.eksops.io/ready-after": "0.7"})
    states = []
    # A watch shows every state, however late it is read.
    for event in lane.api.watch(
        f"{lane.core}/pods", made["metadata"]["resourceVersion"], seconds=20, fieldSelector="metadata.name=late"
    ):
        if event["type"] != "BOOKMARK":
            states.append((event["object"]["status"].get("phase"), ready(event["object"])))
        if states[-1:] == [("Running", True)]:
            break
    assert states[-1:] == [("Running", True)]
    assert ("Running", False) in states


def test_pods_that_cannot_start(lane: Lane) -> None:
    lane.pod("pull", {"name": "main", "image": "example.com/no-such-image:1"})
    lane.pod("crash", {"name": "main", "image": "busybox", "command": ["./crash"]})
    assert lane.wait_for_reason("pull", "ImagePullBackOff")["status"]["phase"] == "Pending"
    lane.wait_for_reason("crash", "CrashLoopBackOff")
    lane.wait_for(lambda: lane.get("crash")["status"]["containerStatuses"][0]["restartCount"] > 0)
    assert ("Warning", "Failed") in lane.events("pull")
    lane.wait_for(lambda: ("Warning", "BackOff") in lane.events("crash"))
    assert "crash" in lane.api.text(f"{lane.core}/pods/crash/log")


def test_a_finalizer_holds_a_pod(lane: Lane) -> None:
    body = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}, "spec": {"containers": [CONTAINER]}}
    lane.api.post(f"{lane.core}/pods", body)
    lane.wait_for_phase("held", "Running")
    lane.api.delete(f"{lane.core}/pods/held")
    lane.wait_for(lambda: lane.get("held")["metadata"].get("deletionGracePeriodSeconds") == 0)
    lane.api.patch(f"{lane.core}/pods/held", {"metadata": {"finalizers": None}})
    lane.wait_for(lambda: not lane.exists(f"{lane.core}/pods/held"))


def workload(kind: str, name: str, **spec: t.Any) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"serviceAccountName": "app", "containers": [CONTAINER]},
            },
            **spec,
        },
    }


def test_controllers_pods_are_injected_and_become_ready(lane: Lane) -> None:
    role_arn = lane.role(f"system:serviceaccount:{lane.namespace}:app")
    lane.account("app", role_arn)
    lane.api.post(f"{lane.apps}/deployments", workload("Deployment", "web", replicas=2))
    lane.api.post(f"{lane.apps}/statefulsets", workload("StatefulSet", "db", replicas=2, serviceName="db"))
    lane.api.post(f"{lane.apps}/daemonsets", workload("DaemonSet", "log"))

    def done() -> bool:
        web = lane.api.get(f"{lane.apps}/deployments/web").get("status", {})
        db = lane.api.get(f"{lane.apps}/statefulsets/db").get("status", {})
        log = lane.api.get(f"{lane.apps}/daemonsets/log").get("status", {})
        return (web.get("availableReplicas"), db.get("readyReplicas"), log.get("numberAvailable")) == (2, 2, 1)

    lane.wait_for(done)
    pods = lane.api.get(f"{lane.core}/pods")["items"]
    assert len(pods) == 5
    for pod in pods:
        environment = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
        assert environment["AWS_ROLE_ARN"] == role_arn


def test_a_job_completes_and_leaves_its_log(lane: Lane) -> None:
    container = {**CONTAINER, "command": ["sh", "-c", "echo one; sleep 0.3; echo two"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    jobs = f"/apis/batch/v1/namespaces/{lane.namespace}/jobs"
    lane.api.post(jobs, {"metadata": {"name": "once"}, "spec": {"template": template}})
    lane.wait_for(lambda: lane.api.get(f"{jobs}/once").get("status", {}).get("succeeded") == 1)
    [pod] = lane.api.get(f"{lane.core}/pods")["items"]
    log = f"{lane.core}/pods/{pod['metadata']['name']}/log"
    assert lane.api.text(log) == "one\ntwo\n"
    assert lane.api.text(log, tailLines=1) == "two\n"


def test_a_log_is_followed_to_its_end(lane: Lane) -> None:
    lane.pod("talk", {**CONTAINER, "command": ["sh", "-c", "echo one; sleep 1; echo two"]}, restartPolicy="Never")
    lane.wait_for_phase("talk", "Running")
    assert lane.api.text(f"{lane.core}/pods/talk/log", follow="true") == "one\ntwo\n"


def test_no_log_before_a_container_starts(lane: Lane) -> None:
    lane.pod("pull", {"name": "main", "image": "no-such-image"})
    lane.wait_for_reason("pull", "ImagePullBackOff")
    with pytest.raises(ApiError, match="is waiting to start: ") as caught:
        lane.api.text(f"{lane.core}/pods/pull/log")
    assert caught.value.status == 400


def bearer(lane: Lane, credentials: Json, cluster: str = settings.CLUSTER_NAME) -> Callable[..., Json]:
    """Return a way to make requests with an EKS token of these credentials."""

    session = botocore.session.Session()
    session.set_credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken"))
    model = session.get_service_model("sts")
    signer = RequestSigner(
        model.service_id,
        settings.REGION,
        "sts",
        "v4",
        session.get_credentials(),
        session.get_component("event_emitter"),
    )
    url = f"https://sts.{settings.REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = {"method": "GET", "url": url, "body": {}, "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    signed = signer.generate_presigned_url(request, "", expires_in=60)
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")
    endpoint = lane.state.cluster()["endpoint"]

    def get(path: str) -> tuple[int, Json]:
        with urllib3.PoolManager(ca_certs=str(lane.state.pki / "ca.crt"), retries=False) as http:
            answer = http.request("GET", endpoint + path, headers={"Authorization": f"Bearer {token}"})
            return answer.status, json.loads(answer.data)

    return get


OWN = {"AccessKeyId": settings.ACCESS_KEY_ID, "SecretAccessKey": settings.SECRET_ACCESS_KEY}


def test_an_eks_token_is_the_administrators(lane: Lane) -> None:
    get = bearer(lane, OWN)
    status, answer = get("/api/v1/namespaces/kube-system/secrets")
    assert status == 200, answer
    status, configuration = get("/.well-known/openid-configuration")
    assert (status, configuration["issuer"]) == (200, lane.issuer)


def test_an_eks_token_of_another_cluster_is_refused(lane: Lane) -> None:
    assert bearer(lane, OWN, settings.OTHER_CLUSTER)("/api/v1/namespaces")[0] == 401


def test_an_eks_token_may_do_what_its_groups_may(lane: Lane) -> None:
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{settings.ACCOUNT_ID}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    name = f"reader-{lane.namespace}"
    arn = lane.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    entry = {arn: {"username": "reader", "groups": [f"viewers-{lane.namespace}"]}}
    settings.write_private(lane.state.access_file, json.dumps(entry))
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{lane.namespace}"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    lane.api.post(f"{rbac}/roles", {"metadata": {"name": "viewer"}, "rules": rules})
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "viewer"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "viewer"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": f"viewers-{lane.namespace}"}],
    }
    lane.api.post(f"{rbac}/rolebindings", binding)
    credentials = lane.sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    get = bearer(lane, credentials)
    # The API server's authorizer learns of the binding by a watch.
    lane.wait_for(lambda: get(f"{lane.core}/pods")[0] == 200)
    status, answer = get(f"{lane.core}/secrets")
    assert status == 403
    assert 'User "reader" cannot list resource "secrets"' in answer["message"]
    assert get("/.well-known/openid-configuration")[0] == 200
    settings.write_private(lane.state.access_file, json.dumps({arn: None}))
    # Another session has another token: the real API server remembers an answer for ten seconds.
    again = lane.sts.assume_role(RoleArn=arn, RoleSessionName="again")["Credentials"]
    assert bearer(lane, again)(f"{lane.core}/pods")[0] == 401
