# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spec of an IAM OIDC provider, and the writes that bring the provider to it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import arn as arns
from .. import errors, validation
from ..plan import Action, Plan
from ..policy.document import federated_principals, statements
from ..wording import quantity

# IAM stores thumbprints as SHA-1 digests in hexadecimal.
_THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")
# No query, no fragment, no port: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
_URL = re.compile(r"https://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(/[\x21\x24-\x2e\x30-\x3e\x40-\x7e]+)*/?")
_MAX_URL_LENGTH, _MAX_CLIENT_ID_LENGTH, _MAX_THUMBPRINTS = 255, 255, 5
_MAX_CLIENT_IDS = 100


@dataclasses.dataclass(frozen=True)
class ProviderSpec:
    """The checked options of `iam_oidc_provider`. None means that an option is not set.

    :param url: the issuer's URL; empty if ``cluster_name`` is set.
    :param thumbprints: lower-case hexadecimal; None if AWS chooses them.
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
    def from_params(cls, params: t.Mapping[str, t.Any]) -> ProviderSpec:
        """Check a module's options.

        :raises InvalidInput: invalid options; the error lists all of them.
        """
        problems = validation.Problems()
        if params["url"] is not None:
            _check_url(problems, params["url"])
        client_ids = tuple(dict.fromkeys(params["client_ids"]))
        for client_id in client_ids:
            if not 0 < len(client_id) <= _MAX_CLIENT_ID_LENGTH or any(map(str.isspace, client_id)):
                fix = f"use 1 to {_MAX_CLIENT_ID_LENGTH} characters without blanks, and sts.amazonaws.com for IRSA"
                problems.add(f"client_ids: {client_id!r} is not a valid audience", fix)
        thumbprints = None
        if params["thumbprints"] is not None:
            thumbprints = tuple(dict.fromkeys(map(str.lower, params["thumbprints"])))
            _check_thumbprints(problems, thumbprints)
        tags = None if params["tags"] is None else validation.check_tags(problems, params["tags"])
        problems.raise_if_any()
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
    if not _URL.fullmatch(url) or len(url) > _MAX_URL_LENGTH:
        problems.add(
            f"url {url!r} is not an issuer that IAM accepts",
            "use https://HOST/PATH exactly as in the iss claim of the tokens, without port, query or fragment, with at "
            f"most {_MAX_URL_LENGTH} characters",
        )


def _check_thumbprints(problems: validation.Problems, thumbprints: t.Sequence[str]) -> None:
    if not 0 < len(thumbprints) <= _MAX_THUMBPRINTS:
        fix = f"use 1 to {_MAX_THUMBPRINTS}, or leave the option out: AWS knows the certificate authorities of EKS"
        problems.add(f"thumbprints has {len(thumbprints)} entries", fix)
    for thumbprint in thumbprints:
        problems.require(
            _THUMBPRINT,
            thumbprint,
            f"thumbprints: {thumbprint!r} is not a SHA-1 digest",
            "use the SHA-1 digest of the CA certificate that signed the issuer's TLS certificate: 40 hexadecimal "
            "digits without colons",
        )


@dataclasses.dataclass(frozen=True)
class ObservedProvider:
    """The observed state of one issuer's provider.

    :param url: the issuer's URL.
    :param arn: the ARN of its provider in the caller's account, whether or not the provider exists.
    :param found: the provider as `_api.aws.iam.find_oidc_provider` returns it; None if it does not exist.
    :param others: the ARNs of the account's other providers; read only if the provider does not exist.
    :param roles: the account's roles as ListRoles returns them; read only before a deletion.
    """

    url: str
    arn: str
    found: t.Mapping[str, t.Any] | None
    others: tuple[str, ...] = ()
    roles: tuple[t.Mapping[str, t.Any], ...] = ()


def shape(observed: ObservedProvider) -> dict[str, t.Any]:
    """The provider as modules return it; empty if it does not exist."""
    found = observed.found
    if found is None:
        return {}
    return _shape(observed, found["ClientIDList"], found["ThumbprintList"], found["Tags"])


def require_existing(observed: ObservedProvider, client_ids: t.Iterable[str]) -> None:
    """Require that the provider exists with these audiences.

    :raises NotFound: the provider does not exist.
    :raises Conflict: an audience is missing.
    """
    fix = "set create_provider to true, or ask the administrator of the account"
    if observed.found is None:
        raise errors.NotFound(
            f"OIDC provider {observed.arn} does not exist", fix=f"{fix} to create it", options=("create_provider",)
        )
    missing = sorted(set(client_ids) - set(observed.found["ClientIDList"]))
    if missing:
        raise errors.Conflict(
            f"OIDC provider {observed.arn} does not have the audience {', '.join(missing)}",
            cause=f"it has {', '.join(sorted(observed.found['ClientIDList'])) or 'no audiences'}",
            fix=f"{fix} to add it",
            options=("create_provider",),
        )


def _shape(
    observed: ObservedProvider,
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


def plan(spec: ProviderSpec, observed: ObservedProvider) -> Plan:
    """Plan the writes that bring the provider to the spec.

    :raises Conflict: the provider would be deleted while roles still trust it.
    :raises InvalidInput: it would have more audiences or tags than IAM accepts.
    """
    if spec.state == "absent":
        return _plan_absent(spec, observed)
    return _plan_present(spec, observed) if observed.found else _plan_create(spec, observed)


def _plan_create(spec: ProviderSpec, observed: ObservedProvider) -> Plan:
    tags = spec.tags or {}
    _check_counts(observed, spec.client_ids, tags)
    action = Action(
        "create_oidc_provider",
        {
            "url": observed.url,
            "client_ids": list(spec.client_ids),
            "thumbprints": None if spec.thumbprints is None else list(spec.thumbprints),
            "tags": dict(tags),
        },
        f"create OIDC provider {observed.arn}",
    )
    after = _shape(observed, spec.client_ids, spec.thumbprints, tags)
    return Plan({}, after, (action,), (*_dual_stack_warnings(observed), *_similar_provider_warnings(observed)))


def _plan_present(spec: ProviderSpec, observed: ObservedProvider) -> Plan:
    before = shape(observed)
    actions: list[Action] = []

    def add(operation: str, summary: str, **arguments: t.Any) -> None:
        actions.append(Action(operation, {"arn": observed.arn, **arguments}, f"{summary} OIDC provider {observed.arn}"))

    client_ids = set(before["client_ids"])
    for client_id in sorted(set(spec.client_ids) - client_ids):
        add("add_client_id", f"add audience {client_id} to", client_id=client_id)
    extra = client_ids - set(spec.client_ids) if spec.purge_client_ids else set()
    for client_id in sorted(extra):
        add("remove_client_id", f"remove audience {client_id} from", client_id=client_id)
    client_ids = (client_ids | set(spec.client_ids)) - extra

    thumbprints = before["thumbprints"]
    if spec.thumbprints is not None and sorted(spec.thumbprints) != thumbprints:
        thumbprints = sorted(spec.thumbprints)
        add("set_thumbprints", f"set the thumbprints {', '.join(thumbprints)} of", thumbprints=thumbprints)

    tags = dict(before["tags"])
    if spec.tags is not None:
        changes = validation.compare_tags(tags, spec.tags, purge=spec.purge_tags)
        if changes.removed:
            add("untag_oidc_provider", f"remove the tags {', '.join(changes.removed)} of", keys=changes.removed)
        if changes.new:
            listing = ", ".join(f"{key}={value}" for key, value in changes.new.items())
            add("tag_oidc_provider", f"set the tags {listing} of", tags=changes.new)
        tags = changes.after
    _check_counts(observed, client_ids, tags)
    after = _shape(observed, client_ids, thumbprints, tags)
    return Plan(before, after, tuple(actions), _dual_stack_warnings(observed))


def _plan_absent(spec: ProviderSpec, observed: ObservedProvider) -> Plan:
    if observed.found is None:
        return Plan(warnings=_similar_provider_warnings(observed))
    trusting = [] if spec.force else find_trusting_roles(observed.arn, observed.roles)
    if trusting:
        raise errors.Conflict(
            f"OIDC provider {observed.arn} is still in use",
            cause=f"it is trusted by {quantity(len(trusting), 'role')}: {', '.join(trusting)}",
            fix="first remove the provider from their trust policies (irsa_role with state: absent and issuer: "
            f"{observed.url}), or set force: true; then all service accounts that use these roles through the provider "
            "lose access",
            arn=observed.arn,
            roles=trusting,
        )
    arguments = {"arn": observed.arn, "if_unused": not spec.force}
    action = Action("delete_oidc_provider", arguments, f"delete OIDC provider {observed.arn}")
    return Plan(shape(observed), {}, (action,))


def find_trusting_roles(arn: str, roles: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """The names of the roles with an Allow statement that names a provider, sorted.

    :param roles: as ListRoles returns them.
    """
    return sorted(
        str(role["RoleName"])
        for role in roles
        if any(
            statement.get("Effect") == "Allow" and arn in federated_principals(statement)
            for statement in statements(role["AssumeRolePolicyDocument"])
        )
    )


def _dual_stack_warnings(observed: ObservedProvider) -> tuple[str, ...]:
    in_tokens = arns.issuer_in_tokens(observed.url)
    if in_tokens is None:
        return ()
    return (
        f"OIDC provider {observed.arn} has the dual-stack host of an EKS cluster, but the tokens of the cluster have "
        f"the issuer {in_tokens}. Service accounts need a provider with that url.",
    )


def _similar_provider_warnings(observed: ObservedProvider) -> tuple[str, ...]:
    """Warnings about providers with a similar name. STS does not accept them in place of this one."""
    differences = {other: arns.describe_provider_difference(other, observed.arn) for other in observed.others}
    return tuple(
        f"OIDC provider {other} exists and differs from {observed.arn} only in {difference}. AWS treats them as two "
        "providers. Only the one that equals the iss claim of the tokens works."
        for other, difference in differences.items()
        if difference
    )


def _check_counts(observed: ObservedProvider, client_ids: t.Collection[str], tags: t.Mapping[str, str]) -> None:
    problems = validation.Problems()
    if len(client_ids) > _MAX_CLIENT_IDS:
        fix = f"use at most {_MAX_CLIENT_IDS}; purge_client_ids removes others"
        problems.add(f"OIDC provider {observed.arn} would have {len(client_ids)} audiences", fix)
    validation.check_tag_count(problems, tags, f"OIDC provider {observed.arn}")
    problems.raise_if_any()
