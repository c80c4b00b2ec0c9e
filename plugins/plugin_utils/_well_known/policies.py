# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Well-known policies: what a user asks for, checked, and filled in but for what only AWS can tell.

The policies themselves are data, see `well_known`. No module imports this file: what a task asks for is looked up
before the module is sent, by the module's action plugin.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import re
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core import validation
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import (
    FACTS,
    PLACEHOLDER,
    Template,
    fill,
    placeholders,
)
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import model as well_known

Value: t.TypeAlias = "str | bool | t.Sequence[str] | t.Mapping[str, str] | None"
# What every element may have, besides the parameters of its policy.
_NAME, _POLICY_NAME = "name", "policy_name"
# Facts that an element may have, where its policy uses them.
_OVERRIDES = ("cluster_name", "region")
_OVERRIDE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclasses.dataclass(frozen=True)
class Kind:
    """What values a parameter takes.

    :param shape: ``list`` of texts, ``text``, ``mapping`` of texts, or ``bool``.
    :param pattern: of a text, or of the keys of a mapping.
    :param example: one that is right.
    """

    shape: str
    what: str
    pattern: re.Pattern[str]
    example: str


def _list(what: str, pattern: str, example: str) -> Kind:
    return Kind("list", what, re.compile(pattern), example)


def _arns(what: str, service: str, resource: str, example: str, *, region: str = r"[a-z0-9-]+") -> Kind:
    return _list(what, rf"arn:aws[a-z-]*:{service}:{region}:\d{{12}}:{resource}", example)


