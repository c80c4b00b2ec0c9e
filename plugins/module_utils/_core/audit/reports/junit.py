# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit as JUnit's XML, for the test reports of Jenkins, GitLab and the like.

There is no standard for it. Only what all of them read is used: ``testsuites``, ``testsuite`` and ``testcase``, at most
one ``failure`` or ``skipped`` in each case, ``system-out`` and ``system-err``.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

from ...errors import InvalidInput
from ...wording import sentence, visible
from ..document import SEVERITIES, AuditDocument
from .text import Json, affected_objects, cluster_name

FAIL_ON = ("error", "warning", "never")
# How many objects a finding names in each of the cases that have it.
_MOST_OBJECTS = 10
_MOST_REASONS = 3


@dataclasses.dataclass(frozen=True)
class _Case:
    """One thing that was looked at.

    :param place: JUnit's class name; what is before the last dot is shown as the package of it.
    :param reason: why not all of it is known; None if it is.
    :param failing: findings that fail the case.
    :param others: findings that don't.
    """

    name: str
    place: str
    reason: str | None
    failing: tuple[Json, ...]
    others: tuple[Json, ...]

    @property
    def outcome(self) -> str:
        """``failure``, ``skipped`` or ``success``."""
        return "failure" if self.failing else "skipped" if self.reason else "success"


def junit(document: AuditDocument, fail_on: str = "error") -> str:
    """A case for each service account, each role, the provider, and each finding about none of them.

    :param document: the audit's, as `audit_text` describes it.
    :param fail_on: findings of which severity fail a case: ``error``, ``warning`` (errors too) or ``never``.
    :raises InvalidInput: fail_on is something else.
    """
    if fail_on not in FAIL_ON:
        raise InvalidInput(
            f"findings can't fail a test on {fail_on!r}",
            cause=f"there are {', '.join(FAIL_ON)}",
            fix="give one of them as fail_on",
        )
    failing = () if fail_on == "never" else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    suites = {name: cases for name, cases in _cases(document, failing).items() if cases}
    root = ET.Element("testsuites", {"name": f"IRSA of {cluster_name(document['cluster'])}"})
    root.attrib.update(_counts([case for cases in suites.values() for case in cases]))
    for name, cases in suites.items():
        root.append(_suite(name, cases, document))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _cases(document: AuditDocument, failing: t.Sequence[str]) -> dict[str, list[_Case]]:
    cluster = cluster_name(document["cluster"])
    findings = document["findings"]
    provider = document.get("provider")
    unread = [visible(str(text)) for text in document.get("unread") or ()]

    def case(name: str, place: str, each: Json, called: str) -> _Case:
        reason = _reason(called, unread) if each["state"] == "unknown" else None
        return _case(name, place, reason, [findings[index] for index in each["findings"]], failing)

    told = {index for each in _objects(document) for index in each["findings"]}
    untold = [finding for index, finding in enumerate(findings) if index not in told]
    return {
        "service accounts": [
            case(each["name"], f"{cluster}.{each['namespace']}", each, f"{each['namespace']}/{each['name']}")
            for each in document["service_accounts"]
        ],
        # Names of roles are unique within an AWS account only.
        "roles": [
            case(each["name"], f"{cluster}.iam.{each['account_id']}", each, str(each["name"]))
            for each in document["roles"]
        ],
        "provider": [case(provider["arn"], f"{cluster}.iam.provider", provider, "provider")] if provider else [],
        "cluster": [_case(_title(each), f"{cluster}.cluster", None, [each], failing) for each in untold],
    }


def _objects(document: AuditDocument) -> list[Json]:
    provider = document.get("provider")
    return [*document["service_accounts"], *document["roles"], *([provider] if provider else [])]


def _title(finding: Json) -> str:
    """What a case is called that is about a finding alone; for a provider without its cluster, the provider's ARN."""
    what = finding.get("found") if finding["link"] == "provider" else None
    return f"{finding['id']}: {what or finding['message']}"


def _reason(called: str, unread: t.Sequence[str]) -> str:
    """What of all that could not be read was the matter with an object: what names it, or all if that is little."""
    name = re.compile(rf"(?<![\w./-]){re.escape(called)}(?![\w/-])")
    named = [text for text in unread if name.search(text)] or (unread if len(unread) <= _MOST_REASONS else ())
    return " ".join(named[:_MOST_REASONS]) or "Not all of it could be read; what couldn't, the end of the suite tells."


def _case(name: t.Any, place: str, reason: str | None, found: t.Sequence[Json], failing: t.Sequence[str]) -> _Case:
    return _Case(
        visible(str(name or "-")),
        visible(place),
        reason,
        tuple(finding for finding in found if finding["severity"] in failing),
        tuple(finding for finding in found if finding["severity"] not in failing),
    )


def _counts(cases: t.Sequence[_Case]) -> dict[str, str]:
    outcomes = [case.outcome for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(outcomes.count("failure")),
        "errors": "0",
        "skipped": str(outcomes.count("skipped")),
    }


def _suite(name: str, cases: t.Sequence[_Case], document: AuditDocument) -> ET.Element:
    counts = _counts(cases)
    suite = ET.Element("testsuite", {"name": name, **counts})
    if document.get("generated_at"):
        # In UTC: JUnit's times have no zone.
        suite.set("timestamp", visible(str(document["generated_at"])).removesuffix("Z"))
    for case in cases:
        suite.append(_testcase(case))
    unread = document.get("unread") or []
    if unread and counts["skipped"] != "0":
        ET.SubElement(suite, "system-err").text = "\n".join(f"not read: {visible(str(text))}" for text in unread)
    return suite


def _testcase(case: _Case) -> ET.Element:
    element = ET.Element("testcase", {"classname": case.place, "name": case.name})
    if case.outcome == "failure":
        worst, *more = case.failing
        message = sentence(str(worst["message"])) + (f" And {len(more)} more." if more else "")
        failure = ET.SubElement(element, "failure", {"type": visible(str(worst["id"])), "message": message})
        failure.text = "\n\n".join(map(_told, case.failing))
    elif case.outcome == "skipped":
        ET.SubElement(element, "skipped", {"message": case.reason or ""})
    if case.others:
        ET.SubElement(element, "system-out").text = "\n\n".join(map(_told, case.others))
    return element


def _told(finding: Json) -> str:
    """All there is to know about a finding, a line each."""
    lines = [f"{finding['severity']}: {finding['id']} ({finding['link']})", str(finding["message"])]
    lines += [
        f"{key}: {finding[key]}" for key in ("evidence", "expected", "found", "fix") if finding.get(key) is not None
    ]
    if len(finding.get("service_accounts") or []) > 1:
        lines.append(f"concerns: {affected_objects(finding, _MOST_OBJECTS)}")
    return "\n".join(map(visible, lines))
