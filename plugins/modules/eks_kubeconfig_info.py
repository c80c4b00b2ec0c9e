#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_kubeconfig_info
short_description: Return a short-lived kubeconfig for an EKS cluster
version_added: 0.1.0
description:
  - Returns a kubeconfig as a dictionary, for the option O(kubernetes.core.k8s#module:kubeconfig) of the modules of
    kubernetes.core. With it they connect to an EKS cluster without the AWS CLI and without a kubeconfig file.
  - With O(cluster_name) alone, the kubeconfig contains a bearer token that is valid for about 14 minutes. Otherwise it
    contains the credentials of the given connection, which may include a password or a private key. All are masked
    unless O(include_credentials=true).
  - With O(cluster_name) alone, the kubeconfig has the settings of O(proxy) and O(validate_certs). O(ca_cert),
    O(no_proxy), O(proxy_headers) and impersonation are not included.
options:
  include_credentials:
    description:
      - Return the token, the password and the private key, so that other modules can connect with the kubeconfig.
      - They are secrets. Set C(no_log=true) on the task. Ansible writes the options of the modules that get the
        kubeconfig to temporary files on their host, unless pipelining is on.
    type: bool
    default: false
    version_added: 0.3.0
extends_documentation_fragment:
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
  - eksops.irsa.attributes.info
attributes:
  idempotent:
    support: none
    details:
      - Each run returns a new token.
author:
  - eksops contributors (@eksops)
seealso:
  - module: kubernetes.core.k8s
  - module: eksops.irsa.eks_oidc_info
"""

EXAMPLES = r"""
- name: Get a kubeconfig for the cluster
  eksops.irsa.eks_kubeconfig_info:
    cluster_name: production
    region: eu-west-1
    include_credentials: true
  register: connection
  no_log: true

- name: List the namespaces of the cluster
  kubernetes.core.k8s_info:
    kubeconfig: "{{ connection.kubeconfig }}"
    kind: Namespace
"""

RETURN = r"""
kubeconfig:
  description: The kubeconfig, with certificates. Its credentials are masked unless O(include_credentials=true).
  returned: success
  type: dict
  sample:
    apiVersion: v1
    kind: Config
    clusters:
      - name: eksops.irsa
        cluster:
          server: https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com
          certificate-authority-data: LS0tLS1CRUdJTi...
    users:
      - name: eksops.irsa
        user: {token: k8s-aws-v1....}
    contexts:
      - name: eksops.irsa
        context: {cluster: eksops.irsa, user: eksops.irsa}
    current-context: eksops.irsa
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection

ARGUMENTS: dict[str, t.Any] = {**connection.OPTIONS, "include_credentials": {"type": "bool", "default": False}}


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, check_boto3=False, supports_check_mode=True)

    def read() -> dict[str, t.Any]:
        content = connection.kubeconfig(module, include_credentials=module.params["include_credentials"])
        return {"changed": False, "kubeconfig": content}

    _runner.run(module, read)


if __name__ == "__main__":
    main()
