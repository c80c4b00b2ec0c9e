# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of plugins/ and its unit tests: small folders, short files and classes, unique names, mirrored tests."""

from __future__ import annotations

import ast
import collections
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
UNIT = ROOT / "tests" / "unit" / "plugins"
MAX_FILES, MAX_LINES, MAX_CLASS_LINES = 12, 400, 200
# A generated file, and the texts about the causes.
DATA = {"module_utils/_core/audit/reports/html/assets.py", "module_utils/_core/diagnosis/explanations.py"}
# Folders of plugins: Ansible prescribes the folder of each plugin and the names of classes.
FLAT = {"modules", "action", "doc_fragments", "filter", "inventory", "lookup", "test"}
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}

SOURCES = sorted(path.relative_to(PLUGINS).as_posix() for path in PLUGINS.rglob("*.py"))
MODULES = [path for path in SOURCES if not path.endswith("__init__.py") and path not in DATA]
TESTS = sorted(path.relative_to(UNIT).as_posix() for path in UNIT.rglob("test_*.py"))


def count_code_lines(source: str) -> int:
    """Count the lines of a file without its documentation blocks."""
    lines = source.count("\n")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in DOCUMENTATION:
            lines -= (node.end_lineno or node.lineno) - node.lineno
    return lines


def find_classes(path: str) -> list[ast.ClassDef]:
    tree = ast.parse((PLUGINS / path).read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def find_source(test: str) -> str:
    """Find the source of a test file: ``_core/role/test_plan_tags.py`` may test ``_core/role/plan.py``.

    :returns: its path under plugins/, empty if no source matches.
    """
    path = pathlib.PurePosixPath(test)
    words = path.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    candidates = [(path.parent / f"{prefix}{name}.py").as_posix() for name in names for prefix in ("", "_")]
    return next((candidate for candidate in candidates if candidate in SOURCES), "")


def test_sources_and_tests_are_found() -> None:
    assert "module_utils/_runner.py" in SOURCES
    assert "module_utils/test_runner.py" in TESTS


@pytest.mark.parametrize("path", [path for path in SOURCES if path.endswith("__init__.py")])
def test_package_file_is_empty(path: str) -> None:
    assert (PLUGINS / path).read_text(encoding="utf-8") == ""


def test_folder_size() -> None:
    folders = collections.Counter(str(pathlib.PurePosixPath(path).parent) for path in MODULES)
    too_large = {folder: count for folder, count in folders.items() if count > MAX_FILES and folder not in FLAT}
    assert too_large == {}


@pytest.mark.parametrize("path", MODULES)
def test_file_length(path: str) -> None:
    assert count_code_lines((PLUGINS / path).read_text(encoding="utf-8")) <= MAX_LINES


@pytest.mark.parametrize("path", MODULES)
def test_class_length(path: str) -> None:
    too_long = [node.name for node in find_classes(path) if (node.end_lineno or 0) - node.lineno >= MAX_CLASS_LINES]
    assert too_long == []


def test_class_names_are_unique() -> None:
    paths_by_name = collections.defaultdict(list)
    for path in MODULES:
        if path.split("/")[0] not in FLAT:
            for node in find_classes(path):
                paths_by_name[node.name].append(path)
    assert {name: paths for name, paths in paths_by_name.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("test", TESTS)
def test_unit_test_has_a_source(test: str) -> None:
    assert find_source(test)


@pytest.mark.parametrize("path", [path for path in MODULES if path.startswith("module_utils/_module/")])
def test_module_code_has_a_unit_test(path: str) -> None:
    assert path in {find_source(test) for test in TESTS}


def test_documentation_is_not_counted_as_code() -> None:
    assert count_code_lines('DOCUMENTATION = r"""\na: b\nc: d\n"""\nimport sys\nprint(sys)\n') == 3
