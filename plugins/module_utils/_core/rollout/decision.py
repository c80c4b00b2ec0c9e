# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which workloads are to be restarted, and how, so that their pods carry their service account's role."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..errors import Conflict, NotFound
from ..plan import Action, Plan
from ..pods import injection, owners, readiness
from ..pods.injection import Expected, Verdict
from ..pods.owners import Owner, Workloads
from ..service_account.annotations import is_role_arn
from ..validation import Problems, check_service_account
from ..wording import quantity

Json = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The module's options.

    :param role_arn: None for the account's annotation, empty for no role at all.
    :param wait_timeout: seconds.
    :param max_retries: how often pods that came up without the role are replaced again.
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

    @classmethod
    def from_params(cls, params: Json) -> Wanted:
        """:raises InvalidInput: an option that can't be right."""
        wanted = cls(**{field.name: params[field.name] for field in dataclasses.fields(cls) if field.name in params})
        wanted = dataclasses.replace(wanted, label_selectors=tuple(wanted.label_selectors or ()))
        problems = Problems()
        # A name that is right stands in where the pods are chosen by labels alone.
        check_service_account(problems, wanted.namespace, wanted.service_account or "default", allow_wildcards=False)
        if wanted.service_account is None and not wanted.label_selectors:
            problems.add(
                "pods are chosen by service_account or label_selectors, and neither is given",
                "give the service account whose pods are to carry the role",
            )
        if wanted.role_arn and not is_role_arn(wanted.role_arn):
            problems.add(
                f"role_arn {wanted.role_arn!r} is no ARN of an IAM role",
                "give it as arn:PARTITION:iam::ACCOUNT:role/NAME, or leave it out to use the account's annotation",
            )
        for option, least in (("wait_timeout", 1), ("max_retries", 0)):
            if getattr(wanted, option) < least:
                problems.add(f"{option} is {getattr(wanted, option)}", f"give {least} or more")
        problems.stop()
        return wanted


def wanted_of_several(params: Json) -> list[Wanted]:
    """From the options of `pod_rollout` with ``service_accounts``: for each of them what is wanted.

    :raises InvalidInput: an option that can't be right, or an account that is there twice.
    """
    problems = Problems()
    found: list[Wanted] = []
    seen: set[tuple[str, str]] = set()
    for each in params["service_accounts"]:
        key = (each["namespace"], each["name"])
        if key in seen:
            problems.add(f"service account {'/'.join(key)} is given twice", "name each account once")
        seen.add(key)
        one = {"namespace": key[0], "service_account": key[1], "label_selectors": None, "role_arn": each["role_arn"]}
        found.append(Wanted.from_params({**params, **one}))
    problems.stop()
    return found


def expectation(wanted: Wanted, account: Json | None) -> Expected | None:
    """What pods of the named service account are to carry.

    :param account: the ServiceAccount; None where there is none.
    :raises NotFound: no account, or no annotation, and no ``role_arn`` that could stand in for it.
    """
    promised = Expected.from_account(account) if account is not None else None
    if wanted.role_arn is not None:
        return Expected(wanted.role_arn, promised.audience if promised else None)
    name = f"{wanted.namespace}/{wanted.service_account}"
    if account is None:
        raise NotFound(
            f"there is no service account {name}",
            fix="check namespace and service_account, or create the account with eksops.irsa.sa_annotate",
        )
    if promised is None:
        raise NotFound(
            f"service account {name} names no role",
            cause=f"it has no annotation {ROLE_ARN_ANNOTATION}, or an empty one",
            fix="annotate it with eksops.irsa.sa_annotate, or give role_arn (an empty one: pods are to have none)",
        )
    return promised


@dataclasses.dataclass(frozen=True)
class Finding:
    """One pod, whose it is, and whether it is stale."""

    pod: Json
    owner: Owner | None
    verdict: Verdict

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    @property
    def is_live(self) -> bool:
        return is_live(self.pod)

    def as_dict(self, namespace: str) -> dict[str, t.Any]:
        owner = {"kind": self.owner.kind, "name": self.owner.name} if self.owner else None
        return {
            "namespace": namespace,
            "name": self.name,
            "owner": owner,
            "stale": self.verdict.stale,
            "reasons": list(self.verdict.reasons),
        }


def is_live(pod: Json) -> bool:
    """Whether the pod is running or may yet run, and isn't being deleted."""
    return not injection.is_terminating(pod) and not injection.is_finished(pod)


class Expectations(t.Protocol):
    """What a pod is to carry, by its service account."""

    def __call__(self, pod: Json) -> Expected | None: ...


def find(pods: t.Iterable[Json], expected: Expectations, workloads: Workloads) -> list[Finding]:
    """Judges the pods, by their owners' templates where those were read."""
    findings = []
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        owner = owners.owner_of(pod, workloads)
        verdict = injection.judge(pod, expected(pod), owners.template_of(owner, pod, workloads))
        findings.append(Finding(pod, owner, verdict))
    return findings


