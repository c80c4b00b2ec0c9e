# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from sandbox.node.behaviour import Behaviour, Step, container_behaviour, is_aws_cli

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

AWS_CLI = "public.ecr.aws/aws-cli/aws-cli:2.25.4"
CALL = ("sts", "get-caller-identity")


def behaviour_of(
    command: list[str] | None = None,
    args: list[str] | None = None,
    *,
    image: str = "busybox",
    policy: str = "Always",
    init: bool = False,
) -> Behaviour:
    container: Json = {"name": "main", "image": image, "command": command, "args": args}
    return container_behaviour(container, {"metadata": {}, "spec": {"restartPolicy": policy}}, init=init)


@pytest.mark.parametrize(
    ("command", "args"),
    [
        (None, ["sts", "get-caller-identity"]),
        (["aws"], ["sts", "get-caller-identity"]),
        (["aws", "sts", "get-caller-identity"], None),
        (["sh", "-c", "aws sts get-caller-identity"], None),
        (["/bin/sh", "-c"], ["aws sts get-caller-identity"]),
        (["bash", "-ec", "aws sts get-caller-identity"], None),
        (["sh", "-c", "set -e\naws sts \\\n  get-caller-identity  # who am I"], None),
    ],
)
def test_commands_that_call_the_aws_cli(command: list[str] | None, args: list[str] | None) -> None:
    [step] = behaviour_of(command, args, image=AWS_CLI).steps
    assert step.aws == CALL


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (AWS_CLI, True),
        ("amazon/aws-cli", True),
        ("registry:5000/aws-cli@sha256:abc", True),
        ("aws-cli-tools", False),
        ("aws-cli/other:1", False),
    ],
)
def test_is_aws_cli(image: str, expected: bool) -> None:
    assert is_aws_cli(image) is expected


@pytest.mark.parametrize("command", [None, ["nginx"], ["sh", "-c", "./server | tee log"], ["sleep", "infinity"]])
def test_commands_that_never_end(command: list[str] | None) -> None:
    assert behaviour_of(command).never_ends


@pytest.mark.parametrize(
    ("command", "steps"),
    [
        (["true"], [Step(code=0)]),
        (["false"], [Step(code=1)]),
        (["sleep", "5"], [Step(seconds=5, code=0)]),
        (["sleep", "1m", "0.5"], [Step(seconds=60.5, code=0)]),
        (["sh", "-c", "exit 3; echo never"], [Step(code=3)]),
        (["sh", "-c", "exit 258"], [Step(code=2)]),
        (
            ["sh", "-c", "echo 'a b' && false; true"],
            [Step(output="a b\n", code=0, must_succeed=True), Step(code=1), Step(code=0)],
        ),
        (["sh", "-c", "set -eu; false; true"], [Step(code=1, must_succeed=True), Step(code=0, must_succeed=True)]),
        (["sh", "-c", ""], [Step(code=0)]),
        (["./crash-me"], [Step(output="crash\n", code=1)]),
    ],
)
def test_simple_commands(command: list[str], steps: list[Step]) -> None:
    assert behaviour_of(command).steps == tuple(steps)


@pytest.mark.parametrize("script", ["&& true", "echo 'open", "sleep 1 &", "echo $(date)", "if true; then false; fi"])
def test_other_scripts_never_end(script: str) -> None:
    assert behaviour_of(["sh", "-c", script]).never_ends


@pytest.mark.parametrize("options", [{"policy": "Never"}, {"policy": "OnFailure"}, {"init": True}])
def test_container_that_is_not_restarted_ends(options: dict[str, t.Any]) -> None:
    assert behaviour_of(["./migrate"], **options).steps == (Step(code=0),)


@pytest.mark.parametrize("image", ["example.com/no-such-image:1", "missing"])
def test_images_that_cannot_be_pulled(image: str) -> None:
    assert not behaviour_of(image=image).pulls
