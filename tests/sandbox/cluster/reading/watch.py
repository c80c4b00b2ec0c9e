# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches: send the changes since a resourceVersion, then each change when it happens.

Needed by: targets irsa_verify, pod_rollout, role_irsa; benchmarks.
"""

from __future__ import annotations

import asyncio
import random
import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.reading.selectors import Selection
from sandbox.cluster.resources import Kind
from sandbox.cluster.store import Change, Store, StoredObject, encode

BOOKMARK_SECONDS = 60.0
# The API server ends a watch after 30 to 60 minutes.
_DEFAULT_SECONDS = 1800.0


def is_set(query: t.Mapping[str, str], name: str) -> bool:
    """Whether a boolean of the query is true. As in Kubernetes, any value but 0 and false is true."""
    return name in query and query[name].lower() not in ("0", "false")


class Watch:
    def __init__(
        self, store: Store, kind: Kind, namespace: str, selection: Selection, query: t.Mapping[str, str]
    ) -> None:
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self._selection = selection
        self._bookmarks = is_set(query, "allowWatchBookmarks")
        version = query.get("resourceVersion") or ""
        if version and not version.isdigit():
            text = (
                f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": invalid syntax'
            )
            raise errors.bad_request(text)
        self._start_version = int(version or 0)
        seconds = query.get("timeoutSeconds") or "0"
        if not seconds.isdigit():
            raise errors.bad_request(f'strconv.ParseInt: parsing "{seconds}": invalid syntax')
        self._timeout = float(seconds) or _DEFAULT_SECONDS * random.uniform(1, 2)  # noqa: S311 - spreads reconnections
        self._pending: list[bytes] = []
        self._wake = asyncio.Event()

    async def run(self, send: t.Callable[[bytes], t.Awaitable[None]]) -> None:
        """Send events, one per line, until the timeout. Exceptions of ``send`` end the watch."""
        unsubscribe = self._store.subscribe(self._kind.resource, self._on_change)
        try:
            if not self._catch_up():
                await send(self._flush())
                return
            await self._follow(send)
        finally:
            unsubscribe()

    def _catch_up(self) -> bool:
        if not self._start_version:
            for entry in self._store.entries(self._kind.resource, self._namespace):
                if self._selection.selects(entry.obj):
                    self._emit("ADDED", entry)
            return True
        changes = self._store.changes_since(self._kind.resource, self._start_version)
        if changes is None:
            error = errors.expired(f"too old resource version: {self._start_version} ({self._store.version})")
            self._pending.append(encode({"type": "ERROR", "object": error.status()}) + b"\n")
            return False
        for change in changes:
            self._on_change(change)
        return True

    async def _follow(self, send: t.Callable[[bytes], t.Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        bookmark = loop.time() + BOOKMARK_SECONDS
        while True:
            if self._pending:
                await send(self._flush())
            now = loop.time()
            if self._bookmarks and (now >= bookmark or now >= end):
                bookmark = now + BOOKMARK_SECONDS
                await send(self._bookmark())
            if now >= end:
                return
            self._wake.clear()
            if self._pending:
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), min(end, bookmark if self._bookmarks else end) - now)
            except (asyncio.TimeoutError, TimeoutError):
                continue

    def _flush(self) -> bytes:
        data = b"".join(self._pending)
        self._pending.clear()
        return data

    def _on_change(self, change: Change) -> None:
        if self._namespace and change.key[0] != self._namespace:
            return
        before = change.old is not None and self._selection.selects(change.old.obj)
        if change.kind == "DELETED":
            if before:
                self._emit("DELETED", change.new)
            return
        after = self._selection.selects(change.new.obj)
        if after:
            self._emit("MODIFIED" if before else "ADDED", change.new)
        elif before and change.old is not None:
            # It is no longer selected: send its last selected state, with the version of the change.
            metadata = dict(change.old.obj["metadata"], resourceVersion=str(change.new.version))
            self._emit("DELETED", StoredObject(dict(change.old.obj, metadata=metadata), change.new.version))

    def _emit(self, event: str, entry: StoredObject) -> None:
        self._pending.append(b'{"type":"' + event.encode() + b'","object":' + entry.json() + b"}\n")
        self._wake.set()

    def _bookmark(self) -> bytes:
        head: Object = {"kind": self._kind.kind, "apiVersion": self._kind.api_version}
        head["metadata"] = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        return encode({"type": "BOOKMARK", "object": head}) + b"\n"
