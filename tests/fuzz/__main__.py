# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search for inputs that end a module or a parser with a traceback, or that take more than a second.

The options of each module, and the variables of the role, are drawn from the argument spec by Hypothesis. The parsers
run under atheris, which finds inputs that reach more code. Each runs in a process of its own, without network. Needs
tests and the collection on PYTHONPATH.

Usage: python -m fuzz [--inputs N] [--seconds N] [--seed N] [--only NAME...]

The exit status is 1 if an input was found. It is printed, with the command that runs it again.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
import time
import typing as t

from . import modules, parsers

_LINES = 60


class Outcome(t.NamedTuple):
    """The run of a module or of a parser.

    :param inputs: how many inputs ran.
    :param note: the results by count.
    :param finding: the output that shows the input; None if all inputs passed.
    """

    name: str
    inputs: int
    seconds: float
    note: str
    finding: str | None


def _run(module: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    started = time.monotonic()
    command = [sys.executable, "-W", "ignore", "-m", f"fuzz.{module}", *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    return done, time.monotonic() - started


def fuzz_module(name: str, inputs: int, seed: int) -> Outcome:
    """Test a module, or the role, with options from its argument spec."""
    done, seconds = _run("modules", name, str(inputs), str(seed))
    count, note = re.findall(r"^(\d+) inputs: (.*)$", done.stdout, re.MULTILINE)[-1] if not done.returncode else (0, "")
    lines = done.stdout.splitlines()[-_LINES:]
    again = f'To run it again, write the line after "as JSON" to FILE: python -m fuzz.modules {name} --replay FILE'
    return Outcome(name, int(count), seconds, note, "\n".join([*lines, again]) if done.returncode else None)


def fuzz_parser(name: str, seconds: int, seed: int, directory: pathlib.Path) -> Outcome:
    """Test a parser, guided by the coverage."""
    work = directory / name
    options = [f"-max_total_time={seconds}", f"-seed={seed}", "-print_final_stats=1"]
    done, elapsed = _run("coverage_guided", name, str(work), *options)
    counts = re.findall(r"number_of_executed_units: (\d+)", done.stdout)
    coverage = re.findall(r"cov: (\d+)", done.stdout)
    note = f"{coverage[-1]} branches reached" if coverage else ""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")][-_LINES:]
    artifacts = [path for pattern in ("crash-*", "timeout-*", "oom-*") for path in work.glob(pattern)]
    again = [f"To run it again: python -m fuzz.coverage_guided {name} {work} {path}" for path in artifacts]
    failed = done.returncode or not counts
    return Outcome(
        name, int(counts[-1]) if counts else 0, elapsed, note, "\n".join([*lines, *again]) if failed else None
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description="Search for inputs that end with a traceback.")
    parser.add_argument("--inputs", type=int, default=20_000, help="inputs for all modules together")
    parser.add_argument("--seconds", type=int, default=600, help="time for all parsers together")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(2**31), help="the same seed gives the same inputs"
    )
    parser.add_argument("--only", nargs="+", choices=[*modules.NAMES, *parsers.PARSERS], metavar="NAME")
    options = parser.parse_args()
    chosen = set(options.only or [*modules.NAMES, *parsers.PARSERS])
    print(f"seed {options.seed}, {options.inputs} inputs for modules, {options.seconds} s for parsers", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fuzz-"))
    found_modules = [name for name in modules.NAMES if name in chosen]
    found_parsers = [name for name in parsers.PARSERS if name in chosen]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        each = -(-options.inputs // max(1, len(found_modules)))
        seconds = max(1, options.seconds // max(1, len(found_parsers)))
        runs = [pool.submit(fuzz_module, name, each, options.seed) for name in found_modules]
        runs += [pool.submit(fuzz_parser, name, seconds, options.seed, directory) for name in found_parsers]
        outcomes = []
        for run in concurrent.futures.as_completed(runs):
            outcomes.append(run.result())
            name, inputs, elapsed, note, finding = outcomes[-1]
            print(
                f"{'FOUND' if finding else 'ok':<6}{name:<20}{inputs:>9} inputs {elapsed:>6.1f} s  {note}", flush=True
            )
    findings = [outcome for outcome in outcomes if outcome.finding]
    for outcome in findings:
        print(f"\n=== {outcome.name}, seed {options.seed}\n{outcome.finding}")
    total = sum(outcome.inputs for outcome in outcomes)
    print(f"{total} inputs, {len(findings)} findings, seed {options.seed}")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
