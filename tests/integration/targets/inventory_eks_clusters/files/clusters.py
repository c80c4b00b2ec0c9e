"""Create or delete the test's clusters in the sandbox's AWS: clusters.py create|delete"""

from __future__ import annotations

import contextlib
import sys
import typing as t

import boto3

PREFIX = "irsa-inventory-test-"
ROLE = "arn:aws:iam::123456789012:role/cluster"
ROLES = {account: f"arn:aws:iam::{account}:role/inventory" for account in ("111122223333", "444455556666")}
# Account (0 is the account of the caller), region, name, version and tags.
CLUSTERS: list[tuple[str, str, str, str, dict[str, str]]] = [
    ("0", "eu-central-1", "web", "1.33", {"Environment": "production", "Team": "shop"}),
    ("0", "eu-central-1", "old", "1.29", {"Environment": "production", "Team": "bank"}),
    ("0", "us-west-2", "web", "1.32", {"Environment": "test", "Team": "shop"}),
    ("111122223333", "eu-central-1", "web", "1.33", {"Environment": "production"}),
    ("111122223333", "eu-central-1", "api", "1.33", {}),
    ("444455556666", "us-west-2", "ledger", "1.33", {}),
    # More clusters than EKS lists on one page.
    *(("444455556666", "eu-north-1", f"many-{number:03}", "1.33", {}) for number in range(105)),
]


def start_session(account: str) -> boto3.session.Session:
    if account == "0":
        return boto3.session.Session()
    sts = boto3.client("sts", region_name="eu-central-1")
    credentials = sts.assume_role(RoleArn=ROLES[account], RoleSessionName="clusters")["Credentials"]
    return boto3.session.Session(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
    )


def main(action: str) -> None:
    sessions = {account: start_session(account) for account, *_rest in CLUSTERS}
    clients: dict[tuple[str, str], t.Any] = {}
    for account, region, name, version, tags in CLUSTERS:
        if (account, region) not in clients:
            clients[account, region] = sessions[account].client("eks", region_name=region)
        client = clients[account, region]
        if action == "create":
            subnets = {"subnetIds": ["subnet-0a1b2c3d4e5f60718", "subnet-08192a3b4c5d6e7f8"]}
            client.create_cluster(
                name=PREFIX + name, roleArn=ROLE, version=version, tags=tags, resourcesVpcConfig=subnets
            )
        else:
            with contextlib.suppress(client.exceptions.ResourceNotFoundException):
                client.delete_cluster(name=PREFIX + name)


if __name__ == "__main__":
    main(*sys.argv[1:])
