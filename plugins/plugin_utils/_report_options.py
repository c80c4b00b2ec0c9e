# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the options that the report filters share."""

from __future__ import annotations

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput

FORMATS = ("table", "markdown")


def check(*, report_format: t.Any, width: t.Any, title: t.Any = "", findings: t.Any = 0) -> None:
    """Checks the types of the options. Ansible does not check them for filters.

    :raises InvalidInput: the first invalid option.
    """
    if report_format not in FORMATS:
        raise InvalidInput(f"format {report_format!r} is not valid", fix=f"use one of {', '.join(FORMATS)}")
    for name, number in (("width", width), ("findings", findings)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidInput(f"{name} {number!r} is not an integer", fix=f"set {name} to an integer")
    if not isinstance(title, str):
        raise InvalidInput(f"title {title!r} is not a string", fix="set title to a string")
