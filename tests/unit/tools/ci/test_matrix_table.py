# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of tested versions."""

from __future__ import annotations

import pathlib

import pytest

from tools.ci import matrix_table


@pytest.fixture
def readme(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- matrix -->\n<!-- /matrix -->\nafter\n")
    matrix_table.main(str(path))
    return path


def test_table_has_the_pinned_versions(readme: pathlib.Path) -> None:
    text = readme.read_text()
    assert text.startswith(
        "before\n<!-- matrix -->\n|  | oldest | newest |\n| --- | --- | --- |\n| ansible-core | 2.19.0 |"
    )
    assert "\n| boto3 | 1.35.0 | 1.44.8 |\n" in text
    assert text.endswith(" |\n<!-- /matrix -->\nafter\n")


@pytest.mark.parametrize(
    ("old", "new", "passes"),
    [
        ("before", "ahead", True),
        ("| date of the tests | 2", "| date of the tests | 1", False),
        ("| 1.35.0 |", "| 1.34.0 |", False),
        ("| amazon.aws |", "| amazon.awx |", False),
        (" | 1.44.8 |", " |", False),
        ("<!-- matrix -->", "", False),
    ],
)
def test_differences_fail_the_check(readme: pathlib.Path, old: str, new: str, passes: bool) -> None:
    assert old in readme.read_text()
    readme.write_text(readme.read_text().replace(old, new))
    if passes:
        matrix_table.main(str(readme), "--check")
        return
    with pytest.raises(SystemExit, match=r"README\.md"):
        matrix_table.main(str(readme), "--check")
