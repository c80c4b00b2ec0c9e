# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An in-memory cluster with the functions of `_api.kubernetes` that a rollout calls."""

from __future__ import annotations

import queue
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import service_accounts, workloads
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import AccessDenied
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._module.rollout import observe, run
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]


class FakeCluster:
    """Its methods replace the functions of the same name.

    :ivar requests: the calls: name of the function and of the object.
    :ivar forbidden: names of functions that raise AccessDenied.
    :ivar replicas: the number of replicas of custom kinds.
    :ivar reactions: callbacks by name of the function; each call takes the first one.
    """

    def __init__(self, *, accounts: t.Iterable[Json] = (), pods: t.Iterable[Json] = ()) -> None:
        self.accounts = {
            (account["metadata"]["namespace"], account["metadata"]["name"]): account for account in accounts
        }
        self.pods = list(pods)
        self.workloads: dict[Owner, Json] = {}
        self.namespaces = {"shop"}
        self.events: list[Json] = []
        self.requests: list[str] = []
        self.forbidden: set[str] = set()
        self.reactions: dict[str, list[t.Callable[[], None]]] = {}
        self.replicas: int | None = None
        self._watches: dict[str, queue.SimpleQueue[t.Any]] = {}
        self.pod_query = workloads.pod_query
        self.list_in_namespaces = service_accounts.list_in_namespaces

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observe, "api", self)
        monkeypatch.setattr(observe, "service_accounts", self)
        monkeypatch.setattr(run, "api", self)

    def announce(self, kind: str, event: str, body: Json) -> None:
        """Send an event to the watch of a kind."""
        self._watch(kind).put((event, body))

    def break_watch(self, kind: str, error: Exception) -> None:
        self._watch(kind).put(error)

    def find_service_account(self, _server: t.Any, *, namespace: str, name: str) -> Json | None:
        self._request("find_service_account", name)
        return self.accounts.get((namespace, name))

    def list_service_accounts(self, _server: t.Any, *, namespace: str | None = None) -> list[Json]:
        self._request("list_service_accounts", namespace or "*")
        return [
            account
            for (account_namespace, _name), account in self.accounts.items()
            if namespace in (None, account_namespace)
        ]

    def namespace_phase(self, _server: t.Any, *, name: str) -> str | None:
        self._request("namespace_phase", name)
        return "Active" if name in self.namespaces else ""

    def list_pods(
        self, _server: t.Any, *, namespace: str | None = None, query: t.Mapping[str, str] | None = None
    ) -> list[Json]:
        self._request("list_pods", namespace or "*")
        account = (query or {}).get("fieldSelector", "").rpartition("=")[2]
        return [
            pod
            for pod in self.pods
            if namespace in (None, pod["metadata"]["namespace"]) and account in ("", pod["spec"]["serviceAccountName"])
        ]

    def find_workload(self, _server: t.Any, *, namespace: str, api_version: str, kind: str, name: str) -> Json | None:
        self._request("find_workload", name)
        return self.workloads.get(Owner(api_version, kind, name))

    def restart(
        self, _server: t.Any, *, namespace: str, api_version: str, kind: str, name: str, at: str
    ) -> Json | None:
        owner = Owner(api_version, kind, name)
        workload = self.workloads.get(owner)
        if workload is not None:
            generation = workload["metadata"]["generation"] + 1
            workload = k8s.workload(name, generation=generation, status=workload["status"], restarted_at=at)
            self.workloads[owner] = workload
        self._request("restart", name)
        return workload

    def evict_pod(self, _server: t.Any, *, namespace: str, name: str, uid: str) -> None:
        self._request("evict_pod", name)

    def delete_pod(self, _server: t.Any, *, namespace: str, name: str, uid: str) -> None:
        self._request("delete_pod", name)

    def count_replicas(self, _server: t.Any, *, namespace: str, api_version: str, kind: str, name: str) -> int | None:
        self._request("count_replicas", name)
        return self.replicas

    def list_events(self, _server: t.Any, *, namespace: str, kind: str, name: str) -> list[Json]:
        self._request("list_events", name)
        return self.events

    def follow(
        self,
        _server: t.Any,
        *,
        namespace: str,
        api_version: str,
        kind: str,
        query: t.Mapping[str, str],
        seconds: float,
    ) -> t.Iterator[tuple[str, t.Any]]:
        bodies = [body for owner, body in self.workloads.items() if owner[:2] == (api_version, kind)]
        yield "LIST", self.pods if kind == "Pod" else bodies
        while True:
            event = self._watch(kind).get()
            if isinstance(event, Exception):
                raise event
            yield event

    def _watch(self, kind: str) -> queue.SimpleQueue[t.Any]:
        return self._watches.setdefault(kind, queue.SimpleQueue())

    def _request(self, name: str, subject: str) -> None:
        self.requests.append(f"{name} {subject}")
        if name in self.forbidden:
            raise AccessDenied(f"could not {name}")
        if self.reactions.get(name):
            self.reactions[name].pop(0)()


def account(name: str, role: str | None = k8s.ROLE, **annotations: str) -> Json:
    """Make a service account in the namespace shop."""
    all_annotations = {f"eks.amazonaws.com/{key}": value for key, value in annotations.items()}
    if role:
        all_annotations["eks.amazonaws.com/role-arn"] = role
    return {"metadata": {"namespace": "shop", "name": name, "annotations": all_annotations}}
