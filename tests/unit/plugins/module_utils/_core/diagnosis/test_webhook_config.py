# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which webhooks are the pod identity webhook, and for which pods the API server calls them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import webhook_config
from unit.chain_objects import hook

Json = dict[str, t.Any]


def service(name: str) -> Json:
    return {"service": {"namespace": "kube-system", "name": name}}


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        pytest.param(hook(), True, id="eks"),
        pytest.param(hook(name="pod-identity-webhook.amazonaws.com"), True, id="upstream"),
        pytest.param(hook("irsa-amazon-eks-pod-identity-webhook", name="a.b"), True, id="chart"),
        pytest.param(hook("renamed", name="iam-for-pods.amazonaws.com"), True, id="webhook-name"),
        pytest.param(hook("x", name="a.b", clientConfig=service("pod-identity-webhook")), True, id="service-name"),
        pytest.param(hook("vpc-resource-mutating-webhook", name="mpod.vpc.k8s.aws"), False, id="vpc"),
        pytest.param(hook("istio-sidecar-injector", name="a.b", clientConfig=service("istiod")), False, id="istio"),
    ],
)
def test_pod_identity_webhook_is_recognized(configuration: Json, expected: bool) -> None:
    assert bool(webhook_config.pod_identity_hooks([configuration])) is expected


def test_configuration_with_several_webhooks() -> None:
    configuration = hook()
    configuration["webhooks"].append({**configuration["webhooks"][0], "name": "second.amazonaws.com"})
    assert [found.body["name"] for found in webhook_config.pod_identity_hooks([configuration])] == [
        "iam-for-pods.amazonaws.com",
        "second.amazonaws.com",
    ]
    assert webhook_config.pod_identity_hooks([{"metadata": {"name": "pod-identity-webhook"}}]) == []


RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"scope": "*"}, True),
        ({"scope": "Namespaced"}, True),
        ({"scope": "Cluster"}, False),
        ({"apiGroups": ["*"]}, True),
        ({"apiGroups": ["apps"]}, False),
        ({"apiVersions": ["*"]}, True),
        ({"apiVersions": ["v1beta1"]}, False),
        ({"operations": ["UPDATE", "CREATE"]}, True),
        ({"operations": ["*"]}, True),
        ({"operations": ["UPDATE"]}, False),
        ({"resources": ["*"]}, True),
        ({"resources": ["*/*"]}, True),
        ({"resources": ["pods/*"]}, True),
        ({"resources": ["pods/status"]}, False),
        ({"resources": ["*/status"]}, False),
        ({"resources": ["deployments"]}, False),
    ],
    ids=str,
)
def test_rule_matches_new_pods(change: Json, expected: bool) -> None:
    (found,) = webhook_config.hooks_of([hook(rules=[{**RULE, **change}])])
    assert webhook_config.matches_new_pods(found) is expected


def test_one_matching_rule_is_sufficient() -> None:
    (found,) = webhook_config.hooks_of([hook(rules=[{**RULE, "resources": ["nodes"]}, RULE])])
    assert webhook_config.matches_new_pods(found)
    (found,) = webhook_config.hooks_of([hook(rules=None)])
    assert not webhook_config.matches_new_pods(found)


def expression(operator: str, *values: str, key: str = "tier") -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "labels", "reason"),
    [
        (None, {}, None),
        ({}, {"tier": "web"}, None),
        ({"matchLabels": {}}, {}, None),
        ({"matchLabels": {"tier": "web"}}, {"tier": "web", "x": "y"}, None),
        ({"matchLabels": {"tier": "web"}}, {}, "label tier must be 'web' but is missing"),
        ({"matchLabels": {"tier": "web"}}, {"tier": "db"}, "label tier must be 'web' but is 'db'"),
        ({"matchLabels": {"tier": ""}}, {"tier": ""}, None),
        ({"matchLabels": {"tier": ""}}, {}, "label tier must be '' but is missing"),
        (expression("In", "web", "db"), {"tier": "db"}, None),
        (expression("In", "web", "db"), {"tier": "x"}, "label tier must be 'web' or 'db' but is 'x'"),
        (expression("In", "web"), {}, "label tier must be 'web' but is missing"),
        (expression("NotIn", "web"), {}, None),
        (expression("NotIn", "web"), {"tier": "db"}, None),
        (expression("NotIn", "web"), {"tier": "web"}, "label tier must not be 'web'"),
        (expression("Exists"), {"tier": ""}, None),
        (expression("Exists"), {}, "label tier must exist"),
        (expression("DoesNotExist"), {}, None),
        (expression("DoesNotExist"), {"tier": ""}, "label tier must not exist"),
        ({"matchLabels": {"a": "b"}, **expression("Exists")}, {"a": "b"}, "label tier must exist"),
        ({"matchLabels": {"a": "b"}, **expression("Exists")}, {"tier": ""}, "label a must be 'b' but is missing"),
        ({"matchLabels": {"a": "b"}, **expression("Exists")}, {"a": "b", "tier": ""}, None),
    ],
    ids=str,
)
def test_selector_mismatch_is_explained(selector: Json | None, labels: dict[str, str], reason: str | None) -> None:
    assert webhook_config.explain_mismatch(selector, labels) == reason
