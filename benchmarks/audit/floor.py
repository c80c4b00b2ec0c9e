"""The least that has to be done: the reads of irsa_audit by boto3 and urllib3, at the same time, and nothing else.

What is read is parsed and thrown away: no trust policy is evaluated, no pod judged, nothing refused is explained.
"""

from __future__ import annotations

import concurrent.futures
import typing as t

import bare
import boto3

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
ACCOUNT = "/api/v1/namespaces/bench-0"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "floor-"},
    "spec": {"serviceAccountName": "app-0", "containers": [{"name": "floor", "image": "busybox"}]},
}


def main() -> None:
    iam, cluster, server = bare.connect()
    eks = boto3.client("eks")
    host = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    provider = f"arn:aws:iam::{cluster['arn'].split(':')[4]}:oidc-provider/{host}"

    def roles() -> None:
        pages = iam.get_paginator("get_account_authorization_details").paginate(
            Filter=["Role", "LocalManagedPolicy"], PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            len(page["RoleDetailList"])

    def listed(path: str) -> None:
        for _each in server.pages(path):
            pass

    def dry_run_pod() -> None:
        server.send("GET", f"{ACCOUNT}/serviceaccounts/app-0")
        server.send("GET", ACCOUNT)
        listed(WEBHOOKS)
        server.send("POST", f"{ACCOUNT}/pods?dryRun=All", POD)

    reads: list[t.Callable[[], t.Any]] = [
        roles,
        lambda: listed("/api/v1/serviceaccounts"),
        lambda: listed("/api/v1/pods"),
        lambda: listed("/api/v1/namespaces"),
        lambda: listed(WEBHOOKS),
        lambda: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider),
        iam.list_open_id_connect_providers,
        lambda: eks.list_pod_identity_associations(clusterName=bare.CLUSTER),
    ]
    with concurrent.futures.ThreadPoolExecutor(bare.WORKERS) as pool:
        for future in [pool.submit(read) for read in reads]:
            future.result()
    dry_run_pod()


if __name__ == "__main__":
    main()
