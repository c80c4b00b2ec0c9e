# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the default ServiceAccount of each namespace, and update the used amounts of quotas.

Needed by: targets irsa_verify, pod_rollout, sa_annotate.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster.controllers.base import CONTROLLER, Controller
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import EVENTS, NAMESPACES, RESOURCE_QUOTAS, SERVICE_ACCOUNTS
from sandbox.cluster.store import Change, Key
from sandbox.cluster.writing.admission import counted


class ServiceAccountController(Controller):
    name = "service-account-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == NAMESPACES and change.kind != "DELETED":
            yield "", change.key[1]
        elif change.resource == SERVICE_ACCOUNTS and change.kind == "DELETED":
            yield "", change.key[0]

    def sync(self, key: Key) -> float | None:
        namespace = self.store.get(NAMESPACES, "", key[1])
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return None
        if self.store.get(SERVICE_ACCOUNTS, key[1], "default") is None:
            body = {"metadata": {"name": "default"}}
            self.api.create(self.kind(SERVICE_ACCOUNTS), key[1], body, CONTROLLER)
        return None


class QuotaController(Controller):
    name = "resourcequota-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == RESOURCE_QUOTAS:
            yield change.key
        elif change.key[0] and change.resource != EVENTS:
            for quota in self.store.list(RESOURCE_QUOTAS, change.key[0]):
                yield change.key[0], quota["metadata"]["name"]

    def sync(self, key: Key) -> float | None:
        quota = self.store.get(RESOURCE_QUOTAS, *key)
        if quota is None:
            return None
        hard = (quota.get("spec") or {}).get("hard") or {}
        used: Object = {}
        for kind in self.api.catalog.all():
            for name in counted(kind) & set(hard):
                used[name] = str(self.api.admission.usage(name, kind, key[0]))
        self.write_status(RESOURCE_QUOTAS, quota, {"hard": dict(hard), "used": used})
        return None
