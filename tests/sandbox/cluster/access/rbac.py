# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role-based access control with the stored roles and bindings.

Needed by: targets irsa_audit, irsa_verify, permissions, role_irsa, sa_annotate.
"""

from __future__ import annotations

import dataclasses
import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.store import Change, Store

_GROUP = "rbac.authorization.k8s.io"
ROLES = (_GROUP, "roles")
ROLE_BINDINGS = (_GROUP, "rolebindings")
CLUSTER_ROLES = (_GROUP, "clusterroles")
CLUSTER_ROLE_BINDINGS = (_GROUP, "clusterrolebindings")
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"


@dataclasses.dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""

    @property
    def is_anonymous(self) -> bool:
        return self.name == ANONYMOUS


@dataclasses.dataclass(frozen=True)
class Action:
    """The action of a request on a resource, or on a path such as /version if ``path`` is set."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Rbac:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._cluster_rules: dict[tuple[str, str], list[Object]] | None = None
        self._namespace_rules: dict[str, dict[tuple[str, str], list[Object]]] = {}
        store.observe(self._changed)

    def _changed(self, change: Change) -> None:
        if change.resource[0] == _GROUP:
            self._cluster_rules = None

    def _index(self) -> dict[tuple[str, str], list[Object]]:
        """Collect the rules by subject, for the cluster and for each namespace. Returns those for the cluster."""
        if self._cluster_rules is not None:
            return self._cluster_rules
        cluster: dict[tuple[str, str], list[Object]] = {}
        for binding in self._store.list(CLUSTER_ROLE_BINDINGS):
            self._bind(cluster, binding, "")
        self._namespace_rules = {}
        for binding in self._store.list(ROLE_BINDINGS):
            namespace = binding["metadata"]["namespace"]
            self._bind(self._namespace_rules.setdefault(namespace, {}), binding, namespace)
        self._cluster_rules = cluster
        return cluster

    def _bind(self, index: dict[tuple[str, str], list[Object]], binding: Object, namespace: str) -> None:
        reference = binding.get("roleRef") or {}
        if reference.get("kind") == "Role":
            role = self._store.get(ROLES, namespace, reference.get("name", ""))
        else:
            role = self._store.get(CLUSTER_ROLES, "", reference.get("name", ""))
        rules = (role or {}).get("rules") or []
        for subject in binding.get("subjects") or []:
            kind, name = subject.get("kind"), subject.get("name", "")
            if kind == "ServiceAccount":
                kind, name = "User", f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
            index.setdefault((kind, name), []).extend(rules)

    def allows(self, user: User, action: Action) -> bool:
        if MASTERS in user.groups:
            return True
        cluster = self._index()
        subjects = [("User", user.name), *(("Group", group) for group in user.groups)]
        if any(_rule_allows(rule, action) for subject in subjects for rule in cluster.get(subject, ())):
            return True
        local = self._namespace_rules.get(action.namespace, {}) if action.namespace else {}
        return any(_rule_allows(rule, action) for subject in subjects for rule in local.get(subject, ()))

    def require(self, user: User, action: Action) -> None:
        """Check that the user may perform the action.

        :raises StatusError: 403 with the API's message.
        """
        if self.allows(user, action):
            return
        who = f'User "{user.name}" cannot {action.verb}'
        if action.path:
            message = f'forbidden: {who} path "{action.path}"'
            raise errors.StatusError(403, "Forbidden", message, details={})
        where = f'in the namespace "{action.namespace}"' if action.namespace else "at the cluster scope"
        what = f'{who} resource "{action.full_resource}" in API group "{action.group}" {where}'
        raise errors.forbidden(action.group, action.resource, action.name, what)


def _rule_allows(rule: Object, action: Action) -> bool:
    if not _includes(rule.get("verbs"), action.verb):
        return False
    if action.path:
        return any(
            pattern in ("*", action.path) or (pattern.endswith("*") and action.path.startswith(pattern[:-1]))
            for pattern in rule.get("nonResourceURLs") or ()
        )
    if not _includes(rule.get("apiGroups"), action.group):
        return False
    resources = rule.get("resources") or ()
    if not (
        "*" in resources
        or action.full_resource in resources
        or (action.subresource and f"*/{action.subresource}" in resources)
    ):
        return False
    names = rule.get("resourceNames")
    return not names or action.name in names


def _includes(values: t.Iterable[str] | None, required: str) -> bool:
    values = values or ()
    return required in values or "*" in values


def _role(name: str, *rules: Object) -> Object:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        "rules": list(rules),
    }


def _binding(name: str, *groups: str) -> Object:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": _GROUP, "kind": "Group", "name": group} for group in groups],
    }


def _get_rule(*paths: str) -> Object:
    return {"verbs": ["get"], "nonResourceURLs": list(paths)}


_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")


def bootstrap_objects() -> list[Object]:
    """The initial roles and bindings of a cluster: discovery, issuer discovery and cluster-admin."""
    return [
        _role(
            "cluster-admin",
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        ),
        _binding("cluster-admin", MASTERS),
        _role("system:discovery", _get_rule("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_HEALTH)),
        _binding("system:discovery", AUTHENTICATED),
        _role("system:public-info-viewer", _get_rule(*_HEALTH)),
        _binding("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED),
        _role(
            "system:service-account-issuer-discovery", _get_rule("/.well-known/openid-configuration", "/openid/v1/jwks")
        ),
        # Kubernetes binds only service accounts. EKS allows issuer discovery for every user.
        _binding("system:service-account-issuer-discovery", "system:serviceaccounts", AUTHENTICATED),
    ]
