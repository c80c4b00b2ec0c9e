# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the progress of a run to a small file, because a module can print nothing before it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
import typing as t

# Seconds between two writes; the first and the last one of a stage are always written.
_MIN_INTERVAL = 0.2


@dataclasses.dataclass(frozen=True)
class Progress:
    """The progress of a run.

    :param stage: what is being done, in words for people: ``roles``.
    :param done: how many of the stage's objects were processed.
    :param total: how many objects the stage has.
    :param changed: how many objects of the whole run were changed, or would be in check mode.
    :param failed: how many bindings have failed so far.
    """

    stage: str
    done: int
    total: int
    changed: int
    failed: int

    def __str__(self) -> str:
        return f"{self.stage} {self.done} of {self.total}, {self.changed} changed, {self.failed} failed"


class ProgressWriter:
    """Writes the progress, for any number of threads.

    :param path: of the file; None to write nothing.
    """

    def __init__(self, path: str | None, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")

    def write(self, progress: Progress) -> None:
        """Replaces the file. A file that cannot be written doesn't fail the run."""
        if self._path is None:
            return
        with self._lock:
            now = self._clock()
            if now - self._last < _MIN_INTERVAL and 0 < progress.done < progress.total:
                return
            self._last = now
            try:
                with open(f"{self._path}.new", "w", encoding="utf-8") as file:
                    json.dump(dataclasses.asdict(progress), file)
                os.replace(f"{self._path}.new", self._path)
            except OSError:
                self._path = None
