# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that tests order.

Needed by: target irsa_bindings_stress.
"""

from __future__ import annotations

import dataclasses

from sandbox.cluster.access.rbac import Action
from sandbox.cluster.errors import ApiError, Object


@dataclasses.dataclass
class Fault:
    """What to answer instead, for so many matching calls. Empty ``verb`` and ``resource`` match all."""

    verb: str = ""
    resource: str = ""  # "pods", "pods/eviction"
    name: str = ""
    namespace: str = ""
    status: int = 0  # 0: the connection is dropped
    message: str = ""
    times: int = 1
    retry_after: int | None = None  # seconds, the Retry-After header
    lose_answer: bool = False  # the call is carried out, then the connection is dropped
    delay: float = 0.0  # seconds before the call is carried out; with this alone it then goes on as usual
    every: int = 1  # 20: one in 20 of the matching calls

    def __post_init__(self) -> None:
        self._passed = 0

    def matches(self, action: Action) -> bool:
        """Whether this call is meant, and its turn."""
        meant = (
            self.times > 0
            and self.verb in ("", action.verb)
            and self.resource in ("", action.full_resource)
            and self.name in ("", action.name)
            and self.namespace in ("", action.namespace)
        )
        self._passed += meant
        return meant and self._passed % self.every == 0

    @property
    def only_delays(self) -> bool:
        return self.delay > 0 and not self.status and not self.lose_answer

    def error(self) -> ApiError:
        """The Status that a real server sends with this code."""
        reason, message = _REASONS.get(self.status, ("", f"sandbox: status {self.status} was ordered"))
        details: Object = {}
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        return ApiError(self.status, reason, self.message or message, details=details)


_REASONS = {
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
    503: ("ServiceUnavailable", "The server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}


class Faults:
    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(self, body: Object) -> Fault:
        """Raises TypeError for fields that a fault does not have."""
        fault = Fault(**body)
        self._ordered.append(fault)
        return fault

    def take(self, action: Action) -> Fault | None:
        """Hand out the fault that is due for this call."""
        for fault in self._ordered:
            if fault.matches(action):
                fault.times -= 1
                if fault.times == 0:
                    self._ordered.remove(fault)
                return fault
        return None

    def waiting(self) -> list[Object]:
        """Those that are left."""
        return [dataclasses.asdict(fault) for fault in self._ordered]

    def forget(self) -> None:
        """Order none any more."""
        self._ordered.clear()
