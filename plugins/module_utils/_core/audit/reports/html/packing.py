# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of an audit inside its page: small, lossless, and unable to end or break the script element around it.

The long lists go in by column, as a table's columns say the same again and again. A column is one of:

- a list: the entries themselves
- ``{"same": entry, "times": n}``: one entry n times
- ``{"values": [...], "at": [...]}``: the distinct entries, and for each row which one
- ``{"sizes": column, "all": column}``: lists, laid end to end
- ``{"rows": n, "of": {key: column}}``: objects with the same keys

The page's script has the way back.
"""

from __future__ import annotations

import json
import typing as t

LISTS = ("service_accounts", "roles", "findings")

_SCALARS = (str, int, float, bool, type(None))
# Inside a JSON text these stand in strings alone, where they can be written otherwise.
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def packed(document: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """``{"rest": the document without its long lists, "lists": {name: column}}``."""
    return {
        "rest": {key: value for key, value in document.items() if key not in LISTS},
        "lists": {key: _column(document[key]) for key in LISTS},
    }


def embedded(value: t.Any) -> str:
    """JSON for a script element: ASCII, and without the characters that begin a tag, a comment or an entity.

    :raises ValueError: a number that JSON doesn't know.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def _column(entries: t.Sequence[t.Any]) -> t.Any:
    if not entries:
        return []
    if all(isinstance(entry, _SCALARS) for entry in entries):
        return _scalars(entries)
    if all(isinstance(entry, (list, tuple)) for entry in entries):
        everything = [each for entry in entries for each in entry]
        return {"sizes": _scalars([len(entry) for entry in entries]), "all": _column(everything)}
    if all(isinstance(entry, t.Mapping) and list(entry) == list(entries[0]) for entry in entries):
        columns = {key: _column([entry[key] for entry in entries]) for key in entries[0]}
        return {"rows": len(entries), "of": columns}
    return list(entries)


def _scalars(entries: t.Sequence[t.Any]) -> t.Any:
    # True is not 1 here, though Python holds them equal.
    numbers: dict[tuple[type, t.Any], int] = {}
    at = [numbers.setdefault((type(entry), entry), len(numbers)) for entry in entries]
    values = [each[1] for each in numbers]
    if len(values) == 1 and len(entries) > 1:
        return {"same": values[0], "times": len(entries)}
    if len(values) * 2 <= len(entries):
        return {"values": values, "at": at}
    return list(entries)
