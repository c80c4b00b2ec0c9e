# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EKS bearer tokens with the simulated and the real API server."""

from __future__ import annotations

import json
import typing as t

import urllib3
from sandbox import settings
from sandbox.tests.support.chain import ChainSandbox
from sandbox.tests.support.clusters import make_token

if t.TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, t.Any]


def make_requester(chain: ChainSandbox, credentials: Json, cluster: str = settings.CLUSTER_NAME) -> Callable[..., Json]:
    """Return a function that sends GET requests with an EKS token of these credentials."""
    token = make_token(credentials, cluster)
    endpoint = chain.state.cluster()["endpoint"]

    def get(path: str) -> tuple[int, Json]:
        with urllib3.PoolManager(ca_certs=str(chain.state.pki / "ca.crt"), retries=False) as http:
            response = http.request("GET", endpoint + path, headers={"Authorization": f"Bearer {token}"})
            return response.status, json.loads(response.data)

    return get


ADMIN_KEY = {"AccessKeyId": settings.ACCESS_KEY_ID, "SecretAccessKey": settings.SECRET_ACCESS_KEY}


def test_token_of_administrator(chain: ChainSandbox) -> None:
    get = make_requester(chain, ADMIN_KEY)
    status, response = get("/api/v1/namespaces/kube-system/secrets")
    assert status == 200, response
    status, configuration = get("/.well-known/openid-configuration")
    assert (status, configuration["issuer"]) == (200, chain.issuer)


def test_token_of_another_cluster_is_rejected(chain: ChainSandbox) -> None:
    assert make_requester(chain, ADMIN_KEY, settings.OTHER_CLUSTER)("/api/v1/namespaces")[0] == 401


def test_token_with_groups(chain: ChainSandbox) -> None:
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{settings.ACCOUNT_ID}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    name = f"reader-{chain.namespace}"
    arn = chain.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    entry = {arn: {"username": "reader", "groups": [f"viewers-{chain.namespace}"]}}
    settings.write_private(chain.state.access_file, json.dumps(entry))
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{chain.namespace}"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    chain.api.post(f"{rbac}/roles", {"metadata": {"name": "viewer"}, "rules": rules})
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "viewer"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "viewer"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": f"viewers-{chain.namespace}"}],
    }
    chain.api.post(f"{rbac}/rolebindings", binding)
    credentials = chain.sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    get = make_requester(chain, credentials)
    # The API server's authorizer gets the binding from a watch.
    chain.wait_for(lambda: get(f"{chain.core}/pods")[0] == 200)
    status, response = get(f"{chain.core}/secrets")
    assert status == 403
    assert 'User "reader" cannot list resource "secrets"' in response["message"]
    assert get("/.well-known/openid-configuration")[0] == 200
    settings.write_private(chain.state.access_file, json.dumps({arn: None}))
    # A second session has another token. The real API server caches the result for a token for ten seconds.
    second_session = chain.sts.assume_role(RoleArn=arn, RoleSessionName="second")["Credentials"]
    assert make_requester(chain, second_session)(f"{chain.core}/pods")[0] == 401
