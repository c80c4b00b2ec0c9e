# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust policy of a role that is still to be made, from what users write, for people to look at."""

from __future__ import annotations

import re
import typing as t

from .. import arn as arns
from .. import options
from ..errors import InvalidInput
from ..policy.document import Document
from ..trust import policy as trust_policy
from . import spec as role_spec

_PROVIDER_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}:oidc-provider/(.+)")
_ACCOUNT_ID = re.compile(r"\d{12}")
_FIX = "give the ARN that eks_oidc_info returns as provider_arn, or issuer with account_id and partition"


def document(
    value: t.Any,
    *,
    provider_arn: str | None = None,
    issuer: str | None = None,
    account_id: str | None = None,
    partition: str = "aws",
    audiences: t.Sequence[str] | None = None,
    allow_wildcards: bool = False,
) -> Document:
    """The document that `irsa_role` gives a new role.

    :param value: service accounts, each with ``namespace`` and either ``name`` or ``service_account``, or one of them.
    :param provider_arn: the provider's ARN, or else the issuer with the account and the partition that it is in.
    :param audiences: None for those of the bindings.
    :raises InvalidInput: the accounts or the options can't be right.
    """
    accounts = _accounts(value)
    if bool(provider_arn) == bool(issuer):
        raise InvalidInput("one of provider_arn and issuer is needed", fix=_FIX)
    arn = provider_arn or _arn(issuer or "", account_id, partition)
    match = _PROVIDER_ARN.fullmatch(arn)
    if match is None:
        raise InvalidInput(f"{arn!r} is no ARN of an OIDC provider", fix=_FIX)
    if audiences is None:
        audiences = list(dict.fromkeys(each.get("audience") or arns.STS_AUDIENCE for each in accounts))
    names = [{"namespace": each["namespace"], "name": _name(each)} for each in accounts]
    wanted = role_spec.Wanted.from_params(
        {
            **options.defaults(options.IRSA_ROLE, options.ROLE),
            "name": "role",
            "issuer": match[1],
            "service_accounts": names,
            "audiences": audiences,
            "allow_wildcards": allow_wildcards,
        }
    )
    return trust_policy.document_of(wanted.grant(arn))


def _arn(issuer: str, account_id: str | None, partition: str) -> str:
    # In YAML an id without quotes is a number, and may have lost the zeros that it began with.
    if not isinstance(account_id, str) or not _ACCOUNT_ID.fullmatch(account_id):
        raise InvalidInput(f"account_id {account_id!r} is no AWS account", fix="give its 12 digits as a string")
    return arns.provider_arn(partition, account_id, issuer)


def _accounts(value: t.Any) -> list[t.Mapping[str, t.Any]]:
    accounts = [value] if isinstance(value, t.Mapping) else value
    if not isinstance(accounts, list) or not all(isinstance(each, t.Mapping) for each in accounts):
        raise InvalidInput("the service accounts are no list of dictionaries", fix="give namespace and name of each")
    for each in accounts:
        if not isinstance(each.get("namespace"), str) or not isinstance(_name(each), str):
            raise InvalidInput(
                f"service account {dict(each)!r} lacks its namespace or its name",
                fix="give each as namespace and name, or as a binding with namespace and service_account",
            )
    return accounts


def _name(account: t.Mapping[str, t.Any]) -> t.Any:
    return account.get("name", account.get("service_account"))
