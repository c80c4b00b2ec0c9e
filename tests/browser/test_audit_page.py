# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit as people use it: with a mouse, with keys, on a phone, on paper, and without its script."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import documents
from browser.conftest import Opener
from playwright.sync_api import Page, expect

Audits = dict[str, documents.Json]

UNPACK = pathlib.Path(__file__).parents[2] / "web" / "audit" / "src" / "model" / "unpack.js"
PHONE = {"viewport": {"width": 375, "height": 812}}
# More elements than this are no window on a list any more.
MOST_ELEMENTS = 1500
# Sets of axe-core's rules.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STATES = ("error", "unknown", "warning", "note", "ok")
RUNNER = "ml-training/runner"
PLATFORM = "arn:aws:iam::111122223333:role/platform-observability"

# Each text in sight with its contrast, by WCAG's definition: colours as they are painted, backgrounds one over another.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  const painted = (colours) => {
    paint.fillStyle = "white";
    paint.fillRect(0, 0, 1, 1);
    for (const colour of colours) {
      paint.fillStyle = colour;
      paint.fillRect(0, 0, 1, 1);
    }
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((each) => each / 255).map((each) =>
      each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colours = [];
    for (let each = element; each; each = each.parentElement) {
      colours.unshift(getComputedStyle(each).backgroundColor);
      // What lies in the top layer has only itself behind it.
      if (each.matches("dialog")) break;
    }
    return colours;
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest("script, style, noscript, .hidden, option")) continue;
    const colours = behind(element);
    const [a, b] = [luminance(painted(colours)), luminance(painted([...colours, getComputedStyle(element).color]))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walk.currentNode.data.trim().slice(0, 40)]);
  }
  return found;
}"""


def count(page: Page) -> str:
    return page.locator("#count").inner_text()


def rows(page: Page, kind: str) -> list[str]:
    """What the rows in sight say to who doesn't see them, or show."""
    return [each.get_attribute("aria-label") or each.inner_text() for each in page.locator(f".{kind}-row").all()]


def active(page: Page) -> str:
    """The text of the row that assistive technology is told of."""
    identity = page.locator("#grid").get_attribute("aria-activedescendant")
    assert identity is not None
    return page.locator(f"#{identity}").get_attribute("aria-label") or page.locator(f"#{identity}").inner_text()


def focused(page: Page) -> str:
    found = page.evaluate("document.activeElement.id || document.activeElement.textContent")
    assert isinstance(found, str)
    return found


