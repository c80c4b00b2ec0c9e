# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the sandbox's processes, wait until they are ready, and stop them.

Needed by: every target; make sandbox.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import random
import re
import shutil
import socket
import sys
import time
import typing as t

import urllib3

from sandbox import pki, settings
from sandbox.api import ApiClient, ApiError
from sandbox.launch import control_plane, kubeconfig, processes

if t.TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.settings import StateDirectory

# For a busy machine. An idle one takes a few seconds. The processes start at the same time.
READY_TIMEOUT = 60.0
SECONDS_PER_PROCESS = 2.0
POLL = 0.05
TAIL_LINES = 15
# Below the ports that systems give to outgoing connections, which could take a port before a process listens on it.
_PORTS = range(10000, 32768)

# Variables with which clients of AWS and Ansible would not use the sandbox's endpoint or credentials.
FOREIGN_VARIABLES = (
    "AWS_ACCESS_KEY",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL_EKS",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_URL",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "K8S_AUTH_API_KEY",
    "K8S_AUTH_CERT_FILE",
    "K8S_AUTH_CONTEXT",
    "K8S_AUTH_HOST",
    "K8S_AUTH_IMPERSONATE_GROUPS",
    "K8S_AUTH_IMPERSONATE_USER",
    "K8S_AUTH_KEY_FILE",
    "K8S_AUTH_PASSWORD",
    "K8S_AUTH_PROXY",
    "K8S_AUTH_SSL_CA_CERT",
    "K8S_AUTH_USERNAME",
    "K8S_AUTH_VERIFY_SSL",
)


class StartError(Exception):
    """A process did not start. The message has its name, the cause and the end of its log."""


@dataclasses.dataclass(frozen=True)
class Ports:
    """Free ports on loopback.

    :param further: for the API servers of further clusters.
    """

    aws: int
    api: int
    hooks: int
    etcd: int
    etcd_peer: int
    further: tuple[int, ...] = ()

    @classmethod
    def choose(cls, further: int = 0) -> Ports:
        count = len(dataclasses.fields(cls)) - 1 + further
        with contextlib.ExitStack() as stack:
            # All sockets stay open, so that no port is chosen twice.
            sockets = [stack.enter_context(_bind_free_port()) for _port in range(count)]
            aws, api, hooks, etcd, etcd_peer, *rest = (listener.getsockname()[1] for listener in sockets)
            return cls(aws, api, hooks, etcd, etcd_peer, tuple(rest))


def _bind_free_port() -> socket.socket:
    """A socket that is bound to a free port of `_PORTS`."""
    for port in random.sample(_PORTS, 100):
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
        else:
            return listener
    raise StartError(f"100 ports from {_PORTS.start} to {_PORTS.stop - 1} are in use. Fix: stop other programs.")


@dataclasses.dataclass(frozen=True)
class FurtherCluster:
    """A further cluster. Its API server is simulated."""

    name: str
    account_id: str = settings.ACCOUNT_ID

    @classmethod
    def parse(cls, text: str) -> FurtherCluster:
        """Parse NAME or NAME@ACCOUNT.

        :raises ValueError: if the text has another format, or the name is one of ``settings.CLUSTERS``.
        """
        match = re.fullmatch(r"([0-9A-Za-z][0-9A-Za-z_-]{0,99})(?:@(\d{12}))?", text)
        if not match or match[1] in settings.CLUSTERS:
            raise ValueError(f"{text!r} is not a valid NAME or NAME@ACCOUNT of a further cluster")
        return cls(match[1], match[2] or settings.ACCOUNT_ID)


def up(
    state: StateDirectory, *, real: bool = False, end_with_parent: bool = False, further: Sequence[FurtherCluster] = ()
) -> bool:
    """Start the sandbox and wait until it is ready.

    :param state: files of an earlier run, except certificates, are replaced.
    :param real: run the API server in KUBEBUILDER_ASSETS instead of the simulated one.
    :param end_with_parent: stop the sandbox when this process ends.
    :param further: further clusters, each with its own issuer, keys, API server and node.
    :returns: False if a sandbox with the same API server and clusters is already running: it keeps running.
    :raises StartError: if a process does not start. All others are stopped.
    :raises control_plane.MissingPrograms: if ``real`` is set and a program is missing.
    """
    programs = control_plane.find_programs(os.environ) if real else {}
    is_running = status(state)
    further_processes = {name for name in is_running if "/" in name}
    is_same_kind = ("kube-apiserver" in is_running) is real and further_processes == {
        name for cluster in further for name in _process_names(cluster)
    }
    if is_running and all(is_running.values()) and is_same_kind:
        return False
    down(state)
    ports = Ports.choose(len(further))
    _prepare(state, ports, further)
    commands = _commands(state, programs, ports, further)
    environment = process_environment(state)
    started: dict[str, subprocess.Popen[bytes]] = {}
    records: dict[str, processes.ProcessRecord] = {}
    try:
        for name, command in commands.items():
            if name == "kube-controller-manager":
                # It fails if the API server responds but is not ready.
                _wait(state, started, {"kube-apiserver": ApiClient(state).is_ready})
            started[name], records[name] = processes.start(
                command, log_path(state, name), environment, end_with_parent=end_with_parent
            )
            # Written after each start, so that "down" finds all processes if the next start fails.
            settings.write_private(state.pids_file, json.dumps(records, indent=2))
        _wait(state, started, _readiness_checks(state, ports, further, real=real))
    except BaseException:
        down(state)
        raise
    return True


