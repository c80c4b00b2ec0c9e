# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolves well-known policies, runs the module `irsa_bindings` and prints its progress."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
import typing as t

from ansible import constants
from ansible.utils.display import Display
from ansible_collections.eksops.irsa.plugins.plugin_utils import _progress, _variables
from ansible_collections.eksops.irsa.plugins.plugin_utils._cluster_action import ClusterAction
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve

if t.TYPE_CHECKING:
    from collections.abc import Iterator

display = Display()

_POLL_SECONDS = 0.5
# What Ansible needs of a failed result.
_SHOWN = ("failed", "changed", "msg", "unreachable", "exception", "warnings", "deprecations", "invocation")


class ActionModule(ClusterAction):
    """The action plugin of `irsa_bindings`."""

    MODULE = "eksops.irsa.irsa_bindings"

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Runs the module. A failed task of the role shows only its message.

        Ansible prints a failed result in full, except its diff. So the diff has the other returns, for the role.
        """
        result = super().run(tmp, task_vars)
        if not (self.is_of_role(task_vars or {}) and result.get("failed")):
            return result
        hidden = {key: value for key, value in result.items() if key not in ("exception", "warnings", "deprecations")}
        shown = {key: value for key, value in result.items() if key in _SHOWN or key.startswith("_ansible_")}
        return {**shown, "diff": {"outcome": hidden}}

    def find_problems(self, task_vars: t.Mapping[str, t.Any]) -> list[str]:
        """Finds the problems of all bindings too."""
        problems = super().find_problems(task_vars)
        if self._task.args.get("bindings") not in (None, ""):
            self._task.args["bindings"] = _variables.parse_bindings(self._task.args["bindings"])
            bindings, name = self._task.args["bindings"], "irsa_bindings" if self.is_of_role(task_vars) else "bindings"
            problems += _variables.check_bindings(bindings, self._task.args, name=name)
            problems += _variables.check_rbac(bindings, self.role_variable(task_vars, "irsa_rbac"))
        return problems

    def find_binding_problems(self, bindings: t.Any) -> list[str]:
        """None: the role passes its bindings in an option, which `find_problems` checks."""
        return []

    def run_module(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Resolves the well-known policies, runs the module and prints its progress."""
        arguments = resolve.resolve_bindings_arguments(self._task.args)
        prints_progress = self._can_read_progress() and not self._task.args.get("progress_path")
        host = task_vars.get("inventory_hostname", "localhost")
        with (
            _print_progress(host, len(arguments.get("bindings") or ()))
            if prints_progress
            else contextlib.nullcontext() as path
        ):
            result = self.execute({**arguments, "progress_path": path} if path else arguments, task_vars)
        if path:
            (result.get("invocation") or {}).get("module_args", {}).update(progress_path=None)
        return result

    def _can_read_progress(self) -> bool:
        """Whether the module runs on the controller as the same user, and this plugin waits for it."""
        return self._connection.transport == "local" and not self._connection.become and not self._task.async_val


@contextlib.contextmanager
def _print_progress(host: str, bindings: int) -> Iterator[str | None]:
    """Prints the progress of the module.

    Yields the path to which the module writes its progress; None if no file can be created.
    """
    try:
        # Ansible removes this directory at the end, even if the task is killed.
        directory = tempfile.mkdtemp(prefix="irsa-progress-", dir=constants.DEFAULT_LOCAL_TMP)
    except OSError:
        yield None
        return
    path = os.path.join(directory, "progress")
    module_ended = threading.Event()

    def print_lines() -> None:
        printer = _progress.ProgressPrinter(time.monotonic(), bindings=bindings, verbose=display.verbosity > 0)
        while not module_ended.wait(_POLL_SECONDS):
            line = printer.line(_progress.read(path), time.monotonic())
            if line:
                # To standard error, like warnings. It is not buffered. A callback may write JSON to standard output.
                display.display(f"[{host}] irsa_bindings: {line}", stderr=True)

    thread = threading.Thread(target=print_lines, name="irsa_bindings progress", daemon=True)
    try:
        with contextlib.suppress(RuntimeError):  # the system cannot start a thread
            thread.start()
        yield path
    finally:
        module_ended.set()
        if thread.ident is not None:
            thread.join()
        shutil.rmtree(directory, ignore_errors=True)
