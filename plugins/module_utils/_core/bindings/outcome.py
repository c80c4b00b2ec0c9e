# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of each binding, and the parts of the result about all bindings."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION, Arn, provider_name, region_of
from ..errors import IrsaError, NotAttempted
from ..plan import Plan
from ..service_account.plan import CREATE_NAMESPACE
from ..trust.policy import managed_subjects
from ..trust.statements import allowed_principals, display_subject
from ..wording import MAX_NAMES, join_some, plural, quantity
from .grouping import Binding
from .spec import BindingSpec

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
    """The message of a run with failed bindings; None if no binding failed. It has a line for each different error."""
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
    return "\n  ".join([f"{len(failed)} of {quantity(len(outcomes), 'binding')} failed:", *shown, *more])


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


class SharedRole(t.NamedTuple):
    """A role that OIDC providers of other clusters use too, and that trusts more service accounts after a run.

    :param accounts: the added service accounts, as ``NAMESPACE/NAME``.
    :param provider_arns: the providers of the other clusters.
    """

    name: str
    accounts: list[str]
    provider_arns: list[str]

    def describe(self, cluster: str | None, names: t.Mapping[str, str]) -> str:
        """The note for the user.

        :param cluster: the name of the cluster of the run, if known.
        :param names: the names of other clusters by the ARN of their provider; some may be missing.
        """
        others = [
            f"cluster {names[arn]}" if arn in names else f"the cluster of the OIDC provider {provider_name(arn)}"
            for arn in self.provider_arns
        ]
        verb = "uses" if len(others) == 1 else "use"
        accounts = f"{join_some(self.accounts, MAX_NAMES)}{f' of cluster {cluster}' if cluster else ''}"
        return f"role {self.name}, which {join_some(others, MAX_NAMES)} {verb} too, now trusts {accounts}"


def find_shared_roles(plans: t.Iterable[ObjectPlan], provider_arn: str) -> list[SharedRole]:
    """The roles that other clusters use too and that trust more service accounts of this cluster after the plans.

    :param provider_arn: the OIDC provider of this cluster.
    """
    shared = []
    for kind, name, plan in plans:
        # `before` is empty if another run has just created the role.
        before, after = plan.before.get("trust_policy") or {}, plan.after.get("trust_policy") or {}
        if kind != "roles" or before == after:
            continue
        others = sorted({arn for arn in allowed_principals(after) if region_of(provider_name(arn))} - {provider_arn})
        added = set(managed_subjects(after, provider_arn)) - set(managed_subjects(before, provider_arn))
        if others and added:
            shared.append(SharedRole(name, [display_subject(subject) for subject in sorted(added)], others))
    return shared


def describe_kept_objects(
    outcomes: t.Sequence[BindingOutcome], accounts: t.Mapping[str, t.Mapping[str, t.Any]]
) -> list[str]:
    """The note about service accounts and namespaces that exist after service accounts were unbound.

    :param outcomes: the outcomes of the unbound bindings.
    :param accounts: the service accounts after the run, as `sa_annotate` returns them; empty for a deleted one.
    """
    kept = [outcome.binding for outcome in outcomes if outcome.changes and accounts.get(outcome.binding.title)]
    if not kept:
        return []
    names = join_some([binding.title for binding in kept], MAX_NAMES)
    namespaces = sorted({binding.namespace for binding in kept})
    return [
        f"kept {plural(len(kept), 'service account')} {names} and {plural(len(namespaces), 'namespace')} "
        f"{join_some(namespaces, MAX_NAMES)} (delete: true deletes only service accounts that this collection created)"
    ]


def describe_other_roles(outcomes: t.Sequence[BindingOutcome], plans: t.Iterable[ObjectPlan]) -> list[str]:
    """The notes about unbound service accounts that were annotated with another role than that of their binding."""
    roles = {
        name: plan.before.get("annotations", {}).get(ROLE_ARN_ANNOTATION)
        for kind, name, plan in plans
        if kind == "service_accounts"
    }
    return [
        f"service account {outcome.binding.title} was annotated with role {role_arn}, not with {outcome.role_name}; "
        "that role is unchanged"
        for outcome in outcomes
        if outcome.changes
        and (role_arn := roles.get(outcome.binding.title))
        and role_arn.rpartition("/")[2] != outcome.role_name
    ]


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
