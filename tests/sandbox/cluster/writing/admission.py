# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission of new objects: namespace lifecycle, service accounts, the pod identity webhook, quotas.

Needed by: targets irsa_verify, pod_rollout, sa_annotate.
"""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

from sandbox import webhook
from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.reading.selectors import matches
from sandbox.cluster.resources import CONFIG_MAPS, NAMESPACES, PODS, RESOURCE_QUOTAS, SERVICE_ACCOUNTS, WEBHOOKS, Kind
from sandbox.cluster.store import Store

# The URL in the configuration and in errors. The webhook is a function call in this process.
_WEBHOOK_URL = "https://127.0.0.1:23443/mutate"


class Admission:
    def __init__(self, store: Store, ca_certificate: pathlib.Path, region: str) -> None:
        self._store = store
        self._region = region
        self._ca_bundle = base64.b64encode(ca_certificate.read_bytes()).decode()

    def webhook_configuration(self) -> Object:
        return webhook.configuration(self._ca_bundle, _WEBHOOK_URL)

    def check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        obj = self._store.get(NAMESPACES, "", namespace)
        if obj is None:
            raise errors.not_found("", "namespaces", namespace)
        if obj["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            error = errors.forbidden(kind.group, kind.plural, name, why)
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            error.details = dict(error.details or {}, causes=[cause])
            raise error

    def mutate(self, kind: Kind, obj: Object) -> Object:
        if kind.resource != PODS:
            return obj
        account = self._find_account(obj)
        _schedule_defaults(obj["spec"])
        return self._call_webhooks(obj, account)

    def _find_account(self, pod: Object) -> Object:
        metadata, spec = pod["metadata"], pod["spec"]
        name = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = self._store.get(SERVICE_ACCOUNTS, metadata["namespace"], name)
        if account is None:
            where = f"{metadata['namespace']}/{name}"
            why = f'error looking up service account {where}: serviceaccount "{name}" not found'
            raise errors.forbidden("", "pods", metadata.get("generateName") or metadata.get("name", ""), why)
        return account

    def _call_webhooks(self, pod: Object, account: Object) -> Object:
        configuration = self._store.get(WEBHOOKS, "", webhook.NAME)
        for hook in (configuration or {}).get("webhooks") or ():
            if not self._applies(hook, pod):
                continue
            failure = self._failure(hook)
            if failure is None:
                pod = webhook.inject(pod, account, region=self._region, config_map=self._config_map())
            elif hook.get("failurePolicy") == "Fail":
                raise errors.internal(f'failed calling webhook "{hook["name"]}": {failure}')
        return pod

    def _config_map(self) -> dict[str, Object]:
        """The configuration in the webhook's ConfigMap; {} if it is missing or not valid."""
        config_map = self._store.get(CONFIG_MAPS, "kube-system", webhook.CONFIG_MAP)
        try:
            parsed = json.loads((config_map or {})["data"]["config"])
        except (KeyError, TypeError, ValueError):
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def _applies(self, hook: Object, pod: Object) -> bool:
        if not any(_covers_pod_creation(rule) for rule in hook.get("rules") or ()):
            return False
        namespace = self._store.get(NAMESPACES, "", pod["metadata"]["namespace"]) or {"metadata": {}}
        return matches(hook.get("namespaceSelector") or {}, namespace["metadata"].get("labels")) and matches(
            hook.get("objectSelector") or {}, pod["metadata"].get("labels")
        )

    def _failure(self, hook: Object) -> str | None:
        """The API server's message why the webhook cannot be called; None if it can."""
        client = hook.get("clientConfig") or {}
        # Only the sandbox's webhook exists.
        if client.get("url", _WEBHOOK_URL) != _WEBHOOK_URL:
            url = f"{client.get('url', _WEBHOOK_URL)}?timeout=10s"
            return f'Post "{url}": dial tcp {url.split("/")[2]}: connect: connection refused'
        if client.get("caBundle") != self._ca_bundle:
            return f'Post "{_WEBHOOK_URL}?timeout=10s": x509: certificate signed by unknown authority'
        return None

    # -- quotas

    def check_quota(self, kind: Kind, obj: Object) -> None:
        """Check the quotas of object counts: ``pods`` and ``count/<resource>.<group>``.

        :raises StatusError: 403 if a quota is exceeded.
        """
        namespace = obj["metadata"].get("namespace", "")
        if not namespace:
            return
        name = obj["metadata"]["name"]
        for quota in self._store.list(RESOURCE_QUOTAS, namespace):
            hard = (quota.get("spec") or {}).get("hard") or {}
            exceeded = []
            for key in sorted(hard):
                if key not in counted(kind):
                    continue
                used = self.usage(key, kind, namespace)
                if used + 1 > int(hard[key]):
                    exceeded.append((key, used, hard[key]))
            if exceeded:
                requested = ",".join(f"{key}=1" for key, _used, _limit in exceeded)
                used_text = ",".join(f"{key}={used}" for key, used, _limit in exceeded)
                limited = ",".join(f"{key}={limit}" for key, _used, limit in exceeded)
                why = (
                    f"exceeded quota: {quota['metadata']['name']}, requested: {requested}, used: {used_text}, "
                    f"limited: {limited}"
                )
                raise errors.forbidden(kind.group, kind.plural, name, why)

    def usage(self, key: str, kind: Kind, namespace: str) -> int:
        """The number of objects that count against a key of a quota. Pods that have ended do not count as ``pods``."""
        objects: t.Iterable[Object] = self._store.list(kind.resource, namespace)
        if key == "pods":
            objects = [obj for obj in objects if (obj.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
        return len(list(objects))


def _schedule_defaults(spec: Object) -> None:
    """Set the fields that the priority and toleration plugins add to each pod."""
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(entry.get("key") in (key, None, "") for entry in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})


def counted(kind: Kind) -> set[str]:
    """The keys of quotas for objects of this kind."""
    keys = {f"count/{errors.qualified(kind.group, kind.plural)}"}
    if not kind.group and kind.plural in ("pods", "secrets", "configmaps", "services", "replicationcontrollers"):
        keys.add(kind.plural)
    return keys


def _covers_pod_creation(rule: Object) -> bool:
    def has(key: str, *values: str) -> bool:
        return bool(set(rule.get(key) or ()) & {"*", *values})

    return has("operations", "CREATE") and has("resources", "pods", "*/*") and has("apiGroups", "")
