# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugins resolve requests for well-known policies."""

from __future__ import annotations

import copy
import types
import typing as t

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.eksops.irsa.plugins.action.irsa_role import ActionModule
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve

DNS: dict[str, t.Any] = {"name": "external_dns", "zones": ["Z1"]}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[dict[str, t.Any], list[dict[str, t.Any]]]]:
    """Runs the action plugin. Returns its result and the arguments of each call of a module."""

    def run(arguments: dict[str, t.Any]) -> tuple[dict[str, t.Any], list[dict[str, t.Any]]]:
        calls: list[dict[str, t.Any]] = []

        def execute(self: ActionBase, **call: t.Any) -> dict[str, t.Any]:
            calls.append(copy.deepcopy(call))
            call["module_args"]["_ansible_check_mode"] = False  # as Ansible does
            return {"changed": True, "invocation": {"module_args": copy.deepcopy(call["module_args"])}}

        monkeypatch.setattr(ActionBase, "run", lambda self, tmp, variables: {})
        monkeypatch.setattr(ActionBase, "_execute_module", execute)
        action = object.__new__(ActionModule)
        action._task = types.SimpleNamespace(args=arguments, async_val=7)
        action._connection = types.SimpleNamespace(transport="ssh")
        return action.run(task_vars={"x": 1}), calls

    return run


def test_task_without_requests_is_unchanged(run: t.Callable[..., t.Any]) -> None:
    result, calls = run({"name": "app"})
    assert calls == [
        {
            "module_name": "eksops.irsa.irsa_role",
            "module_args": {"name": "app"},
            "task_vars": {"x": 1},
            "wrap_async": 7,
        }
    ]
    assert result["changed"]
    assert "well_known_policies" not in result["invocation"]["module_args"]


def test_templates_are_sent_and_requests_are_reported(run: t.Callable[..., t.Any]) -> None:
    result, calls = run({"name": "app", "well_known_policies": [DNS, "ebs_csi"]})
    sent = calls[0]["module_args"]["well_known_policies"]
    assert [(template["name"], template["policy_name"]) for template in sent] == [
        ("external_dns", "well-known-external-dns"),
        ("ebs_csi", "well-known-ebs-csi"),
    ]
    assert sent[0]["statements"][0]["Resource"] == "arn:${partition}:route53:::hostedzone/Z1"
    assert result["invocation"]["module_args"]["well_known_policies"] == [DNS, "ebs_csi"]


def test_invalid_request_fails_without_running_the_module(run: t.Callable[..., t.Any]) -> None:
    result, calls = run({"name": "app", "well_known_policies": ["external_dns"]})
    assert calls == []
    assert result["failed"]
    assert result["msg"].startswith("well-known policy external_dns: the parameter zones is missing.")
    assert result["error"]["kind"] == "invalid_input"


def test_requests_of_bindings_are_resolved() -> None:
    given = {"bindings": [{"role_name": "a", "well_known_policies": ["ebs_csi"]}, {"role_name": "b"}], "force": True}
    sent = resolve.resolve_bindings_arguments(given)
    assert sent["force"]
    assert sent["bindings"][0]["well_known_policies"][0]["policy_name"] == "well-known-ebs-csi"
    assert sent["bindings"][1] == {"role_name": "b"}
    assert given["bindings"][0]["well_known_policies"] == ["ebs_csi"]


@pytest.mark.parametrize("bindings", [None, "x", [], [1], [{"role_name": "b"}]])
def test_bindings_without_requests_are_unchanged(bindings: t.Any) -> None:
    assert resolve.resolve_bindings_arguments({"bindings": bindings})["bindings"] is bindings


def test_invalid_requests_are_reported_with_their_binding() -> None:
    given = [{"well_known_policies": ["ebs_csi"]}, {"well_known_policies": ["x"]}, {"well_known_policies": "x"}]
    with pytest.raises(InvalidInput) as caught:
        resolve.resolve_bindings_arguments({"bindings": given})
    assert "binding 1: well-known policy x does not exist." in str(caught.value)
    assert "binding 2: well_known_policies is not a list." in str(caught.value)
    assert "binding 0" not in str(caught.value)
