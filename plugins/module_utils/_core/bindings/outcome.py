# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of each binding, and what a result tells of all of them."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import Arn
from ..errors import IrsaError, NotAttempted
from ..plan import Plan
from ..wording import join_some
from .grouping import Binding
from .spec import QUOTED, BindingSpec

# With more bindings than these a result tells each thing once: controllers keep results in a database.
MANY = 100
# The kind of an object (``roles``), its name, and its plan.
ObjectPlan = tuple[str, str, Plan]


@dataclasses.dataclass
class BindingOutcome:
    """The outcome of one binding.

    :param changes: the writes in words: those of its role, which other bindings may share, then its account's.
    :param findings: the findings of a verification, as `irsa_verify` returns them; None if it was not verified.
    :param proof: STS's answer to a token of the service account, likewise.
    """

    binding: BindingSpec
    role_name: str | None = None
    role_arn: str | None = None
    changes: list[str] = dataclasses.field(default_factory=list)
    error: IrsaError | None = None
    findings: list[dict[str, t.Any]] | None = None
    proof: dict[str, t.Any] | None = None

    @classmethod
    def before_run(cls, binding: BindingSpec) -> BindingOutcome:
        """The outcome before anything was done."""
        if binding.role_arn:
            name = Arn.parse(binding.role_arn).resource.rpartition("/")[2]
            return cls(binding, role_name=name, role_arn=binding.role_arn)
        return cls(binding, role_name=binding.role)

    @property
    def status(self) -> str:
        """``failed``, ``changed`` or ``ok``."""
        return "failed" if self.error else "changed" if self.changes else "ok"

    def as_dict(self) -> dict[str, t.Any]:
        """In the shape in which `irsa_bindings` returns it."""
        result = {
            "namespace": self.binding.namespace,
            "service_account": self.binding.service_account,
            "role_name": self.role_name,
            "role_arn": self.role_arn,
            "status": self.status,
            "changes": self.changes,
            "error": self.error.as_dict() if self.error else None,
        }
        return result if self.findings is None else {**result, "findings": self.findings, "proof": self.proof}


def not_processed_error(outcome: BindingOutcome) -> IrsaError:
    """The error of a binding that was not begun, or not finished, because another one had failed."""
    return NotAttempted(
        f"service account {outcome.binding.title} was not processed",
        cause="another binding failed before, and on_error is stop",
        fix="fix that binding and run again, or set on_error to collect",
    )


def shorten_bindings(bindings: t.Sequence[Binding]) -> list[t.Any]:
    """Bindings as a result repeats them: as they were given; of more than `MANY` only the names."""
    if len(bindings) > MANY:
        return [f"{binding['namespace']}/{binding['service_account']}" for binding in bindings]
    return [{key: value for key, value in binding.items() if value is not None} for binding in bindings]


def list_actions(outcomes: t.Sequence[BindingOutcome], plans: t.Iterable[ObjectPlan]) -> list[str]:
    """All writes in words; with more than `MANY` bindings without those that the outcomes have."""
    known = {change for outcome in outcomes for change in outcome.changes} if len(outcomes) > MANY else ()
    return [summary for _kind, _name, plan in plans for summary in plan.summaries() if summary not in known]


def failure_message(outcomes: t.Sequence[BindingOutcome]) -> str | None:
    """The message of a run in which bindings failed; None if none did. It has each error once."""
    failed = [outcome for outcome in outcomes if outcome.error]
    if not failed:
        return None
    titles: dict[str, list[str]] = {}
    for outcome in failed:
        if not isinstance(outcome.error, NotAttempted):
            titles.setdefault(str(outcome.error), []).append(outcome.binding.title)
    quoted = [f"{join_some(names, QUOTED)}: {error}" for error, names in list(titles.items())[:QUOTED]]
    rest = len(titles) - len(quoted)
    more = [f"{rest} more errors are in the results."] if rest else []
    return " ".join([f"{len(failed)} of {len(outcomes)} bindings failed.", *quoted, *more])


def count_by_status(outcomes: t.Sequence[BindingOutcome]) -> dict[str, int]:
    """How many bindings there are, and of each status."""
    counts = {"total": len(outcomes), "ok": 0, "changed": 0, "failed": 0}
    for outcome in outcomes:
        counts[outcome.status] += 1
    return counts


def merge_diffs(plans: t.Iterable[ObjectPlan]) -> dict[str, t.Any]:
    """Ansible's diff of all objects that change, by kind and name."""
    before: dict[str, dict[str, t.Any]] = {}
    after: dict[str, dict[str, t.Any]] = {}
    for kind, name, plan in plans:
        if plan:
            before.setdefault(kind, {})[name] = dict(plan.before)
            after.setdefault(kind, {})[name] = dict(plan.after)
    return {"before": before, "after": after}
