# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP server: checks each call, injects faults, then lets moto handle the call.

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
import typing as t
import urllib.parse

from moto.core.base_backend import BackendDict
from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import NotFound
from werkzeug.serving import BaseWSGIServer
from werkzeug.wrappers import Response

from sandbox import settings
from sandbox.aws import eks, faulty
from sandbox.aws.access import authorization, credentials
from sandbox.aws.control import FaultInjector, is_write
from sandbox.aws.errors import UnmodeledError, render_error
from sandbox.aws.iam import backend as iam
from sandbox.aws.iam.earlier import EarlierStates
from sandbox.aws.iam.operations import IamOperations
from sandbox.aws.state import STATE
from sandbox.aws.sts import backend as sts
from sandbox.faults import Call, Hit

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
    """A request that moto recognizes as one to its server."""

    from_wsgi_server = True


@dataclasses.dataclass(frozen=True)
class AwsCall:
    """A call of an AWS API."""

    service: str
    operation: str
    parameters: dict[str, t.Any]
    access_key_id: str | None
    token: str | None
    region: str

    def as_faultable(self) -> Call:
        return Call(self.service, self.operation, self.parameters, is_write(self.service, self.operation))


class Application:
    """The WSGI application of the server."""

    def __init__(self, cluster_files: t.Sequence[pathlib.Path]) -> None:
        for module in (iam, sts, eks):
            module.install()
        STATE.set_cluster_files(cluster_files)
        self._cluster_files = cluster_files
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._faults = FaultInjector()
        # moto's backends are dicts and lists that are not safe to share between threads.
        self._lock = threading.Lock()
        self._earlier = EarlierStates()
        self._server: t.Any = None

    def bind(self, server: faulty.PausableServer) -> None:
        """Set the server, which faults can pause."""
        self._server = server

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> t.Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/sandbox-api/"):
            return self._handle_control(ServerRequest(environ))(environ, start_response)
        _move_presigned_query_to_headers(environ)
        request = ServerRequest(environ)
        service = _service_of(request)
        try:
            call = _parse_call(service, request)
            if call is None:
                return self._serve_with_moto(environ, start_response)
            hit = self._faults.record_call(call.as_faultable())
            connection: socket.socket = request.environ["werkzeug.socket"]
            refused = faulty.refuse(hit, connection, self._server) if hit else None
            if not refused:
                self._check_caller(call)
            if refused:
                response = refused
            elif call.service in _OPERATIONS:
                response = self._dispatch(call, request, hit)
            else:
                return self._serve_with_moto(environ, start_response)
            if hit:
                response = faulty.break_answer(hit, connection, response)
        except UnmodeledError as error:
            response = render_error(service or "", error)
        except ConnectionError:
            raise
        except Exception as error:
            # Clients expect an AWS error, not an HTML page.
            LOG.exception("%s failed", request.path)
            internal_error = UnmodeledError("InternalFailure", f"{type(error).__name__}: {error}", 500)
            response = render_error(service or "", internal_error)
        return response(environ, start_response)

    def _check_caller(self, call: AwsCall) -> None:
        """Check the credentials and permissions of a call.

        :raises UnmodeledError: the caller may not make this call.
        """
        if call.access_key_id:
            self._check_access(call)
        elif call.operation not in _UNSIGNED:
            raise UnmodeledError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)

    def _dispatch(self, call: AwsCall, request: Request, hit: Hit | None) -> Response:
        try:
            with self._lock, contextlib.ExitStack() as stack:
                if hit and hit.kind == "stale_read":
                    stack.enter_context(self._earlier.view(hit.fault.seconds))
                elif call.as_faultable().is_write and self._faults.faults.has("stale_read"):
                    stack.enter_context(self._earlier.keep())
                status, headers, body = _OPERATIONS[call.service].dispatch(request)
        except NotImplementedError as error:
            message = f"The sandbox does not implement {call.service}:{call.operation}: {error}"
            raise UnmodeledError("NotImplemented", message, 501) from None
        return Response(body, int(status), headers)

    def _check_access(self, call: AwsCall) -> None:
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

    def _serve_with_moto(self, environ: WSGIEnvironment, start_response: StartResponse) -> t.Iterable[bytes]:
        """Serve a call of any other service, or of moto's own API."""
        with self._lock:
            chunks = self._moto(environ, start_response)
            try:
                return list(chunks)
            finally:
                with contextlib.suppress(AttributeError):
                    chunks.close()

    # The control API

    def _handle_control(self, request: Request) -> Response:
        name, _slash, key = request.path.removeprefix("/sandbox-api/").strip("/").partition("/")
        handlers: dict[tuple[str, str], t.Callable[[t.Any], t.Any]] = {
            ("GET", "faults"): lambda _body: self._faults.faults.pending(),
            ("POST", "faults"): self._faults.faults.add,
            ("DELETE", "faults"): lambda _body: self._clear_faults(),
            ("GET", "calls"): lambda _body: self._faults.calls(),
            ("DELETE", "calls"): lambda _body: self._faults.clear_calls(),
            ("POST", "quotas"): self._set_quotas,
            ("POST", "bound"): self._set_enforced_arns,
            ("GET", "access-keys"): lambda _body: credentials.secrets_of(key),
            ("POST", "reset"): lambda _body: self._reset(),
        }
        handler = handlers.get((request.method, name))
        if handler is None:
            return _json({"error": f"{request.method} {request.path} does not exist"}, 404)
        try:
            body = json.loads(request.get_data() or b"null")
            with self._lock:
                result = handler(body)
        except (LookupError, TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({} if result is None else result, 200)

    def _set_quotas(self, quotas: dict[str, int]) -> dict[str, int]:
        if unknown := set(quotas) - set(STATE.quotas):
            raise ValueError(f"unknown quotas: {', '.join(sorted(unknown))}")
        STATE.quotas.update({name: int(value) for name, value in quotas.items()})
        return STATE.quotas

    def _set_enforced_arns(self, arns: list[str]) -> list[str]:
        STATE.enforced_arns = frozenset(arns)
        return sorted(STATE.enforced_arns)

    def _clear_faults(self) -> None:
        self._faults.faults.clear()
        self._earlier.clear()

    def _reset(self) -> None:
        BackendDict.reset()
        self._faults.reset()
        self._earlier.clear()
        STATE.reset()
        STATE.set_cluster_files(self._cluster_files)


def _json(value: t.Any, status: int) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")


class _Handler(MotoRequestHandler):
    # Headers and body are two writes. With Nagle's algorithm the second waits for an acknowledgement.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log no successful requests."""


def serve(cluster_files: t.Sequence[pathlib.Path], host: str, port: int) -> BaseWSGIServer:
    """Create the server. It listens; call ``serve_forever`` to serve."""
    application = Application(cluster_files)
    server = faulty.PausableServer(host, port, application, _Handler)
    application.bind(server)
    return server


def _move_presigned_query_to_headers(environ: WSGIEnvironment) -> None:
    """Set the headers that moto reads from the query of a presigned URL. Headers that the caller sent are kept."""
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


def _credential_scope(request: Request) -> list[str]:
    """Access key, date, region, service and terminator of a SigV4 credential; empty if the call is not signed."""
    credential = request.headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
    scope = credential.split("/")
    return scope if len(scope) == 5 else []


def _service_of(request: Request) -> str | None:
    if scope := _credential_scope(request):
        return scope[3]
    if request.form.get("Action") in _UNSIGNED or request.form.get("Version") == "2011-06-15":
        return "sts"
    if request.form.get("Version") == "2010-05-08":
        return "iam"
    return "eks" if request.path.split("/")[1:2] == ["clusters"] else None


def _parse_call(service: str | None, request: Request) -> AwsCall | None:
    if service not in _OPERATIONS and service != "ec2":
        return None
    scope = _credential_scope(request)
    access_key_id, region = (scope[0], scope[2]) if scope else (None, settings.REGION)
    token = request.headers.get("X-Amz-Security-Token")
    if service != "eks":
        parameters = request.values.to_dict()
        if service == "ec2":
            # moto reads the body again.
            request.environ["wsgi.input"] = io.BytesIO(urllib.parse.urlencode(parameters).encode())
        return AwsCall(service, parameters.get("Action", ""), parameters, access_key_id, token, region)
    try:
        operation, path_parameters = get_service_router("eks").match(request)
    except NotFound:
        raise UnmodeledError(
            "UnknownOperationException", f"No operation at {request.method} {request.path}", 404
        ) from None
    return AwsCall("eks", operation.name, {**request.args.to_dict(), **path_parameters}, access_key_id, token, region)
