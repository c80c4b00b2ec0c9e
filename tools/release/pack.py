"""Pack a collection so that the same files always give the same bytes, and print the tarball's path.

Usage: python pack.py DIRECTORY OUTPUT

Why not ``ansible-galaxy collection build`` alone: it keeps the order of the file system, the times of the checkout and
of the build, and directories that are empty. So its tarball is written again: names sorted, empty directories left out,
one time for everything: $SOURCE_DATE_EPOCH, else the day of the newest release in the changelog. That day is known
before a release is committed, and without git. The same zlib and ansible-core are needed all the same.
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
    """The contents of the files, and the names of those that may be run."""
    files: dict[str, bytes] = {}
    runnable = set()
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            if stream and member.isfile():
                files[member.name] = stream.read()
                runnable |= {member.name} if member.mode & 0o100 else set()
            elif not member.isdir():
                sys.exit(f"error: {member.name} is neither a file nor a directory; not every system can unpack it")
    return files, runnable


def _epoch(changelog: bytes | None) -> int:
    """The time of everything in the tarball, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given or not changelog:
        return int(given or 0)
    releases = yaml.safe_load(changelog)["releases"].values()
    newest = max(datetime.date.fromisoformat(str(release["release_date"])) for release in releases)
    return int(datetime.datetime(newest.year, newest.month, newest.day, tzinfo=datetime.timezone.utc).timestamp())


def _sort_manifests(files: dict[str, bytes], names: set[str]) -> None:
    """List exactly these files and directories, by their names."""
    listing = json.loads(files["FILES.json"])
    listing["files"] = sorted(
        (entry for entry in listing["files"] if entry["name"] in {".", *names}), key=lambda entry: str(entry["name"])
    )
    files["FILES.json"] = json.dumps(listing, indent=1).encode()
    manifest = json.loads(files["MANIFEST.json"])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(files["FILES.json"]).hexdigest()
    files["MANIFEST.json"] = json.dumps(manifest, indent=1).encode()


def pack(directory: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Build the collection of a directory that has nothing but what belongs to it.

    :returns: the path of the tarball, which is in ``output``.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # What it says of its own tarball is of no use to the reader.
        command = ["ansible-galaxy", "collection", "build", "--output-path", scratch, str(directory)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (draft,) = pathlib.Path(scratch).iterdir()
        files, runnable = _read(draft)
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
            header.mode = 0o644 if name in files and name not in runnable else 0o755
            header.size = len(files.get(name, b""))
            archive.addfile(header, io.BytesIO(files.get(name, b"")))
    output.mkdir(parents=True, exist_ok=True)
    # gzip.compress leaves a byte of the header to the version of Python.
    with (output / draft.name).open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
        compressed.write(members.getvalue())
    return output / draft.name


if __name__ == "__main__":
    print(pack(*map(pathlib.Path, sys.argv[1:])))