def down(state: StateDirectory) -> list[str]:
    """Stop all processes of a state directory and return the names of those that were running."""
    records = _read_records(state)
    running = [name for name, record in records.items() if processes.is_alive(record)]
    # In the reverse order of their start, because later processes depend on earlier ones.
    processes.stop(list(reversed(records.values())))
    state.pids_file.unlink(missing_ok=True)
    for cluster in (state, *state.further_clusters()):
        shutil.rmtree(cluster.tokens, ignore_errors=True)
    shutil.rmtree(state.directory / "control-plane", ignore_errors=True)
    return running


def status(state: StateDirectory) -> dict[str, bool]:
    """Return for each process of a state directory whether it runs; {} if none was started."""
    return {name: processes.is_alive(record) for name, record in _read_records(state).items()}


def environment(state: StateDirectory) -> dict[str, str]:
    """Return the environment to export to use the sandbox.

    :raises FileNotFoundError: if the sandbox was never started.
    """
    return state.env()


def process_environment(state: StateDirectory) -> dict[str, str]:
    """Return the environment of the sandbox's processes."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    package_parent = str(pathlib.Path(settings.__file__).resolve().parent.parent)
    paths = [package_parent, *(part for part in kept.get("PYTHONPATH", "").split(os.pathsep) if part)]
    return {**kept, **state.env(), "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}


def log_path(state: StateDirectory, process: str) -> pathlib.Path:
    """Return the path of the log of a process.

    :param process: its name in pids.json.
    """
    cluster, _slash, name = process.rpartition("/")
    return (state.further_cluster(cluster) if cluster else state).logs / f"{name}.log"


def _read_records(state: StateDirectory) -> dict[str, processes.ProcessRecord]:
    try:
        return t.cast("dict[str, processes.ProcessRecord]", json.loads(state.pids_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _process_names(further: FurtherCluster) -> tuple[str, str]:
    """The names of the processes of a further cluster. No other names have a slash."""
    return f"{further.name}/cluster", f"{further.name}/node"


def _prepare(state: StateDirectory, ports: Ports, further: Sequence[FurtherCluster]) -> None:
    kept = {cluster.name for cluster in further}
    for old in state.further_clusters():
        if old.directory.name not in kept:
            shutil.rmtree(old.directory)
    _prepare_cluster(state, FurtherCluster(settings.CLUSTER_NAME), ports.aws, ports.api)
    for cluster, port in zip(further, ports.further, strict=True):
        _prepare_cluster(state.further_cluster(cluster.name), cluster, ports.aws, port)


def _prepare_cluster(state: StateDirectory, spec: FurtherCluster, aws_port: int, api_port: int) -> None:
    state.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.ensure(state.pki)
    for directory in (state.logs, state.tokens):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
    state.access_file.unlink(missing_ok=True)
    endpoint = f"https://127.0.0.1:{api_port}"
    cluster: settings.ClusterRecord = {
        "name": spec.name,
        "region": settings.REGION,
        "account_id": spec.account_id,
        "partition": settings.PARTITION,
        "version": settings.VERSION,
        "issuer": settings.issuer(spec.name),
        "endpoint": endpoint,
        "certificate_authority": (state.pki / "ca.crt").read_text(encoding="utf-8"),
        "jwks": pki.jwks(state.pki / "sa.pub"),
    }
    settings.write_private(state.cluster_file, json.dumps(cluster, indent=2))
    kubeconfig.write(state.kubeconfig, endpoint, state.pki, "admin")
    no_proxy = ",".join(dict.fromkeys(["127.0.0.1", "localhost", *_no_proxy()]))
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}",
        "AWS_ACCESS_KEY_ID": settings.ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": settings.SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": settings.REGION,
        "AWS_REGION": settings.REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "K8S_AUTH_KUBECONFIG": str(state.kubeconfig),
        "KUBECONFIG": str(state.kubeconfig),
        "IRSA_SANDBOX_CLUSTER": spec.name,
        "IRSA_SANDBOX_DIR": str(state.directory),
        # Some programs read only one of the two.
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }
    settings.write_private(state.env_file, json.dumps(environment, indent=2))


def _no_proxy() -> list[str]:
    values = (os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy"))
    return [host for value in values for host in value.split(",") if host]


def _commands(
    state: StateDirectory, programs: Mapping[str, pathlib.Path], ports: Ports, further: Sequence[FurtherCluster]
) -> dict[str, list[str]]:
    def module(name: str, *arguments: str, of: StateDirectory = state) -> list[str]:
        return [sys.executable, "-m", f"sandbox.{name}", "--dir", str(of.directory), *arguments]

    commands = {"aws": module("aws", "--port", str(ports.aws))}
    if programs:
        parts = control_plane.commands(
            state,
            programs,
            api_port=ports.api,
            hooks_port=ports.hooks,
            etcd_ports=(ports.etcd, ports.etcd_peer),
        )
        commands |= {"etcd": parts.pop("etcd"), "hooks": module("hooks", "--port", str(ports.hooks)), **parts}
    else:
        commands["cluster"] = module("cluster", "--port", str(ports.api))
    commands["node"] = module("node")
    for other, port in zip(further, ports.further, strict=True):
        cluster, node = _process_names(other)
        commands[cluster] = module("cluster", "--port", str(port), of=state.further_cluster(other.name))
        commands[node] = module("node", of=state.further_cluster(other.name))
    return commands


def _readiness_checks(
    state: StateDirectory, ports: Ports, further: Sequence[FurtherCluster], *, real: bool
) -> dict[str, Callable[[], bool]]:
    """Return the readiness check of each process, in the order in which to wait for them."""
    api = ApiClient(state)
    checks: dict[str, Callable[[], bool]] = {"aws": lambda: _responds(f"http://127.0.0.1:{ports.aws}/moto-api/")}
    account, node = "/api/v1/namespaces/default/serviceaccounts/default", f"/api/v1/nodes/{settings.NODE_NAME}"
    if real:
        authority = str(state.pki / "ca.crt")
        checks["hooks"] = lambda: _responds(f"https://127.0.0.1:{ports.hooks}/healthz", authority)
        checks["kube-apiserver"] = lambda: _configure(state, api, ports.hooks)
        checks["kube-controller-manager"] = lambda: _exists(api, account)
    else:
        checks["cluster"] = lambda: _exists(api, account)
    checks["node"] = lambda: _exists(api, node)
    for other in further:
        client = ApiClient(state.further_cluster(other.name))
        is_ready = [functools.partial(_exists, client, path) for path in (account, node)]
        checks |= dict(zip(_process_names(other), is_ready, strict=True))
    return checks


def _wait(
    state: StateDirectory, started: Mapping[str, subprocess.Popen[bytes]], checks: Mapping[str, Callable[[], bool]]
) -> None:
    timeout = READY_TIMEOUT + SECONDS_PER_PROCESS * len(started)
    deadline = time.monotonic() + timeout
    for name, check in checks.items():
        while not check():
            for other, process in started.items():
                if (code := process.poll()) is not None:
                    raise StartError(f"{other} exited with status {code}{_log_tail(state, other)}")
            if time.monotonic() > deadline:
                raise StartError(f"{name} was not ready within {timeout:.0f} s{_log_tail(state, name)}")
            time.sleep(POLL)


def _log_tail(state: StateDirectory, name: str) -> str:
    path = log_path(state, name)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return "".join(f"\n  {line}" for line in lines) + f"\n(complete log: {path})"


def _responds(url: str, certificate_authority: str | None = None) -> bool:
    with urllib3.PoolManager(ca_certs=certificate_authority, retries=False, timeout=2) as http:
        try:
            return http.request("GET", url).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _exists(api: ApiClient, path: str) -> bool:
    try:
        api.get(path)
    except ApiError:
        return False
    return True


def _configure(state: StateDirectory, api: ApiClient, hooks_port: int) -> bool:
    if not api.is_ready():
        return False
    try:
        control_plane.configure(api, state.cluster()["certificate_authority"], hooks_port)
    except ApiError:
        return False
    return control_plane.webhook_works(api)
