# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Separates this process from everything outside, because hostile values may name hosts, programs and files."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import time
import typing as t

import botocore.loaders

CPU_SECONDS = 1.0


class Clock:
    """The monotonic clock, which sleeping only advances."""

    def __init__(self) -> None:
        self._read = time.monotonic
        self._slept = 0.0

    def monotonic(self) -> float:
        return self._read() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += max(0.0, seconds)


def _refuse(*_arguments: t.Any, **_more: t.Any) -> t.NoReturn:
    raise ConnectionRefusedError(111, "Connection refused")


def _resolve_nothing(*_arguments: t.Any, **_more: t.Any) -> t.NoReturn:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _start_nothing(*_arguments: t.Any, **_more: t.Any) -> t.NoReturn:
    raise FileNotFoundError(2, "No such file or directory")


def isolate(directory: str) -> None:
    """Refuse each connection and program, do not wait, work in an empty directory, and read botocore's files once."""
    clock = Clock()
    for name, value in {
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": directory,
        "TMPDIR": directory,
    }.items():
        os.environ[name] = value
    os.chdir(directory)
    socket.socket.connect = _refuse  # type: ignore[method-assign]
    socket.getaddrinfo = _resolve_nothing
    subprocess.Popen.__init__ = _start_nothing  # type: ignore[method-assign]
    read = functools.lru_cache(maxsize=None)(botocore.loaders.JSONFileLoader().load_file)
    botocore.loaders.JSONFileLoader.load_file = lambda _self, path: read(path)
    services = functools.lru_cache(maxsize=None)(botocore.loaders.Loader().list_available_services)
    botocore.loaders.Loader.list_available_services = lambda _self, *names: services(*names)
    time.sleep, time.monotonic = clock.sleep, clock.monotonic  # type: ignore[assignment]


class CpuLimit:
    """Fails if its block takes more CPU time than an input may take."""

    def __enter__(self) -> None:
        self._started = time.process_time()

    def __exit__(self, *_error: object) -> None:
        seconds = time.process_time() - self._started
        if seconds > CPU_SECONDS:
            raise AssertionError(
                f"this input took {seconds:.1f} s of CPU time, and at most {CPU_SECONDS:.0f} s is allowed"
            )
