"""Prints what is there in the clusters and in their accounts, as AWS and Kubernetes say: look.py CONFIG.

CONFIG is a JSON file: prefix of the names that count; clusters, of each its kubeconfig, issuer and account_id; and
roles, by the id of an account that isn't the caller's the role to assume.

For each cluster: accounts {NAMESPACE/NAME: role ARN or null}, roles {ARN of a role that trusts it: its subjects} and
provider (whether IAM knows its issuer).
"""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

import boto3
import kubernetes.client
import kubernetes.config

ROLE_ARN = "eks.amazonaws.com/role-arn"
Json = dict[str, t.Any]


def iam_of(role_arn: str | None) -> t.Any:
    if not role_arn:
        return boto3.client("iam")
    answer = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="look")["Credentials"]
    return boto3.client(
        "iam",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )


def in_aws(cluster: Json, config: Json) -> Json:
    iam = iam_of(config["roles"].get(cluster["account_id"]))
    host = cluster["issuer"].removeprefix("https://")
    provider = f"arn:aws:iam::{cluster['account_id']}:oidc-provider/{host}"
    roles: dict[str, list[str]] = {}
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if not role["RoleName"].startswith(config["prefix"]):
                continue
            for statement in role["AssumeRolePolicyDocument"]["Statement"]:
                if statement["Principal"] == {"Federated": provider}:
                    subjects = statement["Condition"]["StringEquals"][f"{host}:sub"]
                    roles.setdefault(role["Arn"], []).extend([subjects] if isinstance(subjects, str) else subjects)
    known = [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    return {"roles": roles, "provider": provider in known}


def in_kubernetes(cluster: Json, prefix: str) -> Json:
    client = kubernetes.config.new_client_from_config(cluster["kubeconfig"])
    accounts = kubernetes.client.CoreV1Api(client).list_service_account_for_all_namespaces().items
    return {
        "accounts": {
            f"{each.metadata.namespace}/{each.metadata.name}": (each.metadata.annotations or {}).get(ROLE_ARN)
            for each in accounts
            if each.metadata.namespace.startswith(prefix) and each.metadata.name != "default"
        },
    }


def main(path: str) -> None:
    config = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    seen = {
        name: in_aws(cluster, config) | in_kubernetes(cluster, config["prefix"])
        for name, cluster in config["clusters"].items()
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
