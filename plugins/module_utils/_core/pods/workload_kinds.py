# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for each kind of workload, and the search for the workload that owns a pod.

Each supported kind has a class, which `find_kind` returns. All other kinds use `WorkloadKind`: their objects are never
read, and their pods are replaced one by one. To support a kind, add a class to `_KINDS` with ``group``, ``kind``,
``plural``, ``is_read``, and the methods about its rollouts.
"""

from __future__ import annotations

import typing as t

from .readiness import RolloutStatus, find_condition

Json = t.Mapping[str, t.Any]

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


class WorkloadKind:
    """The rules for an unknown kind. Subclasses override them for known kinds.

    :cvar group: the API group; empty for the core group.
    :cvar plural: the name of the resource in API paths.
    :cvar is_read: whether the collection reads, watches and restarts objects of the kind.
    :cvar is_namespaced: whether the objects belong to a namespace.
    :cvar recreates_pods: whether a removed pod is created again.
    :cvar runs_to_completion: whether the pods end when their work is done. Such pods are never restarted.
    :cvar is_intermediate: whether another workload may own the objects.
    :cvar replaces_all_pods: whether no pod with an older template is left after a rollout.
    """

    group: t.ClassVar[str] = ""
    kind: t.ClassVar[str] = ""
    plural: t.ClassVar[str] = ""
    is_read: t.ClassVar[bool] = False
    is_namespaced: t.ClassVar[bool] = True
    recreates_pods: t.ClassVar[bool] = True
    runs_to_completion: t.ClassVar[bool] = False
    is_intermediate: t.ClassVar[bool] = False
    replaces_all_pods: t.ClassVar[bool] = False

    def count_pods(self, workload: Json) -> int | None:
        """The number of pods that the workload should have; None if unknown."""
        return None

    def has_rolling_updates(self, workload: Json) -> bool:
        """Whether the controller replaces the pods when the template changes. If not, pods are replaced one by one."""
        return False

    def is_rolling_out(self, workload: Json) -> bool:
        """Whether a change of the template is being rolled out. A pod that fails after the rollout does not count."""
        return (
            self.has_rolling_updates(workload)
            and not self.get_rollout_status(workload).done
            and self._is_changing(workload)
        )

    def get_rollout_status(self, workload: Json) -> RolloutStatus:
        """The progress of the rollout by the rules of ``kubectl rollout status``.

        https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go
        """
        status = workload.get("status") or {}
        if not _is_status_current(workload):
            return RolloutStatus(False, "its controller has not seen the change yet")
        return self._evaluate_status(workload["spec"], status)

    def build_restart_patch(self, at: str) -> dict[str, t.Any]:
        """The merge patch that restarts the workload like ``kubectl rollout restart``.

        :param at: the time of the restart in RFC 3339.
        """
        return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}}

    def get_restarted_at(self, workload: Json) -> str | None:
        """The time of the last restart, which is also an annotation of new pods; None if there was no restart."""
        return get_restarted_at(workload["spec"].get("template") or {"metadata": {}})

    def find_restart_obstacle(self, workload: Json) -> tuple[str, str] | None:
        """The state that prevents a rolling restart, and the fix; None if a restart is possible."""
        return None

    def get_first_updated_ordinal(self, workload: Json) -> int:
        """The lowest ordinal of the pods that get a changed template; 0 for all pods."""
        return 0

    def count_kept_pods(self, workload: Json) -> int:
        """The number of pods that keep the template from before a change."""
        return 0

    def waits_for_unready_pods(self, workload: Json) -> bool:
        """Whether the controller replaces no pod while another pod is not ready."""
        return False

    def is_superseded(self, workload: Json, pod: Json, controller: Json | None) -> bool:
        """Whether the controller is already replacing the revision of the pod.

        :param controller: the controller of the pod, if it is not the workload.
        """
        revision, current = self._get_revisions(workload, pod, controller)
        return _is_status_current(workload) and bool(revision and current and revision != current)

    def find_owner_by_labels(self, name: str, labels: t.Mapping[str, str]) -> tuple[str, str, str] | None:
        """The API version, kind and name of the owner of the controller ``name``, found by the labels of a pod."""
        return None

    def get_pod_template(self, workload: Json) -> Json | None:
        """The template of new pods."""
        return t.cast("Json | None", workload["spec"].get("template"))

    def _evaluate_status(self, spec: Json, status: Json) -> RolloutStatus:
        return RolloutStatus(True)

    def _is_changing(self, workload: Json) -> bool:
        return True

    def _get_revisions(self, workload: Json, pod: Json, controller: Json | None) -> tuple[str | None, str | None]:
        return None, None


class _ReplicatedKind(WorkloadKind):
    """Rules for a kind with ``spec.replicas``."""

    is_read = True

    def count_pods(self, workload: Json) -> int | None:
        return _get_replicas(workload["spec"])


class Deployment(_ReplicatedKind):
    group, kind, plural = "apps", "Deployment", "deployments"
    replaces_all_pods = True

    def has_rolling_updates(self, workload: Json) -> bool:
        return not workload["spec"].get("paused")

    def find_restart_obstacle(self, workload: Json) -> tuple[str, str] | None:
        return ("paused", "Resume it (kubectl rollout resume)") if workload["spec"].get("paused") else None

    def _evaluate_status(self, spec: Json, status: Json) -> RolloutStatus:
        progressing = find_condition(status, "Progressing")
        if progressing.get("reason") == "ProgressDeadlineExceeded":
            message = progressing.get("message") or "it made no progress"
            return RolloutStatus(False, f"it exceeded its progress deadline: {message}", failed=True)
        expected, total = _get_replicas(spec), _get_number(status, "replicas")
        updated, available = _get_number(status, "updatedReplicas"), _get_number(status, "availableReplicas")
        if updated < expected:
            return RolloutStatus(False, f"{updated} of {expected} replicas are updated")
        if total > updated:
            return RolloutStatus(False, f"{total - updated} old replicas are still there")
        if available < updated:
            return RolloutStatus(False, f"{available} of {updated} updated replicas are available")
        return RolloutStatus(True)

    def _is_changing(self, workload: Json) -> bool:
        progressing = find_condition(workload.get("status") or {}, "Progressing")
        return progressing.get("reason") != "NewReplicaSetAvailable"

    def _get_revisions(self, workload: Json, pod: Json, controller: Json | None) -> tuple[str | None, str | None]:
        return _get_annotations(controller or {}).get(_REVISION), _get_annotations(workload).get(_REVISION)


class ReplicaSet(_ReplicatedKind):
    group, kind, plural = "apps", "ReplicaSet", "replicasets"
    is_intermediate = True

    def find_owner_by_labels(self, name: str, labels: t.Mapping[str, str]) -> tuple[str, str, str] | None:
        # Only Deployments set this label on their ReplicaSets and use it in their names.
        suffix = f"-{labels.get(_HASH, '')}"
        if len(suffix) > 1 and name.endswith(suffix):
            return "apps/v1", "Deployment", name.removesuffix(suffix)
        return None


class ReplicationController(_ReplicatedKind):
    kind, plural = "ReplicationController", "replicationcontrollers"


class StatefulSet(_ReplicatedKind):
    group, kind, plural = "apps", "StatefulSet", "statefulsets"

    def has_rolling_updates(self, workload: Json) -> bool:
        return _has_rolling_update_strategy(workload)

    def get_first_updated_ordinal(self, workload: Json) -> int:
        # The partition is a number of pods. Their ordinals begin with ``ordinals.start``.
        kept = self.count_kept_pods(workload)
        return kept and kept + int((workload["spec"].get("ordinals") or {}).get("start") or 0)

    def count_kept_pods(self, workload: Json) -> int:
        return int(((workload["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)

    def waits_for_unready_pods(self, workload: Json) -> bool:
        # https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
        return bool(workload["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady")

    def _evaluate_status(self, spec: Json, status: Json) -> RolloutStatus:
        expected, updated = _get_replicas(spec), _get_number(status, "updatedReplicas")
        ready, available = _get_number(status, "readyReplicas"), _get_number(status, "availableReplicas")
        if ready < expected:
            return RolloutStatus(False, f"{ready} of {expected} replicas are ready")
        if int(spec.get("minReadySeconds") or 0) and available < expected:
            return RolloutStatus(False, f"{available} of {expected} replicas are available")
        kept = self.count_kept_pods({"spec": spec})
        if kept:
            first = self.get_first_updated_ordinal({"spec": spec})
            if updated < expected - kept:
                return RolloutStatus(
                    False, f"{updated} of {expected - kept} replicas from ordinal {first} on are updated"
                )
            return RolloutStatus(True)
        if status.get("updateRevision") != status.get("currentRevision"):
            return RolloutStatus(False, f"{updated} of {expected} replicas are updated")
        return RolloutStatus(True)

    def _is_changing(self, workload: Json) -> bool:
        status = workload.get("status") or {}
        changed = status.get("updateRevision") != status.get("currentRevision")
        return changed and not self.get_first_updated_ordinal(workload)

    def _get_revisions(self, workload: Json, pod: Json, controller: Json | None) -> tuple[str | None, str | None]:
        current = (workload.get("status") or {}).get("updateRevision")
        return (pod["metadata"].get("labels") or {}).get("controller-revision-hash"), current


class DaemonSet(WorkloadKind):
    group, kind, plural = "apps", "DaemonSet", "daemonsets"
    is_read = True
    replaces_all_pods = True

    def count_pods(self, workload: Json) -> int | None:
        return _get_number(workload.get("status") or {}, "desiredNumberScheduled")

    def has_rolling_updates(self, workload: Json) -> bool:
        return _has_rolling_update_strategy(workload)

    def _evaluate_status(self, spec: Json, status: Json) -> RolloutStatus:
        expected = _get_number(status, "desiredNumberScheduled")
        updated, available = _get_number(status, "updatedNumberScheduled"), _get_number(status, "numberAvailable")
        if updated < expected:
            return RolloutStatus(False, f"{updated} of {expected} pods are updated")
        if available < expected:
            return RolloutStatus(False, f"{available} of {expected} updated pods are available")
        return RolloutStatus(True)

    def _is_changing(self, workload: Json) -> bool:
        status = workload.get("status") or {}
        return _get_number(status, "updatedNumberScheduled") < _get_number(status, "desiredNumberScheduled")

    def _get_revisions(self, workload: Json, pod: Json, controller: Json | None) -> tuple[str | None, str | None]:
        revision = (pod["metadata"].get("labels") or {}).get("pod-template-generation")
        return revision, _get_annotations(workload).get("deprecated.daemonset.template.generation")


class Job(WorkloadKind):
    group, kind = "batch", "Job"
    runs_to_completion = True


class CronJob(Job):
    kind = "CronJob"


class Node(WorkloadKind):
    """The owner of static pods, which its kubelet creates from files."""

    kind = "Node"
    is_namespaced = False
    recreates_pods = False


class UnownedPod(WorkloadKind):
    """A pod without an owner. It is its own workload."""

    kind, plural = "Pod", "pods"
    recreates_pods = False


_GENERIC = WorkloadKind()
_KINDS: t.Final[t.Mapping[tuple[str, str], WorkloadKind]] = {
    (rules.group, rules.kind): rules()
    for rules in (Deployment, ReplicaSet, StatefulSet, DaemonSet, ReplicationController, Job, CronJob, Node, UnownedPod)
}


def find_kind(api_version: str, kind: str) -> WorkloadKind:
    """The rules of a kind. The group distinguishes kinds of the same name: OpenKruise also has a StatefulSet."""
    return _KINDS.get((api_version.rpartition("/")[0], kind), _GENERIC)


# Owners of pods


class Owner(t.NamedTuple):
    """A workload in the namespace of its pods.

    The API version distinguishes the kinds of Kubernetes from others of the same name.
    """

    api_version: str
    kind: str
    name: str

    @property
    def rules(self) -> WorkloadKind:
        """The rules for its kind."""
        return find_kind(self.api_version, self.kind)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


Workloads = t.Mapping[Owner, "Json | None"]
"""The workloads that were read, by owner; None for a workload that does not exist."""


def find_controller(body: Json) -> Owner | None:
    """The controller in the owner references of an object; None if it has no controller."""
    for reference in body["metadata"].get("ownerReferences") or []:
        if reference.get("controller"):
            return Owner(reference["apiVersion"], reference["kind"], reference["name"])
    return None


def find_owner(pod: Json, workloads: Workloads) -> Owner | None:
    """The workload that owns a pod, found in ``workloads`` or by the labels of the pod; None without an owner."""
    controller = find_controller(pod)
    if controller is None or not controller.rules.is_intermediate:
        return controller
    workload = workloads.get(controller)
    if workload is not None:
        return find_controller(workload) or controller
    owner = controller.rules.find_owner_by_labels(controller.name, pod["metadata"].get("labels") or {})
    return Owner(*owner) if owner else controller


def list_owners_to_read(pods: t.Iterable[Json], workloads: Workloads, *, with_templates: bool) -> list[Owner]:
    """The workloads that must be read to find the owners of the pods.

    :param workloads: the workloads that were already read.
    :param with_templates: whether the objects of the owners are needed. Otherwise, their names are enough.
    """
    to_read: dict[Owner, None] = {}
    for pod in pods:
        controller, owner = find_controller(pod), find_owner(pod, workloads)
        for candidate in (controller, owner):
            if candidate is None or not candidate.rules.is_read or candidate in workloads:
                continue
            # A workload that the labels of the pod do not name may own the controller.
            if with_templates or (candidate.rules.is_intermediate and owner == controller):
                to_read[candidate] = None
    return list(to_read)


# Fields


def get_restarted_at(body: Json) -> str | None:
    """The time of the last restart in the annotations of a pod or template; None if it has no such annotation."""
    return _get_annotations(body).get(RESTARTED_AT)


def parse_ordinal(name: str) -> int:
    """The ordinal of a StatefulSet's pod; 0 for other names."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _is_status_current(workload: Json) -> bool:
    """Whether the status includes the latest change of the spec."""
    observed = _get_number(workload.get("status") or {}, "observedGeneration")
    return observed >= _get_number(workload["metadata"], "generation")


def _has_rolling_update_strategy(workload: Json) -> bool:
    return bool((workload["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")


def _get_annotations(body: Json) -> t.Mapping[str, str]:
    return (body.get("metadata") or {}).get("annotations") or {}


def _get_number(body: Json, field: str) -> int:
    return int(body.get(field) or 0)


def _get_replicas(spec: Json) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)
