# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container does on this node, read off its image and command.

Nothing of an image is run. A container's command counts as a shell script of simple commands (true, false, echo, sleep,
exit, aws) joined by "&&", ";" or line ends:

- an image whose name contains "no-such-image" or "missing" can't be pulled;
- an image or a command that contains "crash" ends at once with status 1;
- the aws CLI's image runs its one supported command for real, see runtime.py;
- anything else, no command included, runs for ever where the restart policy is Always and the container is not an init
  container, and ends with status 0 elsewhere.

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
    """One simple command: wait, print, call the aws CLI or end."""

    seconds: float = 0.0
    output: str = ""
    aws: tuple[str, ...] | None = None
    code: int | None = None
    # Whether the next step is skipped, and the script ended, when this one fails.
    must_succeed: bool = False


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What happens from a container's start on; without steps it never ends."""

    pulls: bool = True
    steps: tuple[Step, ...] = ()

    @property
    def for_ever(self) -> bool:
        return self.pulls and not self.steps


def behaviour(container: Json, pod: Json, *, init: bool = False) -> Behaviour:
    """Return what a container of a pod does."""
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
    """Tell whether an image reference names a repository called aws-cli."""
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return repository == "aws-cli"


def seconds(text: str | None) -> float | None:
    """Read an annotation's number of seconds; None when it is absent or no number."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _script(words: list[str]) -> tuple[Step, ...] | None:
    """Return the steps of a command line, () for one that never ends, None for one that is not understood."""
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
    """Cut a script into commands, each with whether "&&" follows it; [([""], False)] for what is no simple script."""
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
    """Return a simple command's step, None for one that never ends."""
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
