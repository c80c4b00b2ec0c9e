# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of messages: counts, lists, escapes for invisible characters, and escaped Markdown."""

from __future__ import annotations

import re
import typing as t
import unicodedata

# Control characters, invisible marks, marks that change the text direction, and surrogates.
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs")
# The other characters that XML 1.0 does not allow: https://www.w3.org/TR/xml/#charsets.
_NONCHARACTERS = "\ufffe\uffff"
# Characters that are markup in Markdown or in HTML within it; and prefixes that turn a paragraph into a list item.
_MARKUP = re.compile(r"([\\`*_\[\]<>|~#&])")
_BULLET = re.compile(r"^(\d*)([-+.)])")


def plural(count: int, noun: str) -> str:
    """``role``, or ``roles`` unless ``count`` is 1."""
    return noun if count == 1 else f"{noun}s"


def quantity(count: int, noun: str) -> str:
    """``1 role``, ``2 roles``."""
    return f"{count} {plural(count, noun)}"


def join(items: t.Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; empty for no items."""
    return " and ".join([*([", ".join(items[:-1])] if len(items) > 1 else []), *items[-1:]])


def join_some(items: t.Sequence[str], limit: int) -> str:
    """All items as `join` writes them; with more than ``limit``: ``a, b and 3 more``."""
    hidden = len(items) - limit
    return f"{', '.join(items[:limit])} and {hidden} more" if hidden > 0 else join(items)


def visible(text: str) -> str:
    """The text in one line, with an escape (``\\u202e``) for each invisible character."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(map(_visible_character, line))


def _visible_character(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN_CATEGORIES and character not in _NONCHARACTERS:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sentence(text: str) -> str:
    """The text in one line, with a full stop unless it already ends a sentence."""
    text = visible(text)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def markdown_text(text: str) -> str:
    """The text in one line, escaped for Markdown and for HTML in it."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def markdown_paragraph(text: str) -> str:
    """The text as an escaped paragraph that Markdown does not read as a list item."""
    return _BULLET.sub(r"\1\\\2", markdown_text(text))


def markdown_code(text: str, in_table: bool = False) -> str:
    """The text as a code span, with a fence longer than any in the text; in a table, bars are escaped."""
    text = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") or not text else ""
    span = f"{fence}{padding}{text}{padding}{fence}"
    return span.replace("|", "\\|") if in_table else span
