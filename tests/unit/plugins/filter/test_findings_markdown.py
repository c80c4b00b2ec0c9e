# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page for a job's artifact."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.findings_markdown import FilterModule, findings_markdown
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from unit.plugins.filter.findings import NO_PERMISSIONS, SUB_MISMATCH, result

# What GitHub and GitLab make of it: CommonMark with tables and strike-through.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# Backslashes, bars, fences, tags, links, entities and bullets are what can go wrong.
texts = st.text(alphabet=st.sampled_from("aZ9 .-+#|\\`*_~[]()<>&;!\"'\t\n:/"), min_size=1, max_size=30).filter(
    str.strip
)


def test_the_page() -> None:
    loop = {
        "results": [
            result(SUB_MISMATCH, NO_PERMISSIONS, links={"role": "broken", "sts": "unknown"}),
            result(account="orders", proof=True),
            {"failed": True, "msg": "no cluster"},
        ]
    }
    assert findings_markdown(loop, title="IRSA in *production*").splitlines() == [
        "# IRSA in \\*production\\*",
        "",
        "3 service accounts: 1 not verified, 1 broken, 1 ok.",
        "",
        "| severity | link | id | service account | message |",
        "| --- | --- | --- | --- | --- |",
        "| error | role | `sub-mismatch` | shop/cart | statement 1 of role shop-cart trusts another account: sub is "
        "system:serviceaccount:shop:cart, the policy wants system:serviceaccount:default:cart (namespace differs) |",
        "| warning | role | `no-permissions` | shop/cart | role shop-cart has no policy |",
        "| unknown | - | - | shop/cart | could not be judged: sts |",
        "| ok | - | - | shop/orders | acts as arn:aws:sts::111122223333:assumed-role/shop-orders/verify |",
        "| failed | - | - | - | no cluster |",
        "",
        "## shop/cart",
        "",
        "Links: provider ok, role **broken**, account ok, webhook ok, pods ok, sts **unknown**.",
        "",
        "### `sub-mismatch`, error",
        "",
        SUB_MISMATCH.message,
        "",
        "- evidence: `Statement[0].Condition.StringEquals`",
        "- expected: `system:serviceaccount:shop:cart`",
        "- found: `system:serviceaccount:default:cart`",
        "- fix: add shop/cart to service\\_accounts of eksops.irsa.irsa\\_role",
        "",
        "### `no-permissions`, warning",
        "",
        "role shop-cart has no policy",
        "",
        "- evidence: `role shop-cart`",
        "- fix: attach one",
        "",
        "## shop/orders",
        "",
        "Links: provider ok, role ok, account ok, webhook ok, pods ok, sts ok.",
        "",
        "It acts as `arn:aws:sts::111122223333:assumed-role/shop-orders/verify`.",
        "",
        "## -",
        "",
        "no cluster",
    ]


def test_the_page_ends_with_a_line_feed() -> None:
    page = findings_markdown(result())
    assert page.endswith("\n")
    assert not page.endswith("\n\n")


@given(message=texts, value=texts)
def test_no_text_becomes_markup(message: str, value: str) -> None:
    finding = dataclasses.replace(SUB_MISMATCH, message=message, fix=message, found=value, evidence=None)
    cells, paragraphs, codes = read(findings_markdown(result(finding)))
    told = " ".join(message.split())
    assert cells == ["error", "role", "sub-mismatch", "shop/cart", told]
    assert paragraphs[2:] == [
        told,
        "expected: system:serviceaccount:shop:cart",
        f"found: {' '.join(value.split())}",
        f"fix: {told}",
    ]
    assert codes[1:] == ["sub-mismatch", "system:serviceaccount:shop:cart", " ".join(value.split())]


def read(page: str) -> tuple[list[str], list[str], list[str]]:
    """The first row's cells, the paragraphs and the code spans of a page, each as the text that a reader sees.

    :raises AssertionError: the page has other markup than headings, a table, a list, code and emphasis.
    """
    cells, paragraphs, codes = [], [], []
    tokens = MARKDOWN.parse(page)
    known = {"heading", "table", "thead", "tbody", "tr", "th", "td", "paragraph", "bullet_list", "list_item", "inline"}
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens} <= known
    assert sum(token.type == "bullet_list_open" for token in tokens) == 1
    for opening, token in itertools.pairwise(tokens):
        if token.type != "inline":
            continue
        inner = token.children or []
        assert {each.type for each in inner} <= {"text", "code_inline", "text_special", "softbreak"}
        told = "".join(each.content for each in inner)
        if opening.type == "td_open":
            cells.append(told)
        elif opening.type == "paragraph_open":
            paragraphs.append(told)
        codes += [each.content for each in inner if each.type == "code_inline"]
    return cells, paragraphs, codes


@pytest.mark.parametrize(
    ("value", "title", "says"),
    [("text", "title", "without findings"), ({"findings": [{}]}, "title", "lack an id"), ({}, 1, "title as text")],
)
def test_other_values_are_refused(value: t.Any, title: t.Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        findings_markdown(value, title=title)


def test_the_filter_has_its_name() -> None:
    assert FilterModule().filters() == {"findings_markdown": findings_markdown}
