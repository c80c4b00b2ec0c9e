# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services share beyond moto's own models: the cluster's file, the issuers' keys and the account's quotas."""

from __future__ import annotations

import json
import pathlib
import threading
import typing as t

from sandbox import settings

# Names and defaults of GetAccountSummary where it has them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
QUOTAS = {
    "AssumeRolePolicySizeQuota": 2048,
    "AttachedPoliciesPerRoleQuota": 10,
    "RolePolicySizeQuota": 10240,
    "RolesQuota": 1000,
    "OpenIDConnectProvidersQuota": 100,
    "ClientIDsPerProviderQuota": 100,
    "ThumbprintsPerProviderQuota": 5,
    "TagsQuota": 50,
}


class State:
    """One for the process, as moto's backends are; reset() brings back the defaults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: pathlib.Path | None = None
        self._stamp: tuple[int, int] | None = None
        self._cluster: settings.Cluster | None = None
        self.reset()

    def reset(self) -> None:
        """Forget what the admin API set; cluster.json stays."""
        self.quotas = dict(QUOTAS)
        self.issuers: dict[str, dict[str, t.Any]] = {}

    def watch(self, cluster_file: pathlib.Path) -> None:
        """Say where the description of the cluster will be; it may be written later."""
        self._file = cluster_file
        self._stamp = self._cluster = None

    def cluster(self) -> settings.Cluster | None:
        """The cluster with an API server behind it, read again when its file changes; None before it is written."""
        if self._file is None:
            return None
        try:
            stat = self._file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            with self._lock:
                if stamp != self._stamp:
                    self._cluster = json.loads(self._file.read_text(encoding="utf-8"))
                    self._stamp = stamp
        except (FileNotFoundError, json.JSONDecodeError):
            # Not there yet, or caught half written: what was known before still stands.
            pass
        return self._cluster

    def verification_keys(self, issuer: str) -> dict[str, t.Any] | None:
        """The JWKS that the issuer publishes, or None when nobody knows it."""
        if issuer in self.issuers:
            return self.issuers[issuer]
        cluster = self.cluster()
        return cluster["jwks"] if cluster and cluster["issuer"] == issuer else None


STATE = State()
