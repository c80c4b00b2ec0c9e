# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record which options the modules of awx.awx have, for the integration target awx.

awx.awx is no dependency of this collection, and the wheel that has it is large, so what its documentation says of
names, types and choices is kept in a file. To make the file again, with PyYAML:

    python tests/integration/targets/awx/files/awx_options.py DIRECTORY

The wheel is downloaded into the directory. The options to connect with, which all modules share, are left out, and so
are defaults.
"""

from __future__ import annotations

import ast
import json
import pathlib
import re
import subprocess
import sys
import typing as t
import zipfile

import yaml

# The release of the ansible package, and that of awx.awx in it.
ANSIBLE = "12.3.0"
VERSION = "24.6.1"
ROOT = pathlib.Path(__file__).resolve().parents[5]
EXAMPLE = ROOT / "examples" / "awx" / "controller.yml"
TARGET = pathlib.Path(__file__).with_suffix(".json")
PREFIX = "ansible_collections/awx/awx/"
# Of an option: what an argument spec says of it. Of defaults nothing is kept.
FACTS = ("type", "elements", "required", "choices", "aliases")

Json = dict[str, t.Any]


def documented(source: str) -> Json:
    """The options in the DOCUMENTATION of a module."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))["options"]
    raise SystemExit("a module has no DOCUMENTATION")


def facts(options: Json) -> Json:
    """An argument spec of options, but for their defaults."""
    kept: Json = {}
    for name, option in sorted(options.items()):
        kept[name] = {key: option[key] for key in FACTS if key in option}
        kept[name]["type"] = option.get("type", "str")
        if "suboptions" in option:
            kept[name]["options"] = facts(option["suboptions"])
    return kept


def download(directory: pathlib.Path) -> pathlib.Path:
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "-d", str(directory)]
    subprocess.run([*pip, f"ansible=={ANSIBLE}"], check=True)
    (wheel,) = directory.glob(f"ansible-{ANSIBLE}-*.whl")
    return wheel


def main(directory: str) -> None:
    wanted = sorted(set(re.findall(r"(?m)^ +awx\.awx\.(\w+):", EXAMPLE.read_text(encoding="utf-8"))))
    with zipfile.ZipFile(download(pathlib.Path(directory))) as archive:
        version = json.loads(archive.read(f"{PREFIX}MANIFEST.json"))["collection_info"]["version"]
        if version != VERSION:
            raise SystemExit(f"ansible {ANSIBLE} has awx.awx {version}")
        sources = {name: archive.read(f"{PREFIX}plugins/modules/{name}.py").decode() for name in wanted}
    recorded = {"awx.awx": VERSION, "modules": {name: facts(documented(text)) for name, text in sources.items()}}
    TARGET.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
