# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who owns a pod: from the pod by its controllers to the workload that somebody wrote."""

from __future__ import annotations

import typing as t

from .workload_kinds import WorkloadKind, kind_of

Json = t.Mapping[str, t.Any]


class Owner(t.NamedTuple):
    """A workload within the namespace at hand.

    The API version tells Kubernetes' own kinds from others of the same name.
    """

    api_version: str
    kind: str
    name: str

    @property
    def rules(self) -> WorkloadKind:
        """The rules of its kind."""
        return kind_of(self.api_version, self.kind)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


Workloads = t.Mapping[Owner, "Json | None"]
"""Workloads that were read; None for one that does not exist."""


def controller_of(body: Json) -> Owner | None:
    """The controller that an object's owner references name."""
    for reference in body["metadata"].get("ownerReferences") or []:
        if reference.get("controller"):
            return Owner(reference["apiVersion"], reference["kind"], reference["name"])
    return None


def owner_of(pod: Json, workloads: Workloads) -> Owner | None:
    """The workload at the top, as far as ``workloads`` and the pod's labels tell; None for a pod without an owner."""
    controller = controller_of(pod)
    if controller is None or not controller.rules.is_intermediate:
        return controller
    workload = workloads.get(controller)
    if workload is not None:
        return controller_of(workload) or controller
    named = controller.rules.owner_by_labels(controller.name, pod["metadata"].get("labels") or {})
    return Owner(*named) if named else controller


def list_unread_owners(pods: t.Iterable[Json], workloads: Workloads, *, with_templates: bool) -> list[Owner]:
    """The workloads that must be read before the pods' owners are known.

    :param workloads: what was read already.
    :param with_templates: whether the owners themselves are needed, and not only their names.
    """
    unread: dict[Owner, None] = {}
    for pod in pods:
        controller, owner = controller_of(pod), owner_of(pod, workloads)
        for candidate in (controller, owner):
            if candidate is None or not candidate.rules.is_read or candidate in workloads:
                continue
            # An owner's owner may be one that the pod's labels don't name.
            if with_templates or (candidate.rules.is_intermediate and owner == controller):
                unread[candidate] = None
    return list(unread)


def template_of(owner: Owner | None, pod: Json, workloads: Workloads) -> Json | None:
    """The pod spec that the pod was made from, as far as it is known.

    The controller's template comes before the owner's: a Deployment's may have changed since the pod's ReplicaSet was
    made.
    """
    for candidate in (controller_of(pod), owner):
        workload = workloads.get(candidate) if candidate else None
        if candidate is not None and workload is not None:
            return t.cast("Json | None", (candidate.rules.pod_template(workload) or {}).get("spec"))
    return None
