# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for the pod identity webhook: why it cannot inject the role into any pod of the service account."""

from __future__ import annotations

import typing as t

from ...pods.injection import FILE_VARIABLE, ROLE_VARIABLE
from .. import webhook_config
from ..causes import Finding
from ..facts import Chain, KubernetesFacts, Unknown, admitted, annotated, name_of, was_mutated
from ..webhook_config import Hook

Json = t.Mapping[str, t.Any]

_MANIFESTS = "https://github.com/aws/amazon-eks-pod-identity-webhook/tree/master/deploy"
# The API server's error for a certificate of an unknown CA. An expired certificate or a wrong name is not a problem of
# the caBundle.
_UNKNOWN_CA = "certificate signed by unknown authority"


def findings(chain: Chain, facts: KubernetesFacts) -> list[Finding]:
    """The finding about the webhook; at most one, because each cause hides the others.

    A dry run that returns the variables proves that the webhook works, whatever its configuration is.
    """
    if was_mutated(facts):
        return []
    if isinstance(facts.webhooks, Unknown):
        return _evaluate_dry_run(chain, facts, None)
    hooks = webhook_config.find_injecting_hooks(facts.webhooks)
    if not hooks and facts.refused is None:
        return [_missing(facts.webhooks)]
    labels = _labels_of(facts.namespace)
    if labels is not None:
        reasons = [webhook_config.explain_mismatch(hook.body.get("namespaceSelector"), labels) for hook in hooks]
        if hooks and all(reasons):
            return [_excluded(chain, hooks[0], str(reasons[0]))]
        hooks = [hook for hook, reason in zip(hooks, reasons, strict=True) if not reason]
    serving_ca = None if isinstance(facts.serving_ca, Unknown) else facts.serving_ca
    problems = [webhook_config.find_certificate_problem(hook, serving_ca, facts.observed_at) for hook in hooks]
    if problems and problems[0] and all(problems):
        return [_ca_stale(chain, hooks[0], problems[0].why, problems[0].expected, problems[0].found)]
    return _evaluate_dry_run(chain, facts, hooks)


def _missing(configurations: t.Sequence[Json]) -> Finding:
    """The finding about a webhook that does not exist or is never called for new pods."""
    hooks = webhook_config.pod_identity_hooks(configurations)
    if hooks:
        return Finding(
            "webhook-missing",
            f"{hooks[0]} has no rule for the creation of pods, so the API server does not call it for new pods",
            "add the rule operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods] "
            f"(kubectl edit mutatingwebhookconfiguration {hooks[0].configuration})",
            f"{hooks[0].path}.rules",
        )
    names = sorted({configuration["metadata"]["name"] for configuration in configurations})
    return Finding(
        "webhook-missing",
        "the cluster has no MutatingWebhookConfiguration of the pod identity webhook, so no pod gets a role",
        "on EKS, ask AWS Support to restore the webhook, or apply the configuration of another cluster of the same "
        "version with certificateAuthority.data of aws eks describe-cluster as caBundle; on other clusters, install it "
        f"from {_MANIFESTS}",
        "MutatingWebhookConfigurations",
        expected="pod-identity-webhook",
        found=", ".join(names) or "none",
    )


def _excluded(chain: Chain, hook: Hook, reason: str) -> Finding:
    return Finding(
        "webhook-excluded",
        f"{hook} excludes namespace {chain.namespace}: {reason}",
        f"label the namespace (kubectl label namespace {chain.namespace} KEY=VALUE) or change the selector, then "
        f"{describe_replacement(chain)}",
        f"{hook.path}.namespaceSelector",
        expected=reason,
    )


