# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several clusters in one sandbox: each is its own, and AWS knows them all."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import boto3
import botocore.session
import pytest
import urllib3
from botocore.signers import RequestSigner
from sandbox import __main__ as command_line
from sandbox import settings
from sandbox.api import Api, ApiError
from sandbox.launch import supervisor
from sandbox.launch.supervisor import Further

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    Json = dict[str, t.Any]

OTHER_ACCOUNT = "111122223333"
SECOND, THIRD = Further("second"), Further("third", OTHER_ACCOUNT)


class Fleet:
    """A running sandbox with three clusters: the first, a second one, and a third one in another account."""

    def __init__(self, state: settings.State) -> None:
        self.state = state
        self.states = {
            settings.CLUSTER_NAME: state,
            SECOND.name: state.further(SECOND.name),
            THIRD.name: state.further(THIRD.name),
        }

    def client(self, service: str, session: Json | None = None) -> t.Any:
        keys = session or {"AccessKeyId": settings.ACCESS_KEY_ID, "SecretAccessKey": settings.SECRET_ACCESS_KEY}
        return boto3.client(
            service,
            endpoint_url=self.state.env()["AWS_ENDPOINT_URL"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            region_name=settings.REGION,
        )

    def elsewhere(self) -> Json:
        """Credentials of a role in the other account."""
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/visitor"
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="fleet")
        return t.cast("Json", answer["Credentials"])

    def described(self) -> dict[str, Json]:
        """What EKS says of each cluster."""
        eks, visiting = self.client("eks"), self.client("eks", self.elsewhere())
        names = (settings.CLUSTER_NAME, SECOND.name)
        found = {name: eks.describe_cluster(name=name)["cluster"] for name in names}
        return {**found, THIRD.name: visiting.describe_cluster(name=THIRD.name)["cluster"]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = settings.State(tmp_path_factory.mktemp("fleet"))
    assert supervisor.up(state, tied=True, further=[SECOND, THIRD])
    try:
        yield Fleet(state)
    finally:
        supervisor.down(state)


def bearer(cluster: str) -> str:
    """A token for one cluster, as "aws eks get-token" makes it."""
    session = botocore.session.Session()
    session.set_credentials(settings.ACCESS_KEY_ID, settings.SECRET_ACCESS_KEY)
    client = session.create_client("sts", region_name=settings.REGION)
    credentials, emitter = session.get_credentials(), session.get_component("event_emitter")
    signer = RequestSigner(client.meta.service_model.service_id, settings.REGION, "sts", "v4", credentials, emitter)
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"https://sts.{settings.REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster},
            "context": {},
        },
        region_name=settings.REGION,
        expires_in=60,
        operation_name="",
    )
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def test_eks_lists_each_cluster_in_its_account(fleet: Fleet) -> None:
    assert set(fleet.client("eks").list_clusters()["clusters"]) == {*settings.CLUSTERS, SECOND.name}
    assert fleet.client("eks", fleet.elsewhere()).list_clusters()["clusters"] == [THIRD.name]
    assert fleet.described()[THIRD.name]["arn"] == f"arn:aws:eks:eu-west-1:{OTHER_ACCOUNT}:cluster/third"


def test_no_two_clusters_share_anything(fleet: Fleet) -> None:
    described = fleet.described()
    for values in (
        {each["identity"]["oidc"]["issuer"] for each in described.values()},
        {each["endpoint"] for each in described.values()},
        {each["certificateAuthority"]["data"] for each in described.values()},
        {json.dumps(state.cluster()["jwks"]) for state in fleet.states.values()},
        {(state.pki / "sa.key").read_text() for state in fleet.states.values()},
        {state.env()["KUBECONFIG"] for state in fleet.states.values()},
    ):
        assert len(values) == len(fleet.states)
    Api(fleet.states[SECOND.name]).post("/api/v1/namespaces", {"metadata": {"name": "own"}})
    for name in (settings.CLUSTER_NAME, THIRD.name):
        with pytest.raises(ApiError, match="404"):
            Api(fleet.states[name]).get("/api/v1/namespaces/own")


