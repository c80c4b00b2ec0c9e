# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a chain's pods don't carry its role, or don't use what they carry.

One finding per cause, however many pods have it. What is in a pod's own specification (a label, a variable) is found
whatever the account and the webhook are like, as it would still break the chain once those are fixed; what a pod
merely lacks is found only where account and webhook would have given it.
"""

from __future__ import annotations

import functools
import typing as t

from ...pods import injection
from ...pods.injection import FILE_VARIABLE, ROLE_VARIABLE, SKIP_LABEL, Expected
from ...rollout import staleness
from ...rollout.staleness import PodStatus
from .. import webhook_config
from ..causes import Finding
from ..facts import Chain, KubernetesFacts, Unknown, expected_injection, name_of
from . import occurrences
from . import pod_spec as pod_spec_rules
from . import webhook as webhook_rules
from .occurrences import Occurrence
from .webhook import replace

Json = t.Mapping[str, t.Any]


def findings(chain: Chain, facts: KubernetesFacts) -> list[Finding]:
    """What is wrong with the webhook and with the pods.

    Pods that are ending or have ended are left out. A static pod, which no webhook sees, and a pod of another account
    lack the role for that reason alone. Under a webhook that can't work pods lack the variables because of it.
    """
    broken = webhook_rules.findings(chain, facts)
    found = [*broken, *pod_spec_rules.without_effect(chain, facts)]
    if isinstance(facts.pods, Unknown):
        return found
    expected = expected_injection(chain, facts)
    role_arn = expected.role_arn if expected else chain.role_arn
    pods = [pod for pod in evaluate_pods(chain, facts) if pod.is_live]
    found += _static(chain, [pod for pod in pods if pod.is_static])
    pods = [pod for pod in pods if not pod.is_static]
    found += _other_account(chain, [pod for pod in pods if not _is_ours(chain, pod)])
    found += _excluded(chain, [pod for pod in pods if pod.excluded])
    if expected is not None:
        ours = [pod for pod in pods if _is_ours(chain, pod) and not pod.excluded]
        found += [] if broken else _not_injected(chain, ours)
        found += [*_other_role(chain, expected, ours), *_other_audience(chain, expected, ours)]
        found += _late(chain, ours)
    return [*found, *pod_spec_rules.findings(chain, facts, role_arn, pods)]


def evaluate_pods(chain: Chain, facts: KubernetesFacts) -> list[PodStatus]:
    """The status of each pod that was read; none where they could not be read."""
    if isinstance(facts.pods, Unknown):
        return []
    expected = expected_injection(chain, facts)
    exclusion = functools.partial(_exclusion, facts)
    return staleness.evaluate_pods(facts.pods, lambda _pod: expected, facts.workloads, exclusion)


def _exclusion(facts: KubernetesFacts, labels: t.Mapping[str, str]) -> str | None:
    """Why labels keep the webhook away, by the rule of every cluster or by the selectors of this one's webhooks."""
    reason = staleness.excluded_by_label(labels)
    if reason or isinstance(facts.webhooks, Unknown):
        return reason
    hooks = [hook for hook in webhook_config.pod_identity_hooks(facts.webhooks) if webhook_config.sees_new_pods(hook)]
    reasons = [webhook_config.unmet(hook.body.get("objectSelector"), labels) for hook in hooks]
    return reasons[0] if reasons and all(reasons) else None


def _is_ours(chain: Chain, pod: PodStatus) -> bool:
    return injection.account_of(pod.pod) == chain.service_account


# -- pods that the webhook doesn't see


