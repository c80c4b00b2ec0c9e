# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docstring of each module of the sandbox has a "Needed by:" line, and the integration targets in it exist."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

SANDBOX = pathlib.Path(__file__).resolve().parents[1]
TARGETS = SANDBOX.parent / "integration" / "targets"
MODULES = sorted(path for path in SANDBOX.rglob("*.py") if "tests" not in path.relative_to(SANDBOX).parts)
REMARK = re.compile(r" \([^)]*\)")
OTHERS = {
    "every target",
    "demo",
    "benchmarks",
    "make faults",
    "make kills",
    "make permissions",
    "make sandbox",
    "make test-envtest",
    "make test-envtest with Kubernetes up to 1.23",
    "units of the collection",
}


def needed_by(path: pathlib.Path) -> list[str]:
    """The entries of the line "Needed by: ENTRY; ENTRY." without remarks in parentheses."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    match = re.search(r"^Needed by: (.+)\.\Z", docstring, re.MULTILINE)
    return REMARK.sub("", match[1]).split("; ") if match else []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SANDBOX)))
def test_needed_by(path: pathlib.Path) -> None:
    entries = needed_by(path)
    assert entries, "the module's docstring does not end with a line 'Needed by: ...'"
    for entry in entries:
        match = re.fullmatch(r"targets? (.+)", entry)
        if match is None:
            assert entry in OTHERS
            continue
        missing = [name for name in match[1].split(", ") if not (TARGETS / name / "aliases").is_file()]
        assert not missing, f"integration targets that do not exist: {missing}"
