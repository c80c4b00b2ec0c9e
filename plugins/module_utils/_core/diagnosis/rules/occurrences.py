# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places in pods where a cause occurs, and their names in messages: by owner, with the first few pods by name."""

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

    :param path: the path of the field in the pod.
    :param found: the value of the field, if it says more than the cause.
    :param container: the name of the container, if the field belongs to one.
    """

    pod: PodStatus
    path: str
    found: str | None = None
    container: str | None = None

    @classmethod
    def of(cls, pod: PodStatus, container: Container, field: str, found: str | None = None) -> Occurrence:
        """An occurrence in a field of a container."""
        return cls(pod, f"{container.path}.{field}", found, container.name)


def pods_of(occurrences: t.Iterable[Occurrence]) -> list[PodStatus]:
    """The pods of the occurrences, without duplicates."""
    return list(dict.fromkeys(occurrence.pod for occurrence in occurrences))


def group_by(occurrences: t.Iterable[Occurrence], key: t.Callable[[Occurrence], T]) -> dict[T, list[Occurrence]]:
    """The occurrences by key, in the order of the first occurrence of each key."""
    groups: dict[T, list[Occurrence]] = {}
    for occurrence in occurrences:
        groups.setdefault(key(occurrence), []).append(occurrence)
    return groups


def describe_objects(namespace: str, occurrences: t.Sequence[Occurrence]) -> str:
    """The containers, workloads and pods: ``container app of Deployment shop/web (pods web-1 and web-2)``."""
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


def with_verb(namespace: str, occurrences: t.Sequence[Occurrence], singular: str, plural_form: str) -> str:
    """`describe_objects` and the form of a verb that agrees with it."""
    count = len({occurrence.container for occurrence in occurrences if occurrence.container})
    count = count or len({occurrence.pod.owner or occurrence.pod for occurrence in occurrences})
    return f"{describe_objects(namespace, occurrences)} {singular if count == 1 else plural_form}"


def describe_templates(occurrences: t.Sequence[Occurrence]) -> str:
    """The objects in which the pod spec must be changed: ``the pod template of Deployment web``."""
    owned = list(dict.fromkeys(str(pod.owner) for pod in pods_of(occurrences) if pod.owner))
    unowned = [pod.name for pod in pods_of(occurrences) if pod.owner is None]
    parts = [f"the pod template of {join_some(owned, _OWNERS_SHOWN)}"] if owned else []
    parts += [f"the manifest of {plural(len(unowned), 'pod')} {join_some(unowned, _PODS_SHOWN)}"] if unowned else []
    return " and ".join(parts)


def list_values(occurrences: t.Iterable[Occurrence]) -> str | None:
    """The values found, without duplicates."""
    return (
        join_some(
            list(dict.fromkeys(occurrence.found for occurrence in occurrences if occurrence.found is not None)),
            _VALUES_SHOWN,
        )
        or None
    )


def describe_place(occurrences: t.Sequence[Occurrence]) -> str:
    """The field of the first occurrence, and the number of others."""
    first = occurrences[0]
    more = len(occurrences) - 1
    return f"pod {first.pod.name}: {first.path}" + (f", and {more} more" if more else "")
