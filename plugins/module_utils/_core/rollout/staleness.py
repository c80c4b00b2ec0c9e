# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds stale pods: pods that would get another role, or other settings, if they were created now."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..pods import injection
from ..pods.injection import Container, ExpectedInjection, StaleSetting, get_name, get_uid
from ..pods.workload_kinds import Owner, Workloads, find_controller, find_owner
from ..wording import MAX_NAMES, join_some

Json = t.Mapping[str, t.Any]
FindExclusion = t.Callable[[t.Mapping[str, str]], "str | None"]
"""Takes the labels of a pod and returns the rule by which they exclude the pod from the webhook; None if none does."""

_STALE_STATES = ("other-role", "pod-identity", "not-injected")


@dataclasses.dataclass(frozen=True, eq=False)
class PodStatus:
    """A pod with its owner, its containers, and whether it is stale. Statuses compare by identity.

    :param template: the pod spec that the pod was created from, if known.
    :param reasons: why the pod is stale. For other pods, facts that explain their state.
    :param correct_containers: the names of the containers in the expected state; empty if nothing is expected.
    :param excluded: the rule by which its labels exclude it from the webhook.
    :param stale_settings: the values, other than the role, that a new pod would not have.
    """

    pod: Json
    owner: Owner | None
    template: Json | None
    containers: tuple[Container, ...]
    stale: bool = False
    reasons: tuple[str, ...] = ()
    correct_containers: tuple[str, ...] = ()
    excluded: str | None = None
    stale_settings: tuple[StaleSetting, ...] = ()

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    @property
    def spec(self) -> Json:
        return t.cast(Json, self.pod["spec"])

    @property
    def annotations(self) -> t.Mapping[str, str]:
        return t.cast("t.Mapping[str, str]", self.pod["metadata"].get("annotations") or {})

    @property
    def labels(self) -> t.Mapping[str, str]:
        return t.cast("t.Mapping[str, str]", self.pod["metadata"].get("labels") or {})

    @property
    def is_live(self) -> bool:
        return injection.is_live(self.pod)

    @property
    def is_static(self) -> bool:
        """Whether the kubelet of a node created the pod from a file. The API server has only a mirror of it."""
        return injection.MIRROR_ANNOTATION in self.annotations

    @property
    def runs_to_completion(self) -> bool:
        """Whether the pod ends when its work is done. Such pods are never restarted."""
        return injection.ends_by_itself(self.pod) or (self.owner is not None and self.owner.rules.runs_to_completion)

    @property
    def was_injected(self) -> bool:
        """Whether the webhook set a role in the pod."""
        return any(container.is_injected for container in self.containers)

    def as_dict(self, namespace: str) -> dict[str, t.Any]:
        """The pod as `pod_rollout` returns it."""
        return {
            "namespace": namespace,
            "name": self.name,
            "owner": {"kind": self.owner.kind, "name": self.owner.name} if self.owner else None,
            "stale": self.stale,
            "reasons": list(self.reasons),
        }


class FindExpected(t.Protocol):
    """Takes a pod and returns the injection that its service account requires; None if it requires none."""

    def __call__(self, pod: Json) -> ExpectedInjection | None: ...


def find_label_exclusion(labels: t.Mapping[str, str]) -> str | None:
    """The exclusion that applies in every cluster. The selectors of the webhook configuration may add others."""
    return f"label {injection.SKIP_LABEL} must not exist" if injection.SKIP_LABEL in labels else None


def evaluate_pod(
    pod: Json,
    expected: ExpectedInjection | None,
    workloads: Workloads,
    find_exclusion: FindExclusion = find_label_exclusion,
) -> PodStatus:
    """Whether a pod is stale, and why.

    The rules are those of https://github.com/aws/amazon-eks-pod-identity-webhook.

    :param expected: None if the service account requires no injection. The pod is then never stale.
    :param workloads: the owners that were read. Without its owner, a pod is evaluated without its template.
    """
    owner = find_owner(pod, workloads)
    template = find_template(owner, pod, workloads)
    containers = injection.inspect_containers(pod, expected.role_arn if expected else "", template)
    status = PodStatus(pod, owner, template, tuple(containers))
    # An injected pod got the label after its creation. A new pod would not have that label.
    excluded = None if status.was_injected else find_exclusion(status.labels)
    note = _find_exemption(status, excluded)
    if note is None and expected is not None:
        return _compare_containers(status, expected)
    note = note or f"its service account {injection.get_account_name(pod)} has no annotation {ROLE_ARN_ANNOTATION}"
    return dataclasses.replace(status, reasons=(note,), excluded=excluded)


def evaluate_pods(
    pods: t.Iterable[Json],
    find_expected: FindExpected,
    workloads: Workloads,
    find_exclusion: FindExclusion = find_label_exclusion,
) -> list[PodStatus]:
    """The results of `evaluate_pod`, sorted by name."""
    ordered = sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))
    return [evaluate_pod(pod, find_expected(pod), workloads, find_exclusion) for pod in ordered]


def _find_exemption(status: PodStatus, excluded: str | None) -> str | None:
    """Why the pod is not stale, regardless of its containers; None if the containers decide."""
    if status.is_static:
        return "it is a static pod, which webhooks do not process"
    if injection.is_terminating(status.pod):
        return "it is being deleted"
    if injection.is_finished(status.pod):
        phase = (status.pod["status"].get("reason") or status.pod["status"]["phase"]).lower()
        return f"it has ended ({phase})"
    if excluded and injection.SKIP_LABEL in status.labels:
        return f"its label {injection.SKIP_LABEL} excludes it from the webhook"
    return f"its labels exclude it from the webhook: {excluded}" if excluded else None


