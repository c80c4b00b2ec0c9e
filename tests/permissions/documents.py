"""The files of docs/docsite/rst/permissions: filled in for a sandbox, line by line, and without a line."""

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
# Of a managed policy, white space not counted.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICY_QUOTA = 6144
# What a reader replaces, and what the sandbox has in its place.
EXAMPLE = {
    "account": "123456789012",
    "region": "eu-west-1",
    "cluster": "production",
    "issuer": "EXAMPLED539D4633E53DE1B716D3041E",
}


@dataclasses.dataclass(frozen=True)
class Line:
    """One permission that can be taken out of a file by itself.

    :param where: which statement or rule it is in, for people.
    :param text: the line as it stands there.
    :param operations: ``SERVICE:OPERATION`` of AWS, or (group, resource, verb) of Kubernetes, that it is for.
    """

    where: str
    text: str
    operations: tuple[t.Any, ...]
    without: c.Callable[[Json], Json] = dataclasses.field(compare=False, repr=False)


def policy(use: str, place: c.Mapping[str, str]) -> Json:
    """An IAM policy with the sandbox's account, region, cluster and issuer."""
    text = (DIRECTORY / f"iam-{use}.json").read_text(encoding="utf-8")
    if len("".join(text.split())) > POLICY_QUOTA:
        raise SystemExit(f"iam-{use}.json is larger than IAM takes: {POLICY_QUOTA} characters without white space")
    for key, example in EXAMPLE.items():
        text = text.replace(example, place[key])
    return t.cast(Json, json.loads(text))


def cluster_role(use: str) -> Json:
    """A ClusterRole."""
    return t.cast(Json, yaml.safe_load((DIRECTORY / f"clusterrole-{use}.yml").read_text(encoding="utf-8")))


def policy_lines(document: Json) -> list[Line]:
    """Each action, each resource where a statement has several, each value of a condition that has several."""
    found = []
    for number, statement in enumerate(document["Statement"]):
        actions = as_list(statement["Action"])
        sid = statement["Sid"]
        for action in actions:
            found.append(Line(sid, action, (action,), _without_value(number, ("Action",), action)))
        resources = as_list(statement["Resource"])
        for resource in resources if len(resources) > 1 else ():
            found.append(Line(sid, resource, tuple(actions), _without_value(number, ("Resource",), resource)))
        for operator, block in statement.get("Condition", {}).items():
            for key, wanted in block.items():
                values = as_list(wanted)
                for value in values if len(values) > 1 else ():
                    path = ("Condition", operator, key)
                    found.append(Line(sid, f"{key} {value}", tuple(actions), _without_value(number, path, value)))
    return found


def rule_lines(role: Json) -> list[Line]:
    """Each verb on each resource."""
    found = []
    for number, rule in enumerate(role["rules"]):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    operation = (group, resource, verb)
                    found.append(Line(group, f"{verb} {resource}", (operation,), _without_verb(number, *operation)))
    return found


def operations(lines: c.Iterable[Line]) -> set[t.Any]:
    """All that the lines allow."""
    return {operation for line in lines for operation in line.operations}


def as_list(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, list) else [value]


def _without_value(number: int, path: tuple[str, ...], value: str) -> c.Callable[[Json], Json]:
    """Takes one value out of a statement; the whole statement if nothing is left."""

    def cut(document: Json) -> Json:
        document = copy.deepcopy(document)
        holder = document["Statement"][number]
        for key in path[:-1]:
            holder = holder[key]
        rest = [other for other in as_list(holder[path[-1]]) if other != value]
        if rest:
            holder[path[-1]] = rest
        else:
            del document["Statement"][number]
        return document

    return cut


def _without_verb(number: int, group: str, resource: str, verb: str) -> c.Callable[[Json], Json]:
    """Takes one verb on one resource out of a rule; what else the rule allows stays."""

    def cut(role: Json) -> Json:
        role = copy.deepcopy(role)
        rule = role["rules"].pop(number)
        others = [other for other in rule["resources"] if other != resource]
        verbs = [other for other in rule["verbs"] if other != verb]
        if others:
            role["rules"].append({**rule, "resources": others})
        if verbs:
            role["rules"].append({"apiGroups": [group], "resources": [resource], "verbs": verbs})
        return role

    return cut
