# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's constants, and the files in its state directory.

Needed by: every target; make permissions.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile
import typing as t

# moto's own default account.
ACCOUNT_ID = "123456789012"
PARTITION = "aws"
REGION = "eu-west-1"
# The EKS version that DescribeCluster reports; the API server behind it may be older.
VERSION = "1.33"

# The example key pair of AWS's documentation. The authenticator verifies signatures made with it.
ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

# Access keys that simulate expired credentials, invalid credentials and a user without permissions.
EXPIRED_ACCESS_KEY_ID = "AKIAEXPIRED000000000"
INVALID_ACCESS_KEY_ID = "AKIAINVALID000000000"
DENIED_ACCESS_KEY_ID = "AKIADENIED0000000000"
DENIED_USER_NAME = "denied"

# The first cluster has an API server. The other three exist as EKS records only.
CLUSTER_NAME = "production"
OTHER_CLUSTER = "irsa-other"
NO_ISSUER_CLUSTER = "irsa-no-issuer"
CREATING_CLUSTER = "irsa-creating"
CLUSTERS = (CLUSTER_NAME, OTHER_CLUSTER, NO_ISSUER_CLUSTER, CREATING_CLUSTER)

AUDIENCE = "sts.amazonaws.com"
# The audience of tokens that are requested without one.
API_AUDIENCE = "https://kubernetes.default.svc"

CONTEXT = "sandbox"
NODE_NAME = "sandbox-node"
# A pod without injected credentials gets the node's role from the instance metadata service, as on EKS.
NODE_ROLE_NAME = "sandbox-node-role"
NODE_INSTANCE_ID = "i-0123456789abcdef0"

TEST_POD_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.25.4"


def issuer(cluster_name: str, region: str = REGION) -> str:
    """Return the OIDC issuer URL of a cluster, which depends on its name and region only."""
    identifier = hashlib.sha256(cluster_name.encode()).hexdigest()[:32].upper()
    return f"https://oidc.eks.{region}.amazonaws.com/id/{identifier}"


def default_directory() -> pathlib.Path:
    """Return the default of --dir: IRSA_SANDBOX_DIR, else a directory for each user in the temporary directory."""
    if directory := os.environ.get("IRSA_SANDBOX_DIR"):
        return pathlib.Path(directory)
    return pathlib.Path(tempfile.gettempdir()) / f"irsa-sandbox-{os.getuid()}"


class ClusterRecord(t.TypedDict):
    """The content of a cluster.json, which describes a cluster with an API server."""

    name: str
    region: str
    account_id: str
    partition: str
    version: str
    issuer: str
    endpoint: str  # https://127.0.0.1:<port>
    certificate_authority: str  # PEM
    jwks: dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class StateDirectory:
    """The paths in a state directory.

    The supervisor writes the certificates, cluster.json, kubeconfig and env.json before it starts a process.
    clusters/NAME in it is the state directory of a further cluster. pids.json has the processes of all clusters.
    """

    directory: pathlib.Path

    @property
    def pki(self) -> pathlib.Path:
        """Keys and certificates, see pki.py."""
        return self.directory / "pki"

    @property
    def cluster_file(self) -> pathlib.Path:
        return self.directory / "cluster.json"

    def further_cluster(self, name: str) -> StateDirectory:
        """The state directory of a further cluster."""
        return StateDirectory(self.directory / "clusters" / name)

    def further_clusters(self) -> list[StateDirectory]:
        """The state directories of all further clusters."""
        return [StateDirectory(path) for path in sorted(self.directory.glob("clusters/*")) if path.is_dir()]

    @property
    def kubeconfig(self) -> pathlib.Path:
        """The administrator's kubeconfig, with a client certificate."""
        return self.directory / "kubeconfig"

    @property
    def env_file(self) -> pathlib.Path:
        """The environment to export to use the sandbox."""
        return self.directory / "env.json"

    @property
    def access_file(self) -> pathlib.Path:
        """Optional, see authenticator.load_access. A real API server caches the result for each token for 10 s."""
        return self.directory / "access.json"

    @property
    def logs(self) -> pathlib.Path:
        return self.directory / "logs"

    @property
    def tokens(self) -> pathlib.Path:
        """The projected service account tokens of the node's pods, in a directory for each pod."""
        return self.directory / "tokens"

    @property
    def pids_file(self) -> pathlib.Path:
        return self.directory / "pids.json"

    def cluster(self) -> ClusterRecord:
        """Read cluster.json.

        :raises FileNotFoundError: if the sandbox was never started with this directory.
        """
        return t.cast("ClusterRecord", json.loads(self.cluster_file.read_text(encoding="utf-8")))

    def env(self) -> dict[str, str]:
        """Read env.json.

        :raises FileNotFoundError: if the sandbox was never started with this directory.
        """
        return t.cast("dict[str, str]", json.loads(self.env_file.read_text(encoding="utf-8")))


def write_private(path: pathlib.Path, text: str) -> None:
    """Write a text file atomically, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(temporary, path)
