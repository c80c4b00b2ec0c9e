# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom in plugins/, read from the sources, so that the borders in CONTRIBUTING.md hold."""

from __future__ import annotations

import ast
import pathlib
import sys
import typing as t

import pytest

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
OWN = "ansible_collections.eksops.irsa.plugins"
UTILS = f"{OWN}.module_utils"
CLIENT_LIBRARIES = ("boto3", "botocore", "kubernetes", "urllib3", "requests", "http", "socket", "ssl")
DEPENDENCIES = ("ansible_collections.amazon.aws", "ansible_collections.kubernetes.core")


class Law(t.NamedTuple):
    """What the files under a path may import, besides the standard library without its network modules."""

    imports: tuple[str, ...]
    may_exit: bool


# The longest matching path rules. Lower layers never import upper ones.
LAWS = {
    "module_utils/_core": Law((f"{UTILS}._core",), may_exit=False),
    "module_utils/_api": Law(
        (f"{UTILS}._core", f"{UTILS}._api", "ansible", *CLIENT_LIBRARIES, *DEPENDENCIES), may_exit=False
    ),
    "module_utils/_argspec.py": Law((f"{UTILS}._core", *DEPENDENCIES), may_exit=False),
    "module_utils/_runner.py": Law((UTILS, "ansible", "yaml", *DEPENDENCIES), may_exit=True),
    "module_utils": Law((UTILS,), may_exit=False),
    "modules": Law((UTILS, "ansible.module_utils", *DEPENDENCIES), may_exit=True),
    "doc_fragments": Law((), may_exit=False),
    "action": Law((f"{UTILS}._progress", f"{UTILS}._core", f"{OWN}.plugin_utils", "ansible"), may_exit=False),
    "filter": Law((f"{UTILS}._core", "ansible"), may_exit=False),
    "lookup": Law((f"{UTILS}._core", "ansible"), may_exit=False),
    "plugin_utils": Law((f"{UTILS}._core",), may_exit=False),
    "test": Law((f"{UTILS}._core", "ansible"), may_exit=False),
    "inventory": Law((UTILS, "ansible", *DEPENDENCIES), may_exit=False),
}
EXITS = frozenset({"fail_json", "fail_json_aws", "exit_json"})


def law_of(path: str) -> Law:
    return LAWS[max((prefix for prefix in LAWS if path == prefix or path.startswith(f"{prefix}/")), key=len)]


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def imported(tree: ast.AST) -> t.Iterator[tuple[int, str]]:
    """Line and absolute name of each import, at the top of a file or inside a function or a TYPE_CHECKING block."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}"


def catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in caught)


def violations(path: str, source: str) -> list[str]:
    """What the source breaks, were it the file ``path`` under plugins/."""
    law = law_of(path)
    tree = ast.parse(source)
    found = []
    for line, name in imported(tree):
        network = any(is_under(name, library) for library in CLIENT_LIBRARIES)
        standard = name.split(".")[0] in sys.stdlib_module_names and not network
        if not standard and not any(is_under(name, allowed) for allowed in law.imports):
            found.append(f"{path}:{line}: imports {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in EXITS and not law.may_exit:
            found.append(f"{path}:{node.lineno}: calls {node.attr}; raise an error of _core/errors.py")
        if isinstance(node, ast.ExceptHandler) and catches_everything(node):
            found.append(f"{path}:{node.lineno}: catches every exception; name the ones that can come")
    return found


def sources() -> list[str]:
    return sorted(file.relative_to(PLUGINS).as_posix() for file in PLUGINS.rglob("*.py"))


def test_finds_the_sources() -> None:
    assert {"module_utils/_runner.py", "module_utils/_core/errors.py"} <= set(sources())


@pytest.mark.parametrize("path", sources())
def test_source_keeps_the_law(path: str) -> None:
    assert violations(path, (PLUGINS / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param("module_utils/_core/x.py", "import boto3", id="core-boto3"),
        pytest.param("module_utils/_core/x.py", "import socket", id="core-network"),
        pytest.param("module_utils/_core/x.py", "from http import client", id="core-network-from"),
        pytest.param("module_utils/_core/x.py", "from ansible.module_utils import basic", id="core-ansible"),
        pytest.param("module_utils/_core/x.py", f"from {UTILS}._api import iam", id="core-api"),
        pytest.param("module_utils/_core/x.py", f"from {UTILS} import _runner", id="core-runner"),
        pytest.param("module_utils/_core/x.py", "def f():\n    import botocore", id="core-inside-a-function"),
        pytest.param("module_utils/_core/x.py", "from . import model", id="relative"),
        pytest.param("module_utils/_core/x.py", "module.fail_json(msg='')", id="core-fail-json"),
        pytest.param("module_utils/_api/x.py", "module.exit_json()", id="api-exit-json"),
        pytest.param("module_utils/_api/x.py", f"from {UTILS} import _runner", id="api-runner"),
        pytest.param("module_utils/_api/x.py", "try: f()\nexcept Exception: pass", id="blind-except"),
        pytest.param("module_utils/_api/x.py", "try: f()\nexcept (OSError, BaseException): pass", id="blind-tuple"),
        pytest.param("module_utils/_api/x.py", "try: f()\nexcept: pass", id="bare-except"),
        pytest.param("module_utils/_runner.py", "import botocore.exceptions", id="runner-botocore"),
        pytest.param("modules/x.py", "from kubernetes import client", id="module-kubernetes"),
        pytest.param("modules/x.py", "import boto3", id="module-boto3"),
        pytest.param("filter/x.py", f"from {UTILS}._api import iam", id="filter-api"),
        pytest.param("test/x.py", f"from {UTILS}._api import iam", id="test-api"),
    ],
)
def test_breach_is_seen(path: str, source: str) -> None:
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("module_utils/_core/x.py", f"import json, urllib.parse\nfrom {UTILS}._core import model"),
        ("module_utils/_api/x.py", f"import boto3\nfrom kubernetes import client\nfrom {UTILS}._core import plan"),
        ("module_utils/_runner.py", f"from {UTILS}._api import iam\nmodule.fail_json(msg='')"),
        ("modules/x.py", f"from {UTILS}._runner import run"),
        ("module_utils/_api/x.py", "try: f()\nexcept (ValueError, KeyError): pass"),
    ],
)
def test_keeping_it_is_not_a_breach(path: str, source: str) -> None:
    assert violations(path, source) == []
