# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of controllers, and functions for owner references, pod templates, events and conditions.

Needed by: targets pod_rollout, role_irsa; benchmarks.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import typing as t

from sandbox.cluster.access.rbac import MASTERS, User
from sandbox.cluster.clock import rfc3339
from sandbox.cluster.errors import Object, StatusError
from sandbox.cluster.resources import EVENTS, PODS, Kind
from sandbox.cluster.store import Change, Key, Resource, clone
from sandbox.cluster.writing.api import ObjectApi, Writer

MANAGER = "kube-controller-manager"
CONTROLLER = Writer(User(f"system:{MANAGER}", (MASTERS,)), MANAGER)
_HASH_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


# The number of events with the same reason before they are combined, as in client-go's event correlator.
_SIMILAR_EVENTS = 10


class Controller:
    """Reconciles objects of one kind when they, or objects on which they depend, change."""

    name = ""

    def __init__(self, api: ObjectApi) -> None:
        self.api = api
        self.store = api.store
        self._reported: dict[tuple[str, str], set[str]] = {}

    def keys(self, change: Change) -> t.Iterable[Key]:
        """The namespaces and names of the objects to reconcile after a change."""
        raise NotImplementedError

    def sync(self, key: Key) -> float | None:
        """Reconcile one object.

        :returns: the seconds until the next reconciliation; None if only a change needs one.
        """
        raise NotImplementedError

    # -- objects

    def kind(self, resource: Resource) -> Kind:
        return self.api.catalog.of(resource)

    def owned_objects(self, owner: Object, resource: Resource) -> list[Object]:
        """The objects that this owner controls, sorted by name."""
        uid = owner["metadata"]["uid"]
        owned = []
        for dependent_resource, key in self.store.dependents(uid):
            if dependent_resource == resource:
                obj = self.store.get(resource, *key)
                reference = controller_of(obj) if obj else None
                if obj is not None and reference is not None and reference["uid"] == uid:
                    owned.append(obj)
        return owned

    def delete_pod(self, pod: Object) -> None:
        metadata = pod["metadata"]
        try:
            self.api.delete(self.kind(PODS), metadata["namespace"], metadata["name"], {}, CONTROLLER)
        except StatusError as error:
            if error.code != 404:
                raise

    def create_pod(
        self,
        owner: Object,
        template: Object,
        *,
        name: str = "",
        labels: Object | None = None,
        change: t.Callable[[Object], None] | None = None,
    ) -> Object:
        """Create a pod from a template, controlled by the owner.

        :param labels: additional labels.
        :param change: changes the pod before it is created.
        :raises StatusError: if admission or validation rejects the pod.
        """
        meta = template.get("metadata") or {}
        metadata: Object = {"generateName": owner["metadata"]["name"] + "-"}
        if name:
            metadata["name"] = name
        metadata["labels"] = {**(meta.get("labels") or {}), **(labels or {})}
        if meta.get("annotations"):
            metadata["annotations"] = dict(meta["annotations"])
        if meta.get("finalizers"):
            metadata["finalizers"] = list(meta["finalizers"])
        metadata["ownerReferences"] = [owner_reference(owner)]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": clone(template["spec"])}
        if change is not None:
            change(pod)
        namespace = owner["metadata"]["namespace"]
        try:
            created = self.api.create(self.kind(PODS), namespace, pod, CONTROLLER)
        except StatusError as error:
            self.record_event(owner, "Warning", "FailedCreate", _failed_text(owner, name, error))
            raise
        self.record_event(owner, "Normal", "SuccessfulCreate", _created_text(owner, created["metadata"]["name"]))
        return created

    def write_status(self, resource: Resource, obj: Object, status: Object) -> None:
        if status == (obj.get("status") or {}):
            return
        self.api.modify(self.kind(resource), obj, lambda new: new.update(status=status), CONTROLLER, "status")

    def record_event(self, obj: Object, kind: str, reason: str, message: str) -> None:
        """Record an event of an object. If it was recorded before, its count increases."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace") or "default"
        reported = self._reported.setdefault((metadata["uid"], reason), set())
        reported.add(message)
        identity = message
        if len(reported) > _SIMILAR_EVENTS:
            # A rejected pod has another name each time, so such events are combined.
            identity, message = "", f"(combined from similar events): {message}"
        digest = hashlib.sha256(f"{metadata['uid']}/{reason}/{identity}".encode()).hexdigest()[:16]
        name = f"{metadata['name']}.{digest}"
        old = self.store.get(EVENTS, namespace, name)
        now = rfc3339()
        try:
            if old is not None:
                again = {"count": old["count"] + 1, "lastTimestamp": now, "message": message}
                self.api.modify(self.kind(EVENTS), old, lambda new: new.update(again), CONTROLLER)
                return
            body = {
                "metadata": {"name": name},
                "involvedObject": {
                    "kind": obj["kind"],
                    "namespace": namespace,
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "apiVersion": obj["apiVersion"],
                    "resourceVersion": metadata["resourceVersion"],
                },
                "reason": reason,
                "message": message,
                "source": {"component": self.name},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
                "type": kind,
                "eventTime": None,
                "reportingComponent": self.name,
                "reportingInstance": "",
            }
            self.api.create(self.kind(EVENTS), namespace, body, CONTROLLER)
        except StatusError as error:
            # A namespace that is being deleted rejects events.
            if error.code not in (403, 404):
                raise


def _created_text(owner: Object, pod: str) -> str:
    if owner["kind"] == "StatefulSet":
        return f"create Pod {pod} in StatefulSet {owner['metadata']['name']} successful"
    return f"Created pod: {pod}"


def _failed_text(owner: Object, pod: str, error: StatusError) -> str:
    if owner["kind"] == "StatefulSet":
        return f"create Pod {pod} in StatefulSet {owner['metadata']['name']} failed error: {error.message}"
    return f"Error creating: {error.message}"


def controller_of(obj: Object) -> Object | None:
    """The ownerReference of the object's controller."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return t.cast(Object, reference)
    return None


