# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks of a rollout, and which workloads it restarts, and how, so that their pods carry the role."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..errors import Conflict, NotFound
from ..plan import Action, Plan
from ..pods import readiness
from ..pods.injection import ExpectedInjection
from ..pods.workload_kinds import Owner, Workloads, find_controller, parse_ordinal
from ..validation import Problems, check_role_arn, check_service_account
from ..wording import quantity
from .staleness import PodStatus

Json = t.Mapping[str, t.Any]
PodNames = tuple[tuple[str, str], ...]
"""The names and uids of pods."""


@dataclasses.dataclass(frozen=True)
class RolloutSpec:
    """The options of `pod_rollout` for one service account, or for the pods with some labels.

    :param role_arn: None for the account's annotation, empty for no role at all.
    :param wait_timeout: seconds.
    :param max_retries: how often new pods that are stale are replaced again.
    """

    namespace: str
    service_account: str | None
    label_selectors: tuple[str, ...]
    role_arn: str | None
    strategy: str
    only_stale: bool
    delete_unmanaged: bool
    wait: bool
    wait_timeout: int
    max_retries: int

    @property
    def title(self) -> str:
        """``NAMESPACE/ACCOUNT``."""
        return f"{self.namespace}/{self.service_account}"

    @classmethod
    def from_params(cls, params: Json) -> RolloutSpec:
        """:raises InvalidInput: an option is not valid."""
        spec = cls(**{field.name: params[field.name] for field in dataclasses.fields(cls) if field.name in params})
        spec = dataclasses.replace(spec, label_selectors=tuple(spec.label_selectors or ()))
        problems = Problems()
        # A valid name stands in where the pods are selected by labels alone.
        check_service_account(problems, spec.namespace, spec.service_account or "default", allow_wildcards=False)
        if spec.service_account is None and not spec.label_selectors:
            problems.add(
                "pods are selected by service_account or label_selectors, and neither is given",
                "give the service account whose pods are to carry the role",
            )
        if spec.role_arn:
            check_role_arn(problems, "role_arn", spec.role_arn)
        for option, least in (("wait_timeout", 1), ("max_retries", 0)):
            if getattr(spec, option) < least:
                problems.add(f"{option} is {getattr(spec, option)}", f"give {least} or more")
        problems.raise_if_any()
        return spec


def specs_from_params(params: Json) -> list[RolloutSpec]:
    """From the options of `pod_rollout`: one spec, or one for each of ``service_accounts``.

    :raises InvalidInput: an option is not valid, or an account is given twice.
    """
    if params["service_accounts"] is None:
        return [RolloutSpec.from_params(params)]
    problems = Problems()
    specs: list[RolloutSpec] = []
    names: set[tuple[str, str]] = set()
    for account in params["service_accounts"]:
        name = (account["namespace"], account["name"])
        if name in names:
            problems.add(f"service account {'/'.join(name)} is given twice", "name each account once")
        names.add(name)
        own = {"namespace": name[0], "service_account": name[1], "label_selectors": None}
        specs.append(RolloutSpec.from_params({**params, **own, "role_arn": account["role_arn"]}))
    problems.raise_if_any()
    return specs


def expected_injection(spec: RolloutSpec, account: Json | None) -> ExpectedInjection | None:
    """What pods of an account are to carry; None where neither the spec nor the account says it.

    :param account: the ServiceAccount; None where it does not exist.
    """
    annotated = ExpectedInjection.from_account(account) if account is not None else None
    if spec.role_arn is None:
        return annotated
    return ExpectedInjection(spec.role_arn, annotated.audience if annotated else None)


def require_expected_injection(spec: RolloutSpec, account: Json | None) -> ExpectedInjection:
    """As `expected_injection`, for the account that the spec names.

    :raises NotFound: no account, or no annotation, and no ``role_arn`` in its place.
    """
    expected = expected_injection(spec, account)
    if expected is not None:
        return expected
    if account is None:
        raise NotFound(
            f"there is no service account {spec.title}",
            fix="check namespace and service_account, or create the account with eksops.irsa.sa_annotate",
        )
    raise NotFound(
        f"service account {spec.title} names no role",
        cause=f"it has no annotation {ROLE_ARN_ANNOTATION}, or an empty one",
        fix="annotate it with eksops.irsa.sa_annotate, or give role_arn (an empty one: pods are to have none)",
    )


def pods_needing_owner(statuses: t.Iterable[PodStatus], spec: RolloutSpec) -> list[Json]:
    """The pods whose owners must be read: those to be replaced, and those that may be part of a rollout."""
    return [
        status.pod
        for status in statuses
        if status.is_live
        and (status.stale or not spec.only_stale or (spec.wait and not readiness.is_ready(status.pod)))
    ]


