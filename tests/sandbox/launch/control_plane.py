# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kube-apiserver with etcd and controller manager, configured as on EKS.

Needed by: make test-envtest.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import subprocess
import typing as t

from sandbox import settings, webhook
from sandbox.api import ApiClient, ApiError
from sandbox.launch import kubeconfig, old_reflect2

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.settings import StateDirectory

    Json = dict[str, t.Any]

VARIABLE = "KUBEBUILDER_ASSETS"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "etcd")

# The node lifecycle controller is missing because it evicts pods from the stub node if this machine is busy, and
# serviceaccount-token because Kubernetes creates no secrets for service accounts since 1.24.
CONTROLLERS = (
    "clusterrole-aggregation",
    "cronjob",
    "daemonset",
    "deployment",
    "disruption",
    "endpoint",
    "garbagecollector",
    "job",
    "namespace",
    "podgc",
    "replicaset",
    "replicationcontroller",
    "resourcequota",
    "root-ca-cert-publisher",
    "serviceaccount",
    "statefulset",
)

# As on EKS, pods get a projected token instead of an account's secret. This is the default since Kubernetes 1.21, and
# the feature gate was removed in 1.23.
BOUND_TOKENS = "BoundServiceAccountTokenVolume"

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


class MissingPrograms(Exception):
    """KUBEBUILDER_ASSETS is not set, or programs of the control plane are missing there."""


def find_programs(environment: Mapping[str, str]) -> dict[str, pathlib.Path]:
    """Return the path of each of PROGRAMS.

    :raises MissingPrograms: with the directory and the missing programs.
    """
    directory = environment.get(VARIABLE)
    if not directory:
        raise MissingPrograms(
            f"{VARIABLE} is not set. Set it to a directory with {', '.join(PROGRAMS)}, as for Kubernetes' envtest."
        )
    paths = {name: pathlib.Path(directory) / name for name in PROGRAMS}
    missing = [name for name, path in paths.items() if not os.access(path, os.X_OK) or path.is_dir()]
    if missing:
        raise MissingPrograms(f"{VARIABLE} is {directory}, which lacks these executables: {', '.join(missing)}")
    return paths


def commands(
    state: StateDirectory,
    programs: Mapping[str, pathlib.Path],
    *,
    api_port: int,
    hooks_port: int,
    etcd_ports: tuple[int, int],
) -> dict[str, list[str]]:
    """Write the configuration files and return the command line of each program.

    :param state: the directory must have the certificates and cluster.json.
    :param programs: from ``find_programs``.
    :param api_port: the API server's HTTPS port.
    :param hooks_port: the port of sandbox.hooks.
    :param etcd_ports: for etcd's clients and for its peers.
    """
    directory = state.directory / "control-plane"
    directory.mkdir(parents=True, exist_ok=True)
    certificates = state.pki
    authenticator = directory / "authenticator.kubeconfig"
    kubeconfig.write(authenticator, f"https://127.0.0.1:{hooks_port}/authenticate", certificates, None)
    manager = directory / "controller-manager.kubeconfig"
    kubeconfig.write(manager, f"https://127.0.0.1:{api_port}", certificates, "controller-manager")
    issuer = state.cluster()["issuer"]
    api_server = programs["kube-apiserver"]
    if old_reflect2.is_affected(api_server):
        api_server = old_reflect2.patched_copy(api_server, directory)
    etcd_url, peer_url = (f"http://127.0.0.1:{port}" for port in etcd_ports)
    gates = [f"--feature-gates={BOUND_TOKENS}=true"] if _has_feature_gate(api_server, BOUND_TOKENS) else []
    no_fsync = ["--unsafe-no-fsync"] if _supports_no_fsync(programs["etcd"]) else []
    return {
        "etcd": [
            str(programs["etcd"]),
            f"--data-dir={directory / 'etcd'}",
            f"--listen-client-urls={etcd_url}",
            f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            *no_fsync,
        ],
        "kube-apiserver": [
            str(api_server),
            f"--etcd-servers={etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={api_port}",
            # Nothing in the cluster reaches the API server through the service "kubernetes".
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.100.0.0/16",
            "--allow-privileged=true",
            "--authorization-mode=RBAC",
            # Only the node lifecycle controller removes its taint.
            "--disable-admission-plugins=TaintNodesByCondition",
            f"--tls-cert-file={certificates / 'server.crt'}",
            f"--tls-private-key-file={certificates / 'server.key'}",
            f"--client-ca-file={certificates / 'ca.crt'}",
            f"--service-account-issuer={issuer}",
            # EKS publishes the keys at the issuer's URL, not on the API server.
            f"--service-account-jwks-uri={issuer}/keys",
            f"--service-account-key-file={certificates / 'sa.pub'}",
            f"--service-account-signing-key-file={certificates / 'sa.key'}",
            f"--api-audiences={settings.API_AUDIENCE}",
            f"--authentication-token-webhook-config-file={authenticator}",
            "--authentication-token-webhook-version=v1",
            # The API server has another cache of 10 s in front of this one.
            "--authentication-token-webhook-cache-ttl=1s",
            f"--kubelet-certificate-authority={certificates / 'ca.crt'}",
            f"--kubelet-client-certificate={certificates / 'kubelet-client.crt'}",
            f"--kubelet-client-key={certificates / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            *gates,
        ],
        "kube-controller-manager": [
            str(programs["kube-controller-manager"]),
            f"--kubeconfig={manager}",
            "--bind-address=127.0.0.1",
            "--port=0",
            "--secure-port=0",
            "--leader-elect=false",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--service-account-private-key-file={certificates / 'sa.key'}",
            f"--root-ca-file={certificates / 'ca.crt'}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            *gates,
        ],
    }


