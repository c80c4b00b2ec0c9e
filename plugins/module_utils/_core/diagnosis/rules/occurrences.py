# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a cause occurs, and how findings name these pods: by their owners, a few by name, the rest by number."""

from __future__ import annotations

import dataclasses
import typing as t

from ...pods.injection import Container
from ...pods.workload_kinds import Owner
from ...rollout.staleness import PodStatus
from ...wording import join_some, plural

T = t.TypeVar("T")

_PODS_SHOWN, _OWNERS_SHOWN, _VALUES_SHOWN = 3, 4, 4


@dataclasses.dataclass(frozen=True)
class Occurrence:
    """One place where a cause occurs.

    :param path: within the pod.
    :param found: what is there, if that says more than the cause.
    :param container: its name, if the cause is a container's.
    """

    pod: PodStatus
    path: str
    found: str | None = None
    container: str | None = None

    @classmethod
    def of(cls, pod: PodStatus, container: Container, field: str, found: str | None = None) -> Occurrence:
        """In a container's ``field``."""
        return cls(pod, f"{container.path}.{field}", found, container.name)


def pods_of(occurrences: t.Iterable[Occurrence]) -> list[PodStatus]:
    """Their pods, each once."""
    return list(dict.fromkeys(occurrence.pod for occurrence in occurrences))


def grouped(occurrences: t.Iterable[Occurrence], key: t.Callable[[Occurrence], T]) -> dict[T, list[Occurrence]]:
    """By cause, in the order in which the causes are seen."""
    groups: dict[T, list[Occurrence]] = {}
    for occurrence in occurrences:
        groups.setdefault(key(occurrence), []).append(occurrence)
    return groups


def names(namespace: str, occurrences: t.Sequence[Occurrence]) -> str:
    """The containers, the workloads and the pods: ``container app of Deployment shop/web (pods web-1, web-2)``."""
    containers = list(dict.fromkeys(occurrence.container for occurrence in occurrences if occurrence.container))
    prefix = f"{plural(len(containers), 'container')} {join_some(containers, _VALUES_SHOWN)} of " if containers else ""
    by_owner: dict[Owner | None, list[PodStatus]] = {}
    for pod in pods_of(occurrences):
        by_owner.setdefault(pod.owner, []).append(pod)
    parts = []
    for owner, pods in by_owner.items():
        listed = [pod.name for pod in pods]
        if owner is None:
            parts.append(
                f"{plural(len(pods), 'pod')} " + join_some([f"{namespace}/{name}" for name in listed], _PODS_SHOWN)
            )
        else:
            name = f"{namespace}/{owner.name}" if owner.rules.is_namespaced else owner.name
            parts.append(f"{owner.kind} {name} ({plural(len(pods), 'pod')} {join_some(listed, _PODS_SHOWN)})")
    return prefix + join_some(parts, _OWNERS_SHOWN)


def workloads(occurrences: t.Sequence[Occurrence]) -> str:
    """Where somebody has to change the pods' specification: ``the pod template of Deployment web``."""
    owned = list(dict.fromkeys(str(pod.owner) for pod in pods_of(occurrences) if pod.owner))
    unowned = [pod.name for pod in pods_of(occurrences) if pod.owner is None]
    parts = [f"the pod template of {join_some(owned, _OWNERS_SHOWN)}"] if owned else []
    parts += [f"the manifest of {plural(len(unowned), 'pod')} {join_some(unowned, _PODS_SHOWN)}"] if unowned else []
    return " and ".join(parts)


def values(occurrences: t.Iterable[Occurrence]) -> str | None:
    """What was found, each value once."""
    return (
        join_some(
            list(dict.fromkeys(occurrence.found for occurrence in occurrences if occurrence.found is not None)),
            _VALUES_SHOWN,
        )
        or None
    )


def path(occurrences: t.Sequence[Occurrence]) -> str:
    """Where it was seen: the first pod's field, and how many more there are."""
    first = occurrences[0]
    more = len(occurrences) - 1
    return f"pod {first.pod.name}: {first.path}" + (f", and {more} more" if more else "")
