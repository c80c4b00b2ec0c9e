"""Print a token of a service account, like kubectl create token: create_token.py KUBECONFIG NAMESPACE NAME"""

from __future__ import annotations

import sys

import kubernetes.client
import kubernetes.config


def main(kubeconfig: str, namespace: str, name: str) -> None:
    client = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(kubeconfig))
    request = kubernetes.client.AuthenticationV1TokenRequest(spec=kubernetes.client.V1TokenRequestSpec(audiences=[]))
    print(client.create_namespaced_service_account_token(name, namespace, request).status.token, end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
