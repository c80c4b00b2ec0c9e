# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks for of a cluster's IAM OIDC provider."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import validation

# A SHA-1 digest in hexadecimal, as IAM keeps thumbprints.
_THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")
# No query, no fragment, no port: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
_URL = re.compile(r"https://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(/[\x21\x24-\x2e\x30-\x3e\x40-\x7e]+)*/?")
_MAX_URL_LENGTH, _MAX_CLIENT_ID_LENGTH, _MAX_THUMBPRINTS = 255, 255, 5


@dataclasses.dataclass(frozen=True)
class ProviderSpec:
    """The options of `iam_oidc_provider`, checked. None means that the option was left out.

    :param url: the issuer's URL; empty if ``cluster_name`` is given.
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
    def from_params(cls, params: t.Mapping[str, t.Any]) -> ProviderSpec:
        """The spec from a module's options.

        :raises InvalidInput: invalid options; the error lists all of them.
        """
        problems = validation.Problems()
        if params["url"] is not None:
            _check_url(problems, params["url"])
        client_ids = tuple(dict.fromkeys(params["client_ids"]))
        for client_id in client_ids:
            if not 0 < len(client_id) <= _MAX_CLIENT_ID_LENGTH or any(map(str.isspace, client_id)):
                fix = f"use 1 to {_MAX_CLIENT_ID_LENGTH} characters without blanks, sts.amazonaws.com for IRSA"
                problems.add(f"client_ids: {client_id!r} is not a valid audience", fix)
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
    if not _URL.fullmatch(url) or len(url) > _MAX_URL_LENGTH:
        problems.add(
            f"url {url!r} is not an issuer that IAM accepts",
            "give https://HOST/PATH as the tokens' iss has it, without port, query or fragment, and of at most "
            f"{_MAX_URL_LENGTH} characters",
        )


def _check_thumbprints(problems: validation.Problems, thumbprints: t.Sequence[str]) -> None:
    if not 0 < len(thumbprints) <= _MAX_THUMBPRINTS:
        fix = f"give 1 to {_MAX_THUMBPRINTS}, or leave the option out: AWS knows the authorities of EKS"
        problems.add(f"thumbprints has {len(thumbprints)} entries", fix)
    for thumbprint in thumbprints:
        problems.require(
            _THUMBPRINT,
            thumbprint,
            f"thumbprints: {thumbprint!r} is not a SHA-1 digest",
            "give the 40 hexadecimal digits of the certificate's SHA-1 digest, without colons",
        )
