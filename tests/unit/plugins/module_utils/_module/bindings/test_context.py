# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import types
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import (
    BindingsContext,
    PlanRunner,
    Progress,
)
from ansible_collections.eksops.irsa.plugins.plugin_utils._progress import describe

ERROR = IrsaError("it failed", cause="a test", fix="none")
PLAN = Plan(before={"stale_pods": 1}, after={"stale_pods": 0}, actions=(Action("restart", {}, "restart it"),))


class FakeWriter:
    """Replaces `ProgressWriter`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, progress: Progress) -> None:
        self.lines.append(describe(dataclasses.asdict(progress)))


def outcome(index: int) -> t.Any:
    binding = types.SimpleNamespace(index=index)
    return types.SimpleNamespace(binding=binding, error=None, changes=[])


def context_of(writer: FakeWriter, *, stop_early: bool = False) -> BindingsContext:
    # One worker makes the order predictable.
    spec: t.Any = types.SimpleNamespace(bindings=[], workers=1)
    aws: t.Any = types.SimpleNamespace(client=lambda _name: None)
    runner = PlanRunner(t.cast("t.Any", None), lambda *_: None)
    return BindingsContext(runner, aws, t.cast("t.Any", None), spec, t.cast("t.Any", writer), stop_early=stop_early)


def test_progress_counts_changed_objects_and_failed_bindings() -> None:
    writer = FakeWriter()
    context = context_of(writer)

    def process(number: int) -> None:
        if number == 1:
            context.fail([outcome(1), outcome(2)], ERROR)
        else:
            context.record("roles", str(number), PLAN if number == 0 else Plan())

    context.for_each("roles", process, [0, 1, 2])
    assert writer.lines == [
        "roles 0 of 3, 0 changed, 0 failed",
        "roles 1 of 3, 1 changed, 0 failed",
        "roles 2 of 3, 1 changed, 2 failed",
        "roles 3 of 3, 1 changed, 2 failed",
    ]


def test_two_parts_of_a_stage_are_counted_together() -> None:
    writer = FakeWriter()
    context = context_of(writer)
    step_done = context.count_steps("service accounts", 3)
    context.for_each(step_done, lambda _number: None, [0])
    context.for_each(step_done, lambda _number: None, [1, 2])
    assert [line.partition(",")[0] for line in writer.lines] == [f"service accounts {count} of 3" for count in range(4)]


def test_stage_without_objects_has_no_progress() -> None:
    writer = FakeWriter()
    context_of(writer).for_each("roles", lambda _number: None, [])
    assert writer.lines == []


def test_stopped_run_processes_no_more_objects() -> None:
    writer, processed = FakeWriter(), []
    context = context_of(writer, stop_early=True)

    def process(number: int) -> None:
        processed.append(number)
        context.fail([outcome(number)], ERROR)

    context.for_each("roles", process, [0, 1, 2])
    assert processed == [0]
    assert writer.lines[-1] == "roles 3 of 3, 0 changed, 1 failed"
