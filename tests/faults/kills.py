"""Kill a module with kill -9 after each of its writes, one by one, and run it again: python -m faults.kills.

The sandbox applies the write and holds its answer; then the module is killed. The next run must succeed and leave the
same end state as a run that was not killed, down to tags and field owners, and the one after must change nothing. The
exit status is 1 if one does not.

Needs tests and the collection on PYTHONPATH. Why not signals at random times: they miss most gaps between two writes.
"""

from __future__ import annotations

import argparse
import collections.abc as c
import dataclasses
import functools
import itertools
import random
import signal
import sys
import time
import typing as t

from faults import parallel
from faults.cases import Case, all_cases
from faults.lab import Facts, Lab
from faults.modules import RunningModule

Json = dict[str, t.Any]

SERVICES = ("iam", "kubernetes")
_LIMIT = 120
_HOLD = {"kind": "stalled", "writes": True, "seconds": 60}
# The write is applied, and its answer held, this soon after the fault is used up.
_APPLY_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Kill:
    """Kill a case after the n-th write to a service."""

    case: str
    service: str
    number: int

    @property
    def arguments(self) -> str:
        """The arguments that repeat it."""
        return f"--case '{self.case}' --service {self.service} --write {self.number}"


@dataclasses.dataclass
class Report:
    """The result of a kill; ``problem`` is empty if all is well."""

    kill: Kill
    problem: str = ""


def count_writes(lab: Lab, case: Case) -> dict[str, int]:
    """The number of writes of a run to each service."""
    lab.begin()
    case.prepare(lab)
    lab.inject(*({"kind": "delay", "service": name, "writes": True, "probability": 0} for name in SERVICES))
    outcome = case.run(lab, _LIMIT)
    counts = {fault["service"]: int(fault["selected"]) for fault in lab.pending_faults()}
    lab.clear_faults()
    if outcome.failed or not outcome.result:
        raise RuntimeError(f"{case.name} failed: {outcome.message}{outcome.errors}")
    return counts


def kill(lab: Lab, case: Case, job: Kill, expected: Facts) -> Report:
    """Kill one run, then run it twice."""
    lab.begin()
    case.prepare(lab)
    lab.inject({**_HOLD, "service": job.service, "every": job.number})
    running = lab.start(case.module, case.arguments(lab), seconds=_LIMIT)
    was_held = _wait_for_write(lab, running)
    running.kill()
    outcome = running.finish()
    lab.clear_faults()
    if not was_held or outcome.exit_signal != signal.SIGKILL:
        return Report(job, f"the run ended before write {job.number}: {outcome.message}{outcome.errors}")
    again = case.run(lab, _LIMIT)
    if again.failed or not again.result:
        return Report(job, f"the next run failed: {again.message}{again.errors}")
    facts = lab.facts()
    if facts != expected:
        return Report(job, f"missing {list(expected - facts)}, too much {list(facts - expected)}")
    third = case.run(lab, _LIMIT)
    if third.failed or third.changed:
        return Report(job, f"the run after the next changed something: {third.result.get('actions')} {third.message}")
    return Report(job)


def _wait_for_write(lab: Lab, running: RunningModule) -> bool:
    """Wait until the write is applied.

    :returns: False if the module ended before.
    """
    while not running.has_ended():
        if not lab.pending_faults():
            time.sleep(_APPLY_SECONDS)
            return True
        time.sleep(0.01)
    return False


def _make_worker(expected: c.Mapping[str, Facts], lab: Lab) -> c.Callable[[Kill], Report]:
    cases = {case.name: case for case in _cases()}
    return lambda job: kill(lab, cases[job.case], job, expected[job.case])


def _make_counter(lab: Lab) -> c.Callable[[str], tuple[str, Facts, list[Kill]]]:
    cases = {case.name: case for case in _cases()}

    def count(name: str) -> tuple[str, Facts, list[Kill]]:
        counts = count_writes(lab, cases[name])
        kills = [Kill(name, service, number + 1) for service in SERVICES for number in range(counts[service])]
        return name, cases[name].expect(lab), kills

    return count


def _cases() -> list[Case]:
    """The modules that write, with one write at a time."""
    return [dataclasses.replace(case, arguments=_one_by_one(case)) for case in all_cases() if _is_walked(case)]


def _is_walked(case: Case) -> bool:
    return case.writes and case.module != "role"


def _one_by_one(case: Case) -> c.Callable[[Lab], Json]:
    more = {"max_workers": 1} if case.module == "irsa_bindings" else {}
    return lambda lab: {**case.arguments(lab), **more}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults.kills", description=__doc__)
    parser.add_argument("--sandboxes", type=int, default=3, help="how many sandboxes to use in parallel")
    parser.add_argument("--case", action="append", help="only this case, such as 'irsa_role absent'; can be repeated")
    parser.add_argument("--service", choices=SERVICES, help="only writes to this service")
    parser.add_argument("--write", type=int, help="only this write")
    parser.add_argument("--runs", type=int, help="a random choice of so many writes; default: all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the choice")
    options = parser.parse_args()
    names = [case.name for case in _cases() if not options.case or case.name in options.case]
    counted = list(parallel.run_all(names, options.sandboxes, _make_counter))
    expected = {name: facts for name, facts, _kills in counted}
    jobs = [job for _name, _facts, kills in counted for job in kills]
    jobs = [job for job in jobs if options.service in (None, job.service) and options.write in (None, job.number)]
    jobs.sort(key=dataclasses.astuple)
    if options.runs:
        jobs = random.Random(options.seed).sample(jobs, min(options.runs, len(jobs)))  # noqa: S311
    print(f"kills: seed {options.seed}, {len(jobs)} writes in {options.sandboxes} sandboxes", flush=True)
    reports = []
    for report in parallel.run_all(jobs, options.sandboxes, functools.partial(_make_worker, expected)):
        reports.append(report)
        if report.problem:
            print(f"FAILED {report.kill.arguments}\n  {report.problem[:3000]}", flush=True)
    _print_table(reports)
    return int(any(report.problem for report in reports))


def _print_table(reports: c.Sequence[Report]) -> None:
    print("| module | service | killed after a write | same end state, unchanged after |\n| --- | --- | --- | --- |")
    key: c.Callable[[Report], tuple[str, str]] = lambda report: (report.kill.case, report.kill.service)  # noqa: E731
    for (case, service), group in itertools.groupby(sorted(reports, key=key), key):
        results = [not report.problem for report in group]
        print(f"| {case} | {service} | {len(results)} | {sum(results)} |")
    good = sum(not report.problem for report in reports)
    print(f"kills: {len(reports)} killed, {good} converged to the same end state")


if __name__ == "__main__":
    sys.exit(main())
