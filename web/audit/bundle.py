# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundle web/audit into the one Python file that irsa_audit ships; with --check, fail if that file is stale.

    python web/audit/bundle.py [--check]

The result is the same on every machine and needs no Node: the ES modules are concatenated in import order, without
comments and indentation. Sources that this cannot handle are rejected.
"""

from __future__ import annotations

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEB = ROOT / "web" / "audit"
TARGET = ROOT / "plugins/module_utils/_core/audit/reports/html/assets.py"

_HEADER = '''\
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Generated from web/audit by "make web". Edit it there.

"""Markup, style and script of an audit's page."""
'''
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|class|function|async function) (\w+))", re.MULTILINE)
_DECLARATION = re.compile(r"^(?:const|let|class|function|async function) (\w+)", re.MULTILINE)
_CSS_IMPORT = re.compile(r'^@import "([^"]+)";\n', re.MULTILINE)


class BundleError(Exception):
    """The sources cannot be bundled."""


def bundle_script(main: pathlib.Path) -> str:
    """Bundle the modules that ``main`` imports into one strict script, each after the modules that it imports.

    :raises BundleError: a module has an import or export in another form, imports a name that is not exported, or
        declares a top-level name of another module.
    """
    modules: dict[pathlib.Path, str] = {}
    _add_module(main.resolve(), modules, {})
    owners: dict[str, pathlib.Path] = {}
    for path, source in modules.items():
        for name in _DECLARATION.findall(source):
            if owners.setdefault(name, path) != path:
                raise BundleError(f"{path.name} and {owners[name].name} both declare {name}. Rename one.")
    script = re.sub(r"^\s*//.*\n", "", "".join(modules.values()), flags=re.MULTILINE)
    return f'(() => {{\n"use strict";\n{_squeeze(script)}}})();\n'


def _add_module(path: pathlib.Path, modules: dict[pathlib.Path, str], exports: dict[pathlib.Path, set[str]]) -> None:
    source = path.read_text(encoding="utf-8")
    exports[path] = set(_EXPORT.findall(source))
    for names, address in _IMPORT.findall(source):
        imported = (path.parent / address).resolve()
        if imported not in exports:
            _add_module(imported, modules, exports)
        missing = set(re.findall(r"[^\s,]+", names)) - exports[imported]
        if missing:
            raise BundleError(
                f"{path.name} imports {', '.join(sorted(missing))}, which {imported.name} does not export."
            )
    source = _EXPORT.sub("", _IMPORT.sub("", source))
    if re.search(r"^(?:import|export)\b", source, re.MULTILINE):
        raise BundleError(f'{path.name} has an import or export in a form other than import {{ a }} from "./b.js".')
    if any(line.count("`") % 2 for line in source.splitlines()):
        raise BundleError(f"{path.name} has a multi-line template literal, which would lose its indentation.")
    modules[path] = source


def bundle_style(main: pathlib.Path) -> str:
    """Replace the imports of the stylesheet by their files."""
    source = _CSS_IMPORT.sub(
        lambda match: (main.parent / match[1]).read_text(encoding="utf-8"), main.read_text(encoding="utf-8")
    )
    return _squeeze(re.sub(r"/\*.*?\*/\n?", "", source, flags=re.DOTALL))


def bundle_markup(main: pathlib.Path) -> str:
    """Replace the links to style and script by placeholders for their text.

    :raises BundleError: the page does not have each link once.
    """
    source = main.read_text(encoding="utf-8")
    for link, placeholder in (
        ('<link rel="stylesheet" href="style.css" />', "<style>$style</style>"),
        ('<script type="module" src="src/main.js"></script>', "<script>$script</script>"),
    ):
        if source.count(link) != 1:
            raise BundleError(f"{main.name} must have {link} once.")
        source = source.replace(link, placeholder)
    return _squeeze(source)


def _squeeze(text: str) -> str:
    return "".join(f"{line.strip()}\n" for line in text.splitlines() if line.strip())


def bundle() -> str:
    """Make the content of `TARGET`.

    :raises BundleError: a source cannot be bundled, is not ASCII, or cannot be a raw string of Python.
    """
    assets = {
        "MARKUP": bundle_markup(WEB / "index.html"),
        "STYLE": bundle_style(WEB / "style.css"),
        "SCRIPT": bundle_script(WEB / "src" / "main.js"),
    }
    for name, text in assets.items():
        if not text.isascii() or '"""' in text or "\r" in text:
            raise BundleError(
                f"The sources of {name} must be ASCII, without triple quotation marks and carriage returns."
            )
    return _HEADER + "".join(f'\n{name} = r"""{text}"""\n' for name, text in assets.items())


def main() -> None:
    """Write the file, or with ``--check`` exit 1 if it differs."""
    content = bundle()
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(content, encoding="ascii")
    elif not TARGET.exists() or TARGET.read_text(encoding="ascii") != content:
        sys.exit(f"{TARGET.relative_to(ROOT)} is out of date. Run: make web")


if __name__ == "__main__":
    main()
