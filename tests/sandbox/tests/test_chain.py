# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole sandbox. The simulated and the real API server must pass the same tests."""

from __future__ import annotations

import base64
import json
import stat
import time
import typing as t

import pytest
from sandbox import settings
from sandbox.api import ApiError
from sandbox.tests.support.chain import CONTAINER, ChainSandbox

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

AWS_CLI = settings.TEST_POD_IMAGE
ACCESS_DENIED = (
    "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: "
    "Not authorized to perform sts:AssumeRoleWithWebIdentity"
)
TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"


def is_ready(pod: Json) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in pod["status"].get("conditions") or []}
    return conditions.get("Ready") == "True"


def environment_of(pod: Json) -> dict[str, str | None]:
    return {variable["name"]: variable.get("value") for variable in pod["spec"]["containers"][0]["env"]}


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({}, id="args"),
        pytest.param({"command": ["aws"]}, id="command-and-args"),
        pytest.param({"command": ["sh", "-c", "aws sts get-caller-identity"], "args": None}, id="shell"),
    ],
)
def test_pod_assumes_role(chain: ChainSandbox, container: Json) -> None:
    chain.account("app", chain.role(f"system:serviceaccount:{chain.namespace}:app"))
    phase, log = chain.run_test_pod("app", **container)
    assert phase == "Succeeded", log
    caller = json.loads(log)
    assert caller["Account"] == settings.ACCOUNT_ID
    assert caller["Arn"].startswith(f"arn:aws:sts::123456789012:assumed-role/{chain.namespace}/")


def test_trust_policy_for_another_account(chain: ChainSandbox) -> None:
    chain.account("app", chain.role(f"system:serviceaccount:{chain.namespace}:other"))
    phase, log = chain.run_test_pod("app")
    assert (phase, log.strip()) == ("Failed", ACCESS_DENIED)


def test_audience_that_the_provider_lacks(chain: ChainSandbox) -> None:
    role_arn = chain.role(f"system:serviceaccount:{chain.namespace}:app")
    annotations = {"eks.amazonaws.com/role-arn": role_arn, "eks.amazonaws.com/audience": "vault"}
    chain.api.post(f"{chain.core}/serviceaccounts", {"metadata": {"name": "app", "annotations": annotations}})
    phase, log = chain.run_test_pod("app")
    assert phase == "Failed"
    assert "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation" in log


def test_pod_without_annotation_uses_node_role(chain: ChainSandbox) -> None:
    phase, log = chain.run_test_pod(
        "default", args=["sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    )
    assert (phase, log) == (
        "Succeeded",
        "arn:aws:sts::123456789012:assumed-role/sandbox-node-role/i-0123456789abcdef0\n",
    )


def test_token_file(chain: ChainSandbox) -> None:
    chain.account("app", chain.role(f"system:serviceaccount:{chain.namespace}:app"))
    pod = chain.pod("web", serviceAccountName="app")
    assert environment_of(pod)["AWS_WEB_IDENTITY_TOKEN_FILE"] == TOKEN_FILE
    chain.wait_for(lambda: is_ready(chain.get("web")))
    directory = chain.state.tokens / f"{chain.namespace}_web_{pod['metadata']['uid']}"
    [token] = [path for path in directory.rglob("*") if path.is_file() and path.parent.name == "aws-iam-token"]
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    payload = token.read_text().split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == [settings.AUDIENCE]
    assert claims["iss"] == chain.issuer
    assert claims["sub"] == f"system:serviceaccount:{chain.namespace}:app"
    assert claims["kubernetes.io"]["pod"]["name"] == "web"
    chain.api.delete(f"{chain.core}/pods/web")
    chain.wait_for(lambda: not directory.exists())


def test_skip_label(chain: ChainSandbox) -> None:
    chain.account("app", chain.role(f"system:serviceaccount:{chain.namespace}:app"))
    body = {
        "metadata": {"name": "skipped", "labels": {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}},
        "spec": {"serviceAccountName": "app", "containers": [CONTAINER]},
    }
    created = chain.api.post(f"{chain.core}/pods", body)
    assert "AWS_ROLE_ARN" not in json.dumps(created["spec"])


def test_time_until_pod_is_ready(chain: ChainSandbox) -> None:
    seconds = []
    # The fastest of three, because other processes may slow down single pods.
    for name in ("web", "again", "once-more"):
        chain.pod(name)
        started = time.monotonic()
        chain.wait_for(lambda name=name: is_ready(chain.get(name)))
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 2.0
    pod = chain.get("web")
    assert pod["spec"]["nodeName"] == settings.NODE_NAME
    assert pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]


def test_ready_after_annotation(chain: ChainSandbox) -> None:
    created = chain.pod("late", annotations={"sandbox.eksops.io/ready-after": "0.7"})
    states = []
    # A watch has every state, even if it is read late.
    for event in chain.api.watch(
        f"{chain.core}/pods", created["metadata"]["resourceVersion"], seconds=20, fieldSelector="metadata.name=late"
    ):
        if event["type"] != "BOOKMARK":
            states.append((event["object"]["status"].get("phase"), is_ready(event["object"])))
        if states[-1:] == [("Running", True)]:
            break
    assert states[-1:] == [("Running", True)]
    assert ("Running", False) in states


def test_pods_that_fail_to_start(chain: ChainSandbox) -> None:
    chain.pod("pull", {"name": "main", "image": "example.com/no-such-image:1"})
    chain.pod("crash", {"name": "main", "image": "busybox", "command": ["./crash"]})
    assert chain.wait_for_reason("pull", "ImagePullBackOff")["status"]["phase"] == "Pending"
    chain.wait_for_reason("crash", "CrashLoopBackOff")
    chain.wait_for(lambda: chain.get("crash")["status"]["containerStatuses"][0]["restartCount"] > 0)
    assert ("Warning", "Failed") in chain.events("pull")
    chain.wait_for(lambda: ("Warning", "BackOff") in chain.events("crash"))
    assert "crash" in chain.api.get_text(f"{chain.core}/pods/crash/log")


def test_finalizer_delays_deletion_of_pod(chain: ChainSandbox) -> None:
    body = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}, "spec": {"containers": [CONTAINER]}}
    chain.api.post(f"{chain.core}/pods", body)
    chain.wait_for_phase("held", "Running")
    chain.api.delete(f"{chain.core}/pods/held")
    chain.wait_for(lambda: chain.get("held")["metadata"].get("deletionGracePeriodSeconds") == 0)
    chain.api.patch(f"{chain.core}/pods/held", {"metadata": {"finalizers": None}})
    chain.wait_for(lambda: not chain.exists(f"{chain.core}/pods/held"))


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


