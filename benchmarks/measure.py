"""Times whole processes, and keeps what they say of themselves. Shared by the benchmarks of single modules."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.request

import kubernetes

CLUSTER = os.environ["IRSA_SANDBOX_CLUSTER"]


class Run(t.NamedTuple):
    """One process: its wall seconds, its peak memory, and the result that it printed."""

    seconds: float
    megabytes: float
    result: dict[str, t.Any]

    @property
    def calls(self) -> dict[str, dict[str, int]]:
        """The requests that it says it made."""
        return self.result.get("calls", {})


def module(name: str, options: t.Mapping[str, t.Any], workdir: pathlib.Path) -> Run:
    """A module of the collection in a process of its own, without Ansible around it."""
    arguments = workdir / f"{name}.arguments"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    return process([sys.executable, "-m", f"ansible_collections.eksops.irsa.plugins.modules.{name}", str(arguments)])


def process(command: t.Sequence[str]) -> Run:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=output, stderr=complaints)
        _pid, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaints.seek(0)
        said = output.read()
        if child.returncode:
            sys.exit(f"{command[:3]}: exit {child.returncode}\n{said.decode()[-2000:]}\n{complaints.read().decode()}")
    return Run(seconds, usage.ru_maxrss / 1024, json.loads(said) if said else {})


def playbook(path: pathlib.Path, variables: t.Mapping[str, t.Any], workdir: pathlib.Path) -> float:
    """The wall seconds of ansible-playbook."""
    given = workdir / f"{path.stem}.vars.json"
    given.write_text(json.dumps({"cluster_name": CLUSTER, **variables}))
    start = time.perf_counter()
    command = ["ansible-playbook", str(path), "-e", f"@{given}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{path.name}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.perf_counter() - start


def reset(namespaces: t.Sequence[str]) -> None:
    """An account with room for the roles and nothing in it, and a cluster without the namespaces."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    for path, body in (("reset", {}), ("quotas", {"RolesQuota": 100000})):
        request = urllib.request.Request(  # noqa: S310
            f"{endpoint}/sandbox-api/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request).read()  # noqa: S310
    core = kubernetes.client.CoreV1Api()
    for name in namespaces:
        try:
            core.delete_namespace(name)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
    while any(each.metadata.name in namespaces for each in core.list_namespace().items):
        time.sleep(0.1)


def spread(figures: t.Sequence[float]) -> str:
    return f"{statistics.median(figures):.2f} ({min(figures):.2f} - {max(figures):.2f})"
