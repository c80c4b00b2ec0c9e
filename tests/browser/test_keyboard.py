# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyboard access to all functions."""

from __future__ import annotations

import re

from browser.conftest import Opener
from browser.driver import active_label, focused_id, fragment, press
from playwright.sync_api import expect


def test_move_and_open_by_keyboard(visit: Opener) -> None:
    page = visit(fragment="sort=name")
    press(page, "Tab")
    assert focused_id(page) == "skip"
    expect(page.locator("#skip")).to_be_in_viewport()
    press(page, "Enter")
    assert focused_id(page) == "grid"
    assert fragment(page) == "#sort=name"
    first = active_label(page)
    press(page, "ArrowDown", "ArrowDown")
    assert active_label(page) != first
    press(page, "ArrowUp", "ArrowUp")
    assert active_label(page) == first
    press(page, "End")
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)
    assert active_label(page).startswith("warehouse/")
    press(page, "PageUp", "PageUp")
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)
    press(page, "Home")
    assert active_label(page) == first
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)
    press(page, "Enter")
    assert focused_id(page) == "details-title"
    expect(page.locator("#details-title")).to_contain_text(first.split(",")[0])
    press(page, "Tab")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    press(page, "Escape")
    assert focused_id(page) == "grid"
    expect(page.locator("#details")).to_be_hidden()
    # Arrow right chooses the role of the account.
    press(page, "ArrowRight", "Enter")
    expect(page.locator("#details .kind")).to_have_text("Role")
    press(page, "Escape")


def test_search_by_keyboard(visit: Opener) -> None:
    page = visit()
    press(page, "/")
    assert focused_id(page) == "search"
    page.keyboard.type("a/b")
    expect(page.locator("#search")).to_have_value("a/b")
    press(page, "Escape")
    expect(page.locator("#search")).to_have_value("")
    page.keyboard.type("ledger")
    press(page, "ArrowDown")
    assert focused_id(page) == "grid"
    assert "ledger" in active_label(page)


def test_tabs_and_causes_by_keyboard(visit: Opener) -> None:
    page = visit()
    page.locator("#tab-accounts").focus()
    press(page, "ArrowRight")
    assert focused_id(page) == "tab-roles"
    press(page, "End")
    assert focused_id(page) == "tab-findings"
    expect(page.locator("#tab-findings")).to_have_attribute("aria-selected", "true")
    expect(page.locator("[role=tab][tabindex='0']")).to_have_count(1)
    page.locator("#grid").focus()
    press(page, "ArrowRight")
    expect(page.locator(".row.active")).to_have_attribute("aria-expanded", "true")
    press(page, "ArrowDown")
    expect(page.locator(".row.active")).to_have_class(re.compile("finding-row"))
    press(page, "Enter")
    expect(page.locator("#details .kind")).to_have_text("Finding")
    press(page, "Escape", "ArrowLeft")
    expect(page.locator(".row.active")).to_have_class(re.compile("cause-row"))
    press(page, "ArrowLeft")
    expect(page.locator(".row.active")).to_have_attribute("aria-expanded", "false")


def test_focus_is_visible(visit: Opener) -> None:
    """Each element that gets the focus by Tab has an outline; in the list, the chosen row has it."""
    page = visit()
    stops = []
    press(page, "Tab")
    while not page.evaluate("document.activeElement === document.body") and len(stops) < 60:
        outlined = page.evaluate(
            """() => {
              const element = document.activeElement.id === "grid" ? document.querySelector(".row.active")
                : document.activeElement;
              const style = getComputedStyle(element);
              return [element.id || element.className, style.outlineStyle !== "none" && parseFloat(style.outlineWidth)];
            }"""
        )
        stops.append(outlined)
        press(page, "Tab")
    assert [name for name, width in stops if not width] == []
    assert len(stops) > 15
