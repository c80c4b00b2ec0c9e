# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import rules of plugins/: which layer may import which."""

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


class Rule(t.NamedTuple):
    """What files under a path may import besides the standard library without its network modules."""

    imports: tuple[str, ...]
    may_exit: bool


# The longest matching path applies. Lower layers never import upper ones.
RULES = {
    "module_utils/_core": Rule((f"{UTILS}._core",), may_exit=False),
    "module_utils/_api": Rule(
        (f"{UTILS}._core", f"{UTILS}._api", "ansible", *CLIENT_LIBRARIES, *DEPENDENCIES), may_exit=False
    ),
    "module_utils/_module": Rule((f"{UTILS}._core", f"{UTILS}._api", f"{UTILS}._module"), may_exit=False),
    "module_utils/_runner.py": Rule((UTILS, "ansible", "yaml", *DEPENDENCIES), may_exit=True),
    "module_utils": Rule((UTILS,), may_exit=False),
    "modules": Rule((UTILS, "ansible.module_utils", *DEPENDENCIES), may_exit=True),
    "doc_fragments": Rule((), may_exit=False),
    "action": Rule((f"{UTILS}._core", f"{OWN}.plugin_utils", "ansible"), may_exit=False),
    "filter": Rule((f"{UTILS}._core", f"{OWN}.plugin_utils", "ansible"), may_exit=False),
    "lookup": Rule((f"{UTILS}._core", f"{OWN}.plugin_utils", "ansible"), may_exit=False),
    "plugin_utils/_cluster_action.py": Rule((f"{UTILS}._core", f"{OWN}.plugin_utils", "ansible"), may_exit=False),
    "plugin_utils/_module_action.py": Rule(("ansible",), may_exit=False),
    "plugin_utils/_variables.py": Rule(
        (f"{UTILS}._core", f"{UTILS}._runner.load_yaml", f"{OWN}.plugin_utils", "ansible"), may_exit=False
    ),
    "plugin_utils": Rule((f"{UTILS}._core", f"{OWN}.plugin_utils", "yaml"), may_exit=False),
    "test": Rule((f"{UTILS}._core", "ansible"), may_exit=False),
    "inventory": Rule((UTILS, "ansible", *DEPENDENCIES), may_exit=False),
}
EXITS = frozenset({"fail_json", "fail_json_aws", "exit_json"})


def find_rule(path: str) -> Rule:
    return RULES[max((prefix for prefix in RULES if path == prefix or path.startswith(f"{prefix}/")), key=len)]


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def find_imports(tree: ast.AST, path: str) -> t.Iterator[tuple[int, str]]:
    """Yield line and absolute name of each import, also inside functions and TYPE_CHECKING blocks."""
    package = [*OWN.split("."), *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield node.lineno, ".".join([*base, *(node.module or "").split("."), alias.name]).replace("..", ".")


def swallows_everything(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches every exception and does not raise it again."""
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in caught)


def find_violations(path: str, source: str) -> list[str]:
    """Find the rules that a source breaks.

    :param path: the path of the file under plugins/; it need not exist.
    """
    rule = find_rule(path)
    tree = ast.parse(source)
    violations = []
    for line, name in find_imports(tree, path):
        is_network = any(is_under(name, library) for library in CLIENT_LIBRARIES)
        is_standard = name.split(".")[0] in sys.stdlib_module_names and not is_network
        if not is_standard and not any(is_under(name, allowed) for allowed in rule.imports):
            violations.append(f"{path}:{line}: imports {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in EXITS and not rule.may_exit:
            violations.append(f"{path}:{node.lineno}: calls {node.attr}; raise an error of _core/errors.py")
        if isinstance(node, ast.ExceptHandler) and swallows_everything(node):
            violations.append(f"{path}:{node.lineno}: catches every exception; name the expected ones")
    return violations


def list_sources() -> list[str]:
    return sorted(file.relative_to(PLUGINS).as_posix() for file in PLUGINS.rglob("*.py"))


def test_sources_are_found() -> None:
    assert {"module_utils/_runner.py", "module_utils/_core/errors.py"} <= set(list_sources())


@pytest.mark.parametrize("path", list_sources())
def test_source_follows_the_rules(path: str) -> None:
    assert find_violations(path, (PLUGINS / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param("module_utils/_core/x.py", "import boto3", id="core-boto3"),
        pytest.param("module_utils/_core/x.py", "import socket", id="core-network"),
        pytest.param("module_utils/_core/x.py", "from http import client", id="core-network-from"),
        pytest.param("module_utils/_core/x.py", "from ansible.module_utils import basic", id="core-ansible"),
        pytest.param("module_utils/_core/x.py", f"from {UTILS}._api import iam", id="core-api"),
        pytest.param("module_utils/_core/x.py", f"from {UTILS} import _runner", id="core-runner"),
        pytest.param("module_utils/_core/x.py", "def f():\n    import botocore", id="core-in-function"),
        pytest.param("module_utils/_core/x.py", "from .._api import iam", id="core-api-relative"),
        pytest.param("module_utils/_api/aws/x.py", "from ..._module import role", id="api-module-relative"),
        pytest.param("module_utils/_core/trust/x.py", "from ..... import plugin", id="beyond-the-collection"),
        pytest.param("module_utils/_core/x.py", "module.fail_json(msg='')", id="core-fail-json"),
        pytest.param("module_utils/_api/x.py", "module.exit_json()", id="api-exit-json"),
        pytest.param("module_utils/_api/x.py", f"from {UTILS} import _runner", id="api-runner"),
        pytest.param("module_utils/_api/x.py", "try: f()\nexcept Exception: pass", id="blind-except"),
        pytest.param(
            "module_utils/_api/x.py", "try: f()\nexcept (OSError, BaseException): pass", id="blind-except-tuple"
        ),
        pytest.param("module_utils/_api/x.py", "try: f()\nexcept: pass", id="except-without-type"),
        pytest.param("module_utils/_runner.py", "import botocore.exceptions", id="runner-botocore"),
        pytest.param("modules/x.py", "from kubernetes import client", id="module-kubernetes"),
        pytest.param("modules/x.py", "import boto3", id="module-boto3"),
        pytest.param("filter/x.py", f"from {UTILS}._api import iam", id="filter-api"),
        pytest.param("test/x.py", f"from {UTILS}._api import iam", id="test-api"),
    ],
)
def test_violation_is_reported(path: str, source: str) -> None:
    assert len(find_violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("module_utils/_core/x.py", f"import json, urllib.parse\nfrom {UTILS}._core import arn"),
        (
            "module_utils/_core/trust/x.py",
            "from . import policy\nfrom .. import arn\nfrom ..policy.document import size",
        ),
        ("module_utils/_api/x.py", f"import boto3\nfrom kubernetes import client\nfrom {UTILS}._core import plan"),
        ("module_utils/_runner.py", f"from {UTILS}._api import iam\nmodule.fail_json(msg='')"),
        ("modules/x.py", f"from {UTILS}._runner import run"),
        ("module_utils/_api/x.py", "try: f()\nexcept (ValueError, KeyError): pass"),
        ("module_utils/_api/x.py", "try: f()\nexcept Exception:\n    g()\n    raise"),
    ],
)
def test_allowed_import_is_not_reported(path: str, source: str) -> None:
    assert find_violations(path, source) == []
