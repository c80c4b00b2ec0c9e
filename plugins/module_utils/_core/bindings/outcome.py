# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of each binding, and the parts of the result about all bindings."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import Arn
from ..errors import IrsaError, NotAttempted
from ..plan import Plan
from ..service_account.plan import CREATE_NAMESPACE
from ..wording import join_some
from .grouping import Binding
from .spec import MAX_NAMES, BindingSpec

# With more bindings than this, the result does not repeat information: controllers store results in a database.
MAX_DETAILED = 100
ObjectPlan = tuple[str, str, Plan]
"""The kind of an object, such as ``roles``, its name, and its plan."""


@dataclasses.dataclass
class BindingOutcome:
    """The outcome of one binding.

    :param changes: the summaries of the writes to its role, which other bindings may share, and to its service account.
    :param findings: the findings of the verification, as `irsa_verify` returns them; None if it was not verified.
    :param proof: the proof, as `irsa_verify` returns it; None if STS was not called or did not accept the token.
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
        """The outcome of a binding before the run."""
        if binding.role_arn:
            name = Arn.parse(binding.role_arn).resource.rpartition("/")[2]
            return cls(binding, role_name=name, role_arn=binding.role_arn)
        return cls(binding, role_name=binding.role)

    @property
    def status(self) -> str:
        """``failed``, ``changed`` or ``ok``."""
        return "failed" if self.error else "changed" if self.changes else "ok"

    def as_dict(self) -> dict[str, t.Any]:
        """The outcome as `irsa_bindings` returns it."""
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


def build_not_processed_error(outcome: BindingOutcome) -> IrsaError:
    """The error of a binding that was not finished because another binding failed."""
    return NotAttempted(
        f"service account {outcome.binding.title} was not processed",
        cause="another binding failed, and on_error is stop",
        fix="fix that binding and run again, or set on_error to collect",
    )


def shorten_bindings(bindings: t.Sequence[Binding]) -> list[t.Any]:
    """The bindings for the result, without empty options. With more than `MAX_DETAILED`, only their names."""
    if len(bindings) > MAX_DETAILED:
        return [f"{binding['namespace']}/{binding['service_account']}" for binding in bindings]
    return [{key: value for key, value in binding.items() if value is not None} for binding in bindings]


def list_actions(outcomes: t.Sequence[BindingOutcome], plans: t.Iterable[ObjectPlan]) -> list[str]:
    """The summaries of all writes. With more than `MAX_DETAILED` bindings, without those in the outcomes."""
    excluded = {change for outcome in outcomes for change in outcome.changes} if len(outcomes) > MAX_DETAILED else ()
    return [summary for _kind, _name, plan in plans for summary in plan.summaries() if summary not in excluded]


def build_failure_message(outcomes: t.Sequence[BindingOutcome]) -> str | None:
    """The message of a run with failed bindings; None if no binding failed. It has each error once."""
    failed = [outcome for outcome in outcomes if outcome.error]
    if not failed:
        return None
    titles: dict[str, list[str]] = {}
    for outcome in failed:
        if not isinstance(outcome.error, NotAttempted):
            titles.setdefault(str(outcome.error), []).append(outcome.binding.title)
    shown = [f"{join_some(names, MAX_NAMES)}: {error}" for error, names in list(titles.items())[:MAX_NAMES]]
    rest = len(titles) - len(shown)
    more = [f"{rest} more errors are in the results."] if rest else []
    return " ".join([f"{len(failed)} of {len(outcomes)} bindings failed.", *shown, *more])


def count_by_status(outcomes: t.Sequence[BindingOutcome]) -> dict[str, int]:
    """The number of all bindings, and of the bindings with each status."""
    counts = {"total": len(outcomes), "ok": 0, "changed": 0, "failed": 0}
    for outcome in outcomes:
        counts[outcome.status] += 1
    return counts


def list_created_namespaces(plans: t.Iterable[ObjectPlan]) -> list[str]:
    """The names of the namespaces that the plans create, sorted."""
    actions = (action for _kind, _name, plan in plans for action in plan.actions)
    return sorted({action.arguments["name"] for action in actions if action.operation == CREATE_NAMESPACE})


def merge_diffs(plans: t.Sequence[ObjectPlan]) -> dict[str, t.Any]:
    """The diff of all objects that change, by kind and name."""
    before: dict[str, dict[str, t.Any]] = {}
    after: dict[str, dict[str, t.Any]] = {}
    for namespace in list_created_namespaces(plans):
        before.setdefault("namespaces", {})[namespace] = {}
        after.setdefault("namespaces", {})[namespace] = {"name": namespace}
    for kind, name, plan in plans:
        if plan:
            diff = plan.diff()
            before.setdefault(kind, {})[name] = diff["before"]
            after.setdefault(kind, {})[name] = diff["after"]
    return {"before": before, "after": after}
