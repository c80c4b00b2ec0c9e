# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who an EKS bearer token stands for.

The checks are those of https://github.com/kubernetes-sigs/aws-iam-authenticator (pkg/token, tokenVerifier.Verify) and
then one that the real STS makes and moto does not: the signature is the key's, and covers the cluster's name.

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
# STS itself refuses a date further ahead than this.
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


class Refused(Exception):
    """The token is not accepted; the message says why and holds nothing of the token's secret parts."""


@dataclasses.dataclass(frozen=True)
class Identity:
    """Whom Kubernetes sees."""

    username: str
    groups: tuple[str, ...]
    arn: str
    account_id: str


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """An access key's secret half; session_token is None for a long-lived key."""

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
    key_pair: Callable[[str, str], KeyPair | None] | None = None,
) -> Identity:
    """Check a bearer token and ask STS whom it stands for.

    Args:
        token: What follows "Bearer ".
        cluster: The cluster's name, which must be the one that was signed.
        region: The cluster's region, accepted in the STS host even if botocore does not know it.
        sts_endpoint: The sandbox's AWS, for example http://127.0.0.1:5000.
        now: Seconds since the epoch; the present if left out.
        partition: The cluster's partition.
        access: {ARN pattern: {"username", "groups"}}, see load_access. An ARN without an entry is an administrator.
        key_pair: (access key id, sts_endpoint) to its secret; looked up in the sandbox if left out.

    Raises:
        Refused: for a token that EKS would answer with 401.
    """
    url, parameters = _parse(token)
    _check_host(url.hostname or "", url.netloc, region, partition)
    if url.path != "/":
        raise Refused(f"unexpected path {url.path!r} in the pre-signed URL")
    _check_parameters(parameters)
    _check_date(parameters["x-amz-date"], time.time() if now is None else now)
    _check_signature(url, parameters, cluster, (key_pair or find_key_pair), sts_endpoint)
    arn, account_id = _caller(sts_endpoint, url, parameters, cluster)
    return _map(arn, account_id, access or {})


