# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit as SARIF 2.1.0, for code scanning and the like.

Sections are those of https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html.
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

# A result's place and what else it concerns: GitHub shows that many, and refuses a file with ten times as many.
MOST_PLACES = 100
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_TOOL = {"name": "eksops.irsa.irsa_audit", "informationUri": "https://github.com/eksops/ansible-irsa"}
# The kind of the notifications; GitHub wants the same properties of it as of a rule.
_SKIPPED_CHECK: Json = {
    "id": "skipped-check",
    "shortDescription": {"text": "Something could not be read."},
    "fullDescription": {"text": "Something could not be read, so that nothing is known of what depends on it."},
    "help": {"text": "Give the credentials the permission that is named, or leave out what needs it."},
}
_PROVIDER = re.compile(r"arn:[\w-]+:iam::\d+:oidc-provider/[\w./-]*\w")


@dataclasses.dataclass(frozen=True)
class _Place:
    """A logical location (section 3.33), with a path of its own for what only knows files.

    :param path: the parts of a relative URI: the same for the same object in every run.
    """

    name: str
    qualified: str
    kind: str
    path: tuple[str, ...]
    parent: _Place | None = None

    @property
    def uri(self) -> str:
        return "/".join(map(_segment, self.path))


def _segment(text: str) -> str:
    """A part of a path. IAM admits a role that is called ``..``, which is to stay a name."""
    quoted = urllib.parse.quote(text, safe="", errors="replace")
    return quoted if quoted.strip(".") else f"~{quoted}"


class _Places:
    """The places of a run, each once (section 3.14.17)."""

    def __init__(self, cluster: Json) -> None:
        self._index: dict[_Place, int] = {}
        name = cluster_name(cluster)
        path = ("eks", str(cluster.get("account_id") or "-"), str(cluster.get("region") or "-"), name)
        self.cluster = _Place(name, name, "cluster", path)

    def namespace(self, name: str) -> _Place:
        of = self.cluster
        return _Place(name, f"{of.qualified}/{name}", "namespace", (*of.path, "namespaces", name), of)

    def account(self, qualified: str) -> _Place:
        """:param qualified: ``namespace/name``."""
        namespace, _slash, name = qualified.partition("/")
        of = self.namespace(namespace)
        return _Place(name, f"{of.qualified}/{name}", "serviceAccount", (*of.path, "serviceaccounts", name), of)

    def role(self, arn: str) -> _Place:
        return _in_iam(arn, "role")

    def of(self, finding: Json) -> _Place:
        """The smallest place that holds what a finding concerns.

        A finding about many accounts stays at its place while accounts come and go.
        """
        accounts, roles = finding.get("service_accounts") or [], finding.get("roles") or []
        if len(accounts) == 1:
            return self.account(accounts[0])
        provider = _provider(finding) if not accounts and finding["link"] == "provider" else None
        if provider or len(roles) == 1:
            return provider or self.role(roles[0])
        namespaces = {name.partition("/")[0] for name in accounts}
        return self.namespace(namespaces.pop()) if len(namespaces) == 1 else self.cluster

    def others(self, finding: Json, place: _Place) -> list[_Place]:
        """What else the finding concerns, the first of it."""
        names, roles = finding.get("service_accounts") or [], finding.get("roles") or []
        places = [*map(self.role, roles[:MOST_PLACES]), *map(self.account, names[:MOST_PLACES])]
        return [other for other in dict.fromkeys(places) if other != place][: MOST_PLACES - 1]

    def location(self, place: _Place) -> dict[str, t.Any]:
        logical = {"name": place.name, "fullyQualifiedName": place.qualified, "kind": place.kind}
        return {
            "physicalLocation": {
                "artifactLocation": {"uri": place.uri},
                "region": {"startLine": 1},  # there is no file and no line, but GitHub wants one
            },
            "logicalLocations": [{**logical, "index": self._number(place)}],
        }

    def logical_locations(self) -> list[dict[str, t.Any]]:
        return [self._described(place) for place in self._index]

    def _number(self, place: _Place) -> int:
        if place.parent is not None:
            self._number(place.parent)
        return self._index.setdefault(place, len(self._index))

    def _described(self, place: _Place) -> dict[str, t.Any]:
        parent = {} if place.parent is None else {"parentIndex": self._index[place.parent]}
        return {"name": place.name, "fullyQualifiedName": place.qualified, "kind": place.kind, **parent}


def _in_iam(arn: str, kind: str) -> _Place:
    parts = arn.split(":", 5)
    account, resource = (parts[4], parts[5]) if len(parts) == 6 else ("-", arn)
    return _Place(resource.rpartition("/")[2], arn, kind, ("iam", account, *resource.split("/")))


