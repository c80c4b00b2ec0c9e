# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import time
import typing as t
import urllib.parse

import boto3
import botocore.session
import pytest
from botocore.signers import RequestSigner
from sandbox import authenticator, settings

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from sandbox.tests.support.aws_server import Aws

CLUSTER = "production"
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{settings.ACCOUNT_ID}:root"},
    "Action": "sts:AssumeRole",
}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
KEYS = {"aws_access_key_id": settings.ACCESS_KEY_ID, "aws_secret_access_key": settings.SECRET_ACCESS_KEY}


@pytest.fixture(scope="module")
def sts_endpoint(aws_server: Aws) -> str:
    aws_server.write_cluster()
    return aws_server.endpoint


def find_known_secrets(access_key_id: str, _endpoint: str) -> authenticator.KeySecrets | None:
    secrets = authenticator.KeySecrets(settings.SECRET_ACCESS_KEY)
    return secrets if access_key_id == settings.ACCESS_KEY_ID else None


def presign(
    *,
    cluster: str = CLUSTER,
    region: str = "eu-west-1",
    host: str | None = None,
    key: str = settings.ACCESS_KEY_ID,
    secret: str = settings.SECRET_ACCESS_KEY,
    session_token: str | None = None,
    expires: int = 60,
    action: str = "GetCallerIdentity",
    headers: dict[str, str] | None = None,
) -> str:
    session = botocore.session.Session()
    session.set_credentials(key, secret, session_token)
    model = session.get_service_model("sts")
    signer = RequestSigner(
        model.service_id, region, "sts", "v4", session.get_credentials(), session.get_component("event_emitter")
    )
    request = {
        "method": "GET",
        "url": f"https://{host or f'sts.{region}.amazonaws.com'}/?Action={action}&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster} if headers is None else headers,
        "context": {},
    }
    return str(signer.generate_presigned_url(request, region_name=region, expires_in=expires, operation_name=""))


def encode(url: str) -> str:
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def check(token: str, sts_endpoint: str = "http://127.0.0.1:1", **options: t.Any) -> authenticator.TokenIdentity:
    """Verify a token. The default endpoint does not exist, so a token that is rejected is rejected without STS."""
    return authenticator.authenticate(token, cluster=CLUSTER, region="eu-west-1", sts_endpoint=sts_endpoint, **options)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="regional"),
        pytest.param({"region": "us-east-2"}, id="another-region-of-the-partition"),
        pytest.param({"host": "sts.amazonaws.com", "region": "us-east-1"}, id="global"),
        pytest.param({"expires": 0}, id="shortest"),
        pytest.param({"expires": 900}, id="longest"),
        pytest.param({"headers": {"X-K8S-AWS-ID": CLUSTER}}, id="header-in-capitals"),
    ],
)
def test_valid_tokens(options: dict[str, t.Any], sts_endpoint: str) -> None:
    identity = check(encode(presign(**options)), sts_endpoint)
    assert identity.account_id == settings.ACCOUNT_ID
    assert identity.username == identity.arn
    assert identity.arn.startswith("arn:aws:")
    assert identity.groups == ("system:masters", "system:authenticated")


def presign_and_edit(change: Callable[[str], str]) -> str:
    return encode(change(presign()))


def presign_without(name: str) -> str:
    url = urllib.parse.urlsplit(presign())
    parts = [part for part in url.query.split("&") if not part.startswith(f"{name}=")]
    assert len(parts) < len(url.query.split("&"))
    return encode(url._replace(query="&".join(parts)).geturl())


