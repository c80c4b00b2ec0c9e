# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for pods, and the findings about webhook and pods together.

There is one finding for each cause, for all pods that have it. A problem in the pod spec, such as a label, is always a
finding, because it breaks the chain even after the service account and the webhook are fixed. A missing role is a
finding only if the service account and the webhook would give it to a new pod.
"""

from __future__ import annotations

import functools
import typing as t

from ...pods import injection
from ...pods.injection import FILE_VARIABLE, ROLE_VARIABLE, SKIP_LABEL, ExpectedInjection
from ...rollout import staleness
from ...rollout.staleness import PodStatus
from ...wording import join_some, plural
from .. import webhook_config
from ..causes import Finding
from ..facts import Chain, KubernetesFacts, Unknown, expected_injection, name_of
from . import occurrences
from . import pod_spec as pod_spec_rules
from . import webhook as webhook_rules
from .occurrences import Occurrence
from .webhook import describe_replacement

Json = t.Mapping[str, t.Any]

_OWNERS_SHOWN = 4


def findings(chain: Chain, facts: KubernetesFacts, statuses: t.Sequence[PodStatus] | None = None) -> list[Finding]:
    """The findings about the webhook and the pods.

    Pods that are terminating or finished are skipped. For static pods, pods of another service account, or a broken
    webhook, that is the finding, and the missing role that results is not another one.

    :param statuses: the answer of `evaluate_pods`, if the caller has it.
    """
    broken = webhook_rules.findings(chain, facts)
    found = [*broken, *pod_spec_rules.misplaced_annotations(facts)]
    if isinstance(facts.pods, Unknown):
        return found
    expected = expected_injection(chain, facts)
    role_arn = expected.role_arn if expected else chain.role_arn
    pods = [pod for pod in (evaluate_pods(chain, facts) if statuses is None else statuses) if pod.is_live]
    found += _static(chain, [pod for pod in pods if pod.is_static])
    pods = [pod for pod in pods if not pod.is_static]
    found += _other_account(chain, [pod for pod in pods if not _uses_account(chain, pod)])
    found += _excluded(chain, [pod for pod in pods if pod.excluded])
    if expected is not None:
        injectable = [pod for pod in pods if _uses_account(chain, pod) and not pod.excluded]
        found += [] if broken else _not_injected(chain, injectable)
        found += [*_other_role(chain, expected, injectable), *_other_settings(chain, injectable)]
        found += _late(chain, injectable)
    return [*found, *pod_spec_rules.findings(chain, facts, role_arn, pods)]


def evaluate_pods(chain: Chain, facts: KubernetesFacts) -> list[PodStatus]:
    """The status of each pod; empty if the pods were not read."""
    if isinstance(facts.pods, Unknown):
        return []
    expected = expected_injection(chain, facts)
    exclusion = functools.partial(_exclusion, facts)
    return staleness.evaluate_pods(facts.pods, lambda _pod: expected, facts.workloads, exclusion)


def _exclusion(facts: KubernetesFacts, labels: t.Mapping[str, str]) -> str | None:
    """Why the webhook skips a pod with these labels: by its fixed rule, or by the selectors in this cluster."""
    reason = staleness.find_label_exclusion(labels)
    if reason or isinstance(facts.webhooks, Unknown):
        return reason
    hooks = webhook_config.find_injecting_hooks(facts.webhooks)
    reasons = [webhook_config.explain_mismatch(hook.body.get("objectSelector"), labels) for hook in hooks]
    return reasons[0] if reasons and all(reasons) else None


def _uses_account(chain: Chain, pod: PodStatus) -> bool:
    return injection.get_account_name(pod.pod) == chain.service_account


# Pods that the webhook skips


def _static(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    affected = [Occurrence(pod, f"metadata.annotations[{injection.MIRROR_ANNOTATION}]") for pod in pods]
    if affected:
        yield Finding(
            "static-pod",
            "static pods cannot have a role, because the kubelet creates them without a service account and without "
            f"webhooks: {occurrences.describe_objects(chain.namespace, affected)}",
            f"run them as a DaemonSet with serviceAccountName: {chain.service_account}",
            occurrences.describe_place(affected),
        )


def _other_account(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    affected = [Occurrence(pod, "spec.serviceAccountName", injection.get_account_name(pod.pod)) for pod in pods]
    if affected:
        accounts = occurrences.list_values(affected)
        noun = plural(len({occurrence.found for occurrence in affected}), "service account")
        yield Finding(
            "pod-other-account",
            f"{occurrences.with_verb(chain.namespace, affected, 'uses', 'use')} {noun} {accounts} instead of "
            f"{name_of(chain)}",
            f"set serviceAccountName: {chain.service_account} in {occurrences.describe_templates(affected)}, or select "
            "other pods with label_selectors",
            occurrences.describe_place(affected),
            expected=chain.service_account,
            found=accounts,
        )


def _excluded(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    affected = [Occurrence(pod, "metadata.labels", pod.excluded) for pod in pods]
    for reason, group in occurrences.group_by(affected, lambda occurrence: str(occurrence.found)).items():
        labels = group[0].pod.labels
        yield Finding(
            "webhook-excluded",
            f"the pod identity webhook skips {occurrences.describe_objects(chain.namespace, group)} because of the pod "
            f"labels: {reason}",
            (f"remove the label {SKIP_LABEL} from" if SKIP_LABEL in labels else "change the labels in")
            + f" {occurrences.describe_templates(group)}, which replaces the pods",
            occurrences.describe_place(group),
            expected=reason,
            found=_join_labels(labels),
        )


def _join_labels(labels: t.Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "no labels"


# Pods into which the webhook injected another role, or none


def _not_injected(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    affected = [
        Occurrence.of(pod, container, "env")
        for pod in pods
        for container in pod.containers
        if container.state == "not-injected"
    ]
    if affected:
        yield Finding(
            "pod-predates-annotation",
            f"{occurrences.with_verb(chain.namespace, affected, 'has', 'have')} neither {ROLE_VARIABLE} nor "
            f"{FILE_VARIABLE}: created before service account {name_of(chain)} was annotated, or while the webhook "
            "was not available",
            describe_replacement(chain) + _manual_steps(affected),
            occurrences.describe_place(affected),
            expected=f"{ROLE_VARIABLE} and {FILE_VARIABLE}",
            found="neither",
        )


def _other_settings(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """The findings about settings of pods that differ from what the service account now requests.

    There is one for each setting and requested value.
    """
    groups: dict[tuple[str, str], list[Occurrence]] = {}
    for pod in pods:
        for setting in pod.stale_settings:
            if setting.container:
                occurrence = Occurrence.of(pod, setting.container, f"env[{setting.name}]", setting.found)
            else:
                occurrence = Occurrence(pod, "spec.volumes[aws-iam-token].projected", setting.found)
            groups.setdefault((setting.name, setting.expected), []).append(occurrence)
    for (name, expected), affected in groups.items():
        values = occurrences.list_values(affected)
        if affected[0].container:
            subject = f"{occurrences.with_verb(chain.namespace, affected, 'has', 'have')} {values}"
        else:
            subject = f"the token of {occurrences.describe_objects(chain.namespace, affected)} has the {name} {values}"
        yield Finding(
            "pod-predates-annotation",
            f"{subject}, but service account {name_of(chain)} now requests {expected}",
            describe_replacement(chain) + _manual_steps(affected),
            occurrences.describe_place(affected),
            expected=expected,
            found=values,
        )


def _other_role(chain: Chain, expected: ExpectedInjection, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    # If the annotation differs from the option role_arn, that is a finding about the service account. Pods with either
    # role are not stale.
    expected_roles = {expected.role_arn, chain.role_arn}
    affected = [
        Occurrence.of(pod, container, f"env[{ROLE_VARIABLE}]", container.role)
        for pod in pods
        for container in pod.containers
        if container.state == "other-role" and container.role not in expected_roles
    ]
    if not expected.pod_identity:
        # New pods get the role, so the association of these pods was deleted.
        variable = injection.POD_IDENTITY_VARIABLE
        affected += [
            Occurrence.of(pod, container, f"env[{variable}]", "an EKS Pod Identity association")
            for pod in pods
            for container in pod.containers
            if container.state == "pod-identity"
        ]
    if affected:
        credentials = occurrences.list_values(affected)
        yield Finding(
            "pod-stale-role",
            f"{occurrences.with_verb(chain.namespace, affected, 'still has', 'still have')} the credentials of "
            f"{credentials}: created before service account {name_of(chain)} got role {expected.role_arn}",
            describe_replacement(chain) + _manual_steps(affected),
            occurrences.describe_place(affected),
            expected=expected.role_arn,
            found=credentials,
        )


def _late(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """The finding about containers that another webhook added after the pod identity webhook ran."""
    affected = [
        Occurrence.of(pod, container, "env")
        for pod in pods
        if pod.was_injected
        for container in pod.containers
        if container.state == "added-later"
    ]
    if affected:
        yield Finding(
            "injected-sidecar",
            occurrences.with_verb(
                chain.namespace,
                affected,
                "was added after the pod identity webhook ran, so its AWS calls use the node's role",
                "were added after the pod identity webhook ran, so their AWS calls use the node's role",
            ),
            "set reinvocationPolicy: IfNeeded for the pod identity webhook, or rename its configuration so that it "
            f"sorts after the webhook that adds the container, then {describe_replacement(chain)}; a container without "
            "AWS calls needs no fix",
            occurrences.describe_place(affected),
            expected=f"{ROLE_VARIABLE} and {FILE_VARIABLE}",
            found="neither",
        )


def _manual_steps(affected: t.Sequence[Occurrence]) -> str:
    """What the user must do after a rollout, as the end of a fix."""
    pods = occurrences.pods_of(affected)
    notes = []
    if any(pod.owner is None for pod in pods):
        notes.append(
            "pods without an owner are deleted only with delete_unmanaged: true, and you must create them again"
        )
    completing = list(dict.fromkeys(str(pod.owner) for pod in pods if pod.owner is not None and pod.runs_to_completion))
    if completing:
        owners = join_some(completing, _OWNERS_SHOWN)
        notes.append(f"pods that run to completion are not restarted: run {owners} again")
    return "".join(f"; {note}" for note in notes)
