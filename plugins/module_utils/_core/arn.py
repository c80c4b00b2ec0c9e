# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ARNs, names of OIDC providers, and EKS clusters."""

from __future__ import annotations

import base64
import dataclasses
import functools
import re
import typing as t

from .errors import BadConnection, InvalidInput
from .wording import excerpt

# The audience that IRSA uses in every partition, China included:
# https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html
STS_AUDIENCE = "sts.amazonaws.com"
# The host name of STS in China, often used as audience by mistake.
CN_AUDIENCE = "sts.amazonaws.com.cn"
ROLE_ARN_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"
REGIONAL_ANNOTATION = "eks.amazonaws.com/sts-regional-endpoints"
EXPIRATION_ANNOTATION = "eks.amazonaws.com/token-expiration"
# The shortest lifetime of a token in seconds. The webhook raises a shorter one.
MIN_EXPIRATION = 600

# The issuer of an EKS cluster without its scheme; the groups are host, region, host, id.
EKS_ISSUER = re.compile(r"(oidc[.-]eks(?:-fips)?\.)([a-z0-9-]+)(\.[a-z.]+/id/)([0-9A-Za-z]+)", re.IGNORECASE)
# EKS publishes the keys of each cluster also under a dual-stack host, oidc-eks.REGION.api.aws, but its tokens always
# name the other host: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html. By suffix of that host, the
# suffix of the host in tokens.
_DUAL_STACK_PREFIX = "oidc-eks"
_DUAL_STACK_SUFFIXES = {
    "api.aws": "amazonaws.com",
    "api.amazonwebservices.com.cn": "amazonaws.com.cn",
    "api.amazonwebservices.eu": "amazonaws.eu",
}
# The URL of an API server; the groups are host and port. It has no user, path and query.
_ENDPOINT = re.compile(r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::([0-9]{1,5}))?/?")
# What precedes the region in the host of an API server, under the suffix of EKS and under the one of all dual-stack
# hosts: https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html. Under the latter, customers have hosts
# of other services too, such as those of API Gateway.
_EKS_LABELS = r"[0-9a-z]+(?:\.[0-9a-z-]+)*"
_DUAL_STACK_LABELS = r"[0-9a-f]{32}(?:\.[a-z]{2}[0-9]{1,2})?(?:\.eks-cluster)?"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_PROVIDER_RESOURCE = "oidc-provider/"
_ROLE_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}:role/[\w\-/.@+=,]+", re.ASCII)
_ARN = re.compile(r"arn:(aws[a-z0-9-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws|):(.+)")


@dataclasses.dataclass(frozen=True)
class Arn:
    """An Amazon Resource Name by its parts."""

    partition: str
    service: str
    region: str
    account_id: str
    resource: str

    @classmethod
    @functools.lru_cache(maxsize=16384)  # a run over thousands of roles parses each ARN many times
    def parse(cls, text: str) -> Arn:
        """Parse an ARN.

        :raises InvalidInput: ``text`` is not an ARN.
        """
        match = _ARN.fullmatch(text)
        if match is None:
            raise InvalidInput(
                f"{text!r} is not a valid ARN", fix="use the form arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"
            )
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}:{self.resource}"


def is_role_arn(text: str) -> bool:
    """Whether a text has the form of a role ARN. Blanks and quotes around it are errors: the webhook keeps them."""
    return _ROLE_ARN.fullmatch(text) is not None


def is_session_of(caller_arn: str, role: Arn) -> bool:
    """Whether a caller is a session of the role. The ARN of a session has the role's name without its path."""
    caller = Arn.parse(caller_arn)
    kind, _slash, rest = caller.resource.partition("/")
    return (
        kind == "assumed-role"
        and (caller.partition, caller.account_id) == (role.partition, role.account_id)
        and rest.partition("/")[0] == role.resource.rpartition("/")[2]
    )


