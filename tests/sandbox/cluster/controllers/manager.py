# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the controllers: each change queues the objects to reconcile, which the event loop processes when it is free.

Needed by: every target.
"""

from __future__ import annotations

import asyncio
import traceback

from sandbox.cluster.controllers.base import Controller
from sandbox.cluster.controllers.cleanup import GarbageCollector, NamespaceController
from sandbox.cluster.controllers.daemonset import DaemonSetController
from sandbox.cluster.controllers.deployments.controller import DeploymentController
from sandbox.cluster.controllers.disruption import DisruptionController
from sandbox.cluster.controllers.job import JobController
from sandbox.cluster.controllers.replicaset import ReplicaSetController
from sandbox.cluster.controllers.statefulset import StatefulSetController
from sandbox.cluster.controllers.upkeep import QuotaController, ServiceAccountController
from sandbox.cluster.errors import StatusError
from sandbox.cluster.store import Change, Key
from sandbox.cluster.writing.api import ObjectApi

_FIRST_RETRY, _LAST_RETRY = 0.05, 5.0
# The number of items to process before the event loop handles requests.
_BATCH = 100
Item = tuple[Controller, Key]


class ControllerManager:
    def __init__(self, api: ObjectApi) -> None:
        self._controllers: list[Controller] = [
            NamespaceController(api),
            ServiceAccountController(api),
            GarbageCollector(api),
            DeploymentController(api),
            ReplicaSetController(api),
            StatefulSetController(api),
            DaemonSetController(api),
            JobController(api),
            DisruptionController(api),
            QuotaController(api),
        ]
        # An ordered set.
        self._queue: dict[Item, None] = {}
        self._timers: dict[Item, asyncio.TimerHandle] = {}
        self._failures: dict[Item, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        api.store.observe(self._on_change)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._schedule()

    def _on_change(self, change: Change) -> None:
        for controller in self._controllers:
            for key in controller.keys(change):
                self._queue[controller, key] = None
        self._schedule()

    def _schedule(self) -> None:
        if self._queue and self._loop is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        self.drain(_BATCH)
        self._schedule()

    def drain(self, limit: int = 100_000) -> None:
        """Process the queued items, up to a limit."""
        while self._queue and limit > 0:
            limit -= 1
            item = next(iter(self._queue))
            del self._queue[item]
            self._handle(item)

    def _handle(self, item: Item) -> None:
        controller, key = item
        timer = self._timers.pop(item, None)
        if timer is not None:
            timer.cancel()
        try:
            delay = controller.sync(key)
        except StatusError:
            # The API rejected a write, for example because of a quota. Retry with increasing delays.
            failures = self._failures[item] = self._failures.get(item, 0) + 1
            delay = min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(failures, 10))
        except Exception:  # noqa: BLE001 - a failure for one object must not stop the others
            traceback.print_exc()
            return
        else:
            self._failures.pop(item, None)
        if delay is not None and self._loop is not None:
            self._timers[item] = self._loop.call_later(delay, self._requeue, item)

    def _requeue(self, item: Item) -> None:
        self._timers.pop(item, None)
        self._queue[item] = None
        self._schedule()
