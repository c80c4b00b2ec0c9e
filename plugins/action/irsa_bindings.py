# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module `irsa_bindings` and prints its progress meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
import typing as t

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings import progress
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve

if t.TYPE_CHECKING:
    from collections.abc import Iterator

display = Display()

# Seconds. A quick run writes nothing. Later there is a line for each new stage and each part of a stage; where a part
# takes long, a line after _LONG, and each further one after twice the time.
_QUIET, _POLL, _GAP, _LONG = 2.0, 0.5, 2.0, 30.0
# A log stays short however many bindings there are: after _LIMIT lines only new stages are printed, fewer than ten.
_PARTS, _LIMIT = 4, 16
_PARTS_VERBOSE, _LIMIT_VERBOSE = 20, 100


class ProgressPrinter:
    """Decides which progress is worth a line.

    :param started_at: when the run started, in seconds.
    :param verbose: whether to print smaller parts.
    """

    def __init__(self, started_at: float, *, verbose: bool = False) -> None:
        self._started_at = started_at
        self._parts, self._lines_left = (_PARTS_VERBOSE, _LIMIT_VERBOSE) if verbose else (_PARTS, _LIMIT)
        self._long = _LONG
        self._printed: progress.Progress | None = None
        self._printed_at = started_at

    def line(self, current: progress.Progress | None, now: float) -> str | None:
        """The line to print, None if there is nothing new.

        :param now: seconds, on the clock of ``started_at``.
        """
        if current is None or current == self._printed or now - self._started_at < _QUIET:
            return None
        if self._printed and (now - self._printed_at < _GAP or not self._is_news(self._printed, current, now)):
            return None
        self._printed, self._printed_at = current, now
        self._lines_left -= 1
        return str(current)

    def _is_news(self, printed: progress.Progress, current: progress.Progress, now: float) -> bool:
        if (current.stage, current.total) != (printed.stage, printed.total):
            return True
        if self._lines_left <= 0:
            return False
        if current.done * self._parts // current.total > printed.done * self._parts // printed.total:
            return True
        if now - self._printed_at < self._long:
            return False
        self._long *= 2
        return True


class ActionModule(ActionBase):
    """The action of `irsa_bindings`."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Runs the module and returns its result unchanged."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            arguments = resolve.resolve_bindings_arguments(self._task.args)
        except InvalidInput as error:
            return {**result, "failed": True, "msg": str(error), "error": error.as_dict()}
        prints = self._can_read_progress() and not self._task.args.get("progress_path")
        with (
            _print_progress(variables.get("inventory_hostname", "localhost"))
            if prints
            else contextlib.nullcontext() as path
        ):
            result.update(
                self._execute_module(
                    module_name="eksops.irsa.irsa_bindings",
                    module_args={**arguments, "progress_path": path} if path else arguments,
                    task_vars=variables,
                    wrap_async=self._task.async_val,
                )
            )
        if path:
            (result.get("invocation") or {}).get("module_args", {}).update(progress_path=None)
        return result

    def _can_read_progress(self) -> bool:
        """Whether the module runs on this host, as this user, while this action waits."""
        return self._connection.transport == "local" and not self._connection.become and not self._task.async_val


@contextlib.contextmanager
def _print_progress(host: str) -> Iterator[str | None]:
    """Prints what the module writes into the yielded file; yields None if no file can be made."""
    try:
        # Ansible removes this directory at the end, even after a task is killed.
        directory = tempfile.mkdtemp(prefix="irsa-progress-", dir=constants.DEFAULT_LOCAL_TMP)
    except OSError:
        yield None
        return
    path = os.path.join(directory, "progress")
    ended = threading.Event()

    def poll() -> None:
        printer = ProgressPrinter(time.monotonic(), verbose=display.verbosity > 0)
        while not ended.wait(_POLL):
            line = printer.line(progress.read(path), time.monotonic())
            if line:
                # Standard error, as for warnings: it is not buffered without a terminal, and a callback that writes
                # JSON needs standard output for itself.
                display.display(f"[{host}] irsa_bindings: {line}", stderr=True)

    thread = threading.Thread(target=poll, name="irsa_bindings progress", daemon=True)
    try:
        with contextlib.suppress(RuntimeError):  # no thread can be started
            thread.start()
        yield path
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()
        shutil.rmtree(directory, ignore_errors=True)
