# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the aws CLI with a pod's environment and projected tokens.

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
from sandbox.api import ApiClient, ApiError

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.settings import StateDirectory

    Json = dict[str, t.Any]

# In seconds. Longer than the timeouts of the CLI's calls.
CLI_TIMEOUT = 60
# Variables whose value is a path in the container.
PATH_VARIABLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
)
# With any of these a credential chain does not use the instance metadata service.
CREDENTIAL_VARIABLES = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY_ID", "AWS_PROFILE")


class CliRun:
    """A process that runs the aws CLI."""

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
        # The log shows the paths in the container.
        for host_path, container_path in self._paths.items():
            output = output.replace(host_path, container_path)
        self._result = (code if code >= 0 else 128 - code, output)
        done()


class FailedRun:
    """A run of the aws CLI that failed to start. Its output is the reason."""

    def __init__(self, message: str) -> None:
        self._message = message

    def result(self) -> tuple[int, str] | None:
        return 255, f"\n{self._message}\n"

    def cancel(self) -> None:
        pass


class Runtime:
    """Writes the tokens of pods and runs the aws CLI for them."""

    def __init__(self, state: StateDirectory, api: ApiClient) -> None:
        self._state = state
        self._api = api
        self._endpoint = state.env()["AWS_ENDPOINT_URL"]
        self._lock = threading.Lock()
        self._node_role: str | None = None

    def mount(self, pod: Json) -> None:
        """Write the pod's projected tokens. Existing ones are replaced.

        :raises ApiError: if the API server does not issue a token.
        """
        for volume in pod["spec"].get("volumes") or []:
            for source in (volume.get("projected") or {}).get("sources") or []:
                if "serviceAccountToken" in source:
                    self._write_token(pod, volume["name"], source["serviceAccountToken"])

    def unmount(self, pod: Json) -> None:
        """Remove the pod's tokens."""
        shutil.rmtree(self.directory(pod), ignore_errors=True)

    def directory(self, pod: Json) -> pathlib.Path:
        metadata = pod["metadata"]
        return self._state.tokens / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"

    def start_aws(
        self, pod: Json, container: Json, arguments: tuple[str, ...], done: Callable[[], None]
    ) -> CliRun | FailedRun:
        """Start the aws CLI with the environment of a container.

        :param container: the container's spec.
        :param arguments: the arguments of the aws CLI.
        :param done: called when the CLI has ended.
        """
        try:
            # The token of an earlier start may expire soon.
            self.mount(pod)
            environment = _container_environment(container)
            paths = {}
            for name in PATH_VARIABLES:
                container_path = environment.get(name)
                host_path = self._host_path(pod, container, container_path) if container_path else None
                if container_path and host_path:
                    environment[name] = str(host_path)
                    paths[str(host_path)] = container_path
            if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
                environment |= self._instance_environment(environment)
        except (ApiError, BotoCoreError, ClientError) as error:
            return FailedRun(str(error))
        home = self.directory(pod)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        defaults = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "AWS_ENDPOINT_URL": self._endpoint,
            # Use neither the files of the user who started the sandbox nor a real metadata service.
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CONFIG_FILE": os.devnull,
        }
        environment = {**defaults, **environment, "AWS_EC2_METADATA_DISABLED": "true"}
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

    def _host_path(self, pod: Json, container: Json, container_path: str) -> pathlib.Path | None:
        """Return the file on the host for a path in the container; None if it is not in a volume with tokens."""
        for mount in container.get("volumeMounts") or []:
            root = mount["mountPath"].rstrip("/") + "/"
            if container_path.startswith(root):
                relative = container_path.removeprefix(root)
                volume = self.directory(pod) / mount["name"]
                host_path = (volume / mount.get("subPath", "") / relative).resolve()
                return host_path if host_path.is_relative_to(volume.resolve()) and host_path.is_file() else None
        return None

    def _instance_environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Return the variables that replace the instance metadata of EKS: region and node role, unless they are set."""
        has_region = any(environment.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
        region = {} if has_region else {"AWS_DEFAULT_REGION": settings.REGION}
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
    # The sandbox assumes the role with the account's key, instead of EC2.
    account = {**statement, "Principal": {"AWS": f"arn:{settings.PARTITION}:iam::{settings.ACCOUNT_ID}:root"}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement, account]})
    try:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    except iam.exceptions.NoSuchEntityException:
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])


def _container_environment(container: Json) -> dict[str, str]:
    """The variables of a container's spec that have a value. $(NAME) is replaced by an earlier variable."""
    environment: dict[str, str] = {}
    for variable in container.get("env") or []:
        environment[variable["name"]] = re.sub(
            r"\$(\$?)\(([^)]+)\)",
            lambda match: match[0][1:] if match[1] else environment.get(match[2], match[0]),
            variable.get("value") or "",
        )
    return environment