def _compare_containers(status: PodStatus, expected: ExpectedInjection) -> PodStatus:
    """The status of a pod that the webhook processes."""
    stale: list[str] = []
    notes: list[str] = []
    for container in status.containers:
        if container.state != "correct":
            allowed = container.state == "pod-identity" and expected.pod_identity
            reasons = stale if container.state in _STALE_STATES and not allowed else notes
            reasons.append(f"container {container.name} {_describe_container(container, expected)}")
    settings = injection.find_stale_settings(status.pod, expected, status.containers, status.template)
    stale += map(str, settings)
    correct = tuple(container.name for container in status.containers if container.state == "correct")
    return dataclasses.replace(
        status,
        stale=bool(stale),
        reasons=(*stale, *notes),
        correct_containers=correct,
        stale_settings=tuple(settings),
    )


def _describe_container(container: Container, expected: ExpectedInjection) -> str:
    """Why the state of a container is not ``correct``."""
    variables = " and ".join(container.variables)
    if container.state == "other-role":
        role = expected.role_arn
        return f"has role {container.role} instead of {role}" if role else f"still has role {container.role}"
    if container.state == "pod-identity" and expected.pod_identity:
        return "has the credentials of an EKS Pod Identity association, which takes precedence over the role"
    return {
        "skipped": f"is skipped by the annotation {injection.SKIP_CONTAINERS_ANNOTATION}",
        # The webhook sets both variables, or none if the container has one of them.
        "preset": f"sets {variables} itself, so the webhook does not change it",
        "foreign": f"got {variables} from something other than the webhook",
        "added-later": "was added after the webhook ran, so it has no role",
        "pod-identity": "has the credentials of an EKS Pod Identity association instead of the role",
        "not-injected": f"has no {injection.ROLE_VARIABLE} and {injection.FILE_VARIABLE}",
    }[container.state]


def find_template(owner: Owner | None, pod: Json, workloads: Workloads) -> Json | None:
    """The pod spec that the pod was created from; None if unknown.

    The template of the controller has priority. The template of a Deployment may be newer than that of its ReplicaSet.
    """
    for candidate in (find_controller(pod), owner):
        workload = workloads.get(candidate) if candidate else None
        if candidate is not None and workload is not None:
            return t.cast("Json | None", (candidate.rules.get_pod_template(workload) or {}).get("spec"))
    return None


class WorkloadState:
    """The observed state of one owner.

    :param service_account: that of the pods; None if labels select them.
    :param workloads: all owners. The caller updates it.
    :ivar pods: the pods of the owner by UID. The caller updates it.
    :ivar replicas: ``spec.replicas`` of an owner of an unknown kind, if it was read. The caller updates it.
    """

    def __init__(
        self, owner: Owner, service_account: str | None, workloads: Workloads, find_expected: FindExpected
    ) -> None:
        self.owner = owner
        self.pods: dict[str, Json] = {}
        self.replicas: int | None = None
        self._service_account = service_account
        self._workloads = workloads
        self._find_expected = find_expected
        self._statuses: dict[str, PodStatus] = {}

    @property
    def workload(self) -> Json | None:
        """The object of the owner; None if it does not exist or its kind is not read."""
        return self._workloads.get(self.owner) if self.owner.rules.is_read else None

    @property
    def is_deleted(self) -> bool:
        return self.owner.rules.is_read and self.workload is None

    @property
    def live_pods(self) -> dict[str, Json]:
        """The pods that are neither finished nor being deleted, by UID."""
        return {uid: pod for uid, pod in self.pods.items() if injection.is_live(pod)}

    @property
    def expected_count(self) -> int | None:
        """The number of pods that must exist; None if unknown."""
        if not self.owner.rules.recreates_pods:
            return 0
        if self.workload is None:
            return None
        template = self.owner.rules.get_pod_template(self.workload)
        if template and self._service_account not in (None, injection.get_account_name(template)):
            return 0  # new pods have another service account, so the watch does not include them
        return self.owner.rules.count_pods(self.workload)

    def count_needed(self, count: int) -> int:
        """The number of pods that must exist; ``count`` if the workload does not define it."""
        if self.expected_count is not None:
            return self.expected_count
        # An unknown kind may count objects other than its pods. Fewer replicas than pods are not reached yet.
        return count if self.replicas is None or self.replicas < len(self.live_pods) else min(count, self.replicas)

    @property
    def first_updated_ordinal(self) -> int:
        return self.owner.rules.get_first_updated_ordinal(self.workload) if self.workload else 0

    @property
    def updated_count(self) -> int:
        """The number of pods that get a changed template."""
        return (self.expected_count or 0) - (self.owner.rules.count_kept_pods(self.workload) if self.workload else 0)

    @property
    def min_ready_seconds(self) -> int:
        return int(self.workload["spec"].get("minReadySeconds") or 0) if self.workload else 0

    def get_status(self, pod: Json) -> PodStatus:
        """The status of a pod. It is evaluated once, because the environment of a container never changes."""
        uid = get_uid(pod)
        if uid not in self._statuses:
            self._statuses[uid] = evaluate_pod(pod, self._find_expected(pod), self._workloads)
        return self._statuses[uid]

    def find_stale(self, pods: t.Iterable[Json]) -> list[Json]:
        """The stale pods among those that a rollout replaces."""
        statuses = [(pod, self.get_status(pod)) for pod in pods]
        return [pod for pod, status in statuses if status.stale and not status.runs_to_completion]

    def describe_stale(self, pods: t.Sequence[Json]) -> str:
        names = join_some([*map(get_name, pods)], MAX_NAMES)
        reasons = "; ".join(dict.fromkeys(reason for pod in pods for reason in self.get_status(pod).reasons))
        return f"new pods are stale: {names}: {reasons}"
