# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of modules that work on one cluster: it refuses another cluster than the host is in the inventory."""

from __future__ import annotations

import contextlib
import copy
import re
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import Templar

from ..module_utils._core.arn import Arn
from ..module_utils._core.errors import InvalidInput

Variables = t.Mapping[str, t.Any]

# Variables of the role and the playbooks.
_CLUSTER_NAME = "irsa_cluster_name"
_REGION = "irsa_region"
_ROLE_ARN = "irsa_assume_role_arn"
# A playbook whose hosts are clusters sets it to what a host is without variables of the role: ``name`` and ``region``.
_DEFAULTS = "_irsa_cluster_of_host"
_CLUSTER_ARN = re.compile(r"arn:[a-z0-9-]+:eks:[a-z0-9-]+:\d{12}:cluster/[^/]+")
_NO_CLUSTERS = ("localhost", "127.0.0.1", "::1")


class HostCluster(t.NamedTuple):
    """The cluster that a host of the inventory is; None for what the inventory does not say."""

    name: str | None
    region: str | None
    account_id: str | None

    @classmethod
    def from_variables(cls, variables: Variables) -> HostCluster:
        """From the host's own variables.

        The role's variables come first, then those of the inventory plugin `eks_clusters`, which are known by the ARN
        of an EKS cluster, since they may have a prefix or a suffix.
        """
        arns = {value for value in variables.values() if isinstance(value, str) and _CLUSTER_ARN.fullmatch(value)}
        arn = Arn.parse(arns.pop()) if len(arns) == 1 else None
        return cls(
            name=variables.get(_CLUSTER_NAME) or (arn.resource.rpartition("/")[2] if arn else None),
            region=variables.get(_REGION) or (arn.region if arn else None),
            account_id=arn.account_id if arn else None,
        )


def check_cluster(host: str, own: HostCluster, given: Variables) -> None:
    """Refuse what contradicts the inventory.

    :param own: the cluster that the host is.
    :param given: what the task is given: ``irsa_cluster_name``, ``irsa_region`` and ``irsa_assume_role_arn``, as far as
        they are set.
    :raises InvalidInput: one of them belongs to another cluster. It names all of them.
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
            cause="extra variables (-e), and variables of a play or role, replace each host's own",
            fix="remove these variables from them, so that each host's own take effect",
        )


class ClusterAction(ActionBase):
    """Runs a module, unless it is given another cluster than its host is.

    :cvar MODULE: the full name of the module.
    """

    MODULE: t.ClassVar[str]
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module and return its result unchanged."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            self.check_host(variables)
            return {**result, **self.run_module(variables)}
        except InvalidInput as error:
            return {**result, "failed": True, "msg": str(error), "error": error.as_dict()}

    def run_module(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module with the task's arguments."""
        return self.execute(self._task.args, task_vars)

    def execute(self, arguments: Variables, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module with other arguments."""
        result: dict[str, t.Any] = self._execute_module(
            module_name=self.MODULE,
            module_args=dict(arguments),
            task_vars=task_vars,
            wrap_async=self._task.async_val,
        )
        return result

    def check_host(self, task_vars: Variables) -> None:
        """Compare what the task is given with the inventory. localhost is no cluster, whatever its variables say.

        :raises InvalidInput: the task is given another cluster than the host is.
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
        """The host's variables as they are without extra variables and those of the play."""
        manager = copy.copy(self._task.get_variable_manager())
        inventory_host = manager and manager._inventory.get_host(host)
        if inventory_host is None:
            return {}
        manager._extra_vars = {}
        variables = manager.get_vars(host=inventory_host, include_hostvars=False)
        templar = Templar(loader=self._loader, variables=variables)
        return {**variables, **{name: self._value(templar, variables, name) for name in (_CLUSTER_NAME, _REGION)}}

    def _value(self, templar: Templar, variables: Variables, name: str) -> t.Any:
        """The variable's value; None if it cannot be evaluated, for which the module has an error of its own."""
        try:
            return templar.template(variables.get(name))
        except AnsibleError:
            return None
