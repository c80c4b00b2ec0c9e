# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify EKS bearer tokens as the EKS authenticator does.

The checks are those of https://github.com/kubernetes-sigs/aws-iam-authenticator (pkg/token, tokenVerifier.Verify). In
addition, the signature must be valid for the access key and the cluster's name. STS checks this, but moto does not.

Needed by: targets awx, every_plugin, fleet, import, irsa_audit; demo.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import dataclasses
import fnmatch
import functools
import hmac
import json
import re
import time
import typing as t
import urllib.parse

import botocore.session
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox import settings

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Mapping

    Json = dict[str, t.Any]
    Access = Mapping[str, Mapping[str, t.Any] | None]

PREFIX = "k8s-aws-v1."
MAX_BYTES = 4096
LIFETIME = 15 * 60
# STS rejects a signature that is dated later than this.
MAX_SKEW = 5 * 60
CLUSTER_HEADER = "x-k8s-aws-id"

_PARAMETERS = frozenset(
    {
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
_DOMAINS = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}

_http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=8), retries=False)


class TokenRejected(Exception):
    """The token is not valid, or its user has no access. The message has the reason and no secrets."""


@dataclasses.dataclass(frozen=True)
class TokenIdentity:
    """The Kubernetes user and the AWS identity behind a token."""

    username: str
    groups: tuple[str, ...]
    arn: str
    account_id: str


@dataclasses.dataclass(frozen=True)
class KeySecrets:
    """The secrets of an access key.

    :param session_token: None for a long-lived key.
    """

    secret_access_key: str
    session_token: str | None = None


def authenticate(
    token: str,
    *,
    cluster: str,
    region: str,
    sts_endpoint: str,
    now: float | None = None,
    partition: str = settings.PARTITION,
    access: Access | None = None,
    get_secrets: Callable[[str, str], KeySecrets | None] | None = None,
) -> TokenIdentity:
    """Verify a bearer token and return its identity, which STS reports.

    :param token: the token without "Bearer ".
    :param cluster: the name of the cluster, which the token's signature must cover.
    :param region: the cluster's region. Its STS host is valid even if botocore does not know the region.
    :param sts_endpoint: the URL of the sandbox's AWS.
    :param now: seconds since the epoch; default is the current time.
    :param access: users and groups by ARN pattern, see ``load_access``. Any other ARN is a cluster administrator.
    :param get_secrets: returns the secrets for an access key id and an STS endpoint; default is ``find_secrets``.
    :raises TokenRejected: for a token for which EKS would return status 401.
    """
    url, parameters = _parse_token(token)
    _check_host(url.hostname or "", url.netloc, region, partition)
    if url.path != "/":
        raise TokenRejected(f"unexpected path {url.path!r} in the pre-signed URL")
    _check_parameters(parameters)
    _check_date(parameters["x-amz-date"], time.time() if now is None else now)
    _check_signature(url, parameters, cluster, (get_secrets or find_secrets), sts_endpoint)
    arn, account_id = _get_caller(sts_endpoint, url, parameters, cluster)
    return _map_identity(arn, account_id, access or {})


