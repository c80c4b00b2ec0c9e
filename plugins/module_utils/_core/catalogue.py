# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How IRSA breaks: everything that `irsa_verify` tells apart.

The one list of it. The findings of the code take link and severity from here, and the troubleshooting guide is made
from the same entries.
"""

from __future__ import annotations

import dataclasses
import typing as t

Link = t.Literal["provider", "role", "account", "webhook", "pods", "sts"]
Severity = t.Literal["error", "warning"]
# The links in the order of the chain, which is the order of findings.
LINKS: tuple[Link, ...] = ("provider", "role", "account", "webhook", "pods", "sts")


@dataclasses.dataclass(frozen=True)
class Cause:
    """One way in which the chain breaks.

    :param id: public API.
    :param link: where in the chain it is.
    :param severity: ``warning`` for what works, or may work, but shouldn't stay so.
    :param title: what is wrong, in a few words.
    :param says: what AWS, Kubernetes or the pod's log says, word for word, as people search for it.
    :param detected: by what it is told.
    :param fix: what to do about it in general; a finding says it of its own objects.
    """

    id: str
    link: Link
    severity: Severity
    title: str
    says: tuple[str, ...]
    detected: str
    fix: str


CAUSES: tuple[Cause, ...] = (
    Cause("provider-missing", "provider", "error", "", (), "", ""),
    Cause("provider-wrong-account", "provider", "error", "", (), "", ""),
    Cause("provider-url-drift", "provider", "error", "", (), "", ""),
    Cause("cluster-recreated", "provider", "error", "", (), "", ""),
    Cause("client-id-missing", "provider", "error", "", (), "", ""),
    Cause("cn-audience", "provider", "error", "", (), "", ""),
    Cause("audience-annotation", "provider", "error", "", (), "", ""),
    Cause("thumbprint", "provider", "error", "", (), "", ""),
    Cause("jwks-unreachable", "provider", "error", "", (), "", ""),
    Cause("role-missing", "role", "error", "", (), "", ""),
    Cause("role-path-dropped", "role", "error", "", (), "", ""),
    Cause("arn-malformed", "role", "error", "", (), "", ""),
    Cause("arn-wrong-account", "role", "error", "", (), "", ""),
    Cause("arn-wrong-partition", "role", "error", "", (), "", ""),
    Cause("federated-mismatch", "role", "error", "", (), "", ""),
    Cause("wrong-action", "role", "error", "", (), "", ""),
    Cause("condition-key", "role", "error", "", (), "", ""),
    Cause("condition-swapped", "role", "error", "", (), "", ""),
    Cause("condition-unavailable", "role", "error", "", (), "", ""),
    Cause("sub-mismatch", "role", "error", "", (), "", ""),
    Cause("sub-wildcard-equals", "role", "error", "", (), "", ""),
    Cause("operators-anded", "role", "error", "", (), "", ""),
    Cause("aud-mismatch", "role", "error", "", (), "", ""),
    Cause("explicit-deny", "role", "error", "", (), "", ""),
    Cause("trust-too-broad", "role", "warning", "", (), "", ""),
    Cause("trust-too-long", "role", "error", "", (), "", ""),
    Cause("no-permissions", "role", "warning", "", (), "", ""),
    Cause("chained-role-stale", "role", "warning", "", (), "", ""),
    Cause("account-missing", "account", "error", "", (), "", ""),
    Cause("annotation-missing", "account", "error", "", (), "", ""),
    Cause("annotation-empty", "account", "error", "", (), "", ""),
    Cause("annotation-typo", "account", "error", "", (), "", ""),
    Cause("pod-identity-wins", "account", "warning", "", (), "", ""),
    Cause("addon-reverts", "account", "warning", "", (), "", ""),
    Cause("owner-reverts", "account", "warning", "", (), "", ""),
    Cause("webhook-missing", "webhook", "error", "", (), "", ""),
    Cause("webhook-excluded", "webhook", "error", "", (), "", ""),
    Cause("webhook-unreachable", "webhook", "error", "", (), "", ""),
    Cause("webhook-ca-stale", "webhook", "error", "", (), "", ""),
    Cause("pod-other-account", "pods", "error", "", (), "", ""),
    Cause("pod-predates-annotation", "pods", "error", "", (), "", ""),
    Cause("pod-stale-role", "pods", "error", "", (), "", ""),
    Cause("skip-containers", "pods", "warning", "", (), "", ""),
    Cause("env-preset", "pods", "error", "", (), "", ""),
    Cause("injected-sidecar", "pods", "warning", "", (), "", ""),
    Cause("static-pod", "pods", "error", "", (), "", ""),
    Cause("static-credentials", "pods", "error", "", (), "", ""),
    Cause("token-unreadable", "pods", "warning", "", (), "", ""),
    Cause("windows-path", "pods", "error", "", (), "", ""),
    Cause("region-unset", "pods", "warning", "", (), "", ""),
    Cause("token-expired", "pods", "error", "", (), "", ""),
    Cause("sdk-too-old", "pods", "error", "", (), "", ""),
    Cause("imds-fallback", "pods", "error", "", (), "", ""),
    Cause("propagation", "sts", "warning", "", (), "", ""),
    Cause("denied-elsewhere", "sts", "error", "", (), "", ""),
    Cause("sts-region-disabled", "sts", "error", "", (), "", ""),
)
BY_ID: t.Mapping[str, Cause] = {each.id: each for each in CAUSES}
