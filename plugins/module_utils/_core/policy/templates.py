# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents with placeholders for facts about a role and its cluster."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..errors import InvalidInput
from . import document as policy_document

# Variables of IAM itself, such as ${aws:username}, have a colon in their names.
PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}")
# The fix for a missing fact.
_SOURCES = {
    "cluster_name": "set cluster_name, in the module or as a parameter of the policy",
    "region": "set region as a parameter of the policy, or set cluster_name",
    "account_id": "set account_id",
    "partition": "set partition",
}
# https://docs.aws.amazon.com/general/latest/gr/rande.html and botocore's partitions
_DNS_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-us-gov": "amazonaws.com",
}


@dataclasses.dataclass(frozen=True)
class Facts:
    """Facts about a role and the cluster whose service accounts it trusts; None if unknown."""

    partition: str | None
    account_id: str | None
    region: str | None
    cluster_name: str | None

    def values(self) -> dict[str, str]:
        """The values of the placeholders that are known."""
        known = {name: value for name, value in dataclasses.asdict(self).items() if value}
        if self.partition:
            known["dns_suffix"] = _DNS_SUFFIXES.get(self.partition, "amazonaws.com")
        return known


FACTS = frozenset({*(field.name for field in dataclasses.fields(Facts)), "dns_suffix"})


@dataclasses.dataclass(frozen=True)
class Template:
    """A well-known policy whose parameters are filled in, but not the facts.

    :param name: the name of the well-known policy.
    :param policy_name: the name of the inline policy that it becomes.
    """

    name: str
    policy_name: str
    statements: t.Sequence[policy_document.Statement]

    def document(self, facts: Facts) -> policy_document.Document:
        """Fill in the facts of a role.

        :raises InvalidInput: a required fact is unknown, or an ARN is in another partition.
        """
        statements = fill(list(self.statements), facts.values())
        for name in sorted(placeholders(statements)):
            raise InvalidInput(
                f"well-known policy {self.name} needs {name}",
                cause="no cluster and no parameter provides it",
                fix=_SOURCES.get(name, f"set {name}"),
            )
        _check_partition(self.name, statements, facts)
        return {"Version": policy_document.VERSION, "Statement": statements}


def fill(value: t.Any, known: t.Mapping[str, str]) -> t.Any:
    """Replace the known placeholders in a value, nested values and keys included.

    Equal strings in a list are reduced to one.
    """
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: known.get(found[1], found[0]), value)
    if isinstance(value, t.Mapping):
        return {fill(key, known): fill(item, known) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        filled = [fill(item, known) for item in value]
        texts = all(isinstance(item, str) for item in filled)
        return policy_document.scalar(list(dict.fromkeys(filled))) if texts and filled else filled
    return value


def placeholders(value: t.Any) -> set[str]:
    """The names of the placeholders in a value, nested values and keys included."""
    if isinstance(value, str):
        return set(PLACEHOLDER.findall(value))
    if isinstance(value, t.Mapping):
        return {name for pair in value.items() for part in pair for name in placeholders(part)}
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in placeholders(item)}
    return set()


def _check_partition(name: str, statements: t.Sequence[policy_document.Statement], facts: Facts) -> None:
    """Reject a parameter with an ARN in another partition: the statement would grant nothing."""
    for statement in statements:
        for resource in policy_document.as_list(statement["Resource"]):
            partition = resource.split(":")[1] if resource.startswith("arn:") else facts.partition
            if partition != facts.partition:
                raise InvalidInput(
                    f"well-known policy {name} names {resource}, which is in partition {partition}",
                    cause=f"the role is in partition {facts.partition}",
                    fix=f"use arn:{facts.partition}:...",
                )