def of_interest(findings: t.Iterable[Finding], wanted: Wanted) -> list[Json]:
    """The pods whose owners have to be read: those that are to be replaced, and those that may just be rolled out."""
    return [
        each.pod
        for each in findings
        if each.is_live
        and (each.verdict.stale or not wanted.only_stale or (wanted.wait and not readiness.is_ready(each.pod)))
    ]


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to happen to one workload, in this order.

    :param restart: change its template, so that its controller replaces the pods.
    :param held: names and uids of pods that are evicted at once then, because the controller would wait for them.
    :param replace: names and uids of pods that are removed one by one, each after the replacement of the last is ready.
    :param strategy: how they are removed, ``evict`` or ``delete``.

    One with neither is only waited for: it is being rolled out already.
    """

    owner: Owner
    restart: bool = False
    held: tuple[tuple[str, str], ...] = ()
    replace: tuple[tuple[str, str], ...] = ()
    strategy: str = "evict"


@dataclasses.dataclass(frozen=True)
class Decision:
    """The plan, and the workloads to watch while and after it is carried out."""

    plan: Plan
    tasks: tuple[Task, ...]
    restarted: tuple[dict[str, str], ...]
    unmanaged: tuple[dict[str, str], ...]


def decide(wanted: Wanted, findings: t.Sequence[Finding], workloads: Workloads) -> Decision:
    """What to do about the pods."""
    groups: dict[Owner | None, list[Finding]] = collections.defaultdict(list)
    for finding in findings:
        groups[finding.owner].append(finding)
    tasks: list[Task] = []
    warnings: list[str] = []
    for owner in sorted((each for each in groups if each), key=lambda each: each[1:]):
        task, warning = _task(wanted, owner, groups[owner], workloads)
        tasks += [task] if task else []
        warnings += [warning] if warning else []
    bare = [each for each in groups.get(None, []) if each.verdict.stale]
    if bare and wanted.delete_unmanaged:
        tasks += [_one_by_one(Owner("v1", "Pod", each.name), [each], "delete") for each in bare]
    elif bare:
        warnings.append(
            f"{quantity(len(bare), 'pod')} without the role and without an owner that would make them again, left "
            f"alone: {_names(bare)}. Replace them yourself, or set delete_unmanaged to have them deleted."
        )
    actions, restarted = [], []
    for task in tasks:
        for action, entry in _actions(wanted.namespace, task):
            actions.append(action)
            restarted.append(entry)
    stale = [each for each in findings if each.verdict.stale]
    done = {pair[1] for task in tasks for pair in (*task.held, *task.replace)}
    rolled = {task.owner for task in tasks if task.restart or not task.replace}
    left = [each for each in stale if each.uid not in done and each.owner not in rolled]
    plan = Plan(
        before={"stale_pods": _by_owner(stale)} if actions else {},
        after={"stale_pods": _by_owner(left)} if actions else {},
        actions=tuple(actions),
        warnings=tuple(warnings),
    )
    unmanaged = tuple({"namespace": wanted.namespace, "name": each.name} for each in bare)
    return Decision(plan, tuple(tasks), tuple(restarted), unmanaged)


def require_no_contradiction(wanted: Wanted, account: Json | None, decision: Decision) -> None:
    """Stops before a restart that can't bring the role that was asked for.

    :raises Conflict: the account names another role than ``role_arn``, and new pods would get that one.
    """
    if wanted.role_arn is None or account is None or not decision.plan:
        return
    promised = Expected.from_account(account)
    named = promised.role_arn if promised else ""
    # An account that names none may still get the role, from the webhook's own configuration.
    if not named or named == wanted.role_arn:
        return
    asked = f"role {wanted.role_arn}" if wanted.role_arn else "no role"
    raise Conflict(
        f"a restart can't give the pods of service account {wanted.namespace}/{wanted.service_account} {asked}",
        cause=f"the account's annotation {ROLE_ARN_ANNOTATION} names {named}",
        fix="correct the annotation first (eksops.irsa.sa_annotate), or leave role_arn out",
    )


def _task(wanted: Wanted, owner: Owner, group: list[Finding], workloads: Workloads) -> tuple[Task | None, str | None]:
    """The task for one owner, if any, and what to warn of."""
    targets = [each for each in group if each.is_live and (each.verdict.stale or not wanted.only_stale)]
    workload = workloads.get(owner)
    if not targets:
        rolling = wanted.wait and workload is not None and readiness.is_under_way(owner.kind, workload)
        return (Task(owner) if rolling else None), None
    if owner.kind == "Node" or (owner.is_builtin and workload is None):
        return None, None  # static pods are their node's; pods whose owner is gone go after it
    if owner.api_version.split("/")[0] == "batch":
        stale = [each for each in targets if each.verdict.stale]
        if not stale:
            return None, None
        return (
            None,
            f"{owner} runs {quantity(len(stale), 'pod')} without the role; a Job is never restarted: {_names(stale)}.",
        )
    if wanted.strategy != "restart":
        return _one_by_one(owner, targets, wanted.strategy), None
    if owner.kind == "Deployment" and owner.is_builtin and t.cast(Json, workload)["spec"].get("paused"):
        return None, (
            f"{owner} is paused, so its pods can't be rolled out: {_names(targets)}. Resume it (kubectl rollout "
            "resume), or use strategy evict."
        )
    if workload is None or not readiness.updates_itself(owner.kind, workload):
        return _one_by_one(owner, targets, "evict"), None
    below: list[Finding] = []
    if owner.kind == "StatefulSet":
        # A pod under the partition keeps its old template when it is made again, but the webhook sees it all the same.
        first = readiness.partition(workload["spec"])
        below = [each for each in targets if ordinal(each.name) < first]
        targets = [each for each in targets if ordinal(each.name) >= first]
    held: list[Finding] = []
    if owner.kind == "StatefulSet" and workload["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady":
        # The controller replaces nothing while a pod isn't ready, and a pod that lacks its role may never be. See
        # https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
        held = [each for each in targets if not readiness.is_ready(each.pod)]
    rolling = wanted.only_stale and all(is_superseded(owner, each.pod, workloads) for each in targets)
    if rolling and not (held or below or wanted.wait):
        return None, None
    replace = _one_by_one(owner, below, "evict").replace
    return Task(owner, bool(targets) and not rolling, _pairs(held), replace, "evict"), None


def _one_by_one(owner: Owner, targets: list[Finding], strategy: str) -> Task:
    # What isn't ready serves nobody, so it goes first; then as a StatefulSet does it, from the highest ordinal down.
    ordered = sorted(targets, key=lambda each: (readiness.is_ready(each.pod), -ordinal(each.name), each.name))
    return Task(owner, replace=_pairs(ordered), strategy=strategy)


def _pairs(findings: t.Iterable[Finding]) -> tuple[tuple[str, str], ...]:
    return tuple((each.name, each.uid) for each in findings)


def is_superseded(owner: Owner, pod: Json, workloads: Workloads) -> bool:
    """Whether the pod is of a revision that its controller is replacing already, so that nothing need be written."""
    workload = workloads.get(owner)
    if workload is None:
        return False
    metadata, status = workload["metadata"], workload.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(metadata.get("generation") or 0):
        return False
    labels, annotations = pod["metadata"].get("labels") or {}, metadata.get("annotations") or {}
    if owner.kind == "Deployment":
        controller = owners.controller_of(pod)
        replica_set = workloads.get(controller) if controller else None
        key = "deployment.kubernetes.io/revision"
        made_by = (replica_set["metadata"].get("annotations") or {}).get(key) if replica_set else None
        return bool(made_by and annotations.get(key) and made_by != annotations[key])
    if owner.kind == "StatefulSet":
        pair = (labels.get("controller-revision-hash"), status.get("updateRevision"))
    else:
        pair = (labels.get("pod-template-generation"), annotations.get("deprecated.daemonset.template.generation"))
    return bool(all(pair) and pair[0] != pair[1])


def ordinal(name: str) -> int:
    """A StatefulSet pod's ordinal; 0 for other names."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _actions(namespace: str, task: Task) -> t.Iterator[tuple[Action, dict[str, str]]]:
    """The task's writes, each with its entry in ``restarted``."""
    owner = task.owner
    entry = {"kind": owner.kind, "name": owner.name}
    if task.restart:
        yield (
            Action("restart", {"owner": owner}, f"restart {owner.kind} {namespace}/{owner.name}"),
            {**entry, "strategy": "restart"},
        )
    if task.held:
        what = f"of {owner.kind} {namespace}/{owner.name} that would hold up the rollout"
        summary = f"evict {quantity(len(task.held), 'unready pod')} {what}: {', '.join(pair[0] for pair in task.held)}"
        yield Action("replace", {"owner": owner}, summary), {**entry, "strategy": "evict"}
    if task.replace:
        names = [pair[0] for pair in task.replace]
        if owner.kind == "Pod":
            summary = f"delete pod {namespace}/{owner.name}"
        else:
            of = f"of {owner.kind} {namespace}/{owner.name}"
            summary = f"{task.strategy} {quantity(len(names), 'pod')} {of} one at a time: {', '.join(names)}"
        yield Action("replace", {"owner": owner}, summary), {**entry, "strategy": task.strategy}


def _by_owner(findings: t.Iterable[Finding]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for each in findings:
        grouped.setdefault(str(each.owner) if each.owner else "no owner", []).append(each.name)
    return grouped


def _names(findings: t.Iterable[Finding]) -> str:
    return ", ".join(each.name for each in findings)
