# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several accounts: the credentials and endpoint of each call, and the regions of an account."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import typing as t
import urllib.parse

import botocore.awsrequest
import botocore.session
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.accounts import AwsAccounts
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters.hosts import AwsAccount

if t.TYPE_CHECKING:
    import pathlib

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
GIVEN = {"aws_access_key_id": "AKIAGIVEN", "aws_secret_access_key": SECRET, "aws_session_token": None, "verify": None}
HUB = "arn:aws:iam::999999999999:role/hub"
SHOP = "arn:aws:iam::111122223333:role/inventory"
BANK = "arn:aws:iam::444455556666:role/inventory"


class Call(t.NamedTuple):
    operation: str
    host: str
    access_key: str
    token: str | None
    parameters: dict[str, str]


@dataclasses.dataclass
class FakeAws:
    """AWS behind botocore's signing and parsing. Each assumed role has its own access key."""

    calls: list[Call] = dataclasses.field(default_factory=list)
    denied: set[str] = dataclasses.field(default_factory=set)
    regions: tuple[str, ...] = ("eu-west-1", "us-east-1")

    def send(self, request: t.Any) -> botocore.awsrequest.AWSResponse:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        parameters = dict(urllib.parse.parse_qsl(body))
        authorization = _text(request.headers["Authorization"])
        access_key = re.search(r"Credential=([^/]+)/", authorization).group(1)
        token = request.headers.get("X-Amz-Security-Token")
        host = urllib.parse.urlsplit(request.url).netloc
        operation = parameters["Action"]
        self.calls.append(Call(operation, host, access_key, _text(token) if token else None, parameters))
        if operation in self.denied or parameters.get("RoleArn") in self.denied:
            error = "<Error><Code>%s</Code><Message>not allowed</Message></Error>"
            if operation == "DescribeRegions":
                text = f"<Response><Errors>{error % 'UnauthorizedOperation'}</Errors></Response>"
            else:
                text = f"<ErrorResponse>{error % 'AccessDenied'}</ErrorResponse>"
            return _answer(request, 403, text)
        return _answer(request, 200, getattr(self, operation)(access_key, parameters))

    def AssumeRole(self, _key: str, parameters: dict[str, str]) -> str:
        account = parameters["RoleArn"].split(":")[4]
        return (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
            f"<SessionToken>token-of-{account}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )

    def GetCallerIdentity(self, key: str, _parameters: dict[str, str]) -> str:
        account = key.removeprefix("ASIA") if key.startswith("ASIA") else "999999999999"
        return (
            f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account><UserId>U</UserId>"
            f"<Arn>arn:aws:iam::{account}:user/u</Arn>"
            "</GetCallerIdentityResult></GetCallerIdentityResponse>"
        )

    def DescribeRegions(self, _key: str, _parameters: dict[str, str]) -> str:
        items = "".join(f"<item><regionName>{name}</regionName></item>" for name in self.regions)
        return f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"


class _Body(io.BytesIO):
    def stream(self, *_arguments: t.Any, **_options: t.Any) -> t.Iterator[bytes]:
        yield self.read()


def _text(value: t.Any) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _answer(request: t.Any, status: int, text: str) -> botocore.awsrequest.AWSResponse:
    return botocore.awsrequest.AWSResponse(request.url, status, {}, _Body(text.encode()))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> FakeAws:
    for name in [*os.environ]:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(f"[bank]\naws_access_key_id=AKIABANK\naws_secret_access_key={SECRET}\n")
    aws = FakeAws()
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda _self, request: aws.send(request))
    return aws


def accounts(**changes: t.Any) -> AwsAccounts:
    options: dict[str, t.Any] = {
        "region": "eu-west-1",
        "endpoint": None,
        "connection": GIVEN,
        "assume_role_arn": None,
        "regions": ["eu-west-1"],
        "connections": 4,
    }
    return AwsAccounts(**{**options, **changes})


def test_account_of_the_options(aws: FakeAws) -> None:
    opened = accounts(regions=["eu-west-1", "us-east-1"]).open(AwsAccount())
    assert (opened.account_id, opened.regions, opened.guessed) == ("999999999999", ("eu-west-1", "us-east-1"), False)
    assert opened.title == "account 999999999999"
    (call,) = aws.calls
    assert call[:4] == ("GetCallerIdentity", "sts.eu-west-1.amazonaws.com", "AKIAGIVEN", None)


def test_session_of_the_assumed_role_is_used(aws: FakeAws) -> None:
    opened = accounts(regions=[]).open(AwsAccount(name="shop", assume_role_arn=SHOP, external_id="fleet"))
    assert [call[:4] for call in aws.calls] == [
        ("AssumeRole", "sts.eu-west-1.amazonaws.com", "AKIAGIVEN", None),
        ("GetCallerIdentity", "sts.eu-west-1.amazonaws.com", "ASIA111122223333", "token-of-111122223333"),
        ("DescribeRegions", "ec2.eu-west-1.amazonaws.com", "ASIA111122223333", "token-of-111122223333"),
    ]
    parameters = aws.calls[0].parameters
    assert (parameters["RoleArn"], parameters["ExternalId"]) == (SHOP, "fleet")
    assert parameters["RoleSessionName"] == "eksops-irsa-inventory"
    assert (opened.title, opened.regions) == ("account shop (111122223333)", ("eu-west-1", "us-east-1"))


