"""Time irsa_bindings and the baseline alternately, and print the ratio of their wall times for each pair of runs."""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import statistics
import sys
import tempfile
import typing as t

import kubernetes
import measure
from measure import Run, spread

HERE = pathlib.Path(__file__).parent
NAMESPACES = [f"bench-{number}" for number in range(20)]
# The number of bindings to time with the single modules; the time for more is extrapolated.
SINGLE_SIZE = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 5000])
    options = parser.parse_args()
    kubernetes.config.load_kube_config()
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        compare(options.size, options.rounds, workdir)
        measure_growth(options.sizes, workdir)


def compare(size: int, rounds: int, workdir: pathlib.Path) -> None:
    first_runs: list[tuple[Run, Run]] = []
    second_runs: list[tuple[Run, Run]] = []
    overheads: list[float] = []
    for number in range(rounds):
        pairs: dict[str, tuple[Run, Run]] = {}
        for program, run in (("module", run_module), ("baseline", run_baseline)):
            measure.reset(NAMESPACES)
            bindings = write_bindings(size, workdir)
            pairs[program] = (run(bindings), run(bindings))
            if program == "module":
                overheads.append(run_playbook("bindings.yml", bindings) - pairs[program][1].seconds)
        first_runs.append((pairs["module"][0], pairs["baseline"][0]))
        second_runs.append((pairs["module"][1], pairs["baseline"][1]))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    calls = second_runs[0][0].calls
    reads = sum(count for operations in calls.values() for count in operations.values())
    limit = 2 + math.ceil(size / 1000) + math.ceil(size / 500)
    # Reads that do not depend on the bindings.
    fixed = calls["eks"]["DescribeCluster"] + calls["iam"]["GetOpenIDConnectProvider"]
    per_single = run_playbook("single.yml", write_bindings(SINGLE_SIZE, workdir)) / SINGLE_SIZE
    whole = statistics.median(overheads) + statistics.median(ours.seconds for ours, _baseline in second_runs)
    print(f"{size} bindings, {rounds} rounds, wall seconds of the process, median (min - max)\n")
    print("| | irsa_bindings | baseline | ratio | limit |\n| --- | --- | --- | --- | --- |")
    for name, limit_of_ratio, runs in (("all new", 1.2, first_runs), ("no changes", 1.3, second_runs)):
        ours, theirs = [run.seconds for run, _baseline in runs], [baseline.seconds for _run, baseline in runs]
        ratios = [run / baseline for run, baseline in zip(ours, theirs, strict=True)]
        print(f"| {name} | {spread(ours)} | {spread(theirs)} | {spread(ratios)} | {limit_of_ratio} |")
    print(f"\nThe playbook takes {spread(overheads)} s longer than the module's process (at most 1.2).")
    print(f"Reads without changes, besides the cluster and the provider: {reads - fixed} (at most {limit}).")
    print(
        f"The single modules take {per_single:.2f} s for each binding (timed for {SINGLE_SIZE}), "
        f"{per_single * size:.0f} s for {size}: {per_single * size / whole:.0f} times as long as the playbook."
    )


def measure_growth(sizes: t.Sequence[int], workdir: pathlib.Path) -> None:
    print("\n| bindings | all new | per binding | no changes | per binding | peak memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        measure.reset(NAMESPACES)
        bindings = write_bindings(size, workdir)
        first, second = run_module(bindings), run_module(bindings)
        print(
            f"| {size} | {first.seconds:.2f} s | {first.seconds / size * 1000:.2f} ms | {second.seconds:.2f} s "
            f"| {second.seconds / size * 1000:.2f} ms | {max(first.megabytes, second.megabytes):.0f} MB |",
            flush=True,
        )


def write_bindings(size: int, workdir: pathlib.Path) -> pathlib.Path:
    bindings = [
        {
            "namespace": NAMESPACES[number % len(NAMESPACES)],
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


def run_module(bindings: pathlib.Path) -> Run:
    options = {"cluster_name": measure.CLUSTER, "bindings": json.loads(bindings.read_text())}
    return measure.run_module("irsa_bindings", options, bindings.parent)


def run_baseline(bindings: pathlib.Path) -> Run:
    return measure.run_process([sys.executable, str(HERE / "baseline.py"), str(bindings)])


def run_playbook(name: str, bindings: pathlib.Path) -> float:
    return measure.time_playbook(HERE / name, {"irsa_bindings": json.loads(bindings.read_text())}, bindings.parent)


if __name__ == "__main__":
    main()
