# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JUnit XML report of an audit, for Jenkins, GitLab and other CI systems.

The format has no standard. This report uses only elements that all readers know: ``testsuites``, ``testsuite``,
``testcase`` with at most one ``failure`` or ``skipped``, ``system-out`` and ``system-err``.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

from ...errors import InvalidInput
from ...wording import sentence, visible
from ..document import SEVERITIES, AuditDocument
from .text import Json, cluster_name, list_affected_objects

FAIL_ON = ("error", "warning", "never")
# The most objects that a finding names, and the most skipped checks that a case names.
_MAX_OBJECTS = 10
_MAX_REASONS = 3


@dataclasses.dataclass(frozen=True)
class _TestCase:
    """A test case: an examined object, or a finding without one.

    :param class_name: ``classname`` in JUnit. Readers show the part before its last dot as a package.
    :param reason: why the state of the object is unknown; None if it is known.
    :param failing: the findings that fail the case.
    :param others: the other findings.
    """

    name: str
    class_name: str
    reason: str | None
    failing: tuple[Json, ...]
    others: tuple[Json, ...]

    @property
    def outcome(self) -> str:
        """``failure``, ``skipped`` or ``success``."""
        return "failure" if self.failing else "skipped" if self.reason else "success"


def render(document: AuditDocument, fail_on: str = "error") -> str:
    """A case for each service account, each role, the provider, and each finding that affects none of these.

    :param fail_on: the lowest severity that fails a case, ``error`` or ``warning``; or ``never``.
    :raises InvalidInput: fail_on is something else.
    """
    if fail_on not in FAIL_ON:
        raise InvalidInput(f"fail_on {fail_on!r} is not valid", fix=f"use one of {', '.join(FAIL_ON)}")
    failing = () if fail_on == "never" else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    suites = {name: cases for name, cases in _build_cases(document, failing).items() if cases}
    root = ET.Element("testsuites", {"name": f"IRSA of {cluster_name(document['cluster'])}"})
    root.attrib.update(_count_outcomes([case for cases in suites.values() for case in cases]))
    for name, cases in suites.items():
        root.append(_build_suite(name, cases, document))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _build_cases(document: AuditDocument, failing: t.Sequence[str]) -> dict[str, list[_TestCase]]:
    """The cases by the name of their suite."""
    cluster = cluster_name(document["cluster"])
    findings = document["findings"]
    provider = document.get("provider")
    skipped_checks = [visible(str(text)) for text in document.get("skipped_checks") or ()]

    def build_object_case(name: str, class_name: str, row: Json, title: str) -> _TestCase:
        reason = _find_reason(title, skipped_checks) if row["state"] == "unknown" else None
        return _build_case(name, class_name, reason, [findings[index] for index in row["findings"]], failing)

    of_objects = {index for row in _list_objects(document) for index in row["findings"]}
    others = [finding for index, finding in enumerate(findings) if index not in of_objects]
    return {
        "service accounts": [
            build_object_case(
                account["name"],
                f"{cluster}.{account['namespace']}",
                account,
                f"{account['namespace']}/{account['name']}",
            )
            for account in document["service_accounts"]
        ],
        # Two AWS accounts can have a role with the same name.
        "roles": [
            build_object_case(role["name"], f"{cluster}.iam.{role['account_id']}", role, str(role["name"]))
            for role in document["roles"]
        ],
        "provider": [build_object_case(provider["arn"], f"{cluster}.iam.provider", provider, "provider")]
        if provider
        else [],
        "cluster": [
            _build_case(_build_title(finding), f"{cluster}.cluster", None, [finding], failing) for finding in others
        ],
    }


def _list_objects(document: AuditDocument) -> list[Json]:
    provider = document.get("provider")
    return [*document["service_accounts"], *document["roles"], *([provider] if provider else [])]


def _build_title(finding: Json) -> str:
    """The name of a case for one finding: its ID and the provider's ARN, or its message if it is not of a provider."""
    detail = finding.get("found") if finding["link"] == "provider" else None
    return f"{finding['id']}: {detail or finding['message']}"


def _find_reason(title: str, skipped_checks: t.Sequence[str]) -> str:
    """Why an object is unknown: the skipped checks that name it, or all of them if there are few."""
    name = re.compile(rf"(?<![\w./-]){re.escape(title)}(?![\w/-])")
    reasons = [text for text in skipped_checks if name.search(text)] or (
        skipped_checks if len(skipped_checks) <= _MAX_REASONS else ()
    )
    return " ".join(reasons[:_MAX_REASONS]) or "Some checks were skipped; see the end of the suite."


def _build_case(
    name: t.Any, class_name: str, reason: str | None, findings: t.Sequence[Json], failing: t.Sequence[str]
) -> _TestCase:
    return _TestCase(
        visible(str(name or "-")),
        visible(class_name),
        reason,
        tuple(finding for finding in findings if finding["severity"] in failing),
        tuple(finding for finding in findings if finding["severity"] not in failing),
    )


def _count_outcomes(cases: t.Sequence[_TestCase]) -> dict[str, str]:
    outcomes = [case.outcome for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(outcomes.count("failure")),
        "errors": "0",
        "skipped": str(outcomes.count("skipped")),
    }


def _build_suite(name: str, cases: t.Sequence[_TestCase], document: AuditDocument) -> ET.Element:
    counts = _count_outcomes(cases)
    suite = ET.Element("testsuite", {"name": name, **counts})
    if document.get("generated_at"):
        # Timestamps in JUnit have no time zone; this one is in UTC.
        suite.set("timestamp", visible(str(document["generated_at"])).removesuffix("Z"))
    for case in cases:
        suite.append(_build_testcase(case))
    skipped_checks = document.get("skipped_checks") or []
    if skipped_checks and counts["skipped"] != "0":
        ET.SubElement(suite, "system-err").text = "\n".join(
            f"skipped check: {visible(str(text))}" for text in skipped_checks
        )
    return suite


def _build_testcase(case: _TestCase) -> ET.Element:
    element = ET.Element("testcase", {"classname": case.class_name, "name": case.name})
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
    """The fields of a finding, one in each line."""
    lines = [f"{finding['severity']}: {finding['id']} ({finding['link']})", str(finding["message"])]
    lines += [
        f"{key}: {finding[key]}" for key in ("evidence", "expected", "found", "fix") if finding.get(key) is not None
    ]
    if len(finding.get("service_accounts") or []) > 1:
        lines.append(f"affects: {list_affected_objects(finding, _MAX_OBJECTS)}")
    return "\n".join(map(visible, lines))
