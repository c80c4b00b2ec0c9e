# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs of `make faults` cover every fault, and find each kind of problem."""

from __future__ import annotations

import collections
import pathlib
import signal
import typing as t

import pytest
from faults import matrix, table
from faults.cases import Case, all_cases
from faults.lab import Facts
from faults.modules import Outcome
from sandbox.faults import KINDS

GOOD: Facts = collections.Counter(["role app: tag a=b"])
OK = {"changed": True}
UNCHANGED = {"changed": False}
JOB = matrix.Job("irsa_role", "malformed", 0.3, 1)


class FakeLab:
    """A sandbox whose runs have these outcomes, and leave these facts."""

    def __init__(self, outcomes: list[Outcome], facts: list[Facts]) -> None:
        self.outcomes = outcomes
        self._facts = facts

    def begin(self) -> None:
        pass

    def inject(self, *_faults: t.Any) -> None:
        pass

    def clear_faults(self) -> int:
        return 1

    def facts(self) -> Facts:
        return self._facts.pop(0)


class FakeCase(Case):
    def run(self, lab: t.Any, _limit: int) -> Outcome:
        return t.cast("Outcome", lab.outcomes.pop(0))


def outcome(result: t.Any, **more: t.Any) -> Outcome:
    return Outcome(result, frozenset(), **more)


def problems(first: Outcome, *later: t.Any, facts: list[Facts], seconds: int | None = None) -> set[str]:
    case = FakeCase("irsa_role", lambda _lab: None, lambda _lab: {}, frozenset(), seconds=seconds)
    lab = FakeLab([first, *(outcome(result) for result in later)], facts)
    return set(matrix.run(t.cast("t.Any", lab), case, JOB, GOOD).problems)


def test_every_fault_meets_a_module() -> None:
    jobs = matrix.plan(all_cases(), matrix.FAULTS, matrix.PROBABILITIES, seed=7, runs=1000)
    assert len(jobs) == 1000 == len(set(jobs))
    assert {job.fault for job in jobs} == KINDS - {"error", "page", "delay"}
    assert {job.case for job in jobs} == {case.name for case in all_cases()}
    for fault in matrix.FAULTS:
        assert {job.probability for job in jobs if job.fault == fault} == set(matrix.PROBABILITIES)


def test_every_module_has_a_case() -> None:
    modules = pathlib.Path(__file__).parents[3] / "plugins" / "modules"
    assert {case.module for case in all_cases()} == {path.stem for path in modules.glob("[!_]*.py")} | {"role"}


def test_seed_chooses_the_runs() -> None:
    def choose(seed: int) -> list[matrix.Job]:
        return matrix.plan(all_cases(), matrix.FAULTS, matrix.PROBABILITIES, seed=seed, runs=100)

    assert choose(1) == choose(1)
    assert [job.case for job in choose(1)] != [job.case for job in choose(2)]


@pytest.mark.parametrize(
    ("first", "found"),
    [
        (outcome(OK), set()),
        (outcome({"failed": True, "msg": "AWS throttles"}), set()),
        (outcome({}, errors="Traceback (most recent call last): KeyError"), {"traceback"}),
        (outcome({}, exit_signal=signal.SIGALRM), {"hang"}),
        (outcome({"failed": True, "msg": "k8s-aws-v1.abc"}), {"secret"}),
        (outcome(OK, seconds=31.0), {"hang"}),
    ],
)
def test_outcome_of_the_run_under_the_fault(first: Outcome, found: set[str]) -> None:
    facts = [GOOD, GOOD] if first.result.get("changed") else [GOOD]
    assert problems(first, OK, UNCHANGED, facts=facts, seconds=20) == found


def test_end_state() -> None:
    empty: Facts = collections.Counter()
    assert problems(outcome(OK), UNCHANGED, UNCHANGED, facts=[empty, GOOD]) == {"lost"}
    assert problems(outcome(OK), UNCHANGED, UNCHANGED, facts=[GOOD, GOOD + GOOD]) == {"doubled"}
    assert problems(outcome(OK), {"failed": True, "msg": "no"}, UNCHANGED, facts=[GOOD]) == {"not converged"}
    assert problems(outcome(OK), OK, OK, facts=[GOOD, GOOD]) == {"changed again"}


def test_table_has_the_command_that_repeats_a_problem() -> None:
    report = matrix.Report(JOB, seconds=1.0, problems={"lost": "a tag"})
    text = table.render([report], "Faults")
    assert "| malformed | irsa_role | 1 |" in text
    assert "--case 'irsa_role' --fault malformed --probability 0.3 --seed 1 --runs 1" in text
