# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script of an audit's page: its parts, in the order in which they build on each other.

It makes elements and texts, never markup: nothing of the data is ever parsed as HTML.
"""

from __future__ import annotations

from .page_app import APP
from .page_details import DETAILS
from .page_list import LIST
from .page_model import MODEL
from .page_rows import ROWS

SCRIPT = "\n".join(['(() => {\n"use strict";', MODEL, ROWS, LIST, DETAILS, APP, "})();\n"])
