# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the reports of an audit to files."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
import typing as t

from .._core.audit.reports import junit, markdown, sarif
from .._core.audit.reports.html import render as html_page
from .._core.errors import InvalidInput

if t.TYPE_CHECKING:
    from .._core.audit.document import AuditDocument


def check_paths(reports: t.Mapping[str, str]) -> None:
    """Checks that the reports can be written, so that the module can fail before it reads anything.

    :param reports: the path of each report, by its format.
    :raises InvalidInput: a directory does not exist or is not writable, or a path is a directory.
    """
    for name, path in reports.items():
        directory = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(directory):
            raise _unwritable(name, path, f"the directory {directory} does not exist")
        if os.path.isdir(path):
            raise _unwritable(name, path, "it is a directory")
        if not os.access(directory, os.W_OK):
            raise _unwritable(name, path, f"the directory {directory} is not writable")


def write_reports(
    reports: t.Mapping[str, str],
    document: AuditDocument,
    *,
    fail_on: str,
    set_mode: t.Callable[[str], t.Any] = lambda path: None,
) -> None:
    """Writes each report as a whole: after an error, its file is unchanged.

    :param reports: the path of each report, by its format.
    :param fail_on: the lowest severity of a failure in JUnit.
    :param set_mode: sets the permissions of a file; without it, only its owner can read a report.
    :raises InvalidInput: a file cannot be written.
    """
    renderers: dict[str, t.Callable[[AuditDocument], str]] = {
        "html": html_page.render,
        "json": _render_json,
        "junit": functools.partial(junit.render, fail_on=fail_on),
        "markdown": markdown.render,
        "sarif": sarif.render,
    }
    for name, path in reports.items():
        text = renderers[name](document)
        try:
            _replace_file(path, text, set_mode)
        except OSError as error:
            raise _unwritable(name, path, error.strerror or str(error)) from error


def _render_json(document: AuditDocument) -> str:
    """The document as JSON in ASCII, so that any tool can read it."""
    return json.dumps(document, indent=2) + "\n"


def _replace_file(path: str, text: str, set_mode: t.Callable[[str], t.Any]) -> None:
    """Replaces the file or symbolic link. Others cannot read the new file before its permissions are set."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".irsa-audit-")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        set_mode(temporary)  # exits the module if the mode is not valid
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _unwritable(name: str, path: str, cause: str) -> InvalidInput:
    return InvalidInput(
        f"could not write report {name} to {path}",
        cause=cause,
        fix=f"create the directory, or set another path in reports.{name}",
    )
