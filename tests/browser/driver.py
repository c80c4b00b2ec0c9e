# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser that is on this machine, without anything that would talk to a network of its own accord."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import pathlib
import shutil
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.html import render as audit_page
from playwright import sync_api as playwright

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

    :raises FileNotFoundError: there is none.
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
    """The page of an audit as a file."""
    path.write_text(audit_page.render(document), encoding="ascii")
    return path
