# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derive from a container's image and command how it behaves on this node.

No image is run. A container's command is interpreted if it is a script of simple commands (true, false, echo, sleep,
exit, aws) joined by "&&", ";" or line ends:

- An image whose name contains "no-such-image" or "missing" cannot be pulled.
- A container whose image or command contains "crash" exits immediately with status 1.
- The aws CLI's image runs its one supported command, see runtime.py.
- Any other container, even one without a command, never ends if the restart policy is Always and it is not an init
  container. Else it exits with status 0.

Needed by: targets bad_input, irsa_verify, pod_rollout; benchmarks.
"""

from __future__ import annotations

import dataclasses
import math
import re
import shlex
import typing as t

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

PREFIX = "sandbox.eksops.io"

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SHELLS = frozenset({"sh", "bash", "ash", "/bin/sh", "/bin/bash"})
_SIMPLE = frozenset({"true", "false", "echo", "sleep", "exit", "aws", ":", "set"})


@dataclasses.dataclass(frozen=True)
class Step:
    """A simple command of a script.

    :param seconds: how long it takes.
    :param output: what it prints.
    :param aws: the arguments of the aws CLI, if it is called.
    :param code: the exit status.
    :param must_succeed: whether the script ends if the command fails.
    """

    seconds: float = 0.0
    output: str = ""
    aws: tuple[str, ...] | None = None
    code: int | None = None
    must_succeed: bool = False


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """The steps of a container; without steps it never ends.

    :param pulls: whether the image can be pulled.
    """

    pulls: bool = True
    steps: tuple[Step, ...] = ()

    @property
    def never_ends(self) -> bool:
        return self.pulls and not self.steps


def container_behaviour(container: Json, pod: Json, *, init: bool = False) -> Behaviour:
    """Return how a container of a pod behaves."""
    image = container.get("image", "")
    if "no-such-image" in image or "missing" in image:
        return Behaviour(pulls=False)
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    if "crash" in image or any("crash" in word for word in words):
        return Behaviour(steps=(Step(output="crash\n", code=1),))
    if is_aws_cli(image) and not container.get("command"):
        # The image's entry point.
        words = ["aws", *words]
    steps = _script(words)
    if steps is not None:
        return Behaviour(steps=steps)
    if pod["spec"].get("restartPolicy", "Always") == "Always" and not init:
        return Behaviour()
    return Behaviour(steps=(Step(code=0),))


def is_aws_cli(image: str) -> bool:
    """Whether an image reference has a repository with the name aws-cli."""
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return repository == "aws-cli"


def parse_seconds(text: str | None) -> float | None:
    """Parse a number of seconds; None if it is missing or not valid."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _script(words: list[str]) -> tuple[Step, ...] | None:
    """Return the steps of a command line; () if it never ends, None if it cannot be interpreted."""
    if not words:
        return None
    commands = [(words, False)]
    if words[0] in _SHELLS:
        if len(words) < 3 or not re.fullmatch(r"-[a-z]*c", words[1]):
            return None
        commands = _split(words[2])
    steps: list[Step] = []
    exit_on_error = False
    for command, chained in commands:
        if command[0] not in _SIMPLE:
            return None
        if command[0] == "set":
            exit_on_error = exit_on_error or any(re.fullmatch(r"-[a-z]*e[a-z]*", word) for word in command[1:])
            continue
        step = _step(command)
        if step is None:
            return ()
        steps.append(dataclasses.replace(step, must_succeed=chained or exit_on_error))
        if command[0] == "exit":
            break
    return tuple(steps) or (Step(code=0),)


def _split(script: str) -> list[tuple[list[str], bool]]:
    """Split a script into commands, each with whether "&&" follows; [([""], False)] if it is not a simple script."""
    commands: list[tuple[list[str], bool]] = []
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters = "#"
        current: list[str] = []
        try:
            for word in lexer:
                if word in ("&&", ";"):
                    if not current:
                        return [([""], False)]
                    commands.append((current, word == "&&"))
                    current = []
                elif set(word) <= set("();<>|&"):
                    return [([""], False)]
                else:
                    current.append(word)
        except ValueError:
            return [([""], False)]
        if current:
            commands.append((current, False))
    return commands


def _step(command: list[str]) -> Step | None:
    """Return the step of a simple command; None if it never ends."""
    name, arguments = command[0], command[1:]
    if name == "aws":
        return Step(aws=tuple(arguments))
    if name == "echo":
        return Step(output=" ".join(arguments) + "\n", code=0)
    if name == "exit":
        code = arguments[0] if arguments else "0"
        return Step(code=int(code) % 256 if code.isdigit() else 2)
    if name == "sleep":
        total = 0.0
        for argument in arguments:
            match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", argument)
            if not match:
                return None
            total += float(match[1]) * _UNITS[match[2]]
        return Step(seconds=total, code=0)
    return Step(code=1 if name == "false" else 0)
