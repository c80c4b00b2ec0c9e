# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a pod is stale, and why: whether the webhook would give something else to the same pod today."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..pods import injection
from ..pods.injection import Container, ExpectedInjection
from ..pods.workload_kinds import Owner, Workloads, find_controller, find_owner

Json = t.Mapping[str, t.Any]
Exclusion = t.Callable[[t.Mapping[str, str]], "str | None"]
"""Why a pod's labels keep the webhook away; None where they don't."""

_STALE_STATES = ("other-role", "pod-identity", "not-injected")


@dataclasses.dataclass(frozen=True, eq=False)
class PodStatus:
    """One pod: who owns it, what the webhook did to it, and whether it is stale. Each is equal to itself alone.

    :param template: the pod spec that it was made from, as far as it is known.
    :param reasons: why it is stale; for a pod that isn't, what else a reader should know.
    :param correct_containers: those whose environment is as expected; none where nothing is expected of the pod.
    :param excluded: why its labels keep the webhook away.
    :param stale_audience: the audience of its token, where the account asks for another.
    """

    pod: Json
    owner: Owner | None
    template: Json | None
    containers: tuple[Container, ...]
    stale: bool = False
    reasons: tuple[str, ...] = ()
    correct_containers: tuple[str, ...] = ()
    excluded: str | None = None
    stale_audience: str | None = None

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
        """Whether a node's kubelet made it from a file, and the API server only has its mirror."""
        return injection.MIRROR_ANNOTATION in self.annotations

    @property
    def was_injected(self) -> bool:
        """Whether the webhook saw the pod and gave it a role."""
        return any(container.is_injected for container in self.containers)

    def as_dict(self, namespace: str) -> dict[str, t.Any]:
        """As `pod_rollout` returns it."""
        return {
            "namespace": namespace,
            "name": self.name,
            "owner": {"kind": self.owner.kind, "name": self.owner.name} if self.owner else None,
            "stale": self.stale,
            "reasons": list(self.reasons),
        }


class Expectations(t.Protocol):
    """What a new pod in a pod's place would carry, by its service account."""

    def __call__(self, pod: Json) -> ExpectedInjection | None: ...


def find_label_exclusion(labels: t.Mapping[str, str]) -> str | None:
    """The exclusion that holds in every cluster. Selectors of the webhook's configuration may exclude more."""
    return f"there must be no label {injection.SKIP_LABEL}" if injection.SKIP_LABEL in labels else None


def evaluate_pod(
    pod: Json, expected: ExpectedInjection | None, workloads: Workloads, exclusion: Exclusion = find_label_exclusion
) -> PodStatus:
    """Whether a pod is stale, and why.

    The rules are those of https://github.com/aws/amazon-eks-pod-identity-webhook.

    :param expected: None where the account promises nothing, so that nothing can be missing.
    :param workloads: the owners that were read; a pod whose owner isn't there is evaluated by what it carries alone.
    """
    owner = find_owner(pod, workloads)
    template = find_template(owner, pod, workloads)
    containers = injection.inspect_containers(pod, expected.role_arn if expected else "", template)
    status = PodStatus(pod, owner, template, tuple(containers))
    # A pod that the webhook gave a role got such a label later; a new pod doesn't have it.
    excluded = None if status.was_injected else exclusion(status.labels)
    note = _why_never_stale(status, excluded)
    if note is None and expected is not None:
        return _compare(status, expected)
    note = note or f"its service account {injection.get_account_name(pod)} has no annotation {ROLE_ARN_ANNOTATION}"
    return dataclasses.replace(status, reasons=(note,), excluded=excluded)


def evaluate_pods(
    pods: t.Iterable[Json], expected: Expectations, workloads: Workloads, exclusion: Exclusion = find_label_exclusion
) -> list[PodStatus]:
    """`evaluate_pod` for each, by name."""
    ordered = sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))
    return [evaluate_pod(pod, expected(pod), workloads, exclusion) for pod in ordered]


def _why_never_stale(status: PodStatus, excluded: str | None) -> str | None:
    """Why the pod isn't stale whatever its containers carry."""
    if status.is_static:
        return "a static pod, which no webhook sees"
    if injection.is_terminating(status.pod):
        return "it is being deleted"
    if injection.is_finished(status.pod):
        why = (status.pod["status"].get("reason") or status.pod["status"]["phase"]).lower()
        return f"it has ended ({why})"
    if excluded and injection.SKIP_LABEL in status.labels:
        return f"its label {injection.SKIP_LABEL} keeps the webhook away"
    return f"its labels keep the webhook away: {excluded}" if excluded else None


def _compare(status: PodStatus, expected: ExpectedInjection) -> PodStatus:
    """The status of a pod that the webhook would see, by what its containers carry."""
    stale: list[str] = []
    notes: list[str] = []
    for container in status.containers:
        if container.state != "correct":
            allowed = container.state == "pod-identity" and expected.pod_identity
            reasons = stale if container.state in _STALE_STATES and not allowed else notes
            reasons.append(f"container {container.name} {_describe(container, expected)}")
    audience = injection.find_stale_audience(status.spec, expected, status.containers, status.template)
    if audience:
        stale.append(f"the token's audience is {audience} instead of {expected.audience}")
    right = tuple(container.name for container in status.containers if container.state == "correct")
    return dataclasses.replace(
        status, stale=bool(stale), reasons=(*stale, *notes), correct_containers=right, stale_audience=audience
    )


def _describe(container: Container, expected: ExpectedInjection) -> str:
    """Why a container isn't right."""
    variables = " and ".join(container.variables)
    if container.state == "other-role":
        role = expected.role_arn
        return f"has role {container.role} instead of {role}" if role else f"still has role {container.role}"
    if container.state == "pod-identity" and expected.pod_identity:
        return "has the credentials of an EKS Pod Identity association, which takes precedence over the role"
    return {
        "skipped": f"is skipped by the annotation {injection.SKIP_CONTAINERS_ANNOTATION}",
        # The webhook sets both or, where it finds either, none.
        "preset": f"sets {variables} itself, so the webhook leaves it alone",
        "foreign": f"was given {variables} by something else than the webhook",
        "added-later": "was added after the webhook had seen the pod, so it has no role",
        "pod-identity": "has the credentials of an EKS Pod Identity association instead of the role",
        "not-injected": f"has no {injection.ROLE_VARIABLE} and {injection.FILE_VARIABLE}",
    }[container.state]


def find_template(owner: Owner | None, pod: Json, workloads: Workloads) -> Json | None:
    """The pod spec that the pod was made from, as far as it is known.

    The controller's template comes before the owner's: a Deployment's may have changed since the pod's ReplicaSet was
    made.
    """
    for candidate in (find_controller(pod), owner):
        workload = workloads.get(candidate) if candidate else None
        if candidate is not None and workload is not None:
            return t.cast("Json | None", (candidate.rules.get_pod_template(workload) or {}).get("spec"))
    return None
