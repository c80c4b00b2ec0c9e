# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans in check mode, with server-side dry run, with failures, and with objects that change in the meantime."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
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
    recorded: list[str] = []
    monkeypatch.setattr(_runner, "warn", recorded.append)
    return recorded


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    recorded: list[float] = []
    monkeypatch.setattr(_runner.time, "sleep", recorded.append)
    return recorded


class Counter:
    """An object with a number, and the write that sets it; other clients may change the number."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.calls: list[dict[str, t.Any]] = []
        self.failures: list[tuple[Callable[[], None], errors.IrsaError]] = []

    def plan(self, to: int = 2) -> Plan:
        """One step for each number up to ``to``."""
        steps = tuple(Action("step", {"to": number}, f"step to {number}") for number in range(self.number + 1, to + 1))
        return Plan({"n": self.number}, {"n": to}, steps)

    def step(self, *, to: int, dry_run: bool = False) -> int:
        self.calls.append({"to": to, "dry_run": dry_run})
        if self.failures:
            change, error = self.failures.pop(0)
            change()
            raise error
        if not dry_run:
            self.number = to
        return to

    def change_to(self, number: int) -> Callable[[], None]:
        return lambda: setattr(self, "number", number)

    def converge(self, **options: t.Any) -> tuple[Plan, list[t.Any]]:
        return _runner.converge(module(), self.plan, {"step": self.step}, **options)


def test_writes_run_in_order() -> None:
    counter = Counter()
    plan, answers = counter.converge()
    assert (counter.number, answers) == (2, [1, 2])
    assert plan.summaries() == ["step to 1", "step to 2"]


def test_check_mode_writes_nothing() -> None:
    counter = Counter()
    plan, answers = _runner.converge(module(check=True), counter.plan, {"step": counter.step})
    assert (counter.number, answers, counter.calls) == (0, [], [])
    assert plan.after == {"n": 2}


def test_server_dry_run_sends_the_first_write() -> None:
    counter = Counter()
    _runner.converge(module(check=True), counter.plan, {"step": counter.step}, server_dry_run=True)
    assert counter.calls == [{"to": 1, "dry_run": True}]
    assert counter.number == 0
    counter = Counter(2)
    _runner.converge(module(check=True), counter.plan, {"step": counter.step}, server_dry_run=True)
    assert counter.calls == []


def test_server_dry_run_is_ignored_outside_check_mode() -> None:
    counter = Counter()
    counter.converge(server_dry_run=True)
    assert [call["dry_run"] for call in counter.calls] == [False, False]


def test_forbidden_server_dry_run_warns(warnings: list[str]) -> None:
    counter = Counter()
    counter.failures.append((counter.change_to(0), errors.AccessDenied("could not step", cause="forbidden")))
    plan, _answers = _runner.converge(module(check=True), counter.plan, {"step": counter.step}, server_dry_run=True)
    assert plan
    assert warnings == ["A run without check mode would fail with these credentials: could not step. Cause: forbidden."]


def test_failed_server_dry_run_fails() -> None:
    counter = Counter()
    counter.failures.append((counter.change_to(0), errors.InvalidInput("rejected by admission")))
    with pytest.raises(errors.InvalidInput):
        _runner.converge(module(check=True), counter.plan, {"step": counter.step}, server_dry_run=True)


def test_error_lists_completed_writes() -> None:
    counter = Counter()

    def step(*, to: int) -> int:
        if to == 2:
            raise errors.AccessDenied("no")
        return counter.step(to=to)

    with pytest.raises(errors.AccessDenied) as caught:
        _runner.converge(module(), counter.plan, {"step": step})
    assert caught.value.details == {"done": ["step to 1"], "failed": "step to 2"}


def test_changed_object_is_planned_again(pauses: list[float]) -> None:
    counter = Counter()
    counter.failures.append((counter.change_to(-1), errors.OutOfDate("changed")))
    plan, answers = counter.converge()
    assert counter.number == 2
    assert answers == [0, 1, 2]
    assert plan.before == {"n": 0}
    assert plan.summaries() == ["step to 0", "step to 1", "step to 2"]
    assert len(pauses) == 1


def test_write_with_lost_answer_counts_as_done() -> None:
    counter = Counter(1)
    counter.failures.append((counter.change_to(2), errors.OutOfDate("changed")))
    plan, answers = counter.converge()
    assert answers == []
    assert plan.before == {"n": 1}
    assert plan.after == {"n": 2}
    assert plan.summaries() == ["step to 2"]


def test_existing_object_counts_as_created() -> None:
    counter = Counter()
    counter.failures.append((counter.change_to(1), errors.AlreadyExists("exists")))
    plan, answers = counter.converge()
    assert counter.number == 2
    assert answers == [2]
    assert plan.before == {"n": 0}
    assert plan.summaries() == ["step to 1", "step to 2"]


def test_number_of_rounds_is_limited(pauses: list[float]) -> None:
    counter = Counter()
    counter.failures += [(counter.change_to(0), errors.OutOfDate("changed"))] * 9
    with pytest.raises(errors.OutOfDate):
        counter.converge()
    assert len(counter.calls) == 5
    assert pauses == sorted(pauses)
    assert sum(pauses) < 3


def throttled() -> errors.IrsaError:
    error = errors.Throttled("slow down")
    error.can_plan_again = True
    return error


def test_object_is_planned_again_after_a_transient_error() -> None:
    counter = Counter()
    counter.failures.append((counter.change_to(0), throttled()))
    plan, answers = counter.converge()
    assert (counter.number, answers) == (2, [1, 2])
    assert plan.summaries() == ["step to 1", "step to 2"]


def test_number_of_rounds_with_transient_errors_is_limited(pauses: list[float]) -> None:
    counter = Counter()
    counter.failures += [(counter.change_to(0), throttled()) for _round in range(9)]
    with pytest.raises(errors.Throttled):
        counter.converge()
    assert len(counter.calls) == 8
    assert 8 < sum(pauses) < 17


def test_other_errors_are_raised_immediately() -> None:
    counter = Counter()
    counter.failures.append((counter.change_to(0), errors.Throttled("slow down")))
    with pytest.raises(errors.Throttled):
        counter.converge()
    assert len(counter.calls) == 1


def test_plan_warnings_are_shown(warnings: list[str]) -> None:
    _runner.apply(module(), Plan(warnings=("a warning",)), {})
    assert warnings == ["a warning"]


@pytest.mark.parametrize("diff", [False, True])
def test_result_has_diff_only_in_diff_mode(diff: bool) -> None:
    plan = Counter(1).plan()
    result = _runner.result(module(diff=diff), plan, number=2)
    expected: dict[str, t.Any] = {"changed": True, "actions": ["step to 2"], "number": 2}
    assert result == ({**expected, "diff": {"before": {"n": 1}, "after": {"n": 2}}} if diff else expected)
    assert _runner.result(module(), Plan())["changed"] is False


def test_plan_that_is_not_enough_fails_with_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    failure = errors.Conflict("x is still there", cause="another writer", fix="stop it")
    plan = dataclasses.replace(Counter(1).plan(), failure=failure)
    with patch_module_args({}), pytest.raises(SystemExit) as caught:
        _runner.run(module(), lambda: _runner.result(module(), plan, number=2))
    assert caught.value.code == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["failed"], result["changed"], result["number"]) == (True, True, 2)
    assert result["msg"] == str(failure)
    assert result["error"] == failure.as_dict()


def test_run_exits_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({}), pytest.raises(SystemExit) as caught:
        _runner.run(module(), lambda: {"changed": False, "x": 1})
    assert caught.value.code == 0
    assert json.loads(capsys.readouterr().out)["x"] == 1

    def fail() -> t.NoReturn:
        raise errors.NotFound("x does not exist", cause="deleted", fix="create it", name="x")

    with patch_module_args({}), pytest.raises(SystemExit) as caught:
        _runner.run(module(), fail)
    assert caught.value.code == 1
    result = json.loads(capsys.readouterr().out)
    assert result["msg"] == "x does not exist. Cause: deleted. Fix: create it."
    assert result["error"]["kind"] == "not_found"
    assert result["error"]["name"] == "x"


def test_options_of_which_one_is_required_are_not_all_null(capsys: pytest.CaptureFixture[str]) -> None:
    spec = {"cluster_name": {"type": "str"}, "issuer": {"type": "str"}}
    with patch_module_args({"issuer": None}):
        given = AnsibleAWSModule(argument_spec=spec, check_boto3=False, required_one_of=[("cluster_name", "issuer")])
        with pytest.raises(SystemExit) as caught:
            _runner.run(given, dict)
    assert caught.value.code == 1
    result = json.loads(capsys.readouterr().out)
    assert result["msg"] == "cluster_name and issuer are not set. Fix: set one of them."


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ("\ud800", "has a surrogate without its other half. Fix: write the whole character."),
        ([{"a": "x\udfff"}], "has a surrogate without its other half. Fix: write the whole character."),
        ({"a": 10**5000}, "has an integer of thousands of digits. Fix: use a smaller number."),
    ],
)
def test_values_that_cannot_be_sent(capsys: pytest.CaptureFixture[str], value: t.Any, flaw: str) -> None:
    with patch_module_args({}):
        given = AnsibleAWSModule(argument_spec={"x": {"type": "raw"}}, check_boto3=False)
        given.params["x"] = value
        with pytest.raises(SystemExit):
            _runner.run(given, dict)
    assert json.loads(capsys.readouterr().out)["msg"] == f"x {flaw}"


def test_garbage_collection_stays_off_also_at_exit() -> None:
    # Functions that are registered first are called last.
    program = (
        "import atexit, gc\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        f"from {_runner.__name__} import disable_garbage_collection\n"
        "disable_garbage_collection()\n"
        "print(gc.isenabled())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout.split() == ["False", "True"]
