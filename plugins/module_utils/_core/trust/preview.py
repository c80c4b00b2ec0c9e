# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust policy of a role that does not exist yet, for review."""

from __future__ import annotations

import re
import typing as t

from .. import argument_specs
from .. import arn as arns
from ..errors import InvalidInput
from ..policy.document import Document
from ..role.spec import RoleSpec
from .policy import build_document

_PROVIDER_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}:oidc-provider/(.+)")
_ACCOUNT_ID = re.compile(r"\d{12}")
_FIX = "set provider_arn to the value that eks_oidc_info returns, or set issuer, account_id and partition"


def preview(
    value: t.Any,
    *,
    provider_arn: str | None = None,
    issuer: str | None = None,
    account_id: str | None = None,
    partition: str = "aws",
    audiences: t.Sequence[str] | None = None,
    allow_wildcards: bool = False,
) -> Document:
    """The trust policy that `irsa_role` would write for a new role.

    :param value: a service account or a list of them, each with ``namespace`` and either ``name`` or
        ``service_account``.
    :param provider_arn: the provider's ARN; else the issuer, account and partition are required.
    :param audiences: None for the audiences of the service accounts.
    :raises InvalidInput: the service accounts or the options are not valid.
    """
    accounts = _accounts(value)
    if bool(provider_arn) == bool(issuer):
        raise InvalidInput("exactly one of provider_arn and issuer is required", fix=_FIX)
    arn = provider_arn or _arn(issuer or "", account_id, partition)
    match = _PROVIDER_ARN.fullmatch(arn)
    if match is None:
        raise InvalidInput(f"{arn!r} is not a valid OIDC provider ARN", fix=_FIX)
    if audiences is None:
        audiences = _list_audiences(accounts)
    names = [{"namespace": account["namespace"], "name": _name(account)} for account in accounts]
    spec = RoleSpec.from_params(
        {
            **argument_specs.defaults(argument_specs.IRSA_ROLE, argument_specs.ROLE),
            "name": "role",
            "issuer": match[1],
            "service_accounts": names,
            "audiences": audiences,
            "allow_wildcards": allow_wildcards or any(account.get("allow_wildcards") is True for account in accounts),
        }
    )
    return build_document(spec.grant(arn))


def _list_audiences(accounts: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """The audiences of service accounts or bindings; empty if one has the option ``audiences`` without any."""
    given = [account.get("audiences") for account in accounts]
    if [] in given:
        return []
    return list(
        dict.fromkeys(
            audience
            for account in accounts
            for audience in account.get("audiences") or [account.get("audience") or arns.STS_AUDIENCE]
        )
    )


def _arn(issuer: str, account_id: str | None, partition: str) -> str:
    # YAML reads an unquoted id as a number, which loses leading zeros.
    if not isinstance(account_id, str) or not _ACCOUNT_ID.fullmatch(account_id):
        raise InvalidInput(
            f"account_id {account_id!r} is not a valid AWS account ID", fix="use its 12 digits, as a string"
        )
    return arns.provider_arn(partition, account_id, issuer)


def _accounts(value: t.Any) -> list[t.Mapping[str, t.Any]]:
    accounts = [value] if isinstance(value, t.Mapping) else value
    if not isinstance(accounts, list) or not all(isinstance(account, t.Mapping) for account in accounts):
        raise InvalidInput(
            "the service accounts are not a list of dictionaries", fix="use a list with namespace and name of each"
        )
    for account in accounts:
        if not isinstance(account.get("namespace"), str) or not isinstance(_name(account), str):
            raise InvalidInput(
                f"service account {dict(account)!r} has no namespace or no name",
                fix="set namespace and name, or namespace and service_account as in a binding",
            )
    return accounts


def _name(account: t.Mapping[str, t.Any]) -> t.Any:
    return account.get("name", account.get("service_account"))
