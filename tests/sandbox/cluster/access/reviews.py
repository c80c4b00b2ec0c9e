# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access reviews and token requests, which are not stored.

Needed by: targets irsa_verify, role_irsa; make permissions.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import errors
from sandbox.cluster.access.rbac import AUTHENTICATED, Action, User
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import PODS, SERVICE_ACCOUNTS

if t.TYPE_CHECKING:
    from sandbox.cluster.cluster import SimulatedCluster


class ReviewHandler:
    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def review_access(self, body: Object, caller: User, *, kind: str) -> Object:
        """Return the SubjectAccessReview or SelfSubjectAccessReview with a status."""
        spec = body.get("spec") or {}
        user = caller
        if kind == "SubjectAccessReview":
            user = User(spec.get("user", ""), tuple(spec.get("groups") or ()) or (AUTHENTICATED,))
        resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes") or {}
        if resource is None:
            action = Action(path.get("verb", ""), path=path.get("path", ""))
        else:
            names = ("verb", "group", "resource", "subresource", "namespace", "name")
            action = Action(*(resource.get(name, "") for name in names))
        return {
            "kind": kind,
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {"creationTimestamp": None},
            "spec": spec,
            "status": {"allowed": self._cluster.rbac.allows(user, action)},
        }

    def issue_token(self, namespace: str, name: str, body: Object) -> Object:
        """Return the TokenRequest with a token, for POST serviceaccounts/<name>/token."""
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
