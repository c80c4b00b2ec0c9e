# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections.abc as c
import pathlib
import typing as t

import pytest
from browser import documents, driver
from playwright import sync_api as playwright

DOCUMENTS: dict[str, c.Callable[[], documents.Json]] = {
    "ordinary": documents.example,
    "large": documents.large,
    "hostile": documents.hostile,
    "empty": documents.empty,
}
Opener = c.Callable[..., playwright.Page]


@pytest.fixture(scope="session")
def chromium() -> c.Iterator[playwright.Browser]:
    with driver.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def audits() -> dict[str, documents.Json]:
    """The audit document of each page, by name."""
    return {name: make() for name, make in DOCUMENTS.items()}


@pytest.fixture(scope="session")
def files(audits: dict[str, documents.Json], tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    directory = tmp_path_factory.mktemp("pages")
    return {name: driver.write(directory / f"{name}.html", document) for name, document in audits.items()}


@pytest.fixture
def visit(chromium: playwright.Browser, files: dict[str, pathlib.Path]) -> c.Iterator[Opener]:
    """visit(name, fragment, **options of the browser context) opens a page.

    The test fails if the page logs to the console or requests anything but its own file.
    """
    contexts: list[playwright.BrowserContext] = []
    messages: list[str] = []
    requests: set[str] = set()

    def visit(name: str = "ordinary", fragment: str = "", **options: t.Any) -> playwright.Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: messages.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: messages.append(f"error: {error}"))
        page.on("request", lambda request: requests.add(request.url.partition("#")[0]))
        page.goto(files[name].as_uri() + (f"#{fragment}" if fragment else ""))
        return page

    yield visit
    for context in contexts:
        context.close()
    assert messages == []
    assert requests <= {file.as_uri() for file in files.values()}