def _static(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    seen = [Occurrence(pod, f"metadata.annotations[{injection.MIRROR}]") for pod in pods]
    if seen:
        yield Finding(
            "static-pod",
            f"{occurrences.names(chain.namespace, seen)}: static pods, which the kubelet makes without a service "
            "account and without any webhook",
            f"run this as a DaemonSet with serviceAccountName: {chain.service_account}",
            occurrences.path(seen),
        )


def _other_account(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    seen = [Occurrence(pod, "spec.serviceAccountName", injection.account_of(pod.pod)) for pod in pods]
    if seen:
        yield Finding(
            "pod-other-account",
            f"{occurrences.names(chain.namespace, seen)}: another service account than {name_of(chain)}",
            f"set serviceAccountName: {chain.service_account} in {occurrences.workloads(seen)}, or choose other pods "
            "by label_selectors",
            occurrences.path(seen),
            expected=chain.service_account,
            found=occurrences.values(seen),
        )


def _excluded(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    seen = [Occurrence(pod, "metadata.labels", pod.excluded) for pod in pods]
    for reason, some in occurrences.grouped(seen, lambda each: str(each.found)).items():
        labelled = SKIP_LABEL in some[0].pod.labels
        yield Finding(
            "webhook-excluded",
            f"the labels of {occurrences.names(chain.namespace, some)} keep the pod identity webhook away: {reason}",
            (f"remove the label {SKIP_LABEL} from" if labelled else "change the labels in")
            + f" {occurrences.workloads(some)}, which replaces the pods",
            occurrences.path(some),
            expected=reason,
            found=_labels(some[0].pod.labels),
        )


def _labels(labels: t.Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "no labels"


# -- pods that the webhook saw too early, or that somebody changed after it


def _not_injected(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    seen = [
        Occurrence.of(pod, container, "env")
        for pod in pods
        for container in pod.containers
        if container.state == "not-injected"
    ]
    if seen:
        yield Finding(
            "pod-predates-annotation",
            f"{occurrences.names(chain.namespace, seen)} {_has(seen)} neither {ROLE_VARIABLE} nor {FILE_VARIABLE}: "
            f"made before service account {name_of(chain)} was annotated, or while the webhook was away",
            replace(chain) + _by_hand(seen),
            occurrences.path(seen),
            expected=f"{ROLE_VARIABLE} and {FILE_VARIABLE}",
            found="neither",
        )


def _other_audience(chain: Chain, expected: Expected, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    seen = [
        Occurrence(pod, "spec.volumes[aws-iam-token].projected", pod.stale_audience)
        for pod in pods
        if pod.stale_audience
    ]
    if seen:
        yield Finding(
            "pod-predates-annotation",
            f"the token of {occurrences.names(chain.namespace, seen)} has another audience than service account "
            f"{name_of(chain)} asks for by now",
            replace(chain) + _by_hand(seen),
            occurrences.path(seen),
            expected=expected.audience,
            found=occurrences.values(seen),
        )


def _other_role(chain: Chain, expected: Expected, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    # Where the account names another role than the one to be verified, that is its own finding, and pods that have the
    # latter are no older than the mistake.
    right = {expected.role_arn, chain.role_arn}
    seen = [
        Occurrence.of(pod, container, f"env[{ROLE_VARIABLE}]", container.role)
        for pod in pods
        for container in pod.containers
        if container.state == "other-role" and container.role not in right
    ]
    if not expected.pod_identity:
        # New pods get the role, so the association that these were made under is gone.
        variable = injection.POD_IDENTITY_VARIABLE
        seen += [
            Occurrence.of(pod, container, f"env[{variable}]", "an EKS Pod Identity association")
            for pod in pods
            for container in pod.containers
            if container.state == "pod-identity"
        ]
    if seen:
        yield Finding(
            "pod-stale-role",
            f"{occurrences.names(chain.namespace, seen)} still {_has(seen)} the credentials of "
            f"{occurrences.values(seen)}, made before service account {name_of(chain)} was given {expected.role_arn}",
            replace(chain) + _by_hand(seen),
            occurrences.path(seen),
            expected=expected.role_arn,
            found=occurrences.values(seen),
        )


def _late(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """Containers without the variables beside others that the webhook gave them to.

    It gives them to all containers at once, so these came later, by another webhook.
    """
    seen = [
        Occurrence.of(pod, container, "env")
        for pod in pods
        if pod.was_injected
        for container in pod.containers
        if container.state == "late"
    ]
    if seen:
        yield Finding(
            "injected-sidecar",
            f"{occurrences.names(chain.namespace, seen)} {_was(seen)} added after the pod identity webhook had seen "
            "the pod, so AWS calls from there use the node's role",
            "set reinvocationPolicy: IfNeeded on the pod identity webhook, or name its configuration so that it sorts "
            f"after that of the webhook that adds the container, then {replace(chain)}; a container that makes no AWS "
            "calls needs nothing",
            occurrences.path(seen),
            expected=f"{ROLE_VARIABLE} and {FILE_VARIABLE}",
            found="neither",
        )


def _by_hand(seen: t.Sequence[Occurrence]) -> str:
    """What a rollout leaves to people."""
    pods = occurrences.pods_of(seen)
    notes = []
    if any(pod.owner is None for pod in pods):
        notes.append("pods without an owner go with delete_unmanaged alone, and only you can make them again")
    if any(pod.owner is not None and pod.owner.rules.runs_to_completion for pod in pods):
        notes.append("a Job's pods are never restarted: run the Job again")
    return "".join(f"; {note}" for note in notes)


def _has(seen: t.Sequence[Occurrence]) -> str:
    return "has" if _is_one(seen) else "have"


def _was(seen: t.Sequence[Occurrence]) -> str:
    return "was" if _is_one(seen) else "were"


def _is_one(seen: t.Sequence[Occurrence]) -> bool:
    """Whether what `occurrences.names` begins with is one thing."""
    containers = {occurrence.container for occurrence in seen if occurrence.container}
    return (
        len(containers) == 1
        if containers
        else len({occurrence.pod.owner or occurrence.pod for occurrence in seen}) == 1
    )
