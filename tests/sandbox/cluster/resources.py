# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources that the server carries, their discovery documents, and those that CRDs add."""

from __future__ import annotations

import dataclasses
import typing as t

from sandbox.cluster.errors import Object
from sandbox.cluster.store import Resource
from sandbox.cluster.writing.schema import BUILT_IN, CUSTOM, Schema

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
    singular: str = ""
    categories: tuple[str, ...] = ()
    status: bool = False
    scale: bool = False
    # metadata.generation counts changes of the desired state. Pods and accounts, among others, have none.
    generation: bool = False
    verbs: tuple[str, ...] = _ALL_VERBS
    # Create-only reviews are answered and never stored.
    stored: bool = True
    custom: bool = False
    # For custom resources: replica set semantics on objects that have spec.replicas, spec.selector and spec.template.
    replicated: bool = False

    @property
    def resource(self) -> Resource:
        return (self.group, self.plural)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def schema(self) -> Schema:
        return CUSTOM if self.custom else BUILT_IN

    def discovery(self) -> list[Object]:
        """Entries of the APIResourceList: the resource and its subresources."""
        entry: Object = {
            "name": self.plural,
            "singularName": self.singular or self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": list(self.verbs),
        }
        if self.short_names:
            entry["shortNames"] = list(self.short_names)
        if self.categories:
            entry["categories"] = list(self.categories)
        entries = [entry]
        if self.scale:
            scale = self._sub("scale", "Scale", _STATUS_VERBS)
            entries.append(dict(scale, group="autoscaling", version="v1"))
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
SECRETS: t.Final = ("", "secrets")
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
CRDS: t.Final = ("apiextensions.k8s.io", "customresourcedefinitions")

_ALL = ("all",)
_CREATE = ("create",)
_RBAC = "rbac.authorization.k8s.io"
_AUTHN = "authentication.k8s.io"
_AUTHZ = "authorization.k8s.io"

BUILT_INS: t.Final = (
    Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",)),
    Kind("", "v1", "events", "Event", short_names=("ev",)),
    Kind("", "v1", "namespaces", "Namespace", False, ("ns",), status=True),
    Kind("", "v1", "nodes", "Node", False, ("no",), status=True),
    Kind("", "v1", "pods", "Pod", short_names=("po",), categories=_ALL, status=True),
    Kind(
        "",
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        short_names=("rc",),
        categories=_ALL,
        status=True,
        scale=True,
        generation=True,
    ),
    Kind("", "v1", "resourcequotas", "ResourceQuota", short_names=("quota",), status=True),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",)),
    Kind("", "v1", "services", "Service", short_names=("svc",), categories=_ALL, status=True),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
    Kind("apps", "v1", "daemonsets", "DaemonSet", short_names=("ds",), categories=_ALL, status=True, generation=True),
    Kind(
        "apps",
        "v1",
        "deployments",
        "Deployment",
        short_names=("deploy",),
        categories=_ALL,
        status=True,
        scale=True,
        generation=True,
    ),
    Kind(
        "apps",
        "v1",
        "replicasets",
        "ReplicaSet",
        short_names=("rs",),
        categories=_ALL,
        status=True,
        scale=True,
        generation=True,
    ),
    Kind(
        "apps",
        "v1",
        "statefulsets",
        "StatefulSet",
        short_names=("sts",),
        categories=_ALL,
        status=True,
        scale=True,
        generation=True,
    ),
    Kind("batch", "v1", "cronjobs", "CronJob", short_names=("cj",), categories=_ALL, status=True, generation=True),
    Kind("batch", "v1", "jobs", "Job", categories=_ALL, status=True, generation=True),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",), status=True, generation=True),
    Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False),
    Kind(_RBAC, "v1", "clusterroles", "ClusterRole", False),
    Kind(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Kind(_RBAC, "v1", "roles", "Role"),
    Kind(
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        False,
        generation=True,
    ),
    Kind(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        False,
        ("crd", "crds"),
        status=True,
        generation=True,
    ),
    Kind(_AUTHN, "v1", "tokenreviews", "TokenReview", False, verbs=_CREATE, stored=False),
    Kind(_AUTHN, "v1", "selfsubjectreviews", "SelfSubjectReview", False, verbs=_CREATE, stored=False),
    Kind(_AUTHZ, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False, verbs=_CREATE, stored=False),
    Kind(_AUTHZ, "v1", "subjectaccessreviews", "SubjectAccessReview", False, verbs=_CREATE, stored=False),
)


class Catalog:
    """All resources by path, and what discovery says about them."""

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

    def known(self, resource: Resource) -> bool:
        return resource in self._by_resource

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        """The resource of an ownerReference; the version may be any that the group has."""
        group = api_version.rpartition("/")[0]
        return next((k for k in self._by_resource.values() if k.group == group and k.kind == kind), None)

    def all(self) -> list[Kind]:
        return list(self._by_resource.values())

    # -- custom resources

    def define(self, crd: Object) -> None:
        """Take in a CustomResourceDefinition: a resource for each served version, one of them the stored one."""
        self.undefine(crd)
        spec = crd["spec"]
        names = spec["names"]
        annotations = crd["metadata"].get("annotations") or {}
        for version in spec["versions"]:
            if not version.get("served", True):
                continue
            subresources = version.get("subresources") or {}
            kind = Kind(
                spec["group"],
                version["name"],
                names["plural"],
                names["kind"],
                spec["scope"] == "Namespaced",
                tuple(names.get("shortNames") or ()),
                names.get("singular", ""),
                tuple(names.get("categories") or ()),
                status="status" in subresources,
                scale="scale" in subresources,
                generation=True,
                custom=True,
                replicated=annotations.get(REPLICATED) == "true",
            )
            self._kinds[kind.group, kind.version, kind.plural] = kind
            if version.get("storage", True) or kind.resource not in self._by_resource:
                self._by_resource[kind.resource] = kind

    def undefine(self, crd: Object) -> None:
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        for key in [key for key in self._kinds if key[0] == group and key[2] == plural]:
            del self._kinds[key]
        self._by_resource.pop((group, plural), None)

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


REPLICATED: t.Final = "sandbox.eksops.io/replicated"
"""Annotation of a CRD whose objects get replica set semantics from the sandbox, as an operator would give them."""
