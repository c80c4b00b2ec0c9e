# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fakes for runs over many bindings: an AWS account (moto), an in-memory API server, and a context."""

from __future__ import annotations

import base64
import copy
import functools
import json
import types
import typing as t

import boto3
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client as kubernetes_client
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs, errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn, EksCluster, provider_arn
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingsSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Calls
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import (
    BindingsContext,
    PlanRunner,
    ProgressWriter,
)
from unit.chain_objects import ANNOTATION, CLUSTER

Json = dict[str, t.Any]
ACCOUNT_ID = CLUSTER.account_id
PROVIDER_ARN = provider_arn("aws", ACCOUNT_ID, CLUSTER.require_issuer())


@functools.cache  # creating a client takes longer than a test
def _client(service: str) -> t.Any:
    return boto3.client(service, region_name=CLUSTER.region, aws_access_key_id="x", aws_secret_access_key="x")


class FakeAws:
    """Replaces `session.Aws` by clients of moto's account."""

    def client(self, service: str) -> t.Any:
        return _client(service)

    unretried = client

    def unsigned(self, service: str, _region: str) -> t.Any:
        return self.client(service)

    def describe(self, _name: str) -> EksCluster:
        return CLUSTER

    def caller(self) -> Arn:
        return Arn.parse(f"arn:aws:iam::{ACCOUNT_ID}:user/x")

    # For assertions

    def roles(self) -> list[str]:
        return sorted(role["RoleName"] for role in self.client("iam").list_roles()["Roles"])

    def subjects(self, role: str) -> list[str]:
        """List the service accounts that a role trusts."""
        document = self.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        subjects = []
        for statement in document["Statement"]:
            for key, value in statement.get("Condition", {}).get("StringEquals", {}).items():
                if key.endswith(":sub"):
                    subjects += [value] if isinstance(value, str) else value
        return sorted(subject.removeprefix("system:serviceaccount:").replace(":", "/") for subject in subjects)


