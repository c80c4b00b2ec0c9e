# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of modules for one cluster. It rejects a task for a cluster other than that of its host."""

from __future__ import annotations

import contextlib
import copy
import re
import typing as t

from ansible import context
from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible.utils.display import Display

from ..module_utils._core import argument_specs
from ..module_utils._core.arn import Arn
from ..module_utils._core.errors import InvalidInput
from . import _variable_names, _variables
from ._module_action import ModuleAction

display = Display()

Variables = t.Mapping[str, t.Any]

# Variables of the role and the playbooks.
_CLUSTER_NAME = "irsa_cluster_name"
_REGION = "irsa_region"
_ROLE_ARN = "irsa_assume_role_arn"
_BINDINGS = "irsa_bindings"
# Playbooks whose hosts are clusters set it to ``name`` and ``region`` of a host without variables of the role.
_DEFAULTS = "_irsa_cluster_of_host"
# Playbooks that can assume a role register its credentials in it.
_SESSION = "_irsa_session"
# The role and the playbooks set it to the variables that they require.
_REQUIRED = "_irsa_required"
# The playbook remove sets it to the only value of irsa_state that it accepts: extra variables override its own value.
_STATE = "_irsa_only_state"
# With it, the task checks the variables of a cluster without bindings, and does not run its module.
_ONLY_CHECKS = "_irsa_only_checks"
_CLUSTER_ARN = re.compile(r"arn:[a-z0-9-]+:eks:[a-z0-9-]+:\d{12}:cluster/[^/]+")
# The returns that a failed module has if it could read the cluster.
_FINDINGS = {"results", "findings"}
_NO_CLUSTERS = ("localhost", "127.0.0.1", "::1")
# Options that a fix names, and the variables that set them.
_VARIABLES = {
    "bindings": "irsa_bindings",
    "cluster_name": "irsa_cluster_name",
    "region": "irsa_region",
    "force": "irsa_force",
    "create_provider": "irsa_create_provider",
    "provider_tags": "irsa_provider_tags",
    "fail_on": "irsa_fail_on",
    "rollout": "irsa_rollout.enabled",
    **{name: f"irsa_rollout.{name}" for name in argument_specs.ROLLOUT if name != "wait"},
}


class HostCluster(t.NamedTuple):
    """The cluster of a host in the inventory. A value is None if the inventory does not have it."""

    name: str | None
    region: str | None
    account_id: str | None

    @classmethod
    def from_variables(cls, variables: Variables) -> HostCluster:
        """Reads the cluster from the host's own variables.

        The variables of the role come first, then those of the inventory plugin `eks_clusters`. These may have a prefix
        or a suffix, so they are recognized by the ARN of an EKS cluster.
        """
        arns = {value for value in variables.values() if isinstance(value, str) and _CLUSTER_ARN.fullmatch(value)}
        arn = Arn.parse(arns.pop()) if len(arns) == 1 else None
        return cls(
            name=variables.get(_CLUSTER_NAME) or (arn.resource.rpartition("/")[2] if arn else None),
            region=variables.get(_REGION) or (arn.region if arn else None),
            account_id=arn.account_id if arn else None,
        )


def check_cluster(host: str, own: HostCluster, given: Variables) -> None:
    """Checks that a task is for the cluster of its host.

    :param own: the cluster of the host.
    :param given: ``irsa_cluster_name``, ``irsa_region`` and ``irsa_assume_role_arn`` of the task, if set.
    :raises InvalidInput: some of them belong to another cluster. The error names all of them.
    """
    account_id = None
    with contextlib.suppress(InvalidInput):
        account_id = Arn.parse(given.get(_ROLE_ARN) or "").account_id
    contradictions = [
        (f"{variable} is {value}", f"{subject} {expected}")
        for variable, subject, value, expected in (
            (_CLUSTER_NAME, "cluster", given.get(_CLUSTER_NAME), own.name),
            (_REGION, "region", given.get(_REGION), own.region),
            (f"the account of {_ROLE_ARN}", "account", account_id, own.account_id),
        )
        if value and expected and value != expected
    ]
    if contradictions:
        raise InvalidInput(
            f"host {host} is another cluster in the inventory: {', '.join(text for text, _own in contradictions)}; "
            f"the inventory has {', '.join(text for _given, text in contradictions)}",
            cause="extra variables (-e) and variables of a play or role override the variables of each host",
            fix="remove these variables, so that each host uses its own",
        )


def name_variables(result: t.Mapping[str, t.Any]) -> str:
    """The message of a module's result with the variables of the role in place of the options that they set.

    Only the fixes name options, and each error lists them.
    """
    message = str(result["msg"])
    errors = [result, *(outcome for outcome in result.get("results") or () if isinstance(outcome, dict))]
    for error in [outcome["error"] for outcome in errors if outcome.get("error")]:
        fix = error.get("fix") or ""
        named = fix
        for option in error.get("options", ()):
            named = re.sub(rf"(?<![\w.]){option}\b", _VARIABLES.get(option, option), named)
        message = message.replace(fix, named) if fix else message
    return message


