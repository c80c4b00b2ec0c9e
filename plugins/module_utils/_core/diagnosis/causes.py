# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The causes that `irsa_verify` and `irsa_audit` report, and their findings.

`explanations.py` explains each cause, for the reports of an audit and the troubleshooting guide. ``docs/causes.yml``
has the texts that only the guide contains.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..wording import escape_invisible

Link = t.Literal["provider", "role", "account", "webhook", "pods", "sts"]
Severity = t.Literal["error", "warning", "note"]
# In the order of the chain. Findings have the same order.
LINKS: tuple[Link, ...] = ("provider", "role", "account", "webhook", "pods", "sts")


@dataclasses.dataclass(frozen=True)
class Cause:
    """A known problem of a chain.

    :param id: public API.
    :param link: the link that it breaks.
    :param severity: ``error`` if it breaks the chain; ``warning`` if the chain works, or may work, but should be
        corrected; ``note`` if it may be intended.
    :param audit: only an audit of the whole cluster reports it.
    """

    id: str
    link: Link
    severity: Severity
    audit: bool = False


CAUSES: tuple[Cause, ...] = (
    Cause("provider-missing", "provider", "error"),
    Cause("provider-wrong-account", "provider", "error"),
    Cause("provider-url-mismatch", "provider", "error"),
    Cause("cluster-recreated", "provider", "error"),
    Cause("client-id-missing", "provider", "error"),
    Cause("cn-audience", "provider", "error"),
    Cause("audience-annotation", "provider", "error"),
    Cause("thumbprint", "provider", "error"),
    Cause("jwks-unreachable", "provider", "error"),
    Cause("provider-orphaned", "provider", "warning", audit=True),
    Cause("role-missing", "role", "error"),
    Cause("role-path-dropped", "role", "error"),
    Cause("arn-malformed", "role", "error"),
    Cause("arn-wrong-account", "role", "error"),
    Cause("arn-wrong-partition", "role", "error"),
    Cause("federated-mismatch", "role", "error"),
    Cause("wrong-action", "role", "error"),
    Cause("condition-key", "role", "error"),
    Cause("condition-swapped", "role", "error"),
    Cause("condition-unavailable", "role", "error"),
    Cause("sub-mismatch", "role", "error"),
    Cause("sub-wildcard-equals", "role", "error"),
    Cause("operators-anded", "role", "error"),
    Cause("aud-mismatch", "role", "error"),
    Cause("explicit-deny", "role", "error"),
    Cause("trust-too-broad", "role", "warning"),
    Cause("trust-too-long", "role", "error"),
    Cause("no-permissions", "role", "warning"),
    Cause("deleted-principal", "role", "warning"),
    Cause("trusts-missing-account", "role", "warning", audit=True),
    Cause("trusts-unannotated-account", "role", "note", audit=True),
    Cause("role-shared", "role", "note", audit=True),
    Cause("role-unused", "role", "warning", audit=True),
    Cause("policy-too-broad", "role", "warning", audit=True),
    Cause("account-missing", "account", "error"),
    Cause("annotation-missing", "account", "error"),
    Cause("annotation-empty", "account", "error"),
    Cause("annotation-typo", "account", "error"),
    Cause("pod-identity-wins", "account", "warning"),
    Cause("addon-reverts", "account", "warning"),
    Cause("owner-reverts", "account", "warning"),
    Cause("unmanaged-annotation", "account", "note", audit=True),
    Cause("webhook-missing", "webhook", "error"),
    Cause("webhook-excluded", "webhook", "error"),
    Cause("webhook-unreachable", "webhook", "error"),
    Cause("webhook-ca-stale", "webhook", "error"),
    Cause("pod-other-account", "pods", "error"),
    Cause("pod-predates-annotation", "pods", "error"),
    Cause("pod-stale-role", "pods", "error"),
    Cause("skip-containers", "pods", "warning"),
    Cause("env-preset", "pods", "error"),
    Cause("injected-sidecar", "pods", "warning"),
    Cause("static-pod", "pods", "error"),
    Cause("static-credentials", "pods", "error"),
    Cause("token-unreadable", "pods", "warning"),
    Cause("windows-path", "pods", "error"),
    Cause("region-unset", "pods", "warning"),
    Cause("token-expired", "pods", "error"),
    Cause("sdk-too-old", "pods", "error"),
    Cause("imds-fallback", "pods", "error"),
    Cause("propagation", "sts", "warning"),
    Cause("denied-elsewhere", "sts", "error"),
    Cause("denied-unexplained", "sts", "error"),
    Cause("sts-region-disabled", "sts", "error"),
)
BY_ID: t.Mapping[str, Cause] = {cause.id: cause for cause in CAUSES}


@dataclasses.dataclass(frozen=True)
class Finding:
    """A cause that applies to a chain.

    :param id: the id of the cause.
    :param message: what is wrong with which object: one sentence without a full stop.
    :param fix: what to do, as a command or a module with its options, for the objects of this chain.
    :param evidence: a statement, a field or an answer that shows it; never a token or a credential.
    :param expected: the expected value; None if it is not a single value.
    :param found: the value that was found instead.
    """

    id: str
    message: str
    fix: str
    evidence: str | None = None
    expected: str | None = None
    found: str | None = None

    @property
    def link(self) -> Link:
        """The link of the cause."""
        return BY_ID[self.id].link

    @property
    def severity(self) -> Severity:
        """The severity of the cause."""
        return BY_ID[self.id].severity

    def as_dict(self) -> dict[str, t.Any]:
        """The finding as `irsa_verify` returns it, with an escape for each invisible character of a cluster's text."""
        texts = {
            "message": self.message,
            "evidence": self.evidence,
            "expected": self.expected,
            "found": self.found,
            "fix": self.fix,
        }
        return {
            "id": self.id,
            "severity": self.severity,
            "link": self.link,
            **{key: None if text is None else escape_invisible(str(text)) for key, text in texts.items()},
        }


_ORDER = {id_: number for number, id_ in enumerate(BY_ID)}


def sort_findings(findings: t.Iterable[Finding]) -> list[Finding]:
    """The findings without duplicates, in the order of the chain."""
    return sorted(dict.fromkeys(findings), key=lambda finding: (LINKS.index(finding.link), _ORDER[finding.id]))
