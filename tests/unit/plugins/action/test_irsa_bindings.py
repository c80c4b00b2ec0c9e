# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import tempfile
import threading
import time
import types
import typing as t

import pytest
from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.eksops.irsa.plugins.action import irsa_bindings
from ansible_collections.eksops.irsa.plugins.action.irsa_bindings import ActionModule
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import Progress, ProgressWriter
from ansible_collections.eksops.irsa.plugins.plugin_utils import _progress

if t.TYPE_CHECKING:
    import collections.abc as c
    import pathlib

Module = t.Callable[..., dict[str, t.Any]]


def at(done: int, stage: str = "roles", total: int = 1000) -> Progress:
    return Progress(stage, done, total, changed=0, failed=0)


class Shown:
    """Stands in for Ansible's display."""

    verbosity = 0

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, line: str, *, stderr: bool) -> None:
        assert stderr
        self.lines.append(line)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Shown:
    display = Shown()
    monkeypatch.setattr(irsa_bindings, "display", display)
    monkeypatch.setattr(_progress, "_QUIET", 0.0)
    monkeypatch.setattr(irsa_bindings, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {"from": "base"})
    return display


def run(
    monkeypatch: pytest.MonkeyPatch,
    module: Module,
    *,
    arguments: c.Mapping[str, t.Any] | None = None,
    transport: str = "local",
    become: object = None,
    wrap_async: int = 0,
) -> dict[str, t.Any]:
    action = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(args=dict(arguments or {"bindings": []}), async_val=wrap_async)
    action._connection = types.SimpleNamespace(transport=transport, become=become)
    monkeypatch.setattr(action, "_execute_module", module)
    result: dict[str, t.Any] = action.run(task_vars={"inventory_hostname": "production"})
    return result


def returning(module_args: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"changed": True, "warnings": ["w"], "diff": {}, "invocation": {"module_args": {"x": 1, **module_args}}}


def test_what_the_module_writes_is_shown_while_it_works(
    monkeypatch: pytest.MonkeyPatch, shown: Shown, tmp_path: pathlib.Path
) -> None:
    def module(**call: t.Any) -> dict[str, t.Any]:
        assert call["module_name"] == "eksops.irsa.irsa_bindings"
        path = call["module_args"]["progress_path"]
        assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0
        ProgressWriter(path).write(at(3))
        deadline = time.monotonic() + 10
        while not shown.lines and time.monotonic() < deadline:
            time.sleep(0.005)
        return returning(call["module_args"])

    arguments = {"bindings": []}
    result = run(monkeypatch, module, arguments=arguments)
    assert shown.lines == ["[production] irsa_bindings: roles 3 of 1000, 0 changed, 0 failed"]
    assert result == {"from": "base", **returning({"bindings": [], "progress_path": None})}
    assert arguments == {"bindings": []}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "case",
    [
        {"transport": "ssh"},
        {"become": object()},
        {"wrap_async": 60},
        {"arguments": {"bindings": [], "progress_path": "/the/users"}},
    ],
)
def test_elsewhere_the_module_runs_as_it_is(
    monkeypatch: pytest.MonkeyPatch, shown: Shown, tmp_path: pathlib.Path, case: dict[str, t.Any]
) -> None:
    calls = []

    def module(**call: t.Any) -> dict[str, t.Any]:
        calls.append(call)
        assert list(tmp_path.iterdir()) == []
        return returning(call["module_args"])

    wanted = case.get("arguments", {"bindings": []})
    assert run(monkeypatch, module, **case) == {"from": "base", **returning(wanted)}
    assert [(call["module_args"], call["wrap_async"]) for call in calls] == [(wanted, case.get("wrap_async", 0))]
    assert shown.lines == []


class StoppedError(BaseException):
    """As Ansible's, when a task takes longer than its timeout."""


@pytest.mark.parametrize("error", [StoppedError, OSError, KeyboardInterrupt])
def test_what_stops_the_task_goes_through_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, shown: Shown, tmp_path: pathlib.Path, error: type[BaseException]
) -> None:
    def module(**call: t.Any) -> dict[str, t.Any]:
        ProgressWriter(call["module_args"]["progress_path"]).write(at(3))
        (tmp_path / os.path.dirname(call["module_args"]["progress_path"]) / "progress.new").touch()
        raise error

    with pytest.raises(error):
        run(monkeypatch, module)
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "irsa_bindings progress"]


def _refuse(error: Exception) -> t.Callable[..., t.Any]:
    def refuse(*_arguments: t.Any, **_options: t.Any) -> t.Any:
        raise error

    return refuse


@pytest.mark.parametrize(
    ("target", "name", "error"),
    [(tempfile, "mkdtemp", OSError("no space left")), (threading.Thread, "start", RuntimeError("no more threads"))],
)
def test_where_nothing_can_be_shown_the_module_runs_all_the_same(
    monkeypatch: pytest.MonkeyPatch, shown: Shown, tmp_path: pathlib.Path, target: object, name: str, error: Exception
) -> None:
    monkeypatch.setattr(target, name, _refuse(error))
    result = run(monkeypatch, lambda **call: returning(call["module_args"]))
    assert result["changed"]
    assert result["invocation"]["module_args"].get("progress_path") is None
    assert shown.lines == []
    assert list(tmp_path.iterdir()) == []
