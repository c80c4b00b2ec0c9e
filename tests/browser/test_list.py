# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list, in which only lines in or near the window are elements."""

from __future__ import annotations

import pathlib
import re

from browser.conftest import Opener
from browser.driver import MAX_ELEMENTS, Audits, count_text, focused_id, press, row_labels
from playwright.sync_api import expect


def test_large_list_has_few_elements(visit: Opener, audits: Audits) -> None:
    page = visit("large")
    ready = page.evaluate("performance.getEntriesByName('audit-ready')[0].startTime")
    elements = page.evaluate("document.querySelectorAll('*').length")
    searched = page.evaluate(
        """() => {
          const search = document.getElementById("search");
          const start = performance.now();
          search.value = "checkout";
          search.dispatchEvent(new Event("input"));
          document.getElementById("grid").getBoundingClientRect();
          return performance.now() - start;
        }"""
    )
    print(f"\n5,000 accounts: ready after {ready:.0f} ms, a search takes {searched:.0f} ms, {elements} elements")
    assert elements < MAX_ELEMENTS
    page.evaluate("location.hash = '#sort=name'")
    for view, total in (("accounts", "5,000"), ("roles", "5,000"), ("findings", "2,000")):
        page.locator(f"#tab-{view}").click()
        assert total in count_text(page)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(100)
        assert page.evaluate("document.querySelectorAll('*').length") < MAX_ELEMENTS
        # After scrolling down, the last line is an element.
        last = page.locator("#grid .row").last
        assert last.get_attribute("aria-rowindex") == page.locator("#grid").get_attribute("aria-rowcount")
        expect(last).to_be_in_viewport()
    assert audits["large"]["counts"]["service_accounts"]["total"] == 5000


def test_scrolling_shows_all_accounts_in_order(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="sort=name")
    labels: dict[int, str] = {}
    while True:
        for row in page.locator(".account-row").all():
            index = int(row.get_attribute("aria-rowindex") or 0)
            labels[index] = (row.get_attribute("aria-label") or "").split(",")[0]
        if page.evaluate("scrollY + innerHeight >= document.body.scrollHeight - 1"):
            break
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(60)
    names = sorted(f"{account['namespace']}/{account['name']}" for account in audits["ordinary"]["service_accounts"])
    assert [labels[index] for index in sorted(labels)] == names


def test_changed_list_is_scrolled_to_top(visit: Opener) -> None:
    page = visit("large")
    page.evaluate("scrollTo(0, 90000)")
    page.locator("#search").fill("shop")
    first = page.locator(".row:not(.pinned)").first
    expect(first).to_have_attribute("aria-rowindex", re.compile("^[12]$"))
    expect(first).to_be_in_viewport()
    # Opening an account does not scroll the list.
    page.evaluate("scrollTo(0, 2000)")
    page.wait_for_timeout(100)
    page.locator(".account-row:not(.pinned)").nth(15).locator(".node.account").click()
    assert page.evaluate("scrollY") == 2000
    expect(page.locator("#details")).to_be_visible()


def test_tab_key_chooses_the_first_visible_line(visit: Opener) -> None:
    page = visit("large")
    page.evaluate("scrollTo(0, 90000)")
    page.wait_for_timeout(100)
    page.locator("#by-sort").focus()
    press(page, "Tab")
    assert focused_id(page) == "grid"
    assert abs(page.evaluate("scrollY") - 90000) < 200
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)


def test_roles_show_unmatched_subjects(visit: Opener) -> None:
    page = visit(fragment="view=roles&q=cart-v1")
    row = page.locator(".role-row")
    expect(row.locator(".trusted .missing")).to_contain_text("missing")
    page.locator("#tab-accounts").click()
    # An account without an annotation displays the role that trusts it.
    expect(page.locator(".account-row .node.account")).to_contain_text("missing")
    expect(page.locator(".account-row .node.role")).to_have_text("cart-v1trusts it")
    page.locator(".account-row .node.role").click()
    expect(page.locator("#details .kind")).to_have_text("Role")
    page.locator("#details [data-close]").click()
    page.locator("#tab-roles").click()
    page.locator("#search").fill("platform-observability")
    expect(page.locator(".role-row .shared")).to_have_text("shared by 3")
    page.locator("#search").fill("billing-invoices")
    expect(page.locator(".role-row .trusted .missing")).to_contain_text("does not use it")
    page.locator("#search").fill("payments-ledger")
    expect(page.locator(".role-row .node.role")).to_contain_text("missing")


def test_group_head_is_pinned(visit: Opener) -> None:
    page = visit("large", "sort=name")
    for depth in (3000, 40000, 150000):
        page.evaluate(f"scrollTo(0, {depth})")
        page.wait_for_timeout(100)
        head = page.locator(".group-row.pinned")
        expect(head).to_have_count(1)
        tools = page.locator("#tools").bounding_box()
        box = head.bounding_box()
        assert tools
        assert box
        below = tools["y"] + tools["height"]
        # The head is below the toolbar, or the next head pushes it up.
        assert below - box["height"] < box["y"] <= below + 1
        line = page.evaluate(
            """(y) => {
              const row = document.elementFromPoint(200, y).closest(".row");
              return row.getAttribute("aria-label") || row.querySelector(".name").textContent + "/";
            }""",
            box["y"] + box["height"] + 4,
        )
        assert line.startswith(head.locator(".name").inner_text() + "/")


def test_print_shows_all_lines(visit: Opener, tmp_path: pathlib.Path) -> None:
    page = visit()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert len(row_labels(page, "account")) == 60
    expect(page.locator("#search")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    large = visit("large")
    data = large.pdf()
    (tmp_path / "page.pdf").write_bytes(data)
    pages = len(re.findall(rb"/Type\s*/Page\b", data))
    assert 5 < pages < 40
    # After printing, only lines near the window are elements.
    assert large.evaluate("document.querySelectorAll('*').length") < MAX_ELEMENTS
