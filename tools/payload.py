"""Measure what each module sends to its host: the collection's own files that Ansible packs for a task.

    python tools/payload.py [--check] [--files] [MODULE ...]

Ansible's own packer builds the payload. The columns are the number of non-empty files of this collection, their size in
KiB, the compressed size with the files of other collections, and the time to build it. ``--check`` fails if a module
exceeds its limit. ``--files`` lists the files. Why not a linter: none checks what the imports of a module ship.
"""

from __future__ import annotations

import argparse
import base64
import io
import pathlib
import re
import shutil
import sys
import time
import typing as t
import zipfile

from ansible import constants as C
from ansible.executor import module_common
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import loader
from ansible.template import Templar

ROOT = pathlib.Path(__file__).resolve().parents[1]
OWN = "ansible_collections/eksops/irsa/"
# Maximum number of non-empty files and their size in KiB. Every task sends them.
LIMITS: dict[str, tuple[int, int]] = {
    "irsa_audit": (63, 808),
    "irsa_bindings": (64, 765),
    "irsa_bindings_info": (40, 447),
    "irsa_rbac": (19, 183),
    "irsa_role": (26, 290),
    "irsa_verify": (49, 575),
    "pod_rollout": (29, 332),
}
_ZIP = re.compile(rb"(?:ZIPDATA|zip_data)\s*=\s*['\"]{1,3}([A-Za-z0-9+/=\s]+)['\"]")


class Payload(t.NamedTuple):
    """The payload of a module.

    :param files: sizes in bytes of this collection's non-empty files.
    :param sent: compressed size in bytes.
    :param seconds: the time to build it.
    """

    files: dict[str, int]
    sent: int
    seconds: float


def build(name: str) -> Payload:
    """Build a module's payload."""
    path = ROOT / "plugins" / "modules" / f"{name}.py"
    clear_cache()
    start = time.perf_counter()
    data = pack(f"eksops.irsa.{name}", path)
    seconds = time.perf_counter() - start
    archive = zipfile.ZipFile(io.BytesIO(find_archive(data)))
    files = {
        entry.filename.removeprefix(OWN): entry.file_size
        for entry in archive.infolist()
        if entry.filename.startswith(OWN) and entry.file_size
    }
    # In the archive the module has another name.
    files.setdefault(f"plugins/modules/{name}.py", path.stat().st_size)
    return Payload(files, len(data), seconds)


def clear_cache() -> None:
    """Remove Ansible's cache of payloads."""
    shutil.rmtree(pathlib.Path(C.DEFAULT_LOCAL_TMP, "ansiballz_cache"), ignore_errors=True)


def pack(name: str, path: pathlib.Path) -> bytes:
    """Build what Ansible sends for a task: a program that contains an archive of the module.

    :param name: the full name of the module.
    """
    built = module_common.modify_module(
        module_name=name,
        module_path=str(path),
        module_args={},
        templar=Templar(loader=DataLoader(), variables={}),
        task_vars={"ansible_python_interpreter": sys.executable},
        module_compression="ZIP_DEFLATED",
        remote_is_local=False,
    )
    return built[0] if isinstance(built, tuple) else built.b_module_data


def find_archive(data: bytes) -> bytes:
    """Find the archive in what :func:`pack` has built."""
    match = _ZIP.search(data)
    if match is None:
        raise SystemExit("error: the payload has no archive: this ansible-core packs modules differently")
    return base64.b64decode(match.group(1))


def main() -> None:
    """Print the table. With ``--check``, exit 1 if a module exceeds its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--files", action="store_true")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    arguments = parser.parse_args()
    loader.init_plugin_loader([])
    names = arguments.modules or sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[a-z]*.py"))
    print(f"{'module':20} {'files':>5} {'KiB':>5} {'sent KiB':>8} {'seconds':>7}")
    problems = []
    for name in names:
        payload = build(name)
        count, size = len(payload.files), sum(payload.files.values()) / 1024
        print(f"{name:20} {count:5} {size:5.0f} {payload.sent / 1024:8.0f} {payload.seconds:7.2f}")
        if arguments.files:
            for file, file_size in sorted(payload.files.items()):
                print(f"    {file_size:7} {file}")
        max_files, max_size = LIMITS.get(name, (count, size))
        if count > max_files or size > max_size:
            problems.append(
                f"{name} sends {count} files and {size:.1f} KiB; the limit is {max_files} files and {max_size} KiB"
            )
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems) and arguments.check)


if __name__ == "__main__":
    main()
