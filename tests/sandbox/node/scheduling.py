# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a pod may go onto a node, as far as the scheduler's rules concern node selectors, affinity and requests."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]


def obstacle(pod: Json, node: Json) -> str | None:
    """Return why the pod does not fit, worded as the scheduler does for one node; None when it fits."""
    spec, labels = pod["spec"], node["metadata"].get("labels") or {}
    selector = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()) or not _affinity(spec, node):
        return "node(s) didn't match node selector"
    for resource, limit in (node["status"].get("allocatable") or {}).items():
        if _requested(spec, resource) > _quantity(limit):
            return f"Insufficient {resource}"
    return None


def message(reason: str) -> str:
    """Return the scheduler's message for a cluster of one node."""
    return f"0/1 nodes are available: 1 {reason}."


def _affinity(spec: Json, node: Json) -> bool:
    node_affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    labels = node["metadata"].get("labels") or {}
    # The terms are alternatives; an empty term matches nothing.
    return any(_term(term, labels, fields) for term in required["nodeSelectorTerms"])


def _term(term: Json, labels: dict[str, str], fields: dict[str, str]) -> bool:
    expressions, field_expressions = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not field_expressions:
        return False
    return all(_expression(each, labels) for each in expressions) and all(
        _expression(each, fields) for each in field_expressions
    )


def _expression(expression: Json, have: dict[str, str]) -> bool:
    value, values = have.get(expression["key"]), expression.get("values") or []
    operator = expression["operator"]
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if operator in ("Gt", "Lt"):
        if value is None or not value.isdigit() or not values[0].isdigit():
            return False
        return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    raise ValueError(f"{operator} is no operator of a node selector")


def _requested(spec: Json, resource: str) -> float:
    def of(container: Json) -> float:
        return _quantity(((container.get("resources") or {}).get("requests") or {}).get(resource, "0"))

    # Init containers run one at a time, before the others.
    together = sum(of(container) for container in spec["containers"])
    return max([together, *(of(container) for container in spec.get("initContainers") or [])])


def _quantity(text: str | int) -> float:
    if str(text).isdigit():
        return float(text)
    # The import costs as much as the rest of the node's start, and few pods need it.
    from kubernetes.utils.quantity import parse_quantity

    return float(parse_quantity(text))
