# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The times, sizes and retries of requests to AWS and Kubernetes, and texts for incomplete answers.

The read timeout of urllib3, which botocore and the Kubernetes client use, is the time of each read of a socket, so an
answer that arrives byte by byte has no end.
"""

from __future__ import annotations

import http.client
import io
import math
import time
import typing as t

from .._core.wording import quantity

# No answer is longer. The longest one is a list without pages.
MAX_BYTES = 2**30

# AWS. The timeouts of each try, to connect and for the answer; and how often botocore sends a request at most, with one
# connection and with several. aws_config takes precedence, and for the tries AWS_MAX_ATTEMPTS and AWS_RETRY_MODE too.
AWS_CONNECT_SECONDS, AWS_ANSWER_SECONDS = 10, 30
AWS_TRIES, AWS_PARALLEL_TRIES = 8, 12
# How a call is repeated after an error that botocore does not retry. The delays are in seconds.
AWS_BACKOFF: t.Mapping[str, t.Any] = {"retries": 6, "delay": 0.3, "max_delay": 8}
# The timeouts of a write that is sent once, for each address of the endpoint and for the answer. IAM answers within a
# second.
AWS_WRITE_CONNECT_SECONDS, AWS_WRITE_ANSWER_SECONDS = 3, 5
# The time of a call after which it is not tried again. The backoff of botocore alone takes up to 150 seconds.
AWS_CALL_SECONDS = 180.0
# The longest answers are pages of a thousand roles with their policies. They have at most a third of it.
AWS_MAX_BYTES = 64 * 2**20
# A list with all of its pages.
AWS_LIST_SECONDS, AWS_MAX_PAGES = 600.0, 1000
# Programs that print credentials (credential_process) may ask the user.
AWS_CREDENTIALS_SECONDS = 120.0

# Kubernetes. Each try of a request. An API server ends its own requests after 60 seconds.
KUBERNETES_CONNECT_SECONDS, KUBERNETES_ANSWER_SECONDS = 10.0, 60.0
# How often a request is sent again at most: after a status or without a connection; after a lost or unreadable answer;
# after a failure of TLS, which is rarely transient.
KUBERNETES_RETRIES, KUBERNETES_ANSWER_RETRIES, KUBERNETES_TLS_RETRIES = 5, 3, 1
# The first delay in seconds, which doubles; and the longest that an answer may ask for (Retry-After).
KUBERNETES_DELAY, KUBERNETES_MAX_RETRY_AFTER = 0.2, 20.0
# A request with all its retries.
KUBERNETES_REQUEST_SECONDS = 120.0
# A page, and a list with all its pages: a million objects. The state of the first page is kept for five minutes.
KUBERNETES_PAGE, KUBERNETES_MAX_PAGES, KUBERNETES_LIST_SECONDS = 500, 2000, 600.0
# A page of 500 pods has up to ten megabytes.
KUBERNETES_MAX_BYTES = 64 * 2**20
# An error has a Status of some kilobytes. More is not read.
KUBERNETES_MAX_ERROR_BYTES = 2**20
# A watch: a dead connection is noticed at its end. It sends an object in a line; in etcd one has at most 1.5 megabytes.
KUBERNETES_WATCH_SECONDS, KUBERNETES_MAX_LINE_BYTES = 60.0, 16 * 2**20
# Seconds until a failed list or watch is started again, and between two watches.
KUBERNETES_WATCH_PAUSE, KUBERNETES_LOOP_PAUSE = 1.0, 0.2
# How often a removal is tried that conflicts with a change of the pod or its budget, and the first pause.
KUBERNETES_REMOVALS, KUBERNETES_CONFLICT_PAUSE = 4, 0.1


def limit_answers(classes: t.Mapping[str, type], seconds: float) -> dict[str, type]:
    """Classes of connection pools whose answers have limits.

    :param classes: ``pool_classes_by_scheme`` of a pool manager of urllib3.
    :param seconds: the longest time of an answer, if it has no shorter read timeout.
    """
    response = _derive(_LimitedResponse, seconds=seconds)
    return {
        scheme: _derive(kind, ConnectionCls=_derive(kind.ConnectionCls, response_class=response))  # type: ignore[attr-defined]
        for scheme, kind in classes.items()
    }


def describe_http_error(error: Exception) -> str:
    """The text of an error of urllib3, without the malformed answer that it may quote.

    :param error: its last argument is what caused it: an error of the system, of the parser, or a text.
    """
    cause = (error, *error.args)[-1]
    if isinstance(cause, http.client.IncompleteRead):
        # A size that http.client and urllib3 read differently gives a negative number.
        missing = cause.expected or 0
        return describe_cut(missing) if missing > 0 else "the answer was cut, or a size in it is not valid"
    return str(cause) if isinstance(cause, (str, OSError)) else type(cause).__name__


def describe_cut(missing: int) -> str:
    """The text for an answer without its last bytes. Of an answer in chunks, the size of only one chunk is known."""
    return f"the answer was cut at least {quantity(missing, 'byte')} before its end"


def _derive(kind: type, **attributes: t.Any) -> type:
    return type(kind.__name__, (kind,), attributes)


class _LimitedResponse(http.client.HTTPResponse):
    """An answer that must arrive, from its status line to its end, within the timeout that its socket has now.

    :cvar seconds: the longest time, also if the timeout is longer.
    """

    seconds: float

    def __init__(self, sock: t.Any, *args: t.Any, **options: t.Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_LimitedReader(sock, self.fp.detach(), self.seconds))


class _LimitedReader(io.RawIOBase):
    """Reads a socket with a limit for the time and size of everything that it reads."""

    def __init__(self, sock: t.Any, raw: io.RawIOBase, seconds: float) -> None:
        self._sock = sock
        self._raw = raw
        self._timeout = sock.gettimeout()
        self._deadline = time.monotonic() + min(seconds, math.inf if self._timeout is None else self._timeout)
        self._bytes_left = MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is not complete")
        if self._bytes_left <= 0:
            raise OSError(f"the answer has more than {MAX_BYTES // 2**20} MiB")
        self._sock.settimeout(None if left == math.inf else left)
        try:
            count = self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._timeout)
        self._bytes_left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
