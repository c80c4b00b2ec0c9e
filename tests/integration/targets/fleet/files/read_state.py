"""Print the state of the clusters and their accounts as JSON, read with boto3 and kubernetes: read_state.py CONFIG

CONFIG is a JSON file with prefix (of the names in this test), clusters (by name: kubeconfig, issuer and account_id) and
assume_role_arns (by the id of another account).

Printed for each cluster: service_accounts {NAMESPACE/NAME: role ARN or null}, roles {ARN of a role that trusts the
cluster: subjects} and provider (whether IAM has a provider for the issuer).
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


def make_iam_client(role_arn: str | None) -> t.Any:
    if not role_arn:
        return boto3.client("iam")
    credentials = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="read-state")["Credentials"]
    return boto3.client(
        "iam",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def read_aws(cluster: Json, config: Json) -> Json:
    iam = make_iam_client(config["assume_role_arns"].get(cluster["account_id"]))
    host = cluster["issuer"].removeprefix("https://")
    provider_arn = f"arn:aws:iam::{cluster['account_id']}:oidc-provider/{host}"
    subjects_by_role: dict[str, list[str]] = {}
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if not role["RoleName"].startswith(config["prefix"]):
                continue
            for statement in role["AssumeRolePolicyDocument"]["Statement"]:
                if statement["Principal"] == {"Federated": provider_arn}:
                    subjects = statement["Condition"]["StringEquals"][f"{host}:sub"]
                    role_subjects = subjects_by_role.setdefault(role["Arn"], [])
                    role_subjects.extend([subjects] if isinstance(subjects, str) else subjects)
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return {"roles": subjects_by_role, "provider": provider_arn in [provider["Arn"] for provider in providers]}


def read_kubernetes(cluster: Json, prefix: str) -> Json:
    client = kubernetes.config.new_client_from_config(cluster["kubeconfig"])
    accounts = kubernetes.client.CoreV1Api(client).list_service_account_for_all_namespaces().items
    return {
        "service_accounts": {
            f"{account.metadata.namespace}/{account.metadata.name}": (account.metadata.annotations or {}).get(ROLE_ARN)
            for account in accounts
            if account.metadata.namespace.startswith(prefix) and account.metadata.name != "default"
        },
    }


def main(path: str) -> None:
    config = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    state = {
        name: read_aws(cluster, config) | read_kubernetes(cluster, config["prefix"])
        for name, cluster in config["clusters"].items()
    }
    json.dump(state, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
