# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Background processes that outlive the command that started them, and are found again by process id and start time.

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
# How long a process may take to end by itself.
GRACE = 2.0


class Record(t.TypedDict):
    """A process as pids.json keeps it; a process id alone may since belong to somebody else."""

    pid: int
    started: str


def start(
    command: Sequence[str], log: pathlib.Path, environment: Mapping[str, str], *, tied: bool = False
) -> tuple[subprocess.Popen[bytes], Record]:
    """Start a command as the leader of a process group of its own, its output going to a file.

    Args:
        command: Program and arguments.
        log: Written anew.
        environment: The whole of it.
        tied: Whether it must end when this process does, however that ends (Linux only).
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=die_with_parent if tied else None,
        )
    return process, {"pid": process.pid, "started": _started(process.pid) or ""}


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends; does nothing where it can't."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def is_alive(record: Record) -> bool:
    """Tell whether the very process of the record still runs."""
    started = _started(record["pid"])
    return started is not None and started == record["started"]


def stop(records: Sequence[Record]) -> None:
    """End processes with their groups: ask, wait up to GRACE, then kill. Those already gone are passed over."""
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


def _started(pid: int) -> str | None:
    """Return a mark of when a process started, None for one that is gone or only waits to be reaped."""
    if pathlib.Path("/proc/self/stat").exists():
        try:
            # The second field, the name, is in parentheses and may hold anything.
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else fields[19]
    result = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _space, started = result.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()
