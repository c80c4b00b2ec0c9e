# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's OpenID Connect providers, with the checks, quotas and errors of AWS.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html and related operations.

Needed by: targets iam_oidc_provider, irsa_audit, irsa_verify, role_irsa; demo.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
import urllib.parse

from moto.iam.models import IAMBackend, OpenIDConnectProvider

from sandbox.aws.errors import ModeledError, validation_error
from sandbox.aws.state import STATE

# The root certificate of EKS issuers. IAM uses it if the request has no thumbprint.
_EKS_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"


def _check_url(url: str) -> None:
    if len(url) > 255:
        raise validation_error(url, "url", "have length less than or equal to 255")
    parsed = urllib.parse.urlsplit(url)
    if parsed.scheme != "https" or not parsed.hostname or parsed.query or parsed.fragment:
        raise ModeledError("ValidationError", "Invalid Open ID Connect Provider URL")


def _check_client_ids(client_ids: list[str]) -> None:
    for client_id in client_ids:
        if not 1 <= len(client_id) <= 255:
            raise validation_error(client_id, "clientID", "have length less than or equal to 255")
    quota = STATE.quotas["ClientIDsPerProviderQuota"]
    if len(client_ids) > quota:
        raise ModeledError("LimitExceeded", f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {quota}")


def _check_thumbprints(thumbprints: list[str]) -> None:
    for thumbprint in thumbprints:
        if len(thumbprint) != 40:
            bound = "less" if len(thumbprint) > 40 else "greater"
            raise validation_error(thumbprint, "thumbprintList", f"have length {bound} than or equal to 40")
        if not re.fullmatch(r"[0-9a-fA-F]{40}", thumbprint):
            raise ModeledError("InvalidInput", "Thumbprint must be a 40-character hexadecimal string.")
    if len(thumbprints) > STATE.quotas["ThumbprintsPerProviderQuota"]:
        raise ModeledError("InvalidInput", "Thumbprint list must contain fewer than 5 entries.")


def _default_thumbprint(url: str) -> str:
    """The thumbprint that IAM reads from the issuer's certificate chain: the real one for EKS, else a constant."""
    host = urllib.parse.urlsplit(url).hostname or ""
    return _EKS_THUMBPRINT if host.startswith("oidc.eks.") else hashlib.sha1(host.encode()).hexdigest()  # noqa: S324


class ProviderBackend(IAMBackend):
    """The provider operations of the IAM backend.

    URLs are compared as written: a URL with a trailing slash or in another case is another provider, which STS finds
    only for tokens with the same iss.
    """

    def create_open_id_connect_provider(
        self, url: str, thumbprint_list: list[str], client_id_list: list[str], tags: list[dict[str, str]]
    ) -> OpenIDConnectProvider:
        _check_url(url)
        client_ids = list(dict.fromkeys(client_id_list))
        _check_client_ids(client_ids)
        _check_thumbprints(thumbprint_list)
        clean_tags = self._tag_verification(tags)
        provider = OpenIDConnectProvider(
            self.account_id,
            self.region_name,
            url,
            thumbprint_list or [_default_thumbprint(url)],
            client_ids,
            clean_tags,
        )
        if provider.arn in self.open_id_providers:
            raise ModeledError("EntityAlreadyExists", f"Provider with url {url} already exists.")
        quota = STATE.quotas["OpenIDConnectProvidersQuota"]
        if len(self.open_id_providers) >= quota:
            raise ModeledError("LimitExceeded", f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {quota}")
        self.open_id_providers[provider.arn] = provider
        return provider

    def get_open_id_connect_provider(self, arn: str) -> OpenIDConnectProvider:
        if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/.+", arn):
            raise ModeledError("ValidationError", "Invalid ARN: Could not be parsed!")
        try:
            return self.open_id_providers[arn]
        except KeyError:
            raise ModeledError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}") from None

    def delete_open_id_connect_provider(self, arn: str) -> None:
        # The API reference calls this idempotent, but lists NoSuchEntity among its errors.
        del self.open_id_providers[self.get_open_id_connect_provider(arn).arn]

    def add_client_id(self, arn: str, client_id: str) -> None:
        """Add an audience. It may be present already."""
        provider = self.get_open_id_connect_provider(arn)
        client_ids = list(dict.fromkeys([*provider.client_id_list, client_id]))
        _check_client_ids(client_ids)
        provider.client_id_list = client_ids

    def remove_client_id(self, arn: str, client_id: str) -> None:
        """Remove an audience. It may be absent."""
        provider = self.get_open_id_connect_provider(arn)
        provider.client_id_list = [present for present in provider.client_id_list if present != client_id]

    def update_open_id_connect_provider_thumbprint(self, arn: str, thumbprint_list: list[str]) -> None:
        provider = self.get_open_id_connect_provider(arn)
        _check_thumbprints(thumbprint_list)
        provider.thumbprint_list = list(thumbprint_list)

    def tag_open_id_connect_provider(self, arn: str, tags: list[dict[str, str]]) -> None:
        provider = self.get_open_id_connect_provider(arn)
        merged: dict[str, t.Any] = {**provider.tags, **self._tag_verification(tags)}
        if len(merged) > STATE.quotas["TagsQuota"]:
            raise ModeledError(
                "LimitExceeded", f"Cannot exceed quota for TagsPerOpenIdConnectProvider: {STATE.quotas['TagsQuota']}"
            )
        provider.tags = merged
