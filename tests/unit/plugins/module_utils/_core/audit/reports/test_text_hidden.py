# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No report carries a control, bidirectional or zero-width character of a cluster or of AWS."""

from __future__ import annotations

import json
import re
import typing as t
import xml.etree.ElementTree as ET

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports import (
    junit,
    markdown,
    results,
    sarif,
    table,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.html import render as html_page
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import fleet_summary
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import report
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding
from unit.plugins.module_utils._core.audit.audit_documents import document, finding

# ESC and another control character, marks of the text direction, and characters without width.
HIDDEN = "\x1b\x9b\u202e\u2066\u200b\u200d\ufeff\u00ad\u3164\ufe0f\U000e0041\u2028"
NAME = f"a{HIDDEN}b\x1b[31m"
ESCAPED = "a\\u001b\\u009b\\u202e\\u2066\\u200b\\u200d\\ufeff\\u00ad\\u3164\\ufe0f\\U000e0041"


def taint(value: t.Any) -> t.Any:
    """The document with the name as a part of each text that a cluster or AWS could have set."""
    kept = ("format", "generated_at", "id", "severity", "link", "state", "kind")
    if isinstance(value, dict):
        return {key: part if key in kept else taint(part) for key, part in value.items()}
    if isinstance(value, list):
        return [taint(part) for part in value]
    return value + NAME if isinstance(value, str) else value


DOCUMENT = taint(document())
ROW = finding("sub-mismatch", "error", "role", NAME, evidence=NAME, expected=NAME, found=NAME, fix=NAME)
VERIFICATION = {"namespace": NAME, "service_account": NAME, "findings": [ROW], "links": {"role": "broken"}}
FAILED = {"namespace": NAME, "service_account": NAME, "failed": True, "msg": NAME}
CLUSTER = {"status": "failed", "account_id": NAME, "region": NAME, "error": NAME}


def strings(value: t.Any) -> t.Iterator[str]:
    """All strings in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def xml_texts(text: str) -> str:
    return "".join(
        part
        for node in ET.fromstring(text).iter()  # noqa: S314  # it is our own
        for part in (node.text or "", *map(str, node.attrib.values()))
    )


def audit_table() -> str:
    row = {"id": "sub-mismatch", "severity": "error", "link": "role", "count": 1, "title": NAME}
    shown = {key: DOCUMENT[key] for key in ("cluster", "counts", "findings")}
    audited = {**shown, "skipped_checks": [NAME], "summary": [row]}
    return table.render(results.read_results([audited, {"failed": True, "msg": NAME, "cluster": DOCUMENT["cluster"]}]))


REPORTS: dict[str, t.Callable[[], str]] = {
    "audit table": audit_table,
    "audit markdown": lambda: markdown.render(DOCUMENT),
    "audit failure": lambda: markdown.render_failure(DOCUMENT["cluster"], NAME),
    "audit junit": lambda: xml_texts(junit.render(DOCUMENT)),
    "audit sarif": lambda: "\n".join(strings(json.loads(sarif.render(DOCUMENT)))),
    "audit page": lambda: html_page.render(DOCUMENT),
    "verification table": lambda: report.table(report.verifications([VERIFICATION, FAILED])),
    "verification markdown": lambda: report.markdown(report.verifications([VERIFICATION, FAILED]), NAME),
    "fleet table": lambda: fleet_summary.render_table(fleet_summary.read_results({NAME: CLUSTER})),
    "fleet markdown": lambda: fleet_summary.render_markdown(fleet_summary.read_results({NAME: CLUSTER}), NAME),
    "finding": lambda: "\n".join(strings(Finding("sub-mismatch", *[NAME] * 5).as_dict())),
}


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS.keys())
def test_report_has_no_hidden_characters(make: t.Callable[[], str]) -> None:
    text = make()
    assert not set(text) & set(HIDDEN)
    assert ESCAPED in re.sub(r"\\\\(?=[uU])", r"\\", text)
