# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.plugin_utils._progress import Progress, ProgressPrinter


def at(done: int, stage: str = "roles", total: int = 1000) -> Progress:
    return {"stage": stage, "done": done, "total": total, "changed": 0, "failed": 0}


def printed(*steps: tuple[float, Progress | None], verbose: bool = False) -> list[str]:
    printer = ProgressPrinter(100.0, verbose=verbose)
    lines = [printer.line(progress, 100.0 + seconds) for seconds, progress in steps]
    return [line.partition(",")[0] for line in lines if line]


def test_a_quick_run_says_nothing() -> None:
    assert printed((0.5, None), (1.0, at(300)), (1.9, at(999))) == []


def test_a_line_for_each_quarter() -> None:
    steps = [(2.0 + number / 10, at(number)) for number in range(0, 1001, 10)]
    assert printed(*steps) == [f"roles {number} of 1000" for number in (0, 250, 500, 750, 1000)]


def test_a_line_for_each_stage() -> None:
    assert printed((3.0, at(900)), (5.0, at(5, "pods")), (7.0, at(5, "pods", 20)), (9.0, at(6, "pods", 20))) == [
        "roles 900 of 1000",
        "pods 5 of 1000",
        "pods 5 of 20",
    ]


def test_stages_that_follow_quickly_are_told_of_at_most_every_two_seconds() -> None:
    stages = [(2.0 + number / 2, at(1, f"stage {number}")) for number in range(9)]
    assert printed(*stages) == [f"stage {number} 1 of 1000" for number in (0, 4, 8)]


def test_a_long_part_is_heard_of_ever_more_rarely_and_if_it_moves() -> None:
    steps = [(3.0 + seconds, at(10 + seconds // 10)) for seconds in range(0, 600, 5)]
    assert printed(*steps) == [f"roles {number} of 1000" for number in (10, 13, 19, 31, 55)]
    assert printed((3.0, at(10)), (500.0, at(10))) == ["roles 10 of 1000"]


@pytest.mark.parametrize(("verbose", "most"), [(False, 25), (True, 110)])
@pytest.mark.parametrize("seconds", [0.01, 1.0, 60.0])
def test_the_number_of_lines_is_bounded(*, seconds: float, verbose: bool, most: int) -> None:
    stages = [f"stage {number}" for number in range(9)]
    steps = [at(done, stage, 5000) for stage in stages for done in range(5001)]
    lines = printed(*((number * seconds, step) for number, step in enumerate(steps)), verbose=verbose)
    assert len(lines) <= most
    # However many lines the first stages took, each of the others is told of.
    assert list(dict.fromkeys(" ".join(line.split()[:2]) for line in lines)) == stages


def test_with_more_verbosity_smaller_parts_are_printed() -> None:
    steps = [(2.0 + number / 10, at(number)) for number in range(1001)]
    assert printed(*steps, verbose=True) == [f"roles {number} of 1000" for number in range(0, 1001, 50)]
