# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many requests a run made, and of what kind."""

from __future__ import annotations

import collections
import threading

_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


class Calls:
    """Counts requests by service and operation, from any number of threads.

    A request that a client library sends again by itself counts once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()

    def add(self, service: str, operation: str) -> None:
        """Counts one request."""
        with self._lock:
            self._counts[service, operation] += 1

    def as_dict(self) -> dict[str, dict[str, int]]:
        """The counts by operation by service, both sorted."""
        found: dict[str, dict[str, int]] = {}
        with self._lock:
            counts = sorted(self._counts.items())
        for (service, operation), count in counts:
            found.setdefault(service, {})[operation] = count
        return found


def kubernetes_operation(method: str, path: str, *, watch: bool = False) -> str:
    """A request to a Kubernetes API server in the words of RBAC: ``list pods``, ``create serviceaccounts/token``.

    :param path: without query; what is no resource's (``/version``) stands for itself: ``get /version``.
    """
    parts = path.strip("/").split("/")
    prefix = {"api": 2, "apis": 3}.get(parts[0])
    rest = parts[prefix:] if prefix else []
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    if not rest:
        return f"{_VERBS.get(method, method.lower())} {path}"
    resource = "/".join([rest[0], *rest[2:]])
    if method == "GET":
        verb = "watch" if watch else "list" if len(rest) == 1 else "get"
    else:
        verb = _VERBS.get(method, method.lower())
    return f"{verb} {resource}"
