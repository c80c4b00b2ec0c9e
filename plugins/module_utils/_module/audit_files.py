# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that an audit leaves."""

from __future__ import annotations

import functools
import os
import tempfile
import typing as t

from .._core.audit.reports import junit, sarif
from .._core.audit.reports import text as audit_text
from .._core.audit.reports.html import render as audit_page
from .._core.errors import InvalidInput

Json = t.Mapping[str, t.Any]


def check(reports: t.Mapping[str, str]) -> None:
    """Before anything is read, that the files can be written.

    :raises InvalidInput: there is no such directory, or it is closed.
    """
    for name, path in reports.items():
        directory = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(directory):
            raise _unwritable(name, path, f"there is no directory {directory}")
        if os.path.isdir(path):
            raise _unwritable(name, path, "it is a directory")
        if not os.access(directory, os.W_OK):
            raise _unwritable(name, path, f"the directory {directory} can't be written")


def write(reports: t.Mapping[str, str], document: Json, *, fail_on: str) -> None:
    """Writes each report, whole or not at all.

    :param reports: paths by format.
    :param fail_on: from which severity on a finding is a failure, for those formats that have failures.
    :raises InvalidInput: a file can't be written.
    """
    renderers: dict[str, t.Callable[[Json], str]] = {
        "html": audit_page.render,
        "json": audit_text.json_text,
        "junit": functools.partial(junit.junit, fail_on=fail_on),
        "markdown": audit_text.markdown,
        "sarif": sarif.sarif,
    }
    for name, path in reports.items():
        text = renderers[name](document)
        try:
            _replace(path, text)
        except OSError as error:
            raise _unwritable(name, path, error.strerror or str(error)) from error


def _replace(path: str, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".irsa-audit-")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def _unwritable(name: str, path: str, cause: str) -> InvalidInput:
    return InvalidInput(
        f"the report {name} can't be written to {path}",
        cause=cause,
        fix=f"create the directory, or give another path in reports.{name}",
    )
