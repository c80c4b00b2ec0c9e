# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings import run as binding_run
from ansible_collections.eksops.irsa.plugins.module_utils._module.rollout.run import RolloutGroup

ERROR = IrsaError("it went wrong", cause="a test", fix="none")
PLAN = Plan(before={"stale_pods": 1}, after={"stale_pods": 0}, actions=(Action("restart", {}, "restart it"),))


class Told:
    """Stands in for the writer."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, progress: object) -> None:
        self.lines.append(str(progress))


def outcome(index: int) -> t.Any:
    account = types.SimpleNamespace(index=index)
    return types.SimpleNamespace(account=account, error=None, changes=[])


def run_of(told: Told, *, foresee: bool = False, stop_early: bool = False) -> binding_run.Run:
    # One worker, so that the order is known.
    wanted = types.SimpleNamespace(accounts=[], workers=1)
    aws = types.SimpleNamespace(client=lambda _name: None)
    return binding_run.Run(  # type: ignore[arg-type]
        converge=None, apply=lambda *_: None, aws=aws, server=None, wanted=wanted, progress=told, foresee=foresee,
        stop_early=stop_early,
    )  # fmt: skip


def test_each_step_is_told_with_what_changed_and_failed() -> None:
    told = Told()
    run = run_of(told)

    def act(number: int) -> None:
        if number == 1:
            run.fail([outcome(1), outcome(2)], ERROR)
        else:
            run.note("roles", str(number), PLAN if number == 0 else Plan())

    run.each("roles", act, [0, 1, 2])
    assert told.lines == [
        "roles 0 of 3, 0 changed, 0 failed",
        "roles 1 of 3, 1 changed, 0 failed",
        "roles 2 of 3, 1 changed, 2 failed",
        "roles 3 of 3, 1 changed, 2 failed",
    ]


def test_a_stage_in_two_parts_is_counted_as_one() -> None:
    told = Told()
    run = run_of(told)
    done = run.steps("service accounts", 3)
    run.each(done, lambda _number: None, [0])
    run.each(done, lambda _number: None, [1, 2])
    assert [line.partition(",")[0] for line in told.lines] == [f"service accounts {count} of 3" for count in range(4)]


def test_a_stage_of_nothing_is_not_told() -> None:
    told = Told()
    run_of(told).each("roles", lambda _number: None, [])
    assert told.lines == []


def test_a_stopped_run_counts_to_the_end_and_does_no_more() -> None:
    told, acted = Told(), []
    run = run_of(told, stop_early=True)

    def act(number: int) -> None:
        acted.append(number)
        run.fail([outcome(number)], ERROR)

    run.each("roles", act, [0, 1, 2])
    assert acted == [0]
    assert told.lines[-1] == "roles 3 of 3, 0 changed, 1 failed"


class Member:
    error: IrsaError | None = None

    def __init__(self, title: str, plan: Plan, written: t.Sequence[str] = ()) -> None:
        self.title = title
        self.decision = types.SimpleNamespace(plan=plan)
        self.driver = types.SimpleNamespace(written=list(written))


class Rollouts:
    """Stands in for a group of rollouts, two of which fail."""

    _each = RolloutGroup._each

    def __init__(self, *members: Member) -> None:
        self._workers = 1
        self.members = list(members)

    def roll_out(self, _apply: object, settle: t.Callable[[t.Any], None]) -> None:
        def act(member: t.Any) -> None:
            if member.title.startswith("bad"):
                raise IrsaError(*ERROR.args, cause="a test", fix="none")

        self._each(act, settle)  # type: ignore[arg-type, misc]


def test_pods_are_counted_as_they_come_with_those_that_fail() -> None:
    told, outcomes = Told(), [outcome(index) for index in range(4)]
    rollouts = Rollouts(
        Member("good", PLAN),
        Member("bad, early", PLAN),
        Member("bad, late", PLAN, ["restart it"]),
        Member("idle", Plan()),
    )
    binding_run.follow(run_of(told), "rollouts", rollouts, outcomes)  # type: ignore[arg-type]
    assert told.lines == [
        "pods 0 of 4, 0 changed, 0 failed",
        "pods 1 of 4, 1 changed, 0 failed",
        "pods 2 of 4, 1 changed, 1 failed",
        "pods 3 of 4, 2 changed, 2 failed",
        "pods 4 of 4, 2 changed, 2 failed",
    ]
    assert [bool(each.error) for each in outcomes] == [False, True, True, False]
    assert [each.changes for each in outcomes] == [["restart it"], [], ["restart it"], []]
