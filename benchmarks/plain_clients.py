"""Plain clients of AWS and the API server, for the baselines of the benchmarks."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import typing as t
import urllib.parse

import boto3
import botocore.config
import urllib3
from botocore.signers import RequestSigner

WORKERS = 16
CLUSTER = "production"


class Kubernetes:
    """A client of the API server with urllib3: the kubernetes client is slower to import and to call."""

    def __init__(self, cluster: dict[str, t.Any], token: str) -> None:
        authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
        self._host = cluster["endpoint"]
        self._pool = urllib3.PoolManager(maxsize=WORKERS, ssl_context=ssl.create_default_context(cadata=authority))
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, body: t.Any = None, content_type: str = "application/json") -> t.Any:
        response = self._pool.request(
            method,
            self._host + path,
            body=None if body is None else json.dumps(body),
            headers={**self._headers, "Content-Type": content_type},
        )
        if response.status >= 400:
            sys.exit(f"{method} {path}: {response.status} {response.data.decode()}")
        return json.loads(response.data)

    def list_items(self, path: str) -> t.Iterator[t.Any]:
        token = ""
        while True:
            page = self.send("GET", f"{path}?limit=500&continue={urllib.parse.quote(token)}")
            yield from page["items"]
            token = page["metadata"].get("continue") or ""
            if not token:
                return


def sign_eks_token(session: t.Any) -> str:
    signer = RequestSigner(
        session.client("sts").meta.service_model.service_id,
        session.region_name,
        "sts",
        "v4",
        session.get_credentials(),
        session.events,
    )
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"https://sts.{session.region_name}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": CLUSTER},
            "context": {},
        },
        region_name=session.region_name,
        expires_in=60,
        operation_name="",
    )
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def connect() -> tuple[t.Any, dict[str, t.Any], Kubernetes]:
    """Connect to IAM, EKS and the API server of the cluster.

    :returns: the IAM client, the cluster as EKS describes it, and the client of its API server.
    """
    session = boto3.session.Session()
    iam = session.client("iam", config=botocore.config.Config(max_pool_connections=WORKERS))
    cluster = session.client("eks").describe_cluster(name=CLUSTER)["cluster"]
    return iam, cluster, Kubernetes(cluster, sign_eks_token(session))
