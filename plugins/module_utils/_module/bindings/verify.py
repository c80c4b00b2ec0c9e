# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies the bindings of a run, all in one process: by what is known of them, and by asking STS if that is wanted."""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

from ..._api.aws import iam
from ..._api.kubernetes import service_accounts
from ..._core.arn import Arn
from ..._core.bindings import spec as binding_spec
from ..._core.diagnosis import diagnose
from ..._core.diagnosis import facts as proofs
from ..._core.diagnosis import options as diagnosis_options
from ..._core.diagnosis.findings import Unknown
from ..._core.errors import IrsaError
from ..verify import observation
from ..verify.token_probe import TokenProbe
from . import run as binding_run

if t.TYPE_CHECKING:
    from ..._core.bindings.spec import Outcome
    from ..._core.diagnosis.diagnose import Diagnosis
    from .run import Run


class Proofs:
    """Verifies the bindings that were made.

    :param provider: the cluster's provider as it is now, as `iam_oidc_provider` returns it.
    :param region: of the option, for where no cluster is named.
    :param ask: whether to show a token of each account to STS.
    :param fail_on: the least severity of a finding with which a binding has failed.
    :param warn: tells the user something.
    :param without: a value without the secrets that are given with it.
    """

    def __init__(
        self,
        run: Run,
        provider: t.Mapping[str, t.Any],
        *,
        region: str | None,
        ask: bool,
        fail_on: str,
        warn: t.Callable[[str], None],
        without: t.Callable[[t.Any, t.Collection[str]], t.Any],
    ) -> None:
        self._run = run
        self._warn = warn
        self._without = without
        self._provider = provider
        self._region = region
        self._ask = ask
        self._fail_on = fail_on
        self._foreign: dict[str, t.Any] = {}
        self._accounts: binding_run.Accounts | None = None
        name = run.wanted.provider.cluster_name
        self._cluster = run.aws.describe(name) if name else None

    def verify(self) -> None:
        """Notes of each binding what is found, and what STS said."""
        run = self._run
        outcomes = [each for each in run.outcomes if self._is_ready(each)]
        self._read_foreign(outcomes)
        # Anew, for what there is now is to be verified, and not what was sent.
        self._accounts = binding_run.known_accounts(run)
        # Here, by one thread. Without a region each probe says what is missing.
        region = diagnosis_options.chain_of(self._wanted(outcomes[0]), self._cluster, None).region if outcomes else None
        client = run.aws.unsigned("sts", region) if self._ask and region else None
        unknown: dict[str, list[str]] = collections.defaultdict(list)

        def verify(outcome: Outcome) -> None:
            # Kept out of the result here, binding by binding: what AnsibleModule would look for in all of it at the
            # end would be thousands of tokens.
            secrets: set[str] = set()
            try:
                found = self._diagnose(outcome, client, secrets)
            except IrsaError as error:
                self._fail(outcome, error, secrets)
                return
            outcome.findings = [self._without(each.as_dict(), secrets) for each in found.findings]
            outcome.proof = diagnose.proof(found.seen)
            failure = found.failure(self._fail_on)
            if failure:
                self._fail(outcome, failure, secrets)
            elif not found.ok:
                for warning in found.warnings:
                    unknown[self._without(warning, secrets)].append(outcome.account.title)

        run.each("verification", verify, outcomes)
        for warning, titles in sorted(unknown.items()):
            self._warn(f"Could not be verified as a whole: {binding_spec.some(sorted(titles))}. {warning}")

    def _fail(self, outcome: Outcome, error: IrsaError, secrets: t.Collection[str]) -> None:
        vars(error).update({key: self._without(value, secrets) for key, value in vars(error).items()})
        self._run.fail([outcome], error)

    def _is_ready(self, outcome: Outcome) -> bool:
        """Whether the chain is what it will be: not where it failed, nor where a real run would yet change it."""
        return not outcome.error and not (self._run.foresee and outcome.changes)

    def _read_foreign(self, outcomes: t.Sequence[Outcome]) -> None:
        """The roles that are kept elsewhere, as far as they are in the account of the credentials."""
        client, own = self._run.aws.client("iam"), self._run.account_id()

        def read(arn: str) -> None:
            parsed = Arn.parse(arn)
            if parsed.account_id != own:
                self._foreign[arn] = Unknown(
                    f"role {arn} is in another account than the credentials, which are of {own}"
                )
                return
            name = parsed.resource.rpartition("/")[2]
            self._foreign[arn] = observation.ask(functools.partial(iam.find_role, client, name=name))

        self._run.each(
            "reading roles", read, sorted({each.account.role_arn for each in outcomes if each.account.role_arn})
        )

    def _wanted(self, outcome: Outcome) -> diagnosis_options.Wanted:
        options = outcome.account.options
        return proofs.wanted(
            options["namespace"],
            options["name"],
            role_arn=outcome.role_arn,
            issuer=self._run.wanted.provider.url,
            region=self._region,
            ask=self._ask,
        )

    def _diagnose(self, outcome: Outcome, client: t.Any, secrets: set[str]) -> Diagnosis:
        run, wanted = self._run, self._wanted(outcome)
        names = (wanted.namespace, wanted.service_account)
        if self._accounts:
            account = self._accounts.found.get(names)
        else:
            account = service_accounts.find_service_account(run.server, namespace=names[0], name=names[1])
        chain = diagnosis_options.chain_of(wanted, self._cluster, account)
        elsewhere = outcome.account.role_arn
        if outcome.account.role:
            role = run.roles[outcome.account.role]
            facts = proofs.aws_facts(self._provider, proofs.role(role), role)
        else:
            facts = proofs.aws_facts(self._provider, self._foreign[elsewhere] if elsewhere else None)
        seen = diagnose.Observations(chain, facts, proofs.kubernetes_facts(account))
        if self._ask:
            probe = TokenProbe(run.server, run.aws, wanted, conceal=secrets.add, client=client)
            seen = dataclasses.replace(seen, sts=probe.ask(chain, account))
            seen = dataclasses.replace(seen, sts=probe.settle(seen))
        return diagnose.diagnose(wanted, seen)
