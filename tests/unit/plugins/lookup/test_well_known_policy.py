# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup in templates, found by Ansible's own loader."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.lookup import well_known_policy

# Ansible's loader serves only collections that it has imported itself, so it needs a process without ours.
SCRIPT = """
import json, sys
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

init_plugin_loader()
answers = []
for text, variables in json.load(sys.stdin):
    try:
        answers.append(Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text)))
    except AnsibleError as error:
        answers.append(str(error))
json.dump(answers, sys.stdout)
"""
CLUSTER = {"account_id": "123456789012", "region": "cn-north-1", "cluster_name": "shop", "partition": "aws-cn"}
REFUSED = [
    (
        "{{ lookup('eksops.irsa.well_known_policy', 'external_dns') }}",
        "well-known policy external_dns: the parameter zones is missing. Fix: give ids of hosted zones",
    ),
    (
        "{{ lookup('eksops.irsa.well_known_policy', 'external-dns') }}",
        "well-known policy external-dns does not exist. Fix: use external_dns or",
    ),
    ("{{ lookup('eksops.irsa.well_known_policy', 'ebs_csi') }}", "well-known policy ebs_csi needs account_id."),
    (
        "{{ lookup('eksops.irsa.well_known_policy', 'ebs_csi', zones=['Z1'], **cluster) }}",
        "well-known policy ebs_csi: it has no parameter zones.",
    ),
]
TWO = "{{ query('eksops.irsa.well_known_policy', 'vpc_cni_ipv6', 'cluster_autoscaler', **cluster) }}"
EXAMPLES = [
    (task["ansible.builtin.debug"]["msg"], task.get("vars", {})) for task in yaml.safe_load(well_known_policy.EXAMPLES)
]


@pytest.fixture(scope="module")
def answers() -> t.Iterator[t.Any]:
    """What each text below becomes, in their order."""
    asked = [(TWO, {"cluster": CLUSTER}), *EXAMPLES, *((text, {"cluster": CLUSTER}) for text, _message in REFUSED)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return iter(json.loads(done.stdout))


def test_templates_get_policies_or_what_is_wrong(answers: t.Iterator[t.Any]) -> None:
    plugin, autoscaler = next(answers)
    assert [each["Sid"] for each in plugin["Statement"]] == ["Observe", "ManageInterfaces"]
    assert autoscaler["Statement"][1] == {
        "Sid": "ReadNodeGroups",
        "Effect": "Allow",
        "Action": "eks:DescribeNodegroup",
        "Resource": "arn:aws-cn:eks:cn-north-1:123456789012:nodegroup/shop/*/*",
    }
    first, second = next(answers), next(answers)
    assert first["Statement"][0]["Resource"] == "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"
    assert json.loads(second)["Version"] == "2012-10-17"
    for (text, message), answer in zip(REFUSED, answers, strict=True):
        assert message in str(answer), text