def test_pods_of_controllers_are_injected_and_ready(chain: ChainSandbox) -> None:
    role_arn = chain.role(f"system:serviceaccount:{chain.namespace}:app")
    chain.account("app", role_arn)
    chain.api.post(f"{chain.apps}/deployments", workload("Deployment", "web", replicas=2))
    chain.api.post(f"{chain.apps}/statefulsets", workload("StatefulSet", "db", replicas=2, serviceName="db"))
    chain.api.post(f"{chain.apps}/daemonsets", workload("DaemonSet", "log"))

    def is_rolled_out() -> bool:
        web = chain.api.get(f"{chain.apps}/deployments/web").get("status", {})
        db = chain.api.get(f"{chain.apps}/statefulsets/db").get("status", {})
        log = chain.api.get(f"{chain.apps}/daemonsets/log").get("status", {})
        return (web.get("availableReplicas"), db.get("readyReplicas"), log.get("numberAvailable")) == (2, 2, 1)

    chain.wait_for(is_rolled_out)
    pods = chain.api.get(f"{chain.core}/pods")["items"]
    assert len(pods) == 5
    for pod in pods:
        assert environment_of(pod)["AWS_ROLE_ARN"] == role_arn


def test_job_completes(chain: ChainSandbox) -> None:
    container = {**CONTAINER, "command": ["sh", "-c", "echo one; sleep 0.3; echo two"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    jobs = f"/apis/batch/v1/namespaces/{chain.namespace}/jobs"
    chain.api.post(jobs, {"metadata": {"name": "once"}, "spec": {"template": template}})
    chain.wait_for(lambda: chain.api.get(f"{jobs}/once").get("status", {}).get("succeeded") == 1)
    [pod] = chain.api.get(f"{chain.core}/pods")["items"]
    log = f"{chain.core}/pods/{pod['metadata']['name']}/log"
    assert chain.api.get_text(log) == "one\ntwo\n"
    assert chain.api.get_text(log, tailLines=1) == "two\n"


def test_follow_log(chain: ChainSandbox) -> None:
    chain.pod("talk", {**CONTAINER, "command": ["sh", "-c", "echo one; sleep 1; echo two"]}, restartPolicy="Never")
    chain.wait_for_phase("talk", "Running")
    assert chain.api.get_text(f"{chain.core}/pods/talk/log", follow="true") == "one\ntwo\n"


def test_log_of_waiting_container(chain: ChainSandbox) -> None:
    chain.pod("pull", {"name": "main", "image": "no-such-image"})
    chain.wait_for_reason("pull", "ImagePullBackOff")
    with pytest.raises(ApiError, match="is waiting to start: ") as caught:
        chain.api.get_text(f"{chain.core}/pods/pull/log")
    assert caught.value.status == 400
