"""Pack a collection so that the same content always gives the same bytes, and print the tarball's path.

Usage: python pack.py checkout CHECKOUT DIRECTORY
       python pack.py installed COLLECTION_DIRECTORY DIRECTORY [VERSION]

``checkout`` builds the collection out of the files that git knows or would add, so that no stray file gets in.
``installed`` packs one that has a MANIFEST.json already, as it is or as another version.

ansible-galaxy reads galaxy.yml and chooses the files. It keeps them in the order of the file system, with the times of
the checkout and of the build, and lists directories that have nothing in them. Here names are sorted, empty directories
left out, and everything has one time: $SOURCE_DATE_EPOCH, else the day of the newest release in the changelog. That day
is known before a release is committed, and without git. The same zlib and ansible-core are needed all the same.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t

import yaml

# A file's content and whether it may be run, by its path inside the collection.
Files = dict[str, tuple[bytes, bool]]


def _parents(names: t.Iterable[str]) -> set[str]:
    """Every directory that leads to one of these files."""
    return {str(parent) for name in names for parent in pathlib.PurePosixPath(name).parents} - {"."}


def _entry(name: str, content: bytes | None) -> dict[str, t.Any]:
    """What FILES.json says of one file, or of a directory."""
    checksum = None if content is None else hashlib.sha256(content).hexdigest()
    return {
        "name": name,
        "ftype": "dir" if content is None else "file",
        "chksum_type": None if content is None else "sha256",
        "chksum_sha256": checksum,
        "format": 1,
    }


def _manifests(files: Files, info: dict[str, t.Any]) -> Files:
    """MANIFEST.json and FILES.json for these files."""
    listed: dict[str, bytes | None] = {".": None}
    listed.update(dict.fromkeys(_parents(files)))
    listed.update({name: content for name, (content, _runnable) in files.items()})
    entries = [_entry(name, listed[name]) for name in sorted(listed)]
    listing = json.dumps({"files": entries, "format": 1}, indent=1).encode()
    reference = _entry("FILES.json", listing)
    manifest = json.dumps({"collection_info": info, "file_manifest_file": reference, "format": 1}, indent=1).encode()
    return {"MANIFEST.json": (manifest, False), "FILES.json": (listing, False)}


def _tar(members: dict[str, tuple[bytes, bool] | None], epoch: int) -> bytes:
    """A tar archive of these members in their order; None is a directory."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, member in members.items():
            header = tarfile.TarInfo(name)
            header.mtime = epoch
            header.mode = 0o755 if member is None or member[1] else 0o644
            if member is None:
                header.type = tarfile.DIRTYPE
                archive.addfile(header)
            else:
                header.size = len(member[0])
                archive.addfile(header, io.BytesIO(member[0]))
    return output.getvalue()


def write_tarball(files: Files, info: dict[str, t.Any], epoch: int, directory: pathlib.Path) -> pathlib.Path:
    """Write NAMESPACE-NAME-VERSION.tar.gz of the files and of ``info``, MANIFEST.json's collection_info."""
    members: dict[str, tuple[bytes, bool] | None] = {**_manifests(files, info)}
    content: dict[str, tuple[bytes, bool] | None] = {**files, **dict.fromkeys(_parents(files))}
    members.update((name, content[name]) for name in sorted(content))
    path = directory / f"{info['namespace']}-{info['name']}-{info['version']}.tar.gz"
    directory.mkdir(parents=True, exist_ok=True)
    # gzip.compress leaves a byte of the header to the version of Python.
    with path.open("wb") as output, gzip.GzipFile("", "wb", 9, output, mtime=0) as compressed:
        compressed.write(_tar(members, epoch))
    return path


def _epoch(changelog: bytes | None) -> int:
    """The time of everything in the tarball, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given or not changelog:
        return int(given or 0)
    releases = yaml.safe_load(changelog)["releases"].values()
    newest = max(datetime.date.fromisoformat(str(release["release_date"])) for release in releases)
    return int(datetime.datetime(newest.year, newest.month, newest.day, tzinfo=datetime.timezone.utc).timestamp())


def _copy_known(checkout: pathlib.Path, copy: pathlib.Path) -> None:
    """Copy what git knows of or would add."""
    command = ["git", "-C", str(checkout), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0"):
        # git still lists a file that was deleted and not committed.
        if name and (checkout / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / name, copy / name)


def _read(tarball: pathlib.Path) -> Files:
    """The files of a tarball."""
    files: Files = {}
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            if member.isfile():
                content = t.cast(t.IO[bytes], archive.extractfile(member)).read()
                files[member.name] = (content, bool(member.mode & 0o100))
            elif not member.isdir():
                sys.exit(f"error: {member.name} is neither a file nor a directory; not every system can unpack it")
    return files


def _collection_info(files: Files) -> dict[str, t.Any]:
    """MANIFEST.json's collection_info. Both manifests are taken out of the files, to be written anew."""
    del files["FILES.json"]
    return t.cast(dict[str, t.Any], json.loads(files.pop("MANIFEST.json")[0])["collection_info"])


def pack_checkout(checkout: pathlib.Path, directory: pathlib.Path) -> pathlib.Path:
    """Build the collection of a checkout."""
    with tempfile.TemporaryDirectory() as scratch:
        copy, built = pathlib.Path(scratch, "copy"), pathlib.Path(scratch, "built")
        _copy_known(checkout, copy)
        # What it says of its own tarball is of no use to the reader.
        command = ["ansible-galaxy", "collection", "build", "--output-path", str(built), str(copy)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (draft,) = built.iterdir()
        files = _read(draft)
    info = _collection_info(files)
    changelog = files.get("changelogs/changelog.yaml")
    return write_tarball(files, info, _epoch(changelog and changelog[0]), directory)


def pack_installed(collection: pathlib.Path, directory: pathlib.Path, version: str | None = None) -> pathlib.Path:
    """Pack an installed collection, as this version if one is named."""
    files: Files = {}
    for path in collection.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            files[path.relative_to(collection).as_posix()] = (path.read_bytes(), os.access(path, os.X_OK))
    info = _collection_info(files)
    return write_tarball(files, {**info, "version": version or info["version"]}, _epoch(None), directory)


def main(kind: str, source: str, directory: str, *version: str) -> None:
    if kind == "checkout":
        print(pack_checkout(pathlib.Path(source), pathlib.Path(directory)))
    else:
        print(pack_installed(pathlib.Path(source), pathlib.Path(directory), *version))


if __name__ == "__main__":
    main(*sys.argv[1:])
