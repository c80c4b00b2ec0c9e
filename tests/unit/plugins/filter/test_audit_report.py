# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter audit_report: tables and Markdown."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.audit_report import FilterModule, audit_report
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports import markdown as audit_markdown
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.filter.markdown_pages import MARKDOWN, texts
from unit.plugins.module_utils._core.audit.audit_documents import (
    FINDINGS,
    ORPHANED_PROVIDER,
    STALE,
    document,
    finding,
    result,
)

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")

COUNTS = (
    "5 service accounts: 1 broken, 1 unknown, 2 with notes, 1 ok; "
    "4 roles: 1 broken, 1 unknown, 1 with warnings, 1 with notes; 12 pods: 3 stale; "
    "6 findings: 3 errors, 2 warnings, 1 note"
)
HEAD = ["cluster production (111122223333, eu-west-1, Kubernetes 1.33)", COUNTS, ""]
SUMMARY = [
    "SEVERITY  LINK      ID                       COUNT  TITLE",
    "error     pods      pod-predates-annotation      2  The pods are older than the annotation",
    "error     role      sub-mismatch                 1  The trust policy names another service account",
    "warning   provider  provider-orphaned            1  The provider's cluster no longer exists",
    "warning   role      role-unused                  1  The role has not been used for a long time",
    "note      role      role-shared                  1  Several service accounts share a role",
]
SKIPPED_CHECKS = [
    "",
    "skipped checks:",
    "  The role of shop/mail: it is in another account.",
    "  The permission eks:ListAddons is missing.",
]


def test_table_has_counts_summary_findings_and_skipped_checks() -> None:
    assert audit_report(result(findings=[STALE])).splitlines() == [
        *HEAD,
        *SUMMARY,
        "",
        "SEVERITY  LINK  ID                       AFFECTS",
        "error     pods  pod-predates-annotation  shop/cart",
        "  container app of Deployment shop/cart (pods cart-5d4f-x2x1, cart-5d4f-9k2c) has neither",
        "    AWS_ROLE_ARN nor AWS_WEB_IDENTITY_TOKEN_FILE",
        "  fix: replace the pods with eksops.irsa.pod_rollout (namespace: shop, service_account: cart)",
        *SKIPPED_CHECKS,
    ]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (
            80,
            [
                "error     pods      pod-predates-annotation      2  The pods are older than the",
                "                                                    annotation",
            ],
        ),
        (
            60,
            [
                "error     pods      pod-predates-annotation      2  The pods",
                "    are older than the annotation",
            ],
        ),
    ],
)
def test_long_title_continues_below(width: int, lines: list[str]) -> None:
    assert audit_report(result(), width=width).splitlines()[4:6] == lines


def test_cluster_without_findings_has_a_line_of_counts() -> None:
    clean = result(findings=[], summary=[], skipped_checks=[])
    assert audit_report(clean).splitlines() == HEAD[:2]


@pytest.mark.parametrize(
    ("limit", "omitted", "message"),
    [
        (20, 0, None),
        (6, 0, None),
        (4, 0, "2 more"),
        (4, 90, "92 more"),
        (20, 1, "1 more"),
        (0, 0, "6 findings not shown"),
        (0, 5, "11 findings not shown"),
    ],
)
def test_findings_not_shown_are_counted(limit: int, omitted: int, message: str | None) -> None:
    lines = audit_report(result(omitted=omitted), findings=limit).splitlines()
    fixes = [line for line in lines if line.startswith("  fix: ")]
    assert len(fixes) == min(limit, len(FINDINGS))
    more = [line for line in lines if line.endswith((" more", "not shown"))]
    assert more == ([message] if message else [])


def test_twenty_findings_are_shown_by_default() -> None:
    many = [{**STALE, "message": f"container {number} has no role"} for number in range(30)]
    lines = audit_report(result(findings=many)).splitlines()
    assert len([line for line in lines if line.endswith("has no role")]) == 20
    assert "10 more" in lines


def test_finding_about_thousands_names_a_few() -> None:
    names = [f"shop/app-{number}" for number in range(3000)]
    missing = finding("webhook-missing", "error", "webhook", "the webhook does not exist", service_accounts=names)
    lines = audit_report(result(findings=[missing])).splitlines()
    assert "error     webhook  webhook-missing  shop/app-0, shop/app-1, shop/app-2 and 2997 more" in lines


def test_each_cluster_has_a_part_of_its_own() -> None:
    staging = result(cluster={"name": "staging", "region": "us-west-2"}, findings=[], summary=[], skipped_checks=[])
    lost = {
        "failed": True,
        "msg": "EKS cluster lost is unknown.\n  Fix: name another.",
        "invocation": {"module_args": {"cluster_name": "lost"}},
    }
    loop = {"results": [result(), {"skipped": True}, staging, lost]}
    parts = audit_report(loop).split("\n\ncluster ")
    assert parts[0] == audit_report(result())
    assert parts[1:] == [
        f"staging (us-west-2)\n{COUNTS}",
        "lost\nfailed\n  EKS cluster lost is unknown. Fix: name another.",
    ]
    assert audit_report(loop["results"]) == audit_report(loop)


def test_result_that_failed_on_its_findings_is_shown_in_full() -> None:
    failed = result(failed=True, msg="EKS cluster production has 3 errors.")
    assert audit_report(failed) == audit_report(result())