@dataclasses.dataclass(frozen=True)
class RolloutTask:
    """What happens to one workload, in this order. Without any of it, the workload is only waited for.

    :param restart: change its template, so that its controller replaces the pods.
    :param unready: pods that are evicted at once then, because the controller would wait for them.
    :param replace: pods that are removed one by one, each after the replacement of the last is ready.
    :param strategy: how they are removed, ``evict`` or ``delete``.
    """

    owner: Owner
    restart: bool = False
    unready: PodNames = ()
    replace: PodNames = ()
    strategy: str = "evict"


@dataclasses.dataclass(frozen=True)
class RolloutDecision:
    """The plan, and the workloads to watch while and after it is applied."""

    plan: Plan = dataclasses.field(default_factory=Plan)
    tasks: tuple[RolloutTask, ...] = ()
    restarted: tuple[dict[str, str], ...] = ()
    unmanaged: tuple[dict[str, str], ...] = ()


def decide(spec: RolloutSpec, statuses: t.Sequence[PodStatus], workloads: Workloads) -> RolloutDecision:
    """What to do about the pods."""
    groups: dict[Owner | None, list[PodStatus]] = collections.defaultdict(list)
    for status in statuses:
        groups[status.owner].append(status)
    tasks: list[RolloutTask] = []
    warnings: list[str] = []
    for owner in sorted((owner for owner in groups if owner), key=lambda owner: owner[1:]):
        task, warning = _decide_owner(spec, owner, groups[owner], workloads)
        tasks += [task] if task else []
        warnings += [warning] if warning else []
    unowned = [status for status in groups.get(None, []) if status.stale]
    if unowned and spec.delete_unmanaged:
        tasks += [_pod_by_pod(Owner("v1", "Pod", status.name), [status], "delete") for status in unowned]
    elif unowned:
        warnings.append(
            f"{quantity(len(unowned), 'stale pod')} without an owner that would create them again, not changed: "
            f"{_names(unowned)}. Replace them yourself, or set delete_unmanaged to delete them."
        )
    writes = [write for task in tasks for write in _list_writes(spec.namespace, task)]
    stale = [status for status in statuses if status.stale]
    plan = Plan(
        before={"stale_pods": _by_owner(stale)} if writes else {},
        after={"stale_pods": _by_owner(_left_stale(stale, tasks))} if writes else {},
        actions=tuple(action for action, _entry in writes),
        warnings=tuple(warnings),
    )
    unmanaged = tuple({"namespace": spec.namespace, "name": status.name} for status in unowned)
    return RolloutDecision(plan, tuple(tasks), tuple(entry for _action, entry in writes), unmanaged)


def require_no_contradiction(spec: RolloutSpec, account: Json | None, decision: RolloutDecision) -> None:
    """Stops before a restart that cannot bring the requested role.

    :raises Conflict: the account names another role than ``role_arn``, and new pods would get that one.
    """
    if spec.role_arn is None or account is None or not decision.plan:
        return
    annotated = ExpectedInjection.from_account(account)
    # An account that names none may still get the role, from the webhook's own configuration.
    if annotated is None or annotated.role_arn == spec.role_arn:
        return
    requested = f"role {spec.role_arn}" if spec.role_arn else "no role"
    raise Conflict(
        f"a restart cannot give the pods of service account {spec.title} {requested}",
        cause=f"the account's annotation {ROLE_ARN_ANNOTATION} names {annotated.role_arn}",
        fix="correct the annotation first (eksops.irsa.sa_annotate), or leave role_arn out",
    )


def _decide_owner(
    spec: RolloutSpec, owner: Owner, statuses: list[PodStatus], workloads: Workloads
) -> tuple[RolloutTask | None, str | None]:
    """The task for one owner, if any, and a warning, if any."""
    rules, workload = owner.rules, workloads.get(owner)
    targets = [status for status in statuses if status.is_live and (status.stale or not spec.only_stale)]
    if not targets:
        is_rolling_out = spec.wait and workload is not None and rules.is_rolling_out(workload)
        return (RolloutTask(owner) if is_rolling_out else None), None
    if rules.runs_to_completion:
        stale = [status for status in targets if status.stale]
        if not stale:
            return None, None
        pods = f"{quantity(len(stale), 'pod')} without the role"
        return None, f"{owner} runs {pods}; a Job is never restarted: {_names(stale)}."
    if not rules.recreates_pods and rules.is_namespaced:
        pods = f"{quantity(len(targets), 'pod')} without the role"
        return (
            None,
            f"{owner} owns {pods}, which nothing re-creates, left alone: {_names(targets)}. Replace them yourself.",
        )
    if not rules.recreates_pods or (rules.is_read and workload is None):
        return None, None  # static pods are their node's; pods whose owner is gone go after it
    if spec.strategy != "restart":
        return _pod_by_pod(owner, targets, spec.strategy), None
    if workload is None:
        return _pod_by_pod(owner, targets, "evict"), None
    obstacle = rules.find_restart_obstacle(workload)
    if obstacle:
        state, fix = obstacle
        return (
            None,
            f"{owner} is {state}, so its pods cannot be rolled out: {_names(targets)}. {fix}, or use strategy evict.",
        )
    if not rules.has_rolling_updates(workload):
        return _pod_by_pod(owner, targets, "evict"), None
    return _rolling_restart(spec, owner, workload, targets, workloads), None


