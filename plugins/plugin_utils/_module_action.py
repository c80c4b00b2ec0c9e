# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of a module. On the controller it runs the module in a fork of the task's process.

Otherwise Ansible packs the module with all that it imports, writes it to a file and starts Python, for each task. That
takes longer than the requests of most modules.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import logging
import os
import re
import signal
import sys
import types
import typing as t

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils import basic
from ansible.plugins.action import ActionBase
from ansible.release import __version__

try:
    from ansible.executor.module_common import _BuiltModule
    from ansible.module_utils import _internal
    from ansible.module_utils._internal._ansiballz import _loader
    from ansible.module_utils.common.json import Direction, get_module_encoder
except ImportError as error:
    raise AnsibleError(
        f"eksops.irsa does not support ansible-core {__version__}. Cause: {error}. Fix: install ansible-core 2.19 or "
        "later, or a newer release of eksops.irsa."
    ) from error

Main = t.Callable[[], object]

# How Ansible encodes arguments and results of modules.
_PROFILE = "legacy"
ARGUMENTS_ENCODER: type[json.JSONEncoder] = get_module_encoder(_PROFILE, Direction.CONTROLLER_TO_MODULE)
# The variables that modules read for each task, and not when Python starts or imports a library.
_READ_BY_TASKS = re.compile(r"AWS_\w+|K8S_AUTH_\w+|(HTTPS?|NO)_PROXY", re.IGNORECASE)


