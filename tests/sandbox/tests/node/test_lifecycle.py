# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from sandbox.node.lifecycle import PodRun

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

START = 1_700_000_000.0


class Cli:
    """An aws CLI that ends when the test says so."""

    def __init__(self) -> None:
        self.ended: tuple[int, str] | None = None
        self.cancelled = False

    def result(self) -> tuple[int, str] | None:
        return self.ended

    def cancel(self) -> None:
        self.cancelled = True


class Runner:
    """A pod, its run and the time."""

    def __init__(self, *containers: Json, annotations: dict[str, str] | None = None, **spec: t.Any) -> None:
        self.pod: Json = {
            "metadata": {"name": "p", "annotations": annotations or {}},
            "spec": {"containers": list(containers) or [container()], **spec},
        }
        self.now = START
        self.cli = Cli()
        self.run = PodRun.of(self.pod, now=START, address="10.0.0.1", start_aws=lambda *_: self.cli)

    def after(self, seconds: float) -> Json:
        """Let time pass and return the status, which becomes the pod's own as it would through the API server."""
        self.now = START + seconds
        self.wake = self.run.advance(self.pod, self.now)
        self.pod["status"] = self.run.status(self.pod, self.now)
        return self.pod["status"]


def container(name: str = "main", image: str = "busybox", *command: str) -> Json:
    return {"name": name, "image": image, "command": list(command)}


def conditions(status: Json) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status["conditions"]}


ALL_TRUE = {"Initialized": "True", "Ready": "True", "ContainersReady": "True", "PodScheduled": "True"}
NOT_READY = {**ALL_TRUE, "Ready": "False", "ContainersReady": "False"}


def test_a_server_is_ready_at_once() -> None:
    runner = Runner()
    status = runner.after(0)
    assert (status["phase"], conditions(status)) == ("Running", ALL_TRUE)
    [reported] = status["containerStatuses"]
    assert (reported["ready"], reported["restartCount"], reported["started"]) == (True, 0, True)
    assert status["podIP"] == "10.0.0.1"
    assert runner.wake is None


def test_ready_after_some_seconds() -> None:
    runner = Runner(annotations={"sandbox.eksops.io/ready-after": "2"})
    assert conditions(runner.after(0)) == NOT_READY
    assert runner.wake == START + 2
    assert conditions(runner.after(1.9)) == NOT_READY
    assert conditions(runner.after(2)) == ALL_TRUE
    assert runner.wake is None


def test_a_condition_keeps_its_transition_time() -> None:
    runner = Runner(annotations={"sandbox.eksops.io/ready-after": "2"})
    before = {each["type"]: each["lastTransitionTime"] for each in runner.after(0)["conditions"]}
    after = {each["type"]: each["lastTransitionTime"] for each in runner.after(2)["conditions"]}
    assert after["PodScheduled"] == before["PodScheduled"]
    assert after["Ready"] > before["Ready"]


def test_an_image_that_cannot_be_pulled() -> None:
    runner = Runner(container("main", "no-such-image"), container("side"))
    status = runner.after(0)
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImagePull"
    status = runner.after(1)
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert "running" in status["containerStatuses"][1]["state"]
    assert (status["phase"], conditions(status)) == ("Pending", NOT_READY)


def test_a_crash_loop() -> None:
    runner = Runner(container("main", "busybox", "./crash"))
    status = runner.after(0)
    [reported] = status["containerStatuses"]
    assert reported["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert reported["lastState"]["terminated"]["exitCode"] == 1
    assert (status["phase"], reported["restartCount"]) == ("Running", 0)
    assert runner.after(1)["containerStatuses"][0]["restartCount"] == 1
    assert runner.wake == START + 3
    assert runner.after(3)["containerStatuses"][0]["restartCount"] == 2
    assert conditions(runner.pod["status"]) == NOT_READY


def test_what_ends_well_is_restarted_by_policy_always_only() -> None:
    assert Runner(container("main", "busybox", "true")).after(0)["phase"] == "Running"
    for policy in ("OnFailure", "Never"):
        runner = Runner(container("main", "busybox", "true"), restartPolicy=policy)
        status = runner.after(0)
        assert status["phase"] == "Succeeded"
        assert {each.get("reason") for each in status["conditions"] if each["status"] == "False"} == {"PodCompleted"}
        assert runner.wake is None


def test_what_fails_is_final_by_policy_never_only() -> None:
    failed = Runner(container("main", "busybox", "false"), restartPolicy="Never")
    assert failed.after(0)["phase"] == "Failed"
    assert failed.run.main[0].exit_code == 1
    again = Runner(container("main", "busybox", "false"), restartPolicy="OnFailure")
    assert again.after(0)["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_a_job_takes_its_time_and_leaves_its_log() -> None:
    runner = Runner(container("main", "busybox", "sh", "-c", "echo one; sleep 5; echo two"), restartPolicy="Never")
    assert runner.after(0)["phase"] == "Running"
    assert runner.run.main[0].log == "one\n"
    assert runner.wake == START + 5
    assert runner.after(5)["phase"] == "Succeeded"
    assert runner.run.main[0].log == "one\ntwo\n"


def test_a_step_that_must_succeed_ends_the_script() -> None:
    runner = Runner(container("main", "busybox", "sh", "-c", "false && echo no"), restartPolicy="Never")
    assert runner.after(0)["phase"] == "Failed"
    assert runner.run.main[0].log == ""
    careless = Runner(container("main", "busybox", "sh", "-c", "false; echo yes"), restartPolicy="Never")
    assert careless.after(0)["phase"] == "Succeeded"


def test_init_containers_go_first_and_one_by_one() -> None:
    runner = Runner(
        initContainers=[container("one", "busybox", "sleep", "1"), container("two", "busybox", "sleep", "1")]
    )
    status = runner.after(0)
    assert (status["phase"], conditions(status)["Initialized"]) == ("Pending", "False")
    assert "running" in status["initContainerStatuses"][0]["state"]
    assert status["initContainerStatuses"][1]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert "running" in runner.after(1)["initContainerStatuses"][1]["state"]
    status = runner.after(2)
    assert (status["phase"], conditions(status)) == ("Running", ALL_TRUE)


def test_an_init_container_that_fails() -> None:
    final = Runner(initContainers=[container("one", "busybox", "false")], restartPolicy="Never").after(0)
    assert final["phase"] == "Failed"
    looping = Runner(initContainers=[container("one", "busybox", "false")]).after(0)
    assert looping["phase"] == "Pending"
    assert looping["initContainerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_the_aws_cli_ends_in_its_own_time() -> None:
    runner = Runner(container("main", "amazon/aws-cli", "aws", "sts", "get-caller-identity"), restartPolicy="Never")
    assert runner.after(0)["phase"] == "Running"
    assert runner.after(0.2)["phase"] == "Running"
    runner.cli.ended = (254, "An error occurred\n")
    status = runner.after(0.3)
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 254
    assert runner.run.main[0].log == "An error occurred\n"


def test_stopping_a_pod_stops_the_aws_cli() -> None:
    runner = Runner(container("main", "amazon/aws-cli", "aws", "sts", "get-caller-identity"))
    runner.after(0)
    runner.run.stop()
    assert runner.cli.cancelled
