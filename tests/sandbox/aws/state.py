# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State that the services share: cluster files, issuers' keys, quotas, and whose policies are enforced.

Needed by: every target.
"""

from __future__ import annotations

import json
import pathlib
import threading
import typing as t

from sandbox import settings

# Names and defaults are those of GetAccountSummary, if it has the quota.
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


class AwsState:
    """The state of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: list[pathlib.Path] = []
        self._cache: dict[pathlib.Path, tuple[tuple[int, int], settings.ClusterRecord]] = {}
        self.reset()

    def reset(self) -> None:
        """Restore the defaults of what the control API sets. The cluster files are kept."""
        self.quotas = dict(QUOTAS)
        # The users and roles whose policies are enforced.
        self.enforced_arns: frozenset[str] = frozenset()

    def set_cluster_files(self, cluster_files: t.Sequence[pathlib.Path]) -> None:
        """Set the paths of the cluster files, which need not exist yet."""
        self._files = list(cluster_files)
        self._cache = {}

    def clusters(self) -> list[settings.ClusterRecord]:
        """The clusters that have an API server. Files that changed are read again, missing ones are skipped."""
        return [cluster for file in self._files if (cluster := self._cluster(file))]

    def _cluster(self, file: pathlib.Path) -> settings.ClusterRecord | None:
        cached_stamp, cached = self._cache.get(file, (None, None))
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            with self._lock:
                if stamp != cached_stamp:
                    cached = t.cast("settings.ClusterRecord", json.loads(file.read_text(encoding="utf-8")))
                    self._cache[file] = (stamp, cached)
        except (FileNotFoundError, json.JSONDecodeError):
            # The file does not exist yet or is being written: keep the cached content.
            pass
        return cached

    def find_jwks(self, issuer: str) -> dict[str, t.Any] | None:
        """The JWKS of an issuer; None if no cluster has this issuer."""
        return next((cluster["jwks"] for cluster in self.clusters() if cluster["issuer"] == issuer), None)


STATE = AwsState()
