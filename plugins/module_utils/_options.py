# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs that need those of other collections. The options themselves are in `_core/options.py`."""

from __future__ import annotations

import typing as t

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

# kubernetes.core's authentication options next to amazon.aws's. Both have validate_certs; it holds for both sides,
# and kubernetes.core's form (no default) is the one that lets K8S_AUTH_VERIFY_SSL and a kubeconfig speak.
KUBERNETES: dict[str, t.Any] = {**AUTH_ARG_SPEC, "cluster_name": {"type": "str"}}
