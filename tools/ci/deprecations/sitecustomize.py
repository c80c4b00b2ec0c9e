"""Append the deprecation warnings of a Python process to the file $DEPRECATIONS, one per line.

Python imports this module if its directory is on PYTHONPATH, even in programs and modules that Ansible starts. pytest
and ansible-test see only the warnings of their own processes. Nothing is printed or raised.
"""

from __future__ import annotations

import os
import typing as t
import warnings


def _is_deprecation(category: type[Warning]) -> bool:
    # By name, since the warnings of boto3 and cryptography are not subclasses of Python's.
    return any("Deprecation" in kind.__name__ for kind in category.__mro__)


def _log_warnings(path: str) -> None:
    show = warnings.showwarning

    def log_warning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: t.TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not _is_deprecation(category):
            show(message, category, filename, lineno, file, line)
            return
        text = " ".join(str(message).split())
        with open(path, "a", encoding="utf-8") as log:
            log.write(f"{category.__name__}: {text} ({filename}:{lineno})\n")

    warnings.showwarning = log_warning
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.simplefilter("default", category)


if "DEPRECATIONS" in os.environ:
    _log_warnings(os.environ["DEPRECATIONS"])
