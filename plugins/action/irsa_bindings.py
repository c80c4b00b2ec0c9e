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

display = Display()

_POLL_SECONDS = 0.5
# What Ansible needs of a failed result.
_SHOWN = ("failed", "changed", "msg", "unreachable", "exception", "warnings", "deprecations", "invocation")


class ActionModule(ClusterAction):
    """The action plugin of `irsa_bindings`."""

    MODULE = "eksops.irsa.irsa_bindings"
    _printer: _Printer | None = None

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
        if self._can_read_progress() and not self._task.args.get("progress_path"):
            with contextlib.suppress(OSError):  # no directory can be created
                host = task_vars.get("inventory_hostname", "localhost")
                self._printer = _Printer(host, len(arguments.get("bindings") or ()))
        if not self._printer:
            return self.execute(arguments, task_vars)
        try:
            result = self.execute({**arguments, "progress_path": self._printer.path}, task_vars)
        finally:
            self._printer.stop()
        (result.get("invocation") or {}).get("module_args", {}).update(progress_path=None)
        return result

    def on_start(self) -> None:
        """Prints progress from now on."""
        if self._printer:
            self._printer.start()

    def _can_read_progress(self) -> bool:
        """Whether the module runs on the controller as the same user, and this plugin waits for it."""
        return self._connection.transport == "local" and not self._connection.become and not self._task.async_val


class _Printer:
    """Prints the progress of the module in a thread.

    :raises OSError: no directory can be created for the file.
    """

    def __init__(self, host: str, bindings: int) -> None:
        # Ansible removes this directory at the end, even if the task is killed.
        self._directory = tempfile.mkdtemp(prefix="irsa-progress-", dir=constants.DEFAULT_LOCAL_TMP)
        # The file to which the module writes its progress.
        self.path = os.path.join(self._directory, "progress")
        self._host, self._bindings = host, bindings
        self._module_ended = threading.Event()
        self._thread = threading.Thread(target=self._print_lines, name="irsa_bindings progress", daemon=True)

    def start(self) -> None:
        with contextlib.suppress(RuntimeError):  # the system cannot start a thread
            self._thread.start()

    def stop(self) -> None:
        self._module_ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _print_lines(self) -> None:
        verbose = display.verbosity > 0
        printer = _progress.ProgressPrinter(time.monotonic(), bindings=self._bindings, verbose=verbose)
        while not self._module_ended.wait(_POLL_SECONDS):
            line = printer.line(_progress.read(self.path), time.monotonic())
            if line:
                # To standard error, like warnings. It is not buffered. A callback may write JSON to standard output.
                display.display(f"[{self._host}] irsa_bindings: {line}", stderr=True)
