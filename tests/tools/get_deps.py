"""Put collections into this interpreter's site-packages, where ansible-core finds them without a Galaxy server.

They come out of the wheel of the ``ansible`` community package. The package itself is not installed: it has a hundred
collections, which make every documentation tool several times slower.

Usage: python get_deps.py REQUIREMENTS NAMESPACE.NAME...
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import zipfile


def main(requirements: str, *collections: str) -> None:
    site = pathlib.Path(sysconfig.get_path("purelib"))
    with tempfile.TemporaryDirectory() as directory:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
        subprocess.run([*pip, "-d", directory, "-r", requirements], check=True)
        (wheel,) = pathlib.Path(directory).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for collection in collections:
                prefix = f"ansible_collections/{collection.replace('.', '/')}/"
                members = [name for name in archive.namelist() if name.startswith(prefix)]
                if not members:
                    sys.exit(f"{wheel.name} has no collection {collection}")
                archive.extractall(site, members)


if __name__ == "__main__":
    main(*sys.argv[1:])
