# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kube-apiserver with etcd and controller manager, set up the way EKS sets up its own.

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
from sandbox.api import Api, ApiError
from sandbox.launch import kubeconfig, old_reflect2

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.settings import State

    Json = dict[str, t.Any]

VARIABLE = "KUBEBUILDER_ASSETS"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "etcd")

# No node lifecycle controller: it would evict pods from the stub node when this machine is busy. Neither is there a
# serviceaccount-token: Kubernetes gives accounts no secrets of their own since 1.24.
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

# Pods get a projected token in place of an account's secret, as everywhere on EKS. It is the default since
# Kubernetes 1.21 and no longer a gate since 1.23.
BOUND_TOKENS = "BoundServiceAccountTokenVolume"

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


class MissingPrograms(Exception):
    """KUBEBUILDER_ASSETS does not lead to the programs of a control plane."""


def find_programs(environment: Mapping[str, str]) -> dict[str, pathlib.Path]:
    """Return the path of each of PROGRAMS.

    Raises:
        MissingPrograms: names what is missing and where it was looked for.
    """
    directory = environment.get(VARIABLE)
    if not directory:
        raise MissingPrograms(
            f"{VARIABLE} is not set: point it at a directory with {', '.join(PROGRAMS)}, as for Kubernetes' envtest"
        )
    found = {name: pathlib.Path(directory) / name for name in PROGRAMS}
    missing = [name for name, path in found.items() if not os.access(path, os.X_OK) or path.is_dir()]
    if missing:
        raise MissingPrograms(f"{VARIABLE} is {directory}, where no executable is: {', '.join(missing)}")
    return found


def commands(
    state: State, programs: Mapping[str, pathlib.Path], *, api_port: int, hooks_port: int, etcd_ports: tuple[int, int]
) -> dict[str, list[str]]:
    """Return the command line of each part, and write the files they read.

    Args:
        state: With its certificates and cluster.json written.
        programs: From find_programs.
        api_port: The API server's HTTPS port.
        hooks_port: Where sandbox.hooks listens.
        etcd_ports: For etcd's clients and for its peers.
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
    gates = [f"--feature-gates={BOUND_TOKENS}=true"] if _knows(api_server, BOUND_TOKENS) else []
    no_fsync = ["--unsafe-no-fsync"] if _knows_no_fsync(programs["etcd"]) else []
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
            # Its taint goes away only with a node lifecycle controller.
            "--disable-admission-plugins=TaintNodesByCondition",
            f"--tls-cert-file={certificates / 'server.crt'}",
            f"--tls-private-key-file={certificates / 'server.key'}",
            f"--client-ca-file={certificates / 'ca.crt'}",
            f"--service-account-issuer={issuer}",
            # EKS publishes the keys beside the issuer, not on the API server.
            f"--service-account-jwks-uri={issuer}/keys",
            f"--service-account-key-file={certificates / 'sa.pub'}",
            f"--service-account-signing-key-file={certificates / 'sa.key'}",
            f"--api-audiences={settings.API_AUDIENCE}",
            f"--authentication-token-webhook-config-file={authenticator}",
            "--authentication-token-webhook-version=v1",
            # The API server's own cache of 10 s stands before this one.
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
def _knows_no_fsync(etcd: pathlib.Path) -> bool:
    """Tell whether this etcd has the flag; it came with 3.5 and is not in the help text of every build."""
    # A flag that etcd doesn't know makes it fail, even when asked for its version only.
    result = subprocess.run([etcd, "--unsafe-no-fsync", "--version"], capture_output=True, timeout=10, check=False)
    return result.returncode == 0


@functools.lru_cache
def _knows(program: pathlib.Path, gate: str) -> bool:
    """Tell whether a program has a feature gate, which its help lists."""
    result = subprocess.run([program, "--help"], capture_output=True, timeout=30, check=False)
    return f"{gate}=true|false".encode() in result.stdout


def configure(api: Api, certificate_authority: str, hooks_port: int) -> None:
    """Register the webhook and make what EKS makes in a new cluster.

    Raises:
        ApiError: the API server is not ready for it, try again.
    """
    authority = kubeconfig.base64_text(certificate_authority)
    _create(api, WEBHOOKS, webhook.configuration(authority, f"https://127.0.0.1:{hooks_port}/mutate"))
    _create(
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


def webhook_works(api: Api) -> bool:
    """Tell whether a new pod of an annotated account comes out injected, which takes a moment after registration."""
    namespace = "/api/v1/namespaces/kube-system"
    arn = f"arn:aws:iam::{settings.ACCOUNT_ID}:role/probe"
    account = {"metadata": {"name": "sandbox-probe", "annotations": {webhook.ROLE_ARN: arn}}}
    spec = {
        "serviceAccountName": "sandbox-probe",
        # Without it admission would wait for the account's secret.
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": "probe"}],
    }
    try:
        _create(api, f"{namespace}/serviceaccounts", account)
        made = api.post(f"{namespace}/pods", {"metadata": {"name": "sandbox-probe"}, "spec": spec}, dryRun="All")
    except ApiError:
        return False
    if arn not in json.dumps(made["spec"]):
        return False
    api.delete(f"{namespace}/serviceaccounts/sandbox-probe")
    return True


def _create(api: Api, path: str, body: Json) -> None:
    try:
        api.post(path, body)
    except ApiError as error:
        if error.status != 409:
            raise