@pytest.mark.parametrize(
    ("make_token", "reason"),
    [
        pytest.param(lambda: "", "prefix", id="empty"),
        pytest.param(lambda: "k8s-aws-v2." + encode(presign())[11:], "prefix", id="other-prefix"),
        pytest.param(lambda: "k8s-aws-v1." + "A" * 4086, "too large", id="over-4096-bytes"),
        pytest.param(lambda: encode(presign()) + "=", "unpadded", id="padded"),
        pytest.param(lambda: encode(presign()) + "+/", "unpadded", id="plain-base64"),
        pytest.param(lambda: "k8s-aws-v1.A", "does not hold a URL", id="impossible-length"),
        pytest.param(lambda: "k8s-aws-v1." + "_" * 8, "does not hold a URL", id="not-text"),
        pytest.param(lambda: encode("https://sts.eu-west-1.amazonaws.com/"), "unexpected action", id="no-query"),
        pytest.param(
            lambda: presign_and_edit(lambda url: url.replace("https://", "http://")), "scheme 'http'", id="scheme"
        ),
        pytest.param(lambda: encode(presign(host="evil.example.com")), "unexpected hostname", id="host"),
        pytest.param(
            lambda: encode(presign(host="sts.eu-west-1.amazonaws.com.evil.example")), "unexpected hostname", id="suffix"
        ),
        pytest.param(
            lambda: encode(presign(host="sts.eu-west-1.amazonaws.com.cn")), "unexpected hostname", id="partition"
        ),
        pytest.param(lambda: encode(presign(host="sts.nowhere-9.amazonaws.com")), "unexpected hostname", id="region"),
        pytest.param(lambda: encode(presign(host="iam.amazonaws.com")), "unexpected hostname", id="service"),
        pytest.param(
            lambda: encode(presign(host="sts.eu-west-1.amazonaws.com:8443")), "unexpected hostname", id="port"
        ),
        pytest.param(
            lambda: encode(presign(host="me@sts.eu-west-1.amazonaws.com")), "unexpected hostname", id="user-info"
        ),
        pytest.param(lambda: encode(presign(host="127.0.0.1:5000")), "unexpected hostname", id="endpoint-override"),
        pytest.param(lambda: presign_and_edit(lambda url: url.replace("/?", "/x?")), "unexpected path", id="path"),
        pytest.param(lambda: presign_and_edit(lambda url: url.replace("/?", "?")), "unexpected path", id="no-path"),
        pytest.param(
            lambda: presign_and_edit(lambda url: url + "&Foo=bar"), "unknown query parameter 'Foo'", id="parameter"
        ),
        pytest.param(
            lambda: presign_and_edit(lambda url: url + "&Action=GetCallerIdentity"),
            "duplicate query parameter",
            id="duplicate",
        ),
        pytest.param(
            lambda: presign_and_edit(lambda url: url + "&action=GetCallerIdentity"),
            "duplicate query",
            id="duplicate-other-case",
        ),
        pytest.param(lambda: encode(presign(action="GetSessionToken")), "unexpected action", id="action"),
        pytest.param(lambda: presign_without("Action"), "unexpected action", id="no-action"),
        pytest.param(lambda: presign_without("Version"), "IncompleteSignature", id="no-version"),
        pytest.param(lambda: encode(presign(headers={})), "did not sign the x-k8s-aws-id", id="cluster-not-signed"),
        pytest.param(lambda: presign_without("X-Amz-SignedHeaders"), "did not sign", id="no-signed-headers"),
        pytest.param(lambda: encode(presign(expires=901)), "invalid X-Amz-Expires", id="expires-too-long"),
        pytest.param(lambda: encode(presign(expires=-1)), "invalid X-Amz-Expires", id="expires-negative"),
        pytest.param(lambda: presign_without("X-Amz-Expires"), "invalid X-Amz-Expires", id="no-expires"),
        pytest.param(lambda: presign_without("X-Amz-Date"), "X-Amz-Date parameter must be present", id="no-date"),
        pytest.param(
            lambda: presign_and_edit(lambda url: url.replace("X-Amz-Date=2", "X-Amz-Date=x")),
            "error parsing",
            id="date-broken",
        ),
        pytest.param(lambda: presign_without("X-Amz-Credential"), "SignatureDoesNotMatch", id="no-credential"),
        pytest.param(lambda: presign_without("X-Amz-Signature"), "SignatureDoesNotMatch", id="no-signature"),
        pytest.param(
            lambda: presign_and_edit(lambda url: url[:-1] + ("0" if url[-1] != "0" else "1")),
            "SignatureDoesNotMatch",
            id="forged",
        ),
        pytest.param(lambda: encode(presign(secret="guessed")), "SignatureDoesNotMatch", id="wrong-secret"),
        pytest.param(lambda: encode(presign(cluster="irsa-other")), "must be 'production'", id="another-cluster"),
        pytest.param(
            lambda: encode(presign(headers={"x-k8s-aws-id": CLUSTER, "x-extra": "1"})),
            "SignatureDoesNotMatch",
            id="a-signed-header-that-the-verifier-does-not-send",
        ),
        pytest.param(lambda: encode(presign(session_token="made-up")), "InvalidClientTokenId", id="session-token"),
        pytest.param(
            lambda: presign_and_edit(lambda url: url.replace("%2Fsts%2F", "%2Fiam%2F")),
            "credential's scope",
            id="scope",
        ),
    ],
)
def test_invalid_tokens(make_token: Callable[[], str], reason: str) -> None:
    token = make_token()
    with pytest.raises(authenticator.TokenRejected, match=reason) as caught:
        check(token, get_secrets=find_known_secrets)
    signature = presign().rpartition("=")[2]
    assert signature not in str(caught.value)
    assert settings.SECRET_ACCESS_KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("age", "reason"),
    [(0, None), (14 * 60, None), (15 * 60 + 2, "expired"), (-4 * 60, None), (-6 * 60, "not yet current")],
)
def test_token_age(age: int, reason: str | None, sts_endpoint: str) -> None:
    token = encode(presign())
    if reason is None:
        assert check(token, sts_endpoint, now=time.time() + age).account_id == settings.ACCOUNT_ID
        return
    with pytest.raises(authenticator.TokenRejected, match=reason):
        check(token, now=time.time() + age)


