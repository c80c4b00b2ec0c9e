# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter fleet_report: tables and Markdown."""

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
        "  The run ended before the cluster was processed.",
        "failed   shop     111122223333  eu-west-1        12   1       10       1      11      0.4",
        '  1 of 12 bindings failed. shop/cart: namespace shop does not exist. Cause: namespaces "shop" not',
        "    found. Fix: create it.",
        "stopped  later    444455556666  us-west-2         -   -        -       -       -        -",
        "changed  bank     444455556666  eu-west-1         2   1        1       0       2      0.6",
        "ok       atm      444455556666  eu-west-1         2   2        0       0       2     61.3",
        "empty    idle     444455556666  eu-west-1         0   -        -       -       -        -",
        "",
        "6 clusters: 2 failed, 1 not started, 1 changed, 1 ok, 1 without bindings; "
        "16 bindings: 1 failed, 11 changed, 4 ok",
    ]


def test_unprocessed_bindings_are_counted() -> None:
    unreached = entry("failed", {"total": 3}, error="no such cluster")
    assert fleet_report({"a": unreached, "b": BANK}).splitlines()[-1] == (
        "2 clusters: 1 failed, 1 changed; 5 bindings: 1 changed, 1 ok, 3 not started"
    )


@pytest.mark.parametrize(
    ("fleet", "summary"),
    [
        ({}, "0 clusters; 0 bindings"),
        ({"idle": EMPTY}, "1 cluster: 1 without bindings; 0 bindings"),
        ({"shop": entry("ok", {"total": 1, "ok": 1, "changed": 0, "failed": 0})}, "1 cluster: 1 ok; 1 binding: 1 ok"),
    ],
)
def test_last_line_has_the_totals(fleet: t.Any, summary: str) -> None:
    assert fleet_report(fleet).splitlines()[-1] == summary


@pytest.mark.parametrize("width", [40, 72])
def test_messages_fit_the_width(width: int) -> None:
    lines = fleet_report({"shop": SHOP}, width=width).splitlines()[2:-2]
    assert lines
    assert all(len(line) <= width for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(SHOP["error"].split())


def test_columns_of_a_long_table_are_aligned() -> None:
    many = {f"cluster-{number:03}": BANK for number in range(300)}
    lines = fleet_report(many).splitlines()
    assert len(lines) == 303
    assert len({len(line) for line in lines[:301]}) == 1
    assert lines[1:301] == sorted(lines[1:301])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([BANK], "its type is list"),
        ("text", "its type is str"),
        ({"shop": "text"}, "the result of cluster shop is not valid"),
        ({"shop": {"counts": {}}}, "the result of cluster shop is not valid"),
        ({"shop": {"status": "fine"}}, "status must be one of failed, stopped, changed, ok, empty"),
        ({"shop": {"status": "ok", "counts": [1]}}, "field counts is not an object"),
        ({"shop": {"status": "ok", "counts": {"total": "many"}}}, "field counts.total is not an integer"),
        ({"shop": {"status": "ok", "proofs": [1]}}, "field proofs is not an integer"),
        ({"shop": {"status": "ok", "elapsed": "long"}}, "elapsed must be a number"),
    ],
)
def test_invalid_values_are_rejected(value: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        fleet_report(value)


@pytest.mark.parametrize("width", [39, "80", 80.5, True])
def test_invalid_width_is_rejected(width: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="width"):
        fleet_report(FLEET, width=width)


def test_result_from_json() -> None:
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
        '1 of 12 bindings failed. shop/cart: namespace shop does not exist. Cause: namespaces "shop" not found. '
        "Fix: create it.",
    ]


def test_markdown_ends_with_one_line_feed() -> None:
    page = markdown(FLEET)
    assert page.endswith("\n")
    assert not page.endswith("\n\n")


@given(name=texts, error=texts)
def test_markup_is_escaped(name: str, error: str) -> None:
    page = markdown({name: entry("failed", {}, error=error)})
    allowed = {"heading", "table", "thead", "tbody", "tr", "th", "td", "paragraph", "inline"}
    texts_seen: list[str] = []
    for token in MARKDOWN.parse(page):
        assert token.type.removesuffix("_open").removesuffix("_close") in allowed
        if token.type == "inline":
            assert {child.type for child in token.children or []} <= {"text", "text_special", "softbreak"}
            texts_seen.append("".join(child.content for child in token.children or []))
    title, message = " ".join(name.split()), " ".join(error.split())
    assert texts_seen[-2:] == [title, message]
    assert texts_seen[13] == title


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "html"}, "fleet_report: format 'html' is not valid"),
        ({"format": "markdown", "title": 1}, "fleet_report: title 1 is not a string"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        fleet_report(FLEET, **options)


def test_filter_name() -> None:
    assert FilterModule().filters() == {"fleet_report": fleet_report}