def provider_of(issuer: str) -> str:
    """The name of an issuer's provider in IAM: the issuer's URL without scheme."""
    return issuer.removeprefix("https://")


def provider_arn(partition: str, account_id: str, issuer: str) -> str:
    """The ARN of the OIDC provider of ``issuer`` in an account."""
    return f"arn:{partition}:iam::{account_id}:{_PROVIDER_RESOURCE}{provider_of(issuer)}"


def provider_name(arn: str) -> str:
    """The name of the provider with this ARN; empty if the ARN is not an OIDC provider's."""
    return arn.partition(f":{_PROVIDER_RESOURCE}")[2]


def region_of(issuer: str | None) -> str | None:
    """The region in the URL of a cluster's OIDC issuer; None if the URL has no region."""
    match = EKS_ISSUER.fullmatch(provider_of(issuer or ""))
    return match[2].lower() if match else None


def issuer_in_tokens(issuer: str) -> str | None:
    """The issuer in the tokens of the cluster, for a URL with the dual-stack host of EKS; None for all other URLs.

    :param issuer: with or without ``https://``, as the result.
    """
    match = EKS_ISSUER.fullmatch(provider_of(issuer).rstrip("/"))
    if match is None or not match[1].lower().startswith(_DUAL_STACK_PREFIX):
        return None
    suffix = match[3].lower().removeprefix(".").removesuffix("/id/")
    scheme = "https://" if issuer.startswith("https://") else ""
    prefix = match[1].lower().replace("-", ".", 1)
    return f"{scheme}{prefix}{match[2].lower()}.{_DUAL_STACK_SUFFIXES.get(suffix, suffix)}/id/{match[4]}"


def describe_url_difference(name: str, expected: str) -> str | None:
    """How a provider's name differs from the expected one: in a slash, in case, in the region, or in the host.

    :returns: None if the names are equal or differ in more than that.
    """
    if name == expected:
        return None
    name, expected = name.rstrip("/"), expected.rstrip("/")
    if name == expected:
        return "a slash at its end"
    if name.lower() == expected.lower():
        return "upper and lower case"
    issuer, expected_issuer = EKS_ISSUER.fullmatch(name), EKS_ISSUER.fullmatch(expected)
    if not issuer or not expected_issuer or issuer[4].lower() != expected_issuer[4].lower():
        return None
    if issuer[2].lower() != expected_issuer[2].lower():
        return "the region"
    return "the host (it has the dual-stack host of the same cluster)" if issuer_in_tokens(name) else "the host"


def describe_provider_difference(arn: str, expected: str) -> str | None:
    """The result of `describe_url_difference` for the ARNs of two providers; None if their accounts differ."""
    name, expected_name = provider_name(arn), provider_name(expected)
    if arn.removesuffix(name) != expected.removesuffix(expected_name):
        return None
    return describe_url_difference(name, expected_name)


