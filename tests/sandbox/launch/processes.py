# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Background processes that outlive the command that started them. Process id and start time identify them.

Needed by: every target; make sandbox.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PR_SET_PDEATHSIG = 1
# The seconds that a process has to end after SIGTERM.
GRACE = 2.0


class ProcessRecord(t.TypedDict):
    """A process in pids.json. The start time distinguishes it from a later process with the same id."""

    pid: int
    started: str


def start(
    command: Sequence[str], log: pathlib.Path, environment: Mapping[str, str], *, end_with_parent: bool = False
) -> tuple[subprocess.Popen[bytes], ProcessRecord]:
    """Start a command in its own process group, with its output in a file.

    :param log: the file for the output, which is overwritten.
    :param environment: the complete environment.
    :param end_with_parent: end the command whenever this process ends (Linux only).
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=die_with_parent if end_with_parent else None,
        )
    return process, {"pid": process.pid, "started": _start_mark(process.pid) or ""}


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def is_alive(record: ProcessRecord) -> bool:
    """Whether the recorded process still runs."""
    started = _start_mark(record["pid"])
    return started is not None and started == record["started"]


def stop(records: Sequence[ProcessRecord]) -> None:
    """Stop the groups of processes: send SIGTERM, wait up to GRACE, then send SIGKILL. Ended processes are skipped."""
    alive = [record for record in records if is_alive(record)]
    for record in alive:
        _signal_group(record["pid"], signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while (alive := [record for record in alive if is_alive(record)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for record in alive:
        _signal_group(record["pid"], signal.SIGKILL)
    deadline = time.monotonic() + GRACE
    while any(is_alive(record) for record in alive) and time.monotonic() < deadline:
        time.sleep(0.02)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _start_mark(pid: int) -> str | None:
    """Return the start time of a process as text; None if it does not exist or is a zombie."""
    if pathlib.Path("/proc/self/stat").exists():
        try:
            # The second field is the name in parentheses, which may contain spaces and parentheses.
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else fields[19]
    result = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _space, started = result.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()
