# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about many clusters."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.fleet_markdown import FilterModule, fleet_markdown
from hypothesis import given
from unit.plugins.filter.fleet import BANK, FLEET, SHOP, entry
from unit.plugins.filter.test_findings_markdown import MARKDOWN, texts


def test_the_page() -> None:
    assert fleet_markdown({"shop": SHOP, "bank": BANK}, title="IRSA *this* week").splitlines() == [
        "# IRSA \\*this\\* week",
        "",
        "2 clusters: 1 failed, 1 changed; 14 bindings: 1 failed, 11 changed, 2 ok.",
        "",
        "| status | cluster | account | region | bindings | ok | changed | failed | proven | seconds |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| failed | shop | 111122223333 | eu-west-1 | 12 | 1 | 10 | 1 | 11 | 0.4 |",
        "| changed | bank | 444455556666 | eu-west-1 | 2 | 1 | 1 | 0 | 2 | 0.6 |",
        "",
        "## shop",
        "",
        '1 of 12 bindings failed. shop/cart: there is no namespace shop. Cause: namespaces "shop" not found. '
        "Fix: create it.",
    ]


def test_the_page_ends_with_a_line_feed() -> None:
    page = fleet_markdown(FLEET)
    assert page.endswith("\n")
    assert not page.endswith("\n\n")


@given(name=texts, error=texts)
def test_no_text_becomes_markup(name: str, error: str) -> None:
    page = fleet_markdown({name: entry("failed", {}, error=error)})
    known = {"heading", "table", "thead", "tbody", "tr", "th", "td", "paragraph", "inline"}
    seen: list[str] = []
    for token in MARKDOWN.parse(page):
        assert token.type.removesuffix("_open").removesuffix("_close") in known
        if token.type == "inline":
            assert {each.type for each in token.children or []} <= {"text", "text_special", "softbreak"}
            seen.append("".join(each.content for each in token.children or []))
    told, said = " ".join(name.split()), " ".join(error.split())
    assert seen[-2:] == [told, said]
    assert seen[13] == told


@pytest.mark.parametrize(
    ("value", "title", "says"),
    [([], "title", "a list was given"), ({"shop": {}}, "title", "cluster shop"), ({}, 1, "title as text")],
)
def test_other_values_are_refused(value: t.Any, title: t.Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        fleet_markdown(value, title=title)


def test_the_filter_has_its_name() -> None:
    assert FilterModule().filters() == {"fleet_markdown": fleet_markdown}
