# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patch an old kube-apiserver that was built with a newer Go, which crashes on a mutating webhook.

Kubernetes up to 1.23 contains github.com/modern-go/reflect2 before 1.0.2. It reads maps through a function of the Go
runtime whose arguments changed in Go 1.18. An API server that was built with Go 1.18 or later, such as Kubernetes 1.20
of Debian 12, crashes with a segmentation fault when it writes a webhook's patch to its audit annotations. They cannot
be turned off. The patched copy differs in one instruction: the function that writes these annotations returns
immediately.

Needed by: make test-envtest with Kubernetes up to 1.23.
"""

from __future__ import annotations

import mmap
import pathlib
import struct
import typing as t

FUNCTION = b"k8s.io/apiserver/pkg/admission/plugin/webhook/mutating.(*webhookAnnotator).addPatchAnnotation"
OLD, FIXED = b"modern-go/reflect2/unsafe_map.go", b"modern-go/reflect2/go_above_118.go"
# The return instruction by ELF machine number.
RETURN = {62: b"\xc3", 183: b"\xc0\x03\x5f\xd6"}
# The magic numbers of the function tables of Go 1.18 and 1.20: https://go.dev/src/debug/gosym/pclntab.go
TABLES = (0xFFFFFFF0, 0xFFFFFFF1)


class _Section(t.NamedTuple):
    address: int
    offset: int
    size: int


def is_affected(program: pathlib.Path) -> bool:
    """Whether this kube-apiserver crashes on a mutating webhook. False for other programs."""
    with program.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:6] != b"\x7fELF\x02\x01" or data.find(OLD) < 0 or data.find(FIXED) >= 0:
            return False
        return _find_code(data) is not None


def patched_copy(program: pathlib.Path, directory: pathlib.Path) -> pathlib.Path:
    """Write a patched copy to a directory and return its path.

    :raises ValueError: if the program is not affected, or is for an unknown machine.
    """
    data = bytearray(program.read_bytes())
    offset = _find_code(data)
    machine = struct.unpack_from("<H", data, 18)[0]
    if offset is None or machine not in RETURN:
        raise ValueError(f"{program} cannot be patched: no function table of Go 1.18 or later for machine {machine}")
    data[offset : offset + len(RETURN[machine])] = RETURN[machine]
    copy = directory / program.name
    copy.write_bytes(data)
    copy.chmod(0o700)
    return copy


def _find_code(data: mmap.mmap | bytearray) -> int | None:
    """Return the offset of the function's code in the file."""
    sections = _sections(data)
    table, text = sections.get(b".gopclntab"), sections.get(b".text")
    if table is None or text is None:
        return None
    start = table.offset
    magic, _padding, _quantum, pointer_size = struct.unpack_from("<IHBB", data, start)
    if magic not in TABLES or pointer_size != 8:
        return None
    # The skipped fields: number of files, and offsets of the tables of compilation units, files and program counters.
    count, text_start, names, functions = struct.unpack_from("<Q8x2Q24xQ", data, start + 8)
    # The name in the table may have a prefix: the path of the vendor directory.
    name = data.find(FUNCTION + b"\0", start + names, start + table.size)
    if name < 0:
        return None
    name = data.rfind(b"\0", start + names, name) + 1 - (start + names)
    entries = bytes(data[start + functions : start + functions + count * 8])
    for entry, function in struct.iter_unpack("<II", entries):
        if struct.unpack_from("<i", data, start + functions + function + 4)[0] == name:
            return int(text.offset + text_start + entry - text.address)
    return None


def _sections(data: mmap.mmap | bytearray) -> dict[bytes, _Section]:
    table = struct.unpack_from("<Q", data, 40)[0]
    size, count, names_index = struct.unpack_from("<3H", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + index * size) for index in range(count)]
    names = headers[names_index][4]
    sections = {}
    for name, _type, _flags, address, offset, length in headers:
        start = names + name
        sections[bytes(data[start : data.find(b"\0", start)])] = _Section(address, offset, length)
    return sections
