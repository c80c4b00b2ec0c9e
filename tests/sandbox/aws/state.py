# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services share beyond moto's own models: the clusters' files, the issuers' keys and the account's quotas.

Needed by: every target.
"""

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
        self._files: list[pathlib.Path] = []
        self._read: dict[pathlib.Path, tuple[tuple[int, int], settings.Cluster]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget what the admin API set; the clusters stay."""
        self.quotas = dict(QUOTAS)
        # ARNs of the users and roles whose policies are enforced.
        self.bound: frozenset[str] = frozenset()

    def watch(self, cluster_files: t.Sequence[pathlib.Path]) -> None:
        """Say where the descriptions of the clusters will be; they may be written later."""
        self._files = list(cluster_files)
        self._read = {}

    def clusters(self) -> list[settings.Cluster]:
        """The clusters with an API server behind them, read again when their files change; none before those are."""
        return [cluster for file in self._files if (cluster := self._cluster(file))]

    def _cluster(self, file: pathlib.Path) -> settings.Cluster | None:
        known_stamp, known = self._read.get(file, (None, None))
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            with self._lock:
                if stamp != known_stamp:
                    known = t.cast("settings.Cluster", json.loads(file.read_text(encoding="utf-8")))
                    self._read[file] = (stamp, known)
        except (FileNotFoundError, json.JSONDecodeError):
            # Not there yet, or caught half written: what was known before still stands.
            pass
        return known

    def verification_keys(self, issuer: str) -> dict[str, t.Any] | None:
        """The JWKS that the issuer publishes, or None when nobody knows it."""
        return next((cluster["jwks"] for cluster in self.clusters() if cluster["issuer"] == issuer), None)


STATE = State()
