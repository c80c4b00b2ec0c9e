# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import sys
import time
import typing as t

import pytest
from sandbox import __main__ as command_line
from sandbox import settings
from sandbox.launch import processes, supervisor

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE_PARENT = pathlib.Path(settings.__file__).resolve().parent.parent


@pytest.fixture
def state(tmp_path: pathlib.Path) -> Iterator[settings.StateDirectory]:
    state = settings.StateDirectory(tmp_path / "sandbox")
    yield state
    supervisor.down(state)


def becomes_true(check: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)}
    environment.pop("KUBEBUILDER_ASSETS", None)
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )


def start(tmp_path: pathlib.Path, script: str, **options: t.Any) -> processes.ProcessRecord:
    _process, record = processes.start(["sh", "-c", script], tmp_path / "log", os.environ, **options)
    return record


def test_process_is_identified_by_id_and_start_time(tmp_path: pathlib.Path) -> None:
    record = start(tmp_path, "sleep 60")
    assert processes.is_alive(record)
    stale: processes.ProcessRecord = {**record, "started": "1"}
    assert not processes.is_alive(stale)
    processes.stop([stale])
    assert processes.is_alive(record), "a process with the same id but another start time was stopped"
    processes.stop([record])
    assert not processes.is_alive(record)
    processes.stop([record])


def test_stop_kills_the_process_group(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.3)
    record = start(tmp_path, "trap '' TERM; sleep 60 & echo $!; wait; wait")
    assert becomes_true(lambda: (tmp_path / "log").read_text().strip() != "")
    child = int((tmp_path / "log").read_text())
    processes.stop([record])
    assert not processes.is_alive(record)
    assert becomes_true(lambda: _has_ended(child))


def _has_ended(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux supports this")
def test_process_ends_with_parent(tmp_path: pathlib.Path) -> None:
    script = (
        "import os, pathlib, sys, time\n"
        "from sandbox.launch import processes\n"
        "log = pathlib.Path(sys.argv[1])\n"
        "_process, record = processes.start(['sleep', '60'], log, os.environ, end_with_parent=True)\n"
        "print(record['pid'], flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not _has_ended(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert becomes_true(lambda: _has_ended(child))


def test_ports_are_unique() -> None:
    ports = supervisor.Ports.choose(further=3)
    assert len({ports.aws, ports.api, ports.hooks, ports.etcd, ports.etcd_peer, *ports.further}) == 8


def test_ports_are_not_those_of_outgoing_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    with supervisor._bind_free_port() as other:
        busy = other.getsockname()[1]
        assert busy in range(10000, 32768)
        monkeypatch.setattr(supervisor.random, "sample", lambda ports, count: [busy, *ports[:count]])
        assert supervisor.Ports.choose().aws != busy


def test_process_that_exits_is_reported_with_its_log(
    state: settings.StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = {
        "aws": ["sh", "-c", "echo failed >&2; exit 7"],
        "cluster": ["sleep", "60"],
    }
    monkeypatch.setattr(supervisor, "_commands", lambda *_: commands)
    with pytest.raises(supervisor.StartError, match=r"aws exited with status 7\n  failed\n.*aws\.log"):
        supervisor.up(state)
    assert supervisor.status(state) == {}, "the other processes were not stopped"


def test_process_that_is_not_ready_is_reported(state: settings.StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_commands", lambda *_: {"aws": ["sh", "-c", "echo waiting; sleep 60"]})
    monkeypatch.setattr(supervisor, "READY_TIMEOUT", 0.3)
    monkeypatch.setattr(supervisor, "SECONDS_PER_PROCESS", 0)
    with pytest.raises(supervisor.StartError, match=r"aws was not ready within 0 s\n  waiting"):
        supervisor.up(state)


def test_down_ignores_stale_and_invalid_records(state: settings.StateDirectory) -> None:
    state.directory.mkdir()
    assert supervisor.down(state) == []
    state.pids_file.write_text(json.dumps({"aws": {"pid": os.getpid(), "started": "1"}}))
    assert supervisor.status(state) == {"aws": False}
    assert supervisor.down(state) == []
    state.pids_file.write_text("{")
    assert supervisor.down(state) == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[settings.StateDirectory, str]]:
    """A sandbox that was started on the command line, and the command's output."""
    directory = tmp_path_factory.mktemp("up") / "with a space"
    result = run("up", "--dir", str(directory))
    assert result.returncode == 0, result.stderr
    assert "ready, cluster production" in result.stderr
    yield settings.StateDirectory(directory), result.stdout
    down = run("down", "--dir", str(directory))
    assert "stopped aws, cluster, node" in down.stderr


def test_printed_environment(running: tuple[settings.StateDirectory, str]) -> None:
    state, output = running
    foreign = dict.fromkeys(("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_IAM", "no_proxy"), "mine")
    environment = {"PATH": os.environ["PATH"], **foreign, "L": output}
    result = subprocess.run(
        ["sh", "-c", 'eval "$L"; env'], capture_output=True, text=True, env=environment, timeout=10, check=True
    )
    variables = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    expected = state.env()
    assert {name: variables[name] for name in expected} == expected
    assert "127.0.0.1" in expected["no_proxy"]
    assert not [name for name in variables if variables[name] == "mine"]
    assert run("env", "--dir", str(state.directory)).stdout == output


def test_files_are_private(running: tuple[settings.StateDirectory, str]) -> None:
    state, _output = running
    for path in (state.cluster_file, state.kubeconfig, state.env_file, state.pids_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert state.cluster()["certificate_authority"] == (state.pki / "ca.crt").read_text()
    assert state.cluster()["endpoint"].startswith("https://127.0.0.1:")


def test_second_up_changes_nothing(running: tuple[settings.StateDirectory, str]) -> None:
    state, output = running
    before = state.pids_file.read_text()
    second = run("up", "--dir", str(state.directory))
    assert (second.returncode, second.stdout) == (0, output)
    assert "already running" in second.stderr
    assert state.pids_file.read_text() == before


def test_status(running: tuple[settings.StateDirectory, str]) -> None:
    state, _output = running
    result = run("status", "--dir", str(state.directory))
    assert result.returncode == 0
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["running"] * 3


@pytest.mark.parametrize("text", ["", "two words", "production", "a@12", "a@", "-a", "a/b", "..", "a@1234567890123"])
def test_invalid_further_cluster_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid NAME or NAME@ACCOUNT"):
        supervisor.FurtherCluster.parse(text)
    assert "is not a valid NAME or NAME@ACCOUNT" in run("up", f"--cluster={text}").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["env"], 1, "env.json does not exist. Start the sandbox with"),
        (["up", "--real"], 1, "KUBEBUILDER_ASSETS is not set"),
        (["down"], 0, "nothing was running"),
        (["status"], 3, "no sandbox was started in"),
        ([], 2, "required: command"),
    ],
)
def test_errors(arguments: list[str], code: int, message: str, tmp_path: pathlib.Path) -> None:
    result = run(*arguments, *(["--dir", str(tmp_path / "none")] if arguments else []))
    assert result.returncode == code
    assert message in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_default_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRSA_SANDBOX_DIR", "/somewhere")
    assert settings.default_directory() == pathlib.Path("/somewhere")
    monkeypatch.delenv("IRSA_SANDBOX_DIR")
    assert str(os.getuid()) in settings.default_directory().name


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.main(["up", "--help"])
    assert caught.value.code == 0
    assert "--real" in capsys.readouterr().out
