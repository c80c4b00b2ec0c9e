# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, lists, and escapes for invisible characters."""

from __future__ import annotations

import re
import unicodedata

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.wording import (
    join,
    join_some,
    plural,
    quantity,
    sentence,
    visible,
)
from hypothesis import given, settings
from hypothesis import strategies as st

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")


@pytest.mark.parametrize(("count", "word"), [(0, "roles"), (1, "role"), (2, "roles")])
def test_noun_is_singular_only_for_one(count: int, word: str) -> None:
    assert plural(count, "role") == word
    assert quantity(count, "role") == f"{count} {word}"


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_items_are_joined_with_commas_and_and(items: list[str], text: str) -> None:
    assert join(items) == text
    assert join_some(items, 3) == text


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (1, "a and 3 more"),
        (2, "a, b and 2 more"),
        (3, "a, b, c and 1 more"),
        (4, "a, b, c and d"),
        (9, "a, b, c and d"),
    ],
)
def test_items_beyond_the_limit_are_counted(limit: int, text: str) -> None:
    assert join_some(["a", "b", "c", "d"], limit) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, tëxt 字 😀", "plain, tëxt 字 😀"),
        (" a\tb\r\n c ", "a b c"),
        ("\x1b[31mred\x00", "\\u001b[31mred\\u0000"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("none \ufffe \uffff \ud800", "none \\ufffe \\uffff \\ud800"),
    ],
)
def test_invisible_characters_become_escapes(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_visible_text_is_one_line_without_control_characters(text: str) -> None:
    result = visible(text)
    assert visible(result) == result
    assert not {unicodedata.category(character) for character in result} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    without_spaces = re.sub(r"\s", "", text)
    if without_spaces.isprintable():
        assert result.replace(" ", "") == without_spaces


@pytest.mark.parametrize(
    ("text", "expected"), [("it broke", "it broke."), ("why?", "why?"), ("it\nbroke. ", "it broke.")]
)
def test_sentence_ends_with_a_full_stop(text: str, expected: str) -> None:
    assert sentence(text) == expected
