# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods are injected by the webhook of the sandbox."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods import injection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from sandbox import webhook

Json = dict[str, t.Any]

ROLE = "arn:aws:iam::123456789012:role/app"
OTHER = "arn:aws:iam::123456789012:role/other"
ACCOUNT = {
    "metadata": {"name": "app", "namespace": "shop", "annotations": {"eks.amazonaws.com/role-arn": ROLE}},
}


def container(name: str, **env: str) -> Json:
    return {"name": name, "env": [{"name": key, "value": value} for key, value in env.items()]}


def pod(*containers: Json, **metadata: t.Any) -> Json:
    return {
        "metadata": {"name": "p", "namespace": "shop", "uid": "1", **metadata},
        "spec": {"serviceAccountName": "app", "containers": list(containers), "initContainers": []},
    }


def states(given: Json, role: str = ROLE, template: Json | None = None) -> list[str]:
    return [result.state for result in injection.inspect_containers(given, role, template)]


INJECTED = webhook.inject(pod(container("app")), ACCOUNT)
PRESET = container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t")


@pytest.mark.parametrize(
    ("given", "role", "template", "state"),
    [
        pytest.param(INJECTED, ROLE, None, "correct", id="injected"),
        pytest.param(INJECTED, OTHER, None, "other-role", id="injected-with-another-role"),
        pytest.param(INJECTED, "", None, "other-role", id="injected-but-no-role-expected"),
        pytest.param(
            webhook.inject(pod(container("app")), ACCOUNT, pod_identity=True),
            ROLE,
            None,
            "pod-identity",
            id="pod-identity",
        ),
        pytest.param(pod(container("app")), ROLE, None, "not-injected", id="not-injected"),
        pytest.param(pod(container("app")), "", None, "correct", id="no-role-and-none-expected"),
        pytest.param(pod(container("app")), ROLE, pod(container("other")), "added-later", id="not-in-template"),
        pytest.param(pod(PRESET), ROLE, None, "preset", id="preset-with-another-role"),
        pytest.param(pod(PRESET), OTHER, None, "correct", id="preset-with-expected-role"),
        pytest.param(pod(PRESET), ROLE, pod(container("app")), "foreign", id="variables-not-in-template"),
        pytest.param(pod(PRESET), "", pod(container("app")), "foreign", id="foreign-variables-and-no-role-expected"),
        pytest.param(
            pod(container("app"), annotations={injection.SKIP_CONTAINERS_ANNOTATION: "app"}),
            ROLE,
            None,
            "skipped",
            id="skipped-by-annotation",
        ),
    ],
)
def test_state_of_a_container(given: Json, role: str, template: Json | None, state: str) -> None:
    assert states(given, role, template["spec"] if template else None) == [state]


def test_container_without_variables_in_an_injected_pod_was_added_later() -> None:
    given = webhook.inject(pod(container("app")), ACCOUNT)
    given["spec"]["containers"].append(container("sidecar"))
    assert states(given) == ["correct", "added-later"]
    # If the template has the variables, the webhook did not inject the role into the pod.
    assert states(given, template=given["spec"]) == ["correct", "not-injected"]


def test_variables_in_the_template_are_not_injected() -> None:
    given = webhook.inject(pod(container("app")), ACCOUNT)
    (result,) = injection.inspect_containers(given, ROLE)
    assert (result.is_injected, result.role, result.path) == (True, ROLE, "spec.containers[app]")
    (result,) = injection.inspect_containers(given, ROLE, given["spec"])
    assert not result.is_injected


def test_account_without_a_role_has_no_expected_injection() -> None:
    assert ExpectedInjection.from_account({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": ""}}}) is None
    assert ExpectedInjection.from_account({"metadata": {"annotations": None}}) is None
    assert ExpectedInjection.from_account(ACCOUNT) == ExpectedInjection(ROLE)


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("a", ["a"], id="one-name"),
        pytest.param("a,b", ["a", "b"], id="two-names"),
        pytest.param("a, b", ["a", " b"], id="space-is-part-of-the-name"),
        pytest.param('"a","b,c"', ["a", "b,c"], id="quoted-comma"),
        pytest.param('"a""b"', ['a"b'], id="quoted-quote"),
        pytest.param('a"b', [], id="quote-in-unquoted-field"),
        pytest.param('"a', [], id="unclosed-quote"),
        pytest.param('"a"b', [], id="text-after-quote"),
        pytest.param("\na\nb", ["a"], id="only-the-first-line"),
    ],
)
def test_parse_skipped_containers(annotation: str, names: list[str]) -> None:
    assert injection.parse_skipped_containers({injection.SKIP_CONTAINERS_ANNOTATION: annotation}) == frozenset(names)
