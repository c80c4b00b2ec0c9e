# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the well-known policies: a file for each in ``data/``, whose name is the policy's name.

The files are read where Ansible runs and are never sent to a managed host, so their number costs a task nothing.

A statement is written as IAM takes it, with these additions:

- ``${partition}``, ``${account_id}``, ``${region}``, ``${cluster_name}`` and ``${dns_suffix}`` are filled in from the
  role and its cluster, ``${parameter}`` from a parameter.
- A text with a list parameter is repeated for each value of the list. A condition whose key has a mapping parameter is
  repeated for each key of the mapping.
- A statement is omitted if its Resource has a parameter without a value. So is a condition if its key or its values
  have one: it only narrows the statement further.
- ``given`` names one parameter or a list of parameters that must have a value for the statement to be included,
  ``unless`` those that must have none.
"""

from __future__ import annotations

import difflib
import functools
import pathlib
import re
import typing as t

import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import FACTS, placeholders

DATA = pathlib.Path(__file__).with_name("data")


class _Described(t.TypedDict):
    kind: str
    description: str


class Parameter(_Described, total=False):
    """A parameter of a policy, optional unless ``required``. ``kind`` is a key of `parameters.KINDS`.

    A default may contain placeholders for the role and its cluster.
    """

    required: bool
    default: bool | str | list[str] | dict[str, str]


class Comparison(t.TypedDict, total=False):
    """How the policy differs from those of other tools, for the guide. A tool without such a policy is absent.

    Of eksctl 0.231.0 (pkg/cfn/builder/statement.go) and terraform-aws-iam 6.5.0
    (modules/iam-role-for-service-accounts/policies.tf).
    """

    eksctl: str
    terraform_aws_iam: str


class _Policy(t.TypedDict):
    title: str
    source: str
    version: str
    parameters: dict[str, Parameter]
    statements: list[dict[str, t.Any]]


class Policy(_Policy, total=False):
    """A policy whose placeholders are not filled in: the content of a file in ``data/``.

    ``version`` is the version of ``source``. ``one_of`` names parameters of which at least one must have a value.
    """

    one_of: list[str]
    comparison: Comparison


def policy_names() -> list[str]:
    """The names of all policies, sorted."""
    return sorted(file.stem for file in DATA.glob("*.yml"))


def load_policy(name: str) -> Policy:
    """A policy by its name.

    :raises InvalidInput: no policy has that name; the message suggests the closest names.
    """
    names = policy_names()
    if name not in names:
        similar = difflib.get_close_matches(re.sub(r"\W+", "_", name.lower()), names, cutoff=0.4)
        raise InvalidInput(
            f"well-known policy {name} does not exist",
            fix=f"use {' or '.join(similar)}" if similar else f"use one of {', '.join(names)}",
        )
    return _read_policy(name)


@functools.cache
def _read_policy(name: str) -> Policy:
    text = DATA.joinpath(f"{name}.yml").read_text(encoding="utf-8")
    return t.cast("Policy", yaml.safe_load(text))


def needed_facts(policy: Policy) -> set[str]:
    """The names of the facts about a role and its cluster that the policy is filled in with."""
    defaults = [parameter.get("default") for parameter in policy["parameters"].values()]
    return placeholders([policy["statements"], defaults]) & FACTS
