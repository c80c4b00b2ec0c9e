# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse a request: its action, resource, body and field manager.

Needed by: every target.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
import urllib.parse

import yaml
from aiohttp import web

from sandbox.cluster import errors
from sandbox.cluster.access.auth import ANONYMOUS_USER
from sandbox.cluster.access.rbac import Action, User
from sandbox.cluster.errors import Object
from sandbox.cluster.http import protobuf
from sandbox.cluster.reading import selectors
from sandbox.cluster.reading.watch import is_set
from sandbox.cluster.resources import Catalog, Kind
from sandbox.cluster.writing import patch
from sandbox.cluster.writing.api import Writer
from sandbox.faults import Hit

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}
_PROTOBUF = "application/vnd.kubernetes.protobuf"
# The C loader, if available, is ten times as fast.
_YAML: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclasses.dataclass
class ApiCall:
    """A parsed request."""

    request: web.BaseRequest
    path: str
    query: t.Mapping[str, str]
    action: Action
    kind: Kind | None = None
    user: User = ANONYMOUS_USER
    hit: Hit | None = None  # the fault that ends a watch

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
        """The field manager of the query, else the user agent up to the first slash. An apply has no such default."""
        manager = self.query.get("fieldManager", "")
        if manager or self.media_type == patch.APPLY:
            return manager
        return self.request.headers.get("User-Agent", "").partition("/")[0][:128] or "unknown"

    @property
    def media_type(self) -> str:
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def body(self) -> t.Any:
        """The decoded body; None if it is empty.

        :raises StatusError: 400 or 415 if it cannot be decoded.
        """
        data = await self.request.read()
        if not data.strip():
            return None
        media_type = self.media_type
        try:
            if media_type == _PROTOBUF:
                return protobuf.decode(data)
            if "yaml" in media_type and not data.lstrip().startswith(b"{"):
                return yaml.load(data, Loader=_YAML)  # noqa: S506 - a safe loader
            return json.loads(data)
        except (ValueError, yaml.YAMLError) as error:
            raise errors.bad_request(f"couldn't get version/kind; {_parser(media_type)} parse error: {error}") from None

    async def mapping(self) -> Object:
        body = await self.body()
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise errors.bad_request("couldn't get version/kind; json parse error: the body is not an object")
        return body

    def selection(self, kind: Kind) -> selectors.Selection:
        """The selection of a list or watch. A name in the path selects that object."""
        fields = self.query.get("fieldSelector")
        if self.action.name:
            fields = f"metadata.name={self.action.name}"
        return selectors.Selection(
            selectors.parse_labels(self.query.get("labelSelector")), selectors.parse_fields(fields, kind.resource)
        )

    async def delete_options(self) -> Object:
        """The DeleteOptions of the body and the query."""
        options = await self.mapping()
        for name in ("propagationPolicy", "gracePeriodSeconds", "orphanDependents"):
            if name in self.query:
                options[name] = _option(name, self.query[name])
        return options


def parse(request: web.BaseRequest, catalog: Catalog) -> ApiCall:
    """Parse the method and the URL of a request.

    :raises StatusError: 405 for an unknown method.
    """
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
        return ApiCall(request, path, query, Action(verb if verb != "create" else "post", path=path))
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    kind = catalog.find(group, version, rest[0])
    name = rest[1] if len(rest) > 1 else ""
    subresource = "/".join(rest[2:])
    if verb == "get" and not name:
        verb = "watch" if is_set(query, "watch") else "list"
    elif verb == "delete" and not name:
        verb = "deletecollection"
    where = name if kind and kind.resource == ("", "namespaces") else namespace
    action = Action(verb, group, rest[0], subresource, where, name)
    return ApiCall(request, path, query, action, kind)


def _parser(media_type: str) -> str:
    return "protobuf" if media_type == _PROTOBUF else "json"


def _option(name: str, value: str) -> t.Any:
    """Decode a delete option of the query."""
    if name == "orphanDependents":
        return is_set({name: value}, name)
    if name != "gracePeriodSeconds":
        return value
    try:
        return int(value)
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None
