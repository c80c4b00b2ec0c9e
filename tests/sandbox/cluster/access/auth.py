# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authenticate requests by client certificate, service account token or EKS token.

Needed by: targets bad_input, irsa_audit, irsa_verify, sa_annotate; demo.
"""

from __future__ import annotations

import asyncio
import time
import typing as t

from multidict import MultiMapping

from sandbox.cluster import errors
from sandbox.cluster.access.rbac import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, Action, Rbac, User
from sandbox.cluster.access.tokens import TokenIssuer
from sandbox.cluster.resources import PODS, SERVICE_ACCOUNTS
from sandbox.cluster.store import Store
from sandbox.settings import StateDirectory

# How long kube-apiserver caches a result of its authentication webhook.
CACHE_SECONDS = 120.0
ANONYMOUS_USER = User(ANONYMOUS, (UNAUTHENTICATED,))
EKS_PREFIX = "k8s-aws-v1."


def user_of_certificate(certificate: t.Mapping[str, t.Any] | None) -> User | None:
    """The user of a verified client certificate: CN is the name, O are the groups."""
    if not certificate:
        return None
    name, groups = "", []
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                name = value
            elif key == "organizationName":
                groups.append(value)
    return User(name, (*groups, AUTHENTICATED)) if name else None


def impersonate(user: User, headers: MultiMapping[str], rbac: Rbac) -> User:
    """The user to impersonate, according to the headers; without them the user itself.

    :raises StatusError: 403 if RBAC does not allow it.
    """
    name, groups = headers.get("Impersonate-User"), headers.getall("Impersonate-Group", [])
    if not name:
        return user
    prefix = "system:serviceaccount:"
    if name.startswith(prefix):
        namespace, _colon, account = name.removeprefix(prefix).partition(":")
        rbac.require(user, Action("impersonate", "", "serviceaccounts", namespace=namespace, name=account))
        groups = groups or ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    else:
        rbac.require(user, Action("impersonate", "", "users", name=name))
    for group in headers.getall("Impersonate-Group", []):
        rbac.require(user, Action("impersonate", "", "groups", name=group))
    common = UNAUTHENTICATED if name == ANONYMOUS else AUTHENTICATED
    return User(name, tuple(dict.fromkeys((*groups, common))))


class Authenticator:
    def __init__(self, store: Store, tokens: TokenIssuer, state: StateDirectory, cluster: str, region: str) -> None:
        self._store = store
        self._tokens = tokens
        self._state = state
        self._cluster = cluster
        self._region = region
        self._cache: dict[str, tuple[float, User]] = {}

    async def user(self, header: str | None, certificate: t.Mapping[str, t.Any] | None) -> User:
        """The user of a request.

        :raises StatusError: 401 if the bearer token is not valid.
        """
        certificate_user = user_of_certificate(certificate)
        if certificate_user is not None:
            return certificate_user
        if not header:
            return ANONYMOUS_USER
        scheme, _space, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS_USER
        user = await self.token_user(token.strip())
        if user is None:
            raise errors.unauthorized()
        return user

    async def token_user(self, token: str) -> User | None:
        """The user of a bearer token; None if it is not valid for the API server."""
        if token.startswith(EKS_PREFIX):
            return await self._iam_user(token)
        claims = self._tokens.check(token)
        if claims is None or self._tokens.api_audience not in claims.audiences:
            return None
        account = self._store.get(SERVICE_ACCOUNTS, claims.namespace, claims.account)
        if account is None or account["metadata"]["uid"] != claims.account_uid:
            return None
        if claims.pod:
            pod = self._store.get(PODS, claims.namespace, claims.pod)
            if pod is None or pod["metadata"]["uid"] != claims.pod_uid:
                return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{claims.namespace}", AUTHENTICATED)
        return User(f"system:serviceaccount:{claims.namespace}:{claims.account}", groups, claims.account_uid)

    async def _iam_user(self, token: str) -> User | None:
        until, user = self._cache.get(token, (0.0, ANONYMOUS_USER))
        if until > time.monotonic():
            return user
        # Imported late because it loads botocore, which a cluster without IAM users does not need.
        from sandbox import authenticator

        try:
            identity = await asyncio.to_thread(
                authenticator.authenticate,
                token,
                cluster=self._cluster,
                region=self._region,
                sts_endpoint=self._state.env()["AWS_ENDPOINT_URL"],
                access=authenticator.load_access(self._state.access_file),
            )
        except authenticator.TokenRejected:
            return None
        groups = tuple(dict.fromkeys((*identity.groups, AUTHENTICATED)))
        user = User(identity.username, groups)
        if len(self._cache) > 1024:
            self._cache.clear()
        self._cache[token] = (time.monotonic() + CACHE_SECONDS, user)
        return user