def test_external_id_is_optional(aws: FakeAws) -> None:
    accounts().open(AwsAccount(assume_role_arn=SHOP))
    assert "ExternalId" not in aws.calls[0].parameters


def test_first_role_is_assumed_once(aws: FakeAws) -> None:
    several = accounts(assume_role_arn=HUB)
    for role in (SHOP, BANK):
        several.open(AwsAccount(assume_role_arn=role))
    several.open(AwsAccount())
    several.open(AwsAccount(profile="bank"))
    assert [(call.operation, call.access_key) for call in aws.calls] == [
        ("AssumeRole", "AKIAGIVEN"),
        ("AssumeRole", "ASIA999999999999"),
        ("GetCallerIdentity", "ASIA111122223333"),
        ("AssumeRole", "ASIA999999999999"),
        ("GetCallerIdentity", "ASIA444455556666"),
        ("GetCallerIdentity", "ASIA999999999999"),
        ("GetCallerIdentity", "AKIABANK"),
    ]


def test_profile_without_a_region_can_assume_a_role(aws: FakeAws, tmp_path: pathlib.Path) -> None:
    (tmp_path / "config").write_text(f"[profile shop]\nsource_profile = bank\nrole_arn = {SHOP}\n")
    accounts().open(AwsAccount(profile="shop"))
    assert [(call.operation, call.host) for call in aws.calls] == [
        ("AssumeRole", "sts.eu-west-1.amazonaws.com"),
        ("GetCallerIdentity", "sts.eu-west-1.amazonaws.com"),
    ]


def test_profile_takes_precedence_over_the_environment(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    accounts(connection={}).open(AwsAccount(profile="bank", assume_role_arn=SHOP))
    assert [call.access_key for call in aws.calls] == ["AKIABANK", "ASIA111122223333"]


@pytest.mark.parametrize(
    ("region", "regions", "account_regions", "host"),
    [
        pytest.param(None, [], (), "sts.us-east-1.amazonaws.com", id="default"),
        pytest.param("eu-west-1", ["us-west-2"], (), "sts.eu-west-1.amazonaws.com", id="option"),
        pytest.param(None, ["eu-south-2"], (), "sts.us-east-1.amazonaws.com", id="opt-in region"),
        pytest.param("eu-west-1", ["cn-north-1"], (), "sts.cn-north-1.amazonaws.com.cn", id="another partition"),
        pytest.param("eu-west-1", [], ("us-gov-west-1",), "sts.us-gov-west-1.amazonaws.com", id="region of account"),
        pytest.param("eu-west-1", ["nowhere"], (), "sts.eu-west-1.amazonaws.com", id="unknown region"),
    ],
)
def test_region_of_the_first_call(
    aws: FakeAws, region: str | None, regions: list[str], account_regions: tuple[str, ...], host: str
) -> None:
    accounts(region=region, regions=regions).open(AwsAccount(regions=account_regions))
    assert aws.calls[0].host == host


def test_regions_are_guessed_without_permission(aws: FakeAws) -> None:
    aws.denied = {"DescribeRegions"}
    opened = accounts(regions=[]).open(AwsAccount())
    assert opened.guessed
    assert {"eu-west-1", "us-east-1", "ap-east-1"} <= set(opened.regions)
    assert not any(region.startswith(("cn-", "us-gov-")) for region in opened.regions)


def test_clients_use_the_endpoint_and_the_region(aws: FakeAws) -> None:
    opened = accounts(endpoint="https://aws.example.com").open(AwsAccount(assume_role_arn=SHOP))
    assert {call.host for call in aws.calls} == {"aws.example.com"}
    client = opened.client("eks", "us-west-2")
    assert (client.meta.region_name, client.meta.endpoint_url) == ("us-west-2", "https://aws.example.com")
    assert client.meta.config.retries["mode"] == "adaptive"


def test_denied_role(aws: FakeAws) -> None:
    aws.denied = {SHOP}
    with pytest.raises(errors.AccessDenied, match=f"could not assume the role {SHOP}") as caught:
        accounts().open(AwsAccount(assume_role_arn=SHOP, external_id="fleet"))
    assert "sts:AssumeRole" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_missing_profile(aws: FakeAws) -> None:
    with pytest.raises(errors.BadCredentials, match=r"profile .*nobody"):
        accounts().open(AwsAccount(profile="nobody"))
    assert aws.calls == []


def test_missing_credentials(aws: FakeAws) -> None:
    with pytest.raises(errors.BadCredentials, match="no usable AWS credentials"):
        accounts(connection={"verify": None}).open(AwsAccount())
