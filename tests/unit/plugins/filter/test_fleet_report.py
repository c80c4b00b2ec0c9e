# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of many clusters as a table and as Markdown."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.fleet_report import FilterModule, fleet_report
from hypothesis import given
from unit.plugins.filter.fleet import BANK, EMPTY, FLEET, SHOP, entry
from unit.plugins.filter.markdown_pages import MARKDOWN, texts


def markdown(value: t.Any, **options: t.Any) -> str:
    return fleet_report(value, format="markdown", **options)


# Tables


def test_each_cluster_has_a_line_with_the_worst_first() -> None:
    assert fleet_report(FLEET).splitlines() == [
        "STATUS   CLUSTER  ACCOUNT       REGION     BINDINGS  OK  CHANGED  FAILED  PROVEN  SECONDS",
        "failed   lost     -             -                 -   -        -       -       -        -",
        "  The run ended before it was done; why is said above.",
        "failed   shop     111122223333  eu-west-1        12   1       10       1      11      0.4",
        '  1 of 12 bindings failed. shop/cart: there is no namespace shop. Cause: namespaces "shop" not',
        "    found. Fix: create it.",
        "stopped  later    444455556666  us-west-2         -   -        -       -       -        -",
        "changed  bank     444455556666  eu-west-1         2   1        1       0       2      0.6",
        "ok       atm      444455556666  eu-west-1         2   2        0       0       2     61.3",
        "empty    idle     444455556666  eu-west-1         0   -        -       -       -        -",
        "",
        "6 clusters: 2 failed, 1 not begun, 1 changed, 1 ok, 1 without bindings; "
        "16 bindings: 1 failed, 11 changed, 4 ok",
    ]


def test_bindings_not_begun_are_counted() -> None:
    unreached = entry("failed", {"total": 3}, error="no such cluster")
    assert fleet_report({"a": unreached, "b": BANK}).splitlines()[-1] == (
        "2 clusters: 1 failed, 1 changed; 5 bindings: 1 changed, 1 ok, 3 not begun"
    )


@pytest.mark.parametrize(
    ("fleet", "says"),
    [
        ({}, "0 clusters; 0 bindings"),
        ({"idle": EMPTY}, "1 cluster: 1 without bindings; 0 bindings"),
        ({"shop": entry("ok", {"total": 1, "ok": 1, "changed": 0, "failed": 0})}, "1 cluster: 1 ok; 1 binding: 1 ok"),
    ],
)
def test_last_line_has_the_sums(fleet: t.Any, says: str) -> None:
    assert fleet_report(fleet).splitlines()[-1] == says


@pytest.mark.parametrize("width", [40, 72])
def test_messages_keep_to_the_width(width: int) -> None:
    lines = fleet_report({"shop": SHOP}, width=width).splitlines()[2:-2]
    assert lines
    assert all(len(line) <= width for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(SHOP["error"].split())


def test_long_table_keeps_its_columns() -> None:
    many = {f"cluster-{number:03}": BANK for number in range(300)}
    lines = fleet_report(many).splitlines()
    assert len(lines) == 303
    assert len({len(line) for line in lines[:301]}) == 1
    assert lines[1:301] == sorted(lines[1:301])


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([BANK], "a list was given"),
        ("text", "a str was given"),
        ({"shop": "text"}, "not a result of cluster shop"),
        ({"shop": {"counts": {}}}, "not a result of cluster shop"),
        ({"shop": {"status": "fine"}}, "has to be one of failed, stopped, changed, ok, empty"),
        ({"shop": {"status": "ok", "counts": [1]}}, "its counts a dictionary"),
    ],
)
def test_other_values_are_rejected(value: t.Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        fleet_report(value)


@pytest.mark.parametrize("width", [39, "80", 80.5, True])
def test_invalid_width_is_rejected(width: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="width"):
        fleet_report(FLEET, width=width)


def test_results_may_come_from_json() -> None:
    assert fleet_report(json.loads(json.dumps(FLEET))) == fleet_report(FLEET)


# Markdown


def test_markdown_has_a_table_and_each_error() -> None:
    assert markdown({"shop": SHOP, "bank": BANK}, title="IRSA *this* week").splitlines() == [
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


def test_markdown_ends_with_one_line_feed() -> None:
    page = markdown(FLEET)
    assert page.endswith("\n")
    assert not page.endswith("\n\n")


@given(name=texts, error=texts)
def test_no_text_becomes_markup(name: str, error: str) -> None:
    page = markdown({name: entry("failed", {}, error=error)})
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


# Options


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "html"}, "fleet_report: format 'html' does not exist"),
        ({"format": "markdown", "title": 1}, "fleet_report: title 1 is not text"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        fleet_report(FLEET, **options)


def test_filter_has_its_name() -> None:
    assert FilterModule().filters() == {"fleet_report": fleet_report}
