# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options by which modules connect to Kubernetes; ``_options.KUBERNETES`` has the same as data.

    It has what this collection adds to ``kubernetes.core.k8s_auth_options`` and to the fragments of amazon.aws. A
    module names it before those, because the first documentation of an option holds.
    """

    DOCUMENTATION = r"""
options:
  cluster_name:
    description:
      - Name of the EKS cluster.
      - With this option alone no kubeconfig is needed. Endpoint and certificate authority are read from EKS, and the
        bearer token is made in the process from the AWS credentials, as C(aws eks get-token) does. O(ca_cert) and the
        options for proxies and impersonation hold there too.
      - Together with O(kubeconfig), O(context) or O(host) those say how to connect, and the module stops before it
        writes if the API server there is not the one of this cluster.
      - Without it, the environment (C(K8S_AUTH_*)), the default kubeconfig and the in-cluster configuration are tried,
        as the modules of kubernetes.core do.
    type: str
  validate_certs:
    description:
      - Whether to verify the certificates of AWS and of the Kubernetes API server.
      - For the API server E(K8S_AUTH_VERIFY_SSL) is used when the option is left out.
      - By default certificates are verified.
    type: bool
    default: null
    aliases: [verify_ssl]
"""
