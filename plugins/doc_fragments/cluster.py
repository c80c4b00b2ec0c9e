# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options that this collection adds to those of kubernetes.core and amazon.aws for connecting to a cluster.

    Name this fragment before `kubernetes.core.k8s_auth_options` and the fragments of amazon.aws: Ansible keeps the
    first documentation of an option. `_api/kubernetes/connection.py` has the same options as data.
    """

    DOCUMENTATION = r"""
requirements:
  - kubernetes >= 31.0.0, unless you connect with O(cluster_name) alone and without a proxy
options:
  cluster_name:
    description:
      - The name of the EKS cluster.
      - With this option alone, no kubeconfig is needed. The module reads the endpoint and the certificate authority
        from EKS, and creates the bearer token from the AWS credentials, as C(aws eks get-token) does. O(ca_cert) and
        the options for proxies and impersonation also apply.
      - If O(kubeconfig), O(context) or O(host) is set too, the module connects with them. It fails before any write if
        that API server does not belong to this cluster, see O(verify_cluster).
      - If not set, the module connects with the environment variables (C(K8S_AUTH_*)), the default kubeconfig or the
        in-cluster configuration, as the modules of kubernetes.core do.
    type: str
  verify_cluster:
    description:
      - Whether to stop if the module cannot verify that the Kubernetes API server belongs to the cluster.
      - The module compares the issuer of the API server with that of O(cluster_name), or with the option C(issuer) of
        the modules that have it. A different issuer is always an error.
      - If the caller may not read the issuer of the API server, its URL or its certificate authority must be those of
        the cluster. To allow the caller to read it, bind the caller to the ClusterRole
        C(system:service-account-issuer-discovery).
      - If V(false), the module only warns if it cannot verify this.
      - Not used with O(cluster_name) alone, because the module then reads the URL from EKS.
    type: bool
    default: true
    version_added: 0.3.0
  validate_certs:
    description:
      - Whether to verify the TLS certificates of AWS and of the Kubernetes API server.
      - If not set, they are verified. E(K8S_AUTH_VERIFY_SSL) can change this for the API server.
    type: bool
    default: null
    aliases: [verify_ssl]
"""
