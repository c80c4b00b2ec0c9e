# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue and verify service account tokens as kube-apiserver does, and describe their issuer.

Needed by: targets irsa_verify, role_irsa; demo.
"""

from __future__ import annotations

import hashlib
import pathlib
import time
import typing as t
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from sandbox import pki
from sandbox.cluster import errors
from sandbox.cluster.errors import Cause, Object

MINIMUM_SECONDS = 600
MAXIMUM_SECONDS = 1 << 32
DEFAULT_SECONDS = 3600


class TokenClaims(t.NamedTuple):
    """The claims of a valid token.

    :param expires: seconds since the epoch.
    """

    namespace: str
    account: str
    account_uid: str
    pod: str
    pod_uid: str
    audiences: list[str]
    expires: float


class TokenIssuer:
    def __init__(self, pki_directory: pathlib.Path, issuer: str, api_audience: str) -> None:
        self.issuer = issuer
        self.api_audience = api_audience
        public = pki_directory / "sa.pub"
        # Loaded once, because loading a key takes much longer than signing.
        self._private = t.cast(
            RSAPrivateKey, serialization.load_pem_private_key((pki_directory / "sa.key").read_bytes(), password=None)
        )
        self._public = self._private.public_key()
        self._key_id = pki.key_id(public)
        self.jwks = pki.jwks(public)
        self._cache: dict[bytes, TokenClaims] = {}

    def discovery(self) -> Object:
        """The response to /.well-known/openid-configuration."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def issue(self, account: Object, request: Object, pod: Object | None) -> Object:
        """Return the TokenRequest with a token for a service account, bound to the pod, if any.

        :raises StatusError: 422 if the expiration is not between the minimum and the maximum.
        """
        metadata = account["metadata"]
        spec = request.get("spec") or {}
        seconds = spec.get("expirationSeconds") or DEFAULT_SECONDS
        if seconds < MINIMUM_SECONDS or seconds > MAXIMUM_SECONDS:
            bound = (
                "may not specify a duration less than 10 minutes"
                if seconds < MINIMUM_SECONDS
                else "may not specify a duration larger than 2^32 seconds"
            )
            cause = Cause("FieldValueInvalid", "spec.expirationSeconds", f"Invalid value: {seconds}: {bound}")
            raise errors.invalid("authentication.k8s.io", "TokenRequest", "", [cause])
        audiences = spec.get("audiences") or [self.api_audience]
        now = int(time.time())
        kubernetes_claims: Object = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        if pod is not None:
            kubernetes_claims["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": kubernetes_claims,
            "nbf": now,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        token = jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self._key_id, "typ": None})
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds))
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "creationTimestamp": None},
            "spec": {
                "audiences": audiences,
                "expirationSeconds": seconds,
                "boundObjectRef": spec.get("boundObjectRef"),
            },
            "status": {"token": token, "expirationTimestamp": expires},
        }

    def check(self, token: str) -> TokenClaims | None:
        """Verify a token.

        :returns: its claims; None if this cluster did not sign it or it has expired.
        """
        digest = hashlib.sha256(token.encode()).digest()
        cached = self._cache.get(digest)
        if cached is not None:
            return cached if cached.expires > time.time() else None
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                issuer=self.issuer,
                options={"verify_aud": False, "require": ["exp", "sub"]},
            )
            kubernetes_claims = claims["kubernetes.io"]
            account, pod = kubernetes_claims["serviceaccount"], kubernetes_claims.get("pod") or {}
        except (jwt.InvalidTokenError, KeyError):
            return None
        if len(self._cache) > 4096:
            self._cache.clear()
        result = TokenClaims(
            kubernetes_claims["namespace"],
            account["name"],
            account["uid"],
            pod.get("name", ""),
            pod.get("uid", ""),
            claims.get("aud") or [],
            float(claims["exp"]),
        )
        self._cache[digest] = result
        return result
