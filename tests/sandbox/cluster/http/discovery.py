# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths that are not resources: discovery, version, health and the issuer's documents.

Needed by: targets irsa_bindings, irsa_verify, sa_annotate; make sandbox (kubectl).
"""

from __future__ import annotations

import typing as t

from aiohttp import web

from sandbox.cluster import errors
from sandbox.cluster.errors import Object, StatusError
from sandbox.cluster.store import encode

if t.TYPE_CHECKING:
    from sandbox.cluster.cluster import SimulatedCluster
    from sandbox.cluster.http.call import ApiCall

_KEY_SET = "application/jwk-set+json"
HEALTH = ("/healthz", "/livez", "/readyz")


def describe(cluster: SimulatedCluster, call: ApiCall) -> web.Response:
    """Handle a GET of a path that is not a resource.

    :raises StatusError: 404 for another method, 406 if the client does not accept the format of the key set.
    """
    if call.request.method not in ("GET", "HEAD"):
        raise errors.page_not_found()
    path, accept = call.path.rstrip("/"), call.request.headers.get("Accept", "*/*")
    if path.startswith(HEALTH):
        return web.Response(text="ok")
    if path == "/openid/v1/jwks":
        if not any(accepted in accept for accepted in (_KEY_SET, "*/*")):
            raise StatusError(406, "NotAcceptable", "406: Not Acceptable", details={})
        return web.Response(body=encode(cluster.tokens.jwks), content_type=_KEY_SET)
    if path == "/openapi/v2" and "protobuf" in accept:
        # The document is empty, so that kubectl leaves the validation to the server.
        return web.Response(body=b"", content_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
    document = _document(cluster, call, path)
    if document is None:
        return web.Response(text="404 page not found\n", status=404)
    return web.Response(body=encode(document), content_type="application/json")


def _document(cluster: SimulatedCluster, call: ApiCall, path: str) -> Object | None:
    match path.split("/")[1:]:
        case []:
            return {"paths": ["/api", "/apis", "/healthz", "/livez", "/readyz", "/version"]}
        case ["version"]:
            return cluster.version
        case [".well-known", "openid-configuration"]:
            return cluster.tokens.discovery()
        case ["api"]:
            return cluster.catalog.core_versions(call.request.host)
        case ["api", version]:
            return cluster.catalog.resource_list("", version)
        case ["apis"]:
            return cluster.catalog.group_list()
        case ["apis", group]:
            return cluster.catalog.group(group)
        case ["apis", group, version]:
            return cluster.catalog.resource_list(group, version)
        case _:
            return None
