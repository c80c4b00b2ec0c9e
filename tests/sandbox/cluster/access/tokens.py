# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service account tokens: signed and checked as kube-apiserver does, and the OIDC discovery that goes with them.

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


class Claims(t.NamedTuple):
    """What a valid token says."""

    namespace: str
    account: str
    account_uid: str
    pod: str
    pod_uid: str
    audiences: list[str]
    expires: float


class Tokens:
    def __init__(self, pki_directory: pathlib.Path, issuer: str, api_audience: str) -> None:
        self.issuer = issuer
        self.api_audience = api_audience
        public = pki_directory / "sa.pub"
        # Decoded once: reading a key takes far longer than signing with it.
        self._private = t.cast(
            RSAPrivateKey, serialization.load_pem_private_key((pki_directory / "sa.key").read_bytes(), password=None)
        )
        self._public = self._private.public_key()
        self._key_id = pki.key_id(public)
        self.jwks = pki.jwks(public)
        self._checked: dict[bytes, Claims] = {}

    def discovery(self) -> Object:
        """The body of /.well-known/openid-configuration."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def issue(self, account: Object, request: Object, pod: Object | None) -> Object:
        """Answer a TokenRequest for an account, bound to a pod where one is given.

        Raises the API's 422 for an expiration that it does not grant.
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
        private: Object = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        if pod is not None:
            private["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": private,
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

    def check(self, token: str) -> Claims | None:
        """Claims of a token that this cluster signed and that has not expired; None for any other."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._checked.get(digest)
        if known is not None:
            return known if known.expires > time.time() else None
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                issuer=self.issuer,
                options={"verify_aud": False, "require": ["exp", "sub"]},
            )
            private = claims["kubernetes.io"]
            account, pod = private["serviceaccount"], private.get("pod") or {}
        except (jwt.InvalidTokenError, KeyError):
            return None
        if len(self._checked) > 4096:
            self._checked.clear()
        found = Claims(
            private["namespace"],
            account["name"],
            account["uid"],
            pod.get("name", ""),
            pod.get("uid", ""),
            claims.get("aud") or [],
            float(claims["exp"]),
        )
        self._checked[digest] = found
        return found
