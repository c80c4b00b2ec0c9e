# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side: who calls what with which key, then moto under a lock, or a refusal, or what a test asked for.

Needed by: every target.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import pathlib
import socket
import threading
import time
import typing as t
import urllib.parse

from moto.core.base_backend import BackendDict
from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import NotFound
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from sandbox import settings
from sandbox.aws import eks
from sandbox.aws.access import authorization, credentials
from sandbox.aws.control import Control, Fault
from sandbox.aws.iam import backend as iam
from sandbox.aws.iam.operations import IamOperations
from sandbox.aws.state import STATE
from sandbox.aws.sts import backend as sts
from sandbox.aws.wire import Refusal, error_response

if t.TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LOG = logging.getLogger(__name__)

_OPERATIONS: dict[str, type[BaseResponse]] = {
    "iam": IamOperations,
    "sts": sts.StsOperations,
    "eks": eks.EksOperations,
}
_UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


class ServerRequest(Request):
    """A request that came over a socket, as moto wants it marked."""

    from_wsgi_server = True


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of an AWS API, read off the request."""

    service: str
    operation: str
    parameters: dict[str, t.Any]
    access_key_id: str | None
    token: str | None
    region: str


class Application:
    """The WSGI application of the server."""

    def __init__(self, cluster_files: t.Sequence[pathlib.Path]) -> None:
        for module in (iam, sts, eks):
            module.install()
        STATE.watch(cluster_files)
        self._cluster_files = cluster_files
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._control = Control()
        # moto's backends are plain dicts and lists; one call at a time costs nothing, for they never wait.
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> t.Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/sandbox-api/"):
            return self._administer(ServerRequest(environ))(environ, start_response)
        _unfold_presigned(environ)
        request = ServerRequest(environ)
        service = _service(request)
        try:
            call = _identify(service, request)
            if call is None:
                return self._elsewhere(environ, start_response)
            fault = self._meet(call)
            if fault and fault.body is not None:
                response = Response(fault.body, fault.status, mimetype="text/html")
            elif call.service in _OPERATIONS:
                response = self._answer(call, request)
            else:
                return self._elsewhere(environ, start_response)
            if fault:
                _lose_answer(fault, request)
        except Refusal as refusal:
            response = error_response(service or "", refusal)
        except ConnectionError:
            raise
        except Exception as error:
            # The last resort of a server: AWS's shape for a fault of its own instead of an HTML page.
            LOG.exception("%s failed", request.path)
            failure = Refusal("InternalFailure", f"{type(error).__name__}: {error}", 500)
            response = error_response(service or "", failure)
        return response(environ, start_response)

    def _meet(self, call: Call) -> Fault | None:
        """Count the call, and let it have its fault, if any; raise the refusal of those who may not make it."""
        fault = self._control.call(call.service, call.operation, call.parameters)
        if fault:
            if fault.delay:
                time.sleep(fault.delay)
            if fault.body is not None:
                return fault
            if fault.code:
                raise Refusal(fault.code, fault.message or fault.code, fault.status)
        if call.access_key_id:
            self._check(call)
        elif call.operation not in _UNSIGNED:
            raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        return fault

    def _answer(self, call: Call, request: Request) -> Response:
        try:
            with self._lock:
                status, headers, body = _OPERATIONS[call.service].dispatch(request)
        except NotImplementedError as error:
            message = f"The sandbox has no {call.service}:{call.operation}: {error}"
            raise Refusal("NotImplemented", message, 501) from None
        return Response(body, int(status), headers)

    def _check(self, call: Call) -> None:
        access_key_id = t.cast(str, call.access_key_id)
        common: dict[str, t.Any] = {
            "service": call.service,
            "operation": call.operation,
            "access_key_id": access_key_id,
            "region": call.region,
            "parameters": call.parameters,
        }
        with self._lock:
            if call.service in _OPERATIONS:
                credentials.check(**common, token=call.token)
            authorization.check(**common)

    def _elsewhere(self, environ: WSGIEnvironment, start_response: StartResponse) -> t.Iterable[bytes]:
        """Every other service, and moto's own API, as moto serves them."""
        with self._lock:
            answer = self._moto(environ, start_response)
            try:
                return list(answer)
            finally:
                with contextlib.suppress(AttributeError):
                    answer.close()

    # The admin API

    def _administer(self, request: Request) -> Response:
        name, _slash, key = request.path.removeprefix("/sandbox-api/").strip("/").partition("/")
        handlers: dict[tuple[str, str], t.Callable[[t.Any], t.Any]] = {
            ("GET", "faults"): lambda _body: self._control.faults(),
            ("POST", "faults"): self._control.add,
            ("DELETE", "faults"): lambda _body: self._control.clear_faults(),
            ("GET", "calls"): lambda _body: self._control.calls(),
            ("DELETE", "calls"): lambda _body: self._control.clear_calls(),
            ("POST", "quotas"): self._set_quotas,
            ("POST", "bound"): self._bind,
            ("GET", "access-keys"): lambda _body: credentials.secret_of(key),
            ("POST", "reset"): lambda _body: self._reset(),
        }
        handler = handlers.get((request.method, name))
        if handler is None:
            return _json({"error": f"no {request.method} {request.path}"}, 404)
        try:
            body = json.loads(request.get_data() or b"null")
            with self._lock:
                result = handler(body)
        except (LookupError, TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({} if result is None else result, 200)

    def _set_quotas(self, wanted: dict[str, int]) -> dict[str, int]:
        if unknown := set(wanted) - set(STATE.quotas):
            raise ValueError(f"unknown quotas: {', '.join(sorted(unknown))}")
        STATE.quotas.update({name: int(value) for name, value in wanted.items()})
        return STATE.quotas

    def _bind(self, arns: list[str]) -> list[str]:
        STATE.bound = frozenset(arns)
        return sorted(STATE.bound)

    def _reset(self) -> None:
        BackendDict.reset()
        self._control.reset()
        STATE.reset()
        STATE.watch(self._cluster_files)


def _json(value: t.Any, status: int) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")


class _Handler(MotoRequestHandler):
    # Headers and body leave in two writes; with Nagle's algorithm the second would wait for an acknowledgement.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Thousands of calls: only errors are worth a line."""


def serve(cluster_files: t.Sequence[pathlib.Path], host: str, port: int) -> BaseWSGIServer:
    """Make a threaded server, bound but not yet serving."""
    return make_server(host, port, Application(cluster_files), threaded=True, request_handler=_Handler)


def _unfold_presigned(environ: WSGIEnvironment) -> None:
    """Turn a presigned query into the headers that moto reads, unless the caller sent those itself."""
    query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
    if "X-Amz-Credential" not in query:
        return
    environ.setdefault(
        "HTTP_AUTHORIZATION",
        f"{query.get('X-Amz-Algorithm', '')} Credential={query['X-Amz-Credential']}, "
        f"SignedHeaders={query.get('X-Amz-SignedHeaders', '')}, Signature={query.get('X-Amz-Signature', '')}",
    )
    if "X-Amz-Security-Token" in query:
        environ.setdefault("HTTP_X_AMZ_SECURITY_TOKEN", query["X-Amz-Security-Token"])


def _scope(request: Request) -> list[str]:
    """Access key, date, region, service and terminator of a SigV4 credential; empty when the call isn't signed."""
    credential = request.headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
    scope = credential.split("/")
    return scope if len(scope) == 5 else []


def _service(request: Request) -> str | None:
    if scope := _scope(request):
        return scope[3]
    if request.form.get("Action") in _UNSIGNED or request.form.get("Version") == "2011-06-15":
        return "sts"
    if request.form.get("Version") == "2010-05-08":
        return "iam"
    return "eks" if request.path.split("/")[1:2] == ["clusters"] else None


def _identify(service: str | None, request: Request) -> Call | None:
    if service not in _OPERATIONS and service != "ec2":
        return None
    scope = _scope(request)
    access_key_id, region = (scope[0], scope[2]) if scope else (None, settings.REGION)
    token = request.headers.get("X-Amz-Security-Token")
    if service != "eks":
        parameters = request.values.to_dict()
        if service == "ec2":
            # moto reads it again.
            request.environ["wsgi.input"] = io.BytesIO(urllib.parse.urlencode(parameters).encode())
        return Call(service, parameters.get("Action", ""), parameters, access_key_id, token, region)
    try:
        operation, path_parameters = get_service_router("eks").match(request)
    except NotFound:
        raise Refusal("UnknownOperationException", f"No operation at {request.method} {request.path}", 404) from None
    return Call("eks", operation.name, {**request.args.to_dict(), **path_parameters}, access_key_id, token, region)


def _lose_answer(fault: Fault, request: Request) -> None:
    if fault.lose_answer:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("the answer is lost on purpose")
