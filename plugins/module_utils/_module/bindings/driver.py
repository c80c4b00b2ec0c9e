# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `irsa_bindings` does, from the first look to its result."""

from __future__ import annotations

import typing as t

from ..._core.bindings import spec as binding_spec
from . import unbind
from .bind import Binding
from .unbind import Freeing

if t.TYPE_CHECKING:
    from ..rollout.run import RolloutGroup
    from .run import Run
    from .verify import Proofs


class Driver:
    """Makes the bindings of a run, or frees their accounts.

    :param provider_is_ours: whether the cluster's OIDC provider is made; else it has to be there.
    :param verify: ``none``, ``static`` or ``token``.
    :param proofs: what verifies the bindings, given the provider; None where that isn't asked for.
    """

    def __init__(
        self, run: Run, *, provider_is_ours: bool, proofs: t.Callable[[dict[str, t.Any]], Proofs] | None
    ) -> None:
        self._run = run
        self._provider_is_ours = provider_is_ours
        self._proofs = proofs
        self._provider: dict[str, t.Any] = {}
        self._rollouts: list[RolloutGroup] = []
        self._freeing: Freeing | None = None

    def carry_out(self) -> None:
        """All of it.

        :raises IrsaError: the provider can't be made or isn't there, and with it no binding can be; or what is wanted
            is more than the account or exclusive_limit takes, and nothing was written.
        """
        if self._run.wanted.present:
            self._bind()
        else:
            freeing = unbind.named(self._run)
            freeing.look_ahead()
            self._free(freeing)

    def _bind(self) -> None:
        run, exclusive = self._run, self._run.wanted.exclusive
        binding = Binding(run)
        binding.look_ahead()
        if exclusive:
            self._freeing = unbind.strangers(run, exclusive)
            self._freeing.look_ahead()
        if not all(each.error for each in run.outcomes) or not run.outcomes:
            if self._provider_is_ours:
                binding.make_provider()
            else:
                binding.require_provider()
            self._provider = binding.provider
            binding.make_roles()
            binding.annotate_accounts()
            if run.wanted.rollout is not None and not run.stopped:
                binding.roll_out()
        if binding.rollouts:
            self._rollouts.append(binding.rollouts)
        if self._freeing:
            self._free(self._freeing)
        if self._proofs and not run.stopped:
            self._proofs(self._provider).verify()

    def _free(self, freeing: Freeing) -> None:
        freeing.free()
        if freeing.rollouts:
            self._rollouts.append(freeing.rollouts)

    def returns(self, *, diff: bool) -> dict[str, t.Any]:
        """What `irsa_bindings` returns, failed if a binding did.

        :param diff: whether to return the diff.
        """
        run = self._run
        freed = list(self._freeing.outcomes) if self._freeing else []
        outcomes = [*run.outcomes, *freed]
        plans = run.plans()
        found: dict[str, t.Any] = {
            "changed": any(plan for _kind, _name, plan in plans) or any(each.changes for each in outcomes),
            "results": [each.as_dict() for each in run.outcomes],
            "counts": binding_spec.counts(run.outcomes),
            "provider": self._provider,
            "actions": binding_spec.actions(outcomes, plans),
            "calls": run.server.calls.as_dict(),
        }
        if self._freeing:
            found["freed"] = [each.as_dict() for each in freed]
        if run.wanted.rollout is not None:
            rolled = [each.returns() for each in self._rollouts]
            for key in ("restarted", "unmanaged", *(["verified"] if run.details else [])):
                found[key] = [entry for each in rolled for entry in each[key]]
        if run.details:
            found["roles"] = [run.roles[name] for name in run.wanted.roles if name in run.roles]
            found["service_accounts"] = [
                run.service_accounts[each.title] for each in run.wanted.accounts if each.title in run.service_accounts
            ]
        if diff:
            found["diff"] = binding_spec.diff(plans)
        message = binding_spec.failure(outcomes)
        if message:
            found.update(failed=True, msg=message)
        return found
