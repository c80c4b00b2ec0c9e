# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit as a text: whole, closed in itself, deaf to what names say. What it does: tests/browser."""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import html.parser
import itertools
import json
import re
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.html import assets
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.html import render as audit_page
from browser import documents

Json = dict[str, t.Any]

DOCUMENTS = {
    "ordinary": documents.example(),
    "hostile": documents.hostile(),
    "empty": documents.empty(),
    "larger": documents.example(400, 500, 200, seed=2),
}
each_document = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)


@dataclasses.dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""


class Page(html.parser.HTMLParser):
    """The elements of a page as a parser that knows nothing of us sees them, each with the text up to the next tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.comments: list[str] = []
        self.inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))
        self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.elements[-1].text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        found = [each for each in self.elements if each.tag == tag]
        return [each for each in found if attributes.items() <= each.attributes.items()]

    def texts(self, tag: str, **attributes: str) -> list[str]:
        return [each.text for each in self.all(tag, **attributes)]

    def script(self, identity: str) -> str:
        (text,) = self.texts("script", id=identity)
        return text


def column(packed: t.Any) -> list[t.Any]:
    """The way back that the page's script goes, once more."""
    if isinstance(packed, list):
        return packed
    if "same" in packed:
        return [packed["same"]] * packed["times"]
    if "values" in packed:
        return [packed["values"][each] for each in packed["at"]]
    if "sizes" in packed:
        everything = iter(column(packed["all"]))
        return [list(itertools.islice(everything, size)) for size in column(packed["sizes"])]
    columns = {key: column(each) for key, each in packed["of"].items()}
    return [{key: each[row] for key, each in columns.items()} for row in range(packed["rows"])]


def unpacked(packed: Json) -> Json:
    return {**packed["rest"], **{name: column(each) for name, each in packed["lists"].items()}}


def policy_of(page: Page) -> dict[str, list[str]]:
    (meta,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    text = meta.attributes["content"]
    assert text is not None
    return {name: sources for name, *sources in (each.split() for each in text.split(";"))}


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@each_document
def test_the_data_come_back_whole(document: Json) -> None:
    found = unpacked(json.loads(Page(audit_page.render(document)).script("audit")))
    # As JSON, so that True is not taken for 1, nor the order of keys for nothing.
    assert json.dumps({key: found[key] for key in document}) == json.dumps(document)
    assert set(found) == set(document)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [1, True, 1.0, "1", None],
        [True, 1, True, 1],
        ["a", "a", "a"],
        ["a", "b", "a", "b", "a"],
        [[], [], []],
        [[1, 2], [], [3]],
        [{"a": 1}, {"b": 2}],
        [{"a": 1}, {"a": [{"b": None}, {"b": "x"}]}],
        [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
        [{}, {}],
        [{"same": 1, "times": 3}],
        [{"sizes": [], "all": []}, None],
        [None, {"a": 1}],
        [[{"a": 1}], [{"a": 2}, {"a": 3}]],
    ],
)
def test_a_list_of_any_kind_comes_back(entries: list[t.Any]) -> None:
    document = {**{key: [] for key in audit_page.PACKED_LISTS}, "findings": entries}
    packed = json.loads(audit_page.embed_json(audit_page.pack_document(document)))
    assert json.dumps(unpacked(packed)["findings"]) == json.dumps(entries)


def test_a_number_that_json_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        audit_page.render({**DOCUMENTS["ordinary"], "generated": float("nan")})


@each_document
def test_names_make_no_elements(document: Json) -> None:
    """The page of the worst names has the very elements of the same page with harmless ones."""
    page = Page(audit_page.render(document))
    harmless = Page(audit_page.render(_harmless(document)))
    shape = [(each.tag, sorted(each.attributes)) for each in page.elements]
    assert shape == [(each.tag, sorted(each.attributes)) for each in harmless.elements]
    assert page.comments == []
    assert not [name for each in page.elements for name in each.attributes if name.startswith("on")]