def fragment(page: Page) -> str:
    return page.evaluate("decodeURIComponent(location.hash)")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def is_sideways_still(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_opens_with_the_counts_and_the_picture(visit: Opener, audits: Audits) -> None:
    page = visit()
    counts = audits["ordinary"]["counts"]
    assert page.title() == "IRSA audit of production"
    assert count(page) == f"{counts['service_accounts']['total']} service accounts"
    for state in STATES:
        shown = page.locator(f".card.accounts [data-state={state}] b").inner_text()
        assert shown == str(counts["service_accounts"][state])
    expect(page.locator(".skipped-checks")).to_contain_text("eks:ListAddons")
    page.locator("#search").fill("ml-training/runner")
    row = page.locator(".account-row")
    expect(row.locator(".node.account .name")).to_have_text("runner")
    expect(row.locator(".edge .label")).to_have_text("pods")
    expect(row.locator(".node.role .name")).to_have_text("ml-training-runner")
    # The policy that something is wrong with comes first, and says so by a shape too.
    expect(row.locator(".policy").first).to_contain_text("admin")
    expect(row.locator(".policy").first.locator("use")).to_have_attribute("href", "#i-warning")
    expect(row.locator(".worst-finding code")).to_have_text("pod-predates-annotation")


def test_every_state_has_a_shape_of_its_own(visit: Opener) -> None:
    page = visit()
    shapes = {page.locator(f"#i-{state}").inner_html() for state in STATES}
    assert len(shapes) == len(STATES)
    for chip in page.locator("[data-chip]").all():
        expect(chip.locator("use")).to_have_attribute("href", f"#i-{chip.get_attribute('data-chip')}")


def test_the_script_unpacks_the_document(visit: Opener, audits: Audits) -> None:
    """By the module's source, since nothing outside the page's script can call it."""
    source = UNPACK.read_text(encoding="utf-8").replace("export function", "function")
    for name, document in audits.items():
        page = visit(name)
        found = page.evaluate(
            f"""() => {{
              {source}
              return JSON.stringify(unpackAudit(JSON.parse(document.getElementById("audit").textContent)));
            }}"""
        )
        assert json.loads(found) == document


def test_an_account_is_copied_as_it_is_named(visit: Opener, audits: Audits) -> None:
    """What is shown as a code is copied as what it is."""
    page = visit("hostile", "sort=name", viewport={"width": 1280, "height": 3000})
    names = {f"{each['namespace']}/{each['name']}" for each in audits["hostile"]["service_accounts"]}
    copied = set()
    for row in page.locator(".account-row").all():
        row.locator(".node.account").click()
        copied.add(page.locator("#details [data-copy]").first.get_attribute("data-copy"))
    # The browser's protocol has no way to say half a pair.
    assert {each for each in names if "\ud83d" not in each} <= copied
    assert len(copied) == len(names)


def test_thousands_open_at_once_and_stay_few_elements(visit: Opener, audits: Audits) -> None:
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
    assert elements < MOST_ELEMENTS
    page.evaluate("location.hash = '#sort=name'")
    for view, total in (("accounts", "5,000"), ("roles", "5,000"), ("findings", "2,000")):
        page.locator(f"#tab-{view}").click()
        assert total in count(page)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(100)
        assert page.evaluate("document.querySelectorAll('*').length") < MOST_ELEMENTS
        # The last line is there now, below nothing but the footer.
        last = page.locator("#grid .row").last
        assert last.get_attribute("aria-rowindex") == page.locator("#grid").get_attribute("aria-rowcount")
        expect(last).to_be_in_viewport()
    assert audits["large"]["counts"]["service_accounts"]["total"] == 5000


def test_scrolling_shows_each_account_once_and_in_order(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="sort=name")
    seen: dict[int, str] = {}
    while True:
        for row in page.locator(".account-row").all():
            seen[int(row.get_attribute("aria-rowindex") or 0)] = (row.get_attribute("aria-label") or "").split(",")[0]
        if page.evaluate("scrollY + innerHeight >= document.body.scrollHeight - 1"):
            break
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(60)
    names = sorted(f"{each['namespace']}/{each['name']}" for each in audits["ordinary"]["service_accounts"])
    assert [seen[each] for each in sorted(seen)] == names


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        pytest.param(
            "payments/ledger", lambda each: each["name"] == "ledger" and each["namespace"] == "payments", id="name"
        ),
        pytest.param(
            "PAYMENTS/LEDGER", lambda each: each["name"] == "ledger" and each["namespace"] == "payments", id="case"
        ),
        pytest.param("role/platform-observability", lambda each: each["role_arn"] == PLATFORM, id="role"),
        pytest.param("no such thing", lambda each: False, id="nothing"),
    ],
)
def test_search(visit: Opener, audits: Audits, query: str, matches: t.Callable[[documents.Json], bool]) -> None:
    page = visit()
    wanted = [f"{each['namespace']}/{each['name']}" for each in audits["ordinary"]["service_accounts"] if matches(each)]
    page.locator("#search").fill(query)
    total = len(audits["ordinary"]["service_accounts"])
    assert count(page) == f"{len(wanted)} of {total} service accounts match{'es' if len(wanted) == 1 else ''}"
    assert sorted(each.split(",")[0] for each in rows(page, "account")) == sorted(wanted)
    assert page.locator("#empty").is_visible() == (not wanted)


def test_search_reads_policies_and_what_findings_say(visit: Opener, audits: Audits) -> None:
    page = visit()
    document = audits["ordinary"]
    roles = [
        each["arn"] for each in document["roles"] if "AmazonSQSFullAccess" in [p["name"] for p in each["policies"]]
    ]
    users = [each for each in document["service_accounts"] if each["role_arn"] in roles]
    page.locator("#search").fill("amazonsqsfull")
    assert count(page).startswith(f"{len(users)} of ")
    # Both words, wherever each of them stands: one in a name, one in a finding.
    page.locator("#search").fill("ml-training spec.containers[train]")
    assert [each.split(",")[0] for each in rows(page, "account")] == [RUNNER]


