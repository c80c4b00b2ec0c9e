# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running sandbox with roles, service accounts and pods, for tests of the whole chain."""

from __future__ import annotations

import itertools
import json
import time
import typing as t

import boto3
from sandbox import settings
from sandbox.api import ApiClient, ApiError

if t.TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, t.Any]

_numbers = itertools.count(1)


class ChainSandbox:
    """A running sandbox with an OIDC provider. Each test has its own namespace."""

    def __init__(self, state: settings.StateDirectory) -> None:
        self.state = state
        self.api = ApiClient(state)
        self.namespace = ""
        options = {
            "endpoint_url": state.env()["AWS_ENDPOINT_URL"],
            "aws_access_key_id": settings.ACCESS_KEY_ID,
            "aws_secret_access_key": settings.SECRET_ACCESS_KEY,
            "region_name": settings.REGION,
        }
        self.iam = boto3.client("iam", **options)
        self.sts = boto3.client("sts", **options)
        cluster = boto3.client("eks", **options).describe_cluster(name=settings.CLUSTER_NAME)["cluster"]
        self.issuer = cluster["identity"]["oidc"]["issuer"]
        self.provider_arn = self.iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=[settings.AUDIENCE])[
            "OpenIDConnectProviderArn"
        ]

    @property
    def core(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}"

    @property
    def apps(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}"

    def enter_namespace(self) -> None:
        self.namespace = f"test-{next(_numbers)}"
        self.api.post("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.wait_for(lambda: self.exists(f"{self.core}/serviceaccounts/default"))

    def role(self, subject: str, name: str | None = None) -> str:
        """Create a role that trusts one subject, and return its ARN."""
        host = self.issuer.removeprefix("https://")
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{host}:sub": subject, f"{host}:aud": settings.AUDIENCE}},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        created = self.iam.create_role(RoleName=name or self.namespace, AssumeRolePolicyDocument=trust)
        return str(created["Role"]["Arn"])

    def account(self, name: str, role_arn: str | None = None) -> None:
        annotations = {"eks.amazonaws.com/role-arn": role_arn} if role_arn else {}
        self.api.post(f"{self.core}/serviceaccounts", {"metadata": {"name": name, "annotations": annotations}})

    def pod(self, name: str, *containers: Json, annotations: dict[str, str] | None = None, **spec: t.Any) -> Json:
        body = {
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {"containers": list(containers) or [CONTAINER], **spec},
        }
        return self.api.post(f"{self.core}/pods", body)

    def get(self, name: str) -> Json:
        return self.api.get(f"{self.core}/pods/{name}")

    def exists(self, path: str) -> bool:
        try:
            self.api.get(path)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def wait_for_phase(self, name: str, *phases: str) -> Json:
        self.wait_for(lambda: self.get(name)["status"].get("phase") in phases)
        return self.get(name)

    def wait_for_reason(self, name: str, reason: str) -> Json:
        def waiting() -> bool:
            statuses = self.get(name)["status"].get("containerStatuses") or []
            return any((status["state"].get("waiting") or {}).get("reason") == reason for status in statuses)

        self.wait_for(waiting)
        return self.get(name)

    def run_test_pod(self, account: str, **container: t.Any) -> tuple[str, str]:
        """Run the documented test pod, and return its final phase and its log."""
        name = f"irsa-test-{next(_numbers)}"
        command = {"args": ["sts", "get-caller-identity"], **container}
        self.pod(
            name,
            {"name": "main", "image": settings.TEST_POD_IMAGE, **command},
            serviceAccountName=account,
            restartPolicy="Never",
        )
        phase = self.wait_for_phase(name, "Succeeded", "Failed")["status"]["phase"]
        return phase, self.api.get_text(f"{self.core}/pods/{name}/log")

    def events(self, name: str) -> list[tuple[str, str]]:
        events = self.api.get(f"{self.core}/events", fieldSelector=f"involvedObject.name={name}")["items"]
        return [(event["type"], event["reason"]) for event in events]

    @staticmethod
    def wait_for(check: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"the condition is not met after {seconds:g} s"
            time.sleep(0.02)


CONTAINER: Json = {"name": "main", "image": "busybox"}
