"""The limited identity, in a sandbox in which an administrator makes what it works on."""

from __future__ import annotations

import collections.abc as c
import json
import pathlib
import re
import typing as t

from permissions import documents, modules
from permissions.aws_objects import BOUNDARY, EVERYTHING, LIST_BUCKETS, TOOLS, USER, AwsObjects
from permissions.cluster_objects import MANY, SPACE, ClusterObjects, wait_until
from sandbox import settings
from sandbox.api import Api

Json = dict[str, t.Any]

GROUP = "irsa:limited"
CLUSTER_ROLE = "irsa-limited"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


class World(AwsObjects, ClusterObjects):
    """A sandbox with the limited identity in it.

    :param state: the sandbox's state directory.
    """

    def __init__(self, state: pathlib.Path) -> None:
        AwsObjects.__init__(self, state)
        ClusterObjects.__init__(self, Api(self.state))
        self.environment: dict[str, str] = {}
        self._connection: Json = {}

    @property
    def administrator(self) -> dict[str, str]:
        """The environment of one who may do everything."""
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return {**self.environment, **{key: self._sandbox[key] for key in keys}}

    def connection(self) -> Json:
        """The limited identity's way to the cluster, for modules that can't go by the cluster's name."""
        if not self._connection:
            options = {"cluster_name": self.place["cluster"]}
            found = modules.run("eksops.irsa.eks_kubeconfig_info", options, self.environment)
            self._connection = {"kubeconfig": found.result["kubeconfig"]}
        return self._connection

    def build(self) -> None:
        """Makes the user, its way into the cluster, and what does not change from case to case."""
        self.clear()
        # A real API server takes some seconds for the namespaces of an earlier run.
        wait_until(lambda: not self._spaces(), "the namespaces of an earlier run don't go away")
        self.iam.create_user(UserName=USER)
        key = self.iam.create_access_key(UserName=USER)["AccessKey"]
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.place["region"],
            "AWS_DEFAULT_REGION": self.place["region"],
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        # As a cluster's access entry does: the identity is one user in one group, and RBAC says the rest.
        path = self.state.access_file
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        entry = {self.user_arn: {"username": USER, "groups": [GROUP]}}
        settings.write_private(path, json.dumps({**entry, **known}))
        self.iam.create_policy(PolicyName=BOUNDARY, PolicyDocument=json.dumps(EVERYTHING))
        self.iam.create_policy(PolicyName=TOOLS, Path="/irsa/", PolicyDocument=json.dumps(LIST_BUCKETS))
        self.iam.create_open_id_connect_provider(Url=self.other_issuer, ClientIDList=[settings.AUDIENCE])
        self.sandbox("POST", "bound", [self.user_arn])

    def clear(self) -> None:
        """Takes away all that any run of this has made."""
        self.sandbox("POST", "bound", [])
        self.sandbox("POST", "quotas", {"AssumeRolePolicySizeQuota": 2048})
        self._forget_access()
        for name in self.roles():
            self.drop_role(name)
        for profile in self.iam.list_instance_profiles()["InstanceProfiles"]:
            if profile["InstanceProfileName"].startswith("irsa-permissions"):
                self.iam.delete_instance_profile(InstanceProfileName=profile["InstanceProfileName"])
        known = [policy["Arn"] for policy in self.iam.list_policies(Scope="Local")["Policies"]]
        for arn in (self.boundary, self.tools):
            if arn in known:
                self.iam.delete_policy(PolicyArn=arn)
        for arn in (self.provider_arn, self.other_provider_arn):
            self.drop_provider_of(arn)
        if any(user["UserName"] == USER for user in self.iam.list_users()["Users"]):
            for key in self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
                self.iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
            for policy in self.iam.list_user_policies(UserName=USER)["PolicyNames"]:
                self.iam.delete_user_policy(UserName=USER, PolicyName=policy)
            self.iam.delete_user(UserName=USER)
        for path in (f"{_RBAC}/clusterroles/{CLUSTER_ROLE}", f"{_RBAC}/clusterrolebindings/{CLUSTER_ROLE}"):
            self.drop(path)
        for kind in ("clusterroles", "clusterrolebindings"):
            self.drop(f"{_RBAC}/{kind}/irsa-permissions-granted")
        for space in self._spaces():
            self.drop(f"/api/v1/namespaces/{space}")

    def _spaces(self) -> list[str]:
        names = [space["metadata"]["name"] for space in self.api.get("/api/v1/namespaces")["items"]]
        return [name for name in names if name.startswith(SPACE)]

    def _forget_access(self) -> None:
        """The limited user out of the file of those who may in, and the file too if nobody else is in it."""
        path = self.state.access_file
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        rest = {arn: entry for arn, entry in known.items() if arn != self.user_arn}
        if rest:
            settings.write_private(path, json.dumps(rest))
        else:
            path.unlink(missing_ok=True)

    def allow_aws(self, policy: Json) -> None:
        """From the next call on this is all that the identity may do in AWS."""
        self.iam.put_user_policy(UserName=USER, PolicyName="limits", PolicyDocument=json.dumps(policy))

    def allow_kubernetes(self, role: Json) -> None:
        """From now on this is all that the identity may do in the cluster, besides what every user may."""
        body = {**role, "metadata": {"name": CLUSTER_ROLE}}
        self.make(f"{_RBAC}/clusterroles", body)
        self.api.request("PUT", f"{_RBAC}/clusterroles/{CLUSTER_ROLE}", body)
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": CLUSTER_ROLE}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP}
        binding = {"metadata": {"name": CLUSTER_ROLE}, "roleRef": reference, "subjects": [subject]}
        self.make(f"{_RBAC}/clusterrolebindings", binding)

    def await_rights(self, allowed: c.Iterable[t.Any], denied: c.Iterable[t.Any]) -> None:
        """Waits until the API server has taken notice of a ClusterRole."""
        wanted = [(operation, True) for operation in allowed] + [(operation, False) for operation in denied]
        wait_until(
            lambda: all(self._may(*operation) == expected for operation, expected in wanted),
            f"the API server doesn't act on the ClusterRole: {wanted}",
            seconds=20,
        )

    def _may(self, group: str, resource: str, verb: str) -> bool:
        name, _slash, subresource = resource.partition("/")
        attributes = {"group": group, "resource": name, "subresource": subresource, "verb": verb}
        spec = {"user": USER, "groups": [GROUP, "system:authenticated"], "resourceAttributes": attributes}
        answer = self.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(answer["status"]["allowed"])

    def example(self, text: str) -> str:
        """A text with the values of the documentation's example instead of the sandbox's, and of one run alone."""
        text = text.replace(self.place["issuer"], documents.EXAMPLE["issuer"])
        text = text.replace(self.place["cluster"], documents.EXAMPLE["cluster"])
        text = text.replace("irsa-permissions-app", "reports").replace("irsa-permissions-granted", "reports-irsa")
        text = re.sub(r"irsa-permissions-\d+", "new", text)
        text = text.replace(MANY, "shop").replace(SPACE, "shop")
        # Pods and ReplicaSets have names that nobody chose.
        text = re.sub(r"irsa-verify-env-[0-9a-f]+", "irsa-verify-env-abcde", text)
        return re.sub(r"shop/([a-z]+)(-[0-9a-z]{5,10})+\b", r"shop/\1-abcde", text)
