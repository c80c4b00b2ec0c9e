# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM OIDC provider of a cluster."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import arn as arns
from .. import errors, validation
from ..plan import Action, Plan
from ..policy.document import as_list, statements
from ..wording import quantity

# A SHA-1 digest in hexadecimal, as IAM keeps thumbprints.
_THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")
# No query, no fragment, no port: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
_URL = re.compile(r"https://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(/[\x21\x24-\x2e\x30-\x3e\x40-\x7e]+)*/?")
_URL_LENGTH, _CLIENT_IDS, _CLIENT_ID_LENGTH, _THUMBPRINTS = 255, 100, 255, 5


def arn_of(cluster: arns.EksCluster) -> str:
    """The ARN that the cluster's provider has in the cluster's own account.

    :raises InvalidInput: the cluster has no issuer.
    """
    return arns.provider_arn(cluster.partition, cluster.account_id, cluster.require_issuer())


def describe(cluster: arns.EksCluster, found: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """What `eks_oidc_info` returns: ``cluster`` and ``oidc``.

    :param found: the provider as `_api.iam.get_oidc_provider` gives it; None if IAM doesn't know it.
    :raises InvalidInput: the cluster has no issuer.
    """
    issuer = cluster.require_issuer()
    return {
        "cluster": {
            "name": cluster.name,
            "arn": cluster.arn,
            "status": cluster.status,
            "version": cluster.version,
            "endpoint": cluster.endpoint,
            "certificate_authority": cluster.certificate_authority,
            "account_id": cluster.account_id,
            "partition": cluster.partition,
            "region": cluster.region,
        },
        "oidc": {
            "issuer": issuer,
            "provider": arns.provider_of(issuer),
            "provider_arn": arn_of(cluster),
            "provider_exists": found is not None,
            "client_ids": sorted(found["ClientIDList"]) if found else [],
            "thumbprints": list(found["ThumbprintList"]) if found else [],
            "tags": dict(found["Tags"]) if found else {},
        },
    }


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the user asked for. What is None is left alone.

    :param url: the issuer's URL; empty where ``cluster_name`` tells it.
    :param thumbprints: lower-case hexadecimal; None: AWS decides.
    """

    state: str
    url: str
    cluster_name: str
    client_ids: tuple[str, ...]
    purge_client_ids: bool
    thumbprints: tuple[str, ...] | None
    tags: t.Mapping[str, str] | None
    purge_tags: bool
    force: bool

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Wanted:
        """From the options of `iam_oidc_provider`.

        :raises InvalidInput: options that can't be right, all of them at once.
        """
        problems = validation.Problems()
        if params["url"] is not None:
            _check_url(problems, params["url"])
        client_ids = tuple(dict.fromkeys(params["client_ids"]))
        for client_id in client_ids:
            if not 0 < len(client_id) <= _CLIENT_ID_LENGTH or any(map(str.isspace, client_id)):
                fix = f"use 1 to {_CLIENT_ID_LENGTH} characters without blanks, sts.amazonaws.com for IRSA"
                problems.add(f"client_ids: {client_id!r} can't be an audience", fix)
        thumbprints = None
        if params["thumbprints"] is not None:
            thumbprints = tuple(dict.fromkeys(map(str.lower, params["thumbprints"])))
            _check_thumbprints(problems, thumbprints)
        tags = None if params["tags"] is None else validation.check_tags(problems, params["tags"])
        problems.stop()
        return cls(
            state=params["state"],
            url=params["url"] or "",
            cluster_name=params["cluster_name"] or "",
            client_ids=client_ids,
            purge_client_ids=params["purge_client_ids"],
            thumbprints=thumbprints,
            tags=tags,
            purge_tags=params["purge_tags"],
            force=params["force"],
        )


def _check_url(problems: validation.Problems, url: str) -> None:
    if not _URL.fullmatch(url) or len(url) > _URL_LENGTH:
        problems.add(
            f"url {url!r} is no issuer that IAM takes",
            "give https://HOST/PATH as the tokens' iss has it, without port, query or fragment, and of at most "
            f"{_URL_LENGTH} characters",
        )


def _check_thumbprints(problems: validation.Problems, thumbprints: t.Sequence[str]) -> None:
    if not 0 < len(thumbprints) <= _THUMBPRINTS:
        fix = f"give 1 to {_THUMBPRINTS}, or leave the option out: AWS knows the authorities of EKS"
        problems.add(f"thumbprints has {len(thumbprints)} entries", fix)
    for thumbprint in thumbprints:
        problems.require(
            _THUMBPRINT,
            thumbprint,
            f"thumbprints: {thumbprint!r} is no SHA-1 digest",
            "give the 40 hexadecimal digits of the certificate's SHA-1 digest, without colons",
        )


@dataclasses.dataclass(frozen=True)
class Observed:
    """What was found.

    :param url: the issuer's URL.
    :param arn: the ARN that its provider has, or would have, in the caller's account.
    :param found: the provider as `_api.iam.find_oidc_provider` gives it; None if there is none.
    :param others: the ARNs of the account's other providers; asked for only where there is no provider.
    :param roles: the account's roles as ListRoles gives them; asked for only before a removal.
    """

    url: str
    arn: str
    found: t.Mapping[str, t.Any] | None
    others: tuple[str, ...] = ()
    roles: tuple[t.Mapping[str, t.Any], ...] = ()


def shape(observed: Observed) -> dict[str, t.Any]:
    """The provider in the shape in which modules return it; empty if there is none."""
    found = observed.found
    if found is None:
        return {}
    return _shape(observed, found["ClientIDList"], found["ThumbprintList"], found["Tags"])


def require_given(observed: Observed, client_ids: t.Iterable[str]) -> None:
    """Stops where a provider that others keep isn't there, or not for these audiences.

    :raises NotFound: IAM doesn't know the provider.
    :raises Conflict: it lacks an audience.
    """
    fix = "have the provider's owner do it, or set provider (in the role irsa: irsa_create_provider) to true"
    if observed.found is None:
        raise errors.NotFound(f"the OIDC provider {observed.arn} doesn't exist", fix=f"create it: {fix}")
    missing = sorted(set(client_ids) - set(observed.found["ClientIDList"]))
    if missing:
        raise errors.Conflict(
            f"the OIDC provider {observed.arn} lacks the audience {', '.join(missing)}",
            cause=f"it has {', '.join(sorted(observed.found['ClientIDList'])) or 'none'}",
            fix=f"add it: {fix}",
        )


def _shape(
    observed: Observed,
    client_ids: t.Iterable[str],
    thumbprints: t.Iterable[str] | None,
    tags: t.Mapping[str, str],
) -> dict[str, t.Any]:
    return {
        "arn": observed.arn,
        "url": observed.url,
        "client_ids": sorted(client_ids),
        "thumbprints": None if thumbprints is None else sorted(map(str.lower, thumbprints)),
        "tags": dict(sorted(tags.items())),
    }


def plan(wanted: Wanted, observed: Observed) -> Plan:
    """The writes that make the provider as it is wanted.

    :raises Conflict: the provider is to go and roles still trust it.
    :raises InvalidInput: it would have more audiences or tags than IAM takes.
    """
    if wanted.state == "absent":
        return _plan_absent(wanted, observed)
    return _plan_present(wanted, observed) if observed.found else _plan_create(wanted, observed)


def _plan_create(wanted: Wanted, observed: Observed) -> Plan:
    tags = wanted.tags or {}
    _check_counts(observed, wanted.client_ids, tags)
    action = Action(
        "create_oidc_provider",
        {
            "url": observed.url,
            "client_ids": list(wanted.client_ids),
            "thumbprints": None if wanted.thumbprints is None else list(wanted.thumbprints),
            "tags": dict(tags),
        },
        f"create OIDC provider {observed.arn}",
    )
    after = _shape(observed, wanted.client_ids, wanted.thumbprints, tags)
    return Plan({}, after, (action,), tuple(_lookalikes(observed)))


def _plan_present(wanted: Wanted, observed: Observed) -> Plan:
    before = shape(observed)
    actions: list[Action] = []

    def add(operation: str, summary: str, **arguments: t.Any) -> None:
        actions.append(Action(operation, {"arn": observed.arn, **arguments}, f"{summary} OIDC provider {observed.arn}"))

    client_ids = set(before["client_ids"])
    for client_id in sorted(set(wanted.client_ids) - client_ids):
        add("add_client_id", f"add audience {client_id} to", client_id=client_id)
    extra = client_ids - set(wanted.client_ids) if wanted.purge_client_ids else set()
    for client_id in sorted(extra):
        add("remove_client_id", f"remove audience {client_id} from", client_id=client_id)
    client_ids = (client_ids | set(wanted.client_ids)) - extra

    thumbprints = before["thumbprints"]
    if wanted.thumbprints is not None and sorted(wanted.thumbprints) != thumbprints:
        thumbprints = sorted(wanted.thumbprints)
        add("set_thumbprints", f"set the thumbprints {', '.join(thumbprints)} of", thumbprints=thumbprints)

    tags = dict(before["tags"])
    if wanted.tags is not None:
        # IAM's keys are the same without regard to case, so setting one replaces another that differs in case alone.
        given = {key.lower() for key in wanted.tags}
        gone = [key for key in tags if wanted.purge_tags and key.lower() not in given and not _is_aws(key)]
        new = {key: value for key, value in sorted(wanted.tags.items()) if tags.get(key) != value}
        if gone:
            add("untag_oidc_provider", f"remove the tags {', '.join(gone)} of", keys=gone)
        if new:
            listing = ", ".join(f"{key}={value}" for key, value in new.items())
            add("tag_oidc_provider", f"set the tags {listing} of", tags=new)
        replaced = {key.lower() for key in new}
        tags = {key: value for key, value in tags.items() if key not in gone and key.lower() not in replaced} | new
    _check_counts(observed, client_ids, tags)
    return Plan(before, _shape(observed, client_ids, thumbprints, tags), tuple(actions))


def _is_aws(key: str) -> bool:
    return key.lower().startswith("aws:")


def _plan_absent(wanted: Wanted, observed: Observed) -> Plan:
    if observed.found is None:
        return Plan(warnings=tuple(_lookalikes(observed)))
    trusting = [] if wanted.force else sorted(_trusting(observed))
    if trusting:
        raise errors.Conflict(
            f"OIDC provider {observed.arn} is still in use",
            cause=f"it is trusted by {quantity(len(trusting), 'role')}: {', '.join(trusting)}",
            fix="take it out of their trust policies first (irsa_role with state: absent and the cluster), or set "
            "force: true, after which nobody can assume them by it",
            arn=observed.arn,
            roles=trusting,
        )
    action = Action("delete_oidc_provider", {"arn": observed.arn}, f"delete OIDC provider {observed.arn}")
    return Plan(shape(observed), {}, (action,))


def _trusting(observed: Observed) -> t.Iterator[str]:
    for role in observed.roles:
        for statement in statements(role["AssumeRolePolicyDocument"]):
            principal = statement.get("Principal")
            if (
                statement.get("Effect") == "Allow"
                and isinstance(principal, dict)
                and observed.arn in as_list(principal.get("Federated"))
            ):
                yield str(role["RoleName"])
                break


def _lookalikes(observed: Observed) -> t.Iterator[str]:
    """Warnings of providers that STS will not take for this one, though people do."""
    for other in observed.others:
        if other != observed.arn and other.rstrip("/").lower() == observed.arn.rstrip("/").lower():
            yield (
                f"There is an OIDC provider {other}, which differs from {observed.arn} in case or a slash only. AWS "
                "takes them for two, and only the one that is exactly the tokens' iss works."
            )


def _check_counts(observed: Observed, client_ids: t.Collection[str], tags: t.Mapping[str, str]) -> None:
    problems = validation.Problems()
    if len(client_ids) > _CLIENT_IDS:
        fix = f"need no more than {_CLIENT_IDS}; purge_client_ids makes room"
        problems.add(f"OIDC provider {observed.arn} would have {len(client_ids)} audiences", fix)
    validation.check_tag_count(problems, len(tags), f"OIDC provider {observed.arn}")
    problems.stop()
