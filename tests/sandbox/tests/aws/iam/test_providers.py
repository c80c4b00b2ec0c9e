# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from sandbox import settings
from sandbox.tests.support.aws_server import REGIONS, Aws, refusal

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
    # Left out, so AWS found it: the root of EKS's own certificates.
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
def test_create_checks_its_parameters(aws: Aws, changes: dict[str, t.Any], code: str, message: str) -> None:
    iam = aws.client("iam")
    found = refusal(iam.create_open_id_connect_provider, **{"Url": URL, "ClientIDList": ["a"], **changes})
    assert found.code == code
    assert message in found.message
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_url_is_registered_once_and_as_it_is_written(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_open_id_connect_provider(Url=URL)
    again = refusal(iam.create_open_id_connect_provider, Url=URL)
    assert again == (409, "EntityAlreadyExists", f"Provider with url {URL} already exists.")
    slash = iam.create_open_id_connect_provider(Url=f"{URL}/")["OpenIDConnectProviderArn"]
    assert slash == f"{ARN}/"


def test_what_is_not_there(aws: Aws) -> None:
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
        assert refusal(call, OpenIDConnectProviderArn=ARN, **more) == expected
    malformed = "arn:aws:iam::123456789012:saml-provider/x"
    assert refusal(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=malformed).code == "ValidationError"


def test_client_ids_and_thumbprints_change(aws: Aws) -> None:
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
    found = iam.get_open_id_connect_provider(**provider)
    assert (found["ClientIDList"], found["ThumbprintList"]) == (["b"], [THUMBPRINT])
    short = refusal(iam.update_open_id_connect_provider_thumbprint, **provider, ThumbprintList=[THUMBPRINT] * 6)
    assert short.code == "InvalidInput"
    for index in range(99):
        iam.add_client_id_to_open_id_connect_provider(**provider, ClientID=f"c{index}")
    over = refusal(iam.add_client_id_to_open_id_connect_provider, **provider, ClientID="last")
    assert over == (409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")


def test_tags(aws: Aws) -> None:
    iam = aws.client("iam")
    provider: dict[str, t.Any] = {"OpenIDConnectProviderArn": ARN}
    iam.create_open_id_connect_provider(Url=URL)
    iam.tag_open_id_connect_provider(**provider, Tags=[{"Key": f"k{i:02}", "Value": "v"} for i in range(50)])
    iam.tag_open_id_connect_provider(**provider, Tags=[{"Key": "K00", "Value": "new"}])
    over = refusal(iam.tag_open_id_connect_provider, **provider, Tags=[{"Key": "more", "Value": ""}])
    assert over.code == "LimitExceeded"
    iam.untag_open_id_connect_provider(**provider, TagKeys=["K01"])
    pages = iam.get_paginator("list_open_id_connect_provider_tags").paginate(
        **provider, PaginationConfig={"PageSize": 30}
    )
    found = [page["Tags"] for page in pages]
    assert [len(tags) for tags in found] == [30, 19]
    assert {"Key": "K00", "Value": "new"} in found[0]


def test_providers_quota(aws: Aws) -> None:
    iam = aws.client("iam")
    for index in range(100):
        iam.create_open_id_connect_provider(Url=f"{URL}{index}")
    over = refusal(iam.create_open_id_connect_provider, Url=URL)
    assert over == (409, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
