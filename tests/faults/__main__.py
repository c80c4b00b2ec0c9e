"""Run every module, and the role, under each fault of the sandbox, and write a table: python -m faults.

Each run starts from the same state. A fault hits calls with a probability, then the run is repeated twice without
faults. The end state is that of a run without any fault, down to tags and field owners. The exit status is 1 if
something was lost or doubled, if a run did not converge, hung or ended with a traceback, or if its result has a secret.

Needs tests and the collection on PYTHONPATH. Why not the integration targets: a run of ansible-playbook takes as long
as ten of these.
"""

from __future__ import annotations

import argparse
import collections.abc as c
import functools
import pathlib
import random
import sys
import time

from faults import matrix, parallel, table
from faults.cases import all_cases
from faults.lab import Facts, Lab
from sandbox.api import ApiError

# Progress is printed after so many runs.
_PROGRESS = 50


def main() -> int:
    options = _parse(sys.argv[1:])
    jobs = _plan(options)
    print(f"faults: seed {options.seed}, {len(jobs)} runs in {options.sandboxes} sandboxes", flush=True)
    begin = time.monotonic()
    names = sorted({job.case for job in jobs})
    expected = dict(parallel.run_all(names, options.sandboxes, _make_expecter))
    reports: list[matrix.Report] = []
    try:
        for report in parallel.run_all(jobs, options.sandboxes, functools.partial(_make_worker, expected)):
            reports.append(report)
            _print_progress(report, len(reports), len(jobs))
            if options.output and not len(reports) % _PROGRESS:
                options.output.write_text(table.render(reports, "Faults so far"), encoding="utf-8")
    except KeyboardInterrupt:
        print(f"interrupted after {len(reports)} of {len(jobs)} runs", file=sys.stderr)
    title = f"Faults: {len(reports)} runs, seed {options.seed}, {time.monotonic() - begin:.0f} s"
    text = table.render(reports, title)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)
    return _summarize(reports) or int(len(reports) < len(jobs))


def _parse(arguments: c.Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="the number of runs")
    parser.add_argument("--seed", type=int, help="the seed of the first runs; default: a random one, which is printed")
    parser.add_argument("--sandboxes", type=int, default=4, help="how many sandboxes to use in parallel")
    parser.add_argument("--case", action="append", help="only this case, such as 'irsa_role absent'; can be repeated")
    parser.add_argument("--fault", action="append", choices=matrix.FAULTS, help="only this fault; can be repeated")
    parser.add_argument("--probability", type=float, action="append", help="default: 0.05 and 0.3")
    parser.add_argument("--output", type=pathlib.Path, help="the file for the table; default: standard output")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**6)
    return options


def _plan(options: argparse.Namespace) -> list[matrix.Job]:
    cases = [case for case in all_cases() if not options.case or case.name in options.case]
    probabilities = options.probability or matrix.PROBABILITIES
    jobs = matrix.plan(cases, options.fault or matrix.FAULTS, probabilities, seed=options.seed, runs=options.runs)
    # So that every sandbox gets slow and fast runs.
    random.Random(options.seed).shuffle(jobs)  # noqa: S311
    return jobs


def _make_expecter(lab: Lab) -> c.Callable[[str], tuple[str, Facts]]:
    cases = {case.name: case for case in all_cases()}
    return lambda name: (name, cases[name].expect(lab))


def _make_worker(expected: c.Mapping[str, Facts], lab: Lab) -> c.Callable[[matrix.Job], matrix.Report]:
    cases = {case.name: case for case in all_cases()}

    def work(job: matrix.Job) -> matrix.Report:
        try:
            return matrix.run(lab, cases[job.case], job, expected[job.case])
        except (RuntimeError, OSError, ApiError) as error:
            return matrix.Report(job, problems={"not run": f"{type(error).__name__}: {error}"})

    return work


def _print_progress(report: matrix.Report, number: int, count: int) -> None:
    for problem, text in report.problems.items():
        print(f"{problem.upper()} {report.job.arguments}\n  {' '.join(text.split())[:600]}", flush=True)
    if not number % _PROGRESS:
        print(f"{number} of {count} runs", flush=True)


def _summarize(reports: c.Sequence[matrix.Report]) -> int:
    counts = {problem: sum(problem in report.problems for report in reports) for problem in table.PROBLEMS}
    print(
        f"faults: {len(reports)} runs, {sum(report.hits for report in reports)} calls hit,"
        f" {sum(report.ok for report in reports)} ok, {sum(report.clean_error for report in reports)} clean errors,"
        f" {sum(report.converged for report in reports)} converged, {sum(report.unchanged for report in reports)}"
        f" unchanged after; {', '.join(f'{problem} {count}' for problem, count in counts.items())}"
    )
    return int(any(counts.values()))


if __name__ == "__main__":
    sys.exit(main())
