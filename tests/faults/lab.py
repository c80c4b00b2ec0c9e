"""A sandbox in which modules run under faults: its initial state, its faults, and what a run leaves behind."""

from __future__ import annotations

import collections
import collections.abc as c
import json
import pathlib
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

import boto3
from faults import modules
from permissions.cluster_objects import ClusterObjects, wait_until
from sandbox import settings
from sandbox.api import ApiClient, ApiError
from sandbox.launch import supervisor

Json = dict[str, t.Any]
Facts = collections.Counter[str]

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ROLE_ARN = "eks.amazonaws.com/role-arn"
_SETTLE_SECONDS = 20.0
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_KEPT = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class Lab(ClusterObjects):
    """A running sandbox.

    :param directory: its state directory.
    :ivar namespace: a new one for each run, because deleting one takes time.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.state = settings.StateDirectory(directory)
        supervisor.up(self.state, end_with_parent=True)
        super().__init__(ApiClient(self.state))
        variables = self.state.env()
        self._endpoint = variables["AWS_ENDPOINT_URL"]
        self.environment = {name: variables[name] for name in _KEPT} | {"AWS_EC2_METADATA_DISABLED": "true"}
        self.cluster = self.state.cluster()
        self.account = f"arn:{self.cluster['partition']}:iam::{self.cluster['account_id']}"
        self._number = 0
        self.namespace = ""
        self.iam = boto3.client(
            "iam",
            region_name=variables["AWS_REGION"],
            endpoint_url=self._endpoint,
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )

    def close(self) -> None:
        """Stop the sandbox."""
        supervisor.down(self.state)

    def begin(self) -> None:
        """Restore the initial state: an empty AWS account and a new namespace."""
        self._empty_account()
        if self.namespace:
            self.delete(f"/api/v1/namespaces/{self.namespace}")
        self._number += 1
        self.namespace = f"faults-{self._number}"
        self.create_namespace(self.namespace)

    def _empty_account(self) -> None:
        """Delete all roles and providers, which is faster than to reset AWS."""
        for role in self.iam.list_roles()["Roles"]:
            name = role["RoleName"]
            for policy in self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                self.iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            for policy in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
                self.iam.delete_role_policy(RoleName=name, PolicyName=policy)
            self.iam.delete_role(RoleName=name)
        for provider in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])

    def run(self, module: str, arguments: Json, *, seconds: int = modules.SECONDS) -> modules.Outcome:
        """Run a module of the collection."""
        return self.start(module, arguments, seconds=seconds).finish()

    def start(self, module: str, arguments: Json, *, seconds: int = modules.SECONDS) -> modules.RunningModule:
        """Start a module of the collection."""
        arguments = {"cluster_name": self.cluster["name"], **arguments}
        return modules.start(f"eksops.irsa.{module}", arguments, self.environment, seconds=seconds)

    # Faults

    def inject(self, *faults: Json) -> None:
        """Inject faults into AWS, the API server, or both if a fault names no service."""
        for fault in faults:
            if fault.get("service") != "kubernetes":
                self._control("POST", "faults", fault)
            if fault.get("service", "kubernetes") == "kubernetes":
                self.api.post("/sandbox-api/faults", fault)

    def pending_faults(self) -> list[Json]:
        """The faults that are left, each with the number of calls that it hit."""
        pending = self._when_open(lambda: self.api.get("/sandbox-api/faults")["faults"])
        return [*self._when_open(lambda: self._control("GET", "faults")), *pending]

    def clear_faults(self) -> int:
        """Remove all faults, and return how many calls they hit."""
        hits = sum(fault["hits"] for fault in self.pending_faults())
        self._when_open(lambda: self._control("DELETE", "faults"))
        self._when_open(lambda: self.api.delete("/sandbox-api/faults"))
        return hits

    def _control(self, method: str, name: str, body: t.Any = None) -> t.Any:
        request = urllib.request.Request(f"{self._endpoint}/sandbox-api/{name}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    @staticmethod
    def _when_open(call: c.Callable[[], t.Any]) -> t.Any:
        """Make a call again while a fault has closed the port."""
        deadline = time.monotonic() + 10
        while True:
            try:
                return call()
            except (urllib.error.URLError, ConnectionError, ApiError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    # Initial objects

    def role_trusting(self, name: str, *subjects: str, issuer: str = "", **options: t.Any) -> str:
        """Create a role manually, and return its ARN."""
        key = (issuer or self.cluster["issuer"]).removeprefix("https://")
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": f"{self.account}:oidc-provider/{key}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{key}:sub": list(subjects), f"{key}:aud": settings.AUDIENCE}},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        created = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **options)
        return str(created["Role"]["Arn"])

    def create_provider(self) -> None:
        """Create the OIDC provider of the cluster manually."""
        self.iam.create_open_id_connect_provider(Url=self.cluster["issuer"], ClientIDList=[settings.AUDIENCE])

    def workload(self, name: str) -> None:
        """Create a Deployment with one pod, and wait until it runs."""
        self.create(f"/api/v1/namespaces/{self.namespace}/serviceaccounts", {"metadata": {"name": name}})
        self.create_workload("Deployment", name, namespace=self.namespace)

    def settle(self) -> None:
        """Wait until no rollout is in progress."""
        wait_until(self._is_settled, f"namespace {self.namespace} does not settle", seconds=_SETTLE_SECONDS)

    def _is_settled(self) -> bool:
        deployments = self._list("/apis/apps/v1", "deployments")
        pods = self._list("/api/v1", "pods")
        return len(pods) == len(deployments) and all(
            body["status"].get("observedGeneration") == body["metadata"]["generation"]
            and body["status"].get("updatedReplicas") == body["status"].get("availableReplicas") == 1
            for body in deployments
        )

    def _list(self, prefix: str, plural: str) -> list[Json]:
        return t.cast("list[Json]", self.api.get(f"{prefix}/namespaces/{self.namespace}/{plural}")["items"])

    # The end state

    def facts(self) -> Facts:
        """Everything that a run can leave behind, one text each, without uids, times and versions."""
        self.settle()
        facts = [*self._role_facts(), *self._provider_facts(), *self._cluster_facts()]
        return collections.Counter(fact.replace(self.namespace, "NAMESPACE") for fact in facts)

    def _role_facts(self) -> c.Iterator[str]:
        for role in self.iam.list_roles()["Roles"]:
            name = role["RoleName"]
            role = self.iam.get_role(RoleName=name)["Role"]
            yield f"role {name}: {role['Arn']}, {role.get('Description')}, {role['MaxSessionDuration']} s"
            yield f"role {name}: boundary {role.get('PermissionsBoundary')}"
            yield from (f"role {name}: tag {tag['Key']}={tag['Value']}" for tag in role.get("Tags", ()))
            for statement in role["AssumeRolePolicyDocument"]["Statement"]:
                yield f"role {name}: trusts {json.dumps(statement, sort_keys=True)}"
            for policy in self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                yield f"role {name}: policy {policy['PolicyArn']}"
            for policy in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
                document = self.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                yield f"role {name}: inline policy {policy} {json.dumps(document, sort_keys=True)}"

    def _provider_facts(self) -> c.Iterator[str]:
        for entry in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            arn = entry["Arn"]
            provider = self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
            yield f"provider {arn}: {sorted(provider['ClientIDList'])} {sorted(provider['ThumbprintList'])}"
            yield from (f"provider {arn}: tag {tag['Key']}={tag['Value']}" for tag in provider.get("Tags", ()))

    def _cluster_facts(self) -> c.Iterator[str]:
        for account in self._list("/api/v1", "serviceaccounts"):
            metadata = account["metadata"]
            yield f"service account {metadata['name']}"
            for kind in ("annotations", "labels"):
                yield from (
                    f"service account {metadata['name']}: {kind} {key}={value}"
                    for key, value in (metadata.get(kind) or {}).items()
                )
            for entry in metadata.get("managedFields") or ():
                owned = entry["fieldsV1"].get("f:metadata", {}).get("f:annotations", {})
                yield from (
                    f"service account {metadata['name']}: {entry['manager']} owns {key.removeprefix('f:')}"
                    for key in owned
                    if key != "."
                )
        for deployment in self._list("/apis/apps/v1", "deployments"):
            metadata = deployment["metadata"]
            yield f"deployment {metadata['name']}: generation {metadata['generation']}"
        for pod in self._list("/api/v1", "pods"):
            environment = pod["spec"]["containers"][0].get("env") or ()
            role = next((entry["value"] for entry in environment if entry["name"] == "AWS_ROLE_ARN"), None)
            yield f"pod of {pod['spec']['serviceAccountName']}: {role}"
        for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings"):
            for body in self._list_rbac(plural):
                content = {key: body.get(key) for key in ("rules", "roleRef", "subjects")}
                yield f"{plural} {body['metadata']['name']}: {json.dumps(content, sort_keys=True)}"

    def _list_rbac(self, plural: str) -> list[Json]:
        """The RBAC objects of this run: those of the namespace, or those whose names begin with it."""
        if not plural.startswith("cluster"):
            return self._list(_RBAC, plural)
        items = t.cast("list[Json]", self.api.get(f"{_RBAC}/{plural}")["items"])
        return [body for body in items if body["metadata"]["name"].startswith(f"{self.namespace}.")]
