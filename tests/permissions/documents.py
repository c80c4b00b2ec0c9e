"""Reads the files of docs/docsite/rst/permissions for a sandbox, splits them into lines and removes lines."""

from __future__ import annotations

import collections.abc as c
import copy
import dataclasses
import json
import pathlib
import typing as t

import yaml

Json = dict[str, t.Any]

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "docs" / "docsite" / "rst" / "permissions"
USES = ("read-only", "full")
# The maximum size of a managed policy in characters, without whitespace.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICY_QUOTA = 6144
# Values in the files that readers replace by their own; here the sandbox's.
EXAMPLE = {
    "account": "123456789012",
    "region": "eu-west-1",
    "cluster": "production",
    "issuer": "EXAMPLED539D4633E53DE1B716D3041E",
}


@dataclasses.dataclass(frozen=True)
class Line:
    """One permission in a file.

    :param where: the Sid of its statement, or the API group of its rule.
    :param text: the line, for the table.
    :param operations: what it allows: ``SERVICE:OPERATION`` of AWS, or (group, resource, verb) of Kubernetes.
    :param remove_from: returns a copy of the document without it.
    """

    where: str
    text: str
    operations: tuple[t.Any, ...]
    remove_from: c.Callable[[Json], Json] = dataclasses.field(compare=False, repr=False)


def load_policy(use: str, values: c.Mapping[str, str]) -> Json:
    """Load an IAM policy.

    :param values: the sandbox's account, region, cluster and issuer, by the keys of `EXAMPLE`.
    """
    text = (DIRECTORY / f"iam-{use}.json").read_text(encoding="utf-8")
    if len("".join(text.split())) > POLICY_QUOTA:
        raise SystemExit(f"iam-{use}.json exceeds {POLICY_QUOTA} characters without whitespace, the maximum of IAM")
    for key, example in EXAMPLE.items():
        text = text.replace(example, values[key])
    return t.cast(Json, json.loads(text))


def load_cluster_role(use: str) -> Json:
    """Load a ClusterRole."""
    return t.cast(Json, yaml.safe_load((DIRECTORY / f"clusterrole-{use}.yml").read_text(encoding="utf-8")))


def split_policy(document: Json) -> list[Line]:
    """Split an IAM policy into lines.

    :returns: each action; each resource of a statement with several; each value of a condition with several.
    """
    lines = []
    for number, statement in enumerate(document["Statement"]):
        actions = as_list(statement["Action"])
        sid = statement["Sid"]
        for action in actions:
            lines.append(Line(sid, action, (action,), _make_value_remover(number, ("Action",), action)))
        resources = as_list(statement["Resource"])
        for resource in resources if len(resources) > 1 else ():
            lines.append(Line(sid, resource, tuple(actions), _make_value_remover(number, ("Resource",), resource)))
        for operator, block in statement.get("Condition", {}).items():
            for key, allowed in block.items():
                values = as_list(allowed)
                for value in values if len(values) > 1 else ():
                    path = ("Condition", operator, key)
                    lines.append(Line(sid, f"{key} {value}", tuple(actions), _make_value_remover(number, path, value)))
    return lines


def split_cluster_role(role: Json) -> list[Line]:
    """Split a ClusterRole into lines: each verb on each resource."""
    lines = []
    for number, rule in enumerate(role["rules"]):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    operation = (group, resource, verb)
                    lines.append(
                        Line(group, f"{verb} {resource}", (operation,), _make_verb_remover(number, *operation))
                    )
    return lines


def collect_operations(lines: c.Iterable[Line]) -> set[t.Any]:
    """Collect what the lines allow."""
    return {operation for line in lines for operation in line.operations}


def as_list(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, list) else [value]


def _make_value_remover(number: int, path: tuple[str, ...], value: str) -> c.Callable[[Json], Json]:
    """Make a function that removes a value from a statement, or the statement if it was its only value."""

    def remove(document: Json) -> Json:
        document = copy.deepcopy(document)
        parent = document["Statement"][number]
        for key in path[:-1]:
            parent = parent[key]
        rest = [other for other in as_list(parent[path[-1]]) if other != value]
        if rest:
            parent[path[-1]] = rest
        else:
            del document["Statement"][number]
        return document

    return remove


def _make_verb_remover(number: int, group: str, resource: str, verb: str) -> c.Callable[[Json], Json]:
    """Make a function that removes one verb on one resource from a rule and keeps all others."""

    def remove(role: Json) -> Json:
        role = copy.deepcopy(role)
        rule = role["rules"].pop(number)
        others = [other for other in rule["resources"] if other != resource]
        verbs = [other for other in rule["verbs"] if other != verb]
        if others:
            role["rules"].append({**rule, "resources": others})
        if verbs:
            role["rules"].append({"apiGroups": [group], "resources": [resource], "verbs": verbs})
        return role

    return remove
