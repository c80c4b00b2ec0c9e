# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the controller, a module runs in a fork of the task's process."""

from __future__ import annotations

import atexit
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import time
import types
import typing as t

import ansible
import pytest
from ansible import constants
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.json import Direction, get_module_decoder
from ansible.module_utils.common.warnings import warn
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.eksops.irsa.plugins.action.sa_annotate import ActionModule
from ansible_collections.eksops.irsa.plugins.plugin_utils import _module_action

HERE = {"ansible_python_interpreter": sys.executable}


def make_action(**task: t.Any) -> ActionModule:
    """An action plugin on a local connection."""
    action = object.__new__(ActionModule)
    action._task = types.SimpleNamespace(**{"async_val": 0, "delegate_to": None, "environment": [], **task})
    shell = types.SimpleNamespace(env_prefix=lambda **_variables: "")
    action._connection = types.SimpleNamespace(transport="local", become=None, _shell=shell)
    action._templar = Templar(DataLoader(), variables={"ansible_playbook_python": sys.executable})
    return action


def _pass() -> None:
    pass


def build_start(main: t.Callable[[], object], **options: t.Any) -> _module_action.Start:
    return _module_action.Start(
        main,
        **{"arguments": b'{"ANSIBLE_MODULE_ARGS": {}}', "directory": os.getcwd(), "environment": {}, **options},
    )


def run_fork(main: t.Callable[[], object], **arguments: t.Any) -> tuple[int, t.Any]:
    """The exit status of the module and its result."""
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    status, output = _module_action.fork(build_start(main, arguments=given), _pass)
    return status, json.loads(output) if output else None


@pytest.mark.parametrize("python", [sys.executable, trust_as_template("{{ ansible_playbook_python }}")])
def test_module_on_the_controller_forks(python: str) -> None:
    assert make_action()._can_fork({"ansible_python_interpreter": python})


@pytest.mark.parametrize("task", [{"async_val": 60}, {"delegate_to": "localhost"}])
def test_task_with_own_conditions_does_not_fork(task: dict[str, t.Any]) -> None:
    assert not make_action(**task)._can_fork(HERE)


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_LIBRARY_PATH", "LC_ALL", "TZ", "KUBECONFIG", "MY_AWS_REGION"])
def test_variable_that_python_or_a_library_reads_at_its_start_does_not_fork(name: str) -> None:
    assert make_action(environment=[{"AWS_REGION": "eu-west-1", name: "x"}])._read_environment() is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ([], {}),
        ([{}, None], {}),
        (
            [{"AWS_REGION": "eu-west-1", "AWS_PROFILE": "a"}, {"AWS_PROFILE": "b", "AWS_MAX_ATTEMPTS": 3}],
            {"AWS_REGION": "eu-west-1", "AWS_PROFILE": "b", "AWS_MAX_ATTEMPTS": "3"},
        ),
        ([{"K8S_AUTH_CONTEXT": "a", "no_proxy": "*"}], {"K8S_AUTH_CONTEXT": "a", "no_proxy": "*"}),
        ([trust_as_template("{{ {'AWS_REGION': 'eu-west-1'} }}")], {"AWS_REGION": "eu-west-1"}),
        ([trust_as_template("{{ undefined }}")], None),
        (["text"], None),
        ([{"AWS_PROFILE": "a\0b"}], None),
    ],
)
def test_environment_of_a_task(environment: list[t.Any], expected: dict[str, str] | None) -> None:
    assert make_action(environment=environment)._read_environment() == expected


def test_module_has_the_environment_of_the_task() -> None:
    def main() -> None:
        AnsibleModule({}).exit_json(region=os.environ["AWS_REGION"], home=os.environ["HOME"])

    _status, output = _module_action.fork(build_start(main, environment={"AWS_REGION": "eu-west-9"}), _pass)
    assert json.loads(output)["region"] == "eu-west-9"
    assert json.loads(output)["home"] == os.environ["HOME"]
    assert os.environ.get("AWS_REGION") != "eu-west-9"


@pytest.mark.parametrize("connection", [{"transport": "ssh", "become": None}, {"transport": "local", "become": "sudo"}])
def test_module_of_another_host_or_user_does_not_fork(connection: dict[str, t.Any]) -> None:
    action = make_action()
    action._connection = types.SimpleNamespace(**connection)
    assert not action._can_fork(HERE)


@pytest.mark.parametrize("python", [None, "/usr/bin/other", "auto", trust_as_template("{{ undefined }}")])
def test_module_of_another_python_does_not_fork(python: str | None) -> None:
    assert not make_action()._can_fork({"ansible_python_interpreter": python})


def test_module_that_cannot_be_imported_does_not_fork() -> None:
    class Missing(_module_action.ModuleAction):
        MODULE = "eksops.irsa.missing"

    assert Missing._module is None
    assert ActionModule._module is not None


def test_module_with_a_broken_library_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> t.NoReturn:
        raise AttributeError(f"{name} uses a library of another release")

    monkeypatch.setattr(_module_action.importlib, "import_module", import_module)

    class Broken(_module_action.ModuleAction):
        MODULE = "eksops.irsa.sa_annotate"

    assert Broken._module is None


def test_kept_files_need_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_KEEP_REMOTE_FILES", True)
    assert not make_action()._can_fork(HERE)


def test_macos_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_module_action.sys, "platform", "darwin")
    assert not make_action()._can_fork(HERE)


