# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that are answered and not stored: token and access reviews, and tokens themselves."""

from __future__ import annotations

import typing as t

from sandbox.cluster import errors
from sandbox.cluster.access.rbac import AUTHENTICATED, Action, User
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import PODS, SERVICE_ACCOUNTS, Kind

if t.TYPE_CHECKING:
    from sandbox.cluster.cluster import Cluster


class Reviews:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def answer(self, kind: Kind, body: Object, user: User) -> Object:
        if body.get("kind", kind.kind) != kind.kind:
            raise errors.bad_request(f'{body["kind"]} in version "v1" cannot be handled as a {kind.kind}')
        if kind.kind == "TokenReview":
            return await self._cluster.authentication.review(body)
        spec = body.get("spec") or {}
        if kind.kind == "SelfSubjectReview":
            status: Object = {"userInfo": {"username": user.name, "groups": list(user.groups)}}
        elif kind.kind == "SubjectAccessReview":
            groups = tuple(spec.get("groups") or ()) or (AUTHENTICATED,)
            status = self._access(User(spec.get("user", ""), groups), spec)
        else:
            status = self._access(user, spec)
        metadata = {"creationTimestamp": None}
        return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata, "spec": spec, "status": status}

    def _access(self, user: User, spec: Object) -> Object:
        resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if resource is not None:
            action = Action(
                resource.get("verb", ""),
                resource.get("group", ""),
                resource.get("resource", ""),
                resource.get("subresource", ""),
                resource.get("namespace", ""),
                resource.get("name", ""),
            )
        elif path is not None:
            action = Action(path.get("verb", ""), path=path.get("path", ""))
        else:
            text = "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"
            cause = errors.Cause("FieldValueInvalid", "spec.resourceAttributes", text)
            raise errors.invalid("authorization.k8s.io", "SelfSubjectAccessReview", "", [cause])
        return {"allowed": self._cluster.rbac.allows(user, action)}

    def token(self, namespace: str, name: str, body: Object) -> Object:
        """Answer a TokenRequest on serviceaccounts/<name>/token."""
        api, catalog = self._cluster.api, self._cluster.catalog
        account = api.get(catalog.of(SERVICE_ACCOUNTS), namespace, name).obj
        bound = (body.get("spec") or {}).get("boundObjectRef") or {}
        pod = None
        if bound.get("kind") == "Pod":
            pod = api.get(catalog.of(PODS), namespace, bound.get("name", "")).obj
            if bound.get("uid") and bound["uid"] != pod["metadata"]["uid"]:
                why = f"the UID in the bound object reference ({bound['uid']}) does not match the UID in record. "
                why += f"The object might have been deleted and then recreated ({pod['metadata']['uid']})"
                raise errors.conflict("", "pods", bound["name"], why)
        return self._cluster.tokens.issue(account, body, pod)
