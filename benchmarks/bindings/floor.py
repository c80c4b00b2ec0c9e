"""The least that has to be done: the calls of irsa_bindings by boto3 and urllib3, in as many threads, and nothing else.

No validation, no merge with what others wrote, no check mode, no diff, no error handling, no retries beyond the
libraries' own. Usage: floor.py BINDINGS.json, a list of bindings that have a role each.
"""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import sys
import typing as t

import bare

KEY = "eks.amazonaws.com/role-arn"


def main() -> None:
    bindings = json.loads(pathlib.Path(sys.argv[1]).read_text())
    iam, cluster, server = bare.connect()
    host = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    account = cluster["arn"].split(":")[4]
    provider = f"arn:aws:iam::{account}:oidc-provider/{host}"
    if provider not in [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]:
        iam.create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"])
    roles = {
        role["RoleName"]: role
        for page in iam.get_paginator("get_account_authorization_details").paginate(
            Filter=["Role"], PaginationConfig={"PageSize": 1000}
        )
        for role in page["RoleDetailList"]
    }
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each
        for each in server.pages("/api/v1/serviceaccounts")
    }
    namespaces = {each["metadata"]["name"] for each in server.pages("/api/v1/namespaces")}

    def bind(binding: dict[str, t.Any]) -> None:
        namespace, name, role_name = binding["namespace"], binding["service_account"], binding["role_name"]
        policy = f"arn:aws:iam::aws:policy/{binding['managed_policies'][0]}"
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
        if policy not in [each["PolicyArn"] for each in role.get("AttachedManagedPolicies", [])]:
            iam.attach_role_policy(RoleName=role_name, PolicyArn=policy)
        annotations = {KEY: role["Arn"]}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        there = accounts.get((namespace, name))
        if there and (there["metadata"].get("annotations") or {}).get(KEY) == role["Arn"]:
            return
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        if there is None:
            server.send("POST", path, body)
        body["metadata"] = {"name": name, "annotations": annotations}
        server.send("PATCH", f"{path}/{name}?fieldManager=floor", body, "application/apply-patch+yaml")

    for namespace in sorted({each["namespace"] for each in bindings} - namespaces):
        server.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    with concurrent.futures.ThreadPoolExecutor(bare.WORKERS) as pool:
        list(pool.map(bind, bindings))


if __name__ == "__main__":
    main()
