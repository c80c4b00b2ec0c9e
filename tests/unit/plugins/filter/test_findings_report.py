# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter findings_report: tables and Markdown."""

from __future__ import annotations

import dataclasses
import itertools
import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.findings_report import FilterModule, findings_report
from hypothesis import given
from unit.plugins.filter.findings import NO_PERMISSIONS, SUB_MISMATCH, result
from unit.plugins.filter.markdown_pages import MARKDOWN, texts


def markdown(value: t.Any, **options: t.Any) -> str:
    return findings_report(value, format="markdown", **options)


# Tables


def test_finding_has_a_line_with_message_and_fix_below() -> None:
    assert findings_report(result(SUB_MISMATCH)).splitlines() == [
        "SEVERITY  LINK  ID            SERVICE ACCOUNT",
        "error     role  sub-mismatch  shop/cart",
        "  statement 1 of the trust policy of role shop-cart trusts system:serviceaccount:default:cart, but",
        "    not system:serviceaccount:shop:cart (namespace differs)",
        "  fix: add shop/cart to service_accounts of eksops.irsa.irsa_role",
        "",
        "1 service account: 1 broken",
    ]


def test_every_account_has_a_line() -> None:
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
    assert findings_report(loop, width=200).splitlines() == [
        "SEVERITY  LINK  ID              SERVICE ACCOUNT",
        "error     role  sub-mismatch    shop/cart",
        f"  {SUB_MISMATCH.message}",
        f"  fix: {SUB_MISMATCH.fix}",
        "warning   role  no-permissions  shop/cart",
        "  role shop-cart has no policy",
        "  fix: attach one",
        "ok        -     -               shop/orders",
        "  assumed arn:aws:sts::111122223333:assumed-role/shop-orders/verify",
        "unknown   -     -               shop/search",
        "  could not be checked: webhook, sts",
        "failed    -     -               shop/mail",
        "  cluster production is unknown. Fix: name another.",
        "warning   role  no-permissions  shop/tax",
        "  role shop-cart has no policy",
        "  fix: attach one",
        "",
        "5 service accounts: 1 not verified, 1 broken, 1 with warnings, 1 unknown, 1 ok",
    ]


def test_many_accounts_that_are_ok_are_only_counted() -> None:
    accounts = [result(account=f"app-{number}", proof=True) for number in range(11)]
    assert findings_report(accounts) == "11 service accounts: 11 ok"
    assert findings_report([*accounts, result(NO_PERMISSIONS)]).splitlines() == [
        "SEVERITY  LINK  ID              SERVICE ACCOUNT",
        "warning   role  no-permissions  shop/cart",
        "  role shop-cart has no policy",
        "  fix: attach one",
        "",
        "12 service accounts: 1 with warnings, 11 ok",
    ]
    assert len(findings_report(accounts[:10]).splitlines()) == 23


def test_result_of_several_service_accounts_equals_a_list() -> None:
    results = [result(SUB_MISMATCH), result(account="orders", proof=True)]
    assert findings_report({"ok": False, "results": results, "failed": True, "msg": "x"}) == findings_report(results)


def test_list_of_results_equals_a_loop() -> None:
    results = [result(), result(SUB_MISMATCH, account="orders")]
    assert findings_report(results) == findings_report({"results": results})


@pytest.mark.parametrize("empty", [[], {"results": []}, {"results": [{"skipped": True}], "skipped": True}])
def test_no_results(empty: t.Any) -> None:
    assert findings_report(empty).splitlines() == ["SEVERITY  LINK  ID  SERVICE ACCOUNT", "", "0 service accounts"]


def test_failure_without_an_account_has_a_dash() -> None:
    failure = {"failed": True, "msg": "no"}
    assert findings_report(failure).splitlines()[1] == "failed    -     -   -"
    options = {"namespace": "shop", "service_account": "cart"}
    assert findings_report(failure | {"invocation": {"module_args": options}}).splitlines()[1].endswith(" shop/cart")


