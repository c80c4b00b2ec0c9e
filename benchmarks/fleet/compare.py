"""Bind the service accounts of a fleet with the playbook fleet: by forks, and by slices as AWX makes them.

--size is the number of clusters. Each has 500 bindings and an AWS account of its own.
"""

from __future__ import annotations

import concurrent.futures
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t

import measure
from measure import Row, Run
from sandbox import settings

BINDINGS = 500
SLICES = 2
SANDBOX = [sys.executable, "-m", "sandbox"]


def main() -> None:
    options = measure.parse_options(__doc__, rounds=2, small_rounds=1, size=10, small_size=2)
    accounts = {f"fleet-{number:03}": f"{111122220000 + number}" for number in range(options.size)}
    with tempfile.TemporaryDirectory() as directory:
        state = pathlib.Path(directory) / "sandbox"
        clusters = [argument for item in accounts.items() for argument in ("--cluster", "@".join(item))]
        subprocess.run([*SANDBOX, "up", "--dir", str(state), *clusters], check=True, stdout=subprocess.DEVNULL)
        try:
            os.environ.update(settings.StateDirectory(state).env())
            compare(options, write_inventory(accounts, pathlib.Path(directory)), list(accounts))
        finally:
            subprocess.run([*SANDBOX, "down", "--dir", str(state)], check=True, stdout=subprocess.DEVNULL)


def compare(options: t.Any, inventory: pathlib.Path, clusters: t.Sequence[str]) -> None:
    slices = [",".join(clusters[number::SLICES]) for number in range(SLICES)]
    contenders: dict[str, t.Callable[[], Run]] = {
        **{f"forks {forks}": functools.partial(bind, inventory, forks=forks) for forks in (1, 2, 10)},
        f"{SLICES} slices, forks 1": functools.partial(bind_in_slices, inventory, slices),
    }
    first = contenders["forks 2"]()
    runs = measure.alternate(options, contenders)
    title = f"fleet of {len(clusters)} clusters with {BINDINGS} bindings each"
    others = [name for name in contenders if name != "forks 1"]
    measure.report(
        Row(f"{title}, all new", "forks 2", "no changes, forks 2", [first], runs["forks 2"]),
        *(Row(f"{title}, no changes", name, "forks 1", runs[name], runs["forks 1"]) for name in others),
    )
    seconds = min(run.cpu_seconds for run in runs["forks 1"]) / len(clusters)
    measure.report_text(
        f"CPU seconds of the controller for each cluster of a fleet: all new {first.cpu_seconds / len(clusters):.1f}, "
        f"no changes {seconds:.1f}."
    )


def write_inventory(accounts: t.Mapping[str, str], workdir: pathlib.Path) -> pathlib.Path:
    """Write an inventory with the variables that the inventory plugin sets for each cluster."""
    hosts = {
        name: {
            "cluster_name": name,
            "region": settings.REGION,
            "account_id": account_id,
            "account_role_arn": f"arn:aws:iam::{account_id}:role/fleet",
        }
        for name, account_id in accounts.items()
    }
    variables = {"irsa_bindings": measure.create_bindings(0, BINDINGS)}
    path = workdir / "inventory.json"
    path.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
    return path


def bind(inventory: pathlib.Path, *options: str, forks: int) -> Run:
    command = ["ansible-playbook", "-i", str(inventory), "eksops.irsa.fleet", "--forks", str(forks), *options]
    return measure.run_process(command)


def bind_in_slices(inventory: pathlib.Path, slices: t.Sequence[str]) -> Run:
    """Run a playbook for each slice of the inventory at the same time.

    :returns: the time of the longest one, and the sums of their other figures.
    """
    with concurrent.futures.ThreadPoolExecutor(len(slices)) as pool:
        runs = list(pool.map(lambda hosts: bind(inventory, "--limit", hosts, forks=1), slices))
    return Run(
        max(run.seconds for run in runs), sum(run.cpu_seconds for run in runs), sum(run.megabytes for run in runs)
    )


if __name__ == "__main__":
    main()
