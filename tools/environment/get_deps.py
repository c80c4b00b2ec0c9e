"""Put collections into this interpreter's site-packages, where ansible-core finds them without a Galaxy server.

Why not ansible-galaxy: it takes collections from a Galaxy server, which many networks can't reach, while whoever
installs the tools reaches a Python index. They come out of the wheel of the ``ansible`` community package. The package
itself is not installed: it has a hundred collections, which make every documentation tool several times slower.

Usage: python get_deps.py REQUIREMENTS NAMESPACE.NAME...
       python get_deps.py CORNER

CORNER is a file like oldest.txt: its lines ``#: NAME VERSION ansible==RELEASE`` name a collection, its version and the
release of ``ansible`` that has it.
"""

from __future__ import annotations

import collections.abc
import json
import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import zipfile


def _download(directory: str, requirement: collections.abc.Iterable[str]) -> pathlib.Path:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
    subprocess.run([*pip, "-d", directory, *requirement], check=True)
    (wheel,) = pathlib.Path(directory).glob("ansible-*.whl")
    return wheel


def _extract(wheel: pathlib.Path, wanted: dict[str, str | None]) -> None:
    """Take collections out of a wheel; each is of the version that is wanted, if one is."""
    site = pathlib.Path(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as archive:
        for collection, version in wanted.items():
            prefix = f"ansible_collections/{collection.replace('.', '/')}/"
            members = [name for name in archive.namelist() if name.startswith(prefix)]
            if not members:
                sys.exit(f"{wheel.name} has no collection {collection}")
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
    for arguments, wanted in wheels.items():
        with tempfile.TemporaryDirectory() as directory:
            _extract(_download(directory, arguments), wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])
