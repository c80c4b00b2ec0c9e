"""Install collections into this interpreter's site-packages, where ansible-core finds them.

They are extracted from the wheel of the ``ansible`` community package. Why not ansible-galaxy: it needs a Galaxy
server, which many networks block. Why not the whole ``ansible`` package: its hundred collections make documentation
tools several times slower.

Usage: python get_deps.py REQUIREMENTS NAMESPACE.NAME...
       python get_deps.py CORNER

REQUIREMENTS has the release of ``ansible`` with its hashes. CORNER is a file like oldest.txt. Its lines
``#: NAME VERSION ansible==RELEASE HASH`` have a collection, its version, and the release of ``ansible`` that contains
it, with the hash of its wheel.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import zipfile


def _download(directory: str, requirements: str) -> pathlib.Path:
    # pip accepts hashes only in a file.
    file = pathlib.Path(directory, "requirements.txt")
    file.write_text(requirements)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-d", directory, "-r", str(file)], check=True)
    (wheel,) = pathlib.Path(directory).glob("ansible-*.whl")
    return wheel


def _extract(wheel: pathlib.Path, collections: dict[str, str | None]) -> None:
    """Extract collections from a wheel.

    :param collections: the expected version of each, None for any.
    """
    site = pathlib.Path(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as archive:
        for collection, version in collections.items():
            prefix = f"ansible_collections/{collection.replace('.', '/')}/"
            members = [name for name in archive.namelist() if name.startswith(prefix)]
            if not members:
                sys.exit(f"{wheel.name} does not contain collection {collection}")
            found = json.loads(archive.read(f"{prefix}MANIFEST.json"))["collection_info"]["version"]
            if version and found != version:
                sys.exit(f"{wheel.name} has {collection} {found}, not {version}")
            archive.extractall(site, members)


def main(source: str, *names: str) -> None:
    text = pathlib.Path(source).read_text()
    # The collections and their versions, by the requirements of the wheel that contains them.
    wheels: dict[str, dict[str, str | None]] = {}
    if names:
        wheels[text] = dict.fromkeys(names)
    else:
        for line in text.splitlines():
            match line.split():
                # Without a hash pip fails, and prints the hash.
                case ["#:", collection, version, requirement, *hashes]:
                    options = [f"--hash={value}" for value in hashes]
                    wheels.setdefault(" ".join([requirement, *options]), {})[collection] = version
    for requirements, collections in wheels.items():
        with tempfile.TemporaryDirectory() as directory:
            _extract(_download(directory, requirements), collections)


if __name__ == "__main__":
    main(*sys.argv[1:])
