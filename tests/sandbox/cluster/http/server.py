# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTPS face of the API: addresses, bodies, who may do what, and answers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import ssl
import traceback
import typing as t
import urllib.parse

import aiohttp
import yaml
from aiohttp import web

from sandbox.cluster import errors, pods
from sandbox.cluster.access.auth import NOBODY, impersonated
from sandbox.cluster.access.rbac import Action, User
from sandbox.cluster.access.reviews import Reviews
from sandbox.cluster.errors import ApiError, Object
from sandbox.cluster.faults import Fault
from sandbox.cluster.reading import lists, selectors, table
from sandbox.cluster.reading.watch import Watch, flag
from sandbox.cluster.resources import Kind
from sandbox.cluster.store import encode
from sandbox.cluster.writing import patch
from sandbox.cluster.writing.api import Writer
from sandbox.cluster.writing.scale import read_scale, write_scale

if t.TYPE_CHECKING:
    from sandbox.cluster.cluster import Cluster

BODY_LIMIT = 3 * 1024 * 1024
_JSON = "application/json"
_KEY_SET = "application/jwk-set+json"
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}
_HEALTH = ("/healthz", "/livez", "/readyz")
_PATCH_TYPES = (patch.JSON, patch.MERGE, patch.STRATEGIC, patch.APPLY)


class Dropped(Exception):
    """The connection is to end without an answer."""


@dataclasses.dataclass
class Call:
    """A request, taken apart."""

    request: web.BaseRequest
    path: str
    query: t.Mapping[str, str]
    action: Action
    kind: Kind | None = None
    user: User = NOBODY

    @property
    def writer(self) -> Writer:
        dry_run = self.query.get("dryRun", "")
        if dry_run not in ("", "All"):
            text = f'Unsupported value: []string{{"{dry_run}"}}: supported values: "All"'
            cause = errors.Cause("FieldValueNotSupported", "dryRun", text)
            raise errors.invalid("meta.k8s.io", "CreateOptions", "", [cause])
        return Writer(self.user, self.manager, dry_run == "All")

    @property
    def manager(self) -> str:
        """The field manager: as asked for, else the user agent up to its first slash; never guessed for an apply."""
        given = self.query.get("fieldManager", "")
        if given or self.media_type == patch.APPLY:
            return given
        return self.request.headers.get("User-Agent", "").partition("/")[0][:128] or "unknown"

    @property
    def media_type(self) -> str:
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def body(self) -> t.Any:
        """The decoded body; None when there is none. Raises the API's 400, 413 or 415."""
        data = await self.request.read()
        if not data.strip():
            return None
        media_type = self.media_type
        if "protobuf" in media_type:
            raise errors.unsupported_media_type([_JSON, "application/yaml"])
        try:
            if "yaml" in media_type and not data.lstrip().startswith(b"{"):
                return yaml.load(data, Loader=_YAML)  # noqa: S506 - a safe loader
            return json.loads(data)
        except (ValueError, yaml.YAMLError) as error:
            raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from None

    async def mapping(self) -> Object:
        body = await self.body()
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise errors.bad_request("couldn't get version/kind; json parse error: the body is not an object")
        return body


