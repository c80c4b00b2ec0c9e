# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module `irsa_bindings`, and prints its progress meanwhile."""

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
from ansible_collections.eksops.irsa.plugins.plugin_utils import _progress
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve

if t.TYPE_CHECKING:
    from collections.abc import Iterator

display = Display()

_POLL_SECONDS = 0.5


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
            arguments = resolve.resolve_bindings_arguments(self._task.args)
        except InvalidInput as error:
            return {**result, "failed": True, "msg": str(error), "error": error.as_dict()}
        prints = self._can_read_progress() and not self._task.args.get("progress_path")
        host = variables.get("inventory_hostname", "localhost")
        with _printed_progress(host) if prints else contextlib.nullcontext() as path:
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
        """Whether the module runs on this machine, as this user, while this waits."""
        return self._connection.transport == "local" and not self._connection.become and not self._task.async_val


@contextlib.contextmanager
def _printed_progress(host: str) -> Iterator[str | None]:
    """Prints the progress that the module writes to the file of this path; None if no file can be made."""
    try:
        # Ansible removes this directory in the end, even that of a task that is killed.
        directory = tempfile.mkdtemp(prefix="irsa-progress-", dir=constants.DEFAULT_LOCAL_TMP)
    except OSError:
        yield None
        return
    path = os.path.join(directory, "progress")
    ended = threading.Event()

    def print_progress() -> None:
        printer = _progress.ProgressPrinter(time.monotonic(), verbose=display.verbosity > 0)
        while not ended.wait(_POLL_SECONDS):
            line = printer.line(_progress.read(path), time.monotonic())
            if line:
                # Standard error, as warnings: it isn't buffered, and a callback that writes JSON uses standard output.
                display.display(f"[{host}] irsa_bindings: {line}", stderr=True)

    thread = threading.Thread(target=print_progress, name="irsa_bindings progress", daemon=True)
    try:
        with contextlib.suppress(RuntimeError):  # no thread can be started
            thread.start()
        yield path
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()
        shutil.rmtree(directory, ignore_errors=True)
