"""Cases: one use of a permission, or one attempt that the policy denies."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.accounts import AwsAccounts
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import hosts
from ansible_collections.eksops.irsa.plugins.module_utils._module.clusters import FleetReader
from faults import modules
from faults.modules import Outcome
from permissions.testbed import Testbed

Json = dict[str, t.Any]

ROLE = "irsa-permissions-app"


@dataclasses.dataclass(frozen=True)
class Case:
    """One run of a module or of the inventory.

    :param module: its full name; "inventory" for `eks_clusters`.
    :param task: what it does, as an infinitive for the table.
    :param prepare: creates the initial state as an administrator and returns the module's arguments.
    :param writes: whether it changes something.
    :param idempotent: whether a second run changes nothing.
    :param may_fail: whether it fails even with all permissions.
    :param reads_only_in_check_mode: whether check mode needs only the read-only permissions.
    """

    module: str
    task: str
    prepare: c.Callable[[Testbed], Json]
    writes: bool = False
    idempotent: bool = True
    may_fail: bool = False
    reads_only_in_check_mode: bool = True

    def run(self, testbed: Testbed, arguments: Json, *, check: bool = False) -> Outcome:
        """Run it as the limited user."""
        if self.module == "inventory":
            return modules.call(functools.partial(_read_inventory, arguments), testbed.environment)
        return modules.run(self.module, arguments, testbed.environment, check=check)


@dataclasses.dataclass(frozen=True)
class DeniedAttempt:
    """An attempt that the full policy denies.

    :param task: what is attempted, as an infinitive for the table.
    :param action: the IAM action that AWS denies.
    """

    task: str
    action: str
    prepare: c.Callable[[Testbed], Json]
    module: str = "eksops.irsa.irsa_role"


def _read_inventory(options: Json) -> Json:
    """Read the inventory.

    :returns: names of clusters, and warnings.
    """
    accounts = AwsAccounts(
        region="eu-west-1",
        endpoint=None,
        connection={},
        assume_role_arn=None,
        regions=options.get("regions", []),
        connections=8,
    )
    reader = FleetReader(accounts, may_match=lambda _name: True, strict=True, workers=8)
    fleet = reader.read(hosts.parse_accounts(options.get("accounts", [])))
    return {"names": [cluster["cluster_name"] for cluster in fleet.clusters], "warnings": fleet.warnings}


def cluster_arguments(testbed: Testbed, **arguments: t.Any) -> Json:
    """Add the cluster's name to a module's arguments."""
    return {"cluster_name": testbed.values["cluster"], **arguments}
