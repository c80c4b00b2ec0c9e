# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module `irsa_bindings`, and shows how far it is while it works."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
import typing as t

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.eksops.irsa.plugins.module_utils import _progress

if t.TYPE_CHECKING:
    from collections.abc import Iterator

display = Display()

# Seconds: quick runs say nothing; afterwards there is a line for each quarter of a stage, and one now and then where a
# stage takes long. A job's log stays short however many bindings there are.
_QUIET, _LOOK, _LONG = 2.0, 0.5, 60.0
_QUARTERS = 4


class Teller:
    """Decides which progress is worth a line.

    :param eager: whether to tell of every change.
    """

    def __init__(self, began: float, *, eager: bool = False) -> None:
        self._began = began
        self._eager = eager
        self._told: _progress.Progress | None = None
        self._told_at = began

    def line(self, now: _progress.Progress | None, at: float) -> str | None:
        """What to show, if anything.

        :param at: seconds, on the clock of ``began``.
        """
        if now is None or now == self._told or at - self._began < _QUIET:
            return None
        if not self._eager and self._told and not self._is_news(self._told, now) and at - self._told_at < _LONG:
            return None
        self._told, self._told_at = now, at
        return str(now)

    @staticmethod
    def _is_news(told: _progress.Progress, now: _progress.Progress) -> bool:
        if now.stage != told.stage:
            return True
        return now.done * _QUARTERS // now.total > told.done * _QUARTERS // told.total


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
        arguments = dict(self._task.args)
        with contextlib.ExitStack() as stack:
            if self._can_look() and not arguments.get("progress_path"):
                arguments["progress_path"] = stack.enter_context(self._shown(variables))
            result.update(
                self._execute_module(
                    module_name="eksops.irsa.irsa_bindings",
                    module_args=arguments,
                    task_vars=variables,
                    wrap_async=self._task.async_val,
                )
            )
        (result.get("invocation") or {}).get("module_args", {}).pop("progress_path", None)
        return result

    def _can_look(self) -> bool:
        """Whether the module runs where this does, as this does, while this waits."""
        return self._connection.transport == "local" and not self._connection.become and not self._task.async_val

    @contextlib.contextmanager
    def _shown(self, variables: dict[str, t.Any]) -> Iterator[str]:
        """Shows what the module writes into the file whose path this gives."""
        # Ansible removes this directory in the end, whatever becomes of the task.
        directory = tempfile.mkdtemp(prefix="irsa-progress-", dir=constants.DEFAULT_LOCAL_TMP)
        path = os.path.join(directory, "progress")
        over = threading.Event()
        host = variables.get("inventory_hostname", "localhost")

        def show() -> None:
            teller = Teller(time.monotonic(), eager=display.verbosity > 0)
            while not over.wait(_LOOK):
                line = teller.line(_progress.read(path), time.monotonic())
                if line:
                    display.display(f"[{host}] irsa_bindings: {line}")

        thread = threading.Thread(target=show, name="irsa_bindings progress", daemon=True)
        thread.start()
        try:
            yield path
        finally:
            over.set()
            thread.join()
            for name in ("progress", "progress.new"):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(directory, name))
            with contextlib.suppress(OSError):
                os.rmdir(directory)
