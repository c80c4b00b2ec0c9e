"""Parse the results of integration targets from the output of ansible-test; print ``pass|fail<TAB>name``.

Why not its reports: the JUnit files count a target several times, the JSON report omits failed targets, and neither has
the durations.

Usage: python integration_results.py LOG EXIT_STATUS
       ansible-test integration ... | python integration_results.py LOG

The second form copies the output to LOG like tee and then prints the duration of each target.
"""

from __future__ import annotations

import pathlib
import re
import sys
import time
import typing as t

STARTED = re.compile(r"^Running (\S+) integration test (?:role|script)$", re.MULTILINE)
FAILED = re.compile(r"^FATAL: The \d+ integration test\(s\) listed below .* failed\..*:\n((?:\S+\n?)+)", re.MULTILINE)


def copy(output: t.TextIO, path: str) -> None:
    """Copy the output to a file and to standard output, then print the duration of each target, the longest first."""
    durations: dict[str, float] = {}
    name, start = "", time.monotonic()
    with open(path, "w", encoding="utf-8") as log:
        for line in output:
            for file in (log, sys.stdout):
                file.write(line)
                file.flush()
            if started := STARTED.match(line):
                durations[name] = time.monotonic() - start
                name, start = started[1], time.monotonic()
    durations[name] = time.monotonic() - start
    durations.pop("", None)
    for target, seconds in sorted(durations.items(), key=lambda item: -item[1]):
        print(f"{seconds:6.0f} s  {target}")


def print_results(path: str, status: str) -> None:
    """Print the result of each target.

    :param status: the exit status of ansible-test.
    """
    log = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    failures = FAILED.search(log)
    started = STARTED.findall(log)
    failed = set(failures[1].split()) if failures else set()
    if status != "0" and not failures:
        failed.update(started[-1:])  # ansible-test ended during this target
    for name in dict.fromkeys([*started, *sorted(failed)]):
        print(f"{'fail' if name in failed else 'pass'}\t{name}")


def main(path: str, status: str | None = None) -> None:
    if status is None:
        with open(0, encoding="utf-8", errors="replace", closefd=False) as output:
            copy(output, path)
    else:
        print_results(path, status)


if __name__ == "__main__":
    main(*sys.argv[1:])