class ClusterAction(ModuleAction):
    """Runs a module after checking that the task is for the cluster of its host."""

    def run_task(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Checks the cluster, runs the module and returns its result unchanged."""
        if self.is_of_role(task_vars):
            for warning in _variable_names.find_ignored(self._extra_variables(), context.CLIARGS.get("args") or ()):
                display.warning(warning)
        try:
            _variables.stop(self.find_problems(task_vars), "variables" if self.is_of_role(task_vars) else "options")
            if self._value(self._templar, task_vars, _ONLY_CHECKS):
                return {"changed": False}
            self.check_host(task_vars)
            outcome = self.run_module(task_vars)
        except InvalidInput as error:
            outcome = {"failed": True, "msg": str(error), "error": error.as_dict()}
        if self.is_of_role(task_vars) and outcome.get("failed"):
            outcome["msg"] = name_variables(outcome)
            if "error" in outcome or "results" in outcome:
                outcome.pop("exception", None)  # Ansible would show its text, and not msg
            if not outcome.keys() & _FINDINGS:
                outcome.pop("error", None)  # Ansible would show it, and msg has the same
        return outcome

    def run_module(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Runs the module with the task's arguments."""
        return self.execute(self._task.args, task_vars)

    @staticmethod
    def is_of_role(task_vars: Variables) -> bool:
        """Whether the task belongs to the role or a playbook."""
        return _REQUIRED in task_vars

    def role_variable(self, task_vars: Variables, name: str) -> t.Any:
        """The value of a variable of the role; None if the task does not belong to the role or a playbook."""
        return self._value(self._templar, task_vars, name) if self.is_of_role(task_vars) else None

    def _extra_variables(self) -> t.Iterable[str]:
        return getattr(self._task.get_variable_manager(), "_extra_vars", ())

    def find_problems(self, task_vars: Variables) -> list[str]:
        """Finds unknown, missing and invalid variables of the role or playbook that the task belongs to."""
        if not self.is_of_role(task_vars):
            return []
        reserved = _variable_names.check_reserved(self._extra_variables())
        if reserved:
            return reserved  # the values of the others can depend on them
        names = [name for name in (*_variables.ROLE, *_variables.PLAYBOOK_VARIABLES) if name in task_vars]
        values = {name: self._value(self._templar, task_vars, name) for name in names}
        required = self._value(self._templar, task_vars, _REQUIRED)
        problems = [
            *_variable_names.check_names(task_vars),
            *([] if _SESSION in task_vars else _variable_names.check_session(task_vars)),
            *_variable_names.check_required(required, {**task_vars, **values}),
            *_variables.check_values({name: value for name, value in values.items() if value is not None}),
            *_variables.check_state(values.get("irsa_state"), self._value(self._templar, task_vars, _STATE)),
        ]
        if _BINDINGS in required and values.get(_BINDINGS) not in (None, ""):
            problems += self.find_binding_problems(values[_BINDINGS])
        return problems

    def find_binding_problems(self, bindings: t.Any) -> list[str]:
        """Finds the problems of ``irsa_bindings``, of which the task needs only the service accounts."""
        return _variables.check_accounts(_variables.parse_bindings(bindings))

    def check_host(self, task_vars: Variables) -> None:
        """Compares the arguments of the task with the inventory. localhost is never a cluster.

        :raises InvalidInput: the task is for a cluster other than the host's.
        """
        host = task_vars.get("inventory_hostname", "localhost")
        if host in _NO_CLUSTERS:
            return
        variables = self._inventory_variables(host)
        own = HostCluster.from_variables(variables)
        defaults = self._value(self._templar, task_vars, _DEFAULTS) or {}
        own = own._replace(name=own.name or defaults.get("name"), region=own.region or defaults.get("region"))
        given = {name: self._value(self._templar, task_vars, name) for name in (_REGION, _ROLE_ARN)}
        given[_CLUSTER_NAME] = self._task.args.get("cluster_name")
        if self._task.args.get("region"):
            given[_REGION] = self._task.args["region"]
        check_cluster(host, own, given)

    def _inventory_variables(self, host: str) -> dict[str, t.Any]:
        """The variables of the host, without extra variables and variables of the play."""
        manager = copy.copy(self._task.get_variable_manager())
        inventory_host = manager and manager._inventory.get_host(host)
        if inventory_host is None:
            return {}
        manager._extra_vars = {}
        variables = manager.get_vars(host=inventory_host, include_hostvars=False)
        templar = Templar(loader=self._loader, variables=variables)
        return {**variables, **{name: self._value(templar, variables, name) for name in (_CLUSTER_NAME, _REGION)}}

    def _value(self, templar: Templar, variables: Variables, name: str) -> t.Any:
        """The value of the variable; None if it cannot be evaluated. The module then reports the error."""
        try:
            return templar.template(variables.get(name))
        except AnsibleError:
            return None
