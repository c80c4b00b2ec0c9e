# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Details of an account, role or finding; copy buttons."""

from __future__ import annotations

from browser import documents
from browser.conftest import Opener
from browser.driver import RUNNER, Audits, count_text, focused_id
from playwright.sync_api import expect


def test_copied_name_is_not_escaped(visit: Opener, audits: Audits) -> None:
    page = visit("hostile", "sort=name", viewport={"width": 1280, "height": 3000})
    names = {f"{account['namespace']}/{account['name']}" for account in audits["hostile"]["service_accounts"]}
    copied = set()
    for row in page.locator(".account-row").all():
        row.locator(".node.account").click()
        copied.add(page.locator("#details [data-copy]").first.get_attribute("data-copy"))
    # The browser's protocol cannot transmit half a surrogate pair.
    assert {name for name in names if "\ud83d" not in name} <= copied
    assert len(copied) == len(names)


def test_back_button_closes_details(visit: Opener) -> None:
    page = visit()
    page.locator(".account-row .node.account").first.click()
    expect(page.locator("#details")).to_be_visible()
    page.go_back()
    expect(page.locator("#details")).to_be_hidden()
    page.go_forward()
    expect(page.locator("#details")).to_be_visible()


def test_account_details(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="q=ml-training/runner")
    page.locator(".account-row .node.account").click()
    details = page.locator("#details")
    finding = next(finding for finding in audits["ordinary"]["findings"] if RUNNER in finding["service_accounts"])
    for key in ("message", "evidence", "expected", "found", "fix"):
        expect(details).to_contain_text(finding[key])
    expect(details.locator(".chain .s-error")).to_contain_text("pods")
    expect(details.locator(".path")).to_contain_text("arn:aws:iam::111122223333:role/ml-training-runner")
    # Open the role from its account, then close the details.
    details.locator(".path .opener").click()
    expect(page.locator("#details-title")).to_contain_text("ml-training-runner")
    expect(page.locator("#details-title")).to_be_focused()
    expect(details).to_contain_text("policy-too-broad")
    details.locator("[data-close]").click()
    expect(details).to_be_hidden()


def test_finding_lists_all_affected_accounts(visit: Opener, audits: Audits) -> None:
    page = visit("large", "view=findings&id=webhook-unreachable")
    page.locator(".finding-row").click()
    details = page.locator("#details")
    expect(details.locator("h3").filter(has_text="service accounts")).to_have_text("2,500 service accounts")
    expect(details.locator(".entries li")).to_have_count(50)
    details.get_by_role("button", name="Show 50 more of 2,450").click()
    expect(details.locator(".entries li")).to_have_count(100)
    expect(details.locator(".entries li").nth(50).locator("button")).to_be_focused()
    finding = next(finding for finding in audits["large"]["findings"] if finding["id"] == "webhook-unreachable")
    names = [element.inner_text() for element in details.locator(".entries .name").all()]
    assert names == finding["service_accounts"][:100]
    details.get_by_role("button", name="All service accounts with webhook-unreachable").click()
    expect(details).to_be_hidden()
    assert count_text(page) == "2,500 of 5,000 service accounts match"
    assert focused_id(page) == "grid"


def test_copy_buttons(visit: Opener, audits: Audits) -> None:
    page = visit(fragment=f"open=account:{RUNNER}", permissions=["clipboard-read", "clipboard-write"])
    details = page.locator("#details")
    details.get_by_role("button", name="Copy the fix of pod-predates-annotation").click()
    finding = next(finding for finding in audits["ordinary"]["findings"] if RUNNER in finding["service_accounts"])
    expect(page.locator("#announcement")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == finding["fix"]
    details.get_by_role("button", name="Copy arn:aws:iam::111122223333:role/ml-training-runner").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.endsWith('role/ml-training-runner'))")


def test_copy_without_clipboard_api(visit: Opener) -> None:
    """A page over plain HTTP has no clipboard API."""
    page = visit(permissions=["clipboard-read"])
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    page.locator("header [data-copy]").click()
    expect(page.locator("#announcement")).to_have_text("Copied")
    page.evaluate("delete navigator.clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == documents.ISSUER
