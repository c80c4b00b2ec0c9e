"""A sandbox with a limited user, and with objects that an administrator creates for the cases."""

from __future__ import annotations

import collections.abc as c
import json
import pathlib
import re
import typing as t

from permissions import documents
from permissions.aws_objects import BOUNDARY, EVERYTHING, LIST_BUCKETS, TOOLS, USER, AwsObjects
from permissions.cluster_objects import BULK_NAMESPACE, NAMESPACE, ClusterObjects, wait_until
from sandbox import settings
from sandbox.api import ApiClient

Json = dict[str, t.Any]

GROUP = "irsa:limited"
CLUSTER_ROLE = "irsa-limited"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Testbed(AwsObjects, ClusterObjects):
    """A sandbox with a limited user.

    :param state: the sandbox's state directory.
    :ivar environment: environment variables with the limited user's credentials.
    """

    def __init__(self, state: pathlib.Path) -> None:
        AwsObjects.__init__(self, state)
        ClusterObjects.__init__(self, ApiClient(self.state))
        self.environment: dict[str, str] = {}

    @property
    def admin_environment(self) -> dict[str, str]:
        """Environment variables with an administrator's credentials."""
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return {**self.environment, **{key: self._sandbox[key] for key in keys}}

    def set_up(self) -> None:
        """Create the user, its access to the cluster, and the objects that no case changes."""
        self.tear_down()
        # A real API server takes seconds to delete namespaces.
        wait_until(lambda: not self._list_namespaces(), "the namespaces of an earlier run still exist")
        self.iam.create_user(UserName=USER)
        key = self.iam.create_access_key(UserName=USER)["AccessKey"]
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.values["region"],
            "AWS_DEFAULT_REGION": self.values["region"],
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        # Like an EKS access entry: the identity is a user in a group, and RBAC decides.
        path = self.state.access_file
        entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        entry = {self.user_arn: {"username": USER, "groups": [GROUP]}}
        settings.write_private(path, json.dumps({**entry, **entries}))
        self.iam.create_policy(PolicyName=BOUNDARY, PolicyDocument=json.dumps(EVERYTHING))
        self.iam.create_policy(PolicyName=TOOLS, Path="/irsa/", PolicyDocument=json.dumps(LIST_BUCKETS))
        self.iam.create_open_id_connect_provider(Url=self.other_issuer, ClientIDList=[settings.AUDIENCE])
        self.call_sandbox("POST", "bound", [self.user_arn])

    def tear_down(self) -> None:
        """Delete everything that this or an earlier run created."""
        self.call_sandbox("POST", "bound", [])
        self.call_sandbox("POST", "quotas", {"AssumeRolePolicySizeQuota": 2048})
        self._remove_access_entry()
        for name in self.list_roles():
            self.delete_role(name)
        for profile in self.iam.list_instance_profiles()["InstanceProfiles"]:
            if profile["InstanceProfileName"].startswith("irsa-permissions"):
                self.iam.delete_instance_profile(InstanceProfileName=profile["InstanceProfileName"])
        existing = [policy["Arn"] for policy in self.iam.list_policies(Scope="Local")["Policies"]]
        for arn in (self.boundary, self.tools):
            if arn in existing:
                self.iam.delete_policy(PolicyArn=arn)
        for arn in (self.provider_arn, self.other_provider_arn):
            self.delete_provider_by_arn(arn)
        if any(user["UserName"] == USER for user in self.iam.list_users()["Users"]):
            for key in self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
                self.iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
            for policy in self.iam.list_user_policies(UserName=USER)["PolicyNames"]:
                self.iam.delete_user_policy(UserName=USER, PolicyName=policy)
            self.iam.delete_user(UserName=USER)
        for path in (f"{_RBAC}/clusterroles/{CLUSTER_ROLE}", f"{_RBAC}/clusterrolebindings/{CLUSTER_ROLE}"):
            self.delete(path)
        for kind in ("clusterroles", "clusterrolebindings"):
            self.delete(f"{_RBAC}/{kind}/irsa-permissions-granted")
        for namespace in self._list_namespaces():
            self.delete(f"/api/v1/namespaces/{namespace}")

    def _list_namespaces(self) -> list[str]:
        names = [namespace["metadata"]["name"] for namespace in self.api.get("/api/v1/namespaces")["items"]]
        return [name for name in names if name.startswith(NAMESPACE)]

    def _remove_access_entry(self) -> None:
        """Remove the limited user from the access file, and delete the file if it is then empty."""
        path = self.state.access_file
        entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        rest = {arn: entry for arn, entry in entries.items() if arn != self.user_arn}
        if rest:
            settings.write_private(path, json.dumps(rest))
        else:
            path.unlink(missing_ok=True)

    def grant_aws(self, policy: Json) -> None:
        """Replace the limited user's IAM policy."""
        self.iam.put_user_policy(UserName=USER, PolicyName="limits", PolicyDocument=json.dumps(policy))

    def grant_kubernetes(self, role: Json) -> None:
        """Replace the limited user's ClusterRole; call `wait_for_permissions` afterwards."""
        body = {**role, "metadata": {"name": CLUSTER_ROLE}}
        self.create(f"{_RBAC}/clusterroles", body)
        self.api.request("PUT", f"{_RBAC}/clusterroles/{CLUSTER_ROLE}", body)
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": CLUSTER_ROLE}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP}
        binding = {"metadata": {"name": CLUSTER_ROLE}, "roleRef": reference, "subjects": [subject]}
        self.create(f"{_RBAC}/clusterrolebindings", binding)

    def wait_for_permissions(self, allowed: c.Iterable[t.Any], denied: c.Iterable[t.Any]) -> None:
        """Wait until the API server applies a changed ClusterRole.

        :param allowed: operations that it must allow: (group, resource, verb).
        :param denied: operations that it must deny.
        """
        expected = [(operation, True) for operation in allowed] + [(operation, False) for operation in denied]
        wait_until(
            lambda: all(self._is_allowed(*operation) == is_allowed for operation, is_allowed in expected),
            f"the API server does not apply the ClusterRole: {expected}",
            seconds=20,
        )

    def _is_allowed(self, group: str, resource: str, verb: str) -> bool:
        name, _slash, subresource = resource.partition("/")
        attributes = {"group": group, "resource": name, "subresource": subresource, "verb": verb}
        spec = {"user": USER, "groups": [GROUP, "system:authenticated"], "resourceAttributes": attributes}
        answer = self.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(answer["status"]["allowed"])

    def anonymize(self, text: str) -> str:
        """Replace the sandbox's values and generated names by those of the documentation's examples."""
        text = text.replace(self.values["issuer"], documents.EXAMPLE["issuer"])
        text = text.replace(self.values["cluster"], documents.EXAMPLE["cluster"])
        text = text.replace("irsa-permissions-app", "reports").replace("irsa-permissions-granted", "reports-irsa")
        text = re.sub(r"irsa-permissions-\d+", "new", text)
        text = text.replace(BULK_NAMESPACE, "shop").replace(NAMESPACE, "shop")
        # Names of pods and ReplicaSets are generated.
        text = re.sub(r"irsa-verify-env-[0-9a-f]+", "irsa-verify-env-abcde", text)
        return re.sub(r"shop/([a-z]+)(-[0-9a-z]{5,10})+\b", r"shop/\1-abcde", text)
