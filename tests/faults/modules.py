"""Runs modules in forked children of this process, which has imported everything.

A child takes milliseconds, ansible-playbook takes a second. Modules cannot affect each other. Several can run at
the same time: ``start`` each, then ``finish`` each.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import gc
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
import typing as t
import urllib.parse

import boto3.session
import botocore.loaders
import botocore.session
import urllib3.connectionpool
from ansible.module_utils.testing import patch_module_args
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError

Json = dict[str, t.Any]
Operation = tuple[str, str, str]

SECONDS = 60
_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a module.

    :param result: what it returned; empty if it was killed or ended with a traceback.
    :param operations: its requests to the API server: API group, resource with subresource, verb.
    :param seconds: how long it ran.
    :param errors: what it wrote to standard error.
    :param exit_signal: the signal that ended it, else 0. SIGALRM: it ran longer than its limit.
    """

    result: Json
    operations: frozenset[Operation]
    seconds: float = 0.0
    errors: str = ""
    exit_signal: int = 0

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def traceback(self) -> str:
        """The traceback of an exception that the module did not handle, else empty."""
        texts = (str(self.result.get("exception") or ""), self.message, self.errors)
        return next((text for text in texts if "Traceback (most recent call last)" in text), "")

    @property
    def message(self) -> str:
        """The full message of a failure."""
        return str(self.result.get("msg", ""))

    @property
    def short_message(self) -> str:
        """The message of a failure without cause and fix."""
        error = self.result.get("error")
        if isinstance(error, dict) and "message" in error:
            return str(error["message"])
        # kubernetes.core appends the API server's answer.
        begin, brace, answer = self.message.partition("{")
        return begin + str(json.loads(brace + answer)["message"]) if brace else self.message

    @property
    def warnings(self) -> list[str]:
        warnings = self.result.get("warnings") or []
        # Since ansible-core 2.20 a module returns warnings as dictionaries.
        return [warning if isinstance(warning, str) else str(warning["event"]["msg"]) for warning in warnings]


