# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods as a diagnosis looks at them, and how findings name them: by their owners, a few by name, the rest by number."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ...pods import injection, owners
from ...pods.injection import Container
from ...pods.owners import Owner, Workloads
from ...wording import join_some, plural

Json = t.Mapping[str, t.Any]
T = t.TypeVar("T")

_PODS_SHOWN, _OWNERS_SHOWN, _VALUES_SHOWN = 3, 4, 4


@dataclasses.dataclass(frozen=True, eq=False)
class Pod:
    """A pod that runs or may yet run. Each is equal to itself alone.

    :param template: the pod spec that it was made from, as far as that is known.
    :param containers: what the webhook did to each, with what the pod's specification has there.
    """

    body: Json
    owner: Owner | None
    template: Json | None
    containers: tuple[tuple[Container, Json], ...]

    @classmethod
    def look(cls, body: Json, role_arn: str, workloads: Workloads) -> Pod:
        """:param role_arn: what the webhook gives; empty where that is nothing."""
        owner = owners.owner_of(body, workloads)
        # The controller's template before the Deployment's, which may have changed since.
        template = owners.template_of(owners.controller_of(body), body, workloads)
        template = template or owners.template_of(owner, body, workloads)
        found = injection.examine(body, role_arn, template)
        written = [each for _field, each in injection.containers_of(body["spec"])]
        return cls(body, owner, template, tuple(zip(found, written, strict=True)))

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def spec(self) -> Json:
        return t.cast(Json, self.body["spec"])

    @property
    def annotations(self) -> t.Mapping[str, str]:
        return t.cast("t.Mapping[str, str]", self.body["metadata"].get("annotations") or {})

    @property
    def labels(self) -> t.Mapping[str, str]:
        return t.cast("t.Mapping[str, str]", self.body["metadata"].get("labels") or {})

    @property
    def is_static(self) -> bool:
        """Whether a node's kubelet made it from a file, and the API server only has its mirror."""
        return injection.MIRROR in self.annotations

    @functools.cached_property
    def was_injected(self) -> bool:
        """Whether the webhook saw the pod and gave it a role."""
        return any(injection.is_injected(written) for _container, written in self.containers)

    @property
    def to_inject(self) -> list[tuple[Container, Json]]:
        """The containers that nobody took out."""
        return [pair for pair in self.containers if pair[0].state != "skipped"]


@dataclasses.dataclass(frozen=True)
class Sighting:
    """One place where a cause is seen.

    :param path: within the pod.
    :param found: what is there, if that says more than the cause.
    :param container: its name, if the cause is a container's.
    """

    pod: Pod
    path: str
    found: str | None = None
    container: str | None = None

    @classmethod
    def of(cls, pod: Pod, container: Container, field: str, found: str | None = None) -> Sighting:
        """In a container's ``field``."""
        return cls(pod, f"{container.path}.{field}", found, container.name)


def pods_of(sightings: t.Iterable[Sighting]) -> list[Pod]:
    """Their pods, each once."""
    return list(dict.fromkeys(each.pod for each in sightings))


def grouped(sightings: t.Iterable[Sighting], key: t.Callable[[Sighting], T]) -> dict[T, list[Sighting]]:
    """By cause, in the order in which the causes are seen."""
    groups: dict[T, list[Sighting]] = {}
    for each in sightings:
        groups.setdefault(key(each), []).append(each)
    return groups


def names(namespace: str, sightings: t.Sequence[Sighting]) -> str:
    """The containers, the workloads and the pods: ``container app of Deployment shop/web (pods web-1, web-2)``."""
    containers = list(dict.fromkeys(each.container for each in sightings if each.container))
    prefix = f"{plural(len(containers), 'container')} {join_some(containers, _VALUES_SHOWN)} of " if containers else ""
    by_owner: dict[Owner | None, list[Pod]] = {}
    for pod in pods_of(sightings):
        by_owner.setdefault(pod.owner, []).append(pod)
    parts = []
    for owner, pods in by_owner.items():
        listed = [each.name for each in pods]
        if owner is None:
            parts.append(
                f"{plural(len(pods), 'pod')} " + join_some([f"{namespace}/{each}" for each in listed], _PODS_SHOWN)
            )
        else:
            # Nodes, the owners of static pods, are in no namespace.
            name = owner.name if owner.kind == "Node" else f"{namespace}/{owner.name}"
            parts.append(f"{owner.kind} {name} ({plural(len(pods), 'pod')} {join_some(listed, _PODS_SHOWN)})")
    return prefix + join_some(parts, _OWNERS_SHOWN)


def workloads(sightings: t.Sequence[Sighting]) -> str:
    """Where somebody has to change the pods' specification: ``the pod template of Deployment web``."""
    owned = list(dict.fromkeys(str(each.owner) for each in pods_of(sightings) if each.owner))
    bare = [each.name for each in pods_of(sightings) if each.owner is None]
    parts = [f"the pod template of {join_some(owned, _OWNERS_SHOWN)}"] if owned else []
    parts += [f"the manifest of {plural(len(bare), 'pod')} {join_some(bare, _PODS_SHOWN)}"] if bare else []
    return " and ".join(parts)


def values(sightings: t.Iterable[Sighting]) -> str | None:
    """What was found, each value once."""
    return (
        join_some(list(dict.fromkeys(each.found for each in sightings if each.found is not None)), _VALUES_SHOWN)
        or None
    )


def path(sightings: t.Sequence[Sighting]) -> str:
    """Where it was seen: the first pod's field, and how many more there are."""
    first = sightings[0]
    more = len(sightings) - 1
    return f"pod {first.pod.name}: {first.path}" + (f", and {more} more" if more else "")
