# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches files for secrets, also within base64 and zip files: Ansible sends a module as a zip file in base64."""

from __future__ import annotations

import base64
import binascii
import io
import pathlib
import re
import typing as t
import urllib.parse
import zipfile

# What any EKS token, JSON Web Token or signature of AWS looks like.
FORMS = {
    "EKS token": re.compile(rb"k8s-aws-v1\.[\w-]{20,}"),
    "JSON Web Token": re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "signature": re.compile(rb"Signature=[0-9a-f]{64}"),
}
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")
_MAX_DEPTH = 3


def find(directory: pathlib.Path, secrets: t.Mapping[str, str]) -> list[str]:
    """Return a line for each secret in each file below a directory.

    :param secrets: known secrets by name.
    """
    patterns = dict(FORMS)
    for name, secret in secrets.items():
        forms = {secret, urllib.parse.quote(secret, safe="")}
        patterns[name] = re.compile(b"|".join(re.escape(form.encode()) for form in sorted(forms)))
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink()]
    return [
        f"{path.relative_to(directory)}: {name}"
        for path in files
        for name in sorted({name for data in _layers(path.read_bytes()) for name in _match(data, patterns)})
    ]


def _match(data: bytes, patterns: t.Mapping[str, re.Pattern[bytes]]) -> t.Iterator[str]:
    return (name for name, pattern in patterns.items() if pattern.search(data))


def _layers(data: bytes, depth: int = 0) -> t.Iterator[bytes]:
    """Yield the data, and what is within it."""
    yield data
    if depth == _MAX_DEPTH:
        return
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _layers(archive.read(name), depth + 1)
        return
    for match in _BASE64.finditer(data):
        text = match[0].rstrip(b"=")
        try:
            inner = base64.b64decode(text + b"=" * (-len(text) % 4))
        except binascii.Error:
            continue
        yield from _layers(inner, depth + 1)
