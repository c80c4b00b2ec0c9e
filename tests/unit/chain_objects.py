# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An intact chain and the objects of its links: service account shop/app, its pods and the webhook."""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import EksCluster
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import (
    AwsFacts,
    Chain,
    KubernetesFacts,
    Unknown,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sandbox import webhook

Json = dict[str, t.Any]

ROLE, OTHER = "arn:aws:iam::123456789012:role/app", "arn:aws:iam::123456789012:role/other"
ANNOTATION = "eks.amazonaws.com/role-arn"
NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.timezone.utc)
NOT_READ = Unknown("not read")

CHAIN = Chain(
    namespace="shop",
    service_account="app",
    issuer="https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
    role_arn=ROLE,
    audience="sts.amazonaws.com",
    account_id="123456789012",
    partition="aws",
    region="eu-west-1",
    cluster="prod",
)
CLUSTER = EksCluster(
    name="prod",
    arn="arn:aws:eks:eu-west-1:123456789012:cluster/prod",
    status="ACTIVE",
    version="1.33",
    endpoint="https://localhost",
    certificate_authority="",
    issuer=CHAIN.issuer,
    region="eu-west-1",
    account_id="123456789012",
    partition="aws",
)
AWS = AwsFacts(
    provider=NOT_READ,
    provider_arns=NOT_READ,
    role=NOT_READ,
    managed_policies=NOT_READ,
    inline_policies=NOT_READ,
    boundary=NOT_READ,
    quotas=NOT_READ,
    addons=(),
    associations=(),
)
_HOST = CHAIN.issuer.removeprefix("https://")
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{_HOST}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        }
    ],
}
# All facts of IAM; only STS can evaluate the condition of this trust policy.
AWS_READ = dataclasses.replace(
    AWS,
    provider={"ClientIDList": ["sts.amazonaws.com"]},
    role={"Arn": ROLE, "RoleName": "app", "AssumeRolePolicyDocument": _TRUST},
)


def account(role: str | None = ROLE, owners: t.Mapping[str, str] | None = None, **annotations: str) -> Json:
    """Make the service account.

    :param owners: owners of the role's annotation: the operation by field manager.
    :param annotations: other annotations of the webhook, with _ instead of -.
    """
    all_annotations = {f"eks.amazonaws.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
    if role is not None:
        all_annotations[ANNOTATION] = role
    managed = [
        {"manager": "kubectl-create", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:secrets": {}}}
    ]
    for manager, operation in (owners or {"eksops.irsa": "Apply"}).items():
        fields = {"f:metadata": {"f:annotations": {f"f:{ANNOTATION}": {}}}}
        managed.append(
            {
                "manager": manager,
                "operation": operation,
                "fieldsType": "FieldsV1",
                "fieldsV1": fields,
                "apiVersion": "v1",
            }
        )
    metadata = {"name": "app", "namespace": "shop", "uid": "u", "resourceVersion": "7", "annotations": all_annotations}
    return {"metadata": {**metadata, "managedFields": managed}}


def container(name: str = "app", **env: t.Any) -> Json:
    """Make a container before injection."""
    return {"name": name, "image": "app:1", "env": [{"name": key, "value": value} for key, value in env.items()]}


def plain_pod(
    name: str = "web-5d4f-x1",
    *containers: Json,
    init: t.Sequence[Json] = (),
    owner: tuple[str, str, str] | None = ("apps/v1", "ReplicaSet", "web-5d4f"),
    labels: t.Mapping[str, str] | None = None,
    annotations: t.Mapping[str, str] | None = None,
    status: Json | None = None,
    **spec: t.Any,
) -> Json:
    """Make a pod of Deployment web before injection."""
    metadata: Json = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "annotations": dict(annotations or {})}
    metadata["labels"] = {"app": "web", **({"pod-template-hash": "5d4f"} if owner else {}), **(labels or {})}
    if owner:
        version, kind, owner_name = owner
        reference = {"apiVersion": version, "kind": kind, "name": owner_name, "uid": "u", "controller": True}
        metadata["ownerReferences"] = [reference]
    pod_spec = {"serviceAccountName": "app", "containers": list(containers) or [container()], **spec}
    if init:
        pod_spec["initContainers"] = list(init)
    return {"metadata": metadata, "spec": pod_spec, "status": status or {"phase": "Running"}}


def inject(pod: Json, role: str | None = ROLE, **options: t.Any) -> Json:
    """Return the pod as the webhook changes it."""
    annotations = options.pop("annotations", {})
    return webhook.inject(pod, account(role, **annotations), **options)


def template(pod: Json, kind: str = "ReplicaSet", name: str = "web-5d4f", **metadata: t.Any) -> dict[Owner, Json]:
    """Make the workload that creates such pods, by its owner."""
    pod_template = {"metadata": metadata.pop("template", {}), "spec": copy.deepcopy(pod["spec"])}
    return {Owner("apps/v1", kind, name): {"metadata": {"name": name, **metadata}, "spec": {"template": pod_template}}}


def hook(configuration: str = "pod-identity-webhook", /, **fields: t.Any) -> Json:
    """Make the MutatingWebhookConfiguration of EKS; ``fields`` replace those of its webhook."""
    annotations = fields.pop("annotations", {})
    skip = {"key": "eks.amazonaws.com/skip-pod-identity-webhook", "operator": "DoesNotExist"}
    body: Json = {
        "name": "iam-for-pods.amazonaws.com",
        "admissionReviewVersions": ["v1beta1"],
        "clientConfig": {"url": "https://127.0.0.1:23443/mutate", "caBundle": bundle(CA)},
        "failurePolicy": "Ignore",
        "namespaceSelector": {},
        "objectSelector": {"matchExpressions": [skip]},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*"}
        ],
        **fields,
    }
    return {"metadata": {"name": configuration, "annotations": annotations}, "webhooks": [body]}


def dry_run(role: str | None = ROLE, **options: t.Any) -> Json:
    """Make the pod that a server-side dry run returns; it is not injected if ``role`` is None."""
    return inject(plain_pod("irsa-verify-1", owner=None), role, **options)


def authority(
    name: str = "kubernetes", *, key: ec.EllipticCurvePrivateKey | None = None, days: tuple[int, int] = (-30, 3650)
) -> x509.Certificate:
    """Make a self-signed CA.

    :param days: start and end of its validity, in days from `NOW`.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin, end = (NOW + datetime.timedelta(days=day) for day in days)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), begin, end)
    return builder.sign(key, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> str:
    """Encode certificates as PEM."""
    return "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in certificates)


def bundle(*certificates: x509.Certificate) -> str:
    """Encode certificates as a caBundle."""
    return base64.b64encode(pem(*certificates).encode()).decode()


CA = authority()


def kubernetes(*pods: Json, **facts: t.Any) -> KubernetesFacts:
    """Make the facts of an intact chain with these pods; ``facts`` replace the others."""
    healthy = KubernetesFacts(
        account=account(),
        namespace={"metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop"}}},
        webhooks=[hook()],
        serving_ca=NOT_READ,
        pods=list(pods) or [inject(plain_pod())],
        workloads={},
        admitted=dry_run(),
        minor_version=31,
        observed_at=NOW.timestamp(),
    )
    return dataclasses.replace(healthy, **facts)
