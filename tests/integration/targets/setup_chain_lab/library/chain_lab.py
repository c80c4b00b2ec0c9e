#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the chain of one service account, whole or broken, for the tests of irsa_verify and irsa_audit.

Options beyond those that say how to connect: ``chain``, what there is to be, as vars/main.yml has it (everything that
it names is made exactly so, and what it doesn't name is taken away; an empty one leaves all as it is); ``webhook``,
the MutatingWebhookConfiguration of the pod identity webhook as it was found at first; ``sandbox``, the sandbox's AWS,
for faults and quotas. Returns the ``webhook`` as it is then.
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
MERGE = "application/merge-patch+json"


class Lab:
    def __init__(self, module: AnsibleAWSModule) -> None:
        self.chain: dict[str, t.Any] = module.params["chain"]
        self.aws = Aws(module)
        self.iam = self.aws.client("iam")
        self.server = open_api_server(module, self.aws)
        self.original: dict[str, t.Any] | None = module.params["webhook"]
        self.sandbox: str | None = module.params["sandbox"]

    # AWS

    def steer(self, method: str, what: str, body: t.Any = None) -> None:
        if not self.sandbox:
            return
        data = None if body is None else json.dumps(body).encode()
        urllib.request.urlopen(  # the sandbox is on loopback
            urllib.request.Request(f"{self.sandbox}/sandbox-api/{what}", data=data, method=method), timeout=10
        ).close()

    def providers(self) -> None:
        wanted = {each["url"]: each for each in self.chain.get("providers", [])}
        ours = set(self.chain.get("issuers", []))
        for each in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            url = "https://" + each["Arn"].partition(":oidc-provider/")[2]
            if url.rstrip("/").rpartition("/")[2].lower() in ours:
                self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])
        for url, each in wanted.items():
            self.iam.create_open_id_connect_provider(
                Url=url, ClientIDList=each.get("client_ids", ["sts.amazonaws.com"])
            )

    def roles(self) -> None:
        names = self.chain["role_names"]
        wanted = {each["name"]: each for each in self.chain.get("roles", [])}
        for name in names:
            with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):
                for each in self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                    self.iam.detach_role_policy(RoleName=name, PolicyArn=each["PolicyArn"])
                for each in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
                    self.iam.delete_role_policy(RoleName=name, PolicyName=each)
                self.iam.delete_role(RoleName=name)
        passing = self.chain.get("passing")
        if passing:
            # While it is there others can name it; once it is gone IAM shows its unique id there instead.
            trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            self.iam.create_role(RoleName=passing, AssumeRolePolicyDocument=document)
        for name, each in wanted.items():
            self.iam.create_role(
                RoleName=name, Path=each.get("path", "/"), AssumeRolePolicyDocument=json.dumps(self.trust(each))
            )
            for arn in each.get("managed", ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]):
                self.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
            for policy, document in each.get("inline", {}).items():
                self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))

        if passing:
            self.iam.delete_role(RoleName=passing)

    def trust(self, role: dict[str, t.Any]) -> dict[str, t.Any]:
        """The role's trust policy, with other statements or another condition where the chain has them."""
        statements = self.chain.get("statements") or role["statements"]
        if "condition" in self.chain:
            statements = [{**each, "Condition": self.chain["condition"]} for each in statements]
        return {"Version": "2012-10-17", "Statement": statements}

    def elsewhere(self) -> None:
        """Provider and role of another account, reached as nobody could on AWS: by any role there."""
        other = self.chain.get("elsewhere")
        if not other:
            return
        sts = self.aws.client("sts")
        keys = sts.assume_role(RoleArn=self.chain["admin_elsewhere"], RoleSessionName="lab")["Credentials"]
        mine, session = self.iam, self.aws._session  # pylint: disable=protected-access
        self.iam = session.client(
            "iam",
            endpoint_url=mine.meta.endpoint_url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        here = self.chain
        try:
            self.chain = {**here, "providers": [], "roles": [], **other}
            self.providers()
            self.roles()
        finally:
            self.iam, self.chain = mine, here

    def eks(self) -> None:
        eks, cluster = self.aws.client("eks"), self.chain["cluster"]
        space, account = self.chain["space"], self.chain["account"]
        found = eks.list_pod_identity_associations(clusterName=cluster, namespace=space, serviceAccount=account)
        for each in found["associations"]:
            eks.delete_pod_identity_association(clusterName=cluster, associationId=each["associationId"])
        for role in self.chain.get("associations", []):
            eks.create_pod_identity_association(
                clusterName=cluster, namespace=space, serviceAccount=account, roleArn=role
            )
        for name in self.chain.get("addon_names", []):
            with contextlib.suppress(eks.exceptions.ResourceNotFoundException):
                eks.delete_addon(clusterName=cluster, addonName=name)
        for each in self.chain.get("addons", []):
            eks.create_addon(clusterName=cluster, **each)

    # Kubernetes

    def request(self, method: str, path: str, **options: t.Any) -> dict[str, t.Any]:
        return self.server.request(method, path, **options)

    def gone(self, path: str) -> None:
        """Deletes, and waits until it is gone."""
        with contextlib.suppress(errors.NotFound):
            self.request("DELETE", path, query={"gracePeriodSeconds": 0})
            for _second in range(300):
                self.request("GET", path)
                time.sleep(0.1)

    def pods(self, manifests: list[dict[str, t.Any]]) -> None:
        for each in manifests:
            body = {"apiVersion": "v1", "kind": "Pod", **each}
            self.request("POST", f"/api/v1/namespaces/{self.chain['space']}/pods", body=body)

    def annotate(self, annotations: dict[str, str] | None) -> None:
        accounts = f"/api/v1/namespaces/{self.chain['space']}/serviceaccounts"
        name = self.chain["account"]
        self.gone(f"{accounts}/{name}")
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
                content_type="application/apply-patch+yaml",
            )

    def namespace(self) -> None:
        space = self.chain["space"]
        labels = self.chain.get("namespace_labels", {})
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": labels}}
        with contextlib.suppress(errors.AlreadyExists):
            self.request("POST", "/api/v1/namespaces", body=body)
        for each in self.server.pages(f"/api/v1/namespaces/{space}/pods")[0]:
            if (each["spec"].get("serviceAccountName")) in (self.chain["account"], "default"):
                self.gone(f"/api/v1/namespaces/{space}/pods/{each['metadata']['name']}")
        for name, data in self.chain.get("config_maps", {}).items():
            path = f"/api/v1/namespaces/{space}/configmaps"
            self.gone(f"{path}/{name}")
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
            self.request("POST", path, body=body)

    def webhook(self, change: dict[str, t.Any] | None) -> None:
        """Writes the webhook's configuration, with a change; with none at all, None, it goes."""
        if not self.original:
            return
        name = self.original["metadata"]["name"]
        metadata = {key: self.original["metadata"].get(key) for key in ("name", "labels", "annotations")}
        hooks = None if change is None else [{**self.original["webhooks"][0], **change}]
        if hooks and change is not None:
            client = {**self.original["webhooks"][0]["clientConfig"], **change.get("clientConfig", {})}
            hooks[0]["clientConfig"] = {key: value for key, value in client.items() if value is not None}
        found = {each["metadata"]["name"]: each for each in self.server.pages(WEBHOOKS)[0]}.get(name)
        if found and hooks and found["webhooks"] == hooks:
            return
        self.gone(f"{WEBHOOKS}/{name}")
        if hooks:
            self.request("POST", WEBHOOKS, body={**self.original, "metadata": metadata, "webhooks": hooks})
        self.settle(change)

    def settle(self, change: dict[str, t.Any] | None) -> None:
        """An API server takes up a webhook's configuration a moment after it is written."""
        if change or change is None:
            time.sleep(self.chain.get("settle", 0.0))
            return
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "lab-"},
            "spec": {"serviceAccountName": "lab", "containers": [{"name": "lab", "image": "busybox"}]},
        }
        arn = f"arn:aws:iam::{self.chain['account_id']}:role/lab"
        account = {"metadata": {"name": "lab", "annotations": {"eks.amazonaws.com/role-arn": arn}}}
        path = f"/api/v1/namespaces/{self.chain['space']}"
        with contextlib.suppress(errors.AlreadyExists):
            self.request("POST", f"{path}/serviceaccounts", body=account)
        for _try in range(100):
            pod = self.request("POST", f"{path}/pods", query={"dryRun": "All"}, body=body)
            if any(each["name"] == "AWS_ROLE_ARN" for each in pod["spec"]["containers"][0].get("env", [])):
                self.gone(f"{path}/serviceaccounts/lab")
                return
            time.sleep(0.1)
        raise errors.ApiError("the webhook doesn't come back")

    def wait_for_aws(self) -> None:
        """A real STS learns of a role, and a real webhook of an account, a while after they are made."""
        if not self.sandbox:
            time.sleep(20)

    def build(self) -> None:
        self.steer("DELETE", "faults")
        self.steer("POST", "quotas", {"AssumeRolePolicySizeQuota": 4096})
        self.providers()
        self.roles()
        self.elsewhere()
        self.eks()
        self.namespace()
        self.webhook({})
        before = self.chain.get("before")
        if before is not None:
            self.annotate(before.get("annotations", {}))
            self.pods(before.get("pods", []))
        if self.chain.get("annotations") is None or before is None:
            self.annotate(self.chain.get("annotations"))
        else:
            account = f"/api/v1/namespaces/{self.chain['space']}/serviceaccounts/{self.chain['account']}"
            body = {"metadata": {"annotations": self.chain["annotations"]}}
            self.request("PATCH", account, body=body, content_type=MERGE)
        self.wait_for_aws()
        pods = self.chain.get("pods", [])
        if "container" in self.chain:
            spec = {"serviceAccountName": self.chain["account"], "terminationGracePeriodSeconds": 0}
            container = {"name": "app", "image": "busybox", **self.chain["container"]}
            pods = [{"metadata": {"name": "app"}, "spec": {**spec, "containers": [container]}}]
        self.pods(pods)
        # Only now, so that the pods still met the whole one.
        if "webhook" in self.chain:
            self.webhook(self.chain["webhook"])
        # As AWS has it without a request for more: the trust policy that is longer is there by now.
        self.steer("POST", "quotas", {"AssumeRolePolicySizeQuota": 2048})
        if self.chain.get("refusal"):
            fault = {"service": "sts", "operation": "AssumeRoleWithWebIdentity", "status": 403}
            self.steer("POST", "faults", {**fault, **self.chain["refusal"]})


def main() -> None:
    spec = {
        **connection.OPTIONS,
        "chain": {"type": "dict", "default": {}},
        "webhook": {"type": "dict"},
        "sandbox": {"type": "str"},
    }
    module = AnsibleAWSModule(argument_spec=spec, check_boto3=False)
    try:
        lab = Lab(module)
        if lab.chain:
            lab.build()
        hooks = lab.server.pages(WEBHOOKS)[0]
    except errors.IrsaError as error:
        module.fail_json(msg=str(error))
    ours = [each for each in hooks if each["metadata"]["name"] == "pod-identity-webhook"]
    module.exit_json(changed=bool(lab.chain), webhook=ours[0] if ours else None)


if __name__ == "__main__":
    main()
