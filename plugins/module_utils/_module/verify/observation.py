# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IAM and EKS say of a chain, read side by side."""

from __future__ import annotations

import functools
import typing as t

from ..._api.aws import eks, iam, sts
from ..._core import errors
from ..._core.arn import Arn
from ..._core.diagnosis.findings import AwsFacts, Chain, Observed, Unknown
from ..._core.diagnosis.rules import account as account_rules
from ..._core.diagnosis.rules import role as role_rules
from ..._core.policy.document import compact

if t.TYPE_CHECKING:
    import concurrent.futures

    from ..._api.aws.session import Aws
    from ..._core.arn import EksCluster
    from ..._core.diagnosis.options import Wanted

Json = dict[str, t.Any]
T = t.TypeVar("T")

NO_ROLE: t.Final = Unknown("no role is named")
OFF: t.Final = Unknown("the probe static is off")
# Every trust policy may have 2048 characters. From this length on one more account may be too much for the quota.
_SURE_LENGTH = 1500


def known(value: T | Unknown) -> T | None:
    """The value, None if it is Unknown."""
    return None if isinstance(value, Unknown) else value


def ask(read: t.Callable[[], T]) -> T | Unknown:
    """What a read of AWS brings; Unknown where AWS refuses it, or doesn't answer: STS may still prove the chain."""
    try:
        return read()
    except errors.IrsaError as error:
        return unknown(error, str(error.details["action"]) if isinstance(error, errors.AccessDenied) else None)


def unknown(error: errors.IrsaError, permission: str | None) -> Unknown:
    """What stands for an observation that failed.

    :param permission: the one that the caller lacks, if that is why.
    """
    if permission:
        return Unknown(f"{error.message}: the permission {permission} is missing", permission)
    return Unknown(f"{error.message}: {error.cause}" if error.cause else error.message)


class Reads:
    """The reads of IAM and EKS.

    :param aws: None where the static probe is off.
    """

    def __init__(
        self,
        pool: concurrent.futures.Executor,
        aws: Aws | None,
        cluster: EksCluster | None,
        wanted: Wanted,
    ) -> None:
        self._pool = pool
        self._aws = aws
        self._cluster = cluster
        self._wanted = wanted
        self._iam: t.Any = None
        self._caller: concurrent.futures.Future[Observed[Arn]] | None = None
        self._early: dict[str, concurrent.futures.Future[t.Any]] = {}

    def begin(self) -> None:
        """Starts what needs nothing but the options."""
        if self._aws is None:
            return
        if self._cluster:
            client, wanted = self._aws.client("eks"), self._wanted
            self._start(
                "associations",
                eks.list_pod_identity_associations,
                client,
                cluster=self._cluster.name,
                namespace=wanted.namespace,
                name=wanted.service_account,
            )
            self._early["addons"] = self._pool.submit(self._read_addons, client, self._cluster.name)
        else:
            # By this thread, though it may fail: STS wants to know a region, which nothing else here needs.
            self._caller = self._pool.submit(self._read_caller, ask(functools.partial(self._aws.client, "sts")))
        self._iam = self._aws.client("iam")

    def finish(self, chain: Chain) -> AwsFacts:
        """All that IAM and EKS say."""
        if self._aws is None:
            return AwsFacts(OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF)
        no_cluster = Unknown("without cluster_name EKS isn't asked")
        elsewhere = self._elsewhere(chain)
        facts: dict[str, t.Any] = {}
        if elsewhere:
            names = ("provider", "provider_arns", "role", "managed_policies", "inline_policies", "boundary", "quotas")
            facts = dict.fromkeys(names, elsewhere)
        else:
            parts = [self._pool.submit(self._read_provider, chain), self._pool.submit(self._read_role, chain)]
            name = role_rules.role_name(chain)
            if name:
                parts.append(self._pool.submit(self._read_policies, name))
            else:
                facts.update(managed_policies=NO_ROLE, inline_policies=NO_ROLE)
            for part in parts:
                facts.update(part.result())
        early = {key: future.result() for key, future in self._early.items()}
        return AwsFacts(**{"associations": no_cluster, "addons": no_cluster, **facts, **early})

    def _start(self, key: str, call: t.Callable[..., t.Any], client: t.Any, **arguments: t.Any) -> None:
        self._early[key] = self._pool.submit(ask, functools.partial(call, client, **arguments))

    def _read_caller(self, client: t.Any) -> Observed[Arn]:
        if isinstance(client, Unknown):
            return client
        return ask(lambda: Arn.parse(sts.get_caller_identity(client)["Arn"]))

    def _elsewhere(self, chain: Chain) -> Unknown | None:
        """Why IAM can't be asked about this chain's role; None if it can."""
        role = role_rules.intended_role_arn(chain)
        if self._caller:
            caller = self._caller.result()
            if isinstance(caller, Unknown):
                return caller
            account_id = caller.account_id
        else:
            # EKS shows an account its own clusters only.
            account_id = t.cast("EksCluster", self._cluster).account_id
        if role is None or role.account_id == account_id:
            return None
        return Unknown(f"role {role} is in another account than the credentials, which are of {account_id}")

    def _read_provider(self, chain: Chain) -> Json:
        arn = role_rules.provider_arn(chain)
        if arn is None:
            return {"provider": NO_ROLE, "provider_arns": NO_ROLE}
        provider = ask(lambda: iam.find_oidc_provider(self._iam, arn=arn))
        needless: t.Any = Unknown("the provider is there")
        others = needless if provider is not None else ask(lambda: iam.list_oidc_providers(self._iam))
        return {"provider": provider, "provider_arns": others}

    def _read_role(self, chain: Chain) -> Json:
        name = role_rules.role_name(chain)
        if name is None:
            return {"role": NO_ROLE, "boundary": NO_ROLE, "quotas": NO_ROLE}
        role = ask(lambda: iam.find_role(self._iam, name=name))
        boundary: t.Any = None
        quotas: t.Any = Unknown("the trust policy is not long enough to matter")
        if isinstance(role, Unknown) or role is None:
            return {"role": role, "boundary": role, "quotas": quotas}
        arn = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        if arn:
            boundary = ask(lambda: self._read_policy(arn))
        if len(compact(role["AssumeRolePolicyDocument"])) > _SURE_LENGTH:
            quotas = ask(lambda: iam.account_summary(self._iam))
        return {"role": role, "boundary": boundary, "quotas": quotas}

    def _read_policy(self, arn: str) -> Json:
        version = iam.get_policy(self._iam, arn=arn)["DefaultVersionId"]
        return iam.get_policy_version(self._iam, arn=arn, version=version)

    def _read_policies(self, name: str) -> Json:
        managed = ask(lambda: iam.list_attached_policies(self._iam, name=name))
        inline: t.Any = Unknown("there are managed policies")
        if not managed or isinstance(managed, Unknown):
            inline = ask(lambda: self._read_inline(name))
        return {"managed_policies": managed, "inline_policies": inline}

    def _read_inline(self, name: str) -> dict[str, Json]:
        names = iam.list_inline_policies(self._iam, name=name)
        return {each: iam.get_inline_policy(self._iam, name=name, policy_name=each) for each in names}

    def _read_addons(self, client: t.Any, cluster: str) -> Observed[list[Json]]:
        names = account_rules.addons_of(self._wanted.namespace, self._wanted.service_account)

        def read() -> list[Json]:
            found = [eks.find_addon(client, cluster=cluster, name=name) for name in names]
            return [addon for addon in found if addon is not None]

        return ask(read)
