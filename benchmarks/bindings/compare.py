"""Time irsa_bindings and the baseline alternately, and a playbook with it and with single modules."""

from __future__ import annotations

import argparse
import functools
import json
import math
import pathlib
import sys
import tempfile

import measure
from measure import Row, Run

HERE = pathlib.Path(__file__).parent
# The number of bindings to time with the single modules; the time for more is extrapolated.
SINGLE_SIZE = 20
GROWTH = 5


def main() -> None:
    options = measure.parse_options(__doc__, rounds=6, small_rounds=4, size=1000, small_size=200)
    with tempfile.TemporaryDirectory() as directory:
        compare(options, pathlib.Path(directory))


def compare(options: argparse.Namespace, workdir: pathlib.Path) -> None:
    size = options.size
    bindings, file = measure.create_bindings(0, size), workdir / "bindings.json"
    large_bindings = measure.create_bindings(0, size * GROWTH)
    file.write_text(json.dumps(bindings))

    def run_module() -> Run:
        return measure.run_module("irsa_bindings", {"cluster_name": measure.CLUSTER, "bindings": bindings}, workdir)

    def run_large_module() -> Run:
        module_options = {"cluster_name": measure.CLUSTER, "bindings": large_bindings}
        return measure.run_module("irsa_bindings", module_options, workdir)

    def run_baseline() -> Run:
        return measure.run_process([sys.executable, str(HERE / "baseline.py"), str(file)])

    def run_playbook() -> Run:
        return measure.run_playbook(HERE / "bindings.yml", {"irsa_bindings": bindings}, workdir)

    def run_single() -> Run:
        run = measure.run_playbook(HERE / "single.yml", {"irsa_bindings": bindings[:SINGLE_SIZE]}, workdir)
        factor = size / SINGLE_SIZE
        return run._replace(seconds=run.seconds * factor, cpu_seconds=run.cpu_seconds * factor)

    contenders = {
        "all new": run_module,
        "no changes": run_module,
        "playbook": run_playbook,
        "baseline all new": run_baseline,
        "baseline no changes": run_baseline,
    }
    reset = functools.partial(measure.reset, measure.NAMESPACES)
    runs = measure.alternate(options, contenders, {"all new": reset, "baseline all new": reset})
    single = [run_single()]
    name = f"{size:,} bindings"
    ours, script, loop = "irsa_bindings, its process", "script with the same calls", "loop of single modules"
    new, unchanged, playbook = runs["all new"], runs["no changes"], runs["playbook"]
    measure.report(
        Row(f"{name}, all new", ours, script, new, runs["baseline all new"], 1.2),
        Row(f"{name}, no changes", ours, script, unchanged, runs["baseline no changes"], 1.3),
        Row(f"{name}, playbook", "playbook with irsa_bindings", ours, playbook, unchanged, 1.2, "difference"),
        Row(f"{name}, loop", "playbook with irsa_bindings", loop, playbook, single, None, "times"),
    )
    calls = unchanged[0].result["calls"]
    reads = sum(count for operations in calls.values() for count in operations.values())
    # Reads that do not depend on the bindings.
    fixed = calls["eks"]["DescribeCluster"] + calls["iam"]["GetOpenIDConnectProvider"]
    limit = 2 + math.ceil(size / 1000) + math.ceil(size / 500)
    measure.report_text(
        f"{name}: the loop was measured with {SINGLE_SIZE} bindings without changes. Reads without changes, besides "
        f"the cluster and the provider: {reads - fixed} (at most {limit}). Peak memory: "
        f"{max(run.megabytes for run in new):.0f} MB."
    )
    if options.small:
        return
    measure.reset(measure.NAMESPACES)
    large_new, large = [run_large_module()], [run_large_module()]
    name, same = f"{size * GROWTH:,} bindings", f"the same for {size:,}"
    measure.report(
        Row(f"{name}, all new", ours, same, large_new, new),
        Row(f"{name}, no changes", ours, same, large, unchanged),
        Row(f"{name}, peak memory", ours, same, large_new, new, None, "megabytes"),
    )


if __name__ == "__main__":
    main()
