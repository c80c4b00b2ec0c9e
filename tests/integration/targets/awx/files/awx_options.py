# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the options of the awx.awx modules to awx_options.json, for the integration target awx.

This collection does not depend on awx.awx, and its wheel is large. So the repository keeps the names, types and choices
from the modules' documentation in a file. To write the file again, install PyYAML and run:

    python tests/integration/targets/awx/files/awx_options.py DIRECTORY

The script downloads the wheel to DIRECTORY. The file has no defaults and no connection options, which all modules
share.
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

# The release of the ansible package, and the release of awx.awx in it.
ANSIBLE = "12.3.0"
VERSION = "24.6.1"
ROOT = pathlib.Path(__file__).resolve().parents[5]
EXAMPLE = ROOT / "examples" / "awx" / "controller.yml"
TARGET = pathlib.Path(__file__).with_suffix(".json")
PREFIX = "ansible_collections/awx/awx/"
ARGUMENT_KEYS = ("type", "elements", "required", "choices", "aliases")

Json = dict[str, t.Any]


def read_documented_options(source: str) -> Json:
    """Read the options from the DOCUMENTATION in a module's source."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))["options"]
    raise SystemExit("a module has no DOCUMENTATION")


def to_argument_spec(options: Json) -> Json:
    """Convert documented options to an argument spec without defaults."""
    spec: Json = {}
    for name, option in sorted(options.items()):
        spec[name] = {key: option[key] for key in ARGUMENT_KEYS if key in option}
        spec[name]["type"] = option.get("type", "str")
        if "suboptions" in option:
            spec[name]["options"] = to_argument_spec(option["suboptions"])
    return spec


def download(directory: pathlib.Path) -> pathlib.Path:
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "-d", str(directory)]
    subprocess.run([*pip, f"ansible=={ANSIBLE}"], check=True)
    (wheel,) = directory.glob(f"ansible-{ANSIBLE}-*.whl")
    return wheel


def main(directory: str) -> None:
    module_names = sorted(set(re.findall(r"(?m)^ +awx\.awx\.(\w+):", EXAMPLE.read_text(encoding="utf-8"))))
    with zipfile.ZipFile(download(pathlib.Path(directory))) as archive:
        version = json.loads(archive.read(f"{PREFIX}MANIFEST.json"))["collection_info"]["version"]
        if version != VERSION:
            raise SystemExit(f"ansible {ANSIBLE} has awx.awx {version}, not {VERSION}")
        sources = {name: archive.read(f"{PREFIX}plugins/modules/{name}.py").decode() for name in module_names}
    modules = {name: to_argument_spec(read_documented_options(source)) for name, source in sources.items()}
    recorded = {"awx.awx": VERSION, "modules": modules}
    TARGET.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
