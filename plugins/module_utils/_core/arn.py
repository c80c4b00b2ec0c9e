# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The things the collection speaks of, as values."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

from .errors import InvalidInput

# The audience that IRSA uses in every partition, China included:
# https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html
STS_AUDIENCE = "sts.amazonaws.com"
ROLE_ARN_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"

_ROLE_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}:role/[\w\-/.@+=,]+", re.ASCII)
_ARN = re.compile(r"arn:(aws[a-z0-9-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws|):(.+)")


@dataclasses.dataclass(frozen=True)
class Arn:
    """An Amazon Resource Name, taken apart."""

    partition: str
    service: str
    region: str
    account_id: str
    resource: str

    @classmethod
    @functools.lru_cache(maxsize=16384)  # each of thousands of roles is asked for its account again and again
    def parse(cls, text: str) -> Arn:
        """:raises InvalidInput: ``text`` is no ARN."""
        match = _ARN.fullmatch(text)
        if match is None:
            raise InvalidInput(
                f"{text!r} is no ARN", fix="give it as AWS shows it, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"
            )
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}:{self.resource}"


def is_role_arn(text: str) -> bool:
    """Whether it can be a role's ARN. Not with blanks and quotes around it, which the webhook passes on."""
    return _ROLE_ARN.fullmatch(text) is not None


def provider_of(issuer: str) -> str:
    """The name that IAM gives the provider of an issuer: the URL without its scheme."""
    return issuer.removeprefix("https://")


def provider_arn(partition: str, account_id: str, issuer: str) -> str:
    """The ARN of the OIDC provider of ``issuer`` in an account."""
    return f"arn:{partition}:iam::{account_id}:oidc-provider/{provider_of(issuer)}"


@dataclasses.dataclass(frozen=True)
class EksCluster:
    """An EKS cluster as DescribeCluster gives it.

    :param certificate_authority: the API server's CA, PEM in base64; None until the cluster is created.
    :param issuer: the OIDC issuer exactly as AWS returns it; None where the cluster has none (yet).
    """

    name: str
    arn: str
    status: str
    version: str | None
    endpoint: str | None
    certificate_authority: str | None
    issuer: str | None
    region: str
    account_id: str
    partition: str

    @classmethod
    def from_aws(cls, cluster: t.Mapping[str, t.Any]) -> EksCluster:
        """From the ``cluster`` of DescribeCluster. Region, account and partition are read off its ARN."""
        arn = Arn.parse(cluster["arn"])
        return cls(
            name=cluster["name"],
            arn=cluster["arn"],
            status=cluster["status"],
            version=cluster.get("version"),
            endpoint=cluster.get("endpoint"),
            certificate_authority=(cluster.get("certificateAuthority") or {}).get("data"),
            issuer=((cluster.get("identity") or {}).get("oidc") or {}).get("issuer"),
            region=arn.region,
            account_id=arn.account_id,
            partition=arn.partition,
        )

    def require_issuer(self) -> str:
        """The issuer.

        :raises InvalidInput: the cluster has none.
        """
        if self.issuer:
            return self.issuer
        if self.status == "ACTIVE":
            cause, fix = "DescribeCluster returns no identity.oidc", "use a cluster whose control plane EKS runs"
        else:
            cause, fix = f"its status is {self.status}", "wait until the cluster is ACTIVE"
        raise InvalidInput(f"EKS cluster {self.name} has no OIDC issuer", cause=cause, fix=fix, cluster=self.name)
