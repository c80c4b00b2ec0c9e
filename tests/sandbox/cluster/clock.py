# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in the format of the API.

Needed by: every target.
"""

from __future__ import annotations

import calendar
import time


def rfc3339(offset: float = 0.0) -> str:
    """The current time plus some seconds, in UTC: ``2026-01-31T23:59:59Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def parse(text: str) -> float:
    """Parse a time in the format of ``rfc3339``; returns seconds since the epoch."""
    return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))
