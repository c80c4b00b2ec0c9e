# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sys
import threading
import time
import typing as t
import urllib.parse

import pytest
from sandbox import settings
from sandbox.api import Api, ApiError
from sandbox.launch import processes, supervisor
from sandbox.node.agent import Queue

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable


def test_the_queue_hands_out_in_order_of_time() -> None:
    queue = Queue()
    queue.add("late", 0.05)
    queue.add("now")
    assert [queue.take(), queue.take()] == ["now", "late"]


def test_the_queue_keeps_the_sooner_of_two_times() -> None:
    queue = Queue()
    queue.add("a", 60)
    queue.add("a")
    queue.add("a", 60)
    started = time.monotonic()
    assert queue.take() == "a"
    assert time.monotonic() - started < 1


def test_the_queue_gives_a_pod_to_one_worker_at_a_time() -> None:
    queue = Queue()
    queue.add("a")
    assert queue.take() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.take() == "b", "a is still being looked at"
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(queue.take()))
    worker.start()
    queue.done("a")
    worker.join(5)
    assert taken == ["a"]


def test_a_closed_queue_lets_its_workers_go() -> None:
    queue = Queue()
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(queue.take()))
    worker.start()
    queue.close()
    worker.join(5)
    assert taken == [None]


def wait_for(check: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not so after {seconds:g} s"
        time.sleep(0.05)


def is_running(api: Api, name: str) -> bool:
    try:
        return str(api.get(f"/api/v1/namespaces/default/pods/{name}")["status"].get("phase")) == "Running"
    except ApiError:
        return False


def has_node(api: Api) -> bool:
    try:
        api.get(f"/api/v1/nodes/{settings.NODE_NAME}")
    except ApiError:
        return False
    return True


@pytest.fixture
def state(tmp_path: pathlib.Path) -> t.Iterator[settings.State]:
    state = settings.State(tmp_path)
    supervisor.up(state, tied=True)
    yield state
    supervisor.down(state)


def test_the_node_survives_an_api_server_that_starts_again_with_nothing(state: settings.State) -> None:
    api = Api(state)
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "main", "image": "busybox"}]}}
    api.post("/api/v1/namespaces/default/pods", pod)
    wait_for(lambda: is_running(api, "web"))
    records = json.loads(state.pids_file.read_text())
    processes.stop([records["cluster"]])
    port = str(urllib.parse.urlsplit(state.cluster()["endpoint"]).port)
    command = [sys.executable, "-m", "sandbox.cluster", "--dir", str(state.directory), "--port", port]
    environment = supervisor.process_environment(state)
    _process, records["cluster"] = processes.start(command, state.logs / "cluster-again.log", environment, tied=True)
    settings.write_private(state.pids_file, json.dumps(records))
    wait_for(lambda: has_node(api))
    api.post("/api/v1/namespaces/default/pods", pod)
    wait_for(lambda: is_running(api, "web"))
    assert api.text("/api/v1/namespaces/default/pods/web/log") == ""
