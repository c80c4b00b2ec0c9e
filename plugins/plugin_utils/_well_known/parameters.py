# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of parameters of well-known policies, and which values are valid for each."""

from __future__ import annotations

import dataclasses
import re
import typing as t

Value: t.TypeAlias = "str | bool | t.Sequence[str] | t.Mapping[str, str] | None"


@dataclasses.dataclass(frozen=True)
class ParameterKind:
    """Which values of a parameter are valid.

    :param shape: ``list`` of strings, ``text``, ``mapping`` of strings, or ``bool``.
    :param what: the noun for messages and documentation.
    :param pattern: a regular expression for a string, or for the keys of a mapping.
    :param example: a valid string, or a valid mapping as YAML.
    """

    shape: str
    what: str
    pattern: str
    example: str

    @property
    def advice(self) -> str:
        """The fix for an invalid value, with an example."""
        example = f"[{self.example!r}]" if self.shape == "list" else self.example
        return f"use {self.what}, such as {example}"

    def example_value(self, partition: str) -> Value:
        """A valid value. ARNs are in the given partition."""
        text = self.example.replace("arn:aws:", f"arn:{partition}:")
        values: dict[str, Value] = {"list": [text], "text": text, "mapping": {"team": "shop"}, "bool": True}
        return values[self.shape]

    def describe_fault(self, value: t.Any) -> str | None:
        """What is wrong with a value; None if it is valid."""
        if self.shape == "bool":
            return None if isinstance(value, bool) else "is neither true nor false"
        if self.shape == "text":
            return None if self._matches(value) else f"{value!r} is not valid"
        if self.shape == "mapping":
            return self._describe_mapping_fault(value)
        if not isinstance(value, (list, tuple)):
            return "is not a list"
        if not value:
            return "is an empty list, which grants nothing"
        return next((f"has {item!r}, which is not valid" for item in value if not self._matches(item)), None)

    def _describe_mapping_fault(self, value: t.Any) -> str | None:
        if not isinstance(value, t.Mapping):
            return "is not a mapping"
        if not value:
            return "is empty, which limits nothing"
        for key, text in value.items():
            if not self._matches(key):
                return f"has the key {key!r}, which is not valid"
            if not isinstance(text, str) or "$" in text or len(text) > 256:
                return f"has {text!r} for {key}, which is not valid"
        return None

    def _matches(self, value: t.Any) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None


def _list(what: str, pattern: str, example: str) -> ParameterKind:
    return ParameterKind("list", what, pattern, example)


def _arns(what: str, service: str, resource: str, example: str, *, region: str = r"[a-z0-9-]+") -> ParameterKind:
    return _list(what, rf"arn:aws[a-z-]*:{service}:{region}:\d{{12}}:{resource}", example)


_ID = "0123456789abcdef0"
_UUID = "12345678-1234-1234-1234-123456789012"
KINDS: t.Mapping[str, ParameterKind] = {
    "authorities": _arns(
        "ARNs of certificate authorities of AWS Private CA",
        "acm-pca",
        r"certificate-authority/[0-9a-f-]+",
        f"arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/{_UUID}",
    ),
    "bool": ParameterKind("bool", "true or false", "", "true"),
    "buckets": _list("names of buckets", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "backups-123456789012"),
    "directory_buckets": _list(
        "names of directory buckets", r"[a-z0-9][a-z0-9-]{1,45}--[a-z0-9-]+--x-s3", "scratch--euw1-az1--x-s3"
    ),
    "file_systems": _list("IDs of EFS file systems, or '*' for all", r"\*|fs-[0-9a-f]{8,40}", f"fs-{_ID}"),
    # IAM accepts the ARN of an alias in a policy, but no key matches it.
    "keys": _arns(
        "ARNs of KMS keys (an alias matches no key)",
        "kms",
        r"key/(mrk-)?[0-9a-f-]+",
        f"arn:aws:kms:eu-west-1:123456789012:key/{_UUID}",
    ),
    "log_groups": _list("names of log groups", r"[A-Za-z0-9_./#*-]{1,512}", "/aws/containerinsights/*"),
    "names": _list("names, in which * matches any text", r"[A-Za-z0-9_.*-]{1,255}", "shop"),
    "namespaces": _list("CloudWatch namespaces", r"[A-Za-z0-9_./#:-]{1,255}", "ContainerInsights"),
    "queue_name": ParameterKind("text", "the name of an SQS queue", r"[A-Za-z0-9_-]{0,80}", "production"),
    "queues": _arns(
        "ARNs of SQS queues",
        "sqs",
        r"[A-Za-z0-9_-]{1,80}(\.fifo)?",
        "arn:aws:sqs:eu-west-1:123456789012:interruptions",
    ),
    "record_names": _list(
        "names of records in lower case, in which * matches any text", r"[a-z0-9_.*\\-]{1,255}", "*.example.com"
    ),
    "record_types": _list("types of records", r"[A-Z]{1,10}", "CNAME"),
    "repositories": _list(
        "names of ECR repositories, in which * matches any text", r"[a-z0-9*][a-z0-9._/*-]{0,255}", "shop/*"
    ),
    "role_names": _list("names of roles, with their paths", r"[A-Za-z0-9_+=,.@/-]{1,576}", "KarpenterNodeRole-shop"),
    "roles": _arns(
        "ARNs of roles", "iam", r"role/[A-Za-z0-9_+=,.@/-]+", "arn:aws:iam::123456789012:role/targets", region=""
    ),
    "secrets": _arns(
        "ARNs of secrets, in which * matches any text",
        "secretsmanager",
        r"secret:[A-Za-z0-9/_+=.@*?!-]+",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/*",
    ),
    "security_groups": _list("IDs of security groups", r"sg-[0-9a-f]{8,17}", f"sg-{_ID}"),
    "ssm_parameters": _arns(
        "ARNs of parameters, in which * matches any text",
        "ssm",
        r"parameter/[A-Za-z0-9_./*-]+",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/*",
    ),
    "tags": ParameterKind("mapping", "tags", r"[\w :/=+@.-]{1,128}", "{team: shop}"),
    "target_groups": _arns(
        "ARNs of target groups",
        "elasticloadbalancing",
        r"targetgroup/[A-Za-z0-9-]+/[0-9a-f]+",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/0123456789abcdef",
    ),
    "vpc": ParameterKind("text", "the ID of a VPC", r"vpc-[0-9a-f]{8,17}", f"vpc-{_ID}"),
    "workspaces": _arns(
        "ARNs of workspaces",
        "aps",
        r"workspace/ws-[0-9a-f-]+",
        f"arn:aws:aps:eu-west-1:123456789012:workspace/ws-{_UUID}",
    ),
    "zones": _list("IDs of hosted zones, or '*' for all", r"\*|Z[A-Z0-9]{1,31}", "Z0123456789ABCDEFGHIJ"),
}