@pytest.mark.parametrize(
    "failure",
    [
        {"failed": True, "msg": "no connection"},
        {"failed": False, "failed_when_result": False, "msg": "no connection"},
    ],
)
def test_failure_without_a_cluster_has_a_dash(failure: dict[str, t.Any]) -> None:
    assert audit_report(failure).splitlines() == ["cluster -", "failed", "  no connection"]


@pytest.mark.parametrize("empty", [[], {"results": []}, {"results": [{"skipped": True}], "skipped": True}])
def test_no_results(empty: t.Any) -> None:
    assert audit_report(empty) == "no audit"


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_fit_the_width_but_words_are_not_broken(width: int) -> None:
    lines = audit_report(result(), width=width).splitlines()
    messages = [line for line in lines if line.startswith("  ")]
    assert messages
    assert all(len(line) <= width or len(line.split()) == 1 for line in messages)
    assert ORPHANED_PROVIDER in " ".join(lines).split() or f"{ORPHANED_PROVIDER};" in " ".join(lines).split()
    titles = [line for line in lines if line.startswith(("error", "warning", "note"))]
    assert len(titles) == 11


def test_invisible_characters_are_escaped() -> None:
    hostile = finding("sub-mismatch", "error", "role", "a \x1b[2J\u202eb", fix="c\x07", service_accounts=["x/\u200by"])
    text = audit_report(result(findings=[hostile], skipped_checks=["\x00"]))
    assert all(escaped in text for escaped in ("a \\u001b[2J\\u202eb", "fix: c\\u0007", "x/\\u200by", "  \\u0000"))


@given(message=st.text(max_size=80), name=st.text(max_size=20), title=st.text(max_size=40))
def test_control_characters_are_escaped(message: str, name: str, title: str) -> None:
    odd = finding("sub-mismatch", "error", "role", message, fix=message, service_accounts=[name])
    summary = [{"id": "sub-mismatch", "severity": "error", "link": "role", "title": title, "count": 1}]
    text = audit_report(result(cluster={"name": name}, findings=[odd], summary=summary, skipped_checks=[message]))
    assert not set(text) & {chr(code) for code in [*range(32), *range(127, 160), 0x202E, 0x2066]} - {"\n"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "it is a str without counts"),
        ({"changed": False}, "it is a dict without counts"),
        ([None], "it is a NoneType without counts"),
        ({"counts": {}}, "its counts lack a number"),
        (result(counts={**result()["counts"], "pods": {"stale": 1}}), "its counts lack a number"),
        (result(findings="none"), "field findings is not a list"),
        (result(findings=[{"id": "a", "severity": "error", "link": "role", "roles": "r"}]), "roles is not a list"),
        (result(cluster=["production"]), "field cluster is not an object"),
        ({"failed": True, "invocation": "hidden"}, "field invocation is not an object"),
        (result(findings=[{"id": "sub-mismatch"}]), "a finding lacks an ID"),
        (result(summary=[{"severity": "error", "link": "role"}]), "a finding lacks an ID"),
    ],
)
def test_invalid_values_are_rejected(value: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        audit_report(value)


@pytest.mark.parametrize("width", [39, "80", 80.5, True])
def test_invalid_width_is_rejected(width: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="width"):
        audit_report(result(), width=width)


@pytest.mark.parametrize("findings", [-1, "5", True, None])
def test_invalid_number_of_findings_is_rejected(findings: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="findings"):
        audit_report(result(), findings=findings)


def test_result_from_json() -> None:
    assert audit_report(json.loads(json.dumps(result()))) == audit_report(result())


# Markdown


def test_markdown_matches_the_report_file() -> None:
    page = audit_report(result(), format="markdown")
    file = audit_markdown.render(document())
    assert page == file.replace("\nAs of 2026-11-26T10:00:00Z.\n", "", 1)


def test_markdown_counts_omitted_findings() -> None:
    page = audit_report(result(findings=[STALE], omitted=5), format="markdown")
    assert page.count("\n## error:") == 1
    assert "\n5 more findings not listed.\n" in page
    assert "\n1 more finding not listed.\n" in audit_report(result(omitted=1), format="markdown")


def test_markdown_has_a_page_for_each_cluster() -> None:
    lost = {
        "failed": True,
        "msg": "EKS cluster lost *is* unknown.\n  Fix: name another.",
        "invocation": {"module_args": {"cluster_name": "lost"}},
    }
    page = audit_report([result(), {"skipped": True}, lost], format="markdown")
    assert page == audit_report(result(), format="markdown") + (
        "\n# IRSA audit of lost\n\nFailed:\n\nEKS cluster lost \\*is\\* unknown. Fix: name another.\n"
    )


@given(message=texts, name=texts)
def test_markup_is_escaped(message: str, name: str) -> None:
    page = audit_report({"failed": True, "msg": message, "cluster": {"name": name}}, format="markdown")
    tokens = [token for token in MARKDOWN.parse(page) if token.type == "inline"]
    texts_seen = ["".join(child.content for child in token.children or ()) for token in tokens]
    assert texts_seen == [f"IRSA audit of {' '.join(name.split())}", "Failed:", " ".join(message.split())]


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "html"}, "audit_report: format 'html' is not valid"),
        ({"format": None}, "format None is not valid"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        audit_report(result(), **options)


def test_filter_name() -> None:
    assert FilterModule().filters() == {"audit_report": audit_report}