@dataclasses.dataclass(frozen=True)
class EksCluster:
    """An EKS cluster as DescribeCluster returns it.

    :param certificate_authority: the API server's CA, PEM in base64; None while the cluster is created.
    :param issuer: the OIDC issuer exactly as AWS returns it; None if the cluster does not have one.
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
        """Build it from DescribeCluster's ``cluster``. Region, account and partition come from the ARN.

        :raises InvalidInput: a value is not text, or the ARN is not valid.
        :raises KeyError: the name, the ARN or the status is missing.
        """
        texts = {
            "name": cluster["name"],
            "arn": cluster["arn"],
            "status": cluster["status"],
            "version": cluster.get("version"),
            "endpoint": cluster.get("endpoint"),
            "certificate_authority": (cluster.get("certificateAuthority") or {}).get("data"),
            "issuer": ((cluster.get("identity") or {}).get("oidc") or {}).get("issuer"),
        }
        for key, value in texts.items():
            if not isinstance(value, str) and (value is not None or key in ("name", "arn", "status")):
                raise InvalidInput(f"{key} of an EKS cluster is not text")
        arn = Arn.parse(texts["arn"])
        return cls(**texts, region=arn.region, account_id=arn.account_id, partition=arn.partition)

    def require_issuer(self) -> str:
        """The cluster's OIDC issuer.

        :raises InvalidInput: the cluster does not have an issuer.
        """
        if self.issuer:
            return self.issuer
        if self.status == "ACTIVE":
            cause, fix = "DescribeCluster returns no identity.oidc", "use a cluster whose control plane runs on EKS"
        else:
            cause, fix = f"its status is {self.status}", "wait until the cluster is ACTIVE"
        raise InvalidInput(f"EKS cluster {self.name} has no OIDC issuer", cause=cause, fix=fix, cluster=self.name)

    def require_provider_arn(self) -> str:
        """The ARN of the cluster's OIDC provider in the cluster's own account.

        :raises InvalidInput: the cluster does not have an issuer.
        """
        return provider_arn(self.partition, self.account_id, self.require_issuer())

    def require_endpoint(self, dns_suffix: str, dual_stack_suffix: str, eks_host: str | None) -> str:
        """The URL of the cluster's API server, after a check that EKS hands out such URLs: a token is sent there.

        :param dns_suffix: ``amazonaws.com``.
        :param dual_stack_suffix: ``api.aws``.
        :param eks_host: the host that answered DescribeCluster. With the option ``endpoint_url``, the API server may
            be there too.
        :raises BadConnection: the cluster does not have an endpoint, or not one of EKS.
        """
        if not self.endpoint or not self.certificate_authority:
            raise BadConnection(
                f"EKS cluster {self.name} has no API endpoint",
                cause=f"its status is {self.status}",
                fix="wait until the cluster is ACTIVE",
                cluster=self.name,
            )
        match = _ENDPOINT.fullmatch(self.endpoint)
        host = match[1].lower() if match else ""
        forms = (
            rf"{_EKS_LABELS}\.{re.escape(f'{self.region}.eks.{dns_suffix}')}",
            rf"{_DUAL_STACK_LABELS}\.{re.escape(f'{self.region}.{dual_stack_suffix}')}",
        )
        if match is None:
            cause = "it is not https:// and a host, without user, path and query"
        elif host.strip("[]") == eks_host:
            return self.endpoint.rstrip("/")
        elif match[2] not in (None, "443") or not any(re.fullmatch(form, host) for form in forms):
            cause = f"EKS uses hosts under {self.region}.eks.{dns_suffix} and {self.region}.{dual_stack_suffix}"
        else:
            return self.endpoint.rstrip("/")
        raise BadConnection(
            f"the endpoint {excerpt(self.endpoint, 200)} of EKS cluster {self.name} is not an endpoint of EKS",
            cause=f"{cause}; no token was created for it",
            fix="check endpoint_url, AWS_ENDPOINT_URL and the proxy, which may answer in place of AWS; or connect with "
            "kubeconfig or host",
            cluster=self.name,
        )

    def is_served_by(self, url: str, authority: str | None) -> bool | None:
        """Whether an API server belongs to the cluster; None if URL and certificates do not tell.

        :param authority: the certificates, in PEM, that verify the API server; None if others or none do.
        """
        if self.endpoint and _normalize(url) == _normalize(self.endpoint):
            return True
        try:
            own = _certificates(base64.b64decode(self.certificate_authority or "").decode("ascii"))
        except ValueError:
            own = frozenset()
        given = _certificates(authority or "")
        if not own or not given:
            return None
        if given <= own:
            return True
        return False if own.isdisjoint(given) else None


def _normalize(url: str) -> str:
    return url.lower().rstrip("/").removesuffix(":443")


def _certificates(pem: str) -> frozenset[str]:
    return frozenset("".join(body.split()) for body in _CERTIFICATE.findall(pem))
