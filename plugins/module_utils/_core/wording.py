# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of messages: counts, lists, escapes for invisible characters, excerpts of foreign text, and escaped Markdown."""

from __future__ import annotations

import re
import typing as t
import unicodedata

# Control characters, invisible marks, marks that change the text direction, surrogates, and separators of lines.
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Invisible characters of other categories: joiners, fillers, blanks and variation selectors; and the other characters
# that XML 1.0 does not allow: https://www.w3.org/TR/xml/#charsets.
_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffe\uffff\U000e0100-\U000e01ef]"
)
_EXCERPT = 1000
# The flaw of a text that cannot be sent.
LONE_SURROGATE = "has a surrogate without its other half"
# The highest number of names in a message. Results have all names.
MAX_NAMES = 5
# Credentials in foreign text, as servers and proxies send them back and as programs, SDKs and shells print them. Groups
# are what is kept: the name of a value.
_CREDENTIALS = re.compile(
    # Bearer tokens of EKS, JSON Web Tokens, and the IDs of access keys.
    r"k8s-aws-v1\.[\w=-]+|(?-i:\beyJ)[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|(?-i:\b(?:ASIA|AKIA)[A-Z0-9]{16}\b)"
    # Headers, and signatures of requests to AWS.
    r"|(\b(?:bearer|basic)\s+)[\w.~+/=-]{16,}|(\b(?:x-amz-)?signature\\?[\"']?[=:]\s*\\?[\"']?)[0-9a-f]{32,}"
    # Values after their names.
    r"|((?:secret_?access_?key|session_?token|security[_-]?token|secretkey|web_?identity_?token)"
    r"(?:\\?[\"']\s*,|\\?[\"']?\s*[:=>]+)\s*\\?[\"']?)[^\s&\"'\\<>,]+",
    re.IGNORECASE,
)
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
    return escape_invisible(" ".join(text.split()))


def escape_invisible(text: str) -> str:
    """The text with an escape for each invisible character except line feeds and tabs."""
    if text.isprintable() and (text.isascii() or not _HIDDEN.search(text)):
        return text
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character in "\n\t" or (
        unicodedata.category(character) not in _HIDDEN_CATEGORIES and not _HIDDEN.match(character)
    ):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def excerpt(text: str, limit: int = _EXCERPT) -> str:
    """Foreign text for a message: in one line, visible, at most ``limit`` characters, without credentials.

    A server or proxy may send back the request, with its credentials. They are removed first, because Ansible does
    not find half of a secret.
    """
    text = visible(redact_credentials(text))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def redact_credentials(text: str) -> str:
    """The text without anything that looks like a token, a key or a secret."""
    return _CREDENTIALS.sub(lambda found: f"{next(filter(None, found.groups()), '')}********", text)


def sentence(text: str) -> str:
    """The text in one line, with a full stop unless it already ends a sentence."""
    text = visible(text)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def markdown_text(text: str) -> str:
    """The visible text, escaped for Markdown and for HTML in it."""
    return _MARKUP.sub(r"\\\1", visible(text))


def markdown_paragraph(text: str) -> str:
    """The text as an escaped paragraph that Markdown does not read as a list item."""
    return _BULLET.sub(r"\1\\\2", markdown_text(text))


def markdown_code(text: str, in_table: bool = False) -> str:
    """The visible text as a code span, with a fence longer than any in the text; in a table, bars are escaped."""
    text = visible(text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") or not text else ""
    span = f"{fence}{padding}{text}{padding}{fence}"
    return span.replace("|", "\\|") if in_table else span


def format_integer(number: int) -> str:
    """The digits of an option, for a message. Python does not print an integer of thousands of digits."""
    return str(number) if abs(number) < 2**63 else "of more than 18 digits"
