"""Write down each deprecation warning of a Python process, a line each, in the file that $DEPRECATIONS names.

Python itself imports this where its directory is on PYTHONPATH, so in every program and module that Ansible starts,
too; pytest and ansible-test see the warnings of their own processes alone. What a process does is the same as without:
nothing is printed, and nothing raised.
"""

from __future__ import annotations

import os
import typing as t
import warnings


def _is_deprecation(category: type[Warning]) -> bool:
    # By their names, since boto3's and cryptography's own ones are none of Python's.
    return any("Deprecation" in kind.__name__ for kind in category.__mro__)


def _write_down(path: str) -> None:
    show = warnings.showwarning

    def note(
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

    warnings.showwarning = note
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.simplefilter("default", category)


if "DEPRECATIONS" in os.environ:
    _write_down(os.environ["DEPRECATIONS"])