@pytest.mark.parametrize("width", [40, 72, 100])
def test_lines_fit_the_width_but_words_are_not_broken(width: int) -> None:
    lines = findings_report(result(SUB_MISMATCH), width=width).splitlines()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines[2:])
    words = " ".join(lines).split()
    assert "system:serviceaccount:shop:cart" in words
    assert " ".join(" ".join(lines[2:-2]).split()) == f"{SUB_MISMATCH.message} fix: {SUB_MISMATCH.fix}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "it is a str without findings"),
        ({"changed": False}, "it is a dict without findings"),
        ([None], "it is a NoneType without findings"),
        ({"findings": [{"id": "sub-mismatch"}]}, "-: a finding has no id, severity, link or message"),
        ({"findings": "none"}, "-: a finding has no id"),
        ({"findings": [], "proof": ["arn"]}, "field proof is not an object"),
        ({"findings": [], "links": {"role": {}}}, "field links.role is not a string"),
        ({"failed": True, "invocation": {"module_args": []}}, "field invocation.module_args is not an object"),
    ],
)
def test_invalid_values_are_rejected(value: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        findings_report(value)


@pytest.mark.parametrize("width", [39, "80", 80.5, True])
def test_invalid_width_is_rejected(width: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="width"):
        findings_report(result(), width=width)


def test_failure_hidden_by_failed_when_is_shown() -> None:
    hidden = {"failed": False, "failed_when_result": False, "msg": "no connection"}
    assert findings_report(hidden).splitlines()[1:] == [
        "failed    -     -   -",
        "  no connection",
        "",
        "1 service account: 1 not verified",
    ]


def test_result_from_json() -> None:
    registered = result(SUB_MISMATCH, proof=True)
    assert findings_report(json.loads(json.dumps(registered))) == findings_report(registered)


# Markdown


def test_markdown_has_a_table_and_each_account() -> None:
    loop = {
        "results": [
            result(SUB_MISMATCH, NO_PERMISSIONS, links={"role": "broken", "sts": "unknown"}),
            result(account="orders", proof=True),
            {"failed": True, "msg": "no cluster"},
        ]
    }
    assert markdown(loop, title="IRSA in *production*").splitlines() == [
        "# IRSA in \\*production\\*",
        "",
        "3 service accounts: 1 not verified, 1 broken, 1 ok.",
        "",
        "| severity | link | id | service account | message |",
        "| --- | --- | --- | --- | --- |",
        "| error | role | `sub-mismatch` | shop/cart | statement 1 of the trust policy of role shop-cart trusts "
        "system:serviceaccount:default:cart, but not system:serviceaccount:shop:cart (namespace differs) |",
        "| warning | role | `no-permissions` | shop/cart | role shop-cart has no policy |",
        "| unknown | - | - | shop/cart | could not be checked: sts |",
        "| ok | - | - | shop/orders | assumed arn:aws:sts::111122223333:assumed-role/shop-orders/verify |",
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
        "It assumed `arn:aws:sts::111122223333:assumed-role/shop-orders/verify`.",
        "",
        "## -",
        "",
        "no cluster",
    ]


def test_markdown_ends_with_one_line_feed() -> None:
    page = markdown(result())
    assert page.endswith("\n")
    assert not page.endswith("\n\n")


@given(message=texts, value=texts)
def test_markup_is_escaped(message: str, value: str) -> None:
    finding = dataclasses.replace(SUB_MISMATCH, message=message, fix=message, found=value, evidence=None)
    cells, paragraphs, codes = read(markdown(result(finding)))
    line = " ".join(message.split())
    assert cells == ["error", "role", "sub-mismatch", "shop/cart", line]
    assert paragraphs[2:] == [
        line,
        "expected: system:serviceaccount:shop:cart",
        f"found: {' '.join(value.split())}",
        f"fix: {line}",
    ]
    assert codes[1:] == ["sub-mismatch", "system:serviceaccount:shop:cart", " ".join(value.split())]


def read(page: str) -> tuple[list[str], list[str], list[str]]:
    """Reads the visible text of a page: the cells of the first row, the paragraphs and the code spans.

    :raises AssertionError: the page has markup other than headings, a table, a list, code and emphasis.
    """
    cells, paragraphs, codes = [], [], []
    tokens = MARKDOWN.parse(page)
    known = {"heading", "table", "thead", "tbody", "tr", "th", "td", "paragraph", "bullet_list", "list_item", "inline"}
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens} <= known
    assert sum(token.type == "bullet_list_open" for token in tokens) == 1
    for opening, token in itertools.pairwise(tokens):
        if token.type != "inline":
            continue
        children = token.children or []
        assert {child.type for child in children} <= {"text", "code_inline", "text_special", "softbreak"}
        text = "".join(child.content for child in children)
        if opening.type == "td_open":
            cells.append(text)
        elif opening.type == "paragraph_open":
            paragraphs.append(text)
        codes += [child.content for child in children if child.type == "code_inline"]
    return cells, paragraphs, codes


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "html"}, "findings_report: format 'html' is not valid. Fix: use one of table, markdown"),
        ({"title": 1}, "findings_report: title 1 is not a string"),
        ({"format": "markdown", "title": None}, "title None is not a string"),
        ({"format": "markdown", "width": "80"}, "width '80' is not an integer"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        findings_report(result(), **options)


def test_filter_name() -> None:
    assert FilterModule().filters() == {"findings_report": findings_report}
