# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the installed Chromium without network traffic of its own, and read pages for the tests."""

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
# The limit of elements on a page, for lists of any length.
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


def find_chromium() -> str:
    """Find $CHROMIUM, or else the first of `NAMES` on PATH.

    :returns: its path.
    :raises FileNotFoundError: no such program is on PATH.
    """
    for name in [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise FileNotFoundError(
        "Chromium is not on PATH. Install it (on Debian: apt-get install chromium) or set CHROMIUM."
    )


@contextlib.contextmanager
def chromium() -> c.Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), headless=True, args=list(ARGUMENTS))
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
    """Read the label, or else the text, of each row in or near the window."""
    rows = page.locator(f".{kind}-row").all()
    return [row.get_attribute("aria-label") or row.inner_text() for row in rows]


def active_label(page: playwright.Page) -> str:
    """Read the label, or else the text, of the chosen row."""
    row_id = page.locator("#grid").get_attribute("aria-activedescendant")
    assert row_id is not None
    row = page.locator(f"#{row_id}")
    return row.get_attribute("aria-label") or row.inner_text()


def focused_id(page: playwright.Page) -> str:
    """Read the id, or else the text, of the focused element."""
    result = page.evaluate("document.activeElement.id || document.activeElement.textContent")
    assert isinstance(result, str)
    return result


def fragment(page: playwright.Page) -> str:
    return page.evaluate("decodeURIComponent(location.hash)")


def press(page: playwright.Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def fits_width(page: playwright.Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")
