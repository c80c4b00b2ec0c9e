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

ERROR = IrsaError("it went wrong", cause="a test", fix="none")
PLAN = Plan(before={"stale_pods": 1}, after={"stale_pods": 0}, actions=(Action("restart", {}, "restart it"),))


class Written:
    """Stands in for the writer."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, progress: Progress) -> None:
        self.lines.append(describe(dataclasses.asdict(progress)))


def outcome(index: int) -> t.Any:
    binding = types.SimpleNamespace(index=index)
    return types.SimpleNamespace(binding=binding, error=None, changes=[])


def context_of(written: Written, *, stop_early: bool = False) -> BindingsContext:
    # One worker, so that the order is known.
    spec: t.Any = types.SimpleNamespace(bindings=[], workers=1)
    aws: t.Any = types.SimpleNamespace(client=lambda _name: None)
    writes = PlanRunner(t.cast("t.Any", None), lambda *_: None)
    return BindingsContext(writes, aws, t.cast("t.Any", None), spec, t.cast("t.Any", written), stop_early=stop_early)


def test_each_step_is_told_with_what_changed_and_failed() -> None:
    written = Written()
    context = context_of(written)

    def act(number: int) -> None:
        if number == 1:
            context.fail([outcome(1), outcome(2)], ERROR)
        else:
            context.record("roles", str(number), PLAN if number == 0 else Plan())

    context.for_each("roles", act, [0, 1, 2])
    assert written.lines == [
        "roles 0 of 3, 0 changed, 0 failed",
        "roles 1 of 3, 1 changed, 0 failed",
        "roles 2 of 3, 1 changed, 2 failed",
        "roles 3 of 3, 1 changed, 2 failed",
    ]


def test_a_stage_in_two_parts_is_counted_as_one() -> None:
    written = Written()
    context = context_of(written)
    done = context.count_steps("service accounts", 3)
    context.for_each(done, lambda _number: None, [0])
    context.for_each(done, lambda _number: None, [1, 2])
    assert [line.partition(",")[0] for line in written.lines] == [
        f"service accounts {count} of 3" for count in range(4)
    ]


def test_a_stage_of_nothing_is_not_told() -> None:
    written = Written()
    context_of(written).for_each("roles", lambda _number: None, [])
    assert written.lines == []


def test_a_stopped_run_counts_to_the_end_and_does_no_more() -> None:
    written, acted = Written(), []
    context = context_of(written, stop_early=True)

    def act(number: int) -> None:
        acted.append(number)
        context.fail([outcome(number)], ERROR)

    context.for_each("roles", act, [0, 1, 2])
    assert acted == [0]
    assert written.lines[-1] == "roles 3 of 3, 0 changed, 1 failed"
