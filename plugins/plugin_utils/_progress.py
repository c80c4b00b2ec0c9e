# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the progress that `irsa_bindings` writes to a file, and decides which of it to print."""

from __future__ import annotations

import json
import typing as t

Progress = t.Mapping[str, t.Any]
"""The fields of `_module.bindings.context.Progress`. Importing that class would import the AWS clients."""

_KEYS = frozenset({"stage", "done", "total", "changed", "failed"})

# In seconds. A run shorter than _QUIET prints nothing. A longer run prints a line for each new stage and each part of
# a stage, at most one in _MIN_INTERVAL. A part longer than _LONG_PART prints a line at intervals that double.
_QUIET, _MIN_INTERVAL, _LONG_PART = 2.0, 2.0, 30.0
# Runs with few bindings, and their seconds without a line.
_FEW = 10
_QUIET_IF_FEW = 5.0
# Keeps the log of a job short. After the maximum number of lines, only new stages are printed, which are less than 10.
_PARTS, _MAX_LINES = 4, 16
_VERBOSE_PARTS, _VERBOSE_MAX_LINES = 20, 100


def read(path: str) -> Progress | None:
    """Reads the latest progress; None if nothing has been written yet."""
    try:
        with open(path, encoding="utf-8") as file:
            progress = json.load(file)
    except (OSError, ValueError):
        return None
    return progress if isinstance(progress, dict) and progress.keys() == _KEYS else None


def describe(progress: Progress) -> str:
    """The progress as a message: ``roles 3 of 10, 3 changed, 0 failed``."""
    counts = f"{progress['changed']} changed, {progress['failed']} failed"
    return f"{progress['stage']} {progress['done']} of {progress['total']}, {counts}"


class ProgressPrinter:
    """Decides which progress to print.

    :param started_at: when the run started, in seconds of any clock.
    :param bindings: the number of bindings in the run. A run with few of them prints only if it is slow.
    :param verbose: whether to print more lines.
    """

    def __init__(self, started_at: float, *, bindings: int = _FEW + 1, verbose: bool = False) -> None:
        self._starts_at = started_at + (_QUIET if bindings > _FEW else _QUIET_IF_FEW)
        self._parts, self._lines_left = (_VERBOSE_PARTS, _VERBOSE_MAX_LINES) if verbose else (_PARTS, _MAX_LINES)
        self._long_part = _LONG_PART
        self._printed: Progress | None = None
        self._printed_at = started_at

    def line(self, progress: Progress | None, now: float) -> str | None:
        """The line to print; None if there is nothing to print.

        :param now: seconds of the clock of ``started_at``.
        """
        if progress is None or progress == self._printed or now < self._starts_at:
            return None
        if self._printed and (now - self._printed_at < _MIN_INTERVAL or not self._is_new(self._printed, progress, now)):
            return None
        self._printed, self._printed_at = progress, now
        self._lines_left -= 1
        return describe(progress)

    def _is_new(self, printed: Progress, progress: Progress, now: float) -> bool:
        if (progress["stage"], progress["total"]) != (printed["stage"], printed["total"]):
            return True
        if self._lines_left <= 0:
            return False
        part, printed_part = (step["done"] * self._parts // step["total"] for step in (progress, printed))
        if part > printed_part:
            return True
        if now - self._printed_at < self._long_part:
            return False
        self._long_part *= 2
        return True
