# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose pods they are: from a pod by its controllers to the workload that somebody wrote."""

from __future__ import annotations

import typing as t

Json = t.Mapping[str, t.Any]


class Owner(t.NamedTuple):
    """A workload within the namespace at hand.

    The API version tells Kubernetes' own kinds from others of the same name (OpenKruise has a StatefulSet, too).
    """

    api_version: str
    kind: str
    name: str

    @property
    def is_builtin(self) -> bool:
        """Whether Kubernetes itself has the kind, and the collection knows how it rolls out."""
        return (self.api_version, self.kind) in BUILTIN

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


BUILTIN = frozenset(
    {
        ("apps/v1", "Deployment"),
        ("apps/v1", "ReplicaSet"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("v1", "ReplicationController"),
    }
)
Workloads = t.Mapping[Owner, "Json | None"]
_HASH = "pod-template-hash"


def controller_of(thing: Json) -> Owner | None:
    """The controller that an object's owner references name."""
    for reference in thing["metadata"].get("ownerReferences") or []:
        if reference.get("controller"):
            return Owner(reference["apiVersion"], reference["kind"], reference["name"])
    return None


def owner_of(pod: Json, workloads: Workloads) -> Owner | None:
    """The workload at the top, as far as ``workloads`` and the pod's labels tell; None for a bare pod."""
    controller = controller_of(pod)
    if controller is None or (controller.api_version, controller.kind) != ("apps/v1", "ReplicaSet"):
        return controller
    replica_set = workloads.get(controller)
    if replica_set is not None:
        return controller_of(replica_set) or controller
    # Deployments, and they alone, put this label on their ReplicaSets and into their names.
    suffix = f"-{(pod['metadata'].get('labels') or {}).get(_HASH, '')}"
    if len(suffix) > 1 and controller.name.endswith(suffix):
        return Owner("apps/v1", "Deployment", controller.name.removesuffix(suffix))
    return controller


def missing(pods: t.Iterable[Json], workloads: Workloads, *, thorough: bool) -> list[Owner]:
    """What has to be read before the pods' owners are known.

    :param workloads: what was read already; None for what doesn't exist.
    :param thorough: read the workloads themselves, too, not only what it takes to name them.
    """
    wanted: dict[Owner, None] = {}
    for pod in pods:
        controller, owner = controller_of(pod), owner_of(pod, workloads)
        named = owner != controller
        for each in (controller, owner):
            if each is None or not each.is_builtin or each in workloads:
                continue
            if thorough or (each.kind == "ReplicaSet" and not named):
                wanted[each] = None
    return list(wanted)


def template_of(owner: Owner | None, pod: Json, workloads: Workloads) -> Json | None:
    """The pod spec that new pods are made from; None where it isn't known."""
    for each in (owner, controller_of(pod)):
        workload = workloads.get(each) if each else None
        if workload is not None:
            return t.cast("Json | None", (workload["spec"].get("template") or {}).get("spec"))
    return None
