"""Runs modules in forked children of this process, which has imported everything.

A child takes milliseconds, ansible-playbook takes a second. Modules cannot affect each other.
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

_SECONDS = 60
_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a module.

    :param operations: its requests to the API server: API group, resource with subresource, verb.
    """

    result: Json
    operations: frozenset[Operation]

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

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


def run(name: str, arguments: Json, environment: c.Mapping[str, str], *, check: bool = False) -> Outcome:
    """Run a module with these arguments and environment variables."""

    def main() -> None:
        with patch_module_args({**arguments, "_ansible_check_mode": check}):
            _import(name).main()

    output, operations = _run_in_child(main, environment)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{name} returned no result: {output}")
    return Outcome(json.loads(lines[-1]), operations)


def call(function: c.Callable[[], Json], environment: c.Mapping[str, str]) -> Outcome:
    """Run a function that is not a module; it returns a result or raises IrsaError."""

    def main() -> None:
        try:
            result = function()
        except IrsaError as error:
            result = {"failed": True, "msg": str(error), "error": error.as_dict()}
        print(json.dumps(result))

    output, operations = _run_in_child(main, environment)
    return Outcome(json.loads(output.splitlines()[-1]), operations)


def _import(name: str) -> t.Any:
    namespace, collection, module = name.split(".")
    return importlib.import_module(f"ansible_collections.{namespace}.{collection}.plugins.modules.{module}")


def _run_in_child(main: c.Callable[[], None], environment: c.Mapping[str, str]) -> tuple[str, frozenset[Operation]]:
    """Fork a child that runs ``main``.

    :returns: its output and its requests to the API server.
    """
    output_reader, output_writer = os.pipe()
    operations_reader, operations_writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(output_reader)
        os.close(operations_reader)
        _run_child(main, environment, output_writer, operations_writer)
    os.close(output_writer)
    os.close(operations_writer)
    with os.fdopen(output_reader) as output, os.fdopen(operations_reader) as operations:
        text, operations_json = output.read(), operations.read()
    _pid, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a child exited with {status}: {text}")
    return text, frozenset(tuple(operation) for operation in json.loads(operations_json))


def _run_child(
    main: c.Callable[[], None], environment: c.Mapping[str, str], output_writer: int, operations_writer: int
) -> t.NoReturn:
    status = 1
    try:
        signal.alarm(_SECONDS)
        os.environ.update(environment)
        os.dup2(output_writer, 1)
        operations: set[Operation] = set()
        _record_requests(operations)
        with contextlib.suppress(SystemExit):  # modules exit
            main()
        sys.stdout.flush()
        with os.fdopen(operations_writer, "w") as file:
            json.dump(sorted(operations), file)
        status = 0
    finally:
        # Always exit, so that a child never continues as its parent.
        if status:
            traceback.print_exc()
        sys.stderr.flush()
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
