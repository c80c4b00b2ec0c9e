# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EKS: clusters with an issuer each, and the pod identity associations, add-ons and access entries that moto lacks.

Needed by: targets eks_oidc_info, fleet, inventory_eks_clusters, irsa_audit, irsa_verify; demo.
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import re
import types
import typing as t
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.core.responses import ActionResult
from moto.core.serialize import return_if_not_empty
from moto.core.utils import utcnow
from moto.eks import urls as moto_urls
from moto.eks.exceptions import InvalidParameterException, ResourceInUseException, ResourceNotFoundException
from moto.eks.models import Cluster, EKSBackend, eks_backends
from moto.eks.responses import EKSResponse

from sandbox import settings
from sandbox.aws.state import STATE

_SUBNETS = {"subnetIds": ["subnet-0a1b2c3d4e5f60718", "subnet-08192a3b4c5d6e7f8"]}
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


@functools.cache
def _cluster_ca(name: str) -> str:
    """A certificate authority in the form of DescribeCluster: PEM in base64."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(int(hashlib.sha1(name.encode()).hexdigest()[:16], 16) | 1)  # noqa: S324
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.PEM)).decode()


def _dns_suffix(partition: str) -> str:
    return "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"


class Eks(EKSBackend):
    """The EKS of one account and region. It starts with the clusters of settings.py and of the cluster files."""

    clusters: dict[str, Cluster]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.associations: dict[str, dict[str, dict[str, t.Any]]] = {}
        self.addons: dict[str, dict[str, dict[str, t.Any]]] = {}
        self.access_entries: dict[str, dict[str, dict[str, t.Any]]] = {}
        if (region_name, account_id) == (settings.REGION, settings.ACCOUNT_ID):
            self._seed()
        for record in STATE.clusters():
            if (record["region"], record["account_id"]) == (region_name, account_id) and record[
                "name"
            ] not in self.clusters:
                self.create_cluster(record["name"], self._role_arn(), _SUBNETS, version=record["version"])

    @property
    def _url_module(self) -> types.ModuleType:
        return moto_urls

    def _seed(self) -> None:
        for name in settings.CLUSTERS:
            cluster = self.create_cluster(name, self._role_arn(), _SUBNETS, version=settings.VERSION)
            cluster.identity = {"oidc": {"issuer": settings.issuer(name, self.region_name)}}
        self.clusters[settings.NO_ISSUER_CLUSTER].identity = {}
        creating = self.clusters[settings.CREATING_CLUSTER]
        creating.status = "CREATING"
        creating.endpoint = ""
        creating.identity = {}
        creating.certificate_authority = {}

    def _role_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account_id}:role/eks-cluster"

    def create_cluster(self, name: str, *args: t.Any, **kwargs: t.Any) -> Cluster:
        if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", name):
            raise InvalidParameterException(
                clusterName=name, message=f"The cluster name {name} doesn't match ^[0-9A-Za-z][A-Za-z0-9\\-_]*"
            )
        cluster = super().create_cluster(name, *args, **kwargs)
        # As on AWS, a cluster that is created again with the same name has another issuer.
        identifier = hashlib.sha256(uuid.uuid4().bytes).hexdigest()[:32].upper()
        domain = _dns_suffix(self.partition)
        cluster.identity = {"oidc": {"issuer": f"https://oidc.eks.{self.region_name}.{domain}/id/{identifier}"}}
        cluster.endpoint = f"https://{identifier}.gr7.{self.region_name}.eks.{domain}"
        cluster.certificate_authority = {"data": _cluster_ca(cluster.arn)}
        cluster.version = kwargs.get("version") or settings.VERSION
        return cluster

    def describe_cluster(self, name: str) -> Cluster:
        cluster = super().describe_cluster(name)
        identity = (name, self.region_name, self.account_id)
        for record in STATE.clusters():
            if identity != (record["name"], record["region"], record["account_id"]):
                continue
            cluster.identity = {"oidc": {"issuer": record["issuer"]}}
            cluster.endpoint = record["endpoint"]
            authority = record["certificate_authority"].encode()
            cluster.certificate_authority = {"data": base64.b64encode(authority).decode()}
            cluster.version = record["version"]
        return cluster

    def entries_of(self, table: dict[str, dict[str, dict[str, t.Any]]], cluster: str) -> dict[str, dict[str, t.Any]]:
        """The entries of a cluster in ``associations``, ``addons`` or ``access_entries``.

        :raises ResourceNotFoundException: if the cluster does not exist.
        """
        self.describe_cluster(cluster)
        return table.setdefault(cluster, {})


class EksOperations(EKSResponse):
    """moto's EKS operations, and those that it lacks."""

    RESPONSE_KEY_PATH_TO_TRANSFORMER = {  # noqa: RUF012
        # A cluster with status CREATING has neither.
        "DescribeClusterResponse.cluster.endpoint": return_if_not_empty,
        "DescribeClusterResponse.cluster.identity": return_if_not_empty,
    }

    @property
    def eks(self) -> Eks:
        """The backend of the account and region."""
        return t.cast("Eks", self.eks_backend)

    def _page(self, name: str, entries: list[t.Any]) -> ActionResult:
        size = self._get_int_param("maxResults", 100)
        token = self._get_param("nextToken") or "0"
        if not 1 <= size <= 100 or not token.isdigit():
            raise InvalidParameterException(message="maxResults must be between 1 and 100, nextToken a token of EKS.")
        end = int(token) + size
        return ActionResult({name: entries[int(token) : end], "nextToken": str(end) if end < len(entries) else None})

    # Pod identity associations

    def list_pod_identity_associations(self) -> ActionResult:
        filters = {key: self._get_param(key) for key in ("namespace", "serviceAccount")}
        associations = [
            {key: value for key, value in entry.items() if key not in ("roleArn", "createdAt", "modifiedAt", "tags")}
            for entry in self.eks.entries_of(self.eks.associations, self._get_param("name")).values()
            if all(value is None or entry[key] == value for key, value in filters.items())
        ]
        return self._page("associations", associations)

    def create_pod_identity_association(self) -> ActionResult:
        cluster, role_arn = self._get_param("name"), self._get_param("roleArn") or ""
        namespace, account = self._get_param("namespace"), self._get_param("serviceAccount")
        table = self.eks.entries_of(self.eks.associations, cluster)
        if not _ROLE_ARN.fullmatch(role_arn):
            raise InvalidParameterException(clusterName=cluster, message=f"The role ARN {role_arn} is not valid.")
        for entry in table.values():
            if (entry["namespace"], entry["serviceAccount"]) == (namespace, account):
                raise ResourceInUseException(
                    clusterName=cluster, message=f"Association already exists: {entry['associationId']}"
                )
        identifier = f"a-{uuid.uuid4().hex[:17]}"
        stem = f"arn:{self.eks.partition}:eks:{self.eks.region_name}:{self.eks.account_id}"
        table[identifier] = {
            "clusterName": cluster,
            "namespace": namespace,
            "serviceAccount": account,
            "roleArn": role_arn,
            "associationArn": f"{stem}:podidentityassociation/{cluster}/{identifier}",
            "associationId": identifier,
            "tags": self._get_param("tags") or {},
            "createdAt": utcnow(),
            "modifiedAt": utcnow(),
        }
        return ActionResult({"association": table[identifier]})

    def delete_pod_identity_association(self) -> ActionResult:
        cluster, identifier = self._get_param("name"), self._get_param("associationId")
        table = self.eks.entries_of(self.eks.associations, cluster)
        if identifier not in table:
            raise ResourceNotFoundException(
                clusterName=cluster, message=f"The association ID {identifier} was not found in cluster {cluster}."
            )
        return ActionResult({"association": table.pop(identifier)})

    # Add-ons

    def list_addons(self) -> ActionResult:
        return self._page("addons", sorted(self.eks.entries_of(self.eks.addons, self._get_param("name"))))

    def create_addon(self) -> ActionResult:
        cluster, name = self._get_param("name"), self._get_param("addonName")
        table = self.eks.entries_of(self.eks.addons, cluster)
        if name in table:
            raise ResourceInUseException(clusterName=cluster, addonName=name, message="Addon already exists.")
        stem = f"arn:{self.eks.partition}:eks:{self.eks.region_name}:{self.eks.account_id}"
        table[name] = {
            "addonName": name,
            "clusterName": cluster,
            "status": "ACTIVE",
            "addonVersion": self._get_param("addonVersion") or "v1.0.0-eksbuild.1",
            "health": {"issues": []},
            "addonArn": f"{stem}:addon/{cluster}/{name}/{uuid.uuid4()}",
            "createdAt": utcnow(),
            "modifiedAt": utcnow(),
            "serviceAccountRoleArn": self._get_param("serviceAccountRoleArn"),
            "tags": self._get_param("tags") or {},
        }
        return ActionResult({"addon": table[name]})

    def _addon(self) -> tuple[dict[str, dict[str, t.Any]], str]:
        cluster, name = self._get_param("name"), self._get_param("addonName")
        table = self.eks.entries_of(self.eks.addons, cluster)
        if name not in table:
            raise ResourceNotFoundException(
                clusterName=cluster, addonName=name, message=f"No addon: {name} found in cluster: {cluster}"
            )
        return table, name

    def describe_addon(self) -> ActionResult:
        table, name = self._addon()
        return ActionResult({"addon": table[name]})

    def delete_addon(self) -> ActionResult:
        table, name = self._addon()
        return ActionResult({"addon": table.pop(name)})

    # Access entries

    def list_access_entries(self) -> ActionResult:
        entries = self.eks.entries_of(self.eks.access_entries, self._get_param("name"))
        return self._page("accessEntries", sorted(entries))

    def create_access_entry(self) -> ActionResult:
        cluster, principal = self._get_param("name"), self._get_param("principalArn")
        table = self.eks.entries_of(self.eks.access_entries, cluster)
        if principal in table:
            raise ResourceInUseException(
                clusterName=cluster, message="The specified access entry resource is already in use on this cluster."
            )
        stem = f"arn:{self.eks.partition}:eks:{self.eks.region_name}:{self.eks.account_id}"
        table[principal] = {
            "clusterName": cluster,
            "principalArn": principal,
            "kubernetesGroups": self._get_param("kubernetesGroups") or [],
            "accessEntryArn": f"{stem}:access-entry/{cluster}/{uuid.uuid4()}",
            "createdAt": utcnow(),
            "modifiedAt": utcnow(),
            "tags": self._get_param("tags") or {},
            "username": self._get_param("username") or principal,
            "type": self._get_param("type") or "STANDARD",
        }
        return ActionResult({"accessEntry": table[principal]})

    def describe_access_entry(self) -> ActionResult:
        cluster, principal = self._get_param("name"), self._get_param("principalArn")
        table = self.eks.entries_of(self.eks.access_entries, cluster)
        if principal not in table:
            raise ResourceNotFoundException(
                clusterName=cluster, message="The specified principalArn could not be found on this cluster."
            )
        return ActionResult({"accessEntry": table[principal]})


def install() -> None:
    """Make moto use this backend for every account and region."""
    eks_backends.backend = Eks
