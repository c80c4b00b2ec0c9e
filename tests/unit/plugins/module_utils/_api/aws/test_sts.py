# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of STS and EKS, checked against botocore's model. test_session.py checks the form of tokens."""

from __future__ import annotations

import datetime
import json
import typing as t

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import eks, sts
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from botocore.stub import ANY, Stubber
from unit.chain_objects import ROLE


def make_client(service: str) -> t.Any:
    return boto3.client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")


def test_caller_identity() -> None:
    client = make_client("sts")
    answer = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me", "UserId": "AIDA"}
    with Stubber(client) as stub:
        stub.add_response("get_caller_identity", answer, {})
        assert sts.get_caller_identity(client) == answer
        stub.add_client_error("get_caller_identity", "ExpiredToken", "expired")
        with pytest.raises(errors.BadCredentials, match="could not read the identity of the caller"):
            sts.get_caller_identity(client)


def test_token_without_credentials_is_rejected() -> None:
    with pytest.raises(errors.BadCredentials, match="could not create a token for the EKS cluster one"):
        sts.eks_token(None, cluster="one", region="eu-west-1", host="sts.eu-west-1.amazonaws.com")


def test_describe_cluster() -> None:
    client = make_client("eks")
    cluster = {"name": "one", "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/one", "status": "ACTIVE"}
    with Stubber(client) as stub:
        stub.add_response("describe_cluster", {"cluster": cluster}, {"name": "one"})
        assert eks.describe_cluster(client, name="one") == cluster
        stub.add_client_error("describe_cluster", "ResourceNotFoundException", "No cluster found for name: one.")
        with pytest.raises(errors.NotFound, match="could not read the EKS cluster one"):
            eks.describe_cluster(client, name="one")


def session(arn: str = "arn:aws:sts::123456789012:assumed-role/app/irsa-verify.shop.app") -> dict[str, t.Any]:
    expiration = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=900)
    keys = {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "the-secret", "SessionToken": "the-session"}
    return {
        "Credentials": {**keys, "Expiration": expiration},
        "AssumedRoleUser": {"AssumedRoleId": "AROAEXAMPLE:x", "Arn": arn},
    }


def test_proof_session_has_no_permissions_and_is_discarded() -> None:
    client, secrets = make_client("sts"), []
    with Stubber(client) as stub:
        parameters = {
            "RoleArn": ROLE,
            "RoleSessionName": "me",
            "WebIdentityToken": "a-token",
            "DurationSeconds": 900,
            "Policy": ANY,
        }
        stub.add_response("assume_role_with_web_identity", session(), parameters)
        proof = sts.prove_web_identity(
            client, role_arn=ROLE, token="a-token", session_name="me", register_secret=secrets.append
        )
    assert proof.assumed_role_arn.endswith(":assumed-role/app/irsa-verify.shop.app")
    assert 890 <= proof.expires_in <= 900
    assert secrets == ["the-secret", "the-session"]
    assert not {"the-secret", "the-session", "ASIAIOSFODNN7EXAMPLE"} & set(map(str, proof))
    policy = json.loads(sts._DENY_ALL)
    assert policy["Statement"] == {"Effect": "Deny", "Action": "*", "Resource": "*"}
