# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pieces of text: counts, lists, text whose every character is visible, and Markdown that nothing can break out of."""

from __future__ import annotations

import re
import typing as t
import unicodedata

# Control characters, marks that are invisible or change the direction of writing, halves of characters.
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs")
# The only others that XML 1.0 does not allow: https://www.w3.org/TR/xml/#charsets.
_NO_CHARACTERS = "\ufffe\uffff"
# Everything that Markdown, or HTML in it, may take for markup; and what makes a list item of a paragraph.
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
    """The text in one line, with an escape (``\\u202e``) in place of each character that is invisible."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(map(_visible_character, line))


def _visible_character(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN_CATEGORIES and character not in _NO_CHARACTERS:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sentence(text: str) -> str:
    """The text in one line, with a full stop unless it ends a sentence already."""
    text = visible(text)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def markdown_text(text: str) -> str:
    """The text in one line, escaped for Markdown and for HTML in it."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def markdown_paragraph(text: str) -> str:
    """The text as a paragraph: escaped, and never a list item."""
    return _BULLET.sub(r"\1\\\2", markdown_text(text))


def markdown_code(text: str, in_table: bool = False) -> str:
    """The text as a code span, in which only backquotes matter, and in a table bars."""
    text = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") or not text else ""
    span = f"{fence}{padding}{text}{padding}{fence}"
    return span.replace("|", "\\|") if in_table else span
