# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task for a cluster other than that of its host fails before the module runs."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.template import Templar, trust_as_template
from ansible_collections.eksops.irsa.plugins.action.irsa_audit import ActionModule
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import (
    ChainBroken,
    Conflict,
    InvalidInput,
    IrsaError,
    NotFound,
    RolloutFailed,
)
from ansible_collections.eksops.irsa.plugins.plugin_utils._cluster_action import (
    HostCluster,
    check_cluster,
    name_variables,
)

OPTIONS = ("cluster_name", "region")
ARN = "arn:aws:eks:us-west-2:111122223333:cluster/staging"
STAGING = HostCluster("staging", "us-west-2", "111122223333")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({}, HostCluster(None, None, None), id="nothing"),
        pytest.param({"arn": ARN}, STAGING, id="arn"),
        pytest.param({"eks_arn_of": ARN}, STAGING, id="arn-with-prefix-and-suffix"),
        pytest.param({"irsa_cluster_name": "staging", "irsa_region": "us-west-2"}, STAGING._replace(account_id=None)),
        pytest.param({"a": ARN, "b": ARN.replace("staging", "other")}, HostCluster(None, None, None), id="two-arns"),
        pytest.param({"arn": "arn:aws:iam::111122223333:role/staging"}, HostCluster(None, None, None), id="role"),
    ],
)
def test_cluster_is_read_from_the_variables_of_the_host(variables: dict[str, t.Any], expected: HostCluster) -> None:
    assert HostCluster.from_variables(variables) == expected


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"irsa_cluster_name": "staging", "irsa_region": "us-west-2"},
        {"irsa_assume_role_arn": "arn:aws:iam::111122223333:role/admin"},
        {"irsa_assume_role_arn": "not an ARN"},
    ],
)
def test_matching_variables_are_accepted(given: dict[str, str]) -> None:
    check_cluster("staging", STAGING, given)
    check_cluster("web", HostCluster(None, None, None), given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"irsa_cluster_name": "production", "irsa_region": "eu-west-1"},
            "irsa_cluster_name is production, irsa_region is eu-west-1; the inventory has cluster staging, "
            "region us-west-2.",
        ),
        (
            {"irsa_assume_role_arn": "arn:aws:iam::444455556666:role/admin"},
            "the account of irsa_assume_role_arn is 444455556666; the inventory has account 111122223333.",
        ),
    ],
)
def test_contradicting_variables_are_rejected(given: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_cluster("staging", STAGING, given)
    assert f"host staging is another cluster in the inventory: {message}" in str(raised.value)
    assert "Fix: remove these variables" in str(raised.value)


class FakeVariableManager:
    """Returns the variables of a host, overridden by the extra variables, like that of Ansible."""

    def __init__(self, own: dict[str, t.Any], extra: dict[str, t.Any]) -> None:
        self._own = own
        self._extra_vars = extra
        self._inventory = types.SimpleNamespace(get_host=lambda name: name)

    def get_vars(self, *, host: str, include_hostvars: bool) -> dict[str, t.Any]:
        assert not include_hostvars
        return {"inventory_hostname": host, **self._own, **self._extra_vars}


def run(
    monkeypatch: pytest.MonkeyPatch,
    own: dict[str, t.Any],
    extra: dict[str, t.Any],
    *,
    host: str = "staging",
    play: dict[str, t.Any] | None = None,
    module: dict[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """Runs the action plugin like a task with the argument ``cluster_name: "{{ irsa_cluster_name }}"``."""
    manager = FakeVariableManager(own, extra)
    task_vars = {"inventory_hostname": host, **own, **(play or {}), **extra}
    loader = DataLoader()
    action = ActionModule.__new__(ActionModule)
    action._loader = loader
    action._templar = Templar(loader=loader, variables=task_vars)
    arguments = {"cluster_name": action._templar.template(task_vars["irsa_cluster_name"])}
    action._task = types.SimpleNamespace(
        args=arguments, async_val=0, delegate_to=None, environment=[], get_variable_manager=lambda: manager
    )
    action._connection = types.SimpleNamespace(transport="local", become=None)
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    monkeypatch.setattr(
        action, "_execute_module", lambda **keywords: {"ran": keywords["module_name"], **(module or {})}
    )
    result: dict[str, t.Any] = action.run(task_vars=task_vars)
    assert manager._extra_vars == extra
    return result


NAME_OF_HOST = {"_irsa_cluster_of_host": {"name": trust_as_template("{{ inventory_hostname }}"), "region": None}}
TEMPLATE = {"irsa_cluster_name": trust_as_template("{{ cluster_name }}"), "cluster_name": "staging"}
UNDEFINED = {"irsa_cluster_name": trust_as_template("{{ missing }}")}


@pytest.mark.parametrize(
    ("own", "extra", "keywords"),
    [
        pytest.param({"irsa_cluster_name": "staging"}, {}, {}, id="own-name"),
        pytest.param(TEMPLATE, {}, {}, id="own-template"),
        pytest.param({"irsa_cluster_name": "staging"}, {"irsa_cluster_name": "staging"}, {}, id="same-name"),
        pytest.param({}, {"irsa_cluster_name": "production"}, {}, id="no-cluster"),
        pytest.param(UNDEFINED, {"irsa_cluster_name": "production"}, {}, id="undefined-name"),
        pytest.param(
            {"irsa_cluster_name": "staging"}, {"irsa_cluster_name": "production"}, {"host": "localhost"}, id="localhost"
        ),
    ],
)
def test_module_runs_with_the_cluster_of_the_host(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, t.Any], extra: dict[str, t.Any], keywords: dict[str, t.Any]
) -> None:
    assert run(monkeypatch, own, extra, **keywords) == {"ran": "eksops.irsa.irsa_audit"}


@pytest.mark.parametrize(
    ("own", "extra", "play"),
    [
        pytest.param({"irsa_cluster_name": "staging"}, {"irsa_cluster_name": "production"}, {}, id="extra-variable"),
        pytest.param(TEMPLATE, {"irsa_cluster_name": "production"}, {}, id="own-template"),
        pytest.param({"arn": ARN}, {}, {"irsa_cluster_name": "production"}, id="variable-of-the-play"),
        pytest.param({"arn": ARN}, {"irsa_cluster_name": "staging", "irsa_region": "eu-west-1"}, {}, id="region"),
        pytest.param({}, {"irsa_cluster_name": "production"}, NAME_OF_HOST, id="name-of-the-host"),
    ],
)
def test_module_does_not_run_with_another_cluster(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, t.Any], extra: dict[str, t.Any], play: dict[str, t.Any]
) -> None:
    result = run(monkeypatch, own, extra, play=play)
    assert result["failed"]
    assert "ran" not in result
    assert "host staging is another cluster in the inventory" in result["msg"]


REQUIRED = {"_irsa_required": ["irsa_cluster_name", "irsa_bindings"]}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"_irsa_run": 3, "irsa_sate": "x"}, "_irsa_run is an internal variable of eksops.irsa"),
        ({"_irsa_required": 3}, "_irsa_required is an internal variable of eksops.irsa"),
        ({"irsa_bindings": [{"namespace": "shop"}]}, "binding 1 of 1: service_account is not set"),
        ({"irsa_bindings": "[{"}, "the bindings are text that is not valid JSON"),
        ({"irsa_bindings": None}, "irsa_bindings is not set"),
        (
            {"irsa_bindings": [], "irsa_sate": "x"},
            "irsa_sate is not a variable of eksops.irsa; did you mean irsa_state?",
        ),
    ],
)
def test_invalid_variables_of_a_playbook_are_reported(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, t.Any], message: str
) -> None:
    result = run(monkeypatch, {"irsa_cluster_name": "staging"}, extra, play={**REQUIRED, "irsa_bindings": []})
    assert "ran" not in result
    assert message in result["msg"]
    assert len(result["msg"].splitlines()) <= 2


