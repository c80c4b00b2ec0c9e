#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the chain of one service account, intact or broken, for the tests of irsa_verify and irsa_audit.

Options besides those for the connection:

- ``chain``: the chain as in vars/main.yml. The module creates what the chain has and deletes what it does not have. An
  empty chain changes nothing.
- ``webhook``: the original MutatingWebhookConfiguration of the pod identity webhook.
- ``sandbox_url``: the URL of the sandbox, to inject errors and set quotas.

Returns the current ``webhook``.
"""

from __future__ import annotations

import contextlib
import json
import time
import typing as t
import urllib.request

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.connection import open_api_server
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ChainLab:
    """Builds a chain in AWS and Kubernetes."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.chain: dict[str, t.Any] = module.params["chain"]
        self.aws = Aws(module)
        self.iam = self.aws.client("iam")
        self.server = open_api_server(module, self.aws)
        self.original_webhook: dict[str, t.Any] | None = module.params["webhook"]
        self.sandbox_url: str | None = module.params["sandbox_url"]

    # AWS

    def call_sandbox(self, method: str, resource: str, body: t.Any = None) -> None:
        """Send a request to the control API of the sandbox; do nothing without a sandbox."""
        if not self.sandbox_url:
            return
        data = None if body is None else json.dumps(body).encode()
        urllib.request.urlopen(  # the sandbox is on loopback
            urllib.request.Request(f"{self.sandbox_url}/sandbox-api/{resource}", data=data, method=method), timeout=10
        ).close()

    def build_providers(self) -> None:
        """Replace the OIDC providers of the issuers that tests use."""
        test_issuers = set(self.chain.get("issuers", []))
        for provider in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            url = "https://" + provider["Arn"].partition(":oidc-provider/")[2]
            if url.rstrip("/").rpartition("/")[2].lower() in test_issuers:
                self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
        for provider in self.chain.get("providers", []):
            self.iam.create_open_id_connect_provider(
                Url=provider["url"], ClientIDList=provider.get("client_ids", ["sts.amazonaws.com"])
            )

    def build_roles(self) -> None:
        """Replace the IAM roles that tests use."""
        for name in self.chain["role_names"]:
            with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):
                for policy in self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                    self.iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
                for policy_name in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
                    self.iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
                self.iam.delete_role(RoleName=name)
        deleted_role = self.chain.get("deleted_role")
        if deleted_role:
            # A trust policy can only name an existing role. After its deletion IAM shows the role's unique ID instead.
            trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            self.iam.create_role(RoleName=deleted_role, AssumeRolePolicyDocument=document)
        for role in self.chain.get("roles", []):
            name = role["name"]
            self.iam.create_role(
                RoleName=name,
                Path=role.get("path", "/"),
                AssumeRolePolicyDocument=json.dumps(self.trust_policy(role)),
            )
            for arn in role.get("managed", ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]):
                self.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
            for policy_name, document in role.get("inline", {}).items():
                self.iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(document))

        if deleted_role:
            self.iam.delete_role(RoleName=deleted_role)

    def trust_policy(self, role: dict[str, t.Any]) -> dict[str, t.Any]:
        """The trust policy of a role. ``statements`` and ``condition`` of the chain override those of the role."""
        statements = self.chain.get("statements") or role["statements"]
        if "condition" in self.chain:
            statements = [{**statement, "Condition": self.chain["condition"]} for statement in statements]
        return {"Version": "2012-10-17", "Statement": statements}

    def build_in_other_account(self) -> None:
        """Build provider and role in another AWS account. The sandbox allows any caller to assume a role there."""
        other_chain = self.chain.get("in_other_account")
        if other_chain is None:
            return
        sts = self.aws.client("sts")
        role_arn = self.chain["other_account_role_arn"]
        credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName="lab")["Credentials"]
        iam, session = self.iam, self.aws._session  # pylint: disable=protected-access
        self.iam = session.client(
            "iam",
            endpoint_url=iam.meta.endpoint_url,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        chain = self.chain
        try:
            self.chain = {**chain, "providers": [], "roles": [], **other_chain}
            self.build_providers()
            self.build_roles()
        finally:
            self.iam, self.chain = iam, chain

    def build_eks(self) -> None:
        """Replace the pod identity associations and add-ons."""
        eks, cluster = self.aws.client("eks"), self.chain["cluster"]
        namespace, account = self.chain["namespace"], self.chain["service_account"]
        response = eks.list_pod_identity_associations(clusterName=cluster, namespace=namespace, serviceAccount=account)
        for association in response["associations"]:
            eks.delete_pod_identity_association(clusterName=cluster, associationId=association["associationId"])
        for role_arn in self.chain.get("associations", []):
            eks.create_pod_identity_association(
                clusterName=cluster, namespace=namespace, serviceAccount=account, roleArn=role_arn
            )
        for name in self.chain.get("addon_names", []):
            with contextlib.suppress(eks.exceptions.ResourceNotFoundException):
                eks.delete_addon(clusterName=cluster, addonName=name)
        for addon in self.chain.get("addons", []):
            eks.create_addon(clusterName=cluster, **addon)

    # Kubernetes

    def request(self, method: str, path: str, **options: t.Any) -> dict[str, t.Any]:
        """Send a request to the API server."""
        return self.server.request(method, path, **options)

    def delete_and_wait(self, path: str) -> None:
        """Delete an object and wait up to 30 seconds until it does not exist."""
        with contextlib.suppress(errors.NotFound):
            self.request("DELETE", path, query={"gracePeriodSeconds": 0})
            for _attempt in range(300):
                self.request("GET", path)
                time.sleep(0.1)

    def create_pods(self, manifests: list[dict[str, t.Any]]) -> None:
        """Create pods in the namespace."""
        for manifest in manifests:
            body = {"apiVersion": "v1", "kind": "Pod", **manifest}
            self.request("POST", f"/api/v1/namespaces/{self.chain['namespace']}/pods", body=body)

    def build_service_account(self, annotations: dict[str, str] | None) -> None:
        """Replace the service account; with None delete it only."""
        accounts = f"/api/v1/namespaces/{self.chain['namespace']}/serviceaccounts"
        name = self.chain["service_account"]
        self.delete_and_wait(f"{accounts}/{name}")
        if annotations is None:
            return
        metadata = {"name": name, "annotations": annotations}
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        for manager in self.chain.get("managers", ["eksops.irsa"]):
            self.request(
                "PATCH",
                f"{accounts}/{name}",
                query={"fieldManager": manager, "force": True},
                body=body,
                content_type=APPLY_PATCH,
            )

    def build_namespace(self) -> None:
        """Create the namespace, delete the pods that tests created in it, and replace the ConfigMaps."""
        namespace = self.chain["namespace"]
        labels = self.chain.get("namespace_labels", {})
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
        with contextlib.suppress(errors.AlreadyExists):
            self.request("POST", "/api/v1/namespaces", body=body)
        for pod in self.server.pages(f"/api/v1/namespaces/{namespace}/pods")[0]:
            if pod["spec"].get("serviceAccountName") in (self.chain["service_account"], "default"):
                self.delete_and_wait(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}")
        for name, data in self.chain.get("config_maps", {}).items():
            path = f"/api/v1/namespaces/{namespace}/configmaps"
            self.delete_and_wait(f"{path}/{name}")
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
            self.request("POST", path, body=body)

    def write_webhook(self, change: dict[str, t.Any] | None) -> None:
        """Write the original webhook configuration with a change; with None delete it."""
        if not self.original_webhook:
            return
        original_hook = self.original_webhook["webhooks"][0]
        name = self.original_webhook["metadata"]["name"]
        metadata = {key: self.original_webhook["metadata"].get(key) for key in ("name", "labels", "annotations")}
        hooks = None if change is None else [{**original_hook, **change}]
        if hooks and change is not None:
            client_config = {**original_hook["clientConfig"], **change.get("clientConfig", {})}
            hooks[0]["clientConfig"] = {key: value for key, value in client_config.items() if value is not None}
        configurations = {
            configuration["metadata"]["name"]: configuration for configuration in self.server.pages(WEBHOOKS)[0]
        }
        current = configurations.get(name)
        if current and hooks and current["webhooks"] == hooks:
            return
        self.delete_and_wait(f"{WEBHOOKS}/{name}")
        if hooks:
            self.request("POST", WEBHOOKS, body={**self.original_webhook, "metadata": metadata, "webhooks": hooks})
        self.wait_for_webhook(change)

    def wait_for_webhook(self, change: dict[str, t.Any] | None) -> None:
        """Wait until the API server uses the webhook configuration that was written.

        A change has no effect that could be observed, so the method waits for the settle delay of the chain. The
        original configuration works when a dry run of a pod gets the role.

        :raises errors.ApiError: the webhook still does nothing after 10 seconds.
        """
        if change or change is None:
            time.sleep(self.chain.get("settle_delay", 0.0))
            return
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "lab-"},
            "spec": {"serviceAccountName": "lab", "containers": [{"name": "lab", "image": "busybox"}]},
        }
        arn = f"arn:aws:iam::{self.chain['account_id']}:role/lab"
        account = {"metadata": {"name": "lab", "annotations": {"eks.amazonaws.com/role-arn": arn}}}
        path = f"/api/v1/namespaces/{self.chain['namespace']}"
        with contextlib.suppress(errors.AlreadyExists):
            self.request("POST", f"{path}/serviceaccounts", body=account)
        for _attempt in range(100):
            pod = self.request("POST", f"{path}/pods", query={"dryRun": "All"}, body=body)
            if any(variable["name"] == "AWS_ROLE_ARN" for variable in pod["spec"]["containers"][0].get("env", [])):
                self.delete_and_wait(f"{path}/serviceaccounts/lab")
                return
            time.sleep(0.1)
        raise errors.ApiError("the restored webhook does not inject the role into new pods")

    def wait_for_aws(self) -> None:
        """Wait until a real STS knows a new role and a real webhook knows a new service account."""
        if not self.sandbox_url:
            time.sleep(20)

    def build(self) -> None:
        """Build the chain."""
        self.call_sandbox("DELETE", "faults")
        self.call_sandbox("POST", "quotas", {"AssumeRolePolicySizeQuota": 4096})
        self.build_providers()
        self.build_roles()
        self.build_in_other_account()
        self.build_eks()
        self.build_namespace()
        self.write_webhook({})
        before = self.chain.get("before")
        if before is not None:
            self.build_service_account(before.get("annotations", {}))
            self.create_pods(before.get("pods", []))
        if self.chain.get("annotations") is None or before is None:
            self.build_service_account(self.chain.get("annotations"))
        else:
            path = f"/api/v1/namespaces/{self.chain['namespace']}/serviceaccounts/{self.chain['service_account']}"
            body = {"metadata": {"annotations": self.chain["annotations"]}}
            self.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        self.wait_for_aws()
        pods = self.chain.get("pods", [])
        if "container" in self.chain:
            spec = {"serviceAccountName": self.chain["service_account"], "terminationGracePeriodSeconds": 0}
            container = {"name": "app", "image": "busybox", **self.chain["container"]}
            pods = [{"metadata": {"name": "app"}, "spec": {**spec, "containers": [container]}}]
        self.create_pods(pods)
        # After the pods, so that the intact webhook processes them.
        if "webhook" in self.chain:
            self.write_webhook(self.chain["webhook"])
        # The default quota of AWS. A trust policy that exceeds it already exists.
        self.call_sandbox("POST", "quotas", {"AssumeRolePolicySizeQuota": 2048})
        if self.chain.get("refusal"):
            fault = {"service": "sts", "operation": "AssumeRoleWithWebIdentity", "status": 403}
            self.call_sandbox("POST", "faults", {**fault, **self.chain["refusal"]})


def main() -> None:
    spec = {
        **connection.OPTIONS,
        "chain": {"type": "dict", "default": {}},
        "webhook": {"type": "dict"},
        "sandbox_url": {"type": "str"},
    }
    module = AnsibleAWSModule(argument_spec=spec, check_boto3=False)
    try:
        lab = ChainLab(module)
        if lab.chain:
            lab.build()
        configurations = lab.server.pages(WEBHOOKS)[0]
    except errors.IrsaError as error:
        module.fail_json(msg=str(error))
    webhooks = [
        configuration for configuration in configurations if configuration["metadata"]["name"] == "pod-identity-webhook"
    ]
    module.exit_json(changed=bool(lab.chain), webhook=webhooks[0] if webhooks else None)


if __name__ == "__main__":
    main()
