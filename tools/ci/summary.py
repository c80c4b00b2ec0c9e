"""Count the results of jobs and print ``N passed, M failed`` (``, K skipped`` if any).

Usage: python summary.py RESULTS JOB...

RESULTS/JOB has JUnit files, ``checks`` (lines ``pass|fail|skip<TAB>name``) and ``exit`` (the job's exit status). A job
without results, or with a non-zero exit status and no failure, counts as one failure. The exit status is 1 if anything
failed. Why not a JUnit reader: it cannot count commands and jobs that ended early.
"""

from __future__ import annotations

import collections
import pathlib
import sys
import xml.etree.ElementTree as ET


def count_junit(path: pathlib.Path) -> collections.Counter[str]:
    """Count the test cases of a JUnit file by outcome."""
    counts: collections.Counter[str] = collections.Counter()
    for case in ET.parse(path).getroot().iter("testcase"):  # noqa: S314 (written by our own runners)
        if case.find("failure") is not None or case.find("error") is not None:
            counts["fail"] += 1
        elif case.find("skipped") is not None:
            counts["skip"] += 1
        else:
            counts["pass"] += 1
    return counts


def count_job(directory: pathlib.Path) -> collections.Counter[str]:
    """Count the results of a job by outcome; a job that ended early is a failure."""
    counts: collections.Counter[str] = collections.Counter()
    for path in directory.glob("*.xml"):
        try:
            counts += count_junit(path)
        except ET.ParseError:
            counts["fail"] += 1
    checks = directory / "checks"
    if checks.exists():
        counts.update(line.split("\t", 1)[0] for line in checks.read_text().splitlines())
    status = directory / "exit"
    has_failed = not status.exists() or status.read_text().strip() != "0"
    if (has_failed and not counts["fail"]) or not counts["pass"] + counts["fail"]:
        counts["fail"] += 1
    return counts


def main(results: str, *jobs: str) -> int:
    total: collections.Counter[str] = collections.Counter()
    for job in jobs:
        total += count_job(pathlib.Path(results, job))
    skipped = f", {total['skip']} skipped" if total["skip"] else ""
    print(f"{total['pass']} passed, {total['fail']} failed{skipped}")
    return 1 if total["fail"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
