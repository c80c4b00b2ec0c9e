# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the table of tested versions."""

from __future__ import annotations

import pathlib

import pytest

from tools.ci import matrix_table

README = "before\n<!-- matrix -->\n<!-- /matrix -->\nafter\n"


@pytest.fixture
def readme(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "README.md"
    day = {matrix_table.TESTED: "2026-11-26"}
    table = matrix_table.render_table({corner: matrix_table.read_pins(corner) | day for corner in matrix_table.CORNERS})
    path.write_text(README.replace("<!-- /", f"{table}<!-- /"))
    return path


def test_pinned_versions_pass(readme: pathlib.Path) -> None:
    matrix_table.main(str(readme), "--check")


def test_patch_level_of_python_is_ignored(readme: pathlib.Path) -> None:
    readme.write_text(readme.read_text().replace("| 3.11 |", "| 3.11.9 |"))
    matrix_table.main(str(readme), "--check")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("| 1.35.0 |", "| 1.34.0 |", "oldest, boto3: 1.35.0 is pinned, the table has 1.34.0"),
        ("| 3.13 |", "| 3.14.1 |", "newest, Python of ansible-core: 3.13 is pinned, the table has 3.14.1"),
        ("| amazon.aws |", "| amazon.awx |", "oldest, amazon.aws: "),
        ("2026-11-26", "soon", "newest: the table has no date"),
        (" | 1.44.8 |", " |", "not a table of two corners"),
    ],
)
def test_differences_are_reported(readme: pathlib.Path, old: str, new: str, message: str) -> None:
    assert old in readme.read_text()
    readme.write_text(readme.read_text().replace(old, new))
    with pytest.raises(SystemExit, match=message):
        matrix_table.main(str(readme), "--check")