# The C loader is ten times as fast where it is built.
_YAML: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Server:
    def __init__(self, cluster: Cluster, kubelet_tls: ssl.SSLContext) -> None:
        self.cluster = cluster
        self._reviews = Reviews(cluster)
        self._kubelet_tls = kubelet_tls
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    # -- one request

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call(request, "", {}, Action(""))
        try:
            if int(request.headers.get("Content-Length") or 0) > BODY_LIMIT:
                raise ApiError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
            call = self._parse(request)
            certificate = request.transport.get_extra_info("peercert") if request.transport else None
            user = await self.cluster.authentication.user(request.headers.get("Authorization"), certificate)
            call.user = impersonated(user, request.headers, self.cluster.rbac)
            self._authorize(call)
            if call.path.startswith("/sandbox-api/"):
                return _json_response(await self.cluster.control(call.path, request.method, await call.mapping()))
            fault = self.cluster.faults.take(call.action)
            if fault is not None:
                return await self._fail(call, fault)
            return await self._dispatch(call)
        except ApiError as error:
            return self._refusal(error)
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - a defect of the sandbox must show as a server's error, and in its log
            traceback.print_exc()
            return self._refusal(errors.internal("the sandbox failed; its log says where"))

    def _refusal(self, error: ApiError) -> web.Response:
        response = _json_response(error.status(), error.code)
        seconds = (error.details or {}).get("retryAfterSeconds")
        if seconds is not None:
            response.headers["Retry-After"] = str(seconds)
        return response

    async def _fail(self, call: Call, fault: Fault) -> web.StreamResponse:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.only_delays:
            return await self._dispatch(call)
        if fault.lose_answer:
            await self._dispatch(call)
            raise Dropped
        if not fault.status:
            raise Dropped
        raise fault.error()

    # -- addresses

    def _parse(self, request: web.BaseRequest) -> Call:
        path, _mark, query_text = request.raw_path.partition("?")
        path = urllib.parse.unquote(path)
        query = dict(urllib.parse.parse_qsl(query_text, keep_blank_values=True))
        parts = [part for part in path.split("/") if part]
        verb = _VERBS.get(request.method)
        if verb is None:
            raise errors.method_not_allowed()
        if parts[:1] == ["api"] and len(parts) > 2:
            group, version, rest = "", parts[1], parts[2:]
        elif parts[:1] == ["apis"] and len(parts) > 3:
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            return Call(request, path, query, Action(verb if verb != "create" else "post", path=path))
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in ("status", "finalize")):
            namespace, rest = rest[1], rest[2:]
        kind = self.cluster.catalog.find(group, version, rest[0])
        name = rest[1] if len(rest) > 1 else ""
        subresource = "/".join(rest[2:])
        if verb == "get" and not name:
            verb = "watch" if flag(query, "watch") else "list"
        elif verb == "delete" and not name:
            verb = "deletecollection"
        where = name if kind and kind.resource == ("", "namespaces") else namespace
        action = Action(verb, group, rest[0], subresource, where, name)
        return Call(request, path, query, action, kind)

    def _authorize(self, call: Call) -> None:
        if call.user.anonymous and not (call.path.startswith(_HEALTH) or call.path in ("/version", "/version/")):
            raise errors.unauthorized()
        self.cluster.rbac.require(call.user, call.action)

    # -- answers

    async def _dispatch(self, call: Call) -> web.StreamResponse:
        if call.action.path:
            return self._describe(call)
        kind = call.kind
        namespace = call.action.namespace if kind is not None and kind.namespaced else ""
        if kind is None or (kind.namespaced and call.action.name and not namespace):
            raise errors.page_not_found()
        if not kind.stored:
            if call.action.verb != "create":
                raise errors.method_not_allowed()
            return _json_response(await self._reviews.answer(kind, await call.mapping(), call.user), 201)
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

    def _describe(self, call: Call) -> web.Response:
        """Discovery, version, health and the issuer's documents."""
        path = call.path.rstrip("/")
        catalog = self.cluster.catalog
        found: Object | None = None
        parts = [part for part in path.split("/") if part]
        if call.request.method not in ("GET", "HEAD"):
            raise errors.page_not_found()
        if path.startswith(_HEALTH):
            return web.Response(text="ok")
        if path == "/version":
            found = self.cluster.version
        elif path == "/api":
            found = catalog.core_versions(call.request.host)
        elif path == "/apis":
            found = catalog.group_list()
        elif path == "/.well-known/openid-configuration":
            found = self.cluster.tokens.discovery()
        elif path == "/openid/v1/jwks":
            if not any(accepted in call.request.headers.get("Accept", "*/*") for accepted in (_KEY_SET, "*/*")):
                raise ApiError(406, "NotAcceptable", "406: Not Acceptable", details={})
            return web.Response(body=encode(self.cluster.tokens.jwks), content_type=_KEY_SET)
        elif path == "/openapi/v2" and "protobuf" in call.request.headers.get("Accept", ""):
            # An empty document: kubectl then has nothing to validate against and leaves that to the server.
            return web.Response(body=b"", content_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        elif path == "":
            found = {"paths": ["/api", "/apis", "/healthz", "/livez", "/readyz", "/version"]}
        elif parts[0] == "api" and len(parts) == 2:
            found = catalog.resource_list("", parts[1])
        elif parts[0] == "apis" and len(parts) == 2:
            found = catalog.group(parts[1])
        elif parts[0] == "apis" and len(parts) == 3:
            found = catalog.resource_list(parts[1], parts[2])
        if found is None:
            return web.Response(text="404 page not found\n", status=404)
        return _json_response(found)

    def _selection(self, call: Call, kind: Kind) -> selectors.Selection:
        fields = call.query.get("fieldSelector")
        if call.action.name:
            fields = f"metadata.name={call.action.name}"
        return selectors.Selection(
            selectors.parse_labels(call.query.get("labelSelector")), selectors.parse_fields(fields, kind.resource)
        )

    def _list(self, call: Call, kind: Kind, namespace: str) -> web.Response:
        page = self.cluster.lists.page(kind, namespace, self._selection(call, kind), call.query)
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

    async def _watch(self, call: Call, kind: Kind, namespace: str) -> web.StreamResponse:
        watch = Watch(self.cluster.store, kind, namespace, self._selection(call, kind), call.query)
        response = web.StreamResponse(headers={"Content-Type": _JSON})
        response.enable_chunked_encoding()
        await response.prepare(call.request)
        self.cluster.watches.add(response)
        try:
            await watch.run(response.write)
            await response.write_eof()
        finally:
            self.cluster.watches.discard(response)
        return response

    async def _write(self, call: Call, kind: Kind, namespace: str) -> web.Response:
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
                raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})
            obj, created = api.patch(
                kind,
                namespace,
                action.name,
                call.media_type,
                await call.body(),
                writer,
                action.subresource,
                force=flag(call.query, "force"),
            )
            return self._respond(call, kind, obj, 201 if created else 200)
        options = await self._delete_options(call)
        if options.get("dryRun"):
            writer = dataclasses.replace(writer, dry_run=True)
        if action.verb == "deletecollection":
            page = self.cluster.lists.page(kind, namespace, self._selection(call, kind), {})
            for entry in page.entries:
                metadata = entry.obj["metadata"]
                api.delete(kind, metadata.get("namespace", ""), metadata["name"], options, writer)
            return web.Response(body=lists.render(kind, page), content_type=_JSON)
        obj, _gone = api.delete(kind, namespace, action.name, options, writer)
        return _json_response(obj)

    async def _delete_options(self, call: Call) -> Object:
        options = await call.mapping()
        for name in ("propagationPolicy", "gracePeriodSeconds", "orphanDependents"):
            if name in call.query:
                value = call.query[name]
                options[name] = _option(name, value)
        return options

    async def _subresource(self, call: Call, kind: Kind, namespace: str) -> web.StreamResponse:
        action, api = call.action, self.cluster.api
        where = (kind.resource, action.subresource, action.verb)
        if kind.scale and action.subresource == "scale":
            obj = api.get(kind, namespace, action.name).obj
            if action.verb == "get":
                return _json_response(read_scale(kind, obj))
            body = await call.body()
            return _json_response(write_scale(api, kind, obj, action.verb, call.media_type, body, call.writer))
        if where == (("", "pods"), "binding", "create"):
            return _json_response(pods.bind(api, namespace, action.name, await call.mapping(), call.writer), 201)
        if where == (("", "pods"), "eviction", "create"):
            return _json_response(pods.evict(api, namespace, action.name, await call.mapping(), call.writer), 201)
        if where == (("", "pods"), "log", "get"):
            return await self._log(call, pods.log_url(api, namespace, action.name, call.query))
        if where == (("", "serviceaccounts"), "token", "create"):
            body = await call.mapping()
            return _json_response(self._reviews.token(namespace, action.name, body), 201)
        raise errors.page_not_found()

    async def _log(self, call: Call, url: str) -> web.StreamResponse:
        """Fetch from the node, with the API server's own client certificate, and pass on as it comes."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, connect=10))
        query = {key: value for key, value in call.query.items() if key != "container"}
        try:
            async with self._session.get(url, params=query, ssl=self._kubelet_tls) as answer:
                if answer.status != 200:
                    raise ApiError(answer.status, "", (await answer.text()).strip() or "unknown")
                response = web.StreamResponse(headers={"Content-Type": "text/plain"})
                await response.prepare(call.request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientConnectionError as error:
            raise ApiError(500, "InternalError", f'Get "{url}": {error}', details={}) from error

    def _respond(self, call: Call, kind: Kind, obj: Object, code: int = 200) -> web.Response:
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


def _option(name: str, value: str) -> t.Any:
    """A delete option out of the query."""
    if name == "orphanDependents":
        return flag({name: value}, name)
    if name != "gracePeriodSeconds":
        return value
    try:
        return int(value)
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None


def _json_response(obj: t.Any, code: int = 200) -> web.Response:
    return web.Response(body=encode(obj), status=code, content_type=_JSON)
