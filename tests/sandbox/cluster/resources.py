# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of the API server, and their discovery documents.

Needed by: every target.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from sandbox.cluster.errors import Object
from sandbox.cluster.store import Resource

_ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_STATUS_VERBS = ("get", "patch", "update")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A resource of one API version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    # Whether the API counts changes of the desired state in metadata.generation. Pods, for example, lack it.
    generation: bool = False
    verbs: tuple[str, ...] = _ALL_VERBS
    # Reviews can only be created and are not stored.
    stored: bool = True

    @property
    def resource(self) -> Resource:
        return (self.group, self.plural)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def discovery(self) -> list[Object]:
        """The entries of the APIResourceList: the resource and its subresources."""
        entry: Object = {
            "name": self.plural,
            "singularName": self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": list(self.verbs),
        }
        if self.short_names:
            entry["shortNames"] = list(self.short_names)
        if self.categories:
            entry["categories"] = list(self.categories)
        entries = [entry]
        if self.status:
            entries.append(self._sub("status", self.kind, _STATUS_VERBS))
        for name, (kind, verbs, group, version) in _SUBRESOURCES.get(self.resource, {}).items():
            sub = self._sub(name, kind, verbs)
            if version:
                sub.update({"group": group, "version": version})
            entries.append(sub)
        return entries

    def _sub(self, name: str, kind: str, verbs: tuple[str, ...]) -> Object:
        return {
            "name": f"{self.plural}/{name}",
            "singularName": "",
            "namespaced": self.namespaced,
            "kind": kind,
            "verbs": list(verbs),
        }


_SUBRESOURCES: dict[Resource, dict[str, tuple[str, tuple[str, ...], str, str]]] = {
    ("", "pods"): {
        "binding": ("Binding", ("create",), "", ""),
        "eviction": ("Eviction", ("create",), "policy", "v1"),
        "log": ("Pod", ("get",), "", ""),
    },
    ("", "serviceaccounts"): {"token": ("TokenRequest", ("create",), "authentication.k8s.io", "v1")},
    ("", "namespaces"): {"finalize": ("Namespace", ("update",), "", "")},
}

PODS: t.Final = ("", "pods")
NAMESPACES: t.Final = ("", "namespaces")
CONFIG_MAPS: t.Final = ("", "configmaps")
SERVICE_ACCOUNTS: t.Final = ("", "serviceaccounts")
EVENTS: t.Final = ("", "events")
NODES: t.Final = ("", "nodes")
RESOURCE_QUOTAS: t.Final = ("", "resourcequotas")
REPLICATION_CONTROLLERS: t.Final = ("", "replicationcontrollers")
DEPLOYMENTS: t.Final = ("apps", "deployments")
REPLICA_SETS: t.Final = ("apps", "replicasets")
STATEFUL_SETS: t.Final = ("apps", "statefulsets")
DAEMON_SETS: t.Final = ("apps", "daemonsets")
CONTROLLER_REVISIONS: t.Final = ("apps", "controllerrevisions")
JOBS: t.Final = ("batch", "jobs")
BUDGETS: t.Final = ("policy", "poddisruptionbudgets")
WEBHOOKS: t.Final = ("admissionregistration.k8s.io", "mutatingwebhookconfigurations")

_ALL = ("all",)

_core = functools.partial(Kind, "", "v1")
_apps = functools.partial(Kind, "apps", "v1")
_batch = functools.partial(Kind, "batch", "v1", categories=_ALL, status=True, generation=True)
_rbac = functools.partial(Kind, "rbac.authorization.k8s.io", "v1")
_review = functools.partial(Kind, "authorization.k8s.io", "v1", namespaced=False, verbs=("create",), stored=False)
_workload = functools.partial(_apps, categories=_ALL, status=True, generation=True)

BUILT_INS: t.Final = (
    _core("configmaps", "ConfigMap", short_names=("cm",)),
    _core("events", "Event", short_names=("ev",)),
    _core("namespaces", "Namespace", False, ("ns",), status=True),
    _core("nodes", "Node", False, ("no",), status=True),
    _core("pods", "Pod", short_names=("po",), categories=_ALL, status=True),
    _core(
        "replicationcontrollers",
        "ReplicationController",
        short_names=("rc",),
        categories=_ALL,
        status=True,
        generation=True,
    ),
    _core("resourcequotas", "ResourceQuota", short_names=("quota",), status=True),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", short_names=("sa",)),
    _core("services", "Service", short_names=("svc",), categories=_ALL, status=True),
    _apps("controllerrevisions", "ControllerRevision"),
    _workload("daemonsets", "DaemonSet", short_names=("ds",)),
    _workload("deployments", "Deployment", short_names=("deploy",)),
    _workload("replicasets", "ReplicaSet", short_names=("rs",)),
    _workload("statefulsets", "StatefulSet", short_names=("sts",)),
    _batch("cronjobs", "CronJob", short_names=("cj",)),
    _batch("jobs", "Job"),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",), status=True, generation=True),
    _rbac("clusterrolebindings", "ClusterRoleBinding", False),
    _rbac("clusterroles", "ClusterRole", False),
    _rbac("rolebindings", "RoleBinding"),
    _rbac("roles", "Role"),
    Kind(WEBHOOKS[0], "v1", WEBHOOKS[1], "MutatingWebhookConfiguration", False, generation=True),
    _review("subjectaccessreviews", "SubjectAccessReview"),
    _review("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
)


class Catalog:
    """All resources by path, and the discovery documents."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], Kind] = {}
        self._by_resource: dict[Resource, Kind] = {}
        for kind in BUILT_INS:
            self._add(kind)

    def _add(self, kind: Kind) -> None:
        self._kinds[kind.group, kind.version, kind.plural] = kind
        self._by_resource[kind.resource] = kind

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        return self._kinds.get((group, version, plural))

    def of(self, resource: Resource) -> Kind:
        return self._by_resource[resource]

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        """The resource of an ownerReference, which may have any version of the group."""
        group = api_version.rpartition("/")[0]
        return next((k for k in self._by_resource.values() if k.group == group and k.kind == kind), None)

    def all(self) -> list[Kind]:
        return list(self._by_resource.values())

    # -- discovery

    def _groups(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for kind in self._kinds.values():
            versions = groups.setdefault(kind.group, [])
            if kind.version not in versions:
                versions.append(kind.version)
        return groups

    def core_versions(self, address: str) -> Object:
        return {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        }

    def _group(self, group: str, versions: list[str]) -> Object:
        listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
        return {"name": group, "versions": listed, "preferredVersion": listed[0]}

    def group_list(self) -> Object:
        groups = [self._group(group, versions) for group, versions in self._groups().items() if group]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, group: str) -> Object | None:
        versions = self._groups().get(group)
        if versions is None or not group:
            return None
        return dict({"kind": "APIGroup", "apiVersion": "v1"}, **self._group(group, versions))

    def resource_list(self, group: str, version: str) -> Object | None:
        kinds = [kind for kind in self._kinds.values() if (kind.group, kind.version) == (group, version)]
        if not kinds:
            return None
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [entry for kind in kinds for entry in kind.discovery()],
        }
