# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto's IAM with the checks, quotas and errors of AWS.

Quotas: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html

Needed by: every target.
"""

from __future__ import annotations

import types

from moto.iam import urls as moto_urls
from moto.iam.models import iam_backends

from sandbox.aws.iam.policies import PolicyBackend


class Iam(PolicyBackend):
    """The IAM backend of one account and partition."""

    @property
    def _url_module(self) -> types.ModuleType:
        return moto_urls


def install() -> None:
    """Make moto use this backend for every account."""
    iam_backends.backend = Iam
