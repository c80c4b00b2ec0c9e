# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a chain's pods don't carry its role, or don't use what they carry.

One finding per cause, however many pods have it. What is in a pod's own specification (a label, a variable) is found
whatever the account and the webhook are like, as it would break the chain still when those are mended; what a pod
merely lacks is found only where account and webhook would have given it.
"""

from __future__ import annotations

import typing as t

from ...pods import injection
from ...pods.injection import FILE_VARIABLE, ROLE_VARIABLE, SKIP_LABEL, Expected
from .. import webhook_config
from ..expected_injection import carried, name_of, promised
from ..findings import Chain, Finding, KubernetesFacts, Unknown
from . import occurrences
from . import pod_spec as pod_spec_rules
from . import webhook as webhook_rules
from .occurrences import Pod, Sighting
from .webhook import replace

Json = t.Mapping[str, t.Any]


def findings(chain: Chain, facts: KubernetesFacts) -> list[Finding]:
    """What is wrong with the webhook and with the pods.

    Pods that are ending or have ended are left out. A static pod, which no webhook sees, and a pod of another account
    lack the role for that reason alone. Under a webhook that can't work pods lack the variables because of it.
    """
    broken = webhook_rules.findings(chain, facts)
    found = [*broken, *pod_spec_rules.without_effect(facts)]
    if isinstance(facts.pods, Unknown):
        return found
    expected = promised(chain, facts)
    role_arn = expected.role_arn if expected else chain.role_arn
    live = [each for each in facts.pods if not injection.is_terminating(each) and not injection.is_finished(each)]
    live.sort(key=lambda each: str(each["metadata"]["name"]))
    pods = [Pod.look(each, role_arn or "", facts.workloads) for each in live]
    found += _static(chain, [each for each in pods if each.is_static])
    pods = [each for each in pods if not each.is_static]
    found += _other_account(chain, [each for each in pods if not _is_ours(chain, each)])
    excluded = {each: reason for each in pods if (reason := _exclusion(facts, each))}
    found += _excluded(chain, excluded)
    if expected is not None:
        ours = [each for each in pods if _is_ours(chain, each) and each not in excluded]
        found += [] if broken else _bare(chain, ours)
        found += [*_other_role(chain, facts, expected, ours), *_other_audience(chain, expected, ours)]
        found += _late(chain, ours)
    return [*found, *pod_spec_rules.findings(chain, facts, role_arn, pods)]


def _is_ours(chain: Chain, pod: Pod) -> bool:
    return injection.account_of(pod.body) == chain.service_account


# -- pods that the webhook doesn't see


def _static(chain: Chain, pods: t.Sequence[Pod]) -> t.Iterator[Finding]:
    seen = [Sighting(each, f"metadata.annotations[{injection.MIRROR}]") for each in pods]
    if seen:
        yield Finding(
            "static-pod",
            f"{occurrences.names(chain.namespace, seen)}: static pods, which the kubelet makes without a service "
            "account and without any webhook",
            f"run this as a DaemonSet with serviceAccountName: {chain.service_account}",
            occurrences.path(seen),
        )


def _other_account(chain: Chain, pods: t.Sequence[Pod]) -> t.Iterator[Finding]:
    seen = [Sighting(each, "spec.serviceAccountName", injection.account_of(each.body)) for each in pods]
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


def _exclusion(facts: KubernetesFacts, pod: Pod) -> str | None:
    """Why its labels keep the webhook from a pod that carries nothing of the webhook's."""
    if pod.was_injected:
        return None
    if SKIP_LABEL in pod.labels:
        return f"there must be no label {SKIP_LABEL}"
    if isinstance(facts.webhooks, Unknown):
        return None
    hooks = [each for each in webhook_config.pod_identity_hooks(facts.webhooks) if webhook_config.sees_new_pods(each)]
    reasons = [webhook_config.unmet(each.body.get("objectSelector"), pod.labels) for each in hooks]
    return reasons[0] if reasons and all(reasons) else None


def _excluded(chain: Chain, excluded: t.Mapping[Pod, str]) -> t.Iterator[Finding]:
    seen = [Sighting(pod, "metadata.labels", reason) for pod, reason in excluded.items()]
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


def _bare(chain: Chain, pods: t.Sequence[Pod]) -> t.Iterator[Finding]:
    seen = [
        Sighting.of(pod, container, "env")
        for pod in pods
        if not pod.was_injected
        for container, _written in pod.containers
        if container.state == "bare"
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


def _other_audience(chain: Chain, expected: Expected, pods: t.Sequence[Pod]) -> t.Iterator[Finding]:
    seen = [
        Sighting(pod, "spec.volumes[aws-iam-token].projected", audience)
        for pod in pods
        if pod.was_injected and (audience := injection.stale_audience(pod.spec, expected, pod.template))
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


def _other_role(chain: Chain, facts: KubernetesFacts, expected: Expected, pods: t.Sequence[Pod]) -> t.Iterator[Finding]:
    # Where the account names another role than the one to be verified, that is its own finding, and pods that have the
    # latter are no older than the mistake.
    right = {expected.role_arn, chain.role_arn}
    seen = [
        Sighting.of(pod, container, f"env[{ROLE_VARIABLE}]", container.role)
        for pod in pods
        for container, _written in pod.containers
        if container.state == "other-role" and container.role not in right
    ]
    if carried(facts) is not None:
        # New pods get the role, so the association that these were made under is gone.
        variable = injection.POD_IDENTITY_VARIABLE
        seen += [
            Sighting.of(pod, container, f"env[{variable}]", "an EKS Pod Identity association")
            for pod in pods
            for container, _written in pod.containers
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


def _late(chain: Chain, pods: t.Sequence[Pod]) -> t.Iterator[Finding]:
    """Containers without the variables beside others that the webhook gave them to.

    It gives them to all containers at once, so these came later, by another webhook.
    """
    seen = [
        Sighting.of(pod, container, "env")
        for pod in pods
        if pod.was_injected
        for container, _written in pod.containers
        if container.state in ("late", "bare")
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


def _by_hand(seen: t.Sequence[Sighting]) -> str:
    """What a rollout leaves to people."""
    pods = occurrences.pods_of(seen)
    notes = []
    if any(each.owner is None for each in pods):
        notes.append("pods without an owner go with delete_unmanaged alone, and only you can make them again")
    if any(each.owner is not None and each.owner.kind == "Job" for each in pods):
        notes.append("a Job's pods are never restarted: run the Job again")
    return "".join(f"; {each}" for each in notes)


def _has(seen: t.Sequence[Sighting]) -> str:
    return "has" if _is_one(seen) else "have"


def _was(seen: t.Sequence[Sighting]) -> str:
    return "was" if _is_one(seen) else "were"


def _is_one(seen: t.Sequence[Sighting]) -> bool:
    """Whether what `sightings.names` begins with is one thing."""
    containers = {each.container for each in seen if each.container}
    return len(containers) == 1 if containers else len({each.pod.owner or each.pod for each in seen}) == 1
