# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that tests inject into calls: one vocabulary for AWS and the API server. README.md documents it.

Whether a call is hit depends only on the seed and on how often the same call was made before, not on the order in which
parallel calls arrive.

Needed by: targets bad_input, irsa_bindings_stress, irsa_role, pod_rollout; make faults; make kills.
"""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import fnmatch
import random
import threading
import typing as t

Json = dict[str, t.Any]

# What botocore and the AWS SDKs recognize as throttling, with a status that AWS sends with it. LimitExceededException
# is missing: IAM and EKS send it for quotas.
THROTTLING = {
    "Throttling": 400,
    "ThrottlingException": 400,
    "ThrottledException": 429,
    "RequestThrottledException": 429,
    "TooManyRequestsException": 429,
    "ProvisionedThroughputExceededException": 400,
    "TransactionInProgressException": 400,
    "RequestLimitExceeded": 503,
    "BandwidthLimitExceeded": 509,
    "RequestThrottled": 503,
    "SlowDown": 503,
    "PriorRequestNotComplete": 400,
    "EC2ThrottledException": 503,
}
# The call is not made and gets this error. "error" and "page" have a status of their own.
ERRORS = {
    "error": 400,
    "page": 502,
    "throttled": 429,
    "too_many_requests": 429,
    "internal_error": 500,
    "unavailable": 503,
    "conflict": 409,
    "gone": 410,
    "token_expired": 401,
}
# The call is not made, and the connection is dropped; the last two also close the port for ``seconds``.
DROPS = ("reset_before", "refused", "restart")
# The call is made, and its answer is lost or broken.
BROKEN_ANSWERS = ("reset_after", "cut_body", "stalled", "slow", "malformed")
# A watch starts, and ends after ``seconds``.
WATCHES = ("watch_error", "watch_closed", "gone")
KINDS = frozenset({*ERRORS, *DROPS, *BROKEN_ANSWERS, *WATCHES, "delay", "stale_read"})

_SECONDS = {"refused": 0.3, "restart": 1.5, "stalled": 5.0, "slow": 3.0, "stale_read": 2.0}
_WATCH_SECONDS = 0.2
# Parameters that are the same in each run with the same options. Names of pods are not.
_STABLE = ("RoleName", "PolicyArn", "PolicyName", "OpenIDConnectProviderArn", "Url", "clusterName", "namespace", "name")
_GENERATED_NAMES = ("pods", "replicasets", "events")


@dataclasses.dataclass(frozen=True)
class Call:
    """A call that a fault may hit.

    :param service: "iam", "sts", "eks", "ec2" or "kubernetes".
    :param operation: as AWS names it, "GetRole", or as RBAC does, "patch serviceaccounts", "create pods/eviction".
    :param parameters: of AWS's request; for Kubernetes namespace, name and the query.
    :param has_old_token: whether it has an EKS token that was used before, a second ago or earlier.
    """

    service: str
    operation: str
    parameters: c.Mapping[str, t.Any]
    is_write: bool = False
    is_watch: bool = False
    has_old_token: bool = False

    @property
    def key(self) -> str:
        """Equal for the same call in another run."""
        names = [name for name in _STABLE if name in self.parameters]
        if self.operation.partition(" ")[2].partition("/")[0] in _GENERATED_NAMES:
            names = [name for name in names if name != "name"]
        return " ".join([self.service, self.operation, *(f"{name}={self.parameters[name]}" for name in names)])


_ONLY: dict[str, c.Callable[[Call], bool]] = {
    "conflict": lambda call: call.is_write and call.service in ("iam", "kubernetes"),
    "gone": lambda call: call.is_watch or bool(call.parameters.get("continue")),
    "restart": lambda call: call.service == "kubernetes",
    "stale_read": lambda call: call.service == "iam" and not call.is_write,
    "token_expired": lambda call: call.has_old_token,
    "watch_closed": lambda call: call.is_watch,
    "watch_error": lambda call: call.is_watch,
}


@dataclasses.dataclass
class Fault:
    """A fault: its kind, the calls that it selects, how many of them it hits, and details of its effect.

    :param kind: one of `KINDS`. It may be left out if ``code`` or ``status``, ``body``, or ``delay`` is given.
    :param operation: a pattern such as "Get*" or "* serviceaccounts".
    :param writes: True: only writes; False: only reads.
    :param times: how many calls to hit, of which those that are left; 0: no limit.
    :param every: 20: every 20th selected call.
    :param delay: seconds to wait before the effect.
    :param seconds: how long the effect lasts.
    """

    kind: str = ""
    service: str = "*"
    operation: str = "*"
    parameters: dict[str, str] = dataclasses.field(default_factory=dict)
    writes: bool | None = None
    times: int = 1
    every: int = 1
    probability: float = 1.0
    seed: int = 0
    code: str = ""
    message: str = ""
    status: int = 0
    body: str | None = None
    retry_after: int | None = None
    delay: float = 0.0
    seconds: float = -1.0
    selected: int = dataclasses.field(default=0, init=False)
    hits: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        self.kind = self.kind or self._default_kind()
        if self.kind not in KINDS:
            raise ValueError(f"the kind of a fault is one of {', '.join(sorted(KINDS))}, not {self.kind!r}")
        if self.seconds < 0:
            self.seconds = _SECONDS.get(self.kind, _WATCH_SECONDS)
        self.status = self.status or ERRORS.get(self.kind, 0)
        self._is_unlimited = self.times == 0
        self._occurrences: collections.Counter[str] = collections.Counter()

    def _default_kind(self) -> str:
        if self.body is not None:
            return "page"
        if self.code or self.status:
            return "error"
        return "delay" if self.delay else ""

    def selects(self, call: Call) -> bool:
        """Whether the fault is for this call."""
        return (
            self.service in ("*", call.service)
            and fnmatch.fnmatchcase(call.operation, self.operation)
            and self.writes in (None, call.is_write)
            and all(call.parameters.get(name) == value for name, value in self.parameters.items())
            and (self.kind not in _ONLY or _ONLY[self.kind](call))
        )

    def hit(self, call: Call) -> Hit | None:
        """Count a selected call, and decide whether it is hit."""
        self.selected += 1
        self._occurrences[call.key] += 1
        rng = random.Random(f"{self.seed} {self.kind} {call.key} {self._occurrences[call.key]}")  # noqa: S311
        if self.selected % self.every or rng.random() >= self.probability:
            return None
        self.hits += 1
        self.times -= 0 if self._is_unlimited else 1
        return Hit(self, rng, call)

    @property
    def is_used_up(self) -> bool:
        return self.times == 0 and not self._is_unlimited


@dataclasses.dataclass(frozen=True)
class Hit:
    """A call that a fault hits, with the random choices for it."""

    fault: Fault
    rng: random.Random
    call: Call

    @property
    def kind(self) -> str:
        return self.fault.kind

    def throttling(self) -> tuple[str, int]:
        """A code and a status with which AWS throttles."""
        code = self.fault.code or self.rng.choice(list(THROTTLING))
        return code, THROTTLING.get(code, self.fault.status)

    def malform(self, body: bytes) -> bytes:
        """An answer that cannot be read in place of this one."""
        choices = (
            b"<html><body><h1>Bad gateway</h1></body></html>",
            b"",
            body[: max(1, len(body) // 2)],
            b"\xff\xfe\x00" + body[1:],
            b"[]",
            b"null",
            b'"text"',
            b'{"metadata": null, "items": 7, "status": [], "code": "x"}',
            b"<Answer/>",
        )
        return self.rng.choice(choices)


class FaultQueue:
    """The faults to inject. If several select a call, the oldest one that hits it applies. Threads can share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, spec: t.Any) -> None:
        """Add a fault or a list of faults.

        :raises TypeError: for an unknown key.
        :raises ValueError: for an unknown kind, or a fault without effect.
        """
        faults = [Fault(**entry) for entry in (spec if isinstance(spec, list) else [spec])]
        with self._lock:
            self._faults += faults

    def take(self, call: Call) -> Hit | None:
        """Return the fault to inject into a call, if any, and count its use."""
        with self._lock:
            for fault in self._faults:
                hit = fault.hit(call) if fault.selects(call) else None
                if hit:
                    if fault.is_used_up:
                        self._faults.remove(fault)
                    return hit
        return None

    def has(self, kind: str) -> bool:
        """Whether a fault of this kind is left."""
        with self._lock:
            return any(fault.kind == kind for fault in self._faults)

    def pending(self) -> list[Json]:
        """The faults that are left, each with the number of calls that it selected and hit."""
        with self._lock:
            return [dataclasses.asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()
