# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that tests inject into calls of the API.

Needed by: target irsa_bindings_stress.
"""

from __future__ import annotations

import dataclasses

from sandbox.cluster.access.rbac import Action
from sandbox.cluster.errors import Object, StatusError


@dataclasses.dataclass
class ClusterFault:
    """A fault for a number of matching calls. Empty ``verb``, ``resource``, ``name`` and ``namespace`` match all."""

    verb: str = ""
    resource: str = ""  # "pods", "pods/eviction"
    name: str = ""
    namespace: str = ""
    status: int = 0  # 0: the connection is dropped
    message: str = ""
    times: int = 1
    retry_after: int | None = None  # seconds, the Retry-After header
    lose_answer: bool = False  # the call is performed, then the connection is dropped
    delay: float = 0.0  # seconds to wait; without status and lose_answer the call is then performed as usual
    every: int = 1  # 20: every 20th matching call

    def __post_init__(self) -> None:
        self._match_count = 0

    def matches(self, action: Action) -> bool:
        """Whether to inject this fault into a call."""
        matched = (
            self.times > 0
            and self.verb in ("", action.verb)
            and self.resource in ("", action.full_resource)
            and self.name in ("", action.name)
            and self.namespace in ("", action.namespace)
        )
        self._match_count += matched
        return matched and self._match_count % self.every == 0

    @property
    def only_delays(self) -> bool:
        return self.delay > 0 and not self.status and not self.lose_answer

    def error(self) -> StatusError:
        """The error of a real API server with this status."""
        reason, message = _REASONS.get(self.status, ("", f"sandbox: a fault with status {self.status}"))
        details: Object = {}
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        return StatusError(self.status, reason, self.message or message, details=details)


_REASONS = {
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
    503: ("ServiceUnavailable", "The server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}


class FaultQueue:
    """The faults to inject. If several match a call, the oldest applies."""

    def __init__(self) -> None:
        self._faults: list[ClusterFault] = []

    def add(self, body: Object) -> None:
        """Add a fault.

        :raises TypeError: for an unknown field.
        """
        self._faults.append(ClusterFault(**body))

    def take(self, action: Action) -> ClusterFault | None:
        """Return the fault to inject into a call, if any, and count its use."""
        for fault in self._faults:
            if fault.matches(action):
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None

    def pending(self) -> list[Object]:
        """The faults that are left."""
        return [dataclasses.asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()
