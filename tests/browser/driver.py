# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the Chromium of this machine without its own network traffic, and reads pages for the tests."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import pathlib
import shutil
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.html import render as audit_page
from browser import documents
from playwright import sync_api as playwright

Audits = dict[str, documents.Json]

PHONE = {"viewport": {"width": 375, "height": 812}}
# Most elements of a page, however long its lists are.
MAX_ELEMENTS = 1500
STATES = ("error", "unknown", "warning", "note", "ok")
RUNNER = "ml-training/runner"
PLATFORM = "arn:aws:iam::111122223333:role/platform-observability"

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str:
    """The path of $CHROMIUM, or of the first of `NAMES` on PATH.

    :raises FileNotFoundError: no such program.
    """
    for name in [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise FileNotFoundError("no Chromium on PATH: install it (on Debian: apt-get install chromium) or set CHROMIUM")


@contextlib.contextmanager
def chromium() -> c.Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), headless=True, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def write(path: pathlib.Path, document: t.Mapping[str, t.Any]) -> pathlib.Path:
    """Write the page of an audit."""
    path.write_text(audit_page.render(document), encoding="ascii")
    return path


def count_text(page: playwright.Page) -> str:
    return page.locator("#count").inner_text()


def row_labels(page: playwright.Page, kind: str) -> list[str]:
    """The labels, or else texts, of the rows near the window."""
    found = page.locator(f".{kind}-row").all()
    return [row.get_attribute("aria-label") or row.inner_text() for row in found]


def active_label(page: playwright.Page) -> str:
    """The label, or else text, of the chosen row."""
    row_id = page.locator("#grid").get_attribute("aria-activedescendant")
    assert row_id is not None
    row = page.locator(f"#{row_id}")
    return row.get_attribute("aria-label") or row.inner_text()


def focused_id(page: playwright.Page) -> str:
    """The id, or else text, of the focused element."""
    found = page.evaluate("document.activeElement.id || document.activeElement.textContent")
    assert isinstance(found, str)
    return found


def fragment(page: playwright.Page) -> str:
    return page.evaluate("decodeURIComponent(location.hash)")


def press(page: playwright.Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def fits_width(page: playwright.Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")
