"""Runs jobs in several sandboxes in parallel. Most of the time a job waits before a retry."""

from __future__ import annotations

import collections.abc as c
import multiprocessing
import pathlib
import queue as queues
import tempfile
import typing as t

from faults import modules
from faults.cases import all_cases
from faults.lab import Lab

Job = t.TypeVar("Job")
Report = t.TypeVar("Report")


def run_all(
    jobs: c.Sequence[Job], sandboxes: int, make_worker: c.Callable[[Lab], c.Callable[[Job], Report]]
) -> c.Iterator[Report]:
    """Run all jobs, each in the first sandbox that is free, and yield their reports as they end.

    :param make_worker: returns the function that runs the jobs of one sandbox.
    :raises SystemExit: a sandbox failed.
    """
    modules.load({f"eksops.irsa.{case.module}" for case in all_cases() if case.module != "role"})
    # Forked, because the modules are imported already. The children have the jobs too.
    context = multiprocessing.get_context("fork")
    started: t.Any = context.Value("i", 0)
    reports: t.Any = context.Queue()
    with tempfile.TemporaryDirectory() as directory:
        children = [
            context.Process(
                target=_run_jobs, args=(pathlib.Path(directory, str(number)), make_worker, jobs, started, reports)
            )
            for number in range(min(sandboxes, len(jobs)))
        ]
        try:
            for child in children:
                child.start()
            for _job in jobs:
                yield _get(reports, children)
        finally:
            # After the last job they have ended or wait for their sandbox to stop, which ends with them.
            for child in children:
                child.terminate()
                child.join()


def _run_jobs(
    directory: pathlib.Path,
    make_worker: c.Callable[[Lab], c.Callable[[t.Any], t.Any]],
    jobs: c.Sequence[t.Any],
    started: t.Any,
    reports: t.Any,
) -> None:
    """Run the next job in one sandbox until there are no more.

    :param started: how many jobs were started, in all sandboxes.
    """
    lab = Lab(directory)
    try:
        work = make_worker(lab)
        while True:
            with started.get_lock():
                number = started.value
                started.value += 1
            if number >= len(jobs):
                return
            reports.put(work(jobs[number]))
    finally:
        lab.close()


def _get(reports: t.Any, children: c.Sequence[t.Any]) -> t.Any:
    while True:
        try:
            return reports.get(timeout=5)
        except queues.Empty:
            if any(child.exitcode for child in children):
                raise SystemExit("a sandbox failed. See the traceback above.") from None
