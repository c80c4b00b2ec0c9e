# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from sandbox import settings
from sandbox.tests.support.aws_server import REGIONS, Aws, expect_error

URL = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
ARN = f"arn:aws:iam::{settings.ACCOUNT_ID}:oidc-provider/{URL.removeprefix('https://')}"
THUMBPRINT = "0123456789abcdef0123456789ABCDEF01234567"


@pytest.mark.parametrize("partition", sorted(REGIONS))
def test_create_get_list_delete(aws: Aws, partition: str) -> None:
    iam = aws.client("iam", region=REGIONS[partition])
    arn = iam.create_open_id_connect_provider(Url=URL, ClientIDList=["a", "b", "a"], Tags=[{"Key": "k", "Value": "v"}])[
        "OpenIDConnectProviderArn"
    ]
    assert arn == ARN.replace("aws", partition, 1)
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert provider["Url"] == URL.removeprefix("https://")
    assert provider["ClientIDList"] == ["a", "b"]
    # The default for an EKS issuer.
    assert provider["ThumbprintList"] == ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
    assert provider["Tags"] == [{"Key": "k", "Value": "v"}]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"Url": URL.replace("https", "http")}, "ValidationError", "Invalid Open ID Connect Provider URL"),
        ({"Url": URL.removeprefix("https://")}, "ValidationError", "Invalid Open ID Connect Provider URL"),
        ({"Url": f"{URL}?x=y"}, "ValidationError", "Invalid Open ID Connect Provider URL"),
        ({"Url": URL + "a" * 255}, "ValidationError", "have length less than or equal to 255"),
        ({"ClientIDList": ["a" * 256]}, "ValidationError", "have length less than or equal to 255"),
        ({"ClientIDList": [f"c{i}" for i in range(101)]}, "LimitExceeded", "ClientIdsPerOpenIdConnectProvider: 100"),
        ({"ThumbprintList": ["a" * 41]}, "ValidationError", "have length less than or equal to 40"),
        ({"ThumbprintList": ["z" * 40]}, "InvalidInput", "hexadecimal"),
        ({"ThumbprintList": [THUMBPRINT] * 6}, "InvalidInput", "must contain fewer than 5 entries"),
        ({"Tags": [{"Key": "aws:k", "Value": ""}]}, "InvalidInput", "reserved"),
    ],
)
def test_invalid_parameters_are_rejected(aws: Aws, changes: dict[str, t.Any], code: str, message: str) -> None:
    iam = aws.client("iam")
    error = expect_error(iam.create_open_id_connect_provider, **{"Url": URL, "ClientIDList": ["a"], **changes})
    assert error.code == code
    assert message in error.message
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_url_is_unique_and_compared_exactly(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_open_id_connect_provider(Url=URL)
    duplicate = expect_error(iam.create_open_id_connect_provider, Url=URL)
    assert duplicate == (409, "EntityAlreadyExists", f"Provider with url {URL} already exists.")
    arn_with_slash = iam.create_open_id_connect_provider(Url=f"{URL}/")["OpenIDConnectProviderArn"]
    assert arn_with_slash == f"{ARN}/"


def test_missing_provider(aws: Aws) -> None:
    iam = aws.client("iam")
    expected = (404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {ARN}")
    for call, more in (
        (iam.get_open_id_connect_provider, {}),
        (iam.delete_open_id_connect_provider, {}),
        (iam.add_client_id_to_open_id_connect_provider, {"ClientID": "a"}),
        (iam.remove_client_id_from_open_id_connect_provider, {"ClientID": "a"}),
        (iam.update_open_id_connect_provider_thumbprint, {"ThumbprintList": [THUMBPRINT]}),
        (iam.tag_open_id_connect_provider, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.untag_open_id_connect_provider, {"TagKeys": ["a"]}),
        (iam.list_open_id_connect_provider_tags, {}),
    ):
        assert expect_error(call, OpenIDConnectProviderArn=ARN, **more) == expected
    malformed = "arn:aws:iam::123456789012:saml-provider/x"
    assert expect_error(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=malformed).code == "ValidationError"


def test_update_client_ids_and_thumbprints(aws: Aws) -> None:
    iam = aws.client("iam")
    provider: dict[str, t.Any] = {"OpenIDConnectProviderArn": ARN}
    iam.create_open_id_connect_provider(Url=URL)
    for _twice in range(2):
        iam.add_client_id_to_open_id_connect_provider(**provider, ClientID="a")
    iam.add_client_id_to_open_id_connect_provider(**provider, ClientID="b")
    assert iam.get_open_id_connect_provider(**provider)["ClientIDList"] == ["a", "b"]
    for _twice in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**provider, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(**provider, ThumbprintList=[THUMBPRINT])
    result = iam.get_open_id_connect_provider(**provider)
    assert (result["ClientIDList"], result["ThumbprintList"]) == (["b"], [THUMBPRINT])
    error = expect_error(iam.update_open_id_connect_provider_thumbprint, **provider, ThumbprintList=[THUMBPRINT] * 6)
    assert error.code == "InvalidInput"
    for index in range(99):
        iam.add_client_id_to_open_id_connect_provider(**provider, ClientID=f"c{index}")
    error = expect_error(iam.add_client_id_to_open_id_connect_provider, **provider, ClientID="last")
    assert error == (409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")


def test_tags(aws: Aws) -> None:
    iam = aws.client("iam")
    provider: dict[str, t.Any] = {"OpenIDConnectProviderArn": ARN}
    iam.create_open_id_connect_provider(Url=URL)
    iam.tag_open_id_connect_provider(**provider, Tags=[{"Key": f"k{i:02}", "Value": "v"} for i in range(50)])
    iam.tag_open_id_connect_provider(**provider, Tags=[{"Key": "K00", "Value": "new"}])
    error = expect_error(iam.tag_open_id_connect_provider, **provider, Tags=[{"Key": "more", "Value": ""}])
    assert error.code == "LimitExceeded"
    iam.untag_open_id_connect_provider(**provider, TagKeys=["K01"])
    pages = iam.get_paginator("list_open_id_connect_provider_tags").paginate(
        **provider, PaginationConfig={"PageSize": 30}
    )
    tag_pages = [page["Tags"] for page in pages]
    assert [len(tags) for tags in tag_pages] == [30, 19]
    assert {"Key": "K00", "Value": "new"} in tag_pages[0]


def test_providers_quota(aws: Aws) -> None:
    iam = aws.client("iam")
    for index in range(100):
        iam.create_open_id_connect_provider(Url=f"{URL}{index}")
    error = expect_error(iam.create_open_id_connect_provider, Url=URL)
    assert error == (409, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
