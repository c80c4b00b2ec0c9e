# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client
from unit.scripted import Scripted

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses of urllib3 instead of sleeping."""
    recorded: list[float] = []
    # urllib3 calls time.sleep through its own import of the module.
    monkeypatch.setattr("urllib3.util.retry.time.sleep", recorded.append)
    return recorded


@pytest.fixture
def connect() -> Callable[..., client.ApiServer]:
    """Return a function that makes an ApiServer for a scripted server."""
    import urllib3

    def connect(server: Scripted, authorization: Callable[[], str | None] = lambda: None, **options: t.Any) -> t.Any:
        headers, renew = options.pop("headers", ()), options.pop("renew", None)
        return client.ApiServer(
            urllib3.PoolManager(**options), server.url, authorization=authorization, renew=renew, headers=headers
        )

    return connect
