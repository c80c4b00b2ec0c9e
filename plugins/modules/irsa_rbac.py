#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_rbac
short_description: Apply RBAC rules to Kubernetes service accounts
version_added: 0.3.0
description:
  - Creates a Role and a RoleBinding, or a ClusterRole and a ClusterRoleBinding, for each service account, and updates
    their rules and subjects. The role P(eksops.irsa.irsa#role) uses this module.
  - It connects with the cluster's name alone, so that no token is in the options of the module. Ansible may write the
    options of a module to a file on its host.
  - Labels and annotations of existing objects are kept.
extends_documentation_fragment:
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
attributes:
  check_mode:
    details:
      - In check mode the module sends the first write as a server-side dry run. If the caller may not write, the module
        issues a warning.
      - The namespace of a service account may be missing in check mode.
options:
  state:
    description:
      - V(present) creates or updates the objects.
      - V(absent) deletes them, the bindings first. As with V(present), a service account has a Role or a ClusterRole
        only if O(bindings[].rbac) has rules for it.
    type: str
    choices: [present, absent]
    default: present
  bindings:
    description: The service accounts and their rules.
    type: list
    elements: dict
    required: true
    suboptions:
      namespace:
        description: The namespace of the service account.
        type: str
        required: true
      service_account:
        description: The name of the service account.
        type: str
        required: true
      rbac:
        description: The rules. Without rules, the service account is skipped.
        type: dict
        suboptions:
          name:
            description: The name of the Role and of the RoleBinding. The default is C(SERVICE_ACCOUNT-irsa).
            type: str
          rules:
            description: The rules of a Role in the namespace of the service account.
            type: list
            elements: dict
          cluster_name:
            description:
              - The name of the ClusterRole and of the ClusterRoleBinding. The default is
                C(NAMESPACE.SERVICE_ACCOUNT-irsa).
            type: str
          cluster_rules:
            description: The rules of a ClusterRole.
            type: list
            elements: dict
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.irsa_bindings
  - module: eksops.irsa.sa_annotate
  - name: Using RBAC authorization
    description: The Kubernetes documentation.
    link: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

EXAMPLES = r"""
- name: Allow external-dns to read the objects that have host names
  eksops.irsa.irsa_rbac:
    cluster_name: production
    region: eu-west-1
    bindings:
      - namespace: kube-system
        service_account: external-dns
        rbac:
          cluster_rules:
            - {apiGroups: [""], resources: [services, endpoints, pods], verbs: [get, list, watch]}
            - {apiGroups: [networking.k8s.io], resources: [ingresses], verbs: [get, list, watch]}

- name: Delete the ClusterRole and the ClusterRoleBinding
  eksops.irsa.irsa_rbac:
    cluster_name: production
    region: eu-west-1
    state: absent
    bindings:
      - namespace: kube-system
        service_account: external-dns
        rbac:
          cluster_rules: [{apiGroups: [""], resources: [services, endpoints, pods], verbs: [get, list, watch]}]
"""

RETURN = r"""
objects:
  description: The objects, in the order in which they are created.
  returned: success
  type: list
  elements: str
  sample: [ClusterRole kube-system.external-dns-irsa, ClusterRoleBinding kube-system.external-dns-irsa]
actions:
  description: The changes that the module made, or would make in check mode.
  returned: success
  type: list
  elements: str
  sample:
    - create ClusterRole kube-system.external-dns-irsa
    - create ClusterRoleBinding kube-system.external-dns-irsa
"""

import functools
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import rbac as api
from ansible_collections.eksops.irsa.plugins.module_utils._core import rbac
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Plan

_RULES = {"type": "list", "elements": "dict"}
ARGUMENTS: dict[str, t.Any] = {
    **connection.OPTIONS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "bindings": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "namespace": {"type": "str", "required": True},
            "service_account": {"type": "str", "required": True},
            "rbac": {
                "type": "dict",
                "options": {
                    "name": {"type": "str"},
                    "rules": _RULES,
                    "cluster_name": {"type": "str"},
                    "cluster_rules": _RULES,
                },
            },
        },
    },
}
_WORKERS = 16


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, check_boto3=False, supports_check_mode=True)

    def apply() -> dict[str, t.Any]:
        objects = rbac.build_objects(module.params)
        server = connection.open_api_server(module, connections=_WORKERS)

        def make_plan() -> Plan:
            with ThreadPoolExecutor(_WORKERS) as pool:
                found = list(pool.map(lambda item: api.find(server, item=item), objects))
            return rbac.plan(module.params["state"], objects, dict(zip(objects, found, strict=True)))

        operations = {
            function.__name__: functools.partial(function, server) for function in (api.create, api.patch, api.delete)
        }
        plan, _answers = _runner.converge(module, make_plan, operations, server_dry_run=True)
        return _runner.result(module, plan, objects=[item.title for item in objects])

    _runner.run(module, apply)


if __name__ == "__main__":
    main()
