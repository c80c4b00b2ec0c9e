# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and field selectors: those of a query string and the ``LabelSelector`` of an object.

Needed by: targets pod_rollout, irsa_verify; benchmarks.
"""

from __future__ import annotations

import re
import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Object

Labels = t.Mapping[str, str]
Predicate = t.Callable[[Labels], bool]

_SET_BASED = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*$")
_EQUALITY = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!,()]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<not>!?)\s*(?P<key>[^\s!=,()]+)\s*$")


def _split(text: str) -> list[str]:
    """Split on commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


def _requirement(text: str) -> Predicate:
    if match := _SET_BASED.match(text):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: key not in labels or labels[key] not in values
    if match := _EQUALITY.match(text):
        key, value = match["key"], match["value"]
        if match["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.match(text):
        key, must_exist = match["key"], not match["not"]
        return lambda labels: (key in labels) is must_exist
    words = text.split()
    token = words[1] if len(words) > 1 else text.strip()
    raise errors.bad_request(
        f"unable to parse requirement: found '{token}', expected: in, notin, '=', '==', '!=', gt, lt"
    )


def parse_labels(text: str | None) -> Predicate | None:
    """Parse a ``labelSelector`` query; returns None if it selects everything."""
    if text is None or not text.strip():
        return None
    requirements = [_requirement(part) for part in _split(text)]
    if len(requirements) == 1:
        return requirements[0]
    return lambda labels: all(requirement(labels) for requirement in requirements)


def matches(selector: Object | None, labels: Labels | None) -> bool:
    """Whether a ``metav1.LabelSelector`` selects these labels. None selects nothing, {} everything."""
    if selector is None:
        return False
    labels = labels or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], expression.get("values") or []
        operator = expression["operator"]
        if operator == "In" and labels.get(key) not in values:
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


_METADATA_FIELDS = {"metadata.name", "metadata.namespace"}
_FIELDS: dict[tuple[str, str], set[str]] = {
    ("", "pods"): {
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    },
    ("", "events"): {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "source",
        "type",
        "reportingComponent",
    },
    ("", "secrets"): {"type"},
    ("", "namespaces"): {"status.phase"},
    ("", "nodes"): {"spec.unschedulable"},
    ("", "replicationcontrollers"): {"status.replicas"},
    ("apps", "replicasets"): {"status.replicas"},
    ("batch", "jobs"): {"status.successful"},
}


def field_value(obj: Object, path: str) -> str:
    """The value of a field for a field selector: a text, empty if the field is not set."""
    value: t.Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            return ""
    if path == "source":
        return str(value.get("component", "")) if isinstance(value, dict) else ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def parse_fields(text: str | None, resource: tuple[str, str]) -> list[tuple[str, bool, str]] | None:
    """Parse a ``fieldSelector`` query.

    :param resource: API group and plural name.
    :returns: the path, whether it must be equal, and the value of each term; None if it selects everything.
    :raises StatusError: 400 for a syntax error, and for a field that the resource does not support.
    """
    if text is None or not text.strip():
        return None
    allowed = _METADATA_FIELDS | _FIELDS.get(resource, set())
    terms = []
    for part in text.split(","):
        match = re.match(r"^\s*(?P<key>[\w./-]+?)\s*(?P<op>==|=|!=)\s*(?P<value>.*?)\s*$", part)
        if match is None:
            raise errors.bad_request(f"invalid field selector: invalid selector: '{text}'; can't understand '{part}'")
        if match["key"] not in allowed:
            if resource in _FIELDS:
                raise errors.bad_request(f"field label not supported: {match['key']}")
            raise errors.bad_request(
                f'"{match["key"]}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            )
        terms.append((match["key"], match["op"] != "!=", match["value"]))
    return terms


class Selection(t.NamedTuple):
    """The selectors of a list or watch. It is false if it selects everything."""

    labels: Predicate | None = None
    fields: list[tuple[str, bool, str]] | None = None

    def __bool__(self) -> bool:
        return self.labels is not None or self.fields is not None

    def selects(self, obj: Object) -> bool:
        if self.labels is not None and not self.labels(obj["metadata"].get("labels") or {}):
            return False
        return all((field_value(obj, path) == value) is equal for path, equal, value in self.fields or ())