@pytest.mark.parametrize("name", [settings.CLUSTER_NAME, SECOND.name, THIRD.name])
def test_a_cluster_takes_tokens_for_itself_alone(fleet: Fleet, tmp_path: pathlib.Path, name: str) -> None:
    described = fleet.described()[name]
    authority = tmp_path / "ca.crt"
    authority.write_bytes(base64.b64decode(described["certificateAuthority"]["data"]))
    with urllib3.PoolManager(ca_certs=str(authority), retries=False) as http:
        statuses = {
            signed: http.request(
                "GET", f"{described['endpoint']}/api/v1/nodes", headers={"Authorization": f"Bearer {bearer(signed)}"}
            ).status
            for signed in fleet.states
        }
    assert statuses == {signed: 200 if signed == name else 401 for signed in fleet.states}


@pytest.mark.parametrize(("name", "account"), [(SECOND.name, settings.ACCOUNT_ID), (THIRD.name, OTHER_ACCOUNT)])
def test_a_pod_acts_as_a_role_that_trusts_its_cluster(fleet: Fleet, name: str, account: str) -> None:
    session = fleet.elsewhere() if account == OTHER_ACCOUNT else None
    iam = fleet.client("iam", session)
    issuer = fleet.described()[name]["identity"]["oidc"]["issuer"]
    provider = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[settings.AUDIENCE])
    host = issuer.removeprefix("https://")
    condition = {"StringEquals": {f"{host}:sub": f"system:serviceaccount:default:app-{name}"}}
    principal = {"Federated": provider["OpenIDConnectProviderArn"]}
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName=f"app-{name}", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert role.split(":")[4] == account

    def assumed(cluster: str) -> str:
        api = Api(fleet.states[cluster])
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        api.post(accounts, {"metadata": {"name": f"app-{name}"}})
        answer = api.post(f"{accounts}/app-{name}/token", {"spec": {"audiences": [settings.AUDIENCE]}})
        token = answer["status"]["token"]
        sts = fleet.client("sts")
        try:
            sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="pod", WebIdentityToken=token)
        except sts.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    assert assumed(name) == "ok"
    # The same account of another cluster: IAM doesn't know that cluster's issuer.
    assert assumed(settings.CLUSTER_NAME) == "InvalidIdentityToken"


def test_a_reset_keeps_the_clusters(fleet: Fleet) -> None:
    before = fleet.described()
    with urllib3.PoolManager() as http:
        assert http.request("POST", f"{fleet.state.env()['AWS_ENDPOINT_URL']}/sandbox-api/reset").status == 200
    keys = ("arn", "endpoint", "identity", "certificateAuthority")
    after = fleet.described()
    assert {name: [each[key] for key in keys] for name, each in after.items()} == {
        name: [each[key] for key in keys] for name, each in before.items()
    }


def test_the_command_line_knows_them(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--dir", str(fleet.state.directory)]
    assert command_line.main(["up", *where, "--cluster", "second", "--cluster", f"third@{OTHER_ACCOUNT}"]) == 0
    assert "besides second, third, in" in capsys.readouterr().err
    assert command_line.main(["status", *where]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["aws", "cluster", "node", "second/cluster", "second/node", "third/cluster", "third/node"]
    assert (fleet.states[THIRD.name].logs / "node.log").exists()


def test_other_clusters_are_another_sandbox(tmp_path: pathlib.Path) -> None:
    state = settings.State(tmp_path / "sandbox")
    try:
        assert supervisor.up(state, tied=True, further=[SECOND])
        authority = (state.further(SECOND.name).pki / "ca.crt").read_text()
        assert supervisor.up(state, tied=True, further=[SECOND, Further("fourth")])
        assert (state.further(SECOND.name).pki / "ca.crt").read_text() == authority
        assert not supervisor.up(state, tied=True, further=[SECOND, Further("fourth")])
        assert supervisor.up(state, tied=True)
        assert state.all_further() == []
        assert set(supervisor.status(state)) == {"aws", "cluster", "node"}
    finally:
        supervisor.down(state)
