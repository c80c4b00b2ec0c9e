"""Time irsa_verify alternately for one and for many service accounts, and print the ratio of their wall times."""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
import typing as t

import kubernetes
import measure
from measure import Run, spread

NAMESPACES = [f"bench-{number}" for number in range(5)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--size", type=int, default=100)
    options = parser.parse_args()
    kubernetes.config.load_kube_config()
    measure.reset(NAMESPACES)
    accounts = [
        {"namespace": NAMESPACES[number % len(NAMESPACES)], "service_account": f"app-{number}"}
        for number in range(options.size)
    ]
    bindings = [
        {
            **account,
            "role_name": f"bench-{number}",
            "managed_policies": ["AmazonS3ReadOnlyAccess"],
            "create_namespace": True,
        }
        for number, account in enumerate(accounts)
    ]
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        measure.run_module("irsa_bindings", {"cluster_name": measure.CLUSTER, "bindings": bindings}, workdir)
        ones: list[Run] = []
        alls: list[Run] = []
        for number in range(options.rounds + 1):
            pair = [verify(accounts[:1], workdir), verify(accounts, workdir)]
            if number:  # the first round fills caches and is not counted
                ones.append(pair[0])
                alls.append(pair[1])
                print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
    print(f"irsa_verify with all probes, {options.rounds} rounds, wall seconds of the process, median (min - max)\n")
    print(f"| 1 service account | {options.size} service accounts | ratio |\n| --- | --- | --- |")
    ratios = [many.seconds / one.seconds for one, many in zip(ones, alls, strict=True)]
    cells = [spread([run.seconds for run in runs]) for runs in (ones, alls)]
    print(f"| {' | '.join(cells)} | {spread(ratios)} |")
    print(f"\nRequests for {options.size}: {alls[0].calls}")


def verify(accounts: t.Sequence[t.Mapping[str, str]], workdir: pathlib.Path) -> Run:
    options = {"cluster_name": measure.CLUSTER, "service_accounts": list(accounts)}
    run = measure.run_module("irsa_verify", options, workdir)
    if not run.result["ok"]:
        sys.exit(f"the service accounts are not ok: {run.result}")
    return run


if __name__ == "__main__":
    main()
