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


# An item of `irsa_bindings`, the same as of the role `irsa`.
BINDING: dict[str, t.Any] = {
    "namespace": {"type": "str", "required": True},
    "service_account": {"type": "str", "required": True},
    "role_name": {"type": "str"},
    "role_arn": {"type": "str"},
    "description": {"type": "str"},
    "path": {"type": "str"},
    "max_session_duration": {"type": "int"},
    "permissions_boundary": {"type": "str"},
    "managed_policies": {"type": "list", "elements": "str"},
    "purge_policies": {"type": "bool"},
    "inline_policies": {"type": "dict"},
    "purge_inline_policies": {"type": "bool"},
    "well_known_policies": {"type": "list", "elements": "raw"},
    "tags": {"type": "dict"},
    "purge_tags": {"type": "bool"},
    "trust": {"type": "str", "choices": ["merge", "replace"]},
    "purge_service_accounts": {"type": "bool"},
    "audience": {"type": "str"},
    "sts_regional_endpoints": {"type": "bool"},
    "token_expiration": {"type": "int", "no_log": False},
    "create": {"type": "bool"},
    "create_namespace": {"type": "bool"},
    "labels": {"type": "dict"},
    "annotations": {"type": "dict"},
    "delete": {"type": "bool"},
    "rbac": {"type": "dict"},
}
