# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the well-known policies. Each policy is a file in ``data/`` and has the name of the file.

The controller reads the files and never sends them to a managed host, so their number does not slow a task down.

A statement has the syntax of IAM, with these additions:

- ``${partition}``, ``${account_id}``, ``${region}``, ``${cluster_name}`` and ``${dns_suffix}`` are filled in from the
  role and its cluster, ``${parameter}`` from a parameter.
- A text with a list parameter is repeated for each value of the list. A condition whose key has a mapping parameter is
  repeated for each key of the mapping.
- A statement is omitted if its Resource has a parameter without a value. A condition is omitted if its key or its
  values have one, because it only restricts the statement.
- ``given`` names the parameters that must have a value for the statement to be included, ``unless`` the parameters that
  must not have one. Each is a name or a list of names.
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
    """A parameter of a policy. ``kind`` is a key of `parameters.KINDS`.

    It is optional unless ``required`` is true. A default may contain placeholders for the role and its cluster.
    """

    required: bool
    default: bool | str | list[str] | dict[str, str]


class Comparison(t.TypedDict, total=False):
    """How the policy differs from those of other tools, for the guide. Tools without such a policy are omitted.

    Compared with eksctl 0.231.0 (pkg/cfn/builder/statement.go) and terraform-aws-iam 6.5.0
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
    """The content of a file in ``data/``, with placeholders.

    ``version`` is the version of ``source``. At least one of the parameters in ``one_of`` must have a value.
    """

    one_of: list[str]
    comparison: Comparison


def policy_names() -> list[str]:
    """The names of all policies, sorted."""
    return sorted(file.stem for file in DATA.glob("*.yml"))


def load_policy(name: str) -> Policy:
    """Loads a policy by name.

    :raises InvalidInput: the policy does not exist. The fix suggests similar names.
    """
    names = policy_names()
    if name not in names:
        similar = difflib.get_close_matches(re.sub(r"\W+", "_", name.lower()), names, cutoff=0.4)
        raise InvalidInput(
            f"well-known policy {name or repr(name)} does not exist",
            fix=f"use {' or '.join(similar)}" if similar else f"use one of {', '.join(names)}",
        )
    return _read_policy(name)


@functools.cache
def _read_policy(name: str) -> Policy:
    text = DATA.joinpath(f"{name}.yml").read_text(encoding="utf-8")
    return t.cast("Policy", yaml.safe_load(text))


def needed_facts(policy: Policy) -> set[str]:
    """The names of the facts about a role and its cluster that the policy uses."""
    defaults = [parameter.get("default") for parameter in policy["parameters"].values()]
    return placeholders([policy["statements"], defaults]) & FACTS
