"""The baseline of irsa_audit: make the same reads with boto3 and urllib3 in parallel, and discard the results.

It evaluates no trust policy and no pod, and it explains no error.
"""

from __future__ import annotations

import concurrent.futures
import typing as t

import boto3
import plain_clients

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
NAMESPACE = "/api/v1/namespaces/bench-0"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "baseline-"},
    "spec": {"serviceAccountName": "app-0", "containers": [{"name": "baseline", "image": "busybox"}]},
}


def main() -> None:
    iam, cluster, server = plain_clients.connect()
    eks = boto3.client("eks")
    host = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    provider = f"arn:aws:iam::{cluster['arn'].split(':')[4]}:oidc-provider/{host}"

    def read_roles() -> None:
        pages = iam.get_paginator("get_account_authorization_details").paginate(
            Filter=["Role", "LocalManagedPolicy"], PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            len(page["RoleDetailList"])

    def read_list(path: str) -> None:
        for _item in server.list_items(path):
            pass

    def dry_run_pod() -> None:
        server.send("GET", f"{NAMESPACE}/serviceaccounts/app-0")
        server.send("GET", NAMESPACE)
        read_list(WEBHOOKS)
        server.send("POST", f"{NAMESPACE}/pods?dryRun=All", POD)

    reads: list[t.Callable[[], t.Any]] = [
        read_roles,
        lambda: read_list("/api/v1/serviceaccounts"),
        lambda: read_list("/api/v1/pods"),
        lambda: read_list("/api/v1/namespaces"),
        lambda: read_list(WEBHOOKS),
        lambda: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider),
        iam.list_open_id_connect_providers,
        lambda: eks.list_pod_identity_associations(clusterName=plain_clients.CLUSTER),
    ]
    with concurrent.futures.ThreadPoolExecutor(plain_clients.WORKERS) as pool:
        for future in [pool.submit(read) for read in reads]:
            future.result()
    dry_run_pod()


if __name__ == "__main__":
    main()
