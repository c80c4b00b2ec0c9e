"""Read which integration targets ran, and which failed, out of ansible-test's output; print ``pass|fail<TAB>name``.

ansible-test writes no JUnit file for integration targets that counts a target once, and its own JSON report leaves the
failed ones out. Nor does it say how long one took. So its output is read.

Usage: python integration_results.py LOG EXIT_STATUS
       ansible-test integration ... | python integration_results.py LOG

The second copies the output to LOG as it comes, like tee, and in the end prints the seconds of each target.
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
    """Copy ansible-test's output to a file and to standard output; then print each target's time, the longest first."""
    took: dict[str, float] = {}
    name, since = "", time.monotonic()
    with open(path, "w", encoding="utf-8") as log:
        for line in output:
            for file in (log, sys.stdout):
                file.write(line)
                file.flush()
            if started := STARTED.match(line):
                took[name] = time.monotonic() - since
                name, since = started[1], time.monotonic()
    took[name] = time.monotonic() - since
    took.pop("", None)
    for target, seconds in sorted(took.items(), key=lambda item: -item[1]):
        print(f"{seconds:6.0f} s  {target}")


def results(path: str, status: str) -> None:
    """Print what became of each target; status is ansible-test's."""
    log = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    failures = FAILED.search(log)
    started = STARTED.findall(log)
    failed = set(failures[1].split()) if failures else set()
    if status != "0" and not failures:
        failed.update(started[-1:])  # it was cut off there
    for name in dict.fromkeys([*started, *sorted(failed)]):
        print(f"{'fail' if name in failed else 'pass'}\t{name}")


def main(path: str, status: str | None = None) -> None:
    if status is None:
        with open(0, encoding="utf-8", errors="replace", closefd=False) as output:
            copy(output, path)
    else:
        results(path, status)


if __name__ == "__main__":
    main(*sys.argv[1:])
