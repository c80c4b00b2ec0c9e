"""Time irsa_audit and the baseline alternately, and print the ratio of their wall times for each pair of runs."""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import pathlib
import sys
import tempfile
import typing as t

import kubernetes
import measure
import plain_clients
from measure import spread

HERE = pathlib.Path(__file__).parent
NAMESPACES = [f"bench-{number}" for number in range(20)]
STALE_INTERVAL = 20  # one of so many pods is stale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--size", type=int, default=5000)
    options = parser.parse_args()
    kubernetes.config.load_kube_config()
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        create_objects(options.size, workdir)
        compare(options.size, options.rounds, workdir)


def compare(size: int, rounds: int, workdir: pathlib.Path) -> None:
    audit_options = {"cluster_name": measure.CLUSTER, "fail_on": "never"}
    reports = {name: str(workdir / f"audit.{name}") for name in ("html", "json", "junit", "markdown", "sarif")}
    audits, baselines, audits_with_reports = [], [], []
    for number in range(rounds):
        audits.append(measure.run_module("irsa_audit", audit_options, workdir))
        baselines.append(measure.run_process([sys.executable, str(HERE / "baseline.py")]))
        audits_with_reports.append(measure.run_module("irsa_audit", {**audit_options, "reports": reports}, workdir))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    ratios = [audit.seconds / baseline.seconds for audit, baseline in zip(audits, baselines, strict=True)]
    counts = audits[0].result["counts"]
    print(f"{counts['service_accounts']['total']} service accounts, {counts['roles']['total']} roles, ", end="")
    print(f"{counts['pods']['total']} pods, {sum(counts['findings'].values())} findings, ", end="")
    print(f"{rounds} rounds, wall seconds of the process, median (min - max)\n")
    print("| | irsa_audit | baseline | ratio | limit |\n| --- | --- | --- | --- | --- |")
    audit_seconds, baseline_seconds = [run.seconds for run in audits], [run.seconds for run in baselines]
    print(f"| without reports | {spread(audit_seconds)} | {spread(baseline_seconds)} | {spread(ratios)} | 1.5 |")
    print(f"| with all five reports | {spread([run.seconds for run in audits_with_reports])} | | | |")
    print(f"\nPeak memory: {max(run.megabytes for run in audits):.0f} MB, ", end="")
    print(f"with reports {max(run.megabytes for run in audits_with_reports):.0f} MB; ", end="")
    print(f"baseline {max(run.megabytes for run in baselines):.0f} MB.")
    print(f"Size of the module's result: {len(json.dumps(audits[0].result)) / 1024:.0f} KB.")
    sizes = {name: pathlib.Path(path).stat().st_size / 2**20 for name, path in reports.items()}
    print("Size of the reports: " + ", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items()) + ".")
    print(f"Requests: {json.dumps(audits[0].calls)}")


def create_objects(size: int, workdir: pathlib.Path) -> None:
    """Create ``size`` service accounts, each with a role and a pod; some pods are stale."""
    measure.reset(NAMESPACES)
    bindings = [
        {
            "namespace": NAMESPACES[number % len(NAMESPACES)],
            "create_namespace": True,
            "service_account": f"app-{number}",
            "role_name": f"bench-app-{number}",
            "managed_policies": ["AmazonS3ReadOnlyAccess"],
        }
        for number in range(size)
    ]
    measure.run_module("irsa_bindings", {"cluster_name": measure.CLUSTER, "bindings": bindings}, workdir)
    _iam, _cluster, server = plain_clients.connect()

    def create_pod(number: int) -> None:
        environment = [{"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::123456789012:role/mine"}]
        container: dict[str, t.Any] = {"name": "app", "image": "busybox"}
        if number % STALE_INTERVAL == 0:
            container["env"] = environment
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"app-{number}"},
            # A node that does not exist, so that the pod does not start.
            "spec": {"serviceAccountName": f"app-{number}", "nodeName": "elsewhere", "containers": [container]},
        }
        server.send("POST", f"/api/v1/namespaces/{NAMESPACES[number % len(NAMESPACES)]}/pods", body)

    with concurrent.futures.ThreadPoolExecutor(plain_clients.WORKERS) as pool:
        list(pool.map(create_pod, range(size)))


if __name__ == "__main__":
    main()
