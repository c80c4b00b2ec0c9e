"""Time processes, and keep the results that they print. The benchmarks of single modules share it."""

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
    """One run of a process: wall seconds, peak memory, and the result that it printed."""

    seconds: float
    megabytes: float
    result: dict[str, t.Any]

    @property
    def calls(self) -> dict[str, dict[str, int]]:
        """The number of requests, by service and operation."""
        return self.result.get("calls", {})


def run_module(name: str, options: t.Mapping[str, t.Any], workdir: pathlib.Path) -> Run:
    """Run a module of the collection in its own process, without Ansible."""
    arguments = workdir / f"{name}.arguments"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    return run_process(
        [sys.executable, "-m", f"ansible_collections.eksops.irsa.plugins.modules.{name}", str(arguments)]
    )


def run_process(command: t.Sequence[str]) -> Run:
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=stdout, stderr=stderr)
        _pid, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        output = stdout.read()
        if child.returncode:
            sys.exit(f"{command[:3]}: exit {child.returncode}\n{output.decode()[-2000:]}\n{stderr.read().decode()}")
    return Run(seconds, usage.ru_maxrss / 1024, json.loads(output) if output else {})


def time_playbook(path: pathlib.Path, variables: t.Mapping[str, t.Any], workdir: pathlib.Path) -> float:
    """Run a playbook.

    :returns: the wall seconds of ansible-playbook.
    """
    variables_file = workdir / f"{path.stem}.vars.json"
    variables_file.write_text(json.dumps({"cluster_name": CLUSTER, **variables}))
    start = time.perf_counter()
    command = ["ansible-playbook", str(path), "-e", f"@{variables_file}"]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    if completed.returncode:
        sys.exit(f"{path.name}: exit {completed.returncode}\n{completed.stdout[-3000:]}\n{completed.stderr[-3000:]}")
    return time.perf_counter() - start


def reset(namespaces: t.Sequence[str]) -> None:
    """Empty the AWS account, raise its quota of roles, and delete the namespaces from the cluster."""
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
    while any(namespace.metadata.name in namespaces for namespace in core.list_namespace().items):
        time.sleep(0.1)


def spread(seconds: t.Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} - {max(seconds):.2f})"
