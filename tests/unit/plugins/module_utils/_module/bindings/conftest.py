# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import threading
import typing as t

import moto
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._module import managed_policies
from ansible_collections.eksops.irsa.plugins.module_utils._module import role as role_module
from moto.core.botocore_stubber import BotocoreStubber
from unit.bindings_run import FakeAws, FakeServer

if t.TYPE_CHECKING:
    import collections.abc as c


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> c.Iterator[FakeAws]:
    """An empty AWS account without delays."""
    monkeypatch.setattr(managed_policies, "CONSISTENCY_DELAYS", ())
    operations = functools.partial(role_module.operations, sleep=lambda _seconds: None)
    monkeypatch.setattr(role_module, "operations", operations)
    # moto's state is not safe for threads: it loops over dictionaries that another request changes.
    lock, process = threading.Lock(), BotocoreStubber.process_request

    def process_one_by_one(stubber: BotocoreStubber, request: t.Any) -> t.Any:
        with lock:
            return process(stubber, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", process_one_by_one)
    with moto.mock_aws():
        yield FakeAws()


@pytest.fixture
def server() -> FakeServer:
    """An API server with the namespace shop."""
    return FakeServer("shop")