def test_filters_come_together_and_tell_how_many_there_are(visit: Opener, audits: Audits) -> None:
    page = visit()
    accounts = audits["ordinary"]["service_accounts"]
    page.locator("[data-chip=warning]").click()
    page.locator("[data-chip=note]").click()
    expected = [each for each in accounts if each["state"] in ("warning", "note")]
    assert count(page).startswith(f"{len(expected)} of ")
    page.locator("#by-ns").select_option("billing")
    expected = [each for each in expected if each["namespace"] == "billing"]
    assert count(page).startswith(f"{len(expected)} of ")
    # How many there would be of each state, with the other filters as they are.
    there = [each["state"] for each in accounts if each["namespace"] == "billing"]
    for state in STATES:
        expect(page.locator(f"[data-chip={state}] b")).to_have_text(str(there.count(state)))
    page.locator("#clear").click()
    assert count(page) == f"{len(accounts)} service accounts"
    expect(page.locator("#clear")).to_be_hidden()


@pytest.mark.parametrize("key", ["link", "id"])
def test_filters_by_findings(visit: Opener, audits: Audits, key: str) -> None:
    page = visit()
    document = audits["ordinary"]
    for value in sorted({each[key] for each in document["findings"]}):
        page.locator(f"#by-{key}").select_option(value)
        numbers = {number for number, each in enumerate(document["findings"]) if each[key] == value}
        for view, name in (("accounts", "service_accounts"), ("roles", "roles")):
            page.locator(f"#tab-{view}").click()
            expected = [each for each in document[name] if numbers & set(each["findings"])]
            assert count(page).startswith(f"{len(expected)} of "), (value, view)


def test_the_summary_filters(visit: Opener, audits: Audits) -> None:
    page = visit()
    document = audits["ordinary"]
    button = page.locator(".card.roles [data-state=warning]")
    button.click()
    expect(page.locator("#tab-roles")).to_have_attribute("aria-selected", "true")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert count(page).startswith(f"{document['counts']['roles']['warning']} of ")
    button.click()
    assert count(page) == f"{len(document['roles'])} roles"
    page.locator("#tab-accounts").click()
    page.locator(".card.pods button").click()
    stale = [each for each in document["service_accounts"] if each["pods"]["stale"]]
    assert count(page).startswith(f"{len(stale)} of ")


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
def test_the_address_brings_everything_back(visit: Opener, parts: str) -> None:
    page = visit(fragment=parts)
    before = count(page), rows(page, "account"), rows(page, "role"), page.locator("#details").inner_text()
    # A change there and back writes the address anew.
    page.locator("#search").press_sequentially("x")
    page.locator("#search").press("Backspace")
    written = fragment(page).lstrip("#")
    assert sorted(written.split("&")) == sorted(parts.split("&"))
    again = visit(fragment=page.evaluate("location.hash.slice(1)"))
    assert (count(again), rows(again, "account"), rows(again, "role"), again.locator("#details").inner_text()) == before


def test_an_address_that_makes_no_sense_opens_the_page(visit: Opener) -> None:
    page = visit(fragment="view=x&sort=y&state=z,error&link=q&id=none&ns=none&open=account:none/none&stale=7")
    assert count(page).startswith("0 of 60")
    expect(page.locator("#details")).to_be_hidden()


def test_back_closes_what_was_opened(visit: Opener) -> None:
    page = visit()
    page.locator(".account-row .node.account").first.click()
    expect(page.locator("#details")).to_be_visible()
    page.go_back()
    expect(page.locator("#details")).to_be_hidden()
    page.go_forward()
    expect(page.locator("#details")).to_be_visible()


def test_other_lines_are_read_from_their_beginning(visit: Opener) -> None:
    page = visit("large")
    page.evaluate("scrollTo(0, 90000)")
    page.locator("#search").fill("shop")
    first = page.locator(".row:not(.pinned)").first
    expect(first).to_have_attribute("aria-rowindex", re.compile("^[12]$"))
    expect(first).to_be_in_viewport()
    # Opening one changes nothing about where the list is.
    page.evaluate("scrollTo(0, 2000)")
    page.wait_for_timeout(100)
    page.locator(".account-row:not(.pinned)").nth(15).locator(".node.account").click()
    assert page.evaluate("scrollY") == 2000
    expect(page.locator("#details")).to_be_visible()


def test_keys_begin_where_the_list_is(visit: Opener) -> None:
    page = visit("large")
    page.evaluate("scrollTo(0, 90000)")
    page.wait_for_timeout(100)
    page.locator("#by-sort").focus()
    press(page, "Tab")
    assert focused(page) == "grid"
    assert abs(page.evaluate("scrollY") - 90000) < 200
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)