class FakeServer:
    """An in-memory API server with namespaces, service accounts, their field owners, and pods.

    :ivar writes: method and path of each write.
    :ivar refused: requests whose path contains one of these are denied.
    :ivar list_errors: the first fails lists of service accounts.
    """

    host = "https://localhost"

    def __init__(self, *namespaces: str) -> None:
        self.calls = Calls()
        self.namespaces = set(namespaces)
        self.accounts: dict[tuple[str, str], Json] = {}
        self.pods: list[Json] = []
        self.writes: list[str] = []
        self.refused: set[str] = set()
        self.list_errors: list[errors.IrsaError] = []
        self._version = 0

    def within(self, _seconds: float) -> FakeServer:
        return self

    def annotate(self, namespace: str, name: str, arn: str | None, manager: str = "eksops.irsa") -> None:
        """Create a service account, annotated unless ``arn`` is None."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.request("POST", path, query={"fieldManager": "kubectl"}, body={"metadata": {"name": name}})
        if arn:
            body = {"metadata": {"namespace": namespace, "name": name, "annotations": {ANNOTATION: arn}}}
            query = {"fieldManager": manager}
            self.request("PATCH", f"{path}/{name}", query=query, body=body, content_type=kubernetes_client.APPLY)
        self.writes.clear()

    def roles(self) -> dict[str, str | None]:
        """Return the annotated role of each service account."""
        return {
            "/".join(key): account["metadata"]["annotations"].get(ANNOTATION)
            for key, account in sorted(self.accounts.items())
        }

    def request(self, method: str, path: str, **given: t.Any) -> Json:
        if any(part in path for part in self.refused):
            raise errors.AccessDenied(f"may not {method} {path}", action=f"{method} {path}")
        parts = path.split("/")[3:]
        dry = bool({**(given.get("body") or {}), **(given.get("query") or {})}.get("dryRun"))
        if method != "GET" and not dry and parts[-1] != "token":
            self.writes.append(f"{method} {path}")
        if len(parts) <= 2:
            return self._namespace(method, parts[1:], given, dry=dry)
        if parts[-1] == "token":
            return {"status": {"token": token_of(*parts[1:4:2], given["body"]["spec"]["audiences"])}}
        if method == "POST":
            return self._create(parts[1], given, dry=dry)
        key = (parts[1], parts[3])
        if key not in self.accounts:
            raise errors.NotFound(f"serviceaccounts {parts[3]} not found")
        if method == "GET":
            return copy.deepcopy(self.accounts[key])
        if method == "DELETE":
            return self.accounts[key] if dry else self.accounts.pop(key)
        return self._patch(key, given, dry=dry)

    def pages(self, path: str, **given: t.Any) -> tuple[list[Json], str]:
        if any(part in path for part in self.refused):
            raise errors.AccessDenied(f"may not list {path}", action=f"list {path}")
        if self.list_errors and path.endswith("/serviceaccounts"):
            raise self.list_errors[0]
        parts = path.split("/")[3:]
        namespace = parts[1] if len(parts) == 3 else None
        if parts[-1] == "namespaces":
            return [{"metadata": {"name": name}} for name in sorted(self.namespaces)], "1"
        items = self.pods if parts[-1] == "pods" else copy.deepcopy(list(self.accounts.values()))
        items = [item for item in items if namespace in (None, item["metadata"]["namespace"])]
        selector = (given.get("query") or {}).get("fieldSelector")
        if selector:
            items = [pod for pod in items if pod["spec"]["serviceAccountName"] == selector.partition("=")[2]]
        return items, "1"

    def _namespace(self, method: str, names: list[str], given: Json, *, dry: bool) -> Json:
        name = names[0] if names else given["body"]["metadata"]["name"]
        if method == "GET" and name not in self.namespaces:
            raise errors.NotFound(f"namespaces {name} not found")
        if method == "POST" and name in self.namespaces:
            raise errors.AlreadyExists(f"namespaces {name} already exists")
        if not dry:
            self.namespaces.add(name)
        return {"metadata": {"name": name}}

    def _create(self, namespace: str, given: Json, *, dry: bool) -> Json:
        metadata = given["body"]["metadata"]
        if namespace not in self.namespaces:
            raise errors.NotFound(f"namespaces {namespace} not found")
        if (namespace, metadata["name"]) in self.accounts:
            raise errors.AlreadyExists(f"serviceaccounts {metadata['name']} already exists")
        names = {"namespace": namespace, "name": metadata["name"], "uid": f"uid-{namespace}-{metadata['name']}"}
        account: Json = {"metadata": {**names, "annotations": {}, "labels": {}, "managedFields": []}}
        self._set(account, metadata, given["query"]["fieldManager"], "Update")
        if not dry:
            self.accounts[namespace, metadata["name"]] = account
        return copy.deepcopy(account)

    def _patch(self, key: tuple[str, str], given: Json, *, dry: bool) -> Json:
        account = copy.deepcopy(self.accounts[key])
        metadata = given["body"]["metadata"]
        version = metadata.get("resourceVersion")
        if version and version != account["metadata"]["resourceVersion"]:
            raise errors.OutOfDate(f"serviceaccounts {key[1]} has changed")
        manager = given["query"]["fieldManager"]
        if given["content_type"] == kubernetes_client.APPLY:
            for entry in list(account["metadata"]["managedFields"]):
                if (entry["manager"], entry["operation"]) == (manager, "Apply"):
                    account["metadata"]["managedFields"].remove(entry)
                    for field in entry["fieldsV1"]["f:metadata"].get("f:annotations", {}):
                        account["metadata"]["annotations"].pop(field.removeprefix("f:"), None)
            self._set(account, metadata, manager, "Apply")
        else:
            for field in metadata.get("annotations", {}):
                account["metadata"]["annotations"].pop(field, None)
                for entry in account["metadata"]["managedFields"]:
                    entry["fieldsV1"]["f:metadata"].get("f:annotations", {}).pop(f"f:{field}", None)
        if not dry:
            self.accounts[key] = account
        return copy.deepcopy(account)

    def _set(self, account: Json, metadata: Json, manager: str, operation: str) -> None:
        self._version += 1
        account["metadata"]["resourceVersion"] = str(self._version)
        fields: Json = {}
        for kind in ("annotations", "labels"):
            account["metadata"][kind].update(metadata.get(kind) or {})
            fields[f"f:{kind}"] = {f"f:{name}": {} for name in metadata.get(kind) or {}}
        account["metadata"]["managedFields"].append(
            {"manager": manager, "operation": operation, "fieldsV1": {"f:metadata": fields}}
        )


def token_of(namespace: str, name: str, audiences: t.Sequence[str]) -> str:
    claims = {"iss": CLUSTER.issuer, "aud": list(audiences), "sub": f"system:serviceaccount:{namespace}:{name}"}
    parts = ({"alg": "RS256"}, claims, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def binding(service_account: str, role_name: str | None = "app", namespace: str = "shop", **rest: t.Any) -> Json:
    return {"namespace": namespace, "service_account": service_account, "role_name": role_name, **rest}


def spec_of(*bindings: Json, **params: t.Any) -> BindingsSpec:
    defaults = argument_specs.defaults(argument_specs.IRSA_BINDINGS)
    defaults["rollout_options"] = argument_specs.defaults(argument_specs.ROLLOUT)
    return BindingsSpec.from_params({**defaults, "cluster_name": CLUSTER.name, "bindings": list(bindings), **params})


def context_of(
    aws: FakeAws,
    server: FakeServer,
    *bindings: Json,
    check_mode: bool = False,
    stop_early: bool = False,
    details: bool = False,
    **params: t.Any,
) -> BindingsContext:
    """Make a context that applies plans as a module does."""
    module: t.Any = types.SimpleNamespace(check_mode=check_mode)
    return BindingsContext(
        PlanRunner(functools.partial(_runner.converge, module), functools.partial(_runner.apply, module), check_mode),
        t.cast("t.Any", aws),
        t.cast("t.Any", server),
        spec_of(*bindings, **params),
        ProgressWriter(None),
        stop_early=stop_early,
        details=details,
    )
