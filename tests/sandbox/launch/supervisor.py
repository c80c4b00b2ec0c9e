# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the sandbox's processes, waits until each answers, and stops them again.

Needed by: every target; make sandbox.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import re
import shutil
import socket
import sys
import time
import typing as t

import urllib3

from sandbox import pki, settings
from sandbox.api import Api, ApiError
from sandbox.launch import control_plane, kubeconfig, processes

if t.TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.settings import State

# On a busy machine; an idle one takes a few seconds.
READY_TIMEOUT = 60.0
POLL = 0.05
TAIL_LINES = 15

# What would send a client of AWS's or Ansible's somewhere else than to the sandbox, or as somebody else.
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
    """A process did not come up; the message names it, the cause and the end of its log."""


@dataclasses.dataclass(frozen=True)
class Ports:
    """Loopback ports that were free a moment ago; further are those of further clusters' API servers."""

    aws: int
    api: int
    hooks: int
    etcd: int
    etcd_peer: int
    further: tuple[int, ...] = ()

    @classmethod
    def choose(cls, further: int = 0) -> Ports:
        count = len(dataclasses.fields(cls)) - 1
        # All are held at once, so that no two are the same.
        sockets = [socket.socket() for _port in range(count + further)]
        try:
            for listener in sockets:
                listener.bind(("127.0.0.1", 0))
            aws, api, hooks, etcd, etcd_peer, *rest = (listener.getsockname()[1] for listener in sockets)
            return cls(aws, api, hooks, etcd, etcd_peer, tuple(rest))
        finally:
            for listener in sockets:
                listener.close()


@dataclasses.dataclass(frozen=True)
class Further:
    """A cluster besides the first: its API server is a simulated one, its state is in State.further(name)."""

    name: str
    account_id: str = settings.ACCOUNT_ID

    @classmethod
    def parse(cls, text: str) -> Further:
        """Read NAME or NAME@ACCOUNT.

        Raises:
            ValueError: it is neither.
        """
        match = re.fullmatch(r"([0-9A-Za-z][0-9A-Za-z_-]{0,99})(?:@(\d{12}))?", text)
        if not match or match[1] in settings.CLUSTERS:
            raise ValueError(f"{text!r} is no NAME or NAME@ACCOUNT of a further cluster")
        return cls(match[1], match[2] or settings.ACCOUNT_ID)


def up(state: State, *, real: bool = False, tied: bool = False, further: Sequence[Further] = ()) -> bool:
    """Start the sandbox and return when every part of it answers.

    Args:
        state: Its directory; what an earlier run left there, certificates apart, is thrown away.
        real: Run the API server that KUBEBUILDER_ASSETS leads to, in place of the simulated one.
        tied: End the processes when this one ends.
        further: Clusters besides the first, each with an issuer, keys, API server and node of its own.

    Returns:
        False when the same kind of sandbox was running there already, which is then left alone.

    Raises:
        StartError: something did not start; everything is stopped again.
        control_plane.MissingPrograms: real was asked for without the programs.
    """
    programs = control_plane.find_programs(os.environ) if real else {}
    recorded = status(state)
    others = {name for name in recorded if "/" in name}
    same = ("kube-apiserver" in recorded) is real and others == {
        name for cluster in further for name in _names(cluster)
    }
    if recorded and all(recorded.values()) and same:
        return False
    down(state)
    ports = Ports.choose(len(further))
    _prepare(state, ports, further)
    commands = _commands(state, programs, ports, further)
    environment = process_environment(state)
    started: dict[str, subprocess.Popen[bytes]] = {}
    records: dict[str, processes.Record] = {}
    try:
        for name, command in commands.items():
            if name == "kube-controller-manager":
                # It gives up on an API server that answers but is not ready yet.
                _wait(state, started, {"kube-apiserver": Api(state).is_ready})
            started[name], records[name] = processes.start(command, log_of(state, name), environment, tied=tied)
            # At once, so that "down" finds them whatever happens next.
            settings.write_private(state.pids_file, json.dumps(records, indent=2))
        _wait(state, started, _checks(state, ports, further, real=real))
    except BaseException:
        down(state)
        raise
    return True


def down(state: State) -> list[str]:
    """Stop every process of a state directory and return the names of those that ran."""
    records = _records(state)
    running = [name for name, record in records.items() if processes.is_alive(record)]
    # Those that others depend on started first and stop last, but all are asked together.
    processes.stop(list(reversed(records.values())))
    state.pids_file.unlink(missing_ok=True)
    for cluster in (state, *state.all_further()):
        shutil.rmtree(cluster.tokens, ignore_errors=True)
    shutil.rmtree(state.directory / "control-plane", ignore_errors=True)
    return running


def status(state: State) -> dict[str, bool]:
    """Return for each process of a state directory whether it runs; {} when none was started."""
    return {name: processes.is_alive(record) for name, record in _records(state).items()}


def environment(state: State) -> dict[str, str]:
    """Return what to export to use the sandbox.

    Raises:
        FileNotFoundError: it was never started.
    """
    return state.env()


