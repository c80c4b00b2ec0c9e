# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of options for roles, service accounts, rollouts and bindings.

The argument specs of `irsa_role`, `sa_annotate`, `pod_rollout` and `irsa_bindings` and the defaults of a binding come
from it. ``plugins/doc_fragments`` documents the options. A unit test compares that documentation, and the argument
specs of the role `irsa`, with this table.
"""

from __future__ import annotations

import typing as t

Options = dict[str, dict[str, t.Any]]

# As amazon.aws documents them.
TAGS: Options = {
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
}
# Options of a role that a binding has too.
ROLE: Options = {
    "description": {"type": "str"},
    "path": {"type": "str"},
    "max_session_duration": {"type": "int"},
    "permissions_boundary": {"type": "str"},
    "managed_policies": {"type": "list", "elements": "str"},
    "purge_policies": {"type": "bool", "default": False},
    "inline_policies": {"type": "dict"},
    "purge_inline_policies": {"type": "bool", "default": False},
    "well_known_policies": {"type": "list", "elements": "raw"},
    **TAGS,
    "trust": {"type": "str", "choices": ["merge", "replace"], "default": "merge"},
    "purge_service_accounts": {"type": "bool"},
}
# Options of the trust policy, which a binding has too.
TRUST: Options = {
    "allow_wildcards": {"type": "bool", "default": False},
    "audiences": {"type": "list", "elements": "str", "default": ["sts.amazonaws.com"]},
}
# Options of `irsa_role` only, and those of the trust policy.
IRSA_ROLE: Options = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "service_accounts": {
        "type": "list",
        "elements": "dict",
        "options": {
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
        },
    },
    "cluster_name": {"type": "str"},
    "issuer": {"type": "str"},
    **TRUST,
    "force": {"type": "bool", "default": False},
}
# Options of a service account that a binding has too.
SERVICE_ACCOUNT: Options = {
    "audience": {"type": "str"},
    "sts_regional_endpoints": {"type": "bool"},
    "token_expiration": {"type": "int", "no_log": False},
    "create": {"type": "bool", "default": True},
    "create_namespace": {"type": "bool", "default": False},
    "labels": {"type": "dict"},
    "annotations": {"type": "dict"},
    "delete": {"type": "bool", "default": False},
}
# Options of `sa_annotate` only.
SA_ANNOTATE: Options = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True, "aliases": ["service_account"]},
    "role_arn": {"type": "str"},
    "force": {"type": "bool", "default": False},
}
# Options of `pod_rollout`, and suboptions of rollout_options of `irsa_bindings`.
ROLLOUT: Options = {
    "strategy": {"type": "str", "choices": ["restart", "evict", "delete"], "default": "restart"},
    "only_stale": {"type": "bool", "default": True},
    "delete_unmanaged": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
    "max_retries": {"type": "int", "default": 2},
}
# Options of `pod_rollout` only: they select the pods.
POD_ROLLOUT: Options = {
    "namespace": {"type": "str"},
    "service_account": {"type": "str", "aliases": ["name"]},
    "service_accounts": {
        "type": "list",
        "elements": "dict",
        "options": {
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True, "aliases": ["service_account"]},
            "role_arn": {"type": "str"},
        },
    },
    "label_selectors": {"type": "list", "elements": "str"},
    "role_arn": {"type": "str"},
}
_NOT_IN_BINDINGS = ("default", "aliases")


def _optional(options: Options) -> Options:
    """The options without defaults and aliases, because each binding of a shared role may set only some of them."""
    return {
        name: {key: value for key, value in option.items() if key not in _NOT_IN_BINDINGS}
        for name, option in options.items()
    }


# A binding: an item of the option `bindings` and of the role variable `irsa_bindings`.
BINDING: Options = {
    "namespace": {"type": "str", "required": True},
    "service_account": {"type": "str", "required": True},
    "role_name": {"type": "str"},
    "role_arn": {"type": "str"},
    **_optional(ROLE),
    **_optional(TRUST),
    **_optional(SERVICE_ACCOUNT),
    "rbac": {"type": "dict"},
}
IRSA_BINDINGS: Options = {
    "bindings": {"type": "list", "elements": "dict", "required": True, "options": BINDING},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "issuer": {"type": "str"},
    "create_provider": {"type": "bool", "default": True},
    "provider_tags": {"type": "dict"},
    "rollout": {"type": "bool", "default": False},
    "rollout_options": {"type": "dict", "default": {}, "apply_defaults": True, "options": ROLLOUT},
    "verify": {"type": "str", "choices": ["none", "static", "token"], "default": "none"},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "purge": {"type": "bool", "default": False},
    "purge_namespaces": {"type": "list", "elements": "str"},
    "purge_limit": {"type": "int", "default": 10},
    "max_workers": {"type": "int", "default": 16},
    "on_error": {"type": "str", "choices": ["collect", "stop"], "default": "collect"},
    "force": {"type": "bool", "default": False},
    "progress_path": {"type": "path"},
    "details": {"type": "bool", "default": False},
}


def defaults(*tables: Options) -> dict[str, t.Any]:
    """The default of each option of these tables; None for an option without default."""
    return {name: option.get("default") for options in tables for name, option in options.items()}