class ModuleAction(ActionBase):
    """Runs a module with the arguments of the task.

    :cvar MODULE: the full name of the module.
    """

    MODULE: t.ClassVar[str]
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = True
    # The file of the module. None if it cannot be imported here.
    _module: t.ClassVar[types.ModuleType | None] = None
    # While the module runs in a fork: its arguments, with those that Ansible adds, and the environment of the task.
    _arguments: dict[str, t.Any] | None = None
    _environment: t.Mapping[str, str] | None = None
    _forks = False

    def __init_subclass__(cls, **more: t.Any) -> None:
        """Imports the module. Ansible loads an action plugin once, before it forks a process for each task."""
        super().__init_subclass__(**more)
        collection, _dot, name = getattr(cls, "MODULE", "").rpartition(".")
        if name:
            with contextlib.suppress(Exception):  # if the module runs here after all, it reports what is broken
                cls._module = importlib.import_module(f"ansible_collections.{collection}.plugins.modules.{name}")

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Runs the task and returns its result."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        return {**result, **self.run_task(task_vars or {})}

    def run_task(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Runs the module with the arguments of the task, and returns its result unchanged."""
        return self.execute(self._task.args, task_vars)

    def execute(self, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Runs the module with these arguments."""
        self._environment = self._read_environment() if self._can_fork(task_vars) else None
        self._forks = self._environment is not None
        if not self._forks:
            self.on_start()
        try:
            result: dict[str, t.Any] = self._execute_module(
                module_name=self.MODULE,
                module_args=dict(arguments),
                task_vars=task_vars,
                wrap_async=self._task.async_val,
            )
        finally:
            self._forks = False
        if result.get("failed") and not result.get("msg"):
            # An unexpected exception. Ansible drops it if the task has failed_when.
            result["msg"] = (
                f"{self.MODULE} ended with an unexpected error. "
                "Fix: set ANSIBLE_DISPLAY_TRACEBACK=error and report the traceback."
            )
        return result

    def on_start(self) -> None:
        """Called after the fork, or before Ansible starts the module. It can start threads, which no fork copies."""

    def _can_fork(self, task_vars: t.Mapping[str, t.Any]) -> bool:
        """Whether the module would run on this host, as this user, with this Python."""
        return (
            self._module is not None
            and sys.platform == "linux"  # the network libraries of macOS can fail in a fork
            and self._connection.transport == "local"
            and not self._connection.become
            and not self._task.async_val
            and not self._task.delegate_to  # the variables are those of the other host
            and not constants.DEFAULT_KEEP_REMOTE_FILES
            and self._interpreter(task_vars) == sys.executable
        )

    def _read_environment(self) -> dict[str, str] | None:
        """The environment of the task; None if a fork cannot have it, or if Ansible will report an error in it."""
        environment: dict[str, t.Any] = {}
        with contextlib.suppress(AnsibleError):
            self._compute_environment_string(environment)
            variables = {name: str(value) for name, value in environment.items()}
            if all(map(_READ_BY_TASKS.fullmatch, variables)) and "\0" not in "".join(variables.values()):
                return variables
        return None

    def _interpreter(self, task_vars: t.Mapping[str, t.Any]) -> t.Any:
        """The path of the Python that is configured for the host; None if it is not set or cannot be evaluated."""
        with contextlib.suppress(AnsibleError):
            return self._templar.template(task_vars.get("ansible_python_interpreter"))
        return None

    # The steps of _execute_module that pack the module, and send and start it.

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:
        return self._forks or bool(super()._is_pipelining_enabled(module_style, wrap_async))

    def _configure_module(self, module_name: str, module_args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> t.Any:
        if not self._forks:
            return super()._configure_module(module_name, module_args, task_vars)
        self._arguments = module_args
        built = _BuiltModule(
            b_module_data=b"", module_style="new", shebang=f"#!{sys.executable}", serialization_profile=_PROFILE
        )
        return built, f"{module_name} in a fork"

    def _low_level_execute_command(self, *arguments: t.Any, **options: t.Any) -> t.Any:
        if not self._forks or self._module is None:
            return super()._low_level_execute_command(*arguments, **options)
        text = json.dumps({"ANSIBLE_MODULE_ARGS": self._arguments}, cls=ARGUMENTS_ENCODER)
        # Where Ansible starts local modules.
        start = Start(self._module.main, text.encode(), self._loader.get_basedir(), self._environment or {})
        status, output = fork(start, self.on_start)
        error = ""
        if status < 0:  # as a shell reports it
            status, error = 128 - status, f"{signal.strsignal(-status)}\n"
        return {
            "rc": status,
            "stdout": output,
            "stdout_lines": output.splitlines(),
            "stderr": error,
            "stderr_lines": error.splitlines(),
        }


class Start(t.NamedTuple):
    """How to start a module.

    :param main: the function that a module calls when it is started.
    :param arguments: JSON, as a module reads it from its standard input.
    :param directory: the current directory of the module.
    :param environment: variables that are added to those of this process.
    """

    main: Main
    arguments: bytes
    directory: str
    environment: t.Mapping[str, str]


def fork(start: Start, on_start: t.Callable[[], None]) -> tuple[int, str]:
    """Runs a module in a fork of this process, which ends with this call.

    :param on_start: called in this process after the fork.
    :returns: its exit status, negative for a signal, and what it printed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _run(start, writer)
    os.close(writer)
    output = None
    try:
        on_start()
        with open(reader, encoding="utf-8", errors="surrogateescape") as stream:
            output = stream.read()
    finally:
        if output is None:  # Ansible stops the task, for example after its timeout
            os.kill(child, signal.SIGKILL)
        _child, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), output


def _run(start: Start, writer: int) -> t.NoReturn:
    """Runs a module in a process that has just been forked, and ends the process.

    :param writer: the file descriptor to which the module prints.
    """
    status = 1
    try:
        atexit._clear()  # what Ansible's processes do at their end
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        logging.root.handlers.clear()  # libraries do not write to Ansible's log
        logging.root.setLevel(logging.WARNING)
        os.environ.update(start.environment)
        os.chdir(start.directory)
        _internal.is_controller = False  # so a module returns its warnings, and does not print them
        basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = start.arguments, _PROFILE
        with (
            open(os.devnull, encoding="utf-8") as sys.stdin,  # Ansible closed it
            open(writer, "w", encoding="utf-8", errors="surrogateescape") as stream,
            contextlib.redirect_stdout(stream),
        ):
            try:
                start.main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            except Exception as error:
                with contextlib.suppress(SystemExit):
                    _loader._handle_exception(error, _PROFILE)  # prints it as a result
                raise
            finally:
                atexit._run_exitfuncs()  # removes temporary files
    finally:
        os._exit(status)
