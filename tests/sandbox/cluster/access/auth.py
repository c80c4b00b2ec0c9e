# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sends a request: a client certificate, a service account's token, or a token made by IAM credentials.

Needed by: targets bad_input, irsa_audit, irsa_verify, sa_annotate; demo.
"""

from __future__ import annotations

import asyncio
import time
import typing as t

from multidict import MultiMapping

from sandbox.cluster import errors
from sandbox.cluster.access.rbac import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, Action, Rbac, User
from sandbox.cluster.access.tokens import Tokens
from sandbox.cluster.resources import PODS, SERVICE_ACCOUNTS
from sandbox.cluster.store import Store
from sandbox.settings import State

# What kube-apiserver keeps an answer of its authentication webhook for.
CACHE_SECONDS = 120.0
NOBODY = User(ANONYMOUS, (UNAUTHENTICATED,))
EKS_PREFIX = "k8s-aws-v1."


def certificate_user(certificate: t.Mapping[str, t.Any] | None) -> User | None:
    """The user that a verified client certificate names: CN, and its groups in O."""
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


def impersonated(user: User, headers: MultiMapping[str], rbac: Rbac) -> User:
    """Whom the user wants to be taken for, or the user; raises the API's 403 where RBAC doesn't allow it."""
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
    return User(name, tuple(dict.fromkeys((*groups, AUTHENTICATED))))


class Authentication:
    def __init__(self, store: Store, tokens: Tokens, state: State, cluster: str, region: str) -> None:
        self._store = store
        self._tokens = tokens
        self._state = state
        self._cluster = cluster
        self._region = region
        self._cache: dict[str, tuple[float, User]] = {}

    async def user(self, header: str | None, certificate: t.Mapping[str, t.Any] | None) -> User:
        """Raises the API's 401 for credentials that nobody vouches for."""
        found = certificate_user(certificate)
        if found is not None:
            return found
        if not header:
            return NOBODY
        scheme, _space, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return NOBODY
        user = await self.token_user(token.strip())
        if user is None:
            raise errors.unauthorized()
        return user

    async def token_user(self, token: str) -> User | None:
        """The user of a bearer token that is good for the API server."""
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
        until, user = self._cache.get(token, (0.0, NOBODY))
        if until > time.monotonic():
            return user
        # Imported late: a cluster without IAM users does not need it.
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
        except authenticator.Refused:
            return None
        groups = tuple(dict.fromkeys((*identity.groups, AUTHENTICATED)))
        user = User(identity.username, groups)
        if len(self._cache) > 1024:
            self._cache.clear()
        self._cache[token] = (time.monotonic() + CACHE_SECONDS, user)
        return user
