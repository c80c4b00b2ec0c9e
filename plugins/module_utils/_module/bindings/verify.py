# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies the bindings of a run in one process: with the objects that were read and, on request, by calling STS."""

from __future__ import annotations

import collections
import dataclasses
import functools
import threading
import typing as t

from ..._api.aws import iam
from ..._api.kubernetes import service_accounts
from ..._core.arn import Arn
from ..._core.diagnosis import diagnose
from ..._core.diagnosis.diagnose import build_bulk_spec, build_chain
from ..._core.diagnosis.facts import (
    ChainFacts,
    Unknown,
    as_get_role,
    bulk_aws_facts,
    bulk_kubernetes_facts,
    read_or_unknown,
)
from ..._core.errors import IrsaError
from ..._core.wording import MAX_NAMES, join_some
from ..verify.token_probe import TokenProbe
from .context import select_accounts

if t.TYPE_CHECKING:
    from ..._core.bindings.outcome import BindingOutcome
    from ..._core.diagnosis.diagnose import Diagnosis, VerificationSpec
    from ..._core.diagnosis.facts import OrUnknown
    from ..service_account import ListedAccounts
    from .context import BindingsContext


@dataclasses.dataclass(frozen=True)
class VerifyOptions:
    """The options of a verification.

    :param region: the option ``region``, for a run without the name of the cluster.
    :param ask_sts: whether to call STS with a token of each service account.
    :param fail_on: the lowest severity of a finding that fails a binding.
    :param warn: shows a warning to the user.
    :param redact: removes secrets from a value.
    """

    region: str | None
    ask_sts: bool
    fail_on: str
    warn: t.Callable[[str], None]
    redact: t.Callable[[t.Any, t.Collection[str]], t.Any]


def verify_bindings(options: VerifyOptions, context: BindingsContext, provider: t.Mapping[str, t.Any]) -> None:
    """Verify the bindings, and record the findings and the proof of each.

    :param provider: the current OIDC provider of the cluster, as `iam_oidc_provider` returns it.
    """
    BindingVerifier(options, context, provider).verify()


class BindingVerifier:
    """Verifies the bindings that have not failed. See `verify_bindings`."""

    def __init__(self, options: VerifyOptions, context: BindingsContext, provider: t.Mapping[str, t.Any]) -> None:
        self._options = options
        self._context = context
        self._provider = provider
        self._cluster = context.aws.describe(name) if (name := context.spec.provider.cluster_name) else None
        self._external_roles: dict[str, OrUnknown[t.Mapping[str, t.Any] | None]] = {}
        self._listed: ListedAccounts | None = None
        self._sts: t.Any = None
        self._lock = threading.Lock()
        self._warnings: dict[str, list[str]] = collections.defaultdict(list)

    def verify(self) -> None:
        """Verify the bindings in parallel."""
        outcomes = [outcome for outcome in select_accounts(self._context.outcomes) if self._is_final(outcome)]
        self._read_external_roles(outcomes)
        try:
            # Listed again, because the verification checks the objects that exist now.
            self._listed = self._context.list_bound_accounts()
        except IrsaError as error:  # the error of each binding, because the result must have what was written
            self._context.fail(outcomes, error)
            return
        self._sts = self._sts_client(outcomes)
        self._context.for_each("verification", self._verify_binding, outcomes)
        for warning, titles in sorted(self._warnings.items()):
            titles = sorted(titles)
            self._options.warn(f"Could not be verified completely: {join_some(titles, MAX_NAMES)}. {warning}")

    def _is_final(self, outcome: BindingOutcome) -> bool:
        """Whether the chain is in its final state. It is not if the binding failed or check mode planned a change."""
        return not outcome.error and not (self._context.check_mode and outcome.changes)

    def _read_external_roles(self, outcomes: t.Sequence[BindingOutcome]) -> None:
        """Read the roles that the bindings do not manage, if they are in the AWS account of the credentials."""
        client, own = self._context.aws.client("iam"), self._context.account_id()

        def read_role(arn: str) -> None:
            parsed = Arn.parse(arn)
            if parsed.account_id != own:
                reason = f"role {arn} is not in the AWS account of the credentials, which is {own}"
                self._external_roles[arn] = Unknown(reason)
                return
            name = parsed.resource.rpartition("/")[2]
            self._external_roles[arn] = read_or_unknown(functools.partial(iam.find_role, client, name=name))

        arns = {outcome.binding.role_arn for outcome in outcomes if outcome.binding.role_arn}
        self._context.for_each("reading roles", read_role, sorted(arns))

    def _sts_client(self, outcomes: t.Sequence[BindingOutcome]) -> t.Any:
        """The STS client for all threads; None if STS is not called, or the region is not known."""
        if not self._options.ask_sts or not outcomes:
            return None
        region = build_chain(self._spec_of(outcomes[0]), self._cluster, None).region
        return self._context.aws.unsigned("sts", region) if region else None

    def _verify_binding(self, outcome: BindingOutcome) -> None:
        # Each binding is redacted here. Otherwise, AnsibleModule would search the whole result for thousands of tokens.
        secrets: set[str] = set()
        redact = self._options.redact
        try:
            diagnosis = self._diagnose(outcome, secrets)
        except IrsaError as error:
            self._fail(outcome, error, secrets)
            return
        outcome.findings = [redact(finding.as_dict(), secrets) for finding in diagnosis.findings]
        outcome.proof = diagnose.proof(diagnosis.facts)
        failure = diagnosis.failure(self._options.fail_on)
        if failure:
            self._fail(outcome, failure, secrets)
        elif not diagnosis.ok:
            with self._lock:
                for warning in diagnosis.warnings:
                    self._warnings[redact(warning, secrets)].append(outcome.binding.title)

    def _fail(self, outcome: BindingOutcome, error: IrsaError, secrets: t.Collection[str]) -> None:
        error.redact(lambda value: self._options.redact(value, secrets))
        self._context.fail([outcome], error)

    def _spec_of(self, outcome: BindingOutcome) -> VerificationSpec:
        return build_bulk_spec(
            outcome.binding.namespace,
            outcome.binding.service_account,
            role_arn=outcome.role_arn,
            issuer=self._context.spec.provider.url,
            region=self._options.region,
            ask_sts=self._options.ask_sts,
        )

    def _diagnose(self, outcome: BindingOutcome, secrets: set[str]) -> Diagnosis:
        context, spec = self._context, self._spec_of(outcome)
        if self._listed:
            account = self._listed.accounts.get((spec.namespace, spec.service_account))
        else:
            account = service_accounts.find_service_account(
                context.server, namespace=spec.namespace, name=spec.service_account
            )
        chain = build_chain(spec, self._cluster, account)
        if outcome.binding.role:
            role = context.roles[outcome.binding.role]
            aws = bulk_aws_facts(self._provider, as_get_role(role), role)
        else:
            external = self._external_roles[outcome.binding.role_arn or ""]
            aws = bulk_aws_facts(self._provider, external)
        facts = ChainFacts(chain, aws, bulk_kubernetes_facts(account))
        if self._options.ask_sts:
            probe = TokenProbe(context.server, context.aws, spec, register_secret=secrets.add, client=self._sts)
            facts = dataclasses.replace(facts, sts=probe.ask(chain, account))
            facts = dataclasses.replace(facts, sts=probe.settle(facts))
        # No pods are read, so no rule about pods applies.
        return diagnose.diagnose(spec, facts, pod_findings=())
