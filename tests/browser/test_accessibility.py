# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contrast, themes, axe-core rules and narrow windows."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.conftest import Opener
from browser.driver import PHONE, PLATFORM, RUNNER, fits_width, press
from playwright.sync_api import Page, expect

# Tags of axe-core rules.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

CONTRASTS = pathlib.Path(__file__).with_name("contrasts.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "opened", ["", f"open=account:{RUNNER}", "view=roles", "view=findings&id=role-missing&open=finding:1"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrast(visit: Opener, scheme: str, opened: str) -> None:
    page = visit(fragment=opened, color_scheme=scheme)
    page.locator(".row:not(.group-row)").first.hover()
    # Wait for colour transitions to end.
    page.wait_for_timeout(200)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 60
    assert [(contrast, text) for contrast, text in contrasts if contrast < 4.5] == []


def test_theme_button(visit: Opener) -> None:
    def background(page: Page) -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = (background(visit(color_scheme=scheme)) for scheme in ("light", "dark"))
    assert light != dark
    page = visit(color_scheme="light")
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("Theme: light")
    page.locator("#theme").click()
    assert background(page) == dark
    page.reload()
    assert background(page) == dark
    page.locator("#theme").click()
    assert background(page) == light


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
@pytest.mark.parametrize(
    ("name", "opened"),
    [
        ("ordinary", ""),
        ("ordinary", "view=roles"),
        ("ordinary", "view=findings"),
        ("ordinary", f"open=account:{RUNNER}"),
        ("ordinary", f"view=roles&open=role:{PLATFORM}"),
        ("empty", ""),
    ],
)
def test_axe_finds_no_violations(visit: Opener, name: str, opened: str, options: dict[str, t.Any]) -> None:
    page = visit(name, opened, **options)
    violations = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert [(rule["id"], node["html"], node["failureSummary"]) for rule in violations for node in rule["nodes"]] == []


@pytest.mark.parametrize("name", ["ordinary", "large", "hostile", "empty"])
def test_page_fits_phone_width(visit: Opener, name: str) -> None:
    page = visit(name, has_touch=True, **PHONE)
    for view in ("accounts", "roles", "findings"):
        page.locator(f"#tab-{view}").click()
        assert fits_width(page), view
    page.locator("#more").click()
    expect(page.locator("#by-ns")).to_be_visible()
    assert fits_width(page)


def test_details_cover_the_page_on_phones(visit: Opener) -> None:
    page = visit(fragment="q=ml-training/runner", has_touch=True, **PHONE)
    page.locator(".account-row").tap()
    details = page.locator("#details")
    box = details.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 375, "height": 812}
    assert page.evaluate("document.getElementById('details').scrollWidth <= innerWidth")
    assert page.locator("#details:modal").count() == 1
    press(page, "Escape")
    expect(details).to_be_hidden()
