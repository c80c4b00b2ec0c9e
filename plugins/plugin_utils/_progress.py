# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the progress that `irsa_bindings` writes to a file, and decides which of it is printed."""

from __future__ import annotations

import json
import typing as t

Progress = t.Mapping[str, t.Any]
"""What `_module.bindings.context.Progress` has. That class is not imported here: it would bring the clients of AWS."""

_KEYS = frozenset({"stage", "done", "total", "changed", "failed"})

# Seconds. Quick runs print nothing. Afterwards there is a line for each new stage and each part of a stage, and one now
# and then, ever more rarely, if a part takes long.
_QUIET, _MIN_INTERVAL, _LONG_PART = 2.0, 2.0, 30.0
# A job's log stays short however many bindings there are: after so many lines only new stages are printed, of which
# there are fewer than ten.
_PARTS, _MAX_LINES = 4, 16
_VERBOSE_PARTS, _VERBOSE_MAX_LINES = 20, 100


def read(path: str) -> Progress | None:
    """The progress that was written last; None if there is none yet."""
    try:
        with open(path, encoding="utf-8") as file:
            progress = json.load(file)
    except (OSError, ValueError):
        return None
    return progress if isinstance(progress, dict) and progress.keys() == _KEYS else None


def describe(progress: Progress) -> str:
    """The progress in words: ``roles 3 of 10, 3 changed, 0 failed``."""
    counts = f"{progress['changed']} changed, {progress['failed']} failed"
    return f"{progress['stage']} {progress['done']} of {progress['total']}, {counts}"


class ProgressPrinter:
    """Decides which progress is worth a line.

    :param began: when the run did, in seconds.
    :param verbose: whether to print smaller parts.
    """

    def __init__(self, began: float, *, verbose: bool = False) -> None:
        self._began = began
        self._parts, self._lines_left = (_VERBOSE_PARTS, _VERBOSE_MAX_LINES) if verbose else (_PARTS, _MAX_LINES)
        self._long_part = _LONG_PART
        self._printed: Progress | None = None
        self._printed_at = began

    def line(self, progress: Progress | None, now: float) -> str | None:
        """The line to print; None if there is nothing new.

        :param now: seconds, on the clock of ``began``.
        """
        if progress is None or progress == self._printed or now - self._began < _QUIET:
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
        part, printed_part = (each["done"] * self._parts // each["total"] for each in (progress, printed))
        if part > printed_part:
            return True
        if now - self._printed_at < self._long_part:
            return False
        self._long_part *= 2
        return True
