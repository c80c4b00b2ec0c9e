# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit as JUnit's XML, for the test reports of Jenkins, GitLab and the like.

It has no standard. Only what all of them read is used: ``testsuites``, ``testsuite`` and ``testcase``, at most
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
    """One object that was examined.

    :param place: JUnit's class name; what is before the last dot is shown as the package of it.
    :param reason: why not everything is known of it; None if everything is.
    :param failing: the findings that fail the case.
    :param others: the other findings.
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

    :param fail_on: findings of which severity fail a case: ``error``, ``warning`` (errors too) or ``never``.
    :raises InvalidInput: fail_on is something else.
    """
    if fail_on not in FAIL_ON:
        raise InvalidInput(
            f"fail_on {fail_on!r} does not exist",
            fix=f"give one of {', '.join(FAIL_ON)}",
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
    skipped_checks = [visible(str(text)) for text in document.get("skipped_checks") or ()]

    def case(name: str, place: str, row: Json, title: str) -> _Case:
        reason = _reason(title, skipped_checks) if row["state"] == "unknown" else None
        return _case(name, place, reason, [findings[index] for index in row["findings"]], failing)

    of_objects = {index for row in _objects(document) for index in row["findings"]}
    others = [finding for index, finding in enumerate(findings) if index not in of_objects]
    return {
        "service accounts": [
            case(
                account["name"],
                f"{cluster}.{account['namespace']}",
                account,
                f"{account['namespace']}/{account['name']}",
            )
            for account in document["service_accounts"]
        ],
        # Names of roles are unique within an AWS account only.
        "roles": [
            case(role["name"], f"{cluster}.iam.{role['account_id']}", role, str(role["name"]))
            for role in document["roles"]
        ],
        "provider": [case(provider["arn"], f"{cluster}.iam.provider", provider, "provider")] if provider else [],
        "cluster": [_case(_title(finding), f"{cluster}.cluster", None, [finding], failing) for finding in others],
    }


def _objects(document: AuditDocument) -> list[Json]:
    provider = document.get("provider")
    return [*document["service_accounts"], *document["roles"], *([provider] if provider else [])]


def _title(finding: Json) -> str:
    """The name of a case about one finding; for a provider without its cluster with the provider's ARN."""
    what = finding.get("found") if finding["link"] == "provider" else None
    return f"{finding['id']}: {what or finding['message']}"


def _reason(title: str, skipped_checks: t.Sequence[str]) -> str:
    """Why an object is unknown: the texts that name it, or all texts if there are few."""
    name = re.compile(rf"(?<![\w./-]){re.escape(title)}(?![\w/-])")
    named = [text for text in skipped_checks if name.search(text)] or (
        skipped_checks if len(skipped_checks) <= _MOST_REASONS else ()
    )
    return " ".join(named[:_MOST_REASONS]) or "Not all of it could be read; see the end of the suite."


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
    skipped_checks = document.get("skipped_checks") or []
    if skipped_checks and counts["skipped"] != "0":
        ET.SubElement(suite, "system-err").text = "\n".join(
            f"not read: {visible(str(text))}" for text in skipped_checks
        )
    return suite


def _testcase(case: _Case) -> ET.Element:
    element = ET.Element("testcase", {"classname": case.place, "name": case.name})
    if case.outcome == "failure":
        worst, *more = case.failing
        message = sentence(str(worst["message"])) + (f" And {len(more)} more." if more else "")
        failure = ET.SubElement(element, "failure", {"type": visible(str(worst["id"])), "message": message})
        failure.text = "\n\n".join(map(_describe, case.failing))
    elif case.outcome == "skipped":
        ET.SubElement(element, "skipped", {"message": case.reason or ""})
    if case.others:
        ET.SubElement(element, "system-out").text = "\n\n".join(map(_describe, case.others))
    return element


def _describe(finding: Json) -> str:
    """All fields of a finding, a line each."""
    lines = [f"{finding['severity']}: {finding['id']} ({finding['link']})", str(finding["message"])]
    lines += [
        f"{key}: {finding[key]}" for key in ("evidence", "expected", "found", "fix") if finding.get(key) is not None
    ]
    if len(finding.get("service_accounts") or []) > 1:
        lines.append(f"concerns: {affected_objects(finding, _MOST_OBJECTS)}")
    return "\n".join(map(visible, lines))
