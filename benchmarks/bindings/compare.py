"""Times irsa_bindings against the floor in turn, and prints the ratios of their wall times, pair by pair."""

from __future__ import annotations

import argparse
import json
import math
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

HERE = pathlib.Path(__file__).parent
MODULE = "ansible_collections.eksops.irsa.plugins.modules.irsa_bindings"
CLUSTER = os.environ["IRSA_SANDBOX_CLUSTER"]
SPACES = 20
# So many go through the single modules, one task each; the rest is extrapolated.
SINGLE = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 5000])
    options = parser.parse_args()
    kubernetes.config.load_kube_config()
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        pairs(options.size, options.rounds, workdir)
        growth(options.sizes, workdir)


def pairs(size: int, rounds: int, workdir: pathlib.Path) -> None:
    nothing: list[tuple[Run, Run]] = []
    again: list[tuple[Run, Run]] = []
    playbooks: list[float] = []
    for number in range(rounds):
        found: dict[str, tuple[Run, Run]] = {}
        for kind, run in (("module", module), ("floor", floor)):
            reset()
            given = write(size, workdir)
            found[kind] = (run(given), run(given))
            if kind == "module":
                playbooks.append(playbook("bindings.yml", given) - found[kind][1].seconds)
        nothing.append((found["module"][0], found["floor"][0]))
        again.append((found["module"][1], found["floor"][1]))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    calls = again[0][0].calls
    reads = sum(count for operations in calls.values() for count in operations.values())
    limit = 2 + math.ceil(size / 1000) + math.ceil(size / 500)
    # What has to be read of the cluster itself.
    fixed = calls["eks"]["DescribeCluster"] + calls["iam"]["GetOpenIDConnectProvider"]
    per_single = playbook("single.yml", write(SINGLE, workdir)) / SINGLE
    whole = statistics.median(playbooks) + statistics.median(ours.seconds for ours, _floor in again)
    print(f"{size} bindings, {rounds} rounds, wall seconds of the process, median (min - max)\n")
    print("| | irsa_bindings | floor | ratio | most |\n| --- | --- | --- | --- | --- |")
    for name, most, runs in (("from nothing", 1.2, nothing), ("nothing to change", 1.5, again)):
        ours, theirs = [a.seconds for a, _b in runs], [b.seconds for _a, b in runs]
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        print(f"| {name} | {spread(ours)} | {spread(theirs)} | {spread(ratios)} | {most} |")
    print(f"\nThe playbook takes {spread(playbooks)} s more than the module's process (at most 1.2).")
    print(f"Reads with nothing to change, beside the cluster and the provider: {reads - fixed} (at most {limit}).")
    print(
        f"The single modules take {per_single:.2f} s a binding (timed for {SINGLE}), {per_single * size:.0f} s for "
        f"{size}: {per_single * size / whole:.0f} times as long as the playbook."
    )


def growth(sizes: t.Sequence[int], workdir: pathlib.Path) -> None:
    print("\n| bindings | from nothing | a binding | nothing to change | a binding | peak memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        reset()
        given = write(size, workdir)
        first, second = module(given), module(given)
        print(
            f"| {size} | {first.seconds:.2f} s | {first.seconds / size * 1000:.2f} ms | {second.seconds:.2f} s "
            f"| {second.seconds / size * 1000:.2f} ms | {max(first.megabytes, second.megabytes):.0f} MB |",
            flush=True,
        )


class Run(t.NamedTuple):
    """One process: its wall seconds, its peak memory, and the calls that it says it made."""

    seconds: float
    megabytes: float
    calls: dict[str, dict[str, int]]


def write(size: int, workdir: pathlib.Path) -> pathlib.Path:
    bindings = [
        {
            "namespace": f"bench-{number % SPACES}",
            "create_namespace": True,
            "service_account": f"app-{number}",
            "role_name": f"bench-app-{number}",
            "managed_policies": ["AmazonS3ReadOnlyAccess"],
            "tags": {"team": f"team-{number % 7}"},
        }
        for number in range(size)
    ]
    path = workdir / f"{size}.json"
    path.write_text(json.dumps(bindings))
    return path


def module(given: pathlib.Path) -> Run:
    arguments = given.with_suffix(".arguments")
    options = {"cluster_name": CLUSTER, "bindings": json.loads(given.read_text())}
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    return process([sys.executable, "-m", MODULE, str(arguments)])


def floor(given: pathlib.Path) -> Run:
    return process([sys.executable, str(HERE / "floor.py"), str(given)])


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
    return Run(seconds, usage.ru_maxrss / 1024, json.loads(said)["calls"] if said else {})


def playbook(name: str, given: pathlib.Path) -> float:
    variables = given.with_suffix(".vars.json")
    variables.write_text(json.dumps({"cluster_name": CLUSTER, "irsa_bindings": json.loads(given.read_text())}))
    command = ["ansible-playbook", str(HERE / name), "-e", f"@{variables}"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.perf_counter() - start


def reset() -> None:
    """An account with room for the roles and nothing in it, and a cluster without the namespaces."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    for path, body in (("reset", {}), ("quotas", {"RolesQuota": 100000})):
        request = urllib.request.Request(  # noqa: S310
            f"{endpoint}/sandbox-api/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request).read()  # noqa: S310
    core = kubernetes.client.CoreV1Api()
    names = [f"bench-{number}" for number in range(SPACES)]
    for name in names:
        try:
            core.delete_namespace(name)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
    while any(each.metadata.name in names for each in core.list_namespace().items):
        time.sleep(0.1)


def spread(figures: t.Sequence[float]) -> str:
    return f"{statistics.median(figures):.2f} ({min(figures):.2f} - {max(figures):.2f})"


if __name__ == "__main__":
    main()
