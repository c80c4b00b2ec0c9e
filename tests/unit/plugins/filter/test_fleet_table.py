# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of many clusters."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.fleet_table import FilterModule, fleet_table
from unit.plugins.filter.fleet import BANK, EMPTY, FLEET, SHOP, entry


def test_each_cluster_has_a_line_the_worst_first() -> None:
    assert fleet_table(FLEET).splitlines() == [
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


def test_bindings_that_were_not_begun_are_counted() -> None:
    unreached = entry("failed", {"total": 3}, error="no such cluster")
    assert fleet_table({"a": unreached, "b": BANK}).splitlines()[-1] == (
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
def test_the_sums(fleet: t.Any, says: str) -> None:
    assert fleet_table(fleet).splitlines()[-1] == says


@pytest.mark.parametrize("width", [40, 72])
def test_messages_keep_to_the_width(width: int) -> None:
    lines = fleet_table({"shop": SHOP}, width=width).splitlines()[2:-2]
    assert lines
    assert all(len(line) <= width for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(SHOP["error"].split())


def test_a_long_table_stays_a_table() -> None:
    many = {f"cluster-{number:03}": BANK for number in range(300)}
    lines = fleet_table(many).splitlines()
    assert len(lines) == 303
    assert len({len(line) for line in lines[:301]}) == 1
    assert lines[1:301] == sorted(lines[1:301])


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([BANK], "a list was given"),
        ("text", "a str was given"),
        ({"shop": "text"}, "not what became of cluster shop"),
        ({"shop": {"counts": {}}}, "not what became of cluster shop"),
        ({"shop": {"status": "fine"}}, "has to be one of failed, stopped, changed, ok, empty"),
        ({"shop": {"status": "ok", "counts": [1]}}, "its counts a dictionary"),
    ],
)
def test_other_values_are_refused(value: t.Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        fleet_table(value)


@pytest.mark.parametrize("width", [39, "80", 80.5, True])
def test_a_width_that_is_none_is_refused(width: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="width"):
        fleet_table(FLEET, width=width)


def test_it_survives_json_as_artifacts_of_a_job_do() -> None:
    assert fleet_table(json.loads(json.dumps(FLEET))) == fleet_table(FLEET)


def test_the_filter_has_its_name() -> None:
    assert FilterModule().filters() == {"fleet_table": fleet_table}
