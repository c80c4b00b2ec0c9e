"""Install collections into this interpreter's site-packages, where ansible-core finds them.

They are extracted from the wheel of the ``ansible`` community package. Why not ansible-galaxy: it needs a Galaxy
server, which many networks block. Why not the whole ``ansible`` package: its hundred collections make documentation
tools several times slower.

Usage: python get_deps.py REQUIREMENTS NAMESPACE.NAME...
       python get_deps.py CORNER

CORNER is a file like oldest.txt. Its lines ``#: NAME VERSION ansible==RELEASE`` have a collection, its version and the
release of ``ansible`` that contains it.
"""

from __future__ import annotations

import collections.abc as c
import json
import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import zipfile


def _download(directory: str, requirement: c.Iterable[str]) -> pathlib.Path:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
    subprocess.run([*pip, "-d", directory, *requirement], check=True)
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
    wheels: dict[tuple[str, ...], dict[str, str | None]] = {}
    if names:
        wheels["-r", source] = dict.fromkeys(names)
    else:
        for line in pathlib.Path(source).read_text().splitlines():
            match line.split():
                case ["#:", collection, version, requirement]:
                    wheels.setdefault((requirement,), {})[collection] = version
    for arguments, collections in wheels.items():
        with tempfile.TemporaryDirectory() as directory:
            _extract(_download(directory, arguments), collections)


if __name__ == "__main__":
    main(*sys.argv[1:])
