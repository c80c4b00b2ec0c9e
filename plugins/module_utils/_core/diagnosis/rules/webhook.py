# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the pod identity webhook cannot inject any pod of a chain's service account."""

from __future__ import annotations

import typing as t

from ...pods.injection import FILE_VARIABLE, ROLE_VARIABLE
from .. import webhook_config
from ..causes import Finding
from ..facts import Chain, KubernetesFacts, Unknown, admitted, annotated, name_of, was_mutated
from ..webhook_config import Hook

Json = t.Mapping[str, t.Any]

_MANIFESTS = "https://github.com/aws/amazon-eks-pod-identity-webhook/tree/master/deploy"
# The API server's error for a certificate of an unknown CA. Others (an expired one, a wrong name) don't come from the
# bundle.
_UNKNOWN_CA = "certificate signed by unknown authority"


def findings(chain: Chain, facts: KubernetesFacts) -> list[Finding]:
    """What keeps the webhook from all pods of the account: one finding, or none.

    At most one, because each makes the later questions pointless: a webhook that doesn't exist has no selector, the
    certificate of one that isn't called doesn't matter. A dry run that returns the variables shows that the webhook
    works, whatever its configuration looks like.
    """
    if was_mutated(facts):
        return []
    if isinstance(facts.webhooks, Unknown):
        return _by_dry_run(chain, facts, None)
    seeing = [hook for hook in webhook_config.pod_identity_hooks(facts.webhooks) if webhook_config.sees_new_pods(hook)]
    if not seeing and facts.refused is None:
        return [_missing(facts.webhooks)]
    labels = _labels(facts.namespace)
    if labels is not None:
        reasons = [webhook_config.unmet(hook.body.get("namespaceSelector"), labels) for hook in seeing]
        if seeing and all(reasons):
            return [_excluded(chain, seeing[0], str(reasons[0]))]
        seeing = [hook for hook, reason in zip(seeing, reasons, strict=True) if not reason]
    serving_ca = None if isinstance(facts.serving_ca, Unknown) else facts.serving_ca
    problems = [webhook_config.find_certificate_problem(hook, serving_ca, facts.observed_at) for hook in seeing]
    if problems and problems[0] and all(problems):
        return [_stale(chain, seeing[0], problems[0].why, problems[0].expected, problems[0].found)]
    return _by_dry_run(chain, facts, seeing)


def _missing(configurations: t.Sequence[Json]) -> Finding:
    """No webhook, or one that is never called for new pods."""
    blind = webhook_config.pod_identity_hooks(configurations)
    fix = f"install it from {_MANIFESTS}; on EKS, where AWS installs it with the control plane, ask AWS Support"
    if blind:
        return Finding(
            "webhook-missing",
            f"the {blind[0]} has no rule for the creation of pods, so it is never called for one",
            "give it the rule operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods] "
            f"(kubectl edit mutatingwebhookconfiguration {blind[0].configuration})",
            f"{blind[0].path}.rules",
        )
    named = sorted({configuration["metadata"]["name"] for configuration in configurations})
    return Finding(
        "webhook-missing",
        "the cluster has no MutatingWebhookConfiguration of the pod identity webhook, so no pod gets a role",
        fix,
        "MutatingWebhookConfigurations",
        expected="pod-identity-webhook",
        found=", ".join(named) or "none",
    )


def _excluded(chain: Chain, hook: Hook, reason: str) -> Finding:
    return Finding(
        "webhook-excluded",
        f"the {hook} excludes namespace {chain.namespace}: {reason}",
        f"label the namespace (kubectl label namespace {chain.namespace} KEY=VALUE) or change the selector, then "
        f"{replace(chain)}",
        f"{hook.path}.namespaceSelector",
        expected=reason,
    )