def load_access(path: pathlib.Path) -> Access:
    """Read access.json: {ARN pattern, as of fnmatch: {"username": str, "groups": [str]}, or null to shut out}.

    The first pattern that matches the caller's ARN, or its role's ARN, counts. Without the file it is {}.
    """
    try:
        return t.cast("Access", json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def review(request: Json, check: Callable[[str], Identity]) -> Json:
    """Answer a TokenReview (authentication.k8s.io v1 or v1beta1)."""
    answer: Json = {"apiVersion": request.get("apiVersion"), "kind": "TokenReview"}
    try:
        identity = check(str((request.get("spec") or {}).get("token", "")))
    except Refused as error:
        return {**answer, "status": {"authenticated": False, "error": str(error)}}
    user = {
        "username": identity.username,
        "uid": f"aws-iam-authenticator:{identity.account_id}:{identity.arn}",
        "groups": list(identity.groups),
        "extra": {"arn": [identity.arn], "canonicalArn": [_role_arn(identity.arn)]},
    }
    return {**answer, "status": {"authenticated": True, "user": user}}


def find_key_pair(access_key_id: str, sts_endpoint: str) -> KeyPair | None:
    """Return the secret of an access key from the sandbox's AWS, None for a key that it never handed out.

    Raises:
        Refused: the sandbox's AWS does not answer.
    """
    path = f"sandbox-api/access-keys/{urllib.parse.quote(access_key_id, safe='')}"
    response = _get(sts_endpoint, path, {})
    return KeyPair(**json.loads(response.data)) if response.status == 200 else None


def _parse(token: str) -> tuple[urllib.parse.SplitResult, dict[str, str]]:
    if len(token.encode()) > MAX_BYTES:
        raise Refused("token is too large")
    if not token.startswith(PREFIX):
        raise Refused(f'token is missing expected "{PREFIX}" prefix')
    encoded = token.removeprefix(PREFIX)
    # Python's decoder skips foreign characters; Go's RawURLEncoding does not, and takes no padding.
    if not re.fullmatch(r"[A-Za-z0-9_-]*", encoded):
        raise Refused("token is not unpadded base64url")
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        url = urllib.parse.urlsplit(text)
        pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("token does not hold a URL with a query") from error
    if url.scheme != "https":
        raise Refused(f"unexpected scheme {url.scheme!r} in the pre-signed URL")
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name.lower() not in _PARAMETERS:
            raise Refused(f"unknown query parameter {name!r}")
        if name.lower() in parameters:
            raise Refused(f"duplicate query parameter {name!r}")
        parameters[name.lower()] = value
    return url, parameters


def _check_host(host: str, netloc: str, region: str, partition: str) -> None:
    domain = _DOMAINS[partition]
    if netloc == f"sts.{domain}" and partition == "aws":
        return
    match = re.fullmatch(rf"sts(?:-fips)?\.([a-z0-9-]+)\.{re.escape(domain)}", host)
    # The port and the user info count as part of the host here, so that neither can be smuggled in.
    if netloc != host or not match or match[1] not in _regions(partition) | {region}:
        raise Refused(f"unexpected hostname {netloc.rpartition('@')[2]!r} in the pre-signed URL")


@functools.lru_cache
def _regions(partition: str) -> frozenset[str]:
    return frozenset(botocore.session.Session().get_available_regions("sts", partition_name=partition))


def _check_parameters(parameters: dict[str, str]) -> None:
    if parameters.get("action") != "GetCallerIdentity":
        raise Refused("unexpected action parameter in the pre-signed URL")
    if CLUSTER_HEADER not in parameters.get("x-amz-signedheaders", "").lower().split(";"):
        raise Refused(f"client did not sign the {CLUSTER_HEADER} header in the pre-signed URL")
    expires = parameters.get("x-amz-expires", "")
    if not expires.isascii() or not expires.isdigit() or int(expires) > LIFETIME:
        raise Refused(f"invalid X-Amz-Expires parameter {expires!r} in the pre-signed URL")
    if not parameters.get("x-amz-date"):
        raise Refused("X-Amz-Date parameter must be present in the pre-signed URL")


def _check_date(date: str, now: float) -> None:
    try:
        signed = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        raise Refused(f"error parsing X-Amz-Date parameter {date!r}") from error
    if now > signed + LIFETIME:
        raise Refused(f"X-Amz-Date parameter is expired ({LIFETIME // 60} minute expiration) {date}")
    if signed > now + MAX_SKEW:
        raise Refused(f"SignatureDoesNotMatch: Signature not yet current: {date}")


def _check_signature(
    url: urllib.parse.SplitResult,
    parameters: dict[str, str],
    cluster: str,
    key_pair: Callable[[str, str], KeyPair | None],
    sts_endpoint: str,
) -> None:
    if parameters.get("version") != "2011-06-15" or parameters.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        raise Refused("IncompleteSignature: not a request that STS of 2011-06-15 knows, signed with AWS4-HMAC-SHA256")
    scope = parameters.get("x-amz-credential", "").split("/")
    if len(scope) != 5 or scope[1] != parameters["x-amz-date"][:8] or scope[3:] != ["sts", "aws4_request"]:
        raise Refused("SignatureDoesNotMatch: the credential's scope is not that of a request to sts on that day")
    pair = key_pair(scope[0], sts_endpoint)
    session_token = parameters.get("x-amz-security-token")
    if pair is None or pair.session_token != session_token:
        raise Refused("InvalidClientTokenId: The security token included in the request is invalid")
    query = "&".join(part for part in url.query.split("&") if not part.lower().startswith("x-amz-signature="))
    signer = SigV4Auth(Credentials(scope[0], pair.secret_access_key), "sts", scope[2])
    # The name that goes in here is this cluster's own: a token for another one has another signature.
    request = AWSRequest("GET", url._replace(query=query).geturl(), headers={CLUSTER_HEADER: cluster})
    request.context["timestamp"] = parameters["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    expected = signer.signature(text, request).encode()
    if not hmac.compare_digest(expected, parameters.get("x-amz-signature", "").encode()):
        raise Refused(
            "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided"
            f" (the signed {CLUSTER_HEADER} must be {cluster!r})"
        )


def _caller(
    sts_endpoint: str, url: urllib.parse.SplitResult, parameters: dict[str, str], cluster: str
) -> tuple[str, str]:
    headers = {
        "Host": url.netloc,
        CLUSTER_HEADER: cluster,
        # moto reads the caller's key out of this header only, not out of the query.
        "Authorization": f"AWS4-HMAC-SHA256 Credential={parameters['x-amz-credential']}",
    }
    response = _get(sts_endpoint, f"?{url.query}", headers)
    body = response.data.decode(errors="replace")
    if response.status != 200:
        raise Refused(f"error from AWS (expected 200, got {response.status}): {_error_code(body)}")
    arn, account = re.search(r"<Arn>([^<]+)</Arn>", body), re.search(r"<Account>(\d{12})</Account>", body)
    if not arn or not account:
        raise Refused("STS's answer names no caller")
    return arn[1], account[1]


def _get(endpoint: str, path: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
    try:
        return _http.request("GET", f"{endpoint.rstrip('/')}/{path}", headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise Refused(f"error during GET of STS at {endpoint}: {type(error).__name__}") from error


def _error_code(body: str) -> str:
    found = re.search(r"<Code>([^<]+)</Code>", body)
    return found[1] if found else "no error code"


def _role_arn(arn: str) -> str:
    """Return the role's ARN of an assumed role, another ARN as it is."""
    match = re.fullmatch(r"(arn:[^:]+):sts::(\d+):assumed-role/(.+)/[^/]+", arn)
    return f"{match[1]}:iam::{match[2]}:role/{match[3]}" if match else arn


def _map(arn: str, account_id: str, access: Access) -> Identity:
    for pattern, entry in access.items():
        if fnmatch.fnmatchcase(arn, pattern) or fnmatch.fnmatchcase(_role_arn(arn), pattern):
            if entry is None:
                raise Refused(f"{arn} has no access to the cluster")
            groups = tuple(dict.fromkeys([*entry.get("groups", []), "system:authenticated"]))
            return Identity(entry.get("username", arn), groups, arn, account_id)
    return Identity(arn, ("system:masters", "system:authenticated"), arn, account_id)
