#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates many pods of one service account. kubernetes.core needs minutes for that.

Options besides those for the connection: ``count``, ``namespace`` and ``service_account``. The pods are bound to the
node ``node``, where no kubelet runs them.
"""

from __future__ import annotations

import concurrent.futures
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors

_WORKERS = 16


def main() -> None:
    spec: dict[str, t.Any] = {
        **connection.OPTIONS,
        "count": {"type": "int", "required": True},
        **{name: {"type": "str", "required": True} for name in ("namespace", "node", "service_account")},
    }
    module = AnsibleAWSModule(argument_spec=spec, check_boto3=False)
    params = module.params

    def create(number: int) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number:04}"},
            "spec": {
                "serviceAccountName": params["service_account"],
                "nodeName": params["node"],
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "app", "image": "busybox"}],
            },
        }
        server.request("POST", f"/api/v1/namespaces/{params['namespace']}/pods", body=pod)

    try:
        server = connection.open_api_server(module, connections=_WORKERS)
        with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(create, range(params["count"])))
    except errors.IrsaError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