def process_environment(state: State) -> dict[str, str]:
    """Return the environment in which the sandbox's own processes run."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    package_parent = str(pathlib.Path(settings.__file__).resolve().parent.parent)
    paths = [package_parent, *(part for part in kept.get("PYTHONPATH", "").split(os.pathsep) if part)]
    return {**kept, **state.env(), "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}


def log_of(state: State, process: str) -> pathlib.Path:
    """Return where a process writes, by its name in pids.json."""
    cluster, _slash, name = process.rpartition("/")
    return (state.further(cluster) if cluster else state).logs / f"{name}.log"


def _records(state: State) -> dict[str, processes.Record]:
    try:
        return t.cast("dict[str, processes.Record]", json.loads(state.pids_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _names(further: Further) -> tuple[str, str]:
    """What the processes of a further cluster are called; no other process has a slash in its name."""
    return f"{further.name}/cluster", f"{further.name}/node"


def _prepare(state: State, ports: Ports, further: Sequence[Further]) -> None:
    kept = {cluster.name for cluster in further}
    for old in state.all_further():
        if old.directory.name not in kept:
            shutil.rmtree(old.directory)
    _prepare_cluster(state, Further(settings.CLUSTER_NAME), ports.aws, ports.api)
    for cluster, port in zip(further, ports.further, strict=True):
        _prepare_cluster(state.further(cluster.name), cluster, ports.aws, port)


def _prepare_cluster(state: State, about: Further, aws_port: int, api_port: int) -> None:
    state.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.ensure(state.pki)
    for directory in (state.logs, state.tokens):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
    state.access_file.unlink(missing_ok=True)
    endpoint = f"https://127.0.0.1:{api_port}"
    cluster: settings.Cluster = {
        "name": about.name,
        "region": settings.REGION,
        "account_id": about.account_id,
        "partition": settings.PARTITION,
        "version": settings.VERSION,
        "issuer": settings.issuer(about.name),
        "endpoint": endpoint,
        "certificate_authority": (state.pki / "ca.crt").read_text(encoding="utf-8"),
        "jwks": pki.jwks(state.pki / "sa.pub"),
    }
    settings.write_private(state.cluster_file, json.dumps(cluster, indent=2))
    kubeconfig.write(state.kubeconfig, endpoint, state.pki, "admin")
    no_proxy = ",".join(dict.fromkeys(["127.0.0.1", "localhost", *_no_proxy()]))
    exported = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}",
        "AWS_ACCESS_KEY_ID": settings.ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": settings.SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": settings.REGION,
        "AWS_REGION": settings.REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "K8S_AUTH_KUBECONFIG": str(state.kubeconfig),
        "KUBECONFIG": str(state.kubeconfig),
        "IRSA_SANDBOX_CLUSTER": about.name,
        "IRSA_SANDBOX_DIR": str(state.directory),
        # Programs differ in which of the two they prefer.
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }
    settings.write_private(state.env_file, json.dumps(exported, indent=2))


def _no_proxy() -> list[str]:
    given = (os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy"))
    return [part for names in given for part in names.split(",") if part]


def _commands(
    state: State, programs: Mapping[str, pathlib.Path], ports: Ports, further: Sequence[Further]
) -> dict[str, list[str]]:
    def module(name: str, *arguments: str, of: State = state) -> list[str]:
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
        cluster, node = _names(other)
        commands[cluster] = module("cluster", "--port", str(port), of=state.further(other.name))
        commands[node] = module("node", of=state.further(other.name))
    return commands


def _checks(state: State, ports: Ports, further: Sequence[Further], *, real: bool) -> dict[str, Callable[[], bool]]:
    """Return what must hold, in the order in which to wait for it, by the name of the process it tells about."""
    api = Api(state)
    checks: dict[str, Callable[[], bool]] = {"aws": lambda: _answers(f"http://127.0.0.1:{ports.aws}/moto-api/")}
    account, node = "/api/v1/namespaces/default/serviceaccounts/default", f"/api/v1/nodes/{settings.NODE_NAME}"
    if real:
        authority = str(state.pki / "ca.crt")
        checks["hooks"] = lambda: _answers(f"https://127.0.0.1:{ports.hooks}/healthz", authority)
        checks["kube-apiserver"] = lambda: _configured(state, api, ports.hooks)
        checks["kube-controller-manager"] = lambda: _has(api, account)
    else:
        checks["cluster"] = lambda: _has(api, account)
    checks["node"] = lambda: _has(api, node)
    for other in further:
        own = Api(state.further(other.name))
        checks |= dict(
            zip(_names(other), [functools.partial(_has, own, path) for path in (account, node)], strict=True)
        )
    return checks


def _wait(
    state: State, started: Mapping[str, subprocess.Popen[bytes]], checks: Mapping[str, Callable[[], bool]]
) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    for name, check in checks.items():
        while not check():
            for other, process in started.items():
                if (code := process.poll()) is not None:
                    raise StartError(f"{other} ended with exit status {code}{_tail(state, other)}")
            if time.monotonic() > deadline:
                raise StartError(f"{name} was not ready after {READY_TIMEOUT:.0f} s{_tail(state, name)}")
            time.sleep(POLL)


def _tail(state: State, name: str) -> str:
    path = log_of(state, name)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return "".join(f"\n  {line}" for line in lines) + f"\n(the whole log is {path})"


def _answers(url: str, certificate_authority: str | None = None) -> bool:
    with urllib3.PoolManager(ca_certs=certificate_authority, retries=False, timeout=2) as http:
        try:
            return http.request("GET", url).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _has(api: Api, path: str) -> bool:
    try:
        api.get(path)
    except ApiError:
        return False
    return True


def _configured(state: State, api: Api, hooks_port: int) -> bool:
    if not api.is_ready():
        return False
    try:
        control_plane.configure(api, state.cluster()["certificate_authority"], hooks_port)
    except ApiError:
        return False
    return control_plane.webhook_works(api)
