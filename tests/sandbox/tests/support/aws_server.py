# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the sandbox's AWS in a process for its tests, with clients and tokens of the cluster's issuer."""

from __future__ import annotations

import collections.abc as c
import contextlib
import json
import pathlib
import subprocess
import sys
import time
import typing as t
import urllib.request

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import RSAKey
from sandbox import settings

REGIONS = {"aws": settings.REGION, "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
SUBJECT = "system:serviceaccount:default:app"
ACCOUNT = settings.ACCOUNT_ID
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}],
}
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}'
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


class Aws:
    """A running server."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.state = settings.StateDirectory(directory)
        self.key = RSAKey.generate_key(2048, {"kid": "cluster", "use": "sig", "alg": "RS256"})
        self.issuer = settings.issuer(settings.CLUSTER_NAME)
        self.provider = self.issuer.removeprefix("https://")
        self.endpoint = ""
        self._session: t.Any = boto3.session.Session()
        # Creating a client takes longer than most calls.
        self._clients: dict[tuple[t.Any, ...], t.Any] = {}

    def jwks(self, key: RSAKey | None = None) -> dict[str, t.Any]:
        return {"keys": [(key or self.key).as_dict(private=False)]}

    def write_cluster(self, **changes: t.Any) -> None:
        cluster = {
            "name": settings.CLUSTER_NAME,
            "region": settings.REGION,
            "account_id": settings.ACCOUNT_ID,
            "partition": settings.PARTITION,
            "version": settings.VERSION,
            "issuer": self.issuer,
            "endpoint": "https://127.0.0.1:6443",
            "certificate_authority": "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
            "jwks": self.jwks(),
        }
        settings.write_private(self.state.cluster_file, json.dumps({**cluster, **changes}))

    def client(
        self,
        service: str,
        *,
        region: str = settings.REGION,
        access_key_id: str | None = settings.ACCESS_KEY_ID,
        secret: str = settings.SECRET_ACCESS_KEY,
        token: str | None = None,
        retries: int = 0,
        read_timeout: float = 60,
    ) -> t.Any:
        config = Config(
            read_timeout=read_timeout,
            signature_version=None if access_key_id else UNSIGNED,
            retries={"max_attempts": retries, "mode": "standard"} if retries else {"total_max_attempts": 1},
            max_pool_connections=32,
            # The tests are about the server's checks, not the client's.
            parameter_validation=False,
        )
        options = (service, region, self.endpoint, access_key_id, secret, token, retries, read_timeout)
        if options not in self._clients:
            self._clients[options] = self._session.client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id=access_key_id,
                aws_secret_access_key=secret if access_key_id else None,
                aws_session_token=token,
                config=config,
            )
        return self._clients[options]

    def control(self, method: str, name: str, body: t.Any = None) -> t.Any:
        request = urllib.request.Request(f"{self.endpoint}/sandbox-api/{name}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def token(self, key: RSAKey | None = None, algorithm: str = "RS256", **claims: t.Any) -> str:
        """Return a token as the API server issues it. Claims with the value None are omitted."""
        now = int(time.time())
        payload = {
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": [settings.AUDIENCE],
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            **claims,
        }
        signer = key or self.key
        header = {"alg": algorithm, "kid": signer.kid}
        return jwt.encode(header, {k: v for k, v in payload.items() if v is not None}, signer, algorithms=[algorithm])

    def provider_arn(self, partition: str = "aws", account: str = settings.ACCOUNT_ID) -> str:
        return f"arn:{partition}:iam::{account}:oidc-provider/{self.provider}"

    def trust(self, partition: str = "aws", **changes: t.Any) -> dict[str, t.Any]:
        """Return the trust policy for SUBJECT, with changes of its statement."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn(partition)},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{self.provider}:sub": SUBJECT, f"{self.provider}:aud": settings.AUDIENCE}},
        }
        return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}

    def role(self, trust: t.Any = None, *, name: str = "app", region: str = settings.REGION, **more: t.Any) -> str:
        document = json.dumps(trust if trust is not None else self.trust())
        created = self.client("iam", region=region).create_role(
            RoleName=name, AssumeRolePolicyDocument=document, **more
        )
        return t.cast("str", created["Role"]["Arn"])


class CallError(t.NamedTuple):
    """The error of a call."""

    status: int
    code: str
    message: str


def expect_error(call: c.Callable[..., t.Any], **parameters: t.Any) -> CallError:
    """Make a call that must fail, and return its error."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return CallError(
        response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]
    )


@contextlib.contextmanager
def running(directory: pathlib.Path) -> c.Iterator[Aws]:
    """Start a server on a free port, and stop it at the end."""
    aws = Aws(directory)
    command = [sys.executable, "-m", "sandbox.aws", "--dir", str(directory), "--port", "0"]
    process = subprocess.Popen(command, cwd=pathlib.Path(__file__).parents[3], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("AWS is ready at http://127.0.0.1:"), line
        aws.endpoint = json.loads((directory / "aws.json").read_text(encoding="utf-8"))["endpoint"]
        assert line.split()[-1] == aws.endpoint
        yield aws
    finally:
        process.terminate()
        process.communicate(timeout=10)
