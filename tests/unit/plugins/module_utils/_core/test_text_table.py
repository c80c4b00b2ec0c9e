# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, and messages wrapped below their lines."""

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import text_table
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def test_cells_are_padded_to_column_width() -> None:
    rows = [("NAME", "COUNT", "WHY"), ("shop", "1", "")]
    widths = text_table.column_widths(rows)
    assert widths == [4, 5, 3]
    assert [text_table.table_line(row, widths) for row in rows] == ["NAME  COUNT  WHY", "shop  1"]


def test_message_is_wrapped_and_indented() -> None:
    assert text_table.wrap_message("role shop\n does not  exist", 14) == ["  role shop", "    does not", "    exist"]
    assert text_table.wrap_message("", 40) == []


def test_long_word_is_not_broken() -> None:
    arn = f"arn:aws:iam::123456789012:role/{'x' * 60}"
    assert text_table.wrap_message(f"role {arn} exists", 40) == ["  role", f"    {arn}", "    exists"]


def test_small_width_is_rejected() -> None:
    text_table.check_width(40)
    with pytest.raises(InvalidInput) as caught:
        text_table.check_width(39)
    assert str(caught.value) == (
        "width 39 is too small for a readable table. Cause: messages are wrapped to that width. "
        "Fix: use a width of 40 or more."
    )