def test_sorting(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="sort=stale", viewport={"width": 1280, "height": 6000})
    document = audits["ordinary"]
    stale = {f"{each['namespace']}/{each['name']}": each["pods"]["stale"] for each in document["service_accounts"]}
    names = [each.split(",")[0] for each in rows(page, "account")]
    # Accounts stay with their namespace; the namespace with the most comes first, and so does the account within.
    assert stale[names[0]] == max(stale.values())
    for namespace in {each.split("/")[0] for each in names}:
        within = [stale[each] for each in names if each.split("/")[0] == namespace]
        assert within == sorted(within, reverse=True)
    page.locator("#tab-roles").click()
    page.locator("#by-sort").select_option("policies")
    policies = {each["name"]: len(each["policies"]) for each in document["roles"]}
    groups: dict[str, list[int]] = {}
    for text in page.locator("#grid .row").evaluate_all("(all) => all.map((each) => each.getAttribute('aria-label'))"):
        if text is None:
            groups[str(len(groups))] = []
        else:
            groups[str(len(groups) - 1)].append(policies[text.split(",")[0]])
    assert len(groups) == 3
    assert all(each == sorted(each, reverse=True) for each in groups.values())


def test_roles_show_whom_they_trust_and_who_is_not_there(visit: Opener) -> None:
    page = visit(fragment="view=roles&q=cart-v1")
    row = page.locator(".role-row")
    expect(row.locator(".trusted .missing")).to_contain_text("isn't there")
    page.locator("#tab-accounts").click()
    # The other way round: an account that names no role, and the role that trusts it.
    expect(page.locator(".account-row .node.account")).to_contain_text("isn't there")
    expect(page.locator(".account-row .node.role")).to_have_text("cart-v1trusts it")
    page.locator(".account-row .node.role").click()
    expect(page.locator("#details .kind")).to_have_text("Role")
    page.locator("#details [data-close]").click()
    page.locator("#tab-roles").click()
    page.locator("#search").fill("platform-observability")
    expect(page.locator(".role-row .shared")).to_have_text("shared by 3")
    page.locator("#search").fill("billing-invoices")
    expect(page.locator(".role-row .trusted .missing")).to_contain_text("doesn't use it")
    page.locator("#search").fill("payments-ledger")
    expect(page.locator(".role-row .node.role")).to_contain_text("isn't there")


def test_details_of_an_account_have_everything(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="q=ml-training/runner")
    page.locator(".account-row .node.account").click()
    details = page.locator("#details")
    finding = next(each for each in audits["ordinary"]["findings"] if RUNNER in each["service_accounts"])
    for key in ("message", "evidence", "expected", "found", "fix"):
        expect(details).to_contain_text(finding[key])
    expect(details.locator(".chain .s-error")).to_contain_text("pods")
    expect(details.locator(".path")).to_contain_text("arn:aws:iam::111122223333:role/ml-training-runner")
    # To the role, which says more about itself, and back to the list.
    details.locator(".path .opener").click()
    expect(page.locator("#details-title")).to_contain_text("ml-training-runner")
    expect(page.locator("#details-title")).to_be_focused()
    expect(details).to_contain_text("policy-too-broad")
    details.locator("[data-close]").click()
    expect(details).to_be_hidden()


def test_a_finding_names_all_whom_it_concerns(visit: Opener, audits: Audits) -> None:
    page = visit("large", "view=findings&id=webhook-unreachable")
    page.locator(".finding-row").click()
    details = page.locator("#details")
    expect(details.locator("h3").filter(has_text="service accounts")).to_have_text("2,500 service accounts")
    expect(details.locator(".entries li")).to_have_count(50)
    details.get_by_role("button", name="Show 50 more of 2,450").click()
    expect(details.locator(".entries li")).to_have_count(100)
    expect(details.locator(".entries li").nth(50).locator("button")).to_be_focused()
    finding = next(each for each in audits["large"]["findings"] if each["id"] == "webhook-unreachable")
    names = [each.inner_text() for each in details.locator(".entries .name").all()]
    assert names == finding["service_accounts"][:100]
    details.get_by_role("button", name="All service accounts with webhook-unreachable").click()
    expect(details).to_be_hidden()
    assert count(page) == "2,500 of 5,000 service accounts match"
    assert focused(page) == "grid"


def test_the_head_of_a_long_group_stays_in_sight(visit: Opener) -> None:
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
        # Right there, or on its way out before the next one.
        assert below - box["height"] < box["y"] <= below + 1
        line = page.evaluate(
            """(y) => {
              const row = document.elementFromPoint(200, y).closest(".row");
              return row.getAttribute("aria-label") || row.querySelector(".name").textContent + "/";
            }""",
            box["y"] + box["height"] + 4,
        )
        assert line.startswith(head.locator(".name").inner_text() + "/")


