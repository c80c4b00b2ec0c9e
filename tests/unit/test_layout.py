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
MOST_FILES, MOST_LINES, MOST_CLASS_LINES = 12, 400, 200
# Written by `make web`, and texts about each cause.
DATA = {"module_utils/_core/audit/reports/html/assets.py", "module_utils/_core/diagnosis/explanations.py"}
# Ansible finds these by their names, so their folders are as large as the collection has plugins, and every file has a
# class of the same name.
FLAT = {"modules", "action", "doc_fragments", "filter", "inventory", "lookup", "test"}
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}

SOURCES = sorted(path.relative_to(PLUGINS).as_posix() for path in PLUGINS.rglob("*.py"))
MODULES = [path for path in SOURCES if not path.endswith("__init__.py") and path not in DATA]
TESTS = sorted(path.relative_to(UNIT).as_posix() for path in UNIT.rglob("test_*.py"))


def code_lines(source: str) -> int:
    """The lines of a file without those of its documentation, which are data."""
    lines = source.count("\n")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in DOCUMENTATION:
            lines -= (node.end_lineno or node.lineno) - node.lineno
    return lines


def classes(path: str) -> list[ast.ClassDef]:
    tree = ast.parse((PLUGINS / path).read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def source_of(test: str) -> str:
    """The file that a test is about: ``_core/role/test_plan_tags.py`` may be about ``_core/role/plan.py``."""
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


def test_folder_has_few_files() -> None:
    folders = collections.Counter(str(pathlib.PurePosixPath(path).parent) for path in MODULES)
    crowded = {folder: count for folder, count in folders.items() if count > MOST_FILES and folder not in FLAT}
    assert crowded == {}


@pytest.mark.parametrize("path", MODULES)
def test_file_is_short(path: str) -> None:
    assert code_lines((PLUGINS / path).read_text(encoding="utf-8")) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES)
def test_class_is_short(path: str) -> None:
    long = [node.name for node in classes(path) if (node.end_lineno or 0) - node.lineno >= MOST_CLASS_LINES]
    assert long == []


def test_class_names_are_unique() -> None:
    places = collections.defaultdict(list)
    for path in MODULES:
        if path.split("/")[0] not in FLAT:
            for node in classes(path):
                places[node.name].append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("test", TESTS)
def test_unit_test_mirrors_a_source(test: str) -> None:
    assert source_of(test)


@pytest.mark.parametrize("path", [path for path in MODULES if path.startswith("module_utils/_module/")])
def test_module_code_has_a_unit_test(path: str) -> None:
    assert path in {source_of(test) for test in TESTS}


def test_documentation_does_not_count_as_code() -> None:
    assert code_lines('DOCUMENTATION = r"""\na: b\nc: d\n"""\nimport sys\nprint(sys)\n') == 3
