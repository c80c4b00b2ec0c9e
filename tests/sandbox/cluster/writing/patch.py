# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON merge patch (RFC 7386) and strategic merge patch.

Needed by: targets pod_rollout, role_irsa, sa_annotate; make sandbox (kubectl apply).
"""

from __future__ import annotations

import copy
import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.writing import schema

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

_DIRECTIVE = "$patch"
_ORDER = "$setElementOrder/"
_RETAIN = "$retainKeys"


def merge_patch(target: t.Any, patch: t.Any) -> t.Any:
    """Apply a patch of RFC 7386: null removes, dicts merge, any other value replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


# -- strategic merge patch


def strategic_patch(target: Object, patch: Object) -> Object:
    """Apply a strategic merge patch: lists of known types merge by key, and keys such as ``$patch`` are directives."""
    return t.cast(Object, _strategic_map(target, patch, ()))


def _strategic_map(target: t.Any, patch: Object, path: tuple[str, ...]) -> t.Any:
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        return _strip({key: value for key, value in patch.items() if key != _DIRECTIVE})
    if directive == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if _RETAIN in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key in (_DIRECTIVE, _RETAIN):
            continue
        if key.startswith(_ORDER):
            continue
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _strategic_map(result.get(key), value, (*path, key))
        elif isinstance(value, list):
            result[key] = _strategic_list(result.get(key) or [], value, patch.get(_ORDER + key), (*path, key))
        else:
            result[key] = value
    return result


def _strategic_list(
    target: list[t.Any], patch: list[t.Any], order: list[t.Any] | None, path: tuple[str, ...]
) -> list[t.Any]:
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [_strip(item) for item in patch if item.get(_DIRECTIVE) != "replace"]
    if schema.list_keys(path) == ():
        return target + [item for item in patch if item not in target]
    key = schema.patch_key(path)
    if key is None:
        return [_strip(item) for item in patch]
    result = list(target)
    for item in patch:
        if key not in item:
            raise errors.bad_request(f"map: {item} does not contain declared merge key: {key}")
        index = next((i for i, old in enumerate(result) if old.get(key) == item[key]), None)
        if item.get(_DIRECTIVE) == "delete":
            if index is not None:
                del result[index]
        elif index is None:
            result.append(_strategic_map({}, item, path))
        else:
            result[index] = _strategic_map(result[index], item, path)
    if order:
        ranks = {entry[key]: rank for rank, entry in enumerate(order)}
        result.sort(key=lambda entry: ranks.get(entry.get(key), len(ranks)))
    return result


def _strip(value: t.Any) -> t.Any:
    """Remove nulls and directives: the result of a patch if there was no value before."""
    if isinstance(value, dict):
        return {k: _strip(v) for k, v in value.items() if v is not None and not k.startswith("$")}
    if isinstance(value, list):
        return [_strip(item) for item in value]
    return value
