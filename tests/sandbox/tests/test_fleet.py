# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox with several clusters."""

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
from sandbox.api import ApiClient, ApiError
from sandbox.launch import supervisor
from sandbox.launch.supervisor import FurtherCluster

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    Json = dict[str, t.Any]

OTHER_ACCOUNT = "111122223333"
SECOND, THIRD = FurtherCluster("second"), FurtherCluster("third", OTHER_ACCOUNT)


class FleetSandbox:
    """A running sandbox with three clusters. The third one is in another account."""

    def __init__(self, state: settings.StateDirectory) -> None:
        self.state = state
        self.states = {
            settings.CLUSTER_NAME: state,
            SECOND.name: state.further_cluster(SECOND.name),
            THIRD.name: state.further_cluster(THIRD.name),
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

    def other_account_credentials(self) -> Json:
        """Return credentials of a role in the other account."""
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/visitor"
        response = self.client("sts").assume_role(RoleArn=role, RoleSessionName="fleet")
        return t.cast("Json", response["Credentials"])

    def describe_clusters(self) -> dict[str, Json]:
        """Return the result of DescribeCluster for each cluster."""
        eks, visiting = self.client("eks"), self.client("eks", self.other_account_credentials())
        names = (settings.CLUSTER_NAME, SECOND.name)
        clusters = {name: eks.describe_cluster(name=name)["cluster"] for name in names}
        return {**clusters, THIRD.name: visiting.describe_cluster(name=THIRD.name)["cluster"]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetSandbox]:
    state = settings.StateDirectory(tmp_path_factory.mktemp("fleet"))
    assert supervisor.up(state, end_with_parent=True, further=[SECOND, THIRD])
    try:
        yield FleetSandbox(state)
    finally:
        supervisor.down(state)


def make_token(cluster: str) -> str:
    """Create a token for a cluster, as "aws eks get-token" does."""
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


def test_eks_lists_clusters_by_account(fleet: FleetSandbox) -> None:
    assert set(fleet.client("eks").list_clusters()["clusters"]) == {*settings.CLUSTERS, SECOND.name}
    assert fleet.client("eks", fleet.other_account_credentials()).list_clusters()["clusters"] == [THIRD.name]
    assert fleet.describe_clusters()[THIRD.name]["arn"] == f"arn:aws:eks:eu-west-1:{OTHER_ACCOUNT}:cluster/third"


def test_clusters_share_nothing(fleet: FleetSandbox) -> None:
    describe_clusters = fleet.describe_clusters()
    for values in (
        {cluster["identity"]["oidc"]["issuer"] for cluster in describe_clusters.values()},
        {cluster["endpoint"] for cluster in describe_clusters.values()},
        {cluster["certificateAuthority"]["data"] for cluster in describe_clusters.values()},
        {json.dumps(state.cluster()["jwks"]) for state in fleet.states.values()},
        {(state.pki / "sa.key").read_text() for state in fleet.states.values()},
        {state.env()["KUBECONFIG"] for state in fleet.states.values()},
    ):
        assert len(values) == len(fleet.states)
    ApiClient(fleet.states[SECOND.name]).post("/api/v1/namespaces", {"metadata": {"name": "own"}})
    for name in (settings.CLUSTER_NAME, THIRD.name):
        with pytest.raises(ApiError, match="404"):
            ApiClient(fleet.states[name]).get("/api/v1/namespaces/own")


@pytest.mark.parametrize("name", [settings.CLUSTER_NAME, SECOND.name, THIRD.name])
def test_cluster_accepts_only_its_own_tokens(fleet: FleetSandbox, tmp_path: pathlib.Path, name: str) -> None:
    describe_clusters = fleet.describe_clusters()[name]
    authority = tmp_path / "ca.crt"
    authority.write_bytes(base64.b64decode(describe_clusters["certificateAuthority"]["data"]))
    with urllib3.PoolManager(ca_certs=str(authority), retries=False) as http:
        statuses = {
            signed: http.request(
                "GET",
                f"{describe_clusters['endpoint']}/api/v1/nodes",
                headers={"Authorization": f"Bearer {make_token(signed)}"},
            ).status
            for signed in fleet.states
        }
    assert statuses == {signed: 200 if signed == name else 401 for signed in fleet.states}


@pytest.mark.parametrize(("name", "account"), [(SECOND.name, settings.ACCOUNT_ID), (THIRD.name, OTHER_ACCOUNT)])
def test_role_trusts_one_cluster(fleet: FleetSandbox, name: str, account: str) -> None:
    session = fleet.other_account_credentials() if account == OTHER_ACCOUNT else None
    iam = fleet.client("iam", session)
    issuer = fleet.describe_clusters()[name]["identity"]["oidc"]["issuer"]
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

    def assume_from(cluster: str) -> str:
        api = ApiClient(fleet.states[cluster])
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        api.post(accounts, {"metadata": {"name": f"app-{name}"}})
        response = api.post(f"{accounts}/app-{name}/token", {"spec": {"audiences": [settings.AUDIENCE]}})
        token = response["status"]["token"]
        sts = fleet.client("sts")
        try:
            sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="pod", WebIdentityToken=token)
        except sts.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    assert assume_from(name) == "ok"
    # The same service account in another cluster: IAM has no provider for that cluster's issuer.
    assert assume_from(settings.CLUSTER_NAME) == "InvalidIdentityToken"


def test_reset_keeps_clusters(fleet: FleetSandbox) -> None:
    before = fleet.describe_clusters()
    with urllib3.PoolManager() as http:
        assert http.request("POST", f"{fleet.state.env()['AWS_ENDPOINT_URL']}/sandbox-api/reset").status == 200
    keys = ("arn", "endpoint", "identity", "certificateAuthority")
    after = fleet.describe_clusters()
    assert {name: [cluster[key] for key in keys] for name, cluster in after.items()} == {
        name: [cluster[key] for key in keys] for name, cluster in before.items()
    }


def test_command_line(fleet: FleetSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--dir", str(fleet.state.directory)]
    assert command_line.main(["up", *where, "--cluster", "second", "--cluster", f"third@{OTHER_ACCOUNT}"]) == 0
    assert "further clusters second, third in" in capsys.readouterr().err
    assert command_line.main(["status", *where]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["aws", "cluster", "node", "second/cluster", "second/node", "third/cluster", "third/node"]
    assert (fleet.states[THIRD.name].logs / "node.log").exists()


def test_other_clusters_restart_the_sandbox(tmp_path: pathlib.Path) -> None:
    state = settings.StateDirectory(tmp_path / "sandbox")
    try:
        assert supervisor.up(state, end_with_parent=True, further=[SECOND])
        authority = (state.further_cluster(SECOND.name).pki / "ca.crt").read_text()
        assert supervisor.up(state, end_with_parent=True, further=[SECOND, FurtherCluster("fourth")])
        assert (state.further_cluster(SECOND.name).pki / "ca.crt").read_text() == authority
        assert not supervisor.up(state, end_with_parent=True, further=[SECOND, FurtherCluster("fourth")])
        assert supervisor.up(state, end_with_parent=True)
        assert state.further_clusters() == []
        assert set(supervisor.status(state)) == {"aws", "cluster", "node"}
    finally:
        supervisor.down(state)
