# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.action.irsa_bindings import Teller
from ansible_collections.eksops.irsa.plugins.module_utils._progress import Progress


def at(done: int, stage: str = "roles", total: int = 1000) -> Progress:
    return Progress(stage, done, total, changed=0, failed=0)


def told(*steps: tuple[float, Progress | None], eager: bool = False) -> list[str]:
    teller = Teller(100.0, eager=eager)
    lines = [teller.line(progress, 100.0 + seconds) for seconds, progress in steps]
    return [line.partition(",")[0] for line in lines if line]


def test_a_quick_run_says_nothing() -> None:
    assert told((0.5, None), (1.0, at(300)), (1.9, at(999))) == []


def test_a_line_for_each_quarter_and_each_stage() -> None:
    steps = [(2.0 + number / 100, at(number)) for number in range(0, 1001, 10)]
    assert told(*steps) == [f"roles {number} of 1000" for number in (0, 250, 500, 750, 1000)]
    assert told((3.0, at(900)), (3.5, at(5, "service accounts"))) == ["roles 900 of 1000", "service accounts 5 of 1000"]


def test_a_long_stage_is_heard_of_now_and_then_if_it_moves() -> None:
    assert told((3.0, at(10)), (62.0, at(11)), (63.1, at(12)), (200.0, at(12))) == [
        "roles 10 of 1000",
        "roles 12 of 1000",
    ]


def test_with_more_verbosity_every_change_is_told_once() -> None:
    assert told((3.0, at(1)), (3.5, at(2)), (4.0, at(2)), eager=True) == ["roles 1 of 1000", "roles 2 of 1000"]
