"""Build the tarball of a collection reproducibly and print its path.

Usage: python pack.py DIRECTORY OUTPUT

Why not ``ansible-galaxy collection build`` alone: its tarball depends on the order of the file system, on the times of
checkout and build, and on empty directories. This program repacks it with sorted names, without empty directories and
with one time: $SOURCE_DATE_EPOCH, or the date of the newest release in the changelog, which needs no git. The same
files then give the same bytes with the same versions of zlib and ansible-core.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import yaml

MANIFESTS = ("MANIFEST.json", "FILES.json")


def _read(tarball: pathlib.Path) -> tuple[dict[str, bytes], set[str]]:
    """Read a tarball.

    :returns: the contents of its files by name, and the names of executable files.
    """
    files: dict[str, bytes] = {}
    executable = set()
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            if stream and member.isfile():
                files[member.name] = stream.read()
                executable |= {member.name} if member.mode & 0o100 else set()
            elif not member.isdir():
                sys.exit(f"error: {member.name} is neither a file nor a directory. Not every system can unpack it.")
    return files, executable


def _epoch(changelog: bytes | None) -> int:
    """Return the time of all files in the tarball, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given or not changelog:
        return int(given or 0)
    releases = yaml.safe_load(changelog)["releases"].values()
    newest = max(datetime.date.fromisoformat(str(release["release_date"])) for release in releases)
    return int(datetime.datetime(newest.year, newest.month, newest.day, tzinfo=datetime.timezone.utc).timestamp())


def _sort_manifests(files: dict[str, bytes], names: set[str]) -> None:
    """Sort the manifests and keep only these files and directories."""
    listing = json.loads(files["FILES.json"])
    listing["files"] = sorted(
        (entry for entry in listing["files"] if entry["name"] in {".", *names}), key=lambda entry: str(entry["name"])
    )
    files["FILES.json"] = json.dumps(listing, indent=1).encode()
    manifest = json.loads(files["MANIFEST.json"])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(files["FILES.json"]).hexdigest()
    files["MANIFEST.json"] = json.dumps(manifest, indent=1).encode()


def pack(directory: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Build the tarball of a collection.

    :param directory: a directory with only the collection's files.

    :returns: the path of the tarball, which is in ``output``.
    """
    with tempfile.TemporaryDirectory() as scratch:
        command = ["ansible-galaxy", "collection", "build", "--output-path", scratch, str(directory)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (draft,) = pathlib.Path(scratch).iterdir()
        files, executable = _read(draft)
    names = files.keys() - MANIFESTS
    names |= {str(parent) for name in names for parent in pathlib.PurePosixPath(name).parents} - {"."}
    _sort_manifests(files, names)
    epoch = _epoch(files.get("changelogs/changelog.yaml"))
    members = io.BytesIO()
    with tarfile.open(fileobj=members, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in (*MANIFESTS, *sorted(names)):
            header = tarfile.TarInfo(name)
            header.mtime = epoch
            header.type = tarfile.REGTYPE if name in files else tarfile.DIRTYPE
            header.mode = 0o644 if name in files and name not in executable else 0o755
            header.size = len(files.get(name, b""))
            archive.addfile(header, io.BytesIO(files.get(name, b"")))
    output.mkdir(parents=True, exist_ok=True)
    # A byte of the header of gzip.compress depends on the version of Python.
    with (output / draft.name).open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
        compressed.write(members.getvalue())
    return output / draft.name


if __name__ == "__main__":
    print(pack(*map(pathlib.Path, sys.argv[1:])))
