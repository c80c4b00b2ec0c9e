"""Write the software bill of materials (SBOM) of an execution environment: its Python packages and collections.

Usage: python sbom.py PACKAGES COLLECTION...

PACKAGES is the output of cyclonedx-py, which does not know collections. COLLECTION is the directory of a collection.
The first one is the one that the execution environment is for.
"""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def read_collection(directory: pathlib.Path) -> dict[str, t.Any]:
    """Return the metadata of an installed collection, or of a checkout."""
    manifest = directory / "MANIFEST.json"
    if manifest.exists():
        info: dict[str, t.Any] = json.loads(manifest.read_text())["collection_info"]
        return info
    return t.cast("dict[str, t.Any]", yaml.safe_load((directory / "galaxy.yml").read_text()))


def remove_pip(sbom: dict[str, t.Any]) -> None:
    """Remove pip, because its version is that of the virtual environment, not that of the image."""
    sbom["components"] = [component for component in sbom["components"] if component["name"] != "pip"]
    sbom["dependencies"] = [entry for entry in sbom["dependencies"] if not entry["ref"].startswith("pip==")]


def add_collections(sbom: dict[str, t.Any], collections: list[dict[str, t.Any]]) -> None:
    """Add collections and what they depend on to an SBOM."""
    for info in collections:
        name = f"{info['namespace']}.{info['name']}"
        sbom["components"].append(
            {
                "type": "library",
                "bom-ref": name,
                "group": info["namespace"],
                "name": info["name"],
                "version": info["version"],
                "purl": f"pkg:generic/{name}@{info['version']}",
                "licenses": [{"license": {"id": license_id}} for license_id in info["license"]],
                "externalReferences": [{"type": "vcs", "url": info["repository"]}],
            }
        )
        sbom["dependencies"].append({"ref": name, "dependsOn": sorted(info["dependencies"])})


def main(packages: str, *directories: str) -> None:
    sbom = json.loads(pathlib.Path(packages).read_text())
    collections = [read_collection(pathlib.Path(directory)) for directory in directories]
    remove_pip(sbom)
    add_collections(sbom, collections)
    version = collections[0]["version"]
    sbom["metadata"]["component"] = {"type": "container", "bom-ref": "image", "name": "irsa-ee", "version": version}
    text = json.dumps(sbom, indent=2, sort_keys=True)
    if error := JsonStrictValidator(SchemaVersion.from_version(sbom["specVersion"])).validate_str(text):
        sys.exit(f"the SBOM is not valid: {error}")
    print(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
