# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report as text. tests/browser tests it in a browser."""

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
from browser import documents, samples

Json = dict[str, t.Any]

DOCUMENTS = {
    "ordinary": documents.example(),
    "hostile": documents.hostile(),
    "empty": documents.empty(),
    "larger": documents.example(400, 500, 200, seed=2),
}
for_each_document = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)


@dataclasses.dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""


class Page(html.parser.HTMLParser):
    """The elements of a page, each with the text up to the next tag."""

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
        found = [element for element in self.elements if element.tag == tag]
        return [element for element in found if attributes.items() <= element.attributes.items()]

    def texts(self, tag: str, **attributes: str) -> list[str]:
        return [element.text for element in self.all(tag, **attributes)]

    def script(self, identity: str) -> str:
        (text,) = self.texts("script", id=identity)
        return text


def column(packed: t.Any) -> list[t.Any]:
    """The entries of a packed column, as web/audit/src/model/unpack.js unpacks it."""
    if isinstance(packed, list):
        return packed
    if "same" in packed:
        return [packed["same"]] * packed["times"]
    if "values" in packed:
        return [packed["values"][index] for index in packed["at"]]
    if "sizes" in packed:
        everything = iter(column(packed["all"]))
        return [list(itertools.islice(everything, size)) for size in column(packed["sizes"])]
    columns = {key: column(packed_column) for key, packed_column in packed["of"].items()}
    return [{key: entries[row] for key, entries in columns.items()} for row in range(packed["rows"])]


def unpack(packed: Json) -> Json:
    return {**packed["rest"], **{name: column(packed_column) for name, packed_column in packed["lists"].items()}}


def policy_of(page: Page) -> dict[str, list[str]]:
    (meta,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    text = meta.attributes["content"]
    assert text is not None
    return {name: sources for name, *sources in (directive.split() for directive in text.split(";"))}


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@for_each_document
def test_packed_document_is_lossless(document: Json) -> None:
    found = unpack(json.loads(Page(audit_page.render(document)).script("audit")))
    # JSON distinguishes True from 1 and keeps the order of keys.
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
def test_packed_list_is_lossless(entries: list[t.Any]) -> None:
    document = {**{key: [] for key in audit_page.PACKED_LISTS}, "findings": entries}
    packed = json.loads(audit_page.embed_json(audit_page.pack_document(document)))
    assert json.dumps(unpack(packed)["findings"]) == json.dumps(entries)


def test_number_without_json_form_is_rejected() -> None:
    with pytest.raises(ValueError, match="JSON"):
        audit_page.render({**DOCUMENTS["ordinary"], "generated": float("nan")})


@for_each_document
def test_names_add_no_elements(document: Json) -> None:
    """A page with hostile names has the same elements as one with harmless names."""
    page = Page(audit_page.render(document))
    harmless = Page(audit_page.render(_harmless(document)))
    shape = [(element.tag, sorted(element.attributes)) for element in page.elements]
    assert shape == [(element.tag, sorted(element.attributes)) for element in harmless.elements]
    assert page.comments == []
    assert not [name for element in page.elements for name in element.attributes if name.startswith("on")]


def _harmless(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _harmless(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_harmless(entry) for entry in value]
    # Values that the page interprets are kept.
    return "x" if any(text in str(value) for text in samples.HOSTILE) else value


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_text_is_shown_without_the_script(text: str) -> None:
    document = copy.deepcopy(DOCUMENTS["ordinary"])
    document["findings"][0]["message"] = text
    document["cluster"]["name"] = text
    page = Page(audit_page.render(document))
    visible = "".join(
        character if character.isprintable() and character != "\xad" else f"\\u{ord(character):04x}"
        for character in text
    )
    assert visible in page.texts("bdi")
    assert visible in page.texts("p", **{"class": "message"})


@for_each_document
def test_content_security_policy_allows_only_this_script_and_style(document: Json) -> None:
    page = Page(audit_page.render(document))
    policy = policy_of(page)
    (script,) = [element.text for element in page.all("script") if "type" not in element.attributes]
    (style,) = page.texts("style")
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == [digest(script)]
    assert policy["style-src"] == [digest(style)]
    assert policy["img-src"] == ["data:"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert not [element for element in page.elements if "style" in element.attributes]


@for_each_document
def test_page_loads_nothing(document: Json) -> None:
    text = audit_page.render(document)
    page = Page(text)
    fetched = [
        value
        for element in page.elements
        for name, value in element.attributes.items()
        if name in ("src", "srcset", "href", "data", "action", "poster", "background", "ping", "manifest")
    ]
    assert all(url is not None and url.startswith(("#", "data:,")) for url in fetched), fetched
    (style,) = page.texts("style")
    assert not re.search(r"url\(|@import|@font-face|image-set", style)
    assert not {"iframe", "object", "embed", "img", "base"} & {element.tag for element in page.elements}
    assert len(page.all("link")) == 1


def test_script_parses_no_markup_and_sends_no_requests() -> None:
    script = assets.SCRIPT
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML"
        r"|\beval\b|\bFunction\(|\bimport\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|EventSource|new Image|https?://"
    )
    assert re.findall(forbidden, script) == []
    assert "</" not in script


@for_each_document
def test_page_is_ascii_and_reproducible(document: Json) -> None:
    text = audit_page.render(document)
    assert text.isascii()
    assert text == audit_page.render(copy.deepcopy(document))


def test_counts_and_worst_findings_are_shown_without_the_script() -> None:
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
    assert page.texts("code") == [finding["id"] for finding in document["findings"][:25]]
    messages = page.texts("p", **{"class": "message"})
    assert messages == [finding["message"] for finding in document["findings"][:25]]
    assert f"{counts['pods']['stale']:,} stale" in plain


def test_skipped_checks_are_listed() -> None:
    texts = [f"check {number} of <the cluster>" for number in range(9)]
    page = Page(audit_page.render({**DOCUMENTS["ordinary"], "skipped_checks": texts}))
    assert page.texts("li") == texts
    assert "4 more" in page.texts("summary")
    assert "Skipped checks<" not in audit_page.render({**DOCUMENTS["ordinary"], "skipped_checks": []})


def test_only_causes_of_findings_are_embedded() -> None:
    document = DOCUMENTS["ordinary"]
    causes = json.loads(Page(audit_page.render(document)).script("causes"))
    assert set(causes) == {finding["id"] for finding in document["findings"]}
    assert causes["role-missing"]["title"] == "The role does not exist"


def test_unknown_finding_id_is_shown() -> None:
    document = copy.deepcopy(DOCUMENTS["ordinary"])
    document["findings"][0]["id"] = "not-known-yet"
    text = audit_page.render(document)
    assert "not-known-yet" not in json.loads(Page(text).script("causes"))
    assert "<code>not-known-yet</code>" in text


def test_page_of_thousands_is_smaller_than_3_megabytes() -> None:
    document = documents.large()
    assert [len(document[name]) for name in audit_page.PACKED_LISTS] == [5000, 5000, 2000]
    assert len(audit_page.render(document)) < 3_000_000
