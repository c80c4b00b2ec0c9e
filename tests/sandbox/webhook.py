# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutate pods as the EKS pod identity webhook does.

The rules are those of https://github.com/aws/amazon-eks-pod-identity-webhook (pkg/handler, pkg/cache). One difference
is intended: upstream randomizes the default lifetime of EKS Pod Identity tokens within two hours. Here the result is
always the same.

Needed by: targets fleet, irsa_audit, irsa_verify, pod_rollout, role_irsa; demo; units of the collection (oracle).
"""

from __future__ import annotations

import base64
import copy
import csv
import dataclasses
import json
import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Json = dict[str, t.Any]

DOMAIN = "eks.amazonaws.com"
SKIP_LABEL = f"{DOMAIN}/skip-pod-identity-webhook"
ROLE_ARN = f"{DOMAIN}/role-arn"
NAME = CONFIG_MAP = "pod-identity-webhook"

MIN_EXPIRATION = 600
DEFAULT_EXPIRATION = 86400

_REGION_KEYS = ("AWS_DEFAULT_REGION", "AWS_REGION")
_STS_KEY = "AWS_STS_REGIONAL_ENDPOINTS"

# A record of Go's encoding/csv. Unlike Python's csv module, it rejects a quote inside an unquoted field.
_CSV_RECORD = re.compile(r'(?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\r\n]*))*')
_GO_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclasses.dataclass(frozen=True)
class _Injection:
    environment: tuple[tuple[str, str], ...]
    volume: str
    mount_path: str
    token_name: str
    audience: str
    expiration: int
    regional: bool
    label: tuple[str, str] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(name for name, _value in self.environment)


def configuration(ca_bundle: str, url: str) -> Json:
    """Return the MutatingWebhookConfiguration of EKS. It covers the creation of pods; failures are ignored.

    :param ca_bundle: PEM in base64.
    :param url: the URL of the webhook. EKS uses a URL too, not a service.
    """
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": NAME, "labels": {"k8s-app": NAME}},
        "webhooks": [
            {
                "name": "iam-for-pods.amazonaws.com",
                "admissionReviewVersions": ["v1beta1"],
                "clientConfig": {"caBundle": ca_bundle, "url": url},
                "failurePolicy": "Ignore",
                "objectSelector": {"matchExpressions": [{"key": SKIP_LABEL, "operator": "DoesNotExist"}]},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                        "scope": "*",
                    }
                ],
                "sideEffects": "None",
            }
        ],
    }


def inject(
    pod: Json,
    service_account: Json | None,
    *,
    region: str | None = None,
    sts_regional_endpoints: bool = True,
    default_audience: str = "sts.amazonaws.com",
    default_expiration: int = DEFAULT_EXPIRATION,
    config_map: Mapping[str, Json] | None = None,
    pod_identity: bool = False,
) -> Json:
    """Return a mutated copy of the pod; an equal one if nothing applies.

    :param pod: the pod to create, with metadata.namespace and spec.serviceAccountName.
    :param service_account: the pod's service account; None if the webhook does not know it yet.
    :param region: the value of AWS_DEFAULT_REGION and AWS_REGION; None does not set them.
    :param sts_regional_endpoints: the webhook's flag, off upstream but on in EKS. The account's annotation takes
        precedence.
    :param default_audience: for accounts without the audience annotation.
    :param default_expiration: in seconds. The pod's annotation takes precedence, then the account's.
    :param config_map: the webhook's configuration for accounts without the role annotation: {RoleARN, Audience,
        UseRegionalSTS, TokenExpiration} by "namespace/name" or "*/name".
    :param pod_identity: whether the account has an EKS Pod Identity association, which takes precedence over the rest.
    """
    result = copy.deepcopy(pod)
    metadata = result.setdefault("metadata", {})
    if SKIP_LABEL in (metadata.get("labels") or {}):
        return result
    account = _account_injection(service_account, default_audience, default_expiration, sts_regional_endpoints)
    injection = account
    if pod_identity:
        injection = _pod_identity_injection(account, default_expiration)
    elif account is None or not account.environment[0][1]:
        # An empty annotation is like a missing one.
        injection = _config_map_injection(pod, config_map or {}, default_expiration)
    if injection is None:
        return result
    annotations = metadata.get("annotations") or {}
    injection = dataclasses.replace(injection, expiration=_expiration(annotations, injection.expiration))
    if injection.label:
        metadata["labels"] = {**(metadata.get("labels") or {}), injection.label[0]: injection.label[1]}
    _mutate_spec(result["spec"], injection, region, _skipped_containers(annotations))
    return result


def review_pod(request: Json, mutate: Callable[[Json], Json]) -> Json:
    """Return the AdmissionReview of a pod's creation with a response, whose patch is a JSON patch in base64.

    :param request: an AdmissionReview (v1 or v1beta1) with a request.
    :param mutate: returns the mutated copy of a pod, which has a namespace.
    :raises ValueError: if the request is not an AdmissionReview of a namespaced object.
    """
    try:
        admission = request["request"]
        pod, uid, namespace = admission["object"], admission["uid"], admission["namespace"]
        original = {**pod, "metadata": {**pod["metadata"], "namespace": namespace}}
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an AdmissionReview of a namespaced object: {error!r}") from error
    mutated = mutate(original)
    response: Json = {"uid": uid, "allowed": True}
    patch: list[Json] = []
    if mutated["spec"] != original["spec"]:
        patch.append({"op": "replace", "path": "/spec", "value": mutated["spec"]})
    if (labels := mutated["metadata"].get("labels")) != original["metadata"].get("labels"):
        patch.append({"op": "add", "path": "/metadata/labels", "value": labels})
    if patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"apiVersion": request.get("apiVersion"), "kind": request.get("kind"), "response": response}


def _account_injection(
    service_account: Json | None, default_audience: str, default_expiration: int, regional: bool
) -> _Injection | None:
    if service_account is None:
        return None
    annotations = service_account.get("metadata", {}).get("annotations") or {}
    return _irsa_injection(
        annotations.get(ROLE_ARN, ""),
        annotations.get(f"{DOMAIN}/audience", default_audience),
        _expiration(annotations, default_expiration),
        _GO_BOOLEANS.get(annotations.get(f"{DOMAIN}/sts-regional-endpoints", ""), regional),
    )


def _config_map_injection(pod: Json, config_map: Mapping[str, Json], default_expiration: int) -> _Injection | None:
    name = pod["spec"].get("serviceAccountName", "")
    entry = config_map.get(f"{pod['metadata'].get('namespace')}/{name}") or config_map.get(f"*/{name}")
    if not entry or not entry.get("RoleARN"):
        return None
    return _irsa_injection(
        entry["RoleARN"],
        entry.get("Audience", ""),
        entry.get("TokenExpiration") or default_expiration,
        bool(entry.get("UseRegionalSTS")),
    )


def _irsa_injection(role_arn: str, audience: str, expiration: int, regional: bool) -> _Injection:
    mount_path = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    # Upstream logs an ARN that is not valid, but injects it.
    environment = (("AWS_ROLE_ARN", role_arn), ("AWS_WEB_IDENTITY_TOKEN_FILE", f"{mount_path}/token"))
    return _Injection(environment, "aws-iam-token", mount_path, "token", audience, expiration, regional)


def _pod_identity_injection(account: _Injection | None, default_expiration: int) -> _Injection:
    mount_path, token = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount", "eks-pod-identity-token"
    return _Injection(
        (
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", f"{mount_path}/{token}"),
        ),
        "eks-pod-identity-token",
        mount_path,
        token,
        "pods.eks.amazonaws.com",
        account.expiration if account else default_expiration,
        account.regional if account else False,
        (f"{DOMAIN}/pod-identity", "enabled"),
    )


def _expiration(annotations: Mapping[str, str], default: int) -> int:
    value = annotations.get(f"{DOMAIN}/token-expiration", "")
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        return default
    return max(int(value), MIN_EXPIRATION)


def _skipped_containers(annotations: Mapping[str, str]) -> frozenset[str]:
    record = annotations.get(f"{DOMAIN}/skip-containers", "").lstrip("\r\n").splitlines()[:1]
    if not record or not _CSV_RECORD.fullmatch(record[0]):
        return frozenset()
    return frozenset(next(csv.reader(record)))


def _mutate_spec(spec: Json, injection: _Injection, region: str | None, skipped: frozenset[str]) -> None:
    selector = spec.get("nodeSelector") or {}
    if "windows" in (selector.get("kubernetes.io/os"), selector.get("beta.kubernetes.io/os")):
        path = "C:" + injection.environment[1][1].replace("/", "\\")
        injection = dataclasses.replace(
            injection, environment=(injection.environment[0], (injection.environment[1][0], path))
        )
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        if container["name"] not in skipped:
            _mutate_container(container, injection, region)
    volumes = spec.get("volumes") or []
    if not any(volume["name"] == injection.volume for volume in volumes):
        token = {
            "audience": injection.audience,
            "expirationSeconds": injection.expiration,
            "path": injection.token_name,
        }
        projected = {"name": injection.volume, "projected": {"sources": [{"serviceAccountToken": token}]}}
        spec["volumes"] = [projected, *volumes]


def _mutate_container(container: Json, injection: _Injection, region: str | None) -> None:
    environment = list(container.get("env") or [])
    present = {variable["name"] for variable in environment}
    # Upstream skips a container, mount included, only if it already has variables of all three groups.
    if present.intersection(injection.keys) and present.intersection(_REGION_KEYS) and _STS_KEY in present:
        return
    if injection.regional and _STS_KEY not in present:
        environment.append({"name": _STS_KEY, "value": "regional"})
    if region and not present.intersection(_REGION_KEYS):
        environment += [{"name": key, "value": region} for key in _REGION_KEYS]
    if not present.intersection(injection.keys):
        environment += [{"name": name, "value": value} for name, value in injection.environment]
    if environment:
        container["env"] = environment
    mounts = container.get("volumeMounts") or []
    if not any(mount["name"] == injection.volume for mount in mounts):
        mount = {"name": injection.volume, "readOnly": True, "mountPath": injection.mount_path}
        container["volumeMounts"] = [*mounts, mount]
