# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a rollout, and the decision which workloads to restart and how, so that their pods get the role."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..errors import Conflict, NotFound, RolloutFailed
from ..plan import Action, Plan
from ..pods import readiness
from ..pods.injection import ExpectedInjection
from ..pods.workload_kinds import Owner, Workloads, find_controller, parse_ordinal
from ..validation import Problems, check_listed_once, check_role_arn, check_service_account
from ..wording import MAX_NAMES, join_some, quantity
from .staleness import PodStatus

Json = t.Mapping[str, t.Any]
PodNames = tuple[tuple[str, str], ...]
"""The names and UIDs of pods."""


@dataclasses.dataclass(frozen=True)
class RolloutSpec:
    """The options of `pod_rollout` for one service account, or for pods selected by labels.

    :param role_arn: None for the annotation of the service account; empty if pods must not have a role.
    :param wait_timeout: in seconds.
    :param max_retries: how many times stale new pods are replaced.
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
        # Without service_account, labels select the pods. The check then gets a valid name.
        check_service_account(problems, spec.namespace, spec.service_account or "default", allow_wildcards=False)
        if spec.service_account is None and not spec.label_selectors:
            problems.add(
                "neither service_account nor label_selectors is set",
                "set service_account to the service account of the pods",
            )
        if spec.role_arn:
            check_role_arn(problems, "role_arn", spec.role_arn)
        for option, minimum in (("wait_timeout", 1), ("max_retries", 0)):
            if getattr(spec, option) < minimum:
                problems.add(f"{option} is {getattr(spec, option)}", f"set it to {minimum} or more")
        problems.raise_if_any()
        return spec


def specs_from_params(params: Json) -> list[RolloutSpec]:
    """The specs from the options of `pod_rollout`: one, or one for each item of ``service_accounts``.

    :raises InvalidInput: an option is not valid, or a service account is listed twice.
    """
    if params["service_accounts"] is None:
        return [RolloutSpec.from_params(params)]
    problems = Problems()
    specs: list[RolloutSpec] = []
    accounts = params["service_accounts"]
    check_listed_once(problems, ((account["namespace"], account["name"]) for account in accounts))
    for account in accounts:
        selection = {"namespace": account["namespace"], "service_account": account["name"], "label_selectors": None}
        specs.append(RolloutSpec.from_params({**params, **selection, "role_arn": account["role_arn"]}))
    problems.raise_if_any()
    return specs


def expected_injection(spec: RolloutSpec, account: Json | None) -> ExpectedInjection | None:
    """The injection that pods of a service account must have; None if neither the spec nor the account defines it.

    :param account: the ServiceAccount; None if it does not exist.
    """
    annotated = ExpectedInjection.from_account(account) if account is not None else None
    if spec.role_arn is None:
        return annotated
    if annotated and spec.role_arn:
        return dataclasses.replace(annotated, role_arn=spec.role_arn)
    return ExpectedInjection(spec.role_arn)


def require_expected_injection(spec: RolloutSpec, account: Json | None) -> ExpectedInjection:
    """The result of `expected_injection`. A missing injection is an error.

    :raises NotFound: ``role_arn`` is not set, and the service account or its annotation does not exist.
    """
    expected = expected_injection(spec, account)
    if expected is not None:
        return expected
    if account is None:
        raise NotFound(
            f"service account {spec.title} does not exist",
            fix="check namespace and service_account, or create the service account with eksops.irsa.sa_annotate",
        )
    raise NotFound(
        f"service account {spec.title} has no role",
        cause=f"its annotation {ROLE_ARN_ANNOTATION} is missing or empty",
        fix="annotate it with eksops.irsa.sa_annotate, or set role_arn (empty if pods must not have a role)",
    )


def pods_needing_owner(statuses: t.Iterable[PodStatus], spec: RolloutSpec) -> list[Json]:
    """The pods whose owners must be read: pods to replace, and pods that may be part of a rollout in progress."""
    return [
        status.pod
        for status in statuses
        if status.is_live
        and (status.stale or not spec.only_stale or (spec.wait and not readiness.is_ready(status.pod)))
    ]


@dataclasses.dataclass(frozen=True)
class RolloutTask:
    """The writes to one workload, in the order of the fields. Without writes, the rollout only waits for the workload.

    :param restart: whether to change the template, so that the controller replaces the pods.
    :param unready: pods to evict after the restart, because the controller would wait for them.
    :param replace: pods to remove one by one. The next pod is removed when the replacement of the last one is ready.
    :param strategy: how to remove them, ``evict`` or ``delete``.
    """

    owner: Owner
    restart: bool = False
    unready: PodNames = ()
    replace: PodNames = ()
    strategy: str = "evict"


@dataclasses.dataclass(frozen=True)
class Command:
    """A request to the API server.

    :param verb: ``restart`` for the owner, ``evict`` or ``delete`` for a pod, ``list-pods`` for the pods of the run,
        ``read-events`` for events of the owner, ``read-replicas`` for the number of its pods.
    """

    verb: str
    owner: Owner
    pod: str = ""
    uid: str = ""


@dataclasses.dataclass(frozen=True)
class RolloutDecision:
    """The plan of a rollout.

    :param tasks: the workloads to change or to wait for.
    :param restarted: the workloads that the plan changes, as `pod_rollout` returns them.
    :param unmanaged: the stale pods without an owner, as `pod_rollout` returns them.
    """

    plan: Plan = dataclasses.field(default_factory=Plan)
    tasks: tuple[RolloutTask, ...] = ()
    restarted: tuple[dict[str, str], ...] = ()
    unmanaged: tuple[dict[str, str], ...] = ()


def decide(spec: RolloutSpec, statuses: t.Sequence[PodStatus], workloads: Workloads) -> RolloutDecision:
    """Decide what to do with the pods."""
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
            f"Not changed: {quantity(len(unowned), 'stale pod')} without an owner: {_join_names(unowned)}. Nothing "
            "re-creates them. Replace them yourself, or set delete_unmanaged to true to delete them."
        )
    writes = [write for task in tasks for write in _list_writes(spec.namespace, task)]
    stale = [status for status in statuses if status.stale]
    plan = Plan(
        before={"stale_pods": _group_by_owner(stale)} if writes else {},
        after={"stale_pods": _group_by_owner(_find_remaining_stale(stale, tasks))} if writes else {},
        actions=tuple(action for action, _entry in writes),
        warnings=tuple(warnings),
    )
    unmanaged = tuple({"namespace": spec.namespace, "name": status.name} for status in unowned)
    return RolloutDecision(plan, tuple(tasks), tuple(entry for _action, entry in writes), unmanaged)


def require_no_contradiction(spec: RolloutSpec, account: Json | None, decision: RolloutDecision) -> None:
    """Check that a restart can give the pods the requested role.

    :raises Conflict: the annotation of the service account differs from ``role_arn``. New pods get the annotated role.
    """
    if spec.role_arn is None or account is None or not decision.plan:
        return
    annotated = ExpectedInjection.from_account(account)
    # Without an annotation, the configuration of the webhook may still define the role.
    if annotated is None or annotated.role_arn == spec.role_arn:
        return
    role = f"would not have role {spec.role_arn}" if spec.role_arn else "would still have a role"
    raise Conflict(
        f"after a restart, pods of service account {spec.title} {role}",
        cause=f"annotation {ROLE_ARN_ANNOTATION} of the service account is {annotated.role_arn}",
        fix="correct the annotation first (eksops.irsa.sa_annotate), or omit role_arn",
    )


def _decide_owner(
    spec: RolloutSpec, owner: Owner, statuses: list[PodStatus], workloads: Workloads
) -> tuple[RolloutTask | None, str | None]:
    """The task for one owner, or a warning why its pods are not changed. Both are None if there is nothing to do."""
    rules, workload = owner.rules, workloads.get(owner)
    targets = [status for status in statuses if status.is_live and (status.stale or not spec.only_stale)]
    completing = [status for status in targets if status.runs_to_completion]
    if completing:
        task, warning = _decide_owner(
            spec, owner, [status for status in statuses if status not in completing], workloads
        )
        stale = [status for status in completing if status.stale]
        note = f"Not changed: {quantity(len(stale), 'stale pod')} of {owner}: {_join_names(stale)}. Pods that run to "
        note += "completion are never restarted."
        return task, " ".join(filter(None, (note if stale else None, warning))) or None
    if not targets:
        is_rolling_out = spec.wait and workload is not None and rules.is_rolling_out(workload)
        return (RolloutTask(owner) if is_rolling_out else None), None
    if not rules.recreates_pods and rules.is_namespaced:
        pods = f"{quantity(len(targets), 'pod')} of {owner}: {_join_names(targets)}"
        return None, f"Not changed: {pods}. Nothing re-creates pods of this owner. Replace them yourself."
    if not rules.recreates_pods or (rules.is_read and workload is None):
        # The kubelet manages static pods. Kubernetes deletes pods whose owner no longer exists.
        return None, None
    if spec.strategy != "restart":
        return _pod_by_pod(owner, targets, spec.strategy), None
    if workload is None:
        return _pod_by_pod(owner, targets, "evict"), None
    obstacle = rules.find_restart_obstacle(workload)
    if obstacle:
        state, fix = obstacle
        names = _join_names(targets)
        return None, f"{owner} is {state}, so its pods cannot be restarted: {names}. {fix}, or use strategy evict."
    if not rules.has_rolling_updates(workload):
        return _pod_by_pod(owner, targets, "evict"), None
    return _rolling_restart(spec, owner, workload, targets, workloads), None


def _rolling_restart(
    spec: RolloutSpec, owner: Owner, workload: Json, targets: list[PodStatus], workloads: Workloads
) -> RolloutTask | None:
    """The task for a workload whose controller replaces its pods; None if there is nothing to write or wait for."""
    rules = owner.rules
    # A pod below the partition of a StatefulSet keeps its old template, but gets the role when it is re-created.
    first = rules.get_first_updated_ordinal(workload)
    kept = [status for status in targets if parse_ordinal(status.name) < first]
    rolled = [status for status in targets if parse_ordinal(status.name) >= first]
    unready: list[PodStatus] = []
    if rules.waits_for_unready_pods(workload):
        # A pod without its role may never become ready.
        unready = [status for status in rolled if not readiness.is_ready(status.pod)]
    in_progress = spec.only_stale and all(_is_superseded(status, workload, workloads) for status in rolled)
    if in_progress and not (unready or kept or spec.wait):
        return None
    replace = _pod_by_pod(owner, kept, "evict").replace
    return RolloutTask(owner, bool(rolled) and not in_progress, _pod_names(unready), replace)


def _is_superseded(status: PodStatus, workload: Json, workloads: Workloads) -> bool:
    """Whether the controller is already replacing the pod."""
    owner, controller = status.owner, find_controller(status.pod)
    return owner is not None and owner.rules.is_superseded(
        workload, status.pod, workloads.get(controller) if controller else None
    )


def _pod_by_pod(owner: Owner, targets: list[PodStatus], strategy: str) -> RolloutTask:
    # Pods that are not ready come first, because they serve no requests. The rest has the order of a StatefulSet: the
    # highest ordinal first.
    ordered = sorted(
        targets, key=lambda status: (readiness.is_ready(status.pod), -parse_ordinal(status.name), status.name)
    )
    return RolloutTask(owner, replace=_pod_names(ordered), strategy=strategy)


def _pod_names(statuses: t.Iterable[PodStatus]) -> PodNames:
    return tuple((status.name, status.uid) for status in statuses)


def _find_remaining_stale(stale: list[PodStatus], tasks: t.Iterable[RolloutTask]) -> list[PodStatus]:
    """The stale pods that no task replaces."""
    removed = {uid for task in tasks for _name, uid in (*task.unready, *task.replace)}
    rolled = {task.owner for task in tasks if task.restart or not task.replace}
    return [status for status in stale if status.uid not in removed and status.owner not in rolled]


def _list_writes(namespace: str, task: RolloutTask) -> t.Iterator[tuple[Action, dict[str, str]]]:
    """The writes of a task, each with its entry for ``restarted``."""
    owner = task.owner
    title = f"{owner.kind} {namespace}/{owner.name}"

    def write(operation: str, strategy: str, summary: str) -> tuple[Action, dict[str, str]]:
        return Action(operation, {"owner": owner}, summary), {**entry, "strategy": strategy}

    entry = {"kind": owner.kind, "name": owner.name}
    if task.restart:
        yield write("restart", "restart", f"restart {title}")
    if task.unready:
        names = join_some([name for name, _uid in task.unready], MAX_NAMES)
        pods = quantity(len(task.unready), "unready pod")
        yield write("replace", "evict", f"evict {pods} of {title} that would block the rollout: {names}")
    if task.replace:
        names = join_some([name for name, _uid in task.replace], MAX_NAMES)
        summary = f"{task.strategy} {quantity(len(task.replace), 'pod')} of {title} one at a time: {names}"
        yield write(
            "replace", task.strategy, summary if owner.rules.recreates_pods else f"delete pod {namespace}/{names}"
        )


def _group_by_owner(statuses: t.Iterable[PodStatus]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for status in statuses:
        grouped.setdefault(str(status.owner) if status.owner else "no owner", []).append(status.name)
    return grouped


def _join_names(statuses: t.Iterable[PodStatus]) -> str:
    return join_some([status.name for status in statuses], MAX_NAMES)


class WorkloadFailure(t.NamedTuple):
    """Why the rollout of a workload failed.

    :param not_injected: whether it failed because new pods are stale.
    """

    owner: Owner
    reason: str
    blocker: str | None
    not_injected: bool


def build_failure(spec: RolloutSpec, failures: t.Sequence[WorkloadFailure]) -> RolloutFailed:
    """The error for the workloads whose rollout failed."""
    facts, causes = [], []
    for owner, reason, blocker, _not_injected in failures:
        facts.append({"kind": owner.kind, "name": owner.name, "reason": reason, "blocker": blocker})
        cause = reason if not blocker or blocker in reason else f"{reason} ({blocker})"
        causes.append(cause if len(failures) == 1 else f"{owner}: {cause}")
    names = ", ".join(f"{failure.owner.kind} {spec.namespace}/{failure.owner.name}" for failure in failures)
    if all(failure.not_injected for failure in failures):
        retries = "1 retry" if spec.max_retries == 1 else f"{spec.max_retries} retries"
        message = f"the new pods of {names} are still stale after {retries}"
        fix = (
            "check the annotation of the service account, the pod identity webhook (MutatingWebhookConfiguration "
            "pod-identity-webhook, its selectors and caBundle), and whether an EKS Pod Identity association of the "
            "service account takes precedence; then run again"
        )
    else:
        message = f"the rollout of {names} did not finish"
        fix = "fix the cause, or increase wait_timeout, and run again: the rollout continues"
    return RolloutFailed(
        message,
        cause="; ".join(causes),
        fix=fix,
        options=("wait_timeout",),
        namespace=spec.namespace,
        workloads=facts,
    )