def test_what_to_mend_first(visit: Opener, audits: Audits) -> None:
    page = visit(fragment="view=findings")
    findings = audits["ordinary"]["findings"]
    kinds = {each["id"] for each in findings}
    assert count(page) == f"{len(findings)} findings, {len(kinds)} kinds"

    def rank(id_: str) -> tuple[int, int, str]:
        of_kind = [each for each in findings if each["id"] == id_]
        accounts = {name for each in of_kind for name in each["service_accounts"]}
        roles = {arn for each in of_kind for arn in each["roles"]}
        return STATES.index(of_kind[0]["severity"]), -max(len(accounts), len(roles)), id_

    order = sorted(kinds, key=rank)
    assert page.locator(".cause-row code").all_inner_texts() == order
    first = page.locator(".cause-row").first
    expect(first).to_have_attribute("aria-expanded", "false")
    first.click()
    expect(first).to_have_attribute("aria-expanded", "true")
    number = sum(each["id"] == order[0] for each in findings)
    expect(page.locator(".finding-row")).to_have_count(number)
    first.click()
    expect(page.locator(".finding-row")).to_have_count(0)


def test_copies(visit: Opener, audits: Audits) -> None:
    page = visit(fragment=f"open=account:{RUNNER}", permissions=["clipboard-read", "clipboard-write"])
    details = page.locator("#details")
    details.get_by_role("button", name="Copy the fix of pod-predates-annotation").click()
    finding = next(each for each in audits["ordinary"]["findings"] if RUNNER in each["service_accounts"])
    expect(page.locator("#announcement")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == finding["fix"]
    details.get_by_role("button", name="Copy arn:aws:iam::111122223333:role/ml-training-runner").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.endsWith('role/ml-training-runner'))")


def test_copies_where_the_clipboard_is_withheld(visit: Opener) -> None:
    """As in a page that came over plain HTTP."""
    page = visit(permissions=["clipboard-read"])
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    page.locator("header [data-copy]").click()
    expect(page.locator("#announcement")).to_have_text("Copied")
    page.evaluate("delete navigator.clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == documents.ISSUER


def test_everything_by_keyboard(visit: Opener) -> None:
    page = visit(fragment="sort=name")
    press(page, "Tab")
    assert focused(page) == "skip"
    expect(page.locator("#skip")).to_be_in_viewport()
    press(page, "Enter")
    assert focused(page) == "grid"
    assert fragment(page) == "#sort=name"
    first = active(page)
    press(page, "ArrowDown", "ArrowDown")
    assert active(page) != first
    press(page, "ArrowUp", "ArrowUp")
    assert active(page) == first
    press(page, "End")
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)
    assert active(page).startswith("warehouse/")
    press(page, "PageUp", "PageUp")
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)
    press(page, "Home")
    assert active(page) == first
    expect(page.locator(".row.active")).to_be_in_viewport(ratio=0.9)
    press(page, "Enter")
    assert focused(page) == "details-title"
    expect(page.locator("#details-title")).to_contain_text(first.split(",")[0])
    press(page, "Tab")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    press(page, "Escape")
    assert focused(page) == "grid"
    expect(page.locator("#details")).to_be_hidden()
    # Its role, a cell to the right.
    press(page, "ArrowRight", "Enter")
    expect(page.locator("#details .kind")).to_have_text("Role")
    press(page, "Escape")


def test_searching_by_keyboard(visit: Opener) -> None:
    page = visit()
    press(page, "/")
    assert focused(page) == "search"
    page.keyboard.type("a/b")
    expect(page.locator("#search")).to_have_value("a/b")
    press(page, "Escape")
    expect(page.locator("#search")).to_have_value("")
    page.keyboard.type("ledger")
    press(page, "ArrowDown")
    assert focused(page) == "grid"
    assert "ledger" in active(page)


def test_tabs_and_kinds_by_keyboard(visit: Opener) -> None:
    page = visit()
    page.locator("#tab-accounts").focus()
    press(page, "ArrowRight")
    assert focused(page) == "tab-roles"
    press(page, "End")
    assert focused(page) == "tab-findings"
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


def test_what_has_the_focus_can_be_seen(visit: Opener) -> None:
    """Each stop of the Tab key is outlined, the list by its active row."""
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


