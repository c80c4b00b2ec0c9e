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
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.eksops.irsa.plugins.action import irsa_bindings
from ansible_collections.eksops.irsa.plugins.action.irsa_bindings import ActionModule
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import Progress, ProgressWriter
from ansible_collections.eksops.irsa.plugins.plugin_utils import _progress

if t.TYPE_CHECKING:
    import collections.abc as c
    import pathlib

Module = t.Callable[..., dict[str, t.Any]]


def progress_at(done: int, stage: str = "roles", total: int = 1000) -> Progress:
    return Progress(stage, done, total, changed=0, failed=0)


class FakeDisplay:
    """A replacement for Ansible's display."""

    verbosity = 0

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, line: str, *, stderr: bool) -> None:
        assert stderr
        self.lines.append(line)


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> FakeDisplay:
    fake_display = FakeDisplay()
    monkeypatch.setattr(irsa_bindings, "display", fake_display)
    monkeypatch.setattr(_progress, "_QUIET_IF_FEW", 0.0)
    monkeypatch.setattr(irsa_bindings, "_POLL_SECONDS", 0.005)
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {"from": "base"})
    return fake_display


def run(
    monkeypatch: pytest.MonkeyPatch,
    module: Module,
    *,
    arguments: c.Mapping[str, t.Any] | None = None,
    transport: str = "local",
    become: object = None,
    wrap_async: int = 0,
    task_vars: c.Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    action = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(
        args=dict(arguments or {"bindings": []}),
        async_val=wrap_async,
        delegate_to=None,
        environment=[],
        get_variable_manager=lambda: None,
    )
    action._templar = Templar(loader=DataLoader(), variables={})
    action._connection = types.SimpleNamespace(transport=transport, become=become)
    monkeypatch.setattr(action, "_execute_module", module)
    result: dict[str, t.Any] = action.run(task_vars={"inventory_hostname": "production", **(task_vars or {})})
    return result


def module_result(module_args: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"changed": True, "warnings": ["w"], "diff": {}, "invocation": {"module_args": {"x": 1, **module_args}}}


def test_progress_is_printed_while_the_module_runs(
    monkeypatch: pytest.MonkeyPatch, display: FakeDisplay, tmp_path: pathlib.Path
) -> None:
    def module(**call: t.Any) -> dict[str, t.Any]:
        assert call["module_name"] == "eksops.irsa.irsa_bindings"
        path = call["module_args"]["progress_path"]
        assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0
        ProgressWriter(path).write(progress_at(3))
        deadline = time.monotonic() + 10
        while not display.lines and time.monotonic() < deadline:
            time.sleep(0.005)
        return module_result(call["module_args"])

    arguments = {"bindings": []}
    result = run(monkeypatch, module, arguments=arguments)
    assert display.lines == ["[production] irsa_bindings: roles 3 of 1000, 0 changed, 0 failed"]
    assert result == {"from": "base", **module_result({"bindings": [], "progress_path": None})}
    assert arguments == {"bindings": []}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "case",
    [
        {"transport": "ssh"},
        {"become": object()},
        {"wrap_async": 60},
        {"arguments": {"bindings": [], "progress_path": "/tmp/progress"}},
    ],
    ids=["ssh", "become", "async", "progress-path"],
)
def test_arguments_are_unchanged_if_progress_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, display: FakeDisplay, tmp_path: pathlib.Path, case: dict[str, t.Any]
) -> None:
    calls = []

    def module(**call: t.Any) -> dict[str, t.Any]:
        calls.append(call)
        assert list(tmp_path.iterdir()) == []
        return module_result(call["module_args"])

    expected = case.get("arguments", {"bindings": []})
    assert run(monkeypatch, module, **case) == {"from": "base", **module_result(expected)}
    assert [(call["module_args"], call["wrap_async"]) for call in calls] == [(expected, case.get("wrap_async", 0))]
    assert display.lines == []


def test_failed_task_of_the_role_shows_only_its_message(monkeypatch: pytest.MonkeyPatch, display: FakeDisplay) -> None:
    failure = {"failed": True, "changed": True, "msg": "1 of 2 bindings failed", "counts": {"failed": 1}, "results": []}
    warnings = {"warnings": ["w"]}

    def module(**_call: t.Any) -> dict[str, t.Any]:
        return {**failure, **warnings}

    result = run(monkeypatch, module, task_vars={"_irsa_required": []})
    outcome = {"from": "base", **failure}
    assert result == {
        "failed": True,
        "changed": True,
        "msg": "1 of 2 bindings failed",
        **warnings,
        "diff": {"outcome": outcome},
    }
    # A task of the module itself has all returns.
    assert run(monkeypatch, module) == {**outcome, **warnings}
    assert display.lines == []


class StoppedError(BaseException):
    """Like the exception of Ansible for a task that exceeds its timeout."""


@pytest.mark.parametrize("error", [StoppedError, OSError, KeyboardInterrupt])
def test_interrupted_task_leaves_no_files_and_no_thread(
    monkeypatch: pytest.MonkeyPatch, display: FakeDisplay, tmp_path: pathlib.Path, error: type[BaseException]
) -> None:
    def module(**call: t.Any) -> dict[str, t.Any]:
        ProgressWriter(call["module_args"]["progress_path"]).write(progress_at(3))
        (tmp_path / os.path.dirname(call["module_args"]["progress_path"]) / "progress.new").touch()
        raise error

    with pytest.raises(error):
        run(monkeypatch, module)
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "irsa_bindings progress"]


def _fail_with(error: Exception) -> t.Callable[..., t.Any]:
    def fail(*_arguments: t.Any, **_options: t.Any) -> t.Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("target", "name", "error"),
    [(tempfile, "mkdtemp", OSError("no space left")), (threading.Thread, "start", RuntimeError("no more threads"))],
    ids=["no-directory", "no-thread"],
)
def test_module_runs_if_progress_cannot_be_printed(
    monkeypatch: pytest.MonkeyPatch,
    display: FakeDisplay,
    tmp_path: pathlib.Path,
    target: object,
    name: str,
    error: Exception,
) -> None:
    monkeypatch.setattr(target, name, _fail_with(error))
    result = run(monkeypatch, lambda **call: module_result(call["module_args"]))
    assert result["changed"]
    assert result["invocation"]["module_args"].get("progress_path") is None
    assert display.lines == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("task_vars", "expected"),
    [
        pytest.param({}, [], id="module"),
        pytest.param(
            {"_irsa_required": []},
            [
                "b/x (binding 2 of 2): ClusterRole nodes is also that of a/x (binding 1 of 2); "
                "set another rbac.cluster_name"
            ],
            id="role",
        ),
    ],
)
def test_rbac_objects_are_checked_in_the_role(task_vars: dict[str, t.Any], expected: list[str]) -> None:
    rules = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]
    bindings = [{"namespace": name, "service_account": "x", "role_name": "app"} for name in ("a", "b")]
    action = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(args={"bindings": bindings}, get_variable_manager=lambda: None)
    action._templar = Templar(loader=DataLoader(), variables={})
    variables = {**task_vars, "irsa_rbac": {"cluster_rules": rules, "cluster_name": "nodes"}}
    assert action.find_problems(variables) == expected
