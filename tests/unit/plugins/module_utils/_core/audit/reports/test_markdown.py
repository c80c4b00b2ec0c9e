# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Markdown report of an audit."""

from __future__ import annotations

import re

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.markdown import render
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.text import summarize_counts
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils._core.audit.audit_documents import STALE, document, finding, with_findings

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_page_begins_with_the_cluster_and_its_counts() -> None:
    lines = render(document()).splitlines()
    assert lines[:5] == [
        "# IRSA audit of production (111122223333, eu-west-1, Kubernetes 1.33)",
        "",
        f"{summarize_counts(document()['counts'])}.",
        "",
        "As of 2026-11-26T10:00:00Z.",
    ]


def test_each_id_has_a_section_in_the_order_of_the_document() -> None:
    page = render(document())
    assert re.findall("^## .*", page, re.M) == [
        "## error: The pods are older than the annotation",
        "## error: The trust policy names another service account",
        "## warning: The provider's cluster no longer exists",
        "## warning: The role has not been used for a long time",
        "## note: Several service accounts share a role",
        "## Skipped checks",
    ]
    section = page.partition("## error: The pods")[2].partition("## error")[0].splitlines()
    assert section[2:7] == [
        "`pod-predates-annotation`, pods, 2 findings affecting 1 service account.",
        "",
        "Fix: Restart the owners of the pods with eksops.irsa.pod\\_rollout. It does not restart pods that already "
        "have the role.",
        "",
        "- container app of Deployment shop/cart (pods cart-5d4f-x2x1, cart-5d4f-9k2c) has neither AWS\\_ROLE\\_ARN "
        "nor AWS\\_WEB\\_IDENTITY\\_TOKEN\\_FILE",
    ]
    assert "  - evidence: `pod cart-5d4f-x2x1: spec.containers[app].env`" in section
    assert "  - affects: shop/cart" in section
    assert page.endswith("- The permission eks:ListAddons is missing.\n")


def test_first_findings_are_listed_and_the_others_counted() -> None:
    stale = [{**STALE, "message": f"container {number} has no role"} for number in range(25)]
    names = [f"a/{number}" for number in range(3000)]
    missing = finding("webhook-missing", "error", "webhook", "the webhook does not exist", service_accounts=names)
    page = render(with_findings(*stale, missing))
    assert page.count("- container ") == 10
    assert "\nAnd 15 more.\n" in page
    assert "`webhook-missing`, webhook, 1 finding affecting 3000 service accounts." in page
    assert "- affects: a/0, a/1, a/2, a/3, a/4, a/5, a/6, a/7, a/8, a/9 and 2990 more" in page
    assert len(page) < 10_000


def test_page_without_findings_has_counts_only() -> None:
    page = render(document(findings=[], skipped_checks=[]))
    assert "##" not in page


def test_unknown_id_has_a_section() -> None:
    page = render(with_findings(finding("not-known-yet", "note", "sts", "a message")))
    assert "## note: not-known-yet\n\n`not-known-yet`, sts, 1 finding.\n\n- a message\n" in page


@given(message=any_text, name=any_text, fix=any_text, found=any_text)
def test_no_text_becomes_markup(message: str, name: str, fix: str, found: str) -> None:
    hostile = finding("sub-mismatch", "error", "role", message, fix=f"x{fix}", found=found, service_accounts=[name])
    plain = finding("sub-mismatch", "error", "role", "x", fix="x", found="x", service_accounts=["x"])
    pages = [render(document(findings=[row], skipped_checks=[row["message"]])) for row in (hostile, plain)]
    # Both pages have the same number of lines, and lines with the same position begin with the same markup.
    lines = [page.split("\n") for page in pages]
    assert len(lines[0]) == len(lines[1])
    for hostile_line, plain_line in zip(*lines, strict=True):
        start = re.match(r"#* |(  )?- (\w+: )?|", plain_line)
        assert start is not None
        assert hostile_line.startswith(start[0])
    outside_code = re.sub(r"(`+) ?.*? ?\1(?!`)", "", pages[0].replace("\\`", ""))
    assert not re.search(r"(?<!\\)[<\[*]", outside_code.replace("\\\\", ""))


@pytest.mark.parametrize(
    "text", ["</script><b>", "[x](javascript:y)", "# head", "- item", "1. item", "a\n\n# b", "``x``"]
)
def test_markup_in_a_message_is_escaped(text: str) -> None:
    lines = render(with_findings(finding("role-unused", "warning", "role", text))).splitlines()
    (item,) = [line for line in lines if line.startswith("- ")]
    assert not re.search(r"(?<!\\)[<>\[\]`#]", item)
    assert not re.match(r"- (#|-|\d+\.)", item)
