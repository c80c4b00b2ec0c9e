# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STS and EKS, each call against botocore's own model. The token's form is tested with the connections."""

from __future__ import annotations

import typing as t

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import eks, sts
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from botocore.stub import Stubber


def client_of(service: str) -> t.Any:
    return boto3.client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")


def test_the_caller() -> None:
    client = client_of("sts")
    answer = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me", "UserId": "AIDA"}
    with Stubber(client) as stub:
        stub.add_response("get_caller_identity", answer, {})
        assert sts.get_caller_identity(client) == answer
        stub.add_client_error("get_caller_identity", "ExpiredToken", "expired")
        with pytest.raises(errors.BadCredentials, match="could not ask AWS who the caller is"):
            sts.get_caller_identity(client)


def test_a_token_without_credentials() -> None:
    with pytest.raises(errors.BadCredentials, match="could not make a token for the EKS cluster one"):
        sts.eks_token(None, cluster="one", region="eu-west-1", host="sts.eu-west-1.amazonaws.com")


def test_a_cluster() -> None:
    client = client_of("eks")
    cluster = {"name": "one", "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/one", "status": "ACTIVE"}
    with Stubber(client) as stub:
        stub.add_response("describe_cluster", {"cluster": cluster}, {"name": "one"})
        assert eks.describe_cluster(client, name="one") == cluster
        stub.add_client_error("describe_cluster", "ResourceNotFoundException", "No cluster found for name: one.")
        with pytest.raises(errors.NotFound, match="could not read the EKS cluster one"):
            eks.describe_cluster(client, name="one")
