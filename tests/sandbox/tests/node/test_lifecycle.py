# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from sandbox.node.lifecycle import PodRun

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

START = 1_700_000_000.0


class FakeCli:
    """A run of the aws CLI that ends when the test sets ``outcome``."""

    def __init__(self) -> None:
        self.outcome: tuple[int, str] | None = None
        self.cancelled = False

    def result(self) -> tuple[int, str] | None:
        return self.outcome

    def cancel(self) -> None:
        self.cancelled = True


class PodRunner:
    """A pod and its run."""

    def __init__(self, *containers: Json, annotations: dict[str, str] | None = None, **spec: t.Any) -> None:
        self.pod: Json = {
            "metadata": {"name": "p", "annotations": annotations or {}},
            "spec": {"containers": list(containers) or [container()], **spec},
        }
        self.now = START
        self.cli = FakeCli()
        self.run = PodRun.for_pod(self.pod, now=START, address="10.0.0.1", start_aws=lambda *_: self.cli)

    def status_after(self, seconds: float) -> Json:
        """Advance to so many seconds after the start and return the status, which is also set in the pod."""
        self.now = START + seconds
        self.next_check_at = self.run.advance(self.pod, self.now)
        self.pod["status"] = self.run.status(self.pod, self.now)
        return self.pod["status"]


def container(name: str = "main", image: str = "busybox", *command: str) -> Json:
    return {"name": name, "image": image, "command": list(command)}


def conditions(status: Json) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


ALL_TRUE = {"Initialized": "True", "Ready": "True", "ContainersReady": "True", "PodScheduled": "True"}
NOT_READY = {**ALL_TRUE, "Ready": "False", "ContainersReady": "False"}


def test_container_that_never_ends_is_ready() -> None:
    runner = PodRunner()
    status = runner.status_after(0)
    assert (status["phase"], conditions(status)) == ("Running", ALL_TRUE)
    [container_status] = status["containerStatuses"]
    assert (container_status["ready"], container_status["restartCount"], container_status["started"]) == (True, 0, True)
    assert status["podIP"] == "10.0.0.1"
    assert runner.next_check_at is None


def test_ready_after_annotation() -> None:
    runner = PodRunner(annotations={"sandbox.eksops.io/ready-after": "2"})
    assert conditions(runner.status_after(0)) == NOT_READY
    assert runner.next_check_at == START + 2
    assert conditions(runner.status_after(1.9)) == NOT_READY
    assert conditions(runner.status_after(2)) == ALL_TRUE
    assert runner.next_check_at is None


def test_unchanged_condition_keeps_transition_time() -> None:
    runner = PodRunner(annotations={"sandbox.eksops.io/ready-after": "2"})
    before = {condition["type"]: condition["lastTransitionTime"] for condition in runner.status_after(0)["conditions"]}
    status_after = {
        condition["type"]: condition["lastTransitionTime"] for condition in runner.status_after(2)["conditions"]
    }
    assert status_after["PodScheduled"] == before["PodScheduled"]
    assert status_after["Ready"] > before["Ready"]


def test_image_pull_failure() -> None:
    runner = PodRunner(container("main", "no-such-image"), container("side"))
    status = runner.status_after(0)
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImagePull"
    status = runner.status_after(1)
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert "running" in status["containerStatuses"][1]["state"]
    assert (status["phase"], conditions(status)) == ("Pending", NOT_READY)


def test_crash_loop() -> None:
    runner = PodRunner(container("main", "busybox", "./crash"))
    status = runner.status_after(0)
    [container_status] = status["containerStatuses"]
    assert container_status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container_status["lastState"]["terminated"]["exitCode"] == 1
    assert (status["phase"], container_status["restartCount"]) == ("Running", 0)
    assert runner.status_after(1)["containerStatuses"][0]["restartCount"] == 1
    assert runner.next_check_at == START + 3
    assert runner.status_after(3)["containerStatuses"][0]["restartCount"] == 2
    assert conditions(runner.pod["status"]) == NOT_READY


def test_success_restarts_only_with_policy_always() -> None:
    assert PodRunner(container("main", "busybox", "true")).status_after(0)["phase"] == "Running"
    for policy in ("OnFailure", "Never"):
        runner = PodRunner(container("main", "busybox", "true"), restartPolicy=policy)
        status = runner.status_after(0)
        assert status["phase"] == "Succeeded"
        assert {condition.get("reason") for condition in status["conditions"] if condition["status"] == "False"} == {
            "PodCompleted"
        }
        assert runner.next_check_at is None


def test_failure_is_final_only_with_policy_never() -> None:
    failed = PodRunner(container("main", "busybox", "false"), restartPolicy="Never")
    assert failed.status_after(0)["phase"] == "Failed"
    assert failed.run.main[0].exit_code == 1
    restarted = PodRunner(container("main", "busybox", "false"), restartPolicy="OnFailure")
    assert restarted.status_after(0)["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_script_with_sleep() -> None:
    runner = PodRunner(container("main", "busybox", "sh", "-c", "echo one; sleep 5; echo two"), restartPolicy="Never")
    assert runner.status_after(0)["phase"] == "Running"
    assert runner.run.main[0].log == "one\n"
    assert runner.next_check_at == START + 5
    assert runner.status_after(5)["phase"] == "Succeeded"
    assert runner.run.main[0].log == "one\ntwo\n"


def test_failed_step_that_must_succeed_ends_script() -> None:
    runner = PodRunner(container("main", "busybox", "sh", "-c", "false && echo no"), restartPolicy="Never")
    assert runner.status_after(0)["phase"] == "Failed"
    assert runner.run.main[0].log == ""
    without_condition = PodRunner(container("main", "busybox", "sh", "-c", "false; echo yes"), restartPolicy="Never")
    assert without_condition.status_after(0)["phase"] == "Succeeded"


def test_init_containers_run_first_in_order() -> None:
    runner = PodRunner(
        initContainers=[container("one", "busybox", "sleep", "1"), container("two", "busybox", "sleep", "1")]
    )
    status = runner.status_after(0)
    assert (status["phase"], conditions(status)["Initialized"]) == ("Pending", "False")
    assert "running" in status["initContainerStatuses"][0]["state"]
    assert status["initContainerStatuses"][1]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert "running" in runner.status_after(1)["initContainerStatuses"][1]["state"]
    status = runner.status_after(2)
    assert (status["phase"], conditions(status)) == ("Running", ALL_TRUE)


def test_failed_init_container() -> None:
    final = PodRunner(initContainers=[container("one", "busybox", "false")], restartPolicy="Never").status_after(0)
    assert final["phase"] == "Failed"
    looping = PodRunner(initContainers=[container("one", "busybox", "false")]).status_after(0)
    assert looping["phase"] == "Pending"
    assert looping["initContainerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_aws_cli_run() -> None:
    runner = PodRunner(container("main", "amazon/aws-cli", "aws", "sts", "get-caller-identity"), restartPolicy="Never")
    assert runner.status_after(0)["phase"] == "Running"
    assert runner.status_after(0.2)["phase"] == "Running"
    runner.cli.outcome = (254, "An error occurred\n")
    status = runner.status_after(0.3)
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 254
    assert runner.run.main[0].log == "An error occurred\n"


def test_stop_cancels_aws_cli() -> None:
    runner = PodRunner(container("main", "amazon/aws-cli", "aws", "sts", "get-caller-identity"))
    runner.status_after(0)
    runner.run.stop()
    assert runner.cli.cancelled