def _rolling_restart(
    spec: RolloutSpec, owner: Owner, workload: Json, targets: list[PodStatus], workloads: Workloads
) -> RolloutTask | None:
    """The task for a workload whose controller replaces its pods; None where that is under way and not waited for."""
    rules = owner.rules
    # A pod below a StatefulSet's partition keeps its old template when it is created again, but the webhook sees it.
    first = rules.get_first_updated_ordinal(workload)
    kept = [status for status in targets if parse_ordinal(status.name) < first]
    rolled = [status for status in targets if parse_ordinal(status.name) >= first]
    unready: list[PodStatus] = []
    if rules.waits_for_unready_pods(workload):
        # A pod that lacks its role may never become ready.
        unready = [status for status in rolled if not readiness.is_ready(status.pod)]
    under_way = spec.only_stale and all(_is_superseded(status, workload, workloads) for status in rolled)
    if under_way and not (unready or kept or spec.wait):
        return None
    replace = _pod_by_pod(owner, kept, "evict").replace
    return RolloutTask(owner, bool(rolled) and not under_way, _pod_names(unready), replace)


def _is_superseded(status: PodStatus, workload: Json, workloads: Workloads) -> bool:
    """Whether the pod's controller is replacing it already, so that nothing need be written."""
    controller = find_controller(status.pod)
    made_by = workloads.get(controller) if controller else None
    return status.owner is not None and status.owner.rules.is_superseded(workload, status.pod, made_by)


def _pod_by_pod(owner: Owner, targets: list[PodStatus], strategy: str) -> RolloutTask:
    # An unready pod serves nobody, so it goes first; then as a StatefulSet does it, from the highest ordinal down.
    ordered = sorted(targets, key=lambda status: (readiness.is_ready(status.pod), -parse_ordinal(status.name), status.name))
    return RolloutTask(owner, replace=_pod_names(ordered), strategy=strategy)


def _pod_names(statuses: t.Iterable[PodStatus]) -> PodNames:
    return tuple((status.name, status.uid) for status in statuses)


def _left_stale(stale: list[PodStatus], tasks: t.Iterable[RolloutTask]) -> list[PodStatus]:
    """The stale pods that no task replaces."""
    removed = {uid for task in tasks for _name, uid in (*task.unready, *task.replace)}
    rolled = {task.owner for task in tasks if task.restart or not task.replace}
    return [status for status in stale if status.uid not in removed and status.owner not in rolled]


def _list_writes(namespace: str, task: RolloutTask) -> t.Iterator[tuple[Action, dict[str, str]]]:
    """The task's writes, each with its entry in ``restarted``."""
    owner = task.owner
    title = f"{owner.kind} {namespace}/{owner.name}"

    def write(operation: str, strategy: str, summary: str) -> tuple[Action, dict[str, str]]:
        return Action(operation, {"owner": owner}, summary), {**entry, "strategy": strategy}

    entry = {"kind": owner.kind, "name": owner.name}
    if task.restart:
        yield write("restart", "restart", f"restart {title}")
    if task.unready:
        names = ", ".join(name for name, _uid in task.unready)
        pods = quantity(len(task.unready), "unready pod")
        yield write("replace", "evict", f"evict {pods} of {title} that would hold up the rollout: {names}")
    if task.replace:
        names = ", ".join(name for name, _uid in task.replace)
        summary = f"{task.strategy} {quantity(len(task.replace), 'pod')} of {title} one at a time: {names}"
        yield write(
            "replace", task.strategy, summary if owner.rules.recreates_pods else f"delete pod {namespace}/{names}"
        )


def _by_owner(statuses: t.Iterable[PodStatus]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for status in statuses:
        grouped.setdefault(str(status.owner) if status.owner else "no owner", []).append(status.name)
    return grouped


def _names(statuses: t.Iterable[PodStatus]) -> str:
    return ", ".join(status.name for status in statuses)
