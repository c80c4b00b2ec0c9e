# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SARIF 2.1.0 report of an audit, for GitHub code scanning and other tools.

Comments name sections of https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import re
import typing as t
import urllib.parse

from ...diagnosis.causes import BY_ID
from ...diagnosis.explanations import EXPLANATIONS
from ...wording import sentence, visible
from ..document import AuditDocument
from .text import Json, cluster_name

# The most locations and related locations of a result. GitHub shows 100 and rejects files with more than 1000.
MAX_LOCATIONS = 100
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_TOOL = {"name": "eksops.irsa.irsa_audit", "informationUri": "https://github.com/eksops/ansible-irsa"}
# The descriptor of the notifications. GitHub requires the same properties as for a rule.
_SKIPPED_CHECK: Json = {
    "id": "skipped-check",
    "shortDescription": {"text": "A check was skipped."},
    "fullDescription": {
        "text": "The audit could not read what the check needs, so the result of the check is unknown."
    },
    "help": {"text": "Grant the permission that the message names, or turn off the check."},
}
_PROVIDER = re.compile(r"arn:[\w-]+:iam::\d+:oidc-provider/[\w./-]*\w")


@dataclasses.dataclass(frozen=True)
class _Location:
    """A logical location (section 3.33) with a path, for tools that know only files.

    :param path: the segments of a relative URI, which an object keeps in every run.
    """

    name: str
    qualified_name: str
    kind: str
    path: tuple[str, ...]
    parent: _Location | None = None

    @property
    def uri(self) -> str:
        return "/".join(map(_quote_segment, self.path))

    @property
    def names(self) -> dict[str, str]:
        qualified_name = visible(self.qualified_name)
        return {"name": visible(self.name), "fullyQualifiedName": qualified_name, "kind": self.kind}


def _quote_segment(text: str) -> str:
    """A segment of a URI. The name of an IAM role can be ``..``, which must not become the parent directory."""
    quoted = urllib.parse.quote(text, safe="", errors="replace")
    return quoted if quoted.strip(".") else f"~{quoted}"


class _LocationIndex:
    """The logical locations of a run, each once (section 3.14.17)."""

    def __init__(self, cluster: Json) -> None:
        self._indexes: dict[_Location, int] = {}
        name = cluster_name(cluster)
        path = ("eks", str(cluster.get("account_id") or "-"), str(cluster.get("region") or "-"), name)
        self.cluster = _Location(name, name, "cluster", path)

    def locate_namespace(self, name: str) -> _Location:
        parent = self.cluster
        path = (*parent.path, "namespaces", name)
        return _Location(name, f"{parent.qualified_name}/{name}", "namespace", path, parent)

    def locate_account(self, qualified_name: str) -> _Location:
        """:param qualified_name: ``namespace/name``."""
        namespace, _slash, name = qualified_name.partition("/")
        parent = self.locate_namespace(namespace)
        path = (*parent.path, "serviceaccounts", name)
        return _Location(name, f"{parent.qualified_name}/{name}", "serviceAccount", path, parent)

    def locate_role(self, arn: str) -> _Location:
        return _locate_in_iam(arn, "role")

    def locate_finding(self, finding: Json) -> _Location:
        """The smallest location that contains everything that a finding affects.

        The location of a finding about many accounts does not depend on which accounts these are.
        """
        accounts, roles = finding.get("service_accounts") or [], finding.get("roles") or []
        if len(accounts) == 1:
            return self.locate_account(accounts[0])
        provider = _locate_provider(finding) if not accounts and finding["link"] == "provider" else None
        if provider or len(roles) == 1:
            return provider or self.locate_role(roles[0])
        namespaces = {name.partition("/")[0] for name in accounts}
        return self.locate_namespace(namespaces.pop()) if len(namespaces) == 1 else self.cluster

    def locate_other_objects(self, finding: Json, location: _Location) -> list[_Location]:
        """The first of the other locations that a finding affects."""
        names, roles = finding.get("service_accounts") or [], finding.get("roles") or []
        locations = [*map(self.locate_role, roles[:MAX_LOCATIONS]), *map(self.locate_account, names[:MAX_LOCATIONS])]
        return [other for other in dict.fromkeys(locations) if other != location][: MAX_LOCATIONS - 1]

    def build_location(self, location: _Location) -> dict[str, t.Any]:
        return {
            "physicalLocation": {
                "artifactLocation": {"uri": location.uri},
                "region": {"startLine": 1},  # GitHub requires a line, although no file exists
            },
            "logicalLocations": [{**location.names, "index": self._add(location)}],
        }

    def build_logical_locations(self) -> list[dict[str, t.Any]]:
        return [self._build_logical_location(location) for location in self._indexes]

    def _add(self, location: _Location) -> int:
        if location.parent is not None:
            self._add(location.parent)
        return self._indexes.setdefault(location, len(self._indexes))

    def _build_logical_location(self, location: _Location) -> dict[str, t.Any]:
        parent = {} if location.parent is None else {"parentIndex": self._indexes[location.parent]}
        return {**location.names, **parent}


def _locate_in_iam(arn: str, kind: str) -> _Location:
    parts = arn.split(":", 5)
    account, resource = (parts[4], parts[5]) if len(parts) == 6 else ("-", arn)
    return _Location(resource.rpartition("/")[2], arn, kind, ("iam", account, *resource.split("/")))


def _locate_provider(finding: Json) -> _Location | None:
    """The OIDC provider in the texts of a finding, for example the provider of a deleted cluster."""
    for key in ("found", "evidence", "message"):
        match = _PROVIDER.search(str(finding.get(key) or ""))
        if match:
            return _locate_in_iam(match[0], "oidcProvider")
    return None


