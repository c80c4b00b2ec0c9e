# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans, and counts of requests.

A plan is made from the observed state and the spec, before any write. It determines ``changed`` and the diff. To apply
a plan is to run its actions in order.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
import typing as t

if t.TYPE_CHECKING:
    from .errors import IrsaError


@dataclasses.dataclass(frozen=True)
class Action:
    """One write.

    :param operation: the name under which the module registered the `_api` function.
    :param arguments: keyword arguments of that function.
    :param summary: the write as a message in the imperative: ``attach policy X to role Y``.
    """

    operation: str
    arguments: t.Mapping[str, t.Any]
    summary: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """The writes that bring an object to its spec.

    :param before: the object as observed, in the form of the module's return value; empty if it does not exist.
    :param after: the object after the writes, in the same form; empty if it is deleted.
    :param actions: the writes in order; empty if nothing changes.
    :param warnings: messages for the user.
    :param failure: why the writes do not bring the object to its spec; reported after them.
    """

    before: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    after: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: IrsaError | None = None

    def __bool__(self) -> bool:
        return bool(self.actions)

    def diff(self) -> dict[str, t.Any]:
        """Ansible's diff of the two states; callbacks print them as sorted JSON."""
        return {"before": _known(self.before, self.after), "after": _known(self.after, self.before)}

    def summaries(self) -> list[str]:
        """The messages of the writes, in order."""
        return [action.summary for action in self.actions]


def _known(state: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The state without keys that are None in both states, such as the ID of an object that does not exist yet."""
    return {key: value for key, value in state.items() if value is not None or other.get(key) is not None}


class Calls:
    """Counts requests by service and operation. Threads may share it.

    A request that a client library retries counts once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()

    def add(self, service: str, operation: str) -> None:
        """Count one request."""
        with self._lock:
            self._counts[service, operation] += 1

    def as_dict(self) -> dict[str, dict[str, int]]:
        """The counts by service and operation, sorted."""
        result: dict[str, dict[str, int]] = {}
        with self._lock:
            counts = sorted(self._counts.items())
        for (service, operation), count in counts:
            result.setdefault(service, {})[operation] = count
        return result
