"""Bind the service accounts of many clusters with the playbook fleet: by forks, and by slices as AWX makes them.

--size is the number of bindings in each of 30 clusters. Their roles are in one AWS account.
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

CLUSTERS = [f"fleet-{number:02}" for number in range(30)]
SLICES = 3
SANDBOX = [sys.executable, "-m", "sandbox"]


def main() -> None:
    options = measure.parse_options(__doc__, rounds=2, small_rounds=1, size=100, small_size=10)
    with tempfile.TemporaryDirectory() as directory:
        state = pathlib.Path(directory) / "sandbox"
        clusters = [argument for name in CLUSTERS for argument in ("--cluster", name)]
        subprocess.run([*SANDBOX, "up", "--dir", str(state), *clusters], check=True, stdout=subprocess.DEVNULL)
        try:
            os.environ.update(settings.StateDirectory(state).env())
            compare(options, write_inventory(options.size, pathlib.Path(directory)))
        finally:
            subprocess.run([*SANDBOX, "down", "--dir", str(state)], check=True)


def compare(options: t.Any, inventory: pathlib.Path) -> None:
    measure.reset([])
    run = functools.partial(bind, inventory)
    first = run(forks=5)
    contenders: dict[str, t.Callable[[], Run]] = {
        f"forks {forks}": functools.partial(run, forks=forks) for forks in (1, 5, 20)
    }
    contenders[f"{SLICES} slices, forks 5"] = functools.partial(bind_in_slices, inventory)
    runs = measure.alternate(options, contenders)
    title = f"fleet of {len(CLUSTERS)} clusters, {options.size} bindings each"
    measure.report(
        Row(f"{title}, all new", "forks 5", "no changes, forks 5", [first], runs["forks 5"]),
        *(
            Row(f"{title}, no changes", name, "forks 1", runs[name], runs["forks 1"])
            for name in contenders
            if name != "forks 1"
        ),
    )


def write_inventory(size: int, workdir: pathlib.Path) -> pathlib.Path:
    hosts = {
        name: {
            "irsa_cluster_name": name,
            "irsa_region": settings.REGION,
            "irsa_bindings": [
                {**binding, "role_name": f"{name}-{binding['service_account']}"}
                for binding in measure.create_bindings(0, size)
            ],
        }
        for name in CLUSTERS
    }
    path = workdir / "inventory.json"
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    return path


def bind(inventory: pathlib.Path, *options: str, forks: int) -> Run:
    command = ["ansible-playbook", "-i", str(inventory), "eksops.irsa.fleet", "--forks", str(forks), *options]
    return measure.run_process(command)


def bind_in_slices(inventory: pathlib.Path) -> Run:
    """Run the playbook for parts of the inventory at the same time.

    :returns: the time of the longest one, and the sums of the others' figures.
    """
    parts = [",".join(CLUSTERS[number::SLICES]) for number in range(SLICES)]
    with concurrent.futures.ThreadPoolExecutor(SLICES) as pool:
        runs = list(pool.map(lambda part: bind(inventory, "--limit", part, forks=5), parts))
    return Run(
        max(run.seconds for run in runs), sum(run.cpu_seconds for run in runs), sum(run.megabytes for run in runs)
    )


if __name__ == "__main__":
    main()
