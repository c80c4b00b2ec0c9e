# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse and verify web identity tokens as STS does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif

Needed by: targets irsa_verify, role_irsa; demo.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import json
import re
import typing as t

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from sandbox.aws.errors import ModeledError
from sandbox.aws.state import STATE

_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, "
    "please reference AssumeRoleWithWebIdentity documentation for requirements"
)


def invalid_token_error(message: str) -> ModeledError:
    """STS's error for a token that is not valid."""
    return ModeledError("InvalidIdentityToken", message)


@dataclasses.dataclass(frozen=True)
class WebIdentityClaims:
    """The claims of a token, not yet verified."""

    key_id: str
    algorithm: str
    payload: dict[str, t.Any]

    @property
    def issuer(self) -> str:
        """The iss claim, an https URL."""
        return t.cast("str", self.payload["iss"])

    @property
    def provider(self) -> str:
        """The issuer without "https://", as in provider ARNs and condition keys."""
        return self.issuer.removeprefix("https://")

    @property
    def subject(self) -> str:
        """The sub claim."""
        return t.cast("str", self.payload["sub"])

    @property
    def audiences(self) -> list[str]:
        """The azp claim if it is set, else aud."""
        audience = self.payload.get("azp") or self.payload["aud"]
        return audience if isinstance(audience, list) else [audience]

    def context(self) -> dict[str, list[str]]:
        """The condition keys that STS derives from the token, in lower case, with their values."""
        claims: dict[str, t.Any] = {name: self.payload.get(name) for name in ("sub", "amr", "email")}
        claims["aud"] = self.audiences
        if "azp" in self.payload:
            claims["oaud"] = self.payload["aud"]
        prefix = self.provider.lower()
        return {
            f"{prefix}:{name}": [str(entry) for entry in (value if isinstance(value, list) else [value])]
            for name, value in claims.items()
            if value
        }


def parse_token(token: str) -> WebIdentityClaims:
    """Parse a token.

    :raises ModeledError: InvalidIdentityToken if it is not a JWT or a claim is missing.
    """
    try:
        header, payload, signature = token.split(".")
        fields = json.loads(_decode(header))
        claims = json.loads(_decode(payload))
        _decode(signature)
        key_id, algorithm = fields.get("kid", ""), fields["alg"]
    except (ValueError, KeyError, AttributeError, TypeError, binascii.Error):
        raise invalid_token_error(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from None
    for name in ("iss", "sub", "aud", "exp", "iat"):
        if not isinstance(claims, dict) or not claims.get(name):
            raise invalid_token_error(f"Missing a required claim: {name}")
    if not re.match(r"https://.", str(claims["iss"])):
        raise invalid_token_error("Issuer must be a valid URL")
    return WebIdentityClaims(key_id, algorithm, claims)


def verify_signature(token: str, claims: WebIdentityClaims) -> None:
    """Verify the token's signature with the keys of its issuer.

    :raises ModeledError: InvalidIdentityToken.
    """
    if claims.algorithm not in ("RS256", "RS384", "RS512"):
        raise invalid_token_error("The ID Token provided is not signed with a supported algorithm")
    keys = (STATE.find_jwks(claims.issuer) or {}).get("keys", [])
    key = next((key for key in keys if key.get("kid", "") == claims.key_id), None)
    if key is None:
        raise invalid_token_error(_NO_KEY)
    try:
        jws.deserialize_compact(token.encode(), _key(json.dumps(key)), algorithms=[claims.algorithm])
    except JoseError:
        raise invalid_token_error("Provided ID Token signature is invalid") from None


def check_times(claims: WebIdentityClaims, now: float) -> None:
    """Check the token's validity period.

    :raises ModeledError: ExpiredTokenException, InvalidIdentityToken.
    """
    expiry = claims.payload["exp"]
    if now >= expiry:
        raise ModeledError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(expiry)}",
        )
    if claims.payload.get("nbf", 0) > now + 300:
        raise invalid_token_error("Token is not yet valid")


@functools.lru_cache(maxsize=64)
def _key(jwk: str) -> RSAKey:
    return RSAKey.import_key(json.loads(jwk))


def _decode(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