class RunningModule:
    """A module that runs in a child."""

    def __init__(
        self, name: str, child: int, begin: float, output: t.IO[str], report: t.IO[str], errors: t.IO[str]
    ) -> None:
        self._name = name
        self._child = child
        self._begin = begin
        self._output = output
        self._report = report
        self._errors = errors

    def kill(self) -> None:
        """End the module as kill -9 does."""
        os.kill(self._child, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether the module has ended; ``finish`` returns its outcome."""
        return os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def finish(self, *, needs_result: bool = False) -> Outcome:
        """Wait until the module ends.

        :param needs_result: whether the module must return a result.
        :raises RuntimeError: it must, and did not.
        """
        _pid, status = os.waitpid(self._child, 0)
        seconds = time.monotonic() - self._begin
        output, report, errors = (_read(file) for file in (self._output, self._report, self._errors))
        results = [line for line in output.splitlines() if line.startswith("{")]
        if needs_result and (status or not results):
            raise RuntimeError(f"{self._name} ended with status {status} and no result: {output}{errors}")
        facts = json.loads(report or '{"operations": []}')
        return Outcome(
            json.loads(results[-1]) if results and not status else {},
            frozenset(tuple(operation) for operation in facts["operations"]),
            facts.get("seconds", seconds),
            errors,
            os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        )


def _read(file: t.IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read()


def load(names: c.Iterable[str]) -> None:
    """Import modules and load botocore's data once, before children are forked."""
    for name in names:
        _import(name)
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = botocore.loaders.create_loader = lambda _path=None: loader
    session = boto3.session.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    for service in ("ec2", "eks", "iam", "sts"):
        session.client(service)
        loader.load_service_model(service, "paginators-1")
    # Keep the garbage collector of a child from copying the memory that it shares with this process.
    gc.freeze()


def run(
    name: str, arguments: Json, environment: c.Mapping[str, str], *, check: bool = False, seconds: int = SECONDS
) -> Outcome:
    """Run a module with these arguments and environment variables.

    :param seconds: the limit, after which the module is ended.
    :raises RuntimeError: the module returned no result.
    """
    return start(name, arguments, environment, check=check, seconds=seconds).finish(needs_result=True)


def start(
    name: str, arguments: Json, environment: c.Mapping[str, str], *, check: bool = False, seconds: int = SECONDS
) -> RunningModule:
    """Start a module as ``run`` does, without waiting for its end."""

    def main() -> None:
        with patch_module_args({**arguments, "_ansible_check_mode": check}):
            _import(name).main()

    return _start_child(name, main, environment, seconds)


def call(function: c.Callable[[], Json], environment: c.Mapping[str, str]) -> Outcome:
    """Run a function that is not a module; it returns a result or raises IrsaError."""

    def main() -> None:
        try:
            result = function()
        except IrsaError as error:
            result = {"failed": True, "msg": str(error), "error": error.as_dict()}
        print(json.dumps(result))

    return _start_child("the function", main, environment, SECONDS).finish(needs_result=True)


def _import(name: str) -> t.Any:
    namespace, collection, module = name.split(".")
    return importlib.import_module(f"ansible_collections.{namespace}.{collection}.plugins.modules.{module}")


def _start_child(
    name: str, main: c.Callable[[], None], environment: c.Mapping[str, str], seconds: int
) -> RunningModule:
    """Fork a child that runs ``main``."""
    output, report, errors = (tempfile.TemporaryFile("w+") for _file in range(3))  # noqa: SIM115 - closed by finish
    sys.stdout.flush()
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        _run_child(main, environment, seconds, output=output.fileno(), errors=errors.fileno(), report=report)
    return RunningModule(name, child, begin, output, report, errors)


def _run_child(
    main: c.Callable[[], None],
    environment: c.Mapping[str, str],
    seconds: int,
    *,
    output: int,
    errors: int,
    report: t.IO[str],
) -> t.NoReturn:
    status = 1
    begin = time.monotonic()
    try:
        signal.alarm(seconds)
        os.environ.update(environment)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        operations: set[Operation] = set()
        _record_requests(operations)
        with contextlib.suppress(SystemExit):  # modules exit
            main()
        json.dump({"operations": sorted(operations), "seconds": time.monotonic() - begin}, report)
        status = 0
    finally:
        # Always exit, so that a child never continues as its parent.
        if status:
            traceback.print_exc()
        for stream in (sys.stdout, sys.stderr, report):
            stream.flush()
        os._exit(status)


def _record_requests(operations: set[Operation]) -> None:
    """Add every request of this process to ``operations``, whichever client sends it."""
    send = urllib3.connectionpool.HTTPConnectionPool.urlopen

    def urlopen(pool: t.Any, method: str, url: str, *arguments: t.Any, **options: t.Any) -> t.Any:
        operation = _parse_operation(method, url)
        if operation:
            operations.add(operation)
        return send(pool, method, url, *arguments, **options)

    urllib3.connectionpool.HTTPConnectionPool.urlopen = urlopen


def _parse_operation(method: str, url: str) -> Operation | None:
    """Translate a request to RBAC terms.

    :returns: None if it is not a request for a Kubernetes resource.
    """
    address = urllib.parse.urlsplit(url)
    parts = address.path.strip("/").split("/")
    if parts[0] not in ("api", "apis"):
        return None
    group = parts[1] if parts[0] == "apis" and len(parts) > 1 else ""
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    if not rest:
        return None
    is_watch = urllib.parse.parse_qs(address.query).get("watch") in (["true"], ["1"])
    read_verb = "watch" if is_watch else "list" if len(rest) == 1 else "get"
    return group, "/".join([rest[0], *rest[2:]]), read_verb if method == "GET" else _VERBS[method]
