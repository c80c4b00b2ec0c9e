# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit is to look at, as users ask for it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import validation
from ..diagnosis.causes import BY_ID
from ..diagnosis.spec import check_finding_id
from ..validation import Problems

FORMATS = ("html", "json", "junit", "markdown", "sarif")
_MOST_WORKERS = 64
_ACCOUNT_ID = re.compile(r"\d{12}")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The options of `irsa_audit`, checked.

    :param issuer: with its scheme; None where the cluster's name is given.
    :param namespaces: whose service accounts are looked at; empty for all.
    :param role_accounts: the AWS accounts besides the cluster's whose roles may be named.
    :param unused_days: after how many days a role counts as unused; 0 for never.
    :param limit: how many findings the module returns; 0 for all of them.
    :param reports: the path of each report that is to be written, by its format.
    """

    cluster_name: str | None
    issuer: str | None
    region: str | None
    namespaces: tuple[str, ...]
    role_accounts: frozenset[str]
    ignore: frozenset[str]
    fail_on: str
    unused_days: int
    pods: bool
    rehearse: bool
    env_from: bool
    providers: bool
    workers: int
    limit: int
    reports: t.Mapping[str, str]

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Wanted:
        """:raises InvalidInput: options that can't be right, all of them at once."""
        problems = Problems()
        issuer = params.get("issuer") or None
        if issuer:
            validation.check_issuer(problems, issuer)
            issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
        for each in params.get("namespaces") or ():
            validation.check_service_account(problems, each, "default", allow_wildcards=False)
        for each in params.get("role_accounts") or ():
            if not _ACCOUNT_ID.fullmatch(each):
                problems.add(f"role_accounts names {each!r}, which is no AWS account", "give the 12 digits of its id")
        for each in params.get("ignore") or ():
            check_finding_id(problems, each, list(BY_ID))
        for name in ("unused_days", "limit"):
            if params[name] < 0:
                problems.add(f"{name} is {params[name]}", "give 0 or more")
        if not 1 <= params["max_workers"] <= _MOST_WORKERS:
            problems.add(f"max_workers is {params['max_workers']}", f"give 1 to {_MOST_WORKERS}")
        problems.stop()
        return cls(
            cluster_name=params.get("cluster_name") or None,
            issuer=issuer,
            region=params.get("region") or None,
            namespaces=tuple(dict.fromkeys(params.get("namespaces") or ())),
            role_accounts=frozenset(params.get("role_accounts") or ()),
            ignore=frozenset(params.get("ignore") or ()),
            fail_on=params["fail_on"],
            unused_days=params["unused_days"],
            pods=params["pods"],
            rehearse=params["rehearse"],
            env_from=params["env_from"],
            providers=params["providers"],
            workers=params["max_workers"],
            limit=params["limit"],
            reports={name: path for name, path in (params.get("reports") or {}).items() if path},
        )
