"""Times irsa_audit against the floor in turn, and prints the ratios of their wall times, pair by pair."""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import pathlib
import sys
import tempfile
import typing as t

import bare
import kubernetes
import measure
from measure import spread

HERE = pathlib.Path(__file__).parent
SPACES = [f"bench-{number}" for number in range(20)]
FEWEST = 20  # of so many pods one is stale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--size", type=int, default=5000)
    options = parser.parse_args()
    kubernetes.config.load_kube_config()
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        fill(options.size, workdir)
        compare(options.size, options.rounds, workdir)


def compare(size: int, rounds: int, workdir: pathlib.Path) -> None:
    plain = {"cluster_name": measure.CLUSTER, "fail_on": "never"}
    reports = {name: str(workdir / f"audit.{name}") for name in ("html", "json", "junit", "markdown", "sarif")}
    audits, floors, written = [], [], []
    for number in range(rounds):
        audits.append(measure.module("irsa_audit", plain, workdir))
        floors.append(measure.process([sys.executable, str(HERE / "floor.py")]))
        written.append(measure.module("irsa_audit", {**plain, "reports": reports}, workdir))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    ratios = [ours.seconds / theirs.seconds for ours, theirs in zip(audits, floors, strict=True)]
    counts = audits[0].result["counts"]
    print(f"{counts['service_accounts']['total']} service accounts, {counts['roles']['total']} roles, ", end="")
    print(f"{counts['pods']['total']} pods, {sum(counts['findings'].values())} findings, ", end="")
    print(f"{rounds} rounds, wall seconds of the process, median (min - max)\n")
    print("| | irsa_audit | floor | ratio | most |\n| --- | --- | --- | --- | --- |")
    ours, theirs = [each.seconds for each in audits], [each.seconds for each in floors]
    print(f"| without reports | {spread(ours)} | {spread(theirs)} | {spread(ratios)} | 1.5 |")
    print(f"| with all five reports | {spread([each.seconds for each in written])} | | | |")
    print(f"\nPeak memory: {max(each.megabytes for each in audits):.0f} MB, ", end="")
    print(f"with reports {max(each.megabytes for each in written):.0f} MB; ", end="")
    print(f"the floor {max(each.megabytes for each in floors):.0f} MB.")
    print(f"The result of the module: {len(json.dumps(audits[0].result)) / 1024:.0f} KB.")
    sizes = {name: pathlib.Path(path).stat().st_size / 2**20 for name, path in reports.items()}
    print("The reports: " + ", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items()) + ".")
    print(f"Requests: {json.dumps(audits[0].calls)}")


def fill(size: int, workdir: pathlib.Path) -> None:
    """So many service accounts, each with a role and a pod; of some pods the role is another one."""
    measure.reset(SPACES)
    bindings = [
        {
            "namespace": SPACES[number % len(SPACES)],
            "create_namespace": True,
            "service_account": f"app-{number}",
            "role_name": f"bench-app-{number}",
            "managed_policies": ["AmazonS3ReadOnlyAccess"],
        }
        for number in range(size)
    ]
    measure.module("irsa_bindings", {"cluster_name": measure.CLUSTER, "bindings": bindings}, workdir)
    _iam, _cluster, server = bare.connect()

    def start(number: int) -> None:
        environment = [{"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::123456789012:role/mine"}]
        container: dict[str, t.Any] = {"name": "app", "image": "busybox"}
        if number % FEWEST == 0:
            container["env"] = environment
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"app-{number}"},
            # On a node that isn't there, so that nobody runs them.
            "spec": {"serviceAccountName": f"app-{number}", "nodeName": "elsewhere", "containers": [container]},
        }
        server.send("POST", f"/api/v1/namespaces/{SPACES[number % len(SPACES)]}/pods", body)

    with concurrent.futures.ThreadPoolExecutor(bare.WORKERS) as pool:
        list(pool.map(start, range(size)))


if __name__ == "__main__":
    main()