def test_module_gets_its_arguments_and_returns_its_warnings() -> None:
    def main() -> None:
        module = AnsibleModule({"name": {"type": "str"}, "token": {"type": "str", "no_log": True}})
        warn("careful")
        module.exit_json(changed=True, name=module.params["name"], quoted=module.params["token"])

    status, result = run_fork(main, name="app", token="secret-value")
    assert status == 0
    assert result["changed"]
    assert result["name"] == "app"
    assert "secret-value" not in json.dumps(result)
    assert "careful" in json.dumps(result["warnings"])


def test_next_module_does_not_have_the_state_of_the_first() -> None:
    def main() -> None:
        warn("careful")
        os.environ["AWS_PROFILE"] = "left"
        AnsibleModule({}).exit_json()

    def read() -> None:
        AnsibleModule({}).exit_json(profile=os.environ.get("AWS_PROFILE"))

    run_fork(main)
    _status, result = run_fork(read)
    assert result["profile"] is None
    assert not result.get("warnings")


def test_module_runs_where_ansible_starts_it(tmp_path: pathlib.Path) -> None:
    def main() -> None:
        terminates = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        AnsibleModule({}).exit_json(directory=os.getcwd(), terminates=terminates)

    before = os.getcwd()
    previous = signal.signal(signal.SIGTERM, lambda *_arguments: None)
    try:
        _status, output = _module_action.fork(build_start(main, directory=str(tmp_path)), _pass)
    finally:
        signal.signal(signal.SIGTERM, previous)
    result = json.loads(output)
    assert (result["directory"], result["terminates"]) == (str(tmp_path), True)
    assert os.getcwd() == before


def test_start_is_called_after_the_fork() -> None:
    started: list[bool] = []

    def main() -> None:
        AnsibleModule({}).exit_json(started=started)

    _status, output = _module_action.fork(build_start(main), lambda: started.append(True))
    assert json.loads(output)["started"] == []
    assert started == [True]


def test_failed_module_has_its_message() -> None:
    status, result = run_fork(lambda: AnsibleModule({"name": {"required": True}}))
    assert status == 1
    assert result["msg"] == "missing required arguments: name"


def test_unexpected_error_has_its_message() -> None:
    def main() -> None:
        raise LookupError("a fault")

    status, result = run_fork(main)
    assert status == 1
    result = json.loads(json.dumps(result), cls=get_module_decoder("legacy", Direction.MODULE_TO_CONTROLLER))
    assert result["failed"]
    assert result["exception"].event.msg == "a fault"


def test_error_that_ansible_handles_is_not_the_module_s() -> None:
    """ansible-console runs its tasks while it handles an exception."""
    try:
        raise LookupError("of Ansible")
    except LookupError:
        assert run_fork(lambda: AnsibleModule({}).exit_json(changed=True))[1]["changed"]


def test_killed_module_ends_the_call() -> None:
    assert run_fork(lambda: os.kill(os.getpid(), signal.SIGKILL)) == (-signal.SIGKILL, None)


def test_result_of_a_killed_module_names_the_signal() -> None:
    killed = types.SimpleNamespace(main=lambda: os.kill(os.getpid(), signal.SIGKILL))
    action = make_action()
    action._module, action._arguments, action._forks = killed, {}, True  # type: ignore[misc, assignment]
    action._loader = DataLoader()
    result = action._low_level_execute_command("")
    assert (result["rc"], result["stderr_lines"]) == (128 + signal.SIGKILL, ["Killed"])


def test_libraries_do_not_write_to_ansible_s_log(tmp_path: pathlib.Path) -> None:
    def main() -> None:
        logging.getLogger("botocore").warning("found credentials")
        AnsibleModule({}).exit_json(informs=logging.getLogger("botocore").isEnabledFor(logging.INFO))

    handler = logging.FileHandler(tmp_path / "log")
    level = logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    try:
        _status, result = run_fork(main)
    finally:
        logging.root.removeHandler(handler)
        logging.root.setLevel(level)
    assert not result["informs"]
    assert (tmp_path / "log").read_text() == ""


def test_standard_input_is_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    def main() -> None:
        AnsibleModule({}).exit_json(text=sys.stdin.read())

    with (tmp_path / "closed").open("w+") as closed:
        monkeypatch.setattr(sys, "stdin", closed)
    _status, result = run_fork(main)
    assert result["text"] == ""


def test_temporary_files_are_removed_and_ansible_s_are_kept(tmp_path: pathlib.Path) -> None:
    own, ansibles = tmp_path / "own", tmp_path / "ansibles"

    def main() -> None:
        atexit.register(own.unlink)
        own.touch()
        AnsibleModule({}).exit_json()

    ansibles.touch()
    atexit.register(ansibles.unlink, missing_ok=True)
    try:
        run_fork(main)
        assert not own.exists()
        assert ansibles.exists()
    finally:
        atexit.unregister(ansibles.unlink)


def test_timeout_of_the_task_ends_the_module(tmp_path: pathlib.Path) -> None:
    def expire(*_arguments: t.Any) -> t.NoReturn:
        raise TimeoutError

    def main() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        time.sleep(60)

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(TimeoutError):
            run_fork(main)
    finally:
        signal.signal(signal.SIGALRM, previous)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_ansible_core_that_is_too_old() -> None:
    program = (
        "import ansible.plugins.action\n"
        "from ansible.module_utils.common import json\n"
        "del json.get_module_encoder\n"
        "from ansible_collections.eksops.irsa.plugins.action import irsa_bindings\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert f"AnsibleError: eksops.irsa does not support ansible-core {ansible.__version__}. Cause: " in process.stderr