def _stale(chain: Chain, hook: Hook, why: str, expected: str | None, found: str | None) -> Finding:
    how = f"patch {hook.path}.clientConfig.caBundle of MutatingWebhookConfiguration {hook.configuration}"
    source = hook.annotations.get("cert-manager.io/inject-ca-from")
    if source:
        how = f"check why cert-manager's cainjector doesn't write it from certificate {source}, or {how}"
    elif hook.is_local:
        how += " with certificateAuthority.data of aws eks describe-cluster"
    return Finding(
        "webhook-ca-stale",
        f"the API server can't trust the {hook}: {why}",
        f"{how}, then {replace(chain)}",
        f"{hook.path}.clientConfig.caBundle",
        expected,
        found,
    )


def _by_dry_run(chain: Chain, facts: KubernetesFacts, hooks: list[Hook] | None) -> list[Finding]:
    """What only the dry run shows.

    :param hooks: those that are called for pods of the namespace; None where they aren't known.
    """
    if facts.refused is None:
        pod = admitted(facts)
        if pod is None or annotated(facts) is None:
            return []
        if hooks is not None:
            labels = pod["metadata"].get("labels") or {}
            hooks = [hook for hook in hooks if not webhook_config.unmet(hook.body.get("objectSelector"), labels)]
            if not hooks:
                # The selector requires labels that this pod lacks; pods that have them may well be injected.
                return []
    hook = hooks[0] if hooks else None
    if hook is not None and facts.refused is not None and _UNKNOWN_CA in facts.refused:
        return [_stale(chain, hook, "its certificate was signed by a CA that its caBundle lacks", None, facts.refused)]
    configurations = [] if isinstance(facts.webhooks, Unknown) else facts.webhooks
    newer = webhook_config.outdated(hook, configurations) if hook is not None else None
    if hook is not None and newer is not None:
        why = f"its caBundle lacks a CA that the {newer} has, as after a rotation of the cluster's CA"
        return [_stale(chain, hook, why, f"the certificates of {newer.path}.clientConfig.caBundle", None)]
    return [_unreachable(chain, facts, hook)]


def _unreachable(chain: Chain, facts: KubernetesFacts, hook: Hook | None) -> Finding:
    name = str(hook) if hook else "pod identity webhook"
    if facts.refused is not None:
        message = f"pods of service account {name_of(chain)} can't be created, as the API server can't call the {name}"
        evidence, found = "a pod created as a dry run was refused", facts.refused
    else:
        message = (
            f"a new pod of service account {name_of(chain)} is returned without a role, as the {name} doesn't answer"
        )
        evidence, found = "a pod created as a dry run", f"neither {ROLE_VARIABLE} nor {FILE_VARIABLE}"
    if hook is None:
        fix = "check that MutatingWebhookConfiguration pod-identity-webhook exists and what it calls runs"
    elif hook.client.get("service"):
        service = hook.client["service"]
        fix = f"check that {hook.address} has ready endpoints (kubectl -n {service.get('namespace')} get endpoints "
        fix += f"{service.get('name')}) and that the control plane reaches them"
    elif hook.is_local:
        fix = (
            "look for 'failed calling webhook' in the API server's log (on EKS: CloudWatch, kube-apiserver-*); on EKS, "
        )
        fix += "which runs the webhook itself, give that to AWS Support"
    else:
        fix = f"check that {hook.address} answers the control plane"
    if hook is not None and hook.body.get("matchConditions"):
        fix += f", and that {hook.path}.matchConditions match pods of the account"
    return Finding("webhook-unreachable", message, f"{fix}; then {replace(chain)}", evidence, found=found)


def _labels(namespace: t.Any) -> t.Mapping[str, str] | None:
    if namespace is None or isinstance(namespace, Unknown):
        return None
    return t.cast("t.Mapping[str, str]", namespace["metadata"].get("labels") or {})


def replace(chain: Chain) -> str:
    """How the account's pods are replaced, as part of a fix."""
    return (
        f"replace the pods with eksops.irsa.pod_rollout (namespace: {chain.namespace}, "
        f"service_account: {chain.service_account})"
    )
