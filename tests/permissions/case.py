"""What a case is: one way in which a permission is used, or one thing that the policy refuses."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.accounts import AwsAccounts
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import inventory
from ansible_collections.eksops.irsa.plugins.module_utils._module.clusters import FleetReader
from permissions import modules
from permissions.modules import Outcome
from permissions.world import World

Json = dict[str, t.Any]

ROLE = "irsa-permissions-app"


@dataclasses.dataclass(frozen=True)
class Case:
    """One run of a module, or of the inventory.

    :param module: its full name; "inventory" for `eks_clusters`.
    :param what: what is done, for the table.
    :param prepare: makes the case's beginning, by an administrator, and returns the module's arguments.
    :param writes: whether it changes something; else it only reads.
    :param lasts: whether a second run has nothing to do.
    :param may_fail: whether it fails with all permissions, too, for a reason that a permission shows.
    :param foreseen: whether check mode needs no more than reading.
    """

    module: str
    what: str
    prepare: c.Callable[[World], Json]
    writes: bool = False
    lasts: bool = True
    may_fail: bool = False
    foreseen: bool = True

    def run(self, world: World, arguments: Json, *, check: bool = False) -> Outcome:
        """Runs it as the limited identity."""
        if self.module == "inventory":
            return modules.call(functools.partial(_inventory, arguments), world.environment)
        return modules.run(self.module, arguments, world.environment, check=check)


@dataclasses.dataclass(frozen=True)
class Excess:
    """What somebody with the full policy may still not do.

    :param action: what AWS refuses.
    """

    what: str
    action: str
    prepare: c.Callable[[World], Json]
    module: str = "eksops.irsa.irsa_role"


def _inventory(options: Json) -> Json:
    """What the inventory reads, with its warnings."""
    accounts = AwsAccounts(
        region="eu-west-1",
        endpoint=None,
        connection={},
        assume_role_arn=None,
        regions=options.get("regions", []),
        connections=8,
    )
    reader = FleetReader(accounts, may_match=lambda _name: True, strict=True, workers=8)
    reading = reader.read(inventory.parse_accounts(options.get("accounts", [])))
    return {"names": [cluster["cluster_name"] for cluster in reading.clusters], "warnings": reading.warnings}


def of_cluster(world: World, **arguments: t.Any) -> Json:
    """Arguments of a module, with the cluster's name."""
    return {"cluster_name": world.place["cluster"], **arguments}
