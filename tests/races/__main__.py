"""Run several writers on one object at the same time, on a sandbox of its own, and count what is lost.

Each run of a race starts real modules in parallel, with a seeded delay between them and seeded faults, and compares the
object with what the modules reported. A change is lost if its module succeeded and the change is not there at the end.
Prints a table, and the seed that repeats a run. The exit status is 1 if a change is lost or a module fails.

Needs tests and the collection on PYTHONPATH. Why not a model checker: the windows are in botocore, the HTTP clients and
the operating system, and a model has none of them.

Usage: python -m races DIRECTORY [--runs N] [--seed SEED] [--parallel N] [--race NAME]
"""

from __future__ import annotations

import argparse
import concurrent.futures
import pathlib
import random
import sys
import time

from faults import modules
from faults.lab import Lab
from races.races import NAMESPACE, RACES, Race, RaceResult


def main() -> int:
    parser = argparse.ArgumentParser(prog="races", description="Run several writers on one object at the same time.")
    parser.add_argument("directory", type=pathlib.Path, help="the state directory of the sandbox to start")
    parser.add_argument("--runs", type=int, help="the number of runs of each race; default: as in the table")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--parallel", type=int, default=12, help="races at a time (default: 12)")
    parser.add_argument("--race", action="append", choices=[race.name for race in RACES], help="only this race")
    options = parser.parse_args()
    races = [race for race in RACES if not options.race or race.name in options.race]
    modules.load({"eksops.irsa.irsa_role", "eksops.irsa.sa_annotate"})
    lab = Lab(options.directory)
    try:
        lab.begin()
        lab.create_namespace(NAMESPACE)
        print(f"seed {options.seed}", flush=True)
        print(f"{'race':52} {'runs':>5} {'lost':>5} {'errors':>6} {'median s':>8} {'longest s':>9}")
        problems = sum(_run(lab, race, options) for race in races)
    finally:
        lab.close()
    return bool(problems)


def _run(lab: Lab, race: Race, options: argparse.Namespace) -> int:
    """Run a race, print its line of the table and what was lost or failed, and return the number of these."""
    runs = options.runs or race.runs

    def run_once(number: int) -> tuple[RaceResult, float]:
        rng = random.Random(f"{options.seed} {race.name} {number}")  # noqa: S311
        begin = time.monotonic()
        return race.run(lab, f"{race.key}-{number}", rng), time.monotonic() - begin

    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        results = list(pool.map(run_once, range(runs)))
    lost, failures = ([getattr(result, kind) for result, _time in results] for kind in ("lost", "failures"))
    times = sorted(seconds for _result, seconds in results)
    print(
        f"{race.name:52} {runs:5} {sum(map(len, lost)):5} {sum(map(len, failures)):6} {times[runs // 2]:8.1f} "
        f"{times[-1]:9.1f}",
        flush=True,
    )
    for number in range(runs):
        for text in (*(f"lost: {change}" for change in lost[number]), *failures[number]):
            print(f"    run {number}: {text}", flush=True)
    return sum(map(len, [*lost, *failures]))


if __name__ == "__main__":
    sys.exit(main())
