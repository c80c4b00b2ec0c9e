# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the webhook did to each container, as the sandbox's webhook does it."""

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
    return [found.state for found in injection.inspect_containers(given, role, template)]


MINE = container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t")


@pytest.mark.parametrize(
    ("given", "role", "template", "state"),
    [
        (webhook.inject(pod(container("app")), ACCOUNT), ROLE, None, "right"),
        (webhook.inject(pod(container("app")), ACCOUNT), OTHER, None, "other-role"),
        (webhook.inject(pod(container("app")), ACCOUNT), "", None, "other-role"),
        (webhook.inject(pod(container("app")), ACCOUNT, pod_identity=True), ROLE, None, "pod-identity"),
        (pod(container("app")), ROLE, None, "not-injected"),
        (pod(container("app")), "", None, "right"),
        (pod(container("app")), ROLE, pod(container("other")), "late"),
        (pod(MINE), ROLE, None, "preset"),
        (pod(MINE), OTHER, None, "right"),
        # Neither the template nor the webhook has these variables.
        (pod(MINE), ROLE, pod(container("app")), "foreign"),
        (pod(MINE), "", pod(container("app")), "foreign"),
        (pod(container("app"), annotations={injection.SKIP_CONTAINERS_ANNOTATION: "app"}), ROLE, None, "skipped"),
    ],
)
def test_state_of_a_container(given: Json, role: str, template: Json | None, state: str) -> None:
    assert states(given, role, template["spec"] if template else None) == [state]


def test_the_webhook_gives_the_role_to_all_containers_at_once_so_one_without_it_came_later() -> None:
    given = webhook.inject(pod(container("app")), ACCOUNT)
    given["spec"]["containers"].append(container("sidecar"))
    assert states(given) == ["right", "late"]
    # As its own author wrote it, it is no work of the webhook's, and tells nothing of the other.
    assert states(given, template=given["spec"]) == ["right", "not-injected"]


def test_only_what_its_author_did_not_write_was_injected() -> None:
    given = webhook.inject(pod(container("app")), ACCOUNT)
    (found,) = injection.inspect_containers(given, ROLE)
    assert (found.is_injected, found.role, found.path) == (True, ROLE, "spec.containers[app]")
    (found,) = injection.inspect_containers(given, ROLE, given["spec"])
    assert not found.is_injected


def test_an_account_without_a_role_gives_nothing() -> None:
    assert ExpectedInjection.from_account({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": ""}}}) is None
    assert ExpectedInjection.from_account({"metadata": {"annotations": None}}) is None
    assert ExpectedInjection.from_account(ACCOUNT) == ExpectedInjection(ROLE)


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        ("", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a, b", ["a", " b"]),
        ('"a","b,c"', ["a", "b,c"]),
        ('"a""b"', ['a"b']),
        ('a"b', []),
        ('"a', []),
        ('"a"b', []),
        ("\na\nb", ["a"]),
    ],
)
def test_skipped_containers(annotation: str, names: list[str]) -> None:
    assert injection.parse_skipped_containers({injection.SKIP_CONTAINERS_ANNOTATION: annotation}) == frozenset(names)
