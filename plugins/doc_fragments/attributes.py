# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and report exactly what a real run would do, without doing it.
    support: full
  diff_mode:
    description: Returns what changes, or would change, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row with the same options, the second run changes nothing.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and does the same there, since it only reads.
    support: full
  diff_mode:
    description: Returns what changes, or would change, when in diff mode.
    support: N/A
    details:
      - The module changes nothing.
  idempotent:
    description: When run twice in a row with the same options, the second run changes nothing.
    support: full
"""