def load_access(path: pathlib.Path) -> Access:
    """Read access.json: {ARN pattern: {"username": str, "groups": [str]}}, or null instead of the user to deny access.

    Patterns are those of fnmatch. The first one that matches the caller's ARN or its role's ARN applies.

    :returns: {} if the file does not exist.
    """
    try:
        return t.cast("Access", json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def review_token(request: Json, check: Callable[[str], TokenIdentity]) -> Json:
    """Return the TokenReview with a status.

    :param request: a TokenReview (authentication.k8s.io v1 or v1beta1).
    :param check: verifies a token, as ``authenticate`` does.
    """
    head: Json = {"apiVersion": request.get("apiVersion"), "kind": "TokenReview"}
    try:
        identity = check(str((request.get("spec") or {}).get("token", "")))
    except TokenRejected as error:
        return {**head, "status": {"authenticated": False, "error": str(error)}}
    user = {
        "username": identity.username,
        "uid": f"aws-iam-authenticator:{identity.account_id}:{identity.arn}",
        "groups": list(identity.groups),
        "extra": {"arn": [identity.arn], "canonicalArn": [_role_arn(identity.arn)]},
    }
    return {**head, "status": {"authenticated": True, "user": user}}


def find_secrets(access_key_id: str, sts_endpoint: str) -> KeySecrets | None:
    """Read the secrets of an access key from the sandbox's AWS.

    :returns: None if the key does not exist.
    :raises TokenRejected: if the sandbox's AWS does not respond.
    """
    path = f"sandbox-api/access-keys/{urllib.parse.quote(access_key_id, safe='')}"
    response = _send_get(sts_endpoint, path, {})
    return KeySecrets(**json.loads(response.data)) if response.status == 200 else None


def _parse_token(token: str) -> tuple[urllib.parse.SplitResult, dict[str, str]]:
    if len(token.encode()) > MAX_BYTES:
        raise TokenRejected("token is too large")
    if not token.startswith(PREFIX):
        raise TokenRejected(f'token is missing expected "{PREFIX}" prefix')
    encoded = token.removeprefix(PREFIX)
    # Python's decoder ignores invalid characters. Go's RawURLEncoding rejects them, and padding.
    if not re.fullmatch(r"[A-Za-z0-9_-]*", encoded):
        raise TokenRejected("token is not unpadded base64url")
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        url = urllib.parse.urlsplit(text)
        pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
    except (binascii.Error, ValueError) as error:
        raise TokenRejected("token does not hold a URL with a query") from error
    if url.scheme != "https":
        raise TokenRejected(f"unexpected scheme {url.scheme!r} in the pre-signed URL")
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name.lower() not in _PARAMETERS:
            raise TokenRejected(f"unknown query parameter {name!r}")
        if name.lower() in parameters:
            raise TokenRejected(f"duplicate query parameter {name!r}")
        parameters[name.lower()] = value
    return url, parameters


def _check_host(host: str, netloc: str, region: str, partition: str) -> None:
    domain = _DOMAINS[partition]
    if netloc == f"sts.{domain}" and partition == "aws":
        return
    match = re.fullmatch(rf"sts(?:-fips)?\.([a-z0-9-]+)\.{re.escape(domain)}", host)
    # A URL with a port or user info has another host in `netloc`, so it is rejected.
    if netloc != host or not match or match[1] not in _regions(partition) | {region}:
        raise TokenRejected(f"unexpected hostname {netloc.rpartition('@')[2]!r} in the pre-signed URL")


@functools.lru_cache
def _regions(partition: str) -> frozenset[str]:
    return frozenset(botocore.session.Session().get_available_regions("sts", partition_name=partition))


def _check_parameters(parameters: dict[str, str]) -> None:
    if parameters.get("action") != "GetCallerIdentity":
        raise TokenRejected("unexpected action parameter in the pre-signed URL")
    if CLUSTER_HEADER not in parameters.get("x-amz-signedheaders", "").lower().split(";"):
        raise TokenRejected(f"client did not sign the {CLUSTER_HEADER} header in the pre-signed URL")
    expires = parameters.get("x-amz-expires", "")
    if not expires.isascii() or not expires.isdigit() or int(expires) > LIFETIME:
        raise TokenRejected(f"invalid X-Amz-Expires parameter {expires!r} in the pre-signed URL")
    if not parameters.get("x-amz-date"):
        raise TokenRejected("X-Amz-Date parameter must be present in the pre-signed URL")


def _check_date(date: str, now: float) -> None:
    try:
        signed = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        raise TokenRejected(f"error parsing X-Amz-Date parameter {date!r}") from error
    if now > signed + LIFETIME:
        raise TokenRejected(f"X-Amz-Date parameter is expired ({LIFETIME // 60} minute expiration) {date}")
    if signed > now + MAX_SKEW:
        raise TokenRejected(f"SignatureDoesNotMatch: Signature not yet current: {date}")


def _check_signature(
    url: urllib.parse.SplitResult,
    parameters: dict[str, str],
    cluster: str,
    get_secrets: Callable[[str, str], KeySecrets | None],
    sts_endpoint: str,
) -> None:
    if parameters.get("version") != "2011-06-15" or parameters.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        raise TokenRejected(
            "IncompleteSignature: the request must have version 2011-06-15 and algorithm AWS4-HMAC-SHA256"
        )
    scope = parameters.get("x-amz-credential", "").split("/")
    if len(scope) != 5 or scope[1] != parameters["x-amz-date"][:8] or scope[3:] != ["sts", "aws4_request"]:
        raise TokenRejected(
            "SignatureDoesNotMatch: the credential's scope must have the request's date and the service sts"
        )
    pair = get_secrets(scope[0], sts_endpoint)
    session_token = parameters.get("x-amz-security-token")
    if pair is None or pair.session_token != session_token:
        raise TokenRejected("InvalidClientTokenId: The security token included in the request is invalid")
    query = "&".join(part for part in url.query.split("&") if not part.lower().startswith("x-amz-signature="))
    signer = SigV4Auth(Credentials(scope[0], pair.secret_access_key), "sts", scope[2])
    # This cluster's name is signed here: a token for another cluster has another signature.
    request = AWSRequest("GET", url._replace(query=query).geturl(), headers={CLUSTER_HEADER: cluster})
    request.context["timestamp"] = parameters["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    expected = signer.signature(text, request).encode()
    if not hmac.compare_digest(expected, parameters.get("x-amz-signature", "").encode()):
        raise TokenRejected(
            "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided"
            f" (the signed {CLUSTER_HEADER} must be {cluster!r})"
        )


def _get_caller(
    sts_endpoint: str, url: urllib.parse.SplitResult, parameters: dict[str, str], cluster: str
) -> tuple[str, str]:
    headers = {
        "Host": url.netloc,
        CLUSTER_HEADER: cluster,
        # moto reads the access key from this header only, not from the query.
        "Authorization": f"AWS4-HMAC-SHA256 Credential={parameters['x-amz-credential']}",
    }
    response = _send_get(sts_endpoint, f"?{url.query}", headers)
    body = response.data.decode(errors="replace")
    if response.status != 200:
        raise TokenRejected(f"error from AWS (expected 200, got {response.status}): {_error_code(body)}")
    arn, account = re.search(r"<Arn>([^<]+)</Arn>", body), re.search(r"<Account>(\d{12})</Account>", body)
    if not arn or not account:
        raise TokenRejected("the response of STS has no ARN or account")
    return arn[1], account[1]


def _send_get(endpoint: str, path: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
    try:
        return _http.request("GET", f"{endpoint.rstrip('/')}/{path}", headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise TokenRejected(f"error during GET of STS at {endpoint}: {type(error).__name__}") from error


def _error_code(body: str) -> str:
    match = re.search(r"<Code>([^<]+)</Code>", body)
    return match[1] if match else "no error code"


def _role_arn(arn: str) -> str:
    """Return the ARN of the role for an assumed role, any other ARN unchanged."""
    match = re.fullmatch(r"(arn:[^:]+):sts::(\d+):assumed-role/(.+)/[^/]+", arn)
    return f"{match[1]}:iam::{match[2]}:role/{match[3]}" if match else arn


def _map_identity(arn: str, account_id: str, access: Access) -> TokenIdentity:
    for pattern, entry in access.items():
        if fnmatch.fnmatchcase(arn, pattern) or fnmatch.fnmatchcase(_role_arn(arn), pattern):
            if entry is None:
                raise TokenRejected(f"{arn} has no access to the cluster")
            groups = tuple(dict.fromkeys([*entry.get("groups", []), "system:authenticated"]))
            return TokenIdentity(entry.get("username", arn), groups, arn, account_id)
    return TokenIdentity(arn, ("system:masters", "system:authenticated"), arn, account_id)