def _harmless(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _harmless(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    # What the page itself understands keeps its sense.
    return "x" if any(each in str(value) for each in documents.HOSTILE) else value


@pytest.mark.parametrize("text", documents.HOSTILE)
def test_a_hostile_text_is_shown_without_the_script(text: str) -> None:
    document = copy.deepcopy(DOCUMENTS["ordinary"])
    document["findings"][0]["message"] = text
    document["cluster"]["name"] = text
    page = Page(audit_page.render(document))
    visible = "".join(each if each.isprintable() and each != "\xad" else f"\\u{ord(each):04x}" for each in text)
    # Half a pair has no character reference: a parser puts the replacement character in its place.
    visible = visible.replace("\\ud83d", "\ufffd")
    assert visible in page.texts("bdi")
    assert visible in page.texts("p", **{"class": "message"})


@each_document
def test_the_policy_admits_this_script_and_this_style_alone(document: Json) -> None:
    page = Page(audit_page.render(document))
    policy = policy_of(page)
    (script,) = [each.text for each in page.all("script") if "type" not in each.attributes]
    (style,) = page.texts("style")
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == [digest(script)]
    assert policy["style-src"] == [digest(style)]
    assert policy["img-src"] == ["data:"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert not [each for each in page.elements if "style" in each.attributes]


@each_document
def test_nothing_is_fetched(document: Json) -> None:
    text = audit_page.render(document)
    page = Page(text)
    fetched = [
        value
        for each in page.elements
        for name, value in each.attributes.items()
        if name in ("src", "srcset", "href", "data", "action", "poster", "background", "ping", "manifest")
    ]
    assert all(each is not None and each.startswith(("#", "data:,")) for each in fetched), fetched
    (style,) = page.texts("style")
    assert not re.search(r"url\(|@import|@font-face|image-set", style)
    assert not {"iframe", "object", "embed", "img", "base"} & {each.tag for each in page.elements}
    assert len(page.all("link")) == 1


def test_the_script_parses_no_markup_and_asks_nobody() -> None:
    script = assets.SCRIPT
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML"
        r"|\beval\b|\bFunction\(|\bimport\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|EventSource|new Image|https?://"
    )
    assert re.findall(forbidden, script) == []
    assert "</" not in script


@each_document
def test_a_page_is_ascii_and_the_same_for_the_same_document(document: Json) -> None:
    text = audit_page.render(document)
    assert text.isascii()
    assert text == audit_page.render(copy.deepcopy(document))


def test_without_the_script_there_are_the_counts_and_the_worst() -> None:
    document = DOCUMENTS["larger"]
    text = audit_page.render(document)
    plain = text[text.index("<noscript>") : text.index("</noscript>")]
    page = Page(plain)
    counts = document["counts"]
    cells = page.texts("td")
    expected = [
        f"{counts[kind][state]:,}"
        for kind in ("service_accounts", "roles")
        for state in ("total", "error", "unknown", "warning", "note", "ok")
    ]
    assert cells == expected
    assert page.texts("code") == [each["id"] for each in document["findings"][:25]]
    messages = page.texts("p", **{"class": "message"})
    assert messages == [each["message"] for each in document["findings"][:25]]
    assert f"{counts['pods']['stale']:,} stale" in plain


def test_what_was_not_read_is_told() -> None:
    texts = [f"part {number} of <the cluster>" for number in range(9)]
    page = Page(audit_page.render({**DOCUMENTS["ordinary"], "unread": texts}))
    assert page.texts("li") == texts
    assert "4 more" in page.texts("summary")
    assert "Not read" not in audit_page.render({**DOCUMENTS["ordinary"], "unread": []})


def test_causes_bring_their_title_and_only_those_that_were_found() -> None:
    document = DOCUMENTS["ordinary"]
    causes = json.loads(Page(audit_page.render(document)).script("causes"))
    assert set(causes) == {each["id"] for each in document["findings"]}
    assert causes["role-missing"]["title"] == "The role doesn't exist"


def test_a_finding_of_a_later_release_is_shown_by_its_id() -> None:
    document = copy.deepcopy(DOCUMENTS["ordinary"])
    document["findings"][0]["id"] = "not-known-yet"
    text = audit_page.render(document)
    assert "not-known-yet" not in json.loads(Page(text).script("causes"))
    assert "<code>not-known-yet</code>" in text


def test_thousands_take_a_few_megabytes() -> None:
    document = documents.large()
    assert [len(document[each]) for each in audit_page.PACKED_LISTS] == [5000, 5000, 2000]
    assert len(audit_page.render(document)) < 3_000_000
