# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit as Markdown and as JSON."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.text import (
    cluster_heading,
    cluster_name,
    concerned,
    counted,
    json_text,
    markdown,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils._core.audit.audit_documents import CART, ORDERS, STALE, document, finding, with_findings

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


# Texts


@pytest.mark.parametrize(
    ("cluster", "name", "heading"),
    [
        (document()["cluster"], "production", "production (111122223333, eu-west-1, Kubernetes 1.33)"),
        ({"name": "a\u202eb", "region": "eu-west-1"}, "a\\u202eb", "a\\u202eb (eu-west-1)"),
        ({"name": None, "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"}, "ABC", "ABC"),
        ({}, "-", "-"),
    ],
)
def test_a_cluster_is_called_by_what_is_known(cluster: dict[str, t.Any], name: str, heading: str) -> None:
    assert cluster_name(cluster) == name
    assert cluster_heading(cluster) == heading


def test_counts_are_one_line() -> None:
    assert counted(document()["counts"]) == (
        "5 service accounts: 1 broken, 1 in part, 2 with notes, 1 ok; "
        "4 roles: 1 broken, 1 in part, 1 with warnings, 1 with notes; 12 pods: 3 stale; "
        "6 findings: 3 errors, 2 warnings, 1 note"
    )
    nothing = {"service_accounts": {"total": 1, "ok": 1}, "roles": {"total": 0}, "pods": {"total": 1, "stale": 0}}
    assert counted({**nothing, "findings": {}}) == "1 service account: 1 ok; 0 roles; 1 pod; 0 findings"


@pytest.mark.parametrize(
    ("accounts", "roles", "said"),
    [
        (["shop/a", "shop/b"], [CART], "shop/a and shop/b"),
        (["shop/a", "shop/b", "shop/c", "shop/d"], [], "shop/a, shop/b and 2 more"),
        ([], [CART, ORDERS], "shop-cart and orders"),
        ([], [], "-"),
    ],
)
def test_whom_a_finding_concerns(accounts: list[str], roles: list[str], said: str) -> None:
    assert concerned({"service_accounts": accounts, "roles": roles}, 2) == said


# JSON


def test_json_is_the_document_in_its_order() -> None:
    audit = document()
    text = json_text(audit)
    assert json.loads(text) == audit
    assert list(json.loads(text)) == list(audit)
    assert text.startswith('{\n  "format": "eksops.irsa/audit/1",\n  "generated_at"')
    assert text.endswith("}\n")


@given(any_text)
def test_json_carries_any_text_in_ascii(text: str) -> None:
    audit = document(unread=[text])
    assert json_text(audit).isascii()
    assert json.loads(json_text(audit)) == audit


# Markdown


def test_markdown_begins_with_the_cluster_and_its_counts() -> None:
    lines = markdown(document()).splitlines()
    assert lines[:5] == [
        "# IRSA audit of production (111122223333, eu-west-1, Kubernetes 1.33)",
        "",
        f"{counted(document()['counts'])}.",
        "",
        "As of 2026-11-26T10:00:00Z.",
    ]


def test_markdown_has_a_section_for_each_id_in_the_documents_order() -> None:
    page = markdown(document())
    assert re.findall("^## .*", page, re.M) == [
        "## error: The pods are older than the annotation",
        "## error: The trust policy is for another service account",
        "## warning: A provider of a cluster that is gone",
        "## warning: A role has not been used for a long time",
        "## note: Several service accounts share a role",
        "## Not read",
    ]
    section = page.partition("## error: The pods")[2].partition("## error")[0].splitlines()
    assert section[2:7] == [
        "`pod-predates-annotation`, pods, 2 findings about 1 service account.",
        "",
        "Fix: Restart the pods' owners with eksops.irsa.pod\\_rollout; it leaves pods alone that have the role "
        "already.",
        "",
        "- container app of Deployment shop/cart (pods cart-5d4f-x2x1, cart-5d4f-9k2c) has neither AWS\\_ROLE\\_ARN "
        "nor AWS\\_WEB\\_IDENTITY\\_TOKEN\\_FILE",
    ]
    assert "  - evidence: `pod cart-5d4f-x2x1: spec.containers[app].env`" in section
    assert "  - concerns: shop/cart" in section
    assert page.endswith("- The permission eks:ListAddons is missing.\n")


def test_markdown_tells_the_first_and_how_many_more() -> None:
    many = [{**STALE, "message": f"container {number} is bare"} for number in range(25)]
    about = finding("webhook-missing", "error", "webhook", "none", service_accounts=[f"a/{n}" for n in range(3000)])
    page = markdown(with_findings(*many, about))
    assert page.count("- container ") == 10
    assert "\nAnd 15 more.\n" in page
    assert "`webhook-missing`, webhook, 1 finding about 3000 service accounts." in page
    assert "- concerns: a/0, a/1, a/2, a/3, a/4, a/5, a/6, a/7, a/8, a/9 and 2990 more" in page
    assert len(page) < 10_000


def test_markdown_of_a_cluster_without_findings_is_its_counts() -> None:
    page = markdown(document(findings=[], unread=[]))
    assert "##" not in page


def test_an_id_without_a_cause_is_a_section_nevertheless() -> None:
    page = markdown(with_findings(finding("of-the-future", "note", "sts", "it is so")))
    assert "## note: of-the-future\n\n`of-the-future`, sts, 1 finding.\n\n- it is so\n" in page


@given(message=any_text, name=any_text, fix=any_text, found=any_text)
def test_nothing_in_a_text_becomes_markup(message: str, name: str, fix: str, found: str) -> None:
    hostile = finding("sub-mismatch", "error", "role", message, fix=f"x{fix}", found=found, service_accounts=[name])
    plain = finding("sub-mismatch", "error", "role", "x", fix="x", found="x", service_accounts=["x"])
    pages = [markdown(document(findings=[each], unread=[each["message"]])) for each in (hostile, plain)]
    # However the texts read, there are as many lines, and each begins as it should.
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
def test_markup_in_a_message_is_text(text: str) -> None:
    lines = markdown(with_findings(finding("role-unused", "warning", "role", text))).splitlines()
    (item,) = [line for line in lines if line.startswith("- ")]
    assert not re.search(r"(?<!\\)[<>\[\]`#]", item)
    assert not re.match(r"- (#|-|\d+\.)", item)
