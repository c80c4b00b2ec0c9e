# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of an audit: one HTML file that holds everything and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import string
import typing as t

from ....diagnosis.explanations import EXPLANATIONS
from . import static
from .packing import embedded, packed
from .page_markup import MARKUP
from .page_script import SCRIPT
from .page_style import STYLE

# No source is allowed but the style and the script of this very page, by their hashes. The empty icon is a data URL.
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src {}; script-src {}"


def render(document: t.Mapping[str, t.Any]) -> str:
    """The page of an audit's document (``eksops.irsa/audit/1``), in ASCII; the same for the same document.

    :raises ValueError: the document holds a number that JSON doesn't know.
    """
    page = string.Template(MARKUP).substitute(
        policy=_POLICY.format(_hash(STYLE), _hash(SCRIPT)),
        name=static.shown(document["cluster"].get("name") or "a cluster"),
        style=STYLE,
        facts=static.facts(document),
        unread=static.unread(document),
        summary=static.summary(document),
        data=embedded(packed(document)),
        causes=embedded(_causes(document)),
        script=SCRIPT,
    )
    # Whatever a name holds, half a surrogate pair too, the page can be written in any encoding.
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _causes(document: t.Mapping[str, t.Any]) -> dict[str, dict[str, str]]:
    """Title and reason of the kinds of findings that there are, by id."""
    ids = sorted({finding["id"] for finding in document["findings"]} & set(EXPLANATIONS))
    return {each: {"title": EXPLANATIONS[each].title, "why": EXPLANATIONS[each].why} for each in ids}
