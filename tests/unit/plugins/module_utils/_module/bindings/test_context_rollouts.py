# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import types
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs, errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import (
    Progress,
    fail_bindings_in_use,
    find_rollout_problems,
    roll_out,
    run_rollouts,
)
from ansible_collections.eksops.irsa.plugins.plugin_utils._progress import describe
from unit.bindings_run import ACCOUNT_ID, FakeAws, FakeServer, binding, context_of
from unit.kubernetes_objects import pod

if t.TYPE_CHECKING:
    from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import BindingsContext

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/app"
RESTART = Plan(before={"stale_pods": 1}, after={"stale_pods": 0}, actions=(Action("restart", {}, "restart it"),))


class FakeWriter:
    """Replaces `ProgressWriter`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, progress: Progress) -> None:
        self.lines.append(describe(dataclasses.asdict(progress)))


class FakeRollout:
    error: errors.IrsaError | None = None

    def __init__(self, title: str, plan: Plan, written: t.Sequence[str] = ()) -> None:
        self.title = title
        self.decision = types.SimpleNamespace(plan=plan)
        self.written = list(written)


class FakeRolloutGroup:
    """Replaces `RolloutGroup`. Rollouts whose title begins with "failed" fail."""

    def __init__(self) -> None:
        self.rollouts = [
            FakeRollout("finished", RESTART),
            FakeRollout("failed before the restart", RESTART),
            FakeRollout("failed after the restart", RESTART, ["restart it"]),
            FakeRollout("unchanged", Plan()),
        ]
        self.rolled_out = False

    def plan(self) -> Plan:
        return Plan(warnings=("a warning",))

    def roll_out(self, _apply: object, record: t.Callable[[t.Any], None]) -> None:
        self.rolled_out = True
        for rollout in self.rollouts:
            if rollout.title.startswith("failed"):
                rollout.error = errors.RolloutFailed("it did not finish", cause="a test", fix="none")
            record(rollout)


def context_with_bindings(aws: FakeAws, server: FakeServer, count: int = 4, **params: t.Any) -> BindingsContext:
    return context_of(aws, server, *(binding(f"a{number}") for number in range(count)), **params)


def test_rollouts_are_counted_and_recorded(aws: FakeAws, server: FakeServer) -> None:
    context, writer = context_with_bindings(aws, server), FakeWriter()
    context._progress = t.cast("t.Any", writer)
    run_rollouts(context, "rollouts", t.cast("t.Any", FakeRolloutGroup()), context.outcomes)
    assert writer.lines == [
        "pods 0 of 4, 0 changed, 0 failed",
        "pods 1 of 4, 1 changed, 0 failed",
        "pods 2 of 4, 1 changed, 1 failed",
        "pods 3 of 4, 2 changed, 2 failed",
        "pods 4 of 4, 2 changed, 2 failed",
    ]
    assert [bool(outcome.error) for outcome in context.outcomes] == [False, True, True, False]
    assert [outcome.changes for outcome in context.outcomes] == [["restart it"], [], ["restart it"], []]


def test_check_mode_only_records_the_plans(aws: FakeAws, server: FakeServer) -> None:
    context, group = context_with_bindings(aws, server, check_mode=True), FakeRolloutGroup()
    run_rollouts(context, "rollouts", t.cast("t.Any", group), context.outcomes)
    assert not group.rolled_out
    assert [outcome.changes for outcome in context.outcomes] == [["restart it"]] * 3 + [[]]
    assert [name for _kind, name, plan in context.plans() if plan] == [
        "failed after the restart",
        "failed before the restart",
        "finished",
    ]


def test_bindings_in_use_fail(aws: FakeAws, server: FakeServer) -> None:
    context = context_with_bindings(aws, server, 2)
    server.annotate("shop", "a0", ROLE)
    server.pods = [pod("a0-1", role=ROLE, account="a0"), pod("a1-1", account="a1")]
    fail_bindings_in_use(context, context.outcomes)
    assert [bool(outcome.error) for outcome in context.outcomes] == [True, False]
    assert context.outcomes[0].error
    assert context.outcomes[0].error.details["pods"] == ["shop/a0-1"]


def test_rollout_options_are_checked_only_with_rollout() -> None:
    invalid = {**argument_specs.defaults(argument_specs.ROLLOUT), "wait_timeout": 0}
    assert find_rollout_problems({"rollout": False, "rollout_options": invalid}) == []
    (problem,) = find_rollout_problems({"rollout": True, "rollout_options": invalid})
    assert problem.startswith("rollout_options: wait_timeout is 0")
    valid = argument_specs.defaults(argument_specs.ROLLOUT)
    assert find_rollout_problems({"rollout": True, "rollout_options": valid}) == []


@pytest.mark.parametrize("without_role", [False, True])
def test_stale_pods_depend_on_the_role_of_the_binding(aws: FakeAws, server: FakeServer, *, without_role: bool) -> None:
    context = context_with_bindings(aws, server, 1, rollout=True, check_mode=True)
    (outcome,) = context.outcomes
    outcome.role_arn = ROLE
    context.service_accounts["shop/a0"] = {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}
    server.annotate("shop", "a0", None if without_role else ROLE)
    server.pods = [pod("with", role=ROLE, account="a0"), pod("without", account="a0")]
    group = roll_out(context, "rollouts", [outcome], without_role=without_role)
    stale = [entry["name"] for entry in group.result()["pods"] if entry["stale"]]
    assert stale == (["with"] if without_role else ["without"])
