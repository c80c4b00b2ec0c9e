# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option specs that modules share. `doc_fragments/` documents the same options one to one."""

from __future__ import annotations

import typing as t

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

CLUSTER_NAME: dict[str, t.Any] = {"cluster_name": {"type": "str"}}

# kubernetes.core's authentication options next to amazon.aws's. Both have validate_certs; it holds for both sides,
# and kubernetes.core's form (no default) is the one that lets K8S_AUTH_VERIFY_SSL and a kubeconfig speak.
KUBERNETES: dict[str, t.Any] = {**AUTH_ARG_SPEC, **CLUSTER_NAME}


def tags(*, purge_default: bool = True) -> dict[str, t.Any]:
    """The options ``tags`` and ``purge_tags`` as amazon.aws documents them."""
    return {
        "tags": {"type": "dict", "aliases": ["resource_tags"]},
        "purge_tags": {"type": "bool", "default": purge_default},
    }
