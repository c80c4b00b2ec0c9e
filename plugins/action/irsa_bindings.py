# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module `irsa_bindings`, and shows how far it is while it works."""

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
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve as _well_known

if t.TYPE_CHECKING:
    from collections.abc import Iterator

display = Display()

# Seconds: quick runs say nothing; afterwards there is a line for each new stage and each part of a stage, and one now
# and then, ever more rarely, where a part takes long.
_QUIET, _LOOK, _GAP, _LONG = 2.0, 0.5, 2.0, 30.0
# A job's log stays short however many bindings there are: after so many lines only new stages are told, of which there
# are fewer than ten.
_PARTS, _MOST = 4, 16
_PARTS_EAGER, _MOST_EAGER = 20, 100


class Teller:
    """Decides which progress is worth a line.

    :param began: when the run did, in seconds.
    :param eager: whether to tell of smaller parts.
    """

    def __init__(self, began: float, *, eager: bool = False) -> None:
        self._began = began
        self._parts, self._left = (_PARTS_EAGER, _MOST_EAGER) if eager else (_PARTS, _MOST)
        self._patience = _LONG
        self._told: progress.Progress | None = None
        self._told_at = began

    def line(self, now: progress.Progress | None, at: float) -> str | None:
        """What to show, if anything.

        :param at: seconds, on the clock of ``began``.
        """
        if now is None or now == self._told or at - self._began < _QUIET:
            return None
        if self._told and (at - self._told_at < _GAP or not self._is_news(self._told, now, at)):
            return None
        self._told, self._told_at = now, at
        self._left -= 1
        return str(now)

    def _is_news(self, told: progress.Progress, now: progress.Progress, at: float) -> bool:
        if (now.stage, now.total) != (told.stage, told.total):
            return True
        if self._left <= 0:
            return False
        if now.done * self._parts // now.total > told.done * self._parts // told.total:
            return True
        if at - self._told_at < self._patience:
            return False
        self._patience *= 2
        return True


class ActionModule(ActionBase):
    """The action of `irsa_bindings`."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Runs the module; what it returns is returned as it is."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            arguments = _well_known.resolve_bindings_arguments(self._task.args)
        except InvalidInput as error:
            return {**result, "failed": True, "msg": str(error), "error": error.as_dict()}
        shows = self._can_look() and not self._task.args.get("progress_path")
        with _shown(variables.get("inventory_hostname", "localhost")) if shows else contextlib.nullcontext() as path:
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

    def _can_look(self) -> bool:
        """Whether the module runs where this does, as this does, while this waits."""
        return self._connection.transport == "local" and not self._connection.become and not self._task.async_val


@contextlib.contextmanager
def _shown(host: str) -> Iterator[str | None]:
    """Shows what the module writes into the file whose path this gives; None where that can't be."""
    try:
        # Ansible removes this place in the end, even that of a task that is killed.
        directory = tempfile.mkdtemp(prefix="irsa-progress-", dir=constants.DEFAULT_LOCAL_TMP)
    except OSError:
        yield None
        return
    path = os.path.join(directory, "progress")
    over = threading.Event()

    def show() -> None:
        teller = Teller(time.monotonic(), eager=display.verbosity > 0)
        while not over.wait(_LOOK):
            line = teller.line(progress.read(path), time.monotonic())
            if line:
                # Standard error, as warnings: it isn't held back where it is no terminal, and a callback that writes
                # JSON has standard output for itself.
                display.display(f"[{host}] irsa_bindings: {line}", stderr=True)

    thread = threading.Thread(target=show, name="irsa_bindings progress", daemon=True)
    try:
        with contextlib.suppress(RuntimeError):  # no thread is to be had
            thread.start()
        yield path
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()
        shutil.rmtree(directory, ignore_errors=True)
