"""Modules run as they are, each in a child of this process that has everything imported already.

A child costs some milliseconds, where a process of ansible-playbook costs a second; and nothing that a module leaves in
its interpreter reaches the next one.
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
    """How a module ended.

    :param operations: what it asked the API server for: API group, resource with subresource, verb.
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
    def text(self) -> str:
        """The message of a failure, whole."""
        return str(self.result.get("msg", ""))

    @property
    def short(self) -> str:
        """What could not be done, without cause and fix."""
        error = self.result.get("error")
        if isinstance(error, dict) and "message" in error:
            return str(error["message"])
        # kubernetes.core repeats the API server's whole answer.
        begin, brace, answer = self.text.partition("{")
        return begin + str(json.loads(brace + answer)["message"]) if brace else self.text

    @property
    def warnings(self) -> list[str]:
        found = self.result.get("warnings") or []
        # From ansible-core 2.20 on a warning is more than its text until the controller has seen it.
        return [warning if isinstance(warning, str) else str(warning["event"]["msg"]) for warning in found]


def load(names: c.Iterable[str]) -> None:
    """Imports modules before there are children, and reads what botocore knows of AWS once for all of them."""
    for name in names:
        _import(name)
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = botocore.loaders.create_loader = lambda _path=None: loader
    session = boto3.session.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    for service in ("ec2", "eks", "iam", "sts"):
        session.client(service)
        loader.load_service_model(service, "paginators-1")
    # Or each child would copy all of it, page by page, to count who refers to what.
    gc.freeze()


def run(name: str, arguments: Json, environment: c.Mapping[str, str], *, check: bool = False) -> Outcome:
    """Runs a module with its arguments and these variables."""

    def main() -> None:
        with patch_module_args({**arguments, "_ansible_check_mode": check}):
            _import(name).main()

    output, asked = _in_child(main, environment)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{name} ended without a result: {output}")
    return Outcome(json.loads(lines[-1]), asked)


def call(function: c.Callable[[], Json], environment: c.Mapping[str, str]) -> Outcome:
    """The same for what is no module: a function that returns a result, and raises IrsaError if it fails."""

    def main() -> None:
        try:
            result = function()
        except IrsaError as error:
            result = {"failed": True, "msg": str(error), "error": error.as_dict()}
        print(json.dumps(result))

    output, asked = _in_child(main, environment)
    return Outcome(json.loads(output.splitlines()[-1]), asked)


def _import(name: str) -> t.Any:
    namespace, collection, module = name.split(".")
    return importlib.import_module(f"ansible_collections.{namespace}.{collection}.plugins.modules.{module}")


def _in_child(main: c.Callable[[], None], environment: c.Mapping[str, str]) -> tuple[str, frozenset[Operation]]:
    """What it prints, and what it asks a Kubernetes API server for."""
    printed, output = os.pipe()
    noted, notes = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(printed)
        os.close(noted)
        _be_child(main, environment, output, notes)
    os.close(output)
    os.close(notes)
    with os.fdopen(printed) as stream, os.fdopen(noted) as record:
        text, operations = stream.read(), record.read()
    _pid, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a child ended with {status}: {text}")
    return text, frozenset(tuple(operation) for operation in json.loads(operations))


def _be_child(main: c.Callable[[], None], environment: c.Mapping[str, str], output: int, notes: int) -> t.NoReturn:
    status = 1
    try:
        signal.alarm(_SECONDS)
        os.environ.update(environment)
        os.dup2(output, 1)
        asked: set[Operation] = set()
        _listen(asked)
        with contextlib.suppress(SystemExit):  # how modules end
            main()
        sys.stdout.flush()
        with os.fdopen(notes, "w") as record:
            json.dump(sorted(asked), record)
        status = 0
    finally:
        # Whatever happens, a child must not go on as its parent.
        if status:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)


def _listen(asked: set[Operation]) -> None:
    """Notes every request of this process, whichever client makes it."""
    send = urllib3.connectionpool.HTTPConnectionPool.urlopen

    def urlopen(pool: t.Any, method: str, url: str, *arguments: t.Any, **options: t.Any) -> t.Any:
        operation = _operation(method, url)
        if operation:
            asked.add(operation)
        return send(pool, method, url, *arguments, **options)

    urllib3.connectionpool.HTTPConnectionPool.urlopen = urlopen


def _operation(method: str, url: str) -> Operation | None:
    """A request in the words of RBAC; None for what is no request for a resource of Kubernetes."""
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
    watched = urllib.parse.parse_qs(address.query).get("watch") in (["true"], ["1"])
    read = "watch" if watched else "list" if len(rest) == 1 else "get"
    return group, "/".join([rest[0], *rest[2:]]), read if method == "GET" else _VERBS[method]
