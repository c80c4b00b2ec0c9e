"""The baseline of irsa_bindings: make the same calls with boto3 and urllib3 in as many threads, and nothing else.

It has no validation, check mode, diff or error handling, does not merge trust policies, and retries only as the
libraries do.

Usage: baseline.py BINDINGS.json, a list of bindings with one role each.
"""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import sys
import typing as t

import plain_clients

ANNOTATION = "eks.amazonaws.com/role-arn"


def main() -> None:
    bindings = json.loads(pathlib.Path(sys.argv[1]).read_text())
    iam, cluster, server = plain_clients.connect()
    host = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    provider = f"arn:aws:iam::{cluster['arn'].split(':')[4]}:oidc-provider/{host}"
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    if provider not in [entry["Arn"] for entry in providers]:
        iam.create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"])
    roles = {
        role["RoleName"]: role
        for page in iam.get_paginator("get_account_authorization_details").paginate(
            Filter=["Role"], PaginationConfig={"PageSize": 1000}
        )
        for role in page["RoleDetailList"]
    }
    accounts = {
        (account["metadata"]["namespace"], account["metadata"]["name"]): account
        for account in server.list_items("/api/v1/serviceaccounts")
    }
    namespaces = {namespace["metadata"]["name"] for namespace in server.list_items("/api/v1/namespaces")}

    def bind(binding: dict[str, t.Any]) -> None:
        namespace, name, role_name = binding["namespace"], binding["service_account"], binding["role_name"]
        policy_arn = f"arn:aws:iam::aws:policy/{binding['managed_policies'][0]}"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            f"{host}:sub": f"system:serviceaccount:{namespace}:{name}",
                            f"{host}:aud": "sts.amazonaws.com",
                        }
                    },
                }
            ],
        }
        tags = [{"Key": key, "Value": value} for key, value in binding["tags"].items()]
        role = roles.get(role_name)
        if role is None:
            role = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=json.dumps(trust), Tags=tags)["Role"]
        elif role["AssumeRolePolicyDocument"] != trust:
            iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=json.dumps(trust))
        if policy_arn not in [policy["PolicyArn"] for policy in role.get("AttachedManagedPolicies", [])]:
            iam.attach_role_policy(RoleName=role_name, PolicyArn=policy_arn)
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        account = accounts.get((namespace, name))
        if account and (account["metadata"].get("annotations") or {}).get(ANNOTATION) == role["Arn"]:
            return
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        if account is None:
            server.send("POST", path, body)
        body["metadata"] = {"name": name, "annotations": {ANNOTATION: role["Arn"]}}
        server.send("PATCH", f"{path}/{name}?fieldManager=baseline", body, "application/apply-patch+yaml")

    for namespace in sorted({binding["namespace"] for binding in bindings} - namespaces):
        server.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    with concurrent.futures.ThreadPoolExecutor(plain_clients.WORKERS) as pool:
        list(pool.map(bind, bindings))


if __name__ == "__main__":
    main()
