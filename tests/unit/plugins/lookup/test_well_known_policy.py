# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup well_known_policy in templates, loaded by Ansible."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.lookup import well_known_policy

# Ansible's loader only finds collections that it has imported itself, so it runs in a separate process.
SCRIPT = """
import json, sys
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

init_plugin_loader()
results = []
for text, variables in json.load(sys.stdin):
    try:
        results.append(Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text)))
    except AnsibleError as error:
        results.append(str(error))
json.dump(results, sys.stdout)
"""
CLUSTER = {"account_id": "123456789012", "region": "cn-north-1", "cluster_name": "shop", "partition": "aws-cn"}
INVALID = [
    (
        "{{ lookup('eksops.irsa.well_known_policy', 'external_dns') }}",
        "well-known policy external_dns: the parameter zones is missing. Fix: use IDs of hosted zones",
    ),
    (
        "{{ lookup('eksops.irsa.well_known_policy', 'external-dns') }}",
        "well-known policy external-dns does not exist. Fix: use external_dns or",
    ),
    ("{{ lookup('eksops.irsa.well_known_policy', 'ebs_csi') }}", "well-known policy ebs_csi needs account_id."),
    (
        "{{ lookup('eksops.irsa.well_known_policy', 'ebs_csi', zones=['Z1'], **cluster) }}",
        "well-known policy ebs_csi: unknown parameter zones.",
    ),
]
TWO_POLICIES = "{{ query('eksops.irsa.well_known_policy', 'vpc_cni_ipv6', 'cluster_autoscaler', **cluster) }}"
EXAMPLES = [
    (task["ansible.builtin.debug"]["msg"], task.get("vars", {})) for task in yaml.safe_load(well_known_policy.EXAMPLES)
]


@pytest.fixture(scope="module")
def results() -> t.Iterator[t.Any]:
    """The results of all templates, in order."""
    templates = [
        (TWO_POLICIES, {"cluster": CLUSTER}),
        *EXAMPLES,
        *((text, {"cluster": CLUSTER}) for text, _message in INVALID),
    ]
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps(templates), capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return iter(json.loads(process.stdout))


def test_lookup_returns_policies_or_errors(results: t.Iterator[t.Any]) -> None:
    plugin, autoscaler = next(results)
    assert [statement["Sid"] for statement in plugin["Statement"]] == ["Observe", "ManageInterfaces"]
    assert autoscaler["Statement"][1] == {
        "Sid": "ReadNodeGroups",
        "Effect": "Allow",
        "Action": "eks:DescribeNodegroup",
        "Resource": "arn:aws-cn:eks:cn-north-1:123456789012:nodegroup/shop/*/*",
    }
    first, second = next(results), next(results)
    assert first["Statement"][0]["Resource"] == "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"
    assert json.loads(second)["Version"] == "2012-10-17"
    for (text, message), result in zip(INVALID, results, strict=True):
        assert message in str(result), text
