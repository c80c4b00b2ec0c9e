"""Check that ansible-doc documents everything an installed collection ships.

Usage: python check_documented.py COLLECTION_DIRECTORY (.../ansible_collections/NAMESPACE/NAME)

Each module and plugin must have a description, examples and, unless it is an inventory, returned values; each role and
each of its options a description. ansible-doc exits with 0 for a plugin that it can't read, so what it prints is
looked at.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t

# Folder under plugins/ and ansible-doc's name for what is in it.
PLUGIN_TYPES = {"modules": "module", "filter": "filter", "inventory": "inventory", "lookup": "lookup", "test": "test"}


def ansible_doc(kind: str, names: list[str]) -> dict[str, t.Any]:
    command = ["ansible-doc", "-t", kind, "--json", *names]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def missing_in_plugin(kind: str, documentation: dict[str, t.Any] | None) -> list[str]:
    if not documentation:
        return ["documentation"]
    parts = ["doc", "examples"] if kind == "inventory" else ["doc", "examples", "return"]
    return [part for part in parts if not documentation.get(part)]


def missing_in_options(options: dict[str, t.Any], path: str = "") -> list[str]:
    missing = []
    for name, option in options.items():
        if not option.get("description"):
            missing.append(f"description of {path}{name}")
        missing += missing_in_options(option.get("options") or {}, f"{path}{name}.")
    return missing


def missing_in_role(documentation: dict[str, t.Any] | None) -> list[str]:
    points = (documentation or {}).get("entry_points") or {}
    if not points:
        return ["argument specification"]
    missing = [f"short description of {name}" for name, point in points.items() if not point.get("short_description")]
    for point in points.values():
        missing += missing_in_options(point.get("options") or {})
    return missing


def main(directory: str) -> int:
    collection = pathlib.Path(directory)
    prefix = f"{collection.parent.name}.{collection.name}"
    failures = 0
    for folder, kind in PLUGIN_TYPES.items():
        names = [f"{prefix}.{path.stem}" for path in sorted((collection / "plugins" / folder).glob("[!_]*.py"))]
        found = ansible_doc(kind, names) if names else {}
        for name in names:
            missing = missing_in_plugin(kind, found.get(name))
            print(f"{kind} {name}: {'no ' + ', '.join(missing) if missing else 'documented'}")
            failures += bool(missing)
    for path in sorted((collection / "roles").glob("*/")):
        name = f"{prefix}.{path.name}"
        missing = missing_in_role(ansible_doc("role", [name]).get(name))
        print(f"role {name}: {'no ' + ', '.join(missing) if missing else 'documented'}")
        failures += bool(missing)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
