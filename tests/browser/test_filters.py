# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search, filters and order."""

from __future__ import annotations

import typing as t

import pytest
from browser import documents
from browser.conftest import Opener
from browser.driver import PLATFORM, RUNNER, STATES, Audits, count_text, row_labels
from playwright.sync_api import expect


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        pytest.param(
            "payments/ledger", lambda data: data["name"] == "ledger" and data["namespace"] == "payments", id="name"
        ),
        pytest.param(
            "PAYMENTS/LEDGER",
            lambda data: data["name"] == "ledger" and data["namespace"] == "payments",
            id="upper-case",
        ),
        pytest.param("role/platform-observability", lambda data: data["role_arn"] == PLATFORM, id="role"),
        pytest.param("no such thing", lambda data: False, id="no-match"),
    ],
)
def test_search(visit: Opener, audits: Audits, query: str, matches: t.Callable[[documents.Json], bool]) -> None:
    page = visit()
    accounts = audits["ordinary"]["service_accounts"]
    expected = [f"{account['namespace']}/{account['name']}" for account in accounts if matches(account)]
    page.locator("#search").fill(query)
    verb = "matches" if len(expected) == 1 else "match"
    assert count_text(page) == f"{len(expected)} of {len(accounts)} service accounts {verb}"
    assert sorted(label.split(",")[0] for label in row_labels(page, "account")) == sorted(expected)
    assert page.locator("#empty").is_visible() == (not expected)


def test_search_matches_policies_and_finding_texts(visit: Opener, audits: Audits) -> None:
    page = visit()
    document = audits["ordinary"]
    roles = [
        role["arn"] for role in document["roles"] if "AmazonSQSFullAccess" in [p["name"] for p in role["policies"]]
    ]
    users = [account for account in document["service_accounts"] if account["role_arn"] in roles]
    page.locator("#search").fill("amazonsqsfull")
    assert count_text(page).startswith(f"{len(users)} of ")
    # Both terms must match: one matches a name, the other a finding.
    page.locator("#search").fill("ml-training spec.containers[train]")
    assert [label.split(",")[0] for label in row_labels(page, "account")] == [RUNNER]


def test_filters_are_combined(visit: Opener, audits: Audits) -> None:
    page = visit()
    accounts = audits["ordinary"]["service_accounts"]
    page.locator("[data-chip=warning]").click()
    page.locator("[data-chip=note]").click()
    expected = [account for account in accounts if account["state"] in ("warning", "note")]
    assert count_text(page).startswith(f"{len(expected)} of ")
    page.locator("#by-ns").select_option("billing")
    expected = [account for account in expected if account["namespace"] == "billing"]
    assert count_text(page).startswith(f"{len(expected)} of ")
    # State counts ignore the state filter.
    states = [account["state"] for account in accounts if account["namespace"] == "billing"]
    for state in STATES:
        expect(page.locator(f"[data-chip={state}] b")).to_have_text(str(states.count(state)))
    page.locator("#clear").click()
    assert count_text(page) == f"{len(accounts)} service accounts"
    expect(page.locator("#clear")).to_be_hidden()


@pytest.mark.parametrize("key", ["link", "id"])
def test_filter_by_finding(visit: Opener, audits: Audits, key: str) -> None:
    page = visit()
    document = audits["ordinary"]
    for value in sorted({finding[key] for finding in document["findings"]}):
        page.locator(f"#by-{key}").select_option(value)
        indexes = {index for index, finding in enumerate(document["findings"]) if finding[key] == value}
        for view, name in (("accounts", "service_accounts"), ("roles", "roles")):
            page.locator(f"#tab-{view}").click()
            expected = [item for item in document[name] if indexes & set(item["findings"])]
            assert count_text(page).startswith(f"{len(expected)} of "), (value, view)


def test_order(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="sort=stale", viewport={"width": 1280, "height": 6000})
    document = audits["ordinary"]
    stale = {
        f"{account['namespace']}/{account['name']}": account["pods"]["stale"]
        for account in document["service_accounts"]
    }
    names = [label.split(",")[0] for label in row_labels(page, "account")]
    # Accounts are grouped by namespace. Groups are sorted by their first accounts.
    assert stale[names[0]] == max(stale.values())
    for namespace in {name.split("/")[0] for name in names}:
        counts = [stale[name] for name in names if name.split("/")[0] == namespace]
        assert counts == sorted(counts, reverse=True)
    page.locator("#tab-roles").click()
    page.locator("#by-sort").select_option("policies")
    policies = {role["name"]: len(role["policies"]) for role in document["roles"]}
    groups: dict[str, list[int]] = {}
    read_labels = "(rows) => rows.map((row) => row.getAttribute('aria-label'))"
    for text in page.locator("#grid .row").evaluate_all(read_labels):
        if text is None:
            groups[str(len(groups))] = []
        else:
            groups[str(len(groups) - 1)].append(policies[text.split(",")[0]])
    assert len(groups) == 3
    assert all(counts == sorted(counts, reverse=True) for counts in groups.values())


def test_causes_are_sorted_by_state_and_affected_count(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="view=findings")
    findings = audits["ordinary"]["findings"]
    ids = {finding["id"] for finding in findings}
    assert count_text(page) == f"{len(findings)} findings, {len(ids)} causes"

    def rank(id_: str) -> tuple[int, int, str]:
        same_id = [finding for finding in findings if finding["id"] == id_]
        accounts = {name for finding in same_id for name in finding["service_accounts"]}
        roles = {arn for finding in same_id for arn in finding["roles"]}
        return STATES.index(same_id[0]["severity"]), -max(len(accounts), len(roles)), id_

    order = sorted(ids, key=rank)
    assert page.locator(".cause-row code").all_inner_texts() == order
    first = page.locator(".cause-row").first
    expect(first).to_have_attribute("aria-expanded", "false")
    first.click()
    expect(first).to_have_attribute("aria-expanded", "true")
    number = sum(finding["id"] == order[0] for finding in findings)
    expect(page.locator(".finding-row")).to_have_count(number)
    first.click()
    expect(page.locator(".finding-row")).to_have_count(0)