@pytest.mark.parametrize(
    ("partition", "region", "accepted"),
    [("aws-cn", "cn-north-1", True), ("aws-cn", "eu-west-1", False), ("aws-us-gov", "us-gov-west-1", True)],
)
def test_partitions(partition: str, region: str, accepted: bool, sts_endpoint: str) -> None:
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    token = encode(presign(region=region, host=f"sts.{region}.{suffix}"))
    options = {"cluster": CLUSTER, "sts_endpoint": sts_endpoint, "partition": partition}
    cluster_region = "cn-northwest-1" if partition == "aws-cn" else "us-gov-east-1"
    if accepted:
        assert authenticator.authenticate(token, region=cluster_region, **options).account_id == settings.ACCOUNT_ID
    else:
        with pytest.raises(authenticator.TokenRejected, match="unexpected hostname"):
            authenticator.authenticate(token, region=cluster_region, **options)


def test_global_endpoint_exists_only_in_partition_aws() -> None:
    with pytest.raises(authenticator.TokenRejected, match="unexpected hostname"):
        check(encode(presign(host="sts.amazonaws.com")), partition="aws-us-gov")


def test_unknown_access_key(sts_endpoint: str) -> None:
    with pytest.raises(authenticator.TokenRejected, match="InvalidClientTokenId"):
        check(encode(presign(key="AKIAUNKNOWN000000000")), sts_endpoint)


def test_sts_is_unreachable() -> None:
    with pytest.raises(authenticator.TokenRejected, match="error during GET of STS"):
        check(encode(presign()))


@pytest.fixture(scope="module")
def session(sts_endpoint: str) -> dict[str, str]:
    """Credentials of an assumed role."""
    options = {**KEYS, "endpoint_url": sts_endpoint, "region_name": "eu-west-1"}
    role = boto3.client("iam", **options).create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)["Role"]
    return boto3.client("sts", **options).assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]


def test_identity_of_assumed_role(session: dict[str, str], sts_endpoint: str) -> None:
    token = encode(
        presign(key=session["AccessKeyId"], secret=session["SecretAccessKey"], session_token=session["SessionToken"])
    )
    assert check(token, sts_endpoint).arn == "arn:aws:sts::123456789012:assumed-role/reader/me"


@pytest.mark.parametrize("wrong", ["secret", "session_token"])
def test_assumed_role_with_wrong_secrets(session: dict[str, str], wrong: str, sts_endpoint: str) -> None:
    parts = {
        "key": session["AccessKeyId"],
        "secret": session["SecretAccessKey"],
        "session_token": session["SessionToken"],
        wrong: "other",
    }
    with pytest.raises(authenticator.TokenRejected, match=r"SignatureDoesNotMatch|InvalidClientTokenId"):
        check(encode(presign(**parts)), sts_endpoint)


READER = {"username": "reader:me", "groups": ["viewers"]}


@pytest.mark.parametrize(
    ("access", "username", "groups"),
    [
        ({"arn:aws:iam::123456789012:role/reader": READER}, "reader:me", ("viewers", "system:authenticated")),
        ({"arn:aws:sts::*:assumed-role/reader/*": READER}, "reader:me", ("viewers", "system:authenticated")),
        ({"*": {"groups": []}}, "arn:aws:sts::123456789012:assumed-role/reader/me", ("system:authenticated",)),
        ({"*role/other*": READER, "*reader*": READER}, "reader:me", ("viewers", "system:authenticated")),
        ({"*role/other*": READER}, "arn:aws:sts::123456789012:assumed-role/reader/me", ("system:masters",)),
        ({"*reader*": None}, None, ()),
    ],
)
def test_access(
    access: authenticator.Access,
    username: str | None,
    groups: tuple[str, ...],
    session: dict[str, str],
    sts_endpoint: str,
) -> None:
    token = encode(
        presign(key=session["AccessKeyId"], secret=session["SecretAccessKey"], session_token=session["SessionToken"])
    )
    if username is None:
        with pytest.raises(authenticator.TokenRejected, match="has no access to the cluster"):
            check(token, sts_endpoint, access=access)
        return
    identity = check(token, sts_endpoint, access=access)
    assert identity.username == username
    assert set(groups) <= set(identity.groups)
    assert ("system:masters" in identity.groups) is ("system:masters" in groups)


def test_load_access(tmp_path: pathlib.Path) -> None:
    assert authenticator.load_access(tmp_path / "access.json") == {}
    (tmp_path / "access.json").write_text(json.dumps({"*": READER}))
    assert authenticator.load_access(tmp_path / "access.json") == {"*": READER}


def test_review() -> None:
    arn = "arn:aws:sts::123456789012:assumed-role/path/reader/me"

    def check_token(token: str) -> authenticator.TokenIdentity:
        if token != "good":
            raise authenticator.TokenRejected("because")
        return authenticator.TokenIdentity("me", ("a", "b"), arn, "123456789012")

    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "good"}}
    response = authenticator.review_token(request, check_token)
    assert (response["apiVersion"], response["kind"]) == ("authentication.k8s.io/v1", "TokenReview")
    assert response["status"]["authenticated"] is True
    user = response["status"]["user"]
    assert (user["username"], user["groups"]) == ("me", ["a", "b"])
    assert user["extra"]["canonicalArn"] == ["arn:aws:iam::123456789012:role/path/reader"]
    for spec in ({"token": "bad"}, {}, None):
        rejected = authenticator.review_token({**request, "spec": spec}, check_token)
        assert rejected["status"] == {"authenticated": False, "error": "because"}
