# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table for the terminal."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.findings_table import FilterModule, findings_table
from unit.plugins.filter.findings import NO_PERMISSIONS, SUB_MISMATCH, result


def test_a_finding_has_a_line_and_below_it_message_and_fix() -> None:
    assert findings_table(result(SUB_MISMATCH)).splitlines() == [
        "SEVERITY  LINK  ID            SERVICE ACCOUNT",
        "error     role  sub-mismatch  shop/cart",
        "  statement 1 of role shop-cart trusts another account: sub is system:serviceaccount:shop:cart, the",
        "    policy wants system:serviceaccount:default:cart (namespace differs)",
        "  fix: add shop/cart to service_accounts of eksops.irsa.irsa_role",
        "",
        "1 service account: 1 broken",
    ]


def test_every_account_has_its_line_whatever_became_of_it() -> None:
    loop = {
        "results": [
            result(SUB_MISMATCH, NO_PERMISSIONS),
            {"skipped": True, "item": "unused"},
            result(account="orders", proof=True),
            result(account="search", links={"webhook": "unknown", "sts": "unknown"}),
            {
                "failed": True,
                "msg": "cluster production is unknown.\n  Fix: name another.",
                "invocation": {"module_args": {"namespace": "shop", "service_account": "mail"}},
            },
            result(NO_PERMISSIONS, account="tax"),
        ]
    }
    assert findings_table(loop, width=200).splitlines() == [
        "SEVERITY  LINK  ID              SERVICE ACCOUNT",
        "error     role  sub-mismatch    shop/cart",
        f"  {SUB_MISMATCH.message}",
        f"  fix: {SUB_MISMATCH.fix}",
        "warning   role  no-permissions  shop/cart",
        "  role shop-cart has no policy",
        "  fix: attach one",
        "ok        -     -               shop/orders",
        "  acts as arn:aws:sts::111122223333:assumed-role/shop-orders/verify",
        "unknown   -     -               shop/search",
        "  could not be judged: webhook, sts",
        "failed    -     -               shop/mail",
        "  cluster production is unknown. Fix: name another.",
        "warning   role  no-permissions  shop/tax",
        "  role shop-cart has no policy",
        "  fix: attach one",
        "",
        "5 service accounts: 1 not verified, 1 broken, 1 with warnings, 1 in part, 1 ok",
    ]


def test_a_list_of_results_is_taken_as_well_as_a_loop() -> None:
    results = [result(), result(SUB_MISMATCH, account="orders")]
    assert findings_table(results) == findings_table({"results": results})


@pytest.mark.parametrize("empty", [[], {"results": []}, {"results": [{"skipped": True}], "skipped": True}])
def test_nothing_verified_is_said_so(empty: t.Any) -> None:
    assert findings_table(empty).splitlines() == ["SEVERITY  LINK  ID  SERVICE ACCOUNT", "", "0 service accounts"]


def test_an_account_that_is_not_told_has_a_dash() -> None:
    failure = {"failed": True, "msg": "no"}
    assert findings_table(failure).splitlines()[1] == "failed    -     -   -"
    options = {"namespace": "shop", "service_account": "cart"}
    assert findings_table(failure | {"invocation": {"module_args": options}}).splitlines()[1].endswith(" shop/cart")


@pytest.mark.parametrize("width", [40, 72, 100])
def test_lines_keep_to_the_width_but_words_are_never_broken(width: int) -> None:
    lines = findings_table(result(SUB_MISMATCH), width=width).splitlines()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines[2:])
    words = " ".join(lines).split()
    assert "system:serviceaccount:default:cart" in words
    assert " ".join(" ".join(lines[2:-2]).split()) == f"{SUB_MISMATCH.message} fix: {SUB_MISMATCH.fix}"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("text", "a str without findings was given"),
        ({"changed": False}, "a dict without findings was given"),
        ([None], "a NoneType without findings was given"),
        ({"findings": [{"id": "sub-mismatch"}]}, "the findings of - lack an id, a severity, a link or a message"),
        ({"findings": "none"}, "the findings of - lack"),
    ],
)
def test_other_values_are_refused(value: t.Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        findings_table(value)


@pytest.mark.parametrize("width", [39, "80", 80.5, True])
def test_a_width_that_is_none_is_refused(width: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="width"):
        findings_table(result(), width=width)


def test_a_failure_that_failed_when_hides_is_one() -> None:
    hidden = {"failed": False, "failed_when_result": False, "msg": "no connection"}
    assert findings_table(hidden).splitlines()[1:] == [
        "failed    -     -   -",
        "  no connection",
        "",
        "1 service account: 1 not verified",
    ]


def test_the_structure_survives_json() -> None:
    once = result(SUB_MISMATCH, proof=True)
    assert findings_table(json.loads(json.dumps(once))) == findings_table(once)


def test_the_filter_has_its_name() -> None:
    assert FilterModule().filters() == {"findings_table": findings_table}