def _provider(finding: Json) -> _Place | None:
    """The OIDC provider that the finding names: that of a cluster that is gone, say."""
    for key in ("found", "evidence", "message"):
        named = _PROVIDER.search(str(finding.get(key) or ""))
        if named:
            return _in_iam(named[0], "oidcProvider")
    return None


def sarif(document: AuditDocument) -> str:
    """The findings of an audit as results, their causes as rules."""
    places = _Places(document["cluster"])
    rules = list(dict.fromkeys(str(finding["id"]) for finding in document["findings"]))
    severities = {str(finding["id"]): str(finding["severity"]) for finding in document["findings"]}
    results = _results(document, places, {rule: index for index, rule in enumerate(rules)})
    skipped_checks = document.get("skipped_checks") or []
    driver = {**_TOOL, "rules": [_rule(rule, severities[rule]) for rule in rules]}
    if skipped_checks:
        driver["notifications"] = [_SKIPPED_CHECK]
    run = {
        "tool": {"driver": driver},
        # What is before the last slash is the category: the findings of another cluster don't replace these.
        "automationDetails": {"id": "/".join(("eksops.irsa.irsa_audit", *map(_segment, places.cluster.path[1:]), ""))},
        "invocations": [_invocation(document, skipped_checks)],
        "logicalLocations": places.logical_locations(),
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(id_: str, severity: str) -> dict[str, t.Any]:
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
        # A name that is the id again is worth nothing (section 3.49.7).
        **({"name": name} if "-" in id_ else {}),
        "shortDescription": {"text": _message(sentence(cause.title))},
        "fullDescription": {"text": _message(cause.why.replace("``", ""))},
        "help": {
            "text": _message(help_text.replace("``", "")),
            "markdown": _braced(help_markdown.replace("``", "`")),
        },
        **({"helpUri": cause.references[0]} if cause.references else {}),
        "properties": {"tags": ["irsa", BY_ID[id_].link]},
    }


def _results(document: AuditDocument, places: _Places, rules: t.Mapping[str, int]) -> list[dict[str, t.Any]]:
    seen: collections.Counter[str] = collections.Counter()
    results = []
    for finding in document["findings"]:
        place = places.of(finding)
        print_ = _fingerprint(document["cluster"], finding, place)
        seen[print_] += 1
        results.append(_result(finding, places, place, rules, f"{print_}:{seen[print_]}"))
    return results


def _fingerprint(cluster: Json, finding: Json, place: _Place) -> str:
    """What makes the finding the same one in the next run: its id, its place in this cluster, an account's role.

    Messages are no part of it, since they name pods; nor is which accounts a finding about many of them has.
    """
    roles = finding.get("roles") or [] if place.kind == "serviceAccount" else []
    identity = [cluster.get("issuer"), finding["id"], place.uri, *sorted(roles)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def _result(
    finding: Json, places: _Places, place: _Place, rules: t.Mapping[str, int], fingerprint: str
) -> dict[str, t.Any]:
    text = sentence(str(finding["message"]))
    if finding.get("fix"):
        text = f"{text}\nFix: {sentence(str(finding['fix']))}"
    others = places.others(finding, place)
    result: dict[str, t.Any] = {
        "ruleId": str(finding["id"]),
        "ruleIndex": rules[str(finding["id"])],
        "level": str(finding["severity"]),
        "message": {"text": _message(text)},
        # One alone: more would say that something has to be changed at each (section 3.27.12).
        "locations": [places.location(place)],
        # GitHub looks at the second only.
        "partialFingerprints": {"eksopsIrsaFinding/v1": fingerprint, "primaryLocationLineHash": fingerprint},
        "properties": {
            "link": finding["link"],
            **{key: finding.get(key) for key in ("evidence", "expected", "found", "fix")},
            "serviceAccountCount": len(finding.get("service_accounts") or []),
            "roleCount": len(finding.get("roles") or []),
        },
    }
    if others:
        result["relatedLocations"] = [places.location(other) for other in others]
    return result


def _invocation(document: AuditDocument, skipped_checks: t.Sequence[str]) -> dict[str, t.Any]:
    notifications = [
        {
            "descriptor": {"id": _SKIPPED_CHECK["id"], "index": 0},
            "level": "warning",
            "message": {"text": _message(visible(text))},
        }
        for text in map(str, skipped_checks)
    ]
    ended = document.get("generated_at")
    return {
        "executionSuccessful": True,
        **({"endTimeUtc": ended} if ended else {}),
        **({"toolExecutionNotifications": notifications} if notifications else {}),
    }


def _message(text: str) -> str:
    """A plain text message in which nothing is a link (section 3.11.6) or a placeholder (section 3.11.5)."""
    return _braced(text.replace("](", "] ("))


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
