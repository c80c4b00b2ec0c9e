# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables for a terminal, with messages below their lines. Words are not broken, so that names can be copied."""

from __future__ import annotations

import textwrap
import typing as t

from .errors import InvalidInput
from .wording import visible

_MIN_WIDTH = 40


def check_width(width: int) -> None:
    """Check the width of a table, in characters.

    :raises InvalidInput: the width is too small for a readable table.
    """
    if width < _MIN_WIDTH:
        raise InvalidInput(
            f"width {width} is too small for a readable table",
            cause="messages are wrapped to that width",
            fix=f"use a width of {_MIN_WIDTH} or more",
        )


def column_widths(rows: t.Sequence[t.Sequence[str]]) -> list[int]:
    """The width of each column: that of its widest cell."""
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def table_line(cells: t.Sequence[str], widths: t.Sequence[int]) -> str:
    """A line of a table, with each cell padded to the width of its column."""
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def wrap_message(text: str, width: int) -> list[str]:
    """The indented lines of a visible message below a line of a table; a long word may exceed the width."""
    return wrap(visible(text), width, first="  ", other="    ")


def wrap(text: str, width: int, *, first: str, other: str) -> list[str]:
    """The text wrapped to the width.

    :param first: the prefix of the first line.
    :param other: the prefix of all other lines.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )
