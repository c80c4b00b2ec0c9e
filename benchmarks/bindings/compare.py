"""Times irsa_bindings against the floor in turn, and prints the ratios of their wall times, pair by pair."""

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
SPACES = [f"bench-{number}" for number in range(20)]
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
            measure.reset(SPACES)
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
        measure.reset(SPACES)
        given = write(size, workdir)
        first, second = module(given), module(given)
        print(
            f"| {size} | {first.seconds:.2f} s | {first.seconds / size * 1000:.2f} ms | {second.seconds:.2f} s "
            f"| {second.seconds / size * 1000:.2f} ms | {max(first.megabytes, second.megabytes):.0f} MB |",
            flush=True,
        )


def write(size: int, workdir: pathlib.Path) -> pathlib.Path:
    bindings = [
        {
            "namespace": SPACES[number % len(SPACES)],
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
    options = {"cluster_name": measure.CLUSTER, "bindings": json.loads(given.read_text())}
    return measure.module("irsa_bindings", options, given.parent)


def floor(given: pathlib.Path) -> Run:
    return measure.process([sys.executable, str(HERE / "floor.py"), str(given)])


def playbook(name: str, given: pathlib.Path) -> float:
    return measure.playbook(HERE / name, {"irsa_bindings": json.loads(given.read_text())}, given.parent)


if __name__ == "__main__":
    main()
