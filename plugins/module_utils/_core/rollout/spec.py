# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks of a rollout."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION, is_role_arn
from ..errors import NotFound
from ..pods.injection import Expected
from ..validation import Problems, check_service_account

Json = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class RolloutSpec:
    """The options of `pod_rollout` for one service account, or for the pods with some labels.

    :param role_arn: None for the account's annotation, empty for no role at all.
    :param wait_timeout: seconds.
    :param max_retries: how often new pods that are stale are replaced again.
    """

    namespace: str
    service_account: str | None
    label_selectors: tuple[str, ...]
    role_arn: str | None
    strategy: str
    only_stale: bool
    delete_unmanaged: bool
    wait: bool
    wait_timeout: int
    max_retries: int

    @property
    def title(self) -> str:
        """``NAMESPACE/ACCOUNT``."""
        return f"{self.namespace}/{self.service_account}"

    @classmethod
    def from_params(cls, params: Json) -> RolloutSpec:
        """:raises InvalidInput: an option is not valid."""
        spec = cls(**{field.name: params[field.name] for field in dataclasses.fields(cls) if field.name in params})
        spec = dataclasses.replace(spec, label_selectors=tuple(spec.label_selectors or ()))
        problems = Problems()
        # A valid name stands in where the pods are selected by labels alone.
        check_service_account(problems, spec.namespace, spec.service_account or "default", allow_wildcards=False)
        if spec.service_account is None and not spec.label_selectors:
            problems.add(
                "pods are selected by service_account or label_selectors, and neither is given",
                "give the service account whose pods are to carry the role",
            )
        if spec.role_arn and not is_role_arn(spec.role_arn):
            problems.add(
                f"role_arn {spec.role_arn!r} is no ARN of an IAM role",
                "give it as arn:PARTITION:iam::ACCOUNT:role/NAME, or leave it out to use the account's annotation",
            )
        for option, least in (("wait_timeout", 1), ("max_retries", 0)):
            if getattr(spec, option) < least:
                problems.add(f"{option} is {getattr(spec, option)}", f"give {least} or more")
        problems.stop()
        return spec


def specs_from_params(params: Json) -> list[RolloutSpec]:
    """From the options of `pod_rollout`: one spec, or one for each of ``service_accounts``.

    :raises InvalidInput: an option is not valid, or an account is given twice.
    """
    if params["service_accounts"] is None:
        return [RolloutSpec.from_params(params)]
    problems = Problems()
    specs: list[RolloutSpec] = []
    names: set[tuple[str, str]] = set()
    for account in params["service_accounts"]:
        name = (account["namespace"], account["name"])
        if name in names:
            problems.add(f"service account {'/'.join(name)} is given twice", "name each account once")
        names.add(name)
        own = {"namespace": name[0], "service_account": name[1], "label_selectors": None}
        specs.append(RolloutSpec.from_params({**params, **own, "role_arn": account["role_arn"]}))
    problems.stop()
    return specs


def expected_injection(spec: RolloutSpec, account: Json | None) -> Expected | None:
    """What pods of an account are to carry; None where neither the spec nor the account says it.

    :param account: the ServiceAccount; None where it does not exist.
    """
    annotated = Expected.from_account(account) if account is not None else None
    if spec.role_arn is None:
        return annotated
    return Expected(spec.role_arn, annotated.audience if annotated else None)


def require_expected_injection(spec: RolloutSpec, account: Json | None) -> Expected:
    """As `expected_injection`, for the account that the spec names.

    :raises NotFound: no account, or no annotation, and no ``role_arn`` in its place.
    """
    expected = expected_injection(spec, account)
    if expected is not None:
        return expected
    if account is None:
        raise NotFound(
            f"there is no service account {spec.title}",
            fix="check namespace and service_account, or create the account with eksops.irsa.sa_annotate",
        )
    raise NotFound(
        f"service account {spec.title} names no role",
        cause=f"it has no annotation {ROLE_ARN_ANNOTATION}, or an empty one",
        fix="annotate it with eksops.irsa.sa_annotate, or give role_arn (an empty one: pods are to have none)",
    )
