# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in consistent pages.

Needed by: targets irsa_audit, irsa_bindings, pod_rollout; benchmarks.
"""

from __future__ import annotations

import base64
import binascii
import collections
import json
import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.reading.selectors import Selection
from sandbox.cluster.resources import Kind
from sandbox.cluster.store import Store, StoredObject, encode

_SNAPSHOTS = 64
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class Page(t.NamedTuple):
    entries: list[StoredObject]
    metadata: Object


class ListPager:
    """Keeps the rest of each list, so that all pages have the state of the first page's resourceVersion."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rest: collections.OrderedDict[int, list[StoredObject]] = collections.OrderedDict()
        self._next = 0

    def page(self, kind: Kind, namespace: str, selection: Selection, query: t.Mapping[str, str]) -> Page:
        try:
            limit = int(query.get("limit") or 0)
        except ValueError:
            raise errors.bad_request(f'strconv.ParseInt: parsing "{query["limit"]}": invalid syntax') from None
        token = query.get("continue")
        if token:
            version, entries = self._load_rest(token)
        else:
            version = self._store.version
            entries = self._store.entries(kind.resource, namespace)
            if selection:
                entries = [entry for entry in entries if selection.selects(entry.obj)]
        metadata: Object = {"resourceVersion": str(version)}
        if limit and len(entries) > limit:
            rest = entries[limit:]
            entries = entries[:limit]
            metadata["continue"] = self._save_rest(version, rest)
            if not selection:
                metadata["remainingItemCount"] = len(rest)
        return Page(entries, metadata)

    def _save_rest(self, version: int, rest: list[StoredObject]) -> str:
        self._next += 1
        self._rest[self._next] = rest
        while len(self._rest) > _SNAPSHOTS:
            self._rest.popitem(last=False)
        token = {"v": "meta.k8s.io/v1", "rv": version, "start": str(self._next)}
        return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")

    def _load_rest(self, token: str) -> tuple[int, list[StoredObject]]:
        try:
            decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            version, number = int(decoded["rv"]), int(decoded["start"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise errors.bad_request("continue key is not valid: encoding is not valid") from None
        rest = self._rest.get(number)
        if rest is None:
            raise errors.expired(_TOO_OLD)
        return version, rest


def render(kind: Kind, page: Page) -> bytes:
    """The response body of a list. As in Kubernetes, its items lack kind and apiVersion."""
    head = encode({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": page.metadata})
    items = [entry.json() for entry in page.entries]
    prefix = len(encode({"kind": kind.kind, "apiVersion": kind.api_version}))
    items = [b"{" + item[prefix:] for item in items]
    return head[:-1] + b',"items":[' + b",".join(items) + b"]}"
