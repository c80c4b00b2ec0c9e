"""Creates and deletes test objects in AWS as an administrator."""

from __future__ import annotations

import collections.abc as c
import json
import pathlib
import typing as t
import urllib.request

import boto3
from permissions.cluster_objects import NAMESPACE
from sandbox import settings

Json = dict[str, t.Any]

BOUNDARY = "irsa-boundary"
TOOLS = "irsa-tools"
USER = "irsa-limited"
OWNER_TAG = {"Key": "eksops.irsa/managed", "Value": "true"}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
LIST_BUCKETS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}


class AwsObjects:
    """Roles and providers in the first AWS account of a sandbox.

    :param state: the sandbox's state directory.
    :ivar values: what the documents' examples stand for; see `documents.EXAMPLE`.
    """

    def __init__(self, state: pathlib.Path) -> None:
        self.state = settings.StateDirectory(state)
        self.cluster = self.state.cluster()
        self._sandbox = self.state.env()
        self.endpoint = self._sandbox["AWS_ENDPOINT_URL"]
        self.iam = self._client("iam")
        self.values = {
            "account": self.cluster["account_id"],
            "region": self.cluster["region"],
            "cluster": self.cluster["name"],
            "issuer": self.cluster["issuer"].rpartition("/")[2],
        }
        stem = f"arn:{self.cluster['partition']}:iam::{self.values['account']}"
        self.user_arn = f"{stem}:user/{USER}"
        self.role_stem = f"{stem}:role"
        self.policy_stem = f"{stem}:policy"
        self.boundary = f"{self.policy_stem}/{BOUNDARY}"
        self.tools = f"{self.policy_stem}/irsa/{TOOLS}"
        self.provider_arn = f"{stem}:oidc-provider/{self.cluster['issuer'].removeprefix('https://')}"
        other = settings.issuer(settings.OTHER_CLUSTER, self.values["region"])
        self.other_provider_arn = f"{stem}:oidc-provider/{other.removeprefix('https://')}"
        self.other_issuer = other
        self._number = 0

    def _client(self, service: str) -> t.Any:
        return boto3.client(
            service,
            region_name=self._sandbox["AWS_REGION"],
            endpoint_url=self.endpoint,
            aws_access_key_id=self._sandbox["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._sandbox["AWS_SECRET_ACCESS_KEY"],
        )

    def call_sandbox(self, method: str, name: str, body: t.Any = None) -> t.Any:
        """Call the sandbox's own API, which configures its AWS."""
        request = urllib.request.Request(f"{self.endpoint}/sandbox-api/{name}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def take_aws_calls(self) -> set[str]:
        """Return the calls to AWS since the last call of this method: ``SERVICE:OPERATION``."""
        calls = self.call_sandbox("GET", "calls")
        self.call_sandbox("DELETE", "calls")
        return {f"{service}:{operation}" for service, counts in calls.items() for operation in counts}

    def next_number(self) -> int:
        """Return a number that was not returned before."""
        self._number += 1
        return self._number

    def list_roles(self) -> list[str]:
        """List the names of the roles that cases created."""
        pages = self.iam.get_paginator("list_roles").paginate()
        names = [role["RoleName"] for page in pages for role in page["Roles"]]
        return [name for name in names if name.startswith("irsa-permissions")]

    def delete_role(self, name: str) -> None:
        """Delete a role with its policies and instance profiles, if it exists."""
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

    def create_role(
        self,
        name: str,
        account: str,
        *,
        namespace: str = NAMESPACE,
        path: str = "/irsa/",
        with_boundary: bool = True,
        attached: c.Sequence[str] = (),
        inline: c.Sequence[str] = (),
        profile: bool = False,
    ) -> str:
        """Replace a role by one that trusts a service account, as the collection creates it.

        :returns: its ARN.
        """
        self.delete_role(name)
        key = self.cluster["issuer"].removeprefix("https://")
        condition = {f"{key}:sub": f"system:serviceaccount:{namespace}:{account}", f"{key}:aud": settings.AUDIENCE}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": condition},
        }
        options: Json = {"PermissionsBoundary": self.boundary} if with_boundary else {}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        tags = [OWNER_TAG, {"Key": "old", "Value": "yes"}]
        response = self.iam.create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=trust, Tags=tags, Description="old", **options
        )
        for arn in attached:
            self.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in inline:
            self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(LIST_BUCKETS))
        if profile:
            self._create_profile(name)
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return str(response["Role"]["Arn"])

    def _create_profile(self, name: str) -> None:
        """Create an instance profile, unless a role that was removed from it left it behind."""
        existing = [profile["InstanceProfileName"] for profile in self.iam.list_instance_profiles()["InstanceProfiles"]]
        if name not in existing:
            self.iam.create_instance_profile(InstanceProfileName=name)

    def delete_provider(self) -> None:
        """Delete the cluster's provider if it exists."""
        self.delete_provider_by_arn(self.provider_arn)

    def delete_provider_by_arn(self, arn: str) -> None:
        """Delete a provider if it exists."""
        existing = [
            provider["Arn"] for provider in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        ]
        if arn in existing:
            self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)

    def create_provider(self, *client_ids: str) -> None:
        """Replace the cluster's provider."""
        self.delete_provider()
        self.iam.create_open_id_connect_provider(
            Url=self.cluster["issuer"],
            ClientIDList=list(client_ids) or [settings.AUDIENCE],
            ThumbprintList=["a" * 40],
            Tags=[{"Key": "old", "Value": "yes"}],
        )
