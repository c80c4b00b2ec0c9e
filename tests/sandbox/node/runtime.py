# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's environment, its projected tokens, and the aws CLI run with both.

Needed by: targets examples, irsa_verify, role_irsa (test pod).
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import typing as t

import botocore.config
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from sandbox import settings
from sandbox.api import Api, ApiError

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.settings import State

    Json = dict[str, t.Any]

# Longer than any time-out of the calls that the CLI makes.
CLI_TIMEOUT = 60
# Variables whose value is a path inside the container.
PATH_VARIABLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
)
# With any of these a credential chain does not get as far as the instance's metadata.
CREDENTIAL_VARIABLES = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY_ID", "AWS_PROFILE")


class CliRun:
    """The aws CLI in a process of its own."""

    def __init__(
        self, command: list[str], environment: dict[str, str], paths: dict[str, str], done: Callable[[], None]
    ) -> None:
        self._paths = paths
        self._result: tuple[int, str] | None = None
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=environment["HOME"],
        )
        threading.Thread(target=self._wait, args=(done,), daemon=True).start()

    def result(self) -> tuple[int, str] | None:
        return self._result

    def cancel(self) -> None:
        self._process.kill()

    def _wait(self, done: Callable[[], None]) -> None:
        try:
            output, _errors = self._process.communicate(timeout=CLI_TIMEOUT)
            code = self._process.returncode
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, _errors = self._process.communicate()
            code = 137
        # What the log says is what the container would have seen.
        for host, inside in self._paths.items():
            output = output.replace(host, inside)
        self._result = (code if code >= 0 else 128 - code, output)
        done()


class FailedRun:
    """A command that could not start; its log says why."""

    def __init__(self, message: str) -> None:
        self._message = message

    def result(self) -> tuple[int, str] | None:
        return 255, f"\n{self._message}\n"

    def cancel(self) -> None:
        pass


class Runtime:
    """Runs for the pods of one node."""

    def __init__(self, state: State, api: Api) -> None:
        self._state = state
        self._api = api
        self._endpoint = state.env()["AWS_ENDPOINT_URL"]
        self._lock = threading.Lock()
        self._node_role: str | None = None

    def mount(self, pod: Json) -> None:
        """Write the pod's projected tokens, or write them anew.

        Raises:
            ApiError: a token was refused.
        """
        for volume in pod["spec"].get("volumes") or []:
            for source in (volume.get("projected") or {}).get("sources") or []:
                if "serviceAccountToken" in source:
                    self._write_token(pod, volume["name"], source["serviceAccountToken"])

    def unmount(self, pod: Json) -> None:
        """Remove what mount wrote."""
        shutil.rmtree(self.directory(pod), ignore_errors=True)

    def directory(self, pod: Json) -> pathlib.Path:
        metadata = pod["metadata"]
        return self._state.tokens / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"

    def start_aws(
        self, pod: Json, container: Json, arguments: tuple[str, ...], done: Callable[[], None]
    ) -> CliRun | FailedRun:
        """Run the aws CLI as the container would.

        Args:
            pod: The pod, as the API server has it.
            container: Its container's spec.
            arguments: What follows "aws".
            done: Called once it has ended.
        """
        try:
            # The token of an earlier start may be near its end.
            self.mount(pod)
            environment = _environment(container)
            paths = {}
            for name in PATH_VARIABLES:
                inside = environment.get(name)
                host = self._host_path(pod, container, inside) if inside else None
                if inside and host:
                    environment[name] = str(host)
                    paths[str(host)] = inside
            if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
                environment |= self._from_instance(environment)
        except (ApiError, BotoCoreError, ClientError) as error:
            return FailedRun(str(error))
        home = self.directory(pod)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "AWS_ENDPOINT_URL": self._endpoint,
            # Nothing but what is said here: not the files of whoever started the sandbox, not a real metadata service.
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CONFIG_FILE": os.devnull,
        }
        environment = {**own, **environment, "AWS_EC2_METADATA_DISABLED": "true"}
        command = [sys.executable, "-m", "sandbox.node.awscli", *arguments]
        return CliRun(command, environment, paths, done)

    def _write_token(self, pod: Json, volume: str, projection: Json) -> None:
        metadata = pod["metadata"]
        account = pod["spec"].get("serviceAccountName") or "default"
        spec: Json = {
            "audiences": [projection["audience"]] if projection.get("audience") else [],
            "expirationSeconds": projection.get("expirationSeconds", 3600),
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token = self._api.post(path, body)["status"]["token"]
        target = self.directory(pod) / volume / projection["path"]
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.write_private(target, token)

    def _host_path(self, pod: Json, container: Json, inside: str) -> pathlib.Path | None:
        """Return the file here that a path in the container means, None if no volume that was written holds it."""
        for mount in container.get("volumeMounts") or []:
            root = mount["mountPath"].rstrip("/") + "/"
            if inside.startswith(root):
                relative = inside.removeprefix(root)
                volume = self.directory(pod) / mount["name"]
                host = (volume / mount.get("subPath", "") / relative).resolve()
                return host if host.is_relative_to(volume.resolve()) and host.is_file() else None
        return None

    def _from_instance(self, environment: dict[str, str]) -> dict[str, str]:
        """Return what the CLI takes from the instance's metadata on EKS: region and node role, where it lacks them."""
        chosen = any(environment.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
        region = {} if chosen else {"AWS_DEFAULT_REGION": settings.REGION}
        if any(environment.get(name) for name in CREDENTIAL_VARIABLES):
            return region
        session = botocore.session.Session()
        options: Json = {
            "endpoint_url": self._endpoint,
            "region_name": settings.REGION,
            "config": botocore.config.Config(retries={"mode": "standard"}),
        }
        with self._lock:
            if self._node_role is None:
                self._node_role = _ensure_node_role(session.create_client("iam", **options))
        sts: t.Any = session.create_client("sts", **options)
        credentials = sts.assume_role(RoleArn=self._node_role, RoleSessionName=settings.NODE_INSTANCE_ID)["Credentials"]
        return {
            **region,
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }


def _ensure_node_role(iam: t.Any) -> str:
    name = settings.NODE_ROLE_NAME
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    # The sandbox plays EC2 with the account's own key.
    account = {**statement, "Principal": {"AWS": f"arn:{settings.PARTITION}:iam::{settings.ACCOUNT_ID}:root"}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement, account]})
    try:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    except iam.exceptions.NoSuchEntityException:
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])


def _environment(container: Json) -> dict[str, str]:
    """The variables that the container's spec gives as values; $(NAME) refers to one before it."""
    environment: dict[str, str] = {}
    for variable in container.get("env") or []:
        environment[variable["name"]] = re.sub(
            r"\$(\$?)\(([^)]+)\)",
            lambda match: match[0][1:] if match[1] else environment.get(match[2], match[0]),
            variable.get("value") or "",
        )
    return environment