def render(document: AuditDocument) -> str:
    """The findings of an audit as results, and their causes as rules."""
    locations = _LocationIndex(document["cluster"])
    rules = list(dict.fromkeys(str(finding["id"]) for finding in document["findings"]))
    severities = {str(finding["id"]): str(finding["severity"]) for finding in document["findings"]}
    results = _build_results(document, locations, {rule: index for index, rule in enumerate(rules)})
    skipped_checks = document.get("skipped_checks") or []
    driver = {**_TOOL, "rules": [_build_rule(rule, severities[rule]) for rule in rules]}
    if skipped_checks:
        driver["notifications"] = [_SKIPPED_CHECK]
    run = {
        "tool": {"driver": driver},
        # The part before the last slash is the category. The findings of another cluster do not replace these.
        "automationDetails": {
            "id": "/".join(("eksops.irsa.irsa_audit", *map(_quote_segment, locations.cluster.path[1:]), ""))
        },
        "invocations": [_build_invocation(document, skipped_checks)],
        "logicalLocations": locations.build_logical_locations(),
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _build_rule(id_: str, severity: str) -> dict[str, t.Any]:
    cause = EXPLANATIONS.get(id_)
    rule: dict[str, t.Any] = {"id": id_, "defaultConfiguration": {"level": severity}}
    if cause is None:
        return rule
    parts = {"Why": cause.why, "Detection": cause.detection, "Fix": cause.fix}
    links = [f"- <{url}>" for url in cause.references]
    help_text = "\n".join(f"{title}: {text}" for title, text in parts.items())
    help_markdown = "\n\n".join([*(f"**{title}.** {text}" for title, text in parts.items()), "\n".join(links)])
    name = "".join(word.capitalize() for word in id_.split("-"))
    return {
        **rule,
        # The name must differ from the ID (section 3.49.7).
        **({"name": name} if "-" in id_ else {}),
        "shortDescription": {"text": _escape_message(sentence(cause.title))},
        "fullDescription": {"text": _escape_message(cause.why.replace("``", ""))},
        "help": {
            "text": _escape_message(help_text.replace("``", "")),
            "markdown": _escape_braces(help_markdown.replace("``", "`")),
        },
        **({"helpUri": cause.references[0]} if cause.references else {}),
        "properties": {"tags": ["irsa", BY_ID[id_].link]},
    }


def _build_results(
    document: AuditDocument, locations: _LocationIndex, rules: t.Mapping[str, int]
) -> list[dict[str, t.Any]]:
    counts: collections.Counter[str] = collections.Counter()
    results = []
    for finding in document["findings"]:
        location = locations.locate_finding(finding)
        fingerprint = _build_fingerprint(document["cluster"], finding, location)
        counts[fingerprint] += 1
        results.append(_build_result(finding, locations, location, rules, f"{fingerprint}:{counts[fingerprint]}"))
    return results


def _build_fingerprint(cluster: Json, finding: Json, location: _Location) -> str:
    """Identifies a finding in the next run: its cluster, its ID, its location, and the role of a single account.

    It does not contain the message, which can name pods, or the accounts of a finding about many.
    """
    roles = finding.get("roles") or [] if location.kind == "serviceAccount" else []
    identity = [cluster.get("issuer"), finding["id"], location.uri, *sorted(roles)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def _build_result(
    finding: Json, locations: _LocationIndex, location: _Location, rules: t.Mapping[str, int], fingerprint: str
) -> dict[str, t.Any]:
    text = sentence(str(finding["message"]))
    if finding.get("fix"):
        text = f"{text}\nFix: {sentence(str(finding['fix']))}"
    other_locations = locations.locate_other_objects(finding, location)
    result: dict[str, t.Any] = {
        "ruleId": str(finding["id"]),
        "ruleIndex": rules[str(finding["id"])],
        "level": str(finding["severity"]),
        "message": {"text": _escape_message(text)},
        # Only one: several would mean that the fix needs a change at each of them (section 3.27.12).
        "locations": [locations.build_location(location)],
        # GitHub reads only primaryLocationLineHash.
        "partialFingerprints": {"eksopsIrsaFinding/v1": fingerprint, "primaryLocationLineHash": fingerprint},
        "properties": {
            "link": finding["link"],
            **{key: _visible_or_none(finding.get(key)) for key in ("evidence", "expected", "found", "fix")},
            "serviceAccountCount": len(finding.get("service_accounts") or []),
            "roleCount": len(finding.get("roles") or []),
        },
    }
    if other_locations:
        result["relatedLocations"] = [locations.build_location(other) for other in other_locations]
    return result


def _build_invocation(document: AuditDocument, skipped_checks: t.Sequence[str]) -> dict[str, t.Any]:
    notifications = [
        {
            "descriptor": {"id": _SKIPPED_CHECK["id"], "index": 0},
            "level": "warning",
            "message": {"text": _escape_message(visible(text))},
        }
        for text in map(str, skipped_checks)
    ]
    end_time = document.get("generated_at")
    return {
        "executionSuccessful": True,
        **({"endTimeUtc": end_time} if end_time else {}),
        **({"toolExecutionNotifications": notifications} if notifications else {}),
    }


def _visible_or_none(value: t.Any) -> str | None:
    return None if value is None else visible(str(value))


def _escape_message(text: str) -> str:
    """A plain text message without links (section 3.11.6) and placeholders (section 3.11.5)."""
    return _escape_braces(text.replace("](", "] ("))


def _escape_braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