def test_variables_are_not_checked_outside_the_role_and_the_playbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"_irsa_run": 3, "irsa_sate": "x", "irsa_bindings": 3}
    assert "ran" in run(monkeypatch, {"irsa_cluster_name": "staging"}, extra)


MODULE_FAILURE = {
    "failed": True,
    "msg": "Fix: check cluster_name.",
    "error": {"kind": "not_found", "fix": "check cluster_name", "options": ["cluster_name"]},
    "exception": "...",
}


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (
            NotFound("EKS cluster x does not exist in region y", fix="check cluster_name, region", options=OPTIONS),
            "EKS cluster x does not exist in region y. Fix: check irsa_cluster_name, irsa_region.",
        ),
        (
            Conflict("in use", fix="set force to true, or rbac.force", options=["force"]),
            "in use. Fix: set irsa_force to true, or rbac.force.",
        ),
        (
            RolloutFailed("not finished", fix="increase wait_timeout", options=["wait_timeout"]),
            "not finished. Fix: increase irsa_rollout.wait_timeout.",
        ),
        # A fix that names no options of the task: those of another module keep their names.
        (
            ChainBroken("broken", fix="run eksops.irsa.irsa_role (cluster_name: x)"),
            "broken. Fix: run eksops.irsa.irsa_role (cluster_name: x).",
        ),
        (NotFound("nothing"), "nothing."),
    ],
)
def test_message_names_the_variables_of_the_role(error: IrsaError, named: str) -> None:
    failure = {"msg": str(error), "error": error.as_dict()}
    assert name_variables(failure) == named
    # An error of a binding is in the results.
    assert name_variables({"msg": f"1 failed: {error}", "results": [{"error": error.as_dict()}, {"error": None}]}) == (
        f"1 failed: {named}"
    )


def test_failure_names_the_variables_of_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"irsa_cluster_name": "staging"}
    play = {**REQUIRED, "irsa_bindings": []}
    result = run(monkeypatch, own, {}, play=play, module=MODULE_FAILURE)
    assert (result["msg"], "exception" in result) == ("Fix: check irsa_cluster_name.", False)
    result = run(monkeypatch, own, {}, module=MODULE_FAILURE)
    assert (result["msg"], "exception" in result) == ("Fix: check cluster_name.", True)


def test_unexpected_exception_of_the_module_has_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, {"irsa_cluster_name": "staging"}, {}, module={"failed": True, "exception": "..."})
    assert result["msg"].startswith("eksops.irsa.irsa_audit ended with an unexpected error. Fix: ")
    assert result["exception"] == "..."