def _ca_stale(chain: Chain, hook: Hook, why: str, expected: str | None, found: str | None) -> Finding:
    fix = f"patch {hook.path}.clientConfig.caBundle of MutatingWebhookConfiguration {hook.configuration}"
    certificate = hook.annotations.get("cert-manager.io/inject-ca-from")
    if certificate:
        fix = f"check why the cainjector of cert-manager does not write it from certificate {certificate}, or {fix}"
    elif hook.is_local:
        fix += " with certificateAuthority.data of aws eks describe-cluster"
    return Finding(
        "webhook-ca-stale",
        f"the API server does not trust {hook}: {why}",
        f"{fix}, then {describe_replacement(chain)}",
        f"{hook.path}.clientConfig.caBundle",
        expected,
        found,
    )


def _evaluate_dry_run(chain: Chain, facts: KubernetesFacts, hooks: list[Hook] | None) -> list[Finding]:
    """The finding that only the dry run shows.

    :param hooks: the webhooks that are called for pods of the namespace; None if they are unknown.
    """
    if facts.refused is None:
        pod = admitted(facts)
        if pod is None or annotated(facts) is None:
            return []
        if hooks is not None:
            labels = pod["metadata"].get("labels") or {}
            hooks = [
                hook for hook in hooks if not webhook_config.explain_mismatch(hook.body.get("objectSelector"), labels)
            ]
            if not hooks:
                # The selector requires labels that this pod does not have. Other pods may have them.
                return []
    hook = hooks[0] if hooks else None
    if hook is not None and facts.refused is not None and _UNKNOWN_CA in facts.refused:
        why = "its caBundle does not contain the CA of its certificate"
        return [_ca_stale(chain, hook, why, None, facts.refused)]
    configurations = [] if isinstance(facts.webhooks, Unknown) else facts.webhooks
    newer = webhook_config.find_newer_bundle(hook, configurations) if hook is not None else None
    if hook is not None and newer is not None:
        why = f"its caBundle does not contain a CA of {newer}; the CA of the cluster was probably rotated"
        return [_ca_stale(chain, hook, why, f"the certificates of {newer.path}.clientConfig.caBundle", None)]
    return [_unreachable(chain, facts, hook)]


def _unreachable(chain: Chain, facts: KubernetesFacts, hook: Hook | None) -> Finding:
    name = str(hook) if hook else "the pod identity webhook"
    account = f"service account {name_of(chain)}"
    if facts.refused is not None:
        message = f"pods of {account} cannot be created, because the API server cannot call {name}"
        evidence, found = "a server-side dry run was rejected", facts.refused
    else:
        message = f"a new pod of {account} gets no role, because {name} does not respond"
        evidence, found = "the pod of a server-side dry run", f"neither {ROLE_VARIABLE} nor {FILE_VARIABLE}"
    if hook is None:
        fix = "check that MutatingWebhookConfiguration pod-identity-webhook exists and that its service or URL responds"
    elif hook.client.get("service"):
        service = hook.client["service"]
        fix = f"check that {hook.address} has ready endpoints (kubectl -n {service.get('namespace')} get endpoints "
        fix += f"{service.get('name')}) and that the control plane can reach them"
    elif hook.is_local:
        fix = "search the log of the API server for 'failed calling webhook' (on EKS: CloudWatch, kube-apiserver-*); "
        fix += "on EKS, AWS runs the webhook: send the log to AWS Support"
    else:
        fix = f"check that the control plane can reach {hook.address}"
    if hook is not None and hook.body.get("matchConditions"):
        fix += f", and that {hook.path}.matchConditions match pods of the service account"
    return Finding("webhook-unreachable", message, f"{fix}; then {describe_replacement(chain)}", evidence, found=found)


def _labels_of(namespace: t.Any) -> t.Mapping[str, str] | None:
    if namespace is None or isinstance(namespace, Unknown):
        return None
    return t.cast("t.Mapping[str, str]", namespace["metadata"].get("labels") or {})


def describe_replacement(chain: Chain) -> str:
    """How to replace the pods of the service account, as part of a fix."""
    return (
        f"replace the pods with eksops.irsa.pod_rollout (namespace: {chain.namespace}, "
        f"service_account: {chain.service_account})"
    )
