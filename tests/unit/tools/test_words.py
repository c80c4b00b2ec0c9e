# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of words finds what it names, in text, in identifiers and in commit messages."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from tools import words

WORDS = {words.compile_word("for each in"): "role", words.compile_word("(un)?bolted"): "reported"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain text.", []),
        ("first\nwas Bolted, then unbolted", [(2, "Bolted"), (2, "unbolted")]),
        ("def test_unbolted_door()", [(1, "unbolted")]),
        ("unboltedness, pre-unbolted", []),
        ("[x for each in roles]", [(1, "for each in")]),
    ],
)
def test_words_are_found_by_line(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(number, word) for number, word, _instead in words.find_words(text, WORDS)] == expected


def test_every_entry_of_the_list_compiles_and_names_a_replacement() -> None:
    loaded = words.load_words()
    assert len(loaded) > 40
    assert all(loaded.values())


@pytest.mark.parametrize(("message", "status"), [("role: keep foreign statements", 0), ("role: mend it", 1)])
def test_commit_message_is_checked(tmp_path: pathlib.Path, message: str, status: int) -> None:
    path = tmp_path / "COMMIT_EDITMSG"
    path.write_text(f"{message}\n# On branch main, told by git\n")
    command = [sys.executable, words.__file__, "--message", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == status, result.stdout