@functools.lru_cache
def _supports_no_fsync(etcd: pathlib.Path) -> bool:
    """Whether this etcd has the flag, which was added in 3.5. Not every build lists it in its help text."""
    # An unknown flag makes etcd fail, even with --version.
    result = subprocess.run([etcd, "--unsafe-no-fsync", "--version"], capture_output=True, timeout=10, check=False)
    return result.returncode == 0


@functools.lru_cache
def _has_feature_gate(program: pathlib.Path, gate: str) -> bool:
    """Whether a program lists a feature gate in its help text."""
    result = subprocess.run([program, "--help"], capture_output=True, timeout=30, check=False)
    return f"{gate}=true|false".encode() in result.stdout


def configure(api: ApiClient, certificate_authority: str, hooks_port: int) -> None:
    """Register the webhook and create the objects that EKS creates in a new cluster. Existing ones are kept.

    :raises ApiError: if the API server is not ready yet.
    """
    authority = kubeconfig.base64_text(certificate_authority)
    _create_if_missing(api, WEBHOOKS, webhook.configuration(authority, f"https://127.0.0.1:{hooks_port}/mutate"))
    _create_if_missing(
        api,
        BINDINGS,
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "eks:service-account-issuer-discovery"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:service-account-issuer-discovery",
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"},
            ],
        },
    )


def webhook_works(api: ApiClient) -> bool:
    """Whether the webhook mutates a new pod. After its registration this takes a moment."""
    namespace = "/api/v1/namespaces/kube-system"
    arn = f"arn:aws:iam::{settings.ACCOUNT_ID}:role/probe"
    account = {"metadata": {"name": "sandbox-probe", "annotations": {webhook.ROLE_ARN: arn}}}
    spec = {
        "serviceAccountName": "sandbox-probe",
        # Otherwise admission waits for the account's secret.
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": "probe"}],
    }
    try:
        _create_if_missing(api, f"{namespace}/serviceaccounts", account)
        created = api.post(f"{namespace}/pods", {"metadata": {"name": "sandbox-probe"}, "spec": spec}, dryRun="All")
    except ApiError:
        return False
    if arn not in json.dumps(created["spec"]):
        return False
    api.delete(f"{namespace}/serviceaccounts/sandbox-probe")
    return True


def _create_if_missing(api: ApiClient, path: str, body: Json) -> None:
    try:
        api.post(path, body)
    except ApiError as error:
        if error.status != 409:
            raise