def owner_keys(change: Change, kind: str) -> list[Key]:
    """The keys of the controllers of this kind that a changed object has, or had before."""
    keys = []
    for entry in (change.old, change.new):
        reference = controller_of(entry.obj) if entry is not None else None
        if reference is not None and reference["kind"] == kind:
            keys.append((change.key[0], reference["name"]))
    return keys


def owner_reference(owner: Object) -> Object:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def template_hash(template: Object) -> str:
    """A hash of a pod template, in the alphabet that Kubernetes uses for hashes."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return "".join(_HASH_ALPHABET[byte % len(_HASH_ALPHABET)] for byte in str(number).encode())


def resolve_percentage(value: t.Any, total: int, *, up: bool) -> int:
    """Resolve a number such as 1, or a percentage such as "25%" of a total.

    :param up: whether to round a percentage up.
    """
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return math.ceil(share) if up else int(share)
    return int(value or 0)


def set_condition(conditions: t.Sequence[Object], new: Object, *, keep_update_time: bool = False) -> list[Object]:
    """The conditions with one added or replaced. Its transition time is kept if its status does not change.

    :param keep_update_time: return the conditions unchanged if status, reason and message do not change.
    """
    old = next((entry for entry in conditions if entry["type"] == new["type"]), None)
    unchanged = old is not None and all(old.get(key) == new.get(key) for key in ("status", "reason", "message"))
    if unchanged and keep_update_time:
        return list(conditions)
    if old is not None and old["status"] == new["status"]:
        new = dict(new, lastTransitionTime=old["lastTransitionTime"])
    return [entry for entry in conditions if entry["type"] != new["type"]] + [new]


def remove_condition(conditions: t.Sequence[Object], kind: str) -> list[Object]:
    return [entry for entry in conditions if entry["type"] != kind]


def soonest(*delays: float | None) -> float | None:
    return min((delay for delay in delays if delay is not None), default=None)


def now() -> float:
    return time.time()
