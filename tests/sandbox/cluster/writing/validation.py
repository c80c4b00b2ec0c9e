# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate objects, with the API's messages. Only checks that matter to clients of the sandbox exist.

Needed by: targets bad_input, irsa_bindings, sa_annotate.
"""

from __future__ import annotations

import re
import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Cause, Object
from sandbox.cluster.resources import Kind

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_ANNOTATIONS_LIMIT = 256 * 1024

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)

# Names of these are DNS labels, names of RBAC objects are path segments, and all others are DNS subdomains.
_LABEL_NAMED = {("", "namespaces"), ("", "services"), ("apps", "statefulsets")}
_PATH_NAMED = {"rbac.authorization.k8s.io"}


def _quote(value: t.Any) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _invalid(field: str, value: t.Any, text: str) -> Cause:
    return Cause("FieldValueInvalid", field, f"Invalid value: {_quote(value)}: {text}")


def _required(field: str, text: str = "") -> Cause:
    return Cause("FieldValueRequired", field, "Required value" + (f": {text}" if text else ""))


def _name_causes(kind: Kind, name: str) -> list[Cause]:
    field = "metadata.name"
    if not name:
        return [_required(field, "name or generateName is required")]
    if kind.group in _PATH_NAMED:
        if name in (".", "..") or "/" in name or "%" in name:
            return [_invalid(field, name, "may not contain '/' or '%'")]
        return []
    if kind.resource in _LABEL_NAMED:
        pattern, limit, text = _LABEL, 63, _LABEL_TEXT
    else:
        pattern, limit, text = _SUBDOMAIN, 253, _SUBDOMAIN_TEXT
    causes = []
    if len(name) > limit:
        causes.append(_invalid(field, name, f"must be no more than {limit} characters"))
    if not pattern.fullmatch(name):
        causes.append(_invalid(field, name, text))
    return causes


def _key_causes(field: str, key: str) -> list[Cause]:
    prefix, slash, name = key.rpartition("/")
    causes = []
    if slash:
        if not prefix:
            causes.append(_invalid(field, key, "prefix part must be non-empty"))
        elif "/" in prefix:
            return [
                _invalid(
                    field,
                    key,
                    "a qualified name " + _QUALIFIED_TEXT + " with an optional DNS subdomain prefix and '/' "
                    "(e.g. 'example.com/MyName')",
                )
            ]
        elif len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix):
            causes.append(_invalid(field, key, "prefix part " + _SUBDOMAIN_TEXT))
    if not name:
        causes.append(_invalid(field, key, "name part must be non-empty"))
    elif len(name) > 63:
        causes.append(_invalid(field, key, "name part must be no more than 63 characters"))
    if not _QUALIFIED.fullmatch(name):
        causes.append(_invalid(field, key, "name part " + _QUALIFIED_TEXT))
    return causes


def _metadata_causes(metadata: Object, prefix: str = "metadata") -> list[Cause]:
    causes: list[Cause] = []
    annotations = metadata.get("annotations") or {}
    for key in sorted(annotations):
        # The API converts the key to lower case first, so upper case in the prefix is valid.
        causes += _key_causes(f"{prefix}.annotations", key.lower())
    size = sum(len(key) + len(str(value)) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        text = f"Too long: must have at most {_ANNOTATIONS_LIMIT} bytes"
        causes.append(Cause("FieldValueTooLong", f"{prefix}.annotations", text))
    for key, value in sorted((metadata.get("labels") or {}).items()):
        causes += _key_causes(f"{prefix}.labels", key)
        if len(value) > 63:
            causes.append(_invalid(f"{prefix}.labels", value, "must be no more than 63 characters"))
        elif not _LABEL_VALUE.fullmatch(value):
            causes.append(_invalid(f"{prefix}.labels", value, _LABEL_VALUE_TEXT))
    return causes


def _pod_spec_causes(spec: Object, prefix: str) -> list[Cause]:
    containers = spec.get("containers")
    if not containers:
        return [_required(f"{prefix}.containers")]
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        field = f"{prefix}.containers[{index}]"
        name = container.get("name")
        if not name:
            causes.append(_required(f"{field}.name"))
        elif len(name) > 63 or not _LABEL.fullmatch(name):
            causes.append(_invalid(f"{field}.name", name, _LABEL_TEXT))
        elif name in seen:
            causes.append(Cause("FieldValueDuplicate", f"{field}.name", f"Duplicate value: {_quote(name)}"))
        seen.add(name)
        if not container.get("image"):
            causes.append(_required(f"{field}.image"))
    return causes


def validate(kind: Kind, obj: Object, old: Object | None = None) -> None:
    """Validate a new object, or the new state of an old one.

    :raises StatusError: 422 with all causes.
    """
    metadata = obj["metadata"]
    causes = [] if old is not None else _name_causes(kind, metadata.get("name", ""))
    metadata_causes = _metadata_causes(metadata)
    # The API checks the update of a ServiceAccount twice and returns both results.
    causes += metadata_causes * 2 if old is not None and kind.kind == "ServiceAccount" else metadata_causes
    if old is None and kind.kind == "Pod":
        causes += _pod_spec_causes(obj.get("spec") or {}, "spec")
    if causes:
        raise errors.invalid(kind.group, kind.kind, metadata.get("name", ""), causes)
