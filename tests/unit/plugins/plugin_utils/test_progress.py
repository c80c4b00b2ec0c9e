# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.plugin_utils._progress import Progress, ProgressPrinter


def progress_at(done: int, stage: str = "roles", total: int = 1000) -> Progress:
    return {"stage": stage, "done": done, "total": total, "changed": 0, "failed": 0}


def print_progress(*steps: tuple[float, Progress | None], verbose: bool = False) -> list[str]:
    printer = ProgressPrinter(100.0, verbose=verbose)
    lines = [printer.line(progress, 100.0 + seconds) for seconds, progress in steps]
    return [line.partition(",")[0] for line in lines if line]


def test_short_run_prints_nothing() -> None:
    assert print_progress((0.5, None), (1.0, progress_at(300)), (1.9, progress_at(999))) == []


def test_each_quarter_of_a_stage_is_printed() -> None:
    steps = [(2.0 + number / 10, progress_at(number)) for number in range(0, 1001, 10)]
    assert print_progress(*steps) == [f"roles {number} of 1000" for number in (0, 250, 500, 750, 1000)]


def test_each_stage_is_printed() -> None:
    assert print_progress(
        (3.0, progress_at(900)),
        (5.0, progress_at(5, "pods")),
        (7.0, progress_at(5, "pods", 20)),
        (9.0, progress_at(6, "pods", 20)),
    ) == [
        "roles 900 of 1000",
        "pods 5 of 1000",
        "pods 5 of 20",
    ]


def test_quick_stages_are_printed_at_most_every_two_seconds() -> None:
    stages = [(2.0 + number / 2, progress_at(1, f"stage {number}")) for number in range(9)]
    assert print_progress(*stages) == [f"stage {number} 1 of 1000" for number in (0, 4, 8)]


def test_long_part_is_printed_at_doubling_intervals() -> None:
    steps = [(3.0 + seconds, progress_at(10 + seconds // 10)) for seconds in range(0, 600, 5)]
    assert print_progress(*steps) == [f"roles {number} of 1000" for number in (10, 13, 19, 31, 55)]
    assert print_progress((3.0, progress_at(10)), (500.0, progress_at(10))) == ["roles 10 of 1000"]


@pytest.mark.parametrize(("verbose", "limit"), [(False, 25), (True, 110)])
@pytest.mark.parametrize("seconds", [0.01, 1.0, 60.0])
def test_number_of_lines_is_limited(*, seconds: float, verbose: bool, limit: int) -> None:
    stages = [f"stage {number}" for number in range(9)]
    steps = [progress_at(done, stage, 5000) for stage in stages for done in range(5001)]
    lines = print_progress(*((number * seconds, step) for number, step in enumerate(steps)), verbose=verbose)
    assert len(lines) <= limit
    # Each stage is printed, however many lines the previous stages had.
    assert list(dict.fromkeys(" ".join(line.split()[:2]) for line in lines)) == stages


def test_verbose_output_has_smaller_parts() -> None:
    steps = [(2.0 + number / 10, progress_at(number)) for number in range(1001)]
    assert print_progress(*steps, verbose=True) == [f"roles {number} of 1000" for number in range(0, 1001, 50)]


@pytest.mark.parametrize(("bindings", "seconds"), [(10, 5.0), (11, 2.0)])
def test_few_bindings_are_printed_later(bindings: int, seconds: float) -> None:
    printer = ProgressPrinter(100.0, bindings=bindings)
    assert printer.line(progress_at(0), 100.0 + seconds - 0.1) is None
    assert printer.line(progress_at(0), 100.0 + seconds)
