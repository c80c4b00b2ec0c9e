# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handle the HTTP requests of the API: authentication, authorization, faults, routing and responses.

Needed by: every target.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
import traceback
import typing as t

from aiohttp import web

from sandbox.cluster import errors, pods
from sandbox.cluster.access.auth import impersonate
from sandbox.cluster.access.rbac import Action
from sandbox.cluster.access.reviews import ReviewHandler
from sandbox.cluster.errors import Object, StatusError
from sandbox.cluster.http import discovery, faulty
from sandbox.cluster.http.call import ApiCall, parse
from sandbox.cluster.http.logs import LogProxy
from sandbox.cluster.reading import lists, table
from sandbox.cluster.reading.watch import Watch, is_set
from sandbox.cluster.resources import Kind
from sandbox.cluster.store import encode
from sandbox.cluster.writing import patch

if t.TYPE_CHECKING:
    from sandbox.cluster.cluster import SimulatedCluster

BODY_LIMIT = 3 * 1024 * 1024
_JSON = "application/json"
_PATCH_TYPES = (patch.MERGE, patch.STRATEGIC, patch.APPLY)


class HttpFrontend:
    def __init__(self, cluster: SimulatedCluster, kubelet_tls: ssl.SSLContext) -> None:
        self.cluster = cluster
        self._reviews = ReviewHandler(cluster)
        self._logs = LogProxy(kubelet_tls)
        self.injector = faulty.Injector(cluster.store, self._dispatch, self._error_response)

    async def close(self) -> None:
        await self._logs.close()

    # -- one request

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = ApiCall(request, "", {}, Action(""))
        try:
            if int(request.headers.get("Content-Length") or 0) > BODY_LIMIT:
                raise StatusError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
            call = parse(request, self.cluster.catalog)
            self.injector.check_token(request)
            certificate = request.transport.get_extra_info("peercert") if request.transport else None
            user = await self.cluster.authentication.user(request.headers.get("Authorization"), certificate)
            call.user = impersonate(user, request.headers, self.cluster.rbac)
            self._authorize(call, is_anonymous=user.is_anonymous)
            if call.path.startswith("/sandbox-api/"):
                return _json_response(self.cluster.control(call.path, request.method, await call.mapping()))
            faultable = self.injector.describe(call)
            hit = self.cluster.faults.take(faultable) if faultable else None
            return await (self.injector.inject(call, hit) if hit else self._dispatch(call))
        except StatusError as error:
            return self._error_response(error)
        except faulty.DropConnection:
            return faulty.reset(request)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - a bug of the sandbox must result in a server error and a traceback in its log
            traceback.print_exc()
            return self._error_response(errors.internal("the sandbox failed. See its log for the traceback."))

    def _error_response(self, error: StatusError) -> web.Response:
        response = _json_response(error.status(), error.code)
        seconds = (error.details or {}).get("retryAfterSeconds")
        if seconds is not None:
            response.headers["Retry-After"] = str(seconds)
        return response

    def _authorize(self, call: ApiCall, *, is_anonymous: bool) -> None:
        if is_anonymous and not (call.path.startswith(discovery.HEALTH) or call.path in ("/version", "/version/")):
            raise errors.unauthorized()
        self.cluster.rbac.require(call.user, call.action)

    # -- responses

    async def _dispatch(self, call: ApiCall) -> web.StreamResponse:
        if call.action.path:
            return discovery.describe(self.cluster, call)
        kind = call.kind
        namespace = call.action.namespace if kind is not None and kind.namespaced else ""
        if kind is None or (kind.namespaced and call.action.name and not namespace):
            raise errors.page_not_found()
        accept = call.request.headers.get("Accept", "")
        if accept and all("protobuf" in accepted for accepted in accept.split(",")):
            raise errors.not_acceptable([_JSON])
        if not kind.stored:
            if call.action.verb != "create":
                raise errors.method_not_allowed()
            return _json_response(self._reviews.review_access(await call.mapping(), call.user, kind=kind.kind), 201)
        if call.action.subresource not in ("", "status", "finalize"):
            return await self._subresource(call, kind, namespace)
        if call.action.subresource == "status" and not kind.status:
            raise errors.page_not_found()
        verb = call.action.verb
        if verb == "list":
            return self._list(call, kind, namespace)
        if verb == "watch":
            return await self._watch(call, kind, namespace)
        if verb == "get":
            return self._respond(call, kind, self.cluster.api.get(kind, namespace, call.action.name).obj)
        return await self._write(call, kind, namespace)

    def _list(self, call: ApiCall, kind: Kind, namespace: str) -> web.Response:
        page = self.cluster.pager.page(kind, namespace, call.selection(kind), call.query)
        accept = call.request.headers.get("Accept", "")
        if "as=Table" in accept:
            objects = [entry.obj for entry in page.entries]
            whole = call.query.get("includeObject") == "Object"
            return _json_response(table.render(kind, objects, page.metadata, whole=whole))
        if "as=PartialObjectMetadataList" in accept:
            items = [table.partial(entry.obj) for entry in page.entries]
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return _json_response({**head, "metadata": page.metadata, "items": items})
        return web.Response(body=lists.render(kind, page), content_type=_JSON)

    async def _watch(self, call: ApiCall, kind: Kind, namespace: str) -> web.StreamResponse:
        watch = Watch(self.cluster.store, kind, namespace, call.selection(kind), call.query)
        response = web.StreamResponse(headers={"Content-Type": _JSON})
        response.enable_chunked_encoding()
        await response.prepare(call.request)
        self.cluster.watches.add(response)
        try:
            await faulty.run_watch(watch, response, call)
        finally:
            self.cluster.watches.discard(response)
        return response

    async def _write(self, call: ApiCall, kind: Kind, namespace: str) -> web.Response:
        api, action, writer = self.cluster.api, call.action, call.writer
        if action.verb == "create":
            if action.name:
                raise errors.method_not_allowed()
            if kind.namespaced and not namespace:
                raise errors.bad_request("an empty namespace may not be set during creation")
            return self._respond(call, kind, api.create(kind, namespace, await call.mapping(), writer), 201)
        if action.verb == "update":
            body = await call.mapping()
            return self._respond(call, kind, api.update(kind, namespace, action.name, body, writer, action.subresource))
        if action.verb == "patch":
            if call.media_type not in _PATCH_TYPES:
                raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})
            obj, created = api.patch(
                kind,
                namespace,
                action.name,
                call.media_type,
                await call.body(),
                writer,
                action.subresource,
                force=is_set(call.query, "force"),
            )
            return self._respond(call, kind, obj, 201 if created else 200)
        options = await call.delete_options()
        if options.get("dryRun"):
            writer = dataclasses.replace(writer, dry_run=True)
        if action.verb == "deletecollection":
            page = self.cluster.pager.page(kind, namespace, call.selection(kind), {})
            for entry in page.entries:
                metadata = entry.obj["metadata"]
                api.delete(kind, metadata.get("namespace", ""), metadata["name"], options, writer)
            return web.Response(body=lists.render(kind, page), content_type=_JSON)
        obj, _deleted = api.delete(kind, namespace, action.name, options, writer)
        return _json_response(obj)

    async def _subresource(self, call: ApiCall, kind: Kind, namespace: str) -> web.StreamResponse:
        action, api = call.action, self.cluster.api
        where = (kind.resource, action.subresource, action.verb)
        if where == (("", "pods"), "binding", "create"):
            return _json_response(pods.bind(api, namespace, action.name, await call.mapping(), call.writer), 201)
        if where == (("", "pods"), "eviction", "create"):
            return _json_response(pods.evict(api, namespace, action.name, await call.mapping(), call.writer), 201)
        if where == (("", "pods"), "log", "get"):
            return await self._logs.proxy(call, pods.log_url(api, namespace, action.name, call.query))
        if where == (("", "serviceaccounts"), "token", "create"):
            body = await call.mapping()
            return _json_response(self._reviews.issue_token(namespace, action.name, body), 201)
        raise errors.page_not_found()

    def _respond(self, call: ApiCall, kind: Kind, obj: Object, code: int = 200) -> web.Response:
        accept = call.request.headers.get("Accept", "")
        if "as=Table" in accept:
            metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            whole = call.query.get("includeObject") == "Object"
            return _json_response(table.render(kind, [obj], metadata, whole=whole), code)
        if "as=PartialObjectMetadata" in accept:
            return _json_response(table.partial(obj), code)
        if obj.get("apiVersion") != kind.api_version:
            obj = dict(obj, apiVersion=kind.api_version)
        return _json_response(obj, code)


def _json_response(obj: t.Any, code: int = 200) -> web.Response:
    return web.Response(body=encode(obj), status=code, content_type=_JSON)