@pytest.mark.parametrize(
    "opened", ["", f"open=account:{RUNNER}", "view=roles", "view=findings&id=role-missing&open=finding:1"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out(visit: Opener, scheme: str, opened: str) -> None:
    page = visit(fragment=opened, color_scheme=scheme)
    page.locator(".row:not(.group-row)").first.hover()
    # Colours that fade in are not yet what they will be.
    page.wait_for_timeout(200)
    found = page.evaluate(CONTRASTS)
    assert len(found) > 60
    assert [each for each in found if each[0] < 4.5] == []


def test_light_and_dark(visit: Opener) -> None:
    def paper(page: Page) -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = (paper(visit(color_scheme=scheme)) for scheme in ("light", "dark"))
    assert light != dark
    page = visit(color_scheme="light")
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("Theme: light")
    page.locator("#theme").click()
    assert paper(page) == dark
    page.reload()
    assert paper(page) == dark
    page.locator("#theme").click()
    assert paper(page) == light


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
def test_breaks_no_rule_of_accessibility(visit: Opener, name: str, opened: str, options: dict[str, t.Any]) -> None:
    page = visit(name, opened, **options)
    broken = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert [(each["id"], node["html"], node["failureSummary"]) for each in broken for node in each["nodes"]] == []


@pytest.mark.parametrize("name", ["ordinary", "large", "hostile", "empty"])
def test_a_phone_scrolls_one_way(visit: Opener, name: str) -> None:
    page = visit(name, has_touch=True, **PHONE)
    for view in ("accounts", "roles", "findings"):
        page.locator(f"#tab-{view}").click()
        assert is_sideways_still(page), view
    page.locator("#more").click()
    expect(page.locator("#by-ns")).to_be_visible()
    assert is_sideways_still(page)


def test_on_a_phone_details_cover_the_page(visit: Opener) -> None:
    page = visit(fragment="q=ml-training/runner", has_touch=True, **PHONE)
    page.locator(".account-row").tap()
    details = page.locator("#details")
    box = details.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 375, "height": 812}
    assert page.evaluate("document.getElementById('details').scrollWidth <= innerWidth")
    assert page.locator("#details:modal").count() == 1
    press(page, "Escape")
    expect(details).to_be_hidden()


def test_hostile_names_are_texts(visit: Opener, audits: Audits) -> None:
    for view in ("accounts", "roles", "findings"):
        page = visit("hostile", f"view={view}")
        assert page.title() == f"IRSA audit of {documents.HOSTILE[0]}"
        assert page.locator("img, iframe, object, form").count() == 0
        assert page.locator("script").count() == 3
        texts = page.evaluate("document.body.innerText")
        assert not set(texts) & set("\u202e\u2066\u200b\u2028\u2029\x00\x1b")
    page = visit("hostile", "view=accounts")
    shown = {each.inner_text() for each in page.locator(".group-row .name").all()}
    assert "<img src=x onerror=document.title='taken'>" in shown
    assert "abc\\u202egnp.exe\\u2066\\u200b" in shown
    for number in range(len(audits["hostile"]["findings"])):
        page.evaluate(f"location.hash = '#open=finding:{number}'")
        expect(page.locator("#details")).to_be_visible()
        assert page.locator("#details img, #details b, #details script").count() == 0
    assert page.title() == f"IRSA audit of {documents.HOSTILE[0]}"


def test_without_its_script_the_page_tells_the_worst(visit: Opener, audits: Audits) -> None:
    page = visit(java_script_enabled=False)
    expect(page.locator("h1")).to_have_text("production")
    expect(page.locator("table")).to_contain_text("Service accounts")
    expect(page.locator("article.finding").first).to_contain_text(audits["ordinary"]["findings"][0]["message"])
    expect(page.locator("#app")).to_be_hidden()
    expect(page.locator("#theme")).to_be_hidden()


def test_paper_shows_the_list_itself(visit: Opener, tmp_path: pathlib.Path) -> None:
    page = visit()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert len(rows(page, "account")) == 60
    expect(page.locator("#search")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    large = visit("large")
    data = large.pdf()
    (tmp_path / "page.pdf").write_bytes(data)
    pages = len(re.findall(rb"/Type\s*/Page\b", data))
    assert 5 < pages < 40
    # Afterwards the window on the list is back.
    assert large.evaluate("document.querySelectorAll('*').length") < MOST_ELEMENTS
