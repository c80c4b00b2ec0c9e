# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SECURITY.md names a test for each guarantee, and each of these tests exists."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit" / "plugins" / "module_utils"
TARGETS = ROOT / "tests" / "integration" / "targets"


def test_each_guarantee_has_a_test_that_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE)[2:]
    assert len(rows) > 10
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for guarantee, tests in rows:
        names = re.findall("`([^`]+)`", tests)
        assert names, guarantee
        for name in names:
            if name.startswith("make "):
                assert f"\n{name.removeprefix('make ')}:" in makefile, name
            else:
                assert (UNIT / name).is_file() or (TARGETS / name / "aliases").is_file(), name
