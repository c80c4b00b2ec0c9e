"""What the proof needs around it, made with an administrator's rights: the limited identity, and what it works on."""

from __future__ import annotations

import collections.abc as c
import json
import pathlib
import re
import time
import typing as t
import urllib.request

import boto3
import documents
import modules
from sandbox import settings
from sandbox.api import MERGE_PATCH, Api, ApiError

Json = dict[str, t.Any]

USER = "irsa-limited"
GROUP = "irsa:limited"
CLUSTER_ROLE = "irsa-limited"
BOUNDARY = "irsa-boundary"
TOOLS = "irsa-tools"
SPACE = "irsa-permissions"
MANY = "irsa-permissions-many"
FULL = "irsa-permissions-full"
ROLE_ARN = "eks.amazonaws.com/role-arn"
OWNER_TAG = {"Key": "eksops.irsa/managed", "Value": "true"}
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_LIST_BUCKETS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
_KINDS = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "ReplicationController": ("/api/v1", "replicationcontrollers"),
}


class World:
    """A sandbox with the limited identity in it.

    :param state: the sandbox's state directory.
    """

    def __init__(self, state: pathlib.Path) -> None:
        self.state = settings.State(state)
        self.cluster = self.state.cluster()
        self._sandbox = self.state.env()
        self.endpoint = self._sandbox["AWS_ENDPOINT_URL"]
        self.iam = self._client("iam")
        self.api = Api(self.state)
        self.place = {
            "account": self.cluster["account_id"],
            "region": self.cluster["region"],
            "cluster": self.cluster["name"],
            "issuer": self.cluster["issuer"].rpartition("/")[2],
        }
        stem = f"arn:{self.cluster['partition']}:iam::{self.place['account']}"
        self.user_arn = f"{stem}:user/{USER}"
        self.role_stem = f"{stem}:role"
        self.policy_stem = f"{stem}:policy"
        self.boundary = f"{self.policy_stem}/{BOUNDARY}"
        self.tools = f"{self.policy_stem}/irsa/{TOOLS}"
        self.provider_arn = f"{stem}:oidc-provider/{self.cluster['issuer'].removeprefix('https://')}"
        other = settings.issuer(settings.OTHER_CLUSTER, self.place["region"])
        self.other_provider_arn = f"{stem}:oidc-provider/{other.removeprefix('https://')}"
        self.other_issuer = other
        self.environment: dict[str, str] = {}
        self._number = 0
        self._connection: Json = {}

    def _client(self, service: str) -> t.Any:
        return boto3.client(
            service,
            region_name=self._sandbox["AWS_REGION"],
            endpoint_url=self.endpoint,
            aws_access_key_id=self._sandbox["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._sandbox["AWS_SECRET_ACCESS_KEY"],
        )

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

    # The identity

    def build(self) -> None:
        """Makes the user, its way into the cluster, and what does not change from case to case."""
        self.clear()
        self._await_no_space()
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
        self.iam.create_policy(PolicyName=BOUNDARY, PolicyDocument=json.dumps(_EVERYTHING))
        self.iam.create_policy(PolicyName=TOOLS, Path="/irsa/", PolicyDocument=json.dumps(_LIST_BUCKETS))
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
        known = [each["Arn"] for each in self.iam.list_policies(Scope="Local")["Policies"]]
        for arn in (self.boundary, self.tools):
            if arn in known:
                self.iam.delete_policy(PolicyArn=arn)
        for arn in (self.provider_arn, self.other_provider_arn):
            self._drop_provider(arn)
        if any(user["UserName"] == USER for user in self.iam.list_users()["Users"]):
            for key in self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
                self.iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
            for policy in self.iam.list_user_policies(UserName=USER)["PolicyNames"]:
                self.iam.delete_user_policy(UserName=USER, PolicyName=policy)
            self.iam.delete_user(UserName=USER)
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        for path in (f"{rbac}/clusterroles/{CLUSTER_ROLE}", f"{rbac}/clusterrolebindings/{CLUSTER_ROLE}"):
            self.drop(path)
        for kind in ("clusterroles", "clusterrolebindings"):
            self.drop(f"{rbac}/{kind}/irsa-permissions-granted")
        for space in self.api.get("/api/v1/namespaces")["items"]:
            if space["metadata"]["name"].startswith(SPACE):
                self.drop(f"/api/v1/namespaces/{space['metadata']['name']}")

    def _await_no_space(self) -> None:
        """Until the namespaces of an earlier run are gone: a real API server takes some seconds for it."""
        until = time.monotonic() + 60
        while any(each["metadata"]["name"].startswith(SPACE) for each in self.api.get("/api/v1/namespaces")["items"]):
            if time.monotonic() > until:
                raise RuntimeError("the namespaces of an earlier run don't go away")
            time.sleep(0.2)

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
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        body = {**role, "metadata": {"name": CLUSTER_ROLE}}
        self.make(f"{rbac}/clusterroles", body)
        self.api.request("PUT", f"{rbac}/clusterroles/{CLUSTER_ROLE}", body)
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": CLUSTER_ROLE}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP}
        binding = {"metadata": {"name": CLUSTER_ROLE}, "roleRef": reference, "subjects": [subject]}
        self.make(f"{rbac}/clusterrolebindings", binding)

    def await_rights(self, allowed: c.Iterable[t.Any], denied: c.Iterable[t.Any]) -> None:
        """Waits until the API server has taken notice of a ClusterRole."""
        until = time.monotonic() + 20
        wanted = [(each, True) for each in allowed] + [(each, False) for each in denied]
        while any(self._may(*operation) != expected for operation, expected in wanted):
            if time.monotonic() > until:
                raise RuntimeError(f"the API server doesn't act on the ClusterRole: {wanted}")
            time.sleep(0.02)

    def _may(self, group: str, resource: str, verb: str) -> bool:
        name, _slash, subresource = resource.partition("/")
        attributes = {"group": group, "resource": name, "subresource": subresource, "verb": verb}
        spec = {"user": USER, "groups": [GROUP, "system:authenticated"], "resourceAttributes": attributes}
        answer = self.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(answer["status"]["allowed"])

    def sandbox(self, method: str, name: str, body: t.Any = None) -> t.Any:
        """Steers the sandbox's AWS."""
        request = urllib.request.Request(f"{self.endpoint}/sandbox-api/{name}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def asked_of_aws(self) -> set[str]:
        """What AWS was asked for since the last time: ``SERVICE:OPERATION``."""
        calls = self.sandbox("GET", "calls")
        self.sandbox("DELETE", "calls")
        return {f"{service}:{operation}" for service, counts in calls.items() for operation in counts}

    # What is worked on, in AWS

    def next(self) -> int:
        """A number that wasn't given before."""
        self._number += 1
        return self._number

    def roles(self) -> list[str]:
        """The roles that cases have made."""
        pages = self.iam.get_paginator("list_roles").paginate()
        names = [role["RoleName"] for page in pages for role in page["Roles"]]
        return [name for name in names if name.startswith("irsa-permissions")]

    def drop_role(self, name: str) -> None:
        """Deletes a role with all that hangs on it, if there is one."""
        try:
            self.iam.get_role(RoleName=name)
        except self.iam.exceptions.NoSuchEntityException:
            return
        for profile in self.iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
            profile_name = profile["InstanceProfileName"]
            self.iam.remove_role_from_instance_profile(InstanceProfileName=profile_name, RoleName=name)
            self.iam.delete_instance_profile(InstanceProfileName=profile_name)
        for policy in self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            self.iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
            self.iam.delete_role_policy(RoleName=name, PolicyName=policy)
        self.iam.delete_role(RoleName=name)

    def make_role(
        self,
        name: str,
        account: str,
        *,
        space: str = SPACE,
        path: str = "/irsa/",
        bounded: bool = True,
        attached: c.Sequence[str] = (),
        inline: c.Sequence[str] = (),
        profile: bool = False,
    ) -> str:
        """Makes the role anew, as the collection would for a service account, and returns its ARN."""
        self.drop_role(name)
        key = self.cluster["issuer"].removeprefix("https://")
        condition = {f"{key}:sub": f"system:serviceaccount:{space}:{account}", f"{key}:aud": settings.AUDIENCE}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": condition},
        }
        options: Json = {"PermissionsBoundary": self.boundary} if bounded else {}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        tags = [OWNER_TAG, {"Key": "old", "Value": "yes"}]
        made = self.iam.create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=trust, Tags=tags, Description="old", **options
        )
        for arn in attached:
            self.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in inline:
            self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(_LIST_BUCKETS))
        if profile:
            self._make_profile(name)
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return str(made["Role"]["Arn"])

    def _make_profile(self, name: str) -> None:
        """An empty instance profile; a role that was taken out of one has left it behind."""
        known = [each["InstanceProfileName"] for each in self.iam.list_instance_profiles()["InstanceProfiles"]]
        if name not in known:
            self.iam.create_instance_profile(InstanceProfileName=name)

    def drop_provider(self) -> None:
        """Deletes the cluster's provider; none is no error."""
        self._drop_provider(self.provider_arn)

    def _drop_provider(self, arn: str) -> None:
        known = [each["Arn"] for each in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        if arn in known:
            self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)

    def make_provider(self, *client_ids: str) -> None:
        """Makes the cluster's provider anew."""
        self.drop_provider()
        self.iam.create_open_id_connect_provider(
            Url=self.cluster["issuer"],
            ClientIDList=list(client_ids) or [settings.AUDIENCE],
            ThumbprintList=["a" * 40],
            Tags=[{"Key": "old", "Value": "yes"}],
        )

    # What is worked on, in Kubernetes

    def drop(self, path: str) -> None:
        """Deletes an object; none is no error."""
        try:
            self.api.delete(path, {"propagationPolicy": "Background", "gracePeriodSeconds": 0})
        except ApiError as error:
            if error.status != 404:
                raise

    def make(self, path: str, body: Json) -> None:
        """Creates an object; one that is there already is no error."""
        try:
            self.api.post(path, body)
        except ApiError as error:
            if error.status != 409:
                raise

    def make_space(self, name: str) -> None:
        """Creates a namespace."""
        self.make("/api/v1/namespaces", {"metadata": {"name": name}})

    def annotate(self, account: str, role_arn: str | None, space: str = SPACE) -> None:
        """Makes a service account, with a role's ARN or without."""
        path = f"/api/v1/namespaces/{space}/serviceaccounts"
        self.make(path, {"metadata": {"name": account}})
        metadata = {"annotations": {ROLE_ARN: role_arn}}
        self.api.request("PATCH", f"{path}/{account}", {"metadata": metadata}, content_type=MERGE_PATCH)

    def make_workload(self, kind: str, name: str, *, space: str = SPACE, env_from: Json | None = None) -> None:
        """Makes a workload of one pod with a service account of its own name."""
        prefix, plural = _KINDS[kind]
        labels = {"app": name}
        container: Json = {"name": "app", "image": "busybox", "command": ["sleep", "3600"]}
        if env_from:
            container["envFrom"] = [env_from]
        pod: Json = {"serviceAccountName": name, "terminationGracePeriodSeconds": 0, "containers": [container]}
        # Long enough for all that watches the rollout to have begun before it is over.
        spec: Json = {"template": {"metadata": {"labels": labels}, "spec": pod}, "minReadySeconds": 1}
        spec["selector"] = labels if kind == "ReplicationController" else {"matchLabels": labels}
        if kind != "DaemonSet":
            spec["replicas"] = 1
        if kind == "StatefulSet":
            spec["serviceName"] = name
        self.make(f"{prefix}/namespaces/{space}/{plural}", {"metadata": {"name": name}, "spec": spec})

    def await_workload(self, kind: str, name: str) -> None:
        """Waits until a workload is what its template says, so that no rollout is under way."""
        prefix, plural = _KINDS[kind]
        until = time.monotonic() + 60
        while not _is_settled(kind, self.api.get(f"{prefix}/namespaces/{SPACE}/{plural}/{name}")):
            if time.monotonic() > until:
                raise RuntimeError(f"{kind} {name} doesn't come to rest")
            time.sleep(0.05)

    def await_pods(self, count: int, *, space: str = SPACE, running: bool = True) -> None:
        """Waits for so many pods, and until all of them run."""
        until = time.monotonic() + 60
        while True:
            pods = self.api.get(f"/api/v1/namespaces/{space}/pods")["items"]
            live = [each for each in pods if not each["metadata"].get("deletionTimestamp")]
            phases = [(each.get("status") or {}).get("phase") for each in live]
            if len(live) == count and (not running or all(phase == "Running" for phase in phases)):
                return
            if time.monotonic() > until:
                raise RuntimeError(f"{space} has the pods {phases}, not {count}")
            time.sleep(0.1)

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


def _is_settled(kind: str, workload: Json) -> bool:
    """Whether all pods are new and available, by the workload's own word."""
    status = workload.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(workload["metadata"].get("generation") or 0):
        return False
    if kind == "DaemonSet":
        counts = ("updatedNumberScheduled", "numberAvailable", "currentNumberScheduled")
    elif kind == "StatefulSet":
        counts = ("replicas", "readyReplicas", "updatedReplicas")
    else:
        counts = ("replicas", "availableReplicas", *(("updatedReplicas",) if kind == "Deployment" else ()))
    same = status.get("currentRevision") == status.get("updateRevision")
    return same and all(int(status.get(each) or 0) == 1 for each in counts)
