# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page when it is opened."""

from __future__ import annotations

import json
import pathlib

import pytest
from browser import samples
from browser.conftest import Opener
from browser.driver import PLATFORM, RUNNER, STATES, Audits, count_text, fragment, row_labels
from playwright.sync_api import Page, expect

UNPACK = pathlib.Path(__file__).parents[2] / "web" / "audit" / "src" / "model" / "unpack.js"


def test_page_shows_counts_and_accounts(visit: Opener, audits: Audits) -> None:
    page = visit()
    counts = audits["ordinary"]["counts"]
    assert page.title() == "IRSA audit of production"
    assert count_text(page) == f"{counts['service_accounts']['total']} service accounts"
    for state in STATES:
        count = page.locator(f".card.accounts [data-state={state}] b").inner_text()
        assert count == str(counts["service_accounts"][state])
    expect(page.locator(".skipped-checks")).to_contain_text("eks:ListAddons")
    page.locator("#search").fill("ml-training/runner")
    row = page.locator(".account-row")
    expect(row.locator(".node.account .name")).to_have_text("runner")
    expect(row.locator(".edge .label")).to_have_text("pods")
    expect(row.locator(".node.role .name")).to_have_text("ml-training-runner")
    # A policy with a finding comes first, with an icon.
    expect(row.locator(".policy").first).to_contain_text("admin")
    expect(row.locator(".policy").first.locator("use")).to_have_attribute("href", "#i-warning")
    expect(row.locator(".worst-finding code")).to_have_text("pod-predates-annotation")


def test_state_icons_are_distinct(visit: Opener) -> None:
    page = visit()
    shapes = {page.locator(f"#i-{state}").inner_html() for state in STATES}
    assert len(shapes) == len(STATES)
    for chip in page.locator("[data-chip]").all():
        expect(chip.locator("use")).to_have_attribute("href", f"#i-{chip.get_attribute('data-chip')}")


def test_script_unpacks_the_document(visit: Opener, audits: Audits) -> None:
    """Evaluate the module's source, since the functions of the page's script are not accessible."""
    source = UNPACK.read_text(encoding="utf-8").replace("export function", "function")
    for name, document in audits.items():
        page = visit(name)
        unpacked = page.evaluate(
            f"""() => {{
              {source}
              return JSON.stringify(unpackAudit(JSON.parse(document.getElementById("audit").textContent)));
            }}"""
        )
        assert json.loads(unpacked) == document


def test_summary_counts_filter_the_list(visit: Opener, audits: Audits) -> None:
    page = visit()
    document = audits["ordinary"]
    button = page.locator(".card.roles [data-state=warning]")
    button.click()
    expect(page.locator("#tab-roles")).to_have_attribute("aria-selected", "true")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert count_text(page).startswith(f"{document['counts']['roles']['warning']} of ")
    button.click()
    assert count_text(page) == f"{len(document['roles'])} roles"
    page.locator("#tab-accounts").click()
    page.locator(".card.pods button").click()
    stale = [account for account in document["service_accounts"] if account["pods"]["stale"]]
    assert count_text(page).startswith(f"{len(stale)} of ")


@pytest.mark.parametrize(
    "parts",
    [
        "view=roles&sort=policies&state=warning,note",
        "view=findings&link=role",
        "q=cart&ns=shop",
        "id=pod-predates-annotation&stale=1",
        f"open=account:{RUNNER}",
        f"view=roles&open=role:{PLATFORM}",
        "open=provider",
    ],
)
def test_address_restores_the_view(visit: Opener, parts: str) -> None:
    page = visit(fragment=parts)
    before = _read_page(page)
    # Change the search and undo the change, so that the page writes the address.
    page.locator("#search").press_sequentially("x")
    page.locator("#search").press("Backspace")
    written = fragment(page).lstrip("#")
    assert sorted(written.split("&")) == sorted(parts.split("&"))
    again = visit(fragment=page.evaluate("location.hash.slice(1)"))
    assert _read_page(again) == before


def _read_page(page: Page) -> tuple[str, list[str], list[str], str]:
    details = page.locator("#details").inner_text()
    return count_text(page), row_labels(page, "account"), row_labels(page, "role"), details


def test_invalid_address_is_ignored(visit: Opener) -> None:
    page = visit(fragment="view=x&sort=y&state=z,error&link=q&id=none&ns=none&open=account:none/none&stale=7")
    assert count_text(page).startswith("0 of 60")
    expect(page.locator("#details")).to_be_hidden()


def test_hostile_names_are_shown_as_text(visit: Opener, audits: Audits) -> None:
    for view in ("accounts", "roles", "findings"):
        page = visit("hostile", f"view={view}")
        assert page.title() == f"IRSA audit of {samples.HOSTILE[0]}"
        assert page.locator("img, iframe, object, form").count() == 0
        assert page.locator("script").count() == 3
        texts = page.evaluate("document.body.innerText")
        assert not set(texts) & set("\u202e\u2066\u200b\u2028\u2029\x00\x1b")
    page = visit("hostile", "view=accounts")
    names = {element.inner_text() for element in page.locator(".group-row .name").all()}
    assert "<img src=x onerror=document.title='taken'>" in names
    assert "abc\\u202egnp.exe\\u2066\\u200b" in names
    for number in range(len(audits["hostile"]["findings"])):
        page.evaluate(f"location.hash = '#open=finding:{number}'")
        expect(page.locator("#details")).to_be_visible()
        assert page.locator("#details img, #details b, #details script").count() == 0
    assert page.title() == f"IRSA audit of {samples.HOSTILE[0]}"


def test_worst_findings_are_shown_without_javascript(visit: Opener, audits: Audits) -> None:
    page = visit(java_script_enabled=False)
    expect(page.locator("h1")).to_have_text("production")
    expect(page.locator("table")).to_contain_text("Service accounts")
    expect(page.locator("article.finding").first).to_contain_text(audits["ordinary"]["findings"][0]["message"])
    expect(page.locator("#app")).to_be_hidden()
    expect(page.locator("#theme")).to_be_hidden()
