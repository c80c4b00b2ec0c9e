# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a plan: check mode, server-side dry run, failures half-way, and objects that others change in between."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan

if t.TYPE_CHECKING:
    from collections.abc import Callable


def module(*, check: bool = False, diff: bool = False) -> AnsibleAWSModule:
    with patch_module_args({"_ansible_check_mode": check, "_ansible_diff": diff}):
        return AnsibleAWSModule(argument_spec={}, check_boto3=False, supports_check_mode=True)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    monkeypatch.setattr(_runner, "warn", made.append)
    return made


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(_runner.time, "sleep", made.append)
    return made


class World:
    """A number that others may change, and the write that sets it."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.calls: list[dict[str, t.Any]] = []
        self.refusals: list[tuple[Callable[[], None], errors.IrsaError]] = []

    def plan(self, to: int = 2) -> Plan:
        """As many steps as it takes."""
        steps = tuple(Action("step", {"to": n}, f"step to {n}") for n in range(self.number + 1, to + 1))
        return Plan({"n": self.number}, {"n": to}, steps)

    def step(self, *, to: int, dry_run: bool = False) -> int:
        self.calls.append({"to": to, "dry_run": dry_run})
        if self.refusals:
            meanwhile, error = self.refusals.pop(0)
            meanwhile()
            raise error
        if not dry_run:
            self.number = to
        return to

    def becomes(self, number: int) -> Callable[[], None]:
        return lambda: setattr(self, "number", number)

    def converge(self, **options: t.Any) -> tuple[Plan, list[t.Any]]:
        return _runner.converge(module(), self.plan, {"step": self.step}, **options)


def test_all_steps_in_order() -> None:
    world = World()
    plan, answers = world.converge()
    assert (world.number, answers) == (2, [1, 2])
    assert plan.summaries() == ["step to 1", "step to 2"]


def test_check_mode_writes_nothing() -> None:
    world = World()
    plan, answers = _runner.converge(module(check=True), world.plan, {"step": world.step})
    assert (world.number, answers, world.calls) == (0, [], [])
    assert plan.after == {"n": 2}


def test_server_dry_run_sends_the_first_write() -> None:
    world = World()
    _runner.converge(module(check=True), world.plan, {"step": world.step}, server_dry_run=True)
    assert world.calls == [{"to": 1, "dry_run": True}]
    assert world.number == 0
    world = World(2)
    _runner.converge(module(check=True), world.plan, {"step": world.step}, server_dry_run=True)
    assert world.calls == []


def test_server_dry_run_is_ignored_outside_check_mode() -> None:
    world = World()
    world.converge(server_dry_run=True)
    assert [call["dry_run"] for call in world.calls] == [False, False]


def test_forbidden_server_dry_run_warns(warnings: list[str]) -> None:
    world = World()
    world.refusals.append((world.becomes(0), errors.AccessDenied("could not step", cause="forbidden")))
    plan, _answers = _runner.converge(module(check=True), world.plan, {"step": world.step}, server_dry_run=True)
    assert plan
    assert warnings == ["With these credentials a real run would be refused: could not step. Cause: forbidden."]


def test_failed_server_dry_run_fails() -> None:
    world = World()
    world.refusals.append((world.becomes(0), errors.InvalidInput("admission says no")))
    with pytest.raises(errors.InvalidInput):
        _runner.converge(module(check=True), world.plan, {"step": world.step}, server_dry_run=True)


def test_a_failure_tells_how_far_it_came() -> None:
    world = World()

    def step(*, to: int) -> int:
        if to == 2:
            raise errors.AccessDenied("no")
        return world.step(to=to)

    with pytest.raises(errors.AccessDenied) as caught:
        _runner.converge(module(), world.plan, {"step": step})
    assert caught.value.details == {"done": ["step to 1"], "failed": "step to 2"}


def test_somebody_changed_it_in_between(pauses: list[float]) -> None:
    world = World()
    world.refusals.append((world.becomes(-1), errors.OutOfDate("changed")))
    plan, answers = world.converge()
    assert world.number == 2
    assert answers == [0, 1, 2]
    assert plan.before == {"n": 0}
    assert plan.summaries() == ["step to 0", "step to 1", "step to 2"]
    assert len(pauses) == 1


def test_a_write_whose_answer_was_lost_counts() -> None:
    world = World(1)
    world.refusals.append((world.becomes(2), errors.OutOfDate("changed")))
    plan, answers = world.converge()
    assert answers == []
    assert plan.before == {"n": 1}
    assert plan.after == {"n": 2}
    assert plan.summaries() == ["step to 2"]


def test_what_exists_already_counts_and_the_rest_is_done() -> None:
    world = World()
    world.refusals.append((world.becomes(1), errors.AlreadyExists("there")))
    plan, answers = world.converge()
    assert world.number == 2
    assert answers == [2]
    assert plan.before == {"n": 0}
    assert plan.summaries() == ["step to 1", "step to 2"]


def test_it_does_not_go_on_for_ever(pauses: list[float]) -> None:
    world = World()
    world.refusals += [(world.becomes(0), errors.OutOfDate("changed"))] * 9
    with pytest.raises(errors.OutOfDate):
        world.converge()
    assert len(world.calls) == 5
    assert pauses == sorted(pauses)
    assert sum(pauses) < 3


def test_warnings_come_once_a_round(warnings: list[str]) -> None:
    _runner.apply(module(), Plan(warnings=("mind this",)), {})
    assert warnings == ["mind this"]


@pytest.mark.parametrize("diff", [False, True])
def test_result(diff: bool) -> None:
    plan = World(1).plan()
    found = _runner.result(module(diff=diff), plan, number=2)
    expected: dict[str, t.Any] = {"changed": True, "actions": ["step to 2"], "number": 2}
    assert found == ({**expected, "diff": {"before": {"n": 1}, "after": {"n": 2}}} if diff else expected)
    assert _runner.result(module(), Plan())["changed"] is False


def test_run_ends_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({}), pytest.raises(SystemExit) as ended:
        _runner.run(module(), lambda: {"changed": False, "x": 1})
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["x"] == 1

    def fail() -> t.NoReturn:
        raise errors.NotFound("there is no x", cause="gone", fix="make it", name="x")

    with patch_module_args({}), pytest.raises(SystemExit) as ended:
        _runner.run(module(), fail)
    assert ended.value.code == 1
    said = json.loads(capsys.readouterr().out)
    assert said["msg"] == "there is no x. Cause: gone. Fix: make it."
    assert said["error"]["kind"] == "not_found"
    assert said["error"]["name"] == "x"