_ID = "0123456789abcdef0"
_UUID = "12345678-1234-1234-1234-123456789012"
KINDS: t.Mapping[str, Kind] = {
    "authorities": _arns(
        "ARNs of authorities of AWS Private CA",
        "acm-pca",
        r"certificate-authority/[0-9a-f-]+",
        f"arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/{_UUID}",
    ),
    "bool": Kind("bool", "true or false", re.compile(""), "true"),
    "buckets": _list("names of buckets", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "backups-123456789012"),
    "certificates": _arns(
        "ARNs of certificates of ACM",
        "acm",
        r"certificate/[0-9a-f-]+",
        f"arn:aws:acm:eu-west-1:123456789012:certificate/{_UUID}",
    ),
    "directory_buckets": _list(
        "names of directory buckets", r"[a-z0-9][a-z0-9-]{1,45}--[a-z0-9-]+--x-s3", "scratch--euw1-az1--x-s3"
    ),
    "file_systems": _list("ids of file systems of EFS, or '*' for all", r"\*|fs-[0-9a-f]{8,40}", f"fs-{_ID}"),
    # An alias would be taken by IAM, and match no key.
    "keys": _arns(
        "ARNs of KMS keys (an alias names no key in a policy)",
        "kms",
        r"key/(mrk-)?[0-9a-f-]+",
        f"arn:aws:kms:eu-west-1:123456789012:key/{_UUID}",
    ),
    "log_groups": _list("names of log groups", r"[A-Za-z0-9_./#*-]{1,512}", "/aws/containerinsights/*"),
    "names": _list("names, in which * stands for any text", r"[A-Za-z0-9_.*-]{1,255}", "shop"),
    "namespaces": _list("namespaces of CloudWatch", r"[A-Za-z0-9_./#:-]{1,255}", "ContainerInsights"),
    "queue_name": Kind("text", "the name of a queue of SQS", re.compile(r"[A-Za-z0-9_-]{0,80}"), "production"),
    "queues": _arns(
        "ARNs of queues of SQS",
        "sqs",
        r"[A-Za-z0-9_-]{1,80}(\.fifo)?",
        "arn:aws:sqs:eu-west-1:123456789012:interruptions",
    ),
    "record_names": _list(
        "names of records in lower case, in which * stands for any text", r"[a-z0-9_.*\\-]{1,255}", "*.example.com"
    ),
    "record_types": _list("types of records", r"[A-Z]{1,10}", "CNAME"),
    "repositories": _list(
        "names of repositories of ECR, in which * stands for any text", r"[a-z0-9*][a-z0-9._/*-]{0,255}", "shop/*"
    ),
    "role_names": _list("names of roles, with their paths", r"[A-Za-z0-9_+=,.@/-]{1,576}", "KarpenterNodeRole-shop"),
    "roles": _arns(
        "ARNs of roles", "iam", r"role/[A-Za-z0-9_+=,.@/-]+", "arn:aws:iam::123456789012:role/targets", region=""
    ),
    "secrets": _arns(
        "ARNs of secrets, in which * stands for any text",
        "secretsmanager",
        r"secret:[A-Za-z0-9/_+=.@*?!-]+",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/*",
    ),
    "security_groups": _list("ids of security groups", r"sg-[0-9a-f]{8,17}", f"sg-{_ID}"),
    "ssm_parameters": _arns(
        "ARNs of parameters, in which * stands for any text",
        "ssm",
        r"parameter/[A-Za-z0-9_./*-]+",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/*",
    ),
    "tags": Kind("mapping", "tags", re.compile(r"[\w :/=+@.-]{1,128}"), "{team: shop}"),
    "target_groups": _arns(
        "ARNs of target groups",
        "elasticloadbalancing",
        r"targetgroup/[A-Za-z0-9-]+/[0-9a-f]+",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/0123456789abcdef",
    ),
    "vpc": Kind("text", "the id of a VPC", re.compile(r"vpc-[0-9a-f]{8,17}"), f"vpc-{_ID}"),
    "workspaces": _arns(
        "ARNs of workspaces",
        "aps",
        r"workspace/ws-[0-9a-f-]+",
        f"arn:aws:aps:eu-west-1:123456789012:workspace/ws-{_UUID}",
    ),
    "zones": _list("ids of hosted zones, or '*' for all", r"\*|Z[A-Z0-9]{1,31}", "Z0123456789ABCDEFGHIJ"),
}


def policy(name: str) -> well_known.Policy:
    """A policy by its name.

    :raises InvalidInput: there is none of that name; the nearest ones are named.
    """
    if name not in well_known.NAMES:
        near = difflib.get_close_matches(re.sub(r"\W+", "_", name.lower()), well_known.NAMES, cutoff=0.4)
        raise InvalidInput(
            f"there is no well-known policy {name}",
            fix=f"use {' or '.join(near)}" if near else f"use one of {', '.join(well_known.NAMES)}",
        )
    module = importlib.import_module(f"{__package__}.data.{name}")
    return t.cast(well_known.Policy, module.POLICY)


def facts_of(wanted: well_known.Policy) -> set[str]:
    """What has to be known of a role and its cluster to fill a policy in."""
    defaults = [each.get("default") for each in wanted["parameters"].values()]
    return placeholders([wanted["statements"], defaults]) & FACTS


def templates(given: t.Any) -> list[Template]:
    """The policies that a user asks for.

    :param given: a list of names, and of mappings with ``name``, parameters of that policy, and perhaps
        ``policy_name``, ``cluster_name`` and ``region``.
    :raises InvalidInput: all that can't be right.
    """
    problems = validation.Problems()
    if not isinstance(given, (list, tuple)):
        problems.add("well_known_policies is no list", "give names of policies, or mappings with name and parameters")
        problems.stop()
    found: list[Template] = []
    for element in given:
        template = _template(problems, element)
        if template is None:
            continue
        if any(template.policy_name == each.policy_name for each in found):
            problems.add(
                f"well_known_policies would write inline policy {template.policy_name} twice",
                "give one element all of its parameters, or each a policy_name of its own",
            )
        found.append(template)
    problems.stop()
    return found


def template(name: str, parameters: t.Mapping[str, t.Any]) -> Template:
    """One policy with its parameters.

    :raises InvalidInput: all that can't be right.
    """
    return templates([{**parameters, _NAME: name}])[0]


def example(name: str, partition: str = "aws", *, everything: bool = False) -> dict[str, t.Any]:
    """Parameters of a policy that are right, for documentation and tests: the least that it needs, or all.

    :raises InvalidInput: there is no such policy.
    """
    wanted = policy(name)
    needed = {key for key, each in wanted["parameters"].items() if each.get("required")}
    needed.update(wanted.get("one_of", [])[:1])  # of several, the first is enough
    return {
        key: _example(KINDS[parameter["kind"]], partition)
        for key, parameter in wanted["parameters"].items()
        if everything or key in needed
    }


def _example(kind: Kind, partition: str) -> Value:
    text = kind.example.replace("arn:aws:", f"arn:{partition}:")
    shapes: dict[str, Value] = {"list": [text], "text": text, "mapping": {"team": "shop"}, "bool": True}
    return shapes[kind.shape]


def _template(problems: validation.Problems, element: t.Any) -> Template | None:
    given = {_NAME: element} if isinstance(element, str) else element
    if not isinstance(given, t.Mapping) or not isinstance(given.get(_NAME), str):
        problems.add(
            "well_known_policies has an element without a name",
            "give the name of a policy, or a mapping with name and parameters",
        )
        return None
    name = str(given[_NAME])
    try:
        wanted = policy(name)
    except InvalidInput as error:
        problems.add(error.message, error.fix or "")
        return None
    parameters = {str(key): value for key, value in given.items() if key not in (_NAME, _POLICY_NAME)}
    values = _values(problems, name, wanted, parameters)
    policy_name = given.get(_POLICY_NAME) or f"well-known-{name.replace('_', '-')}"
    validation.check_policy_name(problems, "policy_name", str(policy_name))
    if values is None:
        return None
    return Template(name, str(policy_name), _statements(wanted, values))


def _values(
    problems: validation.Problems, name: str, wanted: well_known.Policy, given: t.Mapping[str, t.Any]
) -> dict[str, Value] | None:
    """The value of each parameter, None for those without one; None if one can't be right."""
    right = True
    values: dict[str, Value] = {}
    overrides = [fact for fact in _OVERRIDES if fact in facts_of(wanted)]

    def refuse(message: str, fix: str) -> None:
        nonlocal right
        right = False
        problems.add(f"well-known policy {name}: {message}", fix)

    for key, value in given.items():
        if key in overrides and not (isinstance(value, str) and _OVERRIDE.fullmatch(value)):
            refuse(f"{key} {value!r} can't be right", f"give {key} as text")
        elif key in overrides:
            values[key] = value
        elif key not in wanted["parameters"]:
            known = [*wanted["parameters"], *overrides]
            near = difflib.get_close_matches(key, known, n=1)
            refuse(f"there is no parameter {key}", f"use {near[0] if near else ', '.join(known) or 'none'}")
    for key, parameter in wanted["parameters"].items():
        kind = KINDS[parameter["kind"]]
        value = given.get(key)
        fault = None if value is None else _fault(kind, value)
        if fault:
            refuse(f"{key} {fault}", f"give {kind.what}, such as {_shown(kind)}")
        elif value is None and parameter.get("required"):
            refuse(f"the parameter {key} is missing", f"give {kind.what}, such as {_shown(kind)}")
        values[key] = parameter.get("default") if value is None else value
    needed = wanted.get("one_of", [])
    if right and needed and not any(values[key] for key in needed):
        refuse(f"none of {' and '.join(needed)} is given", "give one of them at least")
    return values if right else None


def _shown(kind: Kind) -> str:
    return f"[{kind.example!r}]" if kind.shape == "list" else kind.example


def _fault(kind: Kind, value: t.Any) -> str | None:
    """What is wrong with a parameter's value, if anything is."""
    if kind.shape == "bool":
        return None if isinstance(value, bool) else "is neither true nor false"
    if kind.shape == "text":
        return None if isinstance(value, str) and kind.pattern.fullmatch(value) else f"{value!r} can't be right"
    if kind.shape == "mapping":
        return _fault_of_mapping(kind, value)
    if not isinstance(value, (list, tuple)):
        return "is no list"
    if not value:
        return "is an empty list, which grants nothing"
    wrong = [each for each in value if not isinstance(each, str) or not kind.pattern.fullmatch(each)]
    return f"has {wrong[0]!r}, which can't be right" if wrong else None


def _fault_of_mapping(kind: Kind, value: t.Any) -> str | None:
    if not isinstance(value, t.Mapping):
        return "is no mapping"
    if not value:
        return "is empty, which limits nothing"
    for key, each in value.items():
        if not isinstance(key, str) or not kind.pattern.fullmatch(key):
            return f"has the key {key!r}, which can't be right"
        if not isinstance(each, str) or "$" in each or len(each) > 256:
            return f"has {each!r} for {key}, which can't be right"
    return None


# Filling in


def _statements(wanted: well_known.Policy, values: t.Mapping[str, Value]) -> list[dict[str, t.Any]]:
    kept = []
    for statement in wanted["statements"]:
        if not all(values[name] for name in policy_document.as_list(statement.get("given"))):
            continue
        if any(values[name] for name in policy_document.as_list(statement.get("unless"))):
            continue
        if any(not values[name] for name in placeholders(statement["Resource"]) & values.keys()):
            continue
        kept.append(_statement(statement, values))
    return kept


def _statement(statement: t.Mapping[str, t.Any], values: t.Mapping[str, Value]) -> dict[str, t.Any]:
    filled = {key: value for key, value in statement.items() if key not in ("given", "unless", "Condition")}
    filled["Resource"] = _texts(statement["Resource"], values)
    condition = {
        operator: kept
        for operator, keys in statement.get("Condition", {}).items()
        if (kept := _condition_keys(keys, values))
    }
    if condition:
        filled["Condition"] = condition
    return t.cast("dict[str, t.Any]", fill(filled, _plain(values)))


def _condition_keys(keys: t.Mapping[str, t.Any], values: t.Mapping[str, Value]) -> dict[str, t.Any]:
    filled: dict[str, t.Any] = {}
    for key, value in keys.items():
        names = placeholders({key: value}) & values.keys()
        if any(not values[name] for name in names):
            continue
        mappings = [(name, each) for name in names if isinstance(each := values[name], t.Mapping)]
        if mappings:
            name, tags = mappings[0]
            filled.update({fill(key, {name: tag}): text for tag, text in tags.items()})
        else:
            filled[key] = _texts(value, values)
    return filled


def _texts(given: str | t.Sequence[str], values: t.Mapping[str, Value]) -> list[str]:
    """The texts, those with a parameter that is a list once for each of its values."""
    texts: list[str] = []
    for text in [given] if isinstance(given, str) else given:
        lists = [name for name in PLACEHOLDER.findall(text) if isinstance(values.get(name), (list, tuple))]
        if lists:
            texts += [fill(text, {lists[0]: each}) for each in t.cast(t.Sequence[str], values[lists[0]])]
        else:
            texts.append(text)
    return texts


def _plain(values: t.Mapping[str, Value]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}
