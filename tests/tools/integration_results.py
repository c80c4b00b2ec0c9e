"""Read which integration targets ran, and which failed, out of ansible-test's output; print ``pass|fail<TAB>name``.

ansible-test writes no JUnit file for integration targets that counts a target once, and its own JSON report leaves the
failed ones out.

Usage: python integration_results.py LOG EXIT_STATUS
"""

from __future__ import annotations

import pathlib
import re
import sys

STARTED = re.compile(r"^Running (\S+) integration test (?:role|script)$", re.MULTILINE)
FAILED = re.compile(r"^FATAL: The \d+ integration test\(s\) listed below .* failed\..*:\n((?:\S+\n?)+)", re.MULTILINE)


def main(path: str, status: str) -> None:
    log = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    failures = FAILED.search(log)
    started = STARTED.findall(log)
    failed = set(failures[1].split()) if failures else set()
    if status != "0" and not failures:
        failed.update(started[-1:])  # it was cut off there
    for name in dict.fromkeys([*started, *sorted(failed)]):
        print(f"{'fail' if name in failed else 'pass'}\t{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
