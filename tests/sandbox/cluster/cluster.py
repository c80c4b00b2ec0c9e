# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated cluster: its parts, its initial objects and the control API for tests.

Needed by: every target.
"""

from __future__ import annotations

import platform
import typing as t

from sandbox import settings
from sandbox.cluster import errors
from sandbox.cluster.access import rbac
from sandbox.cluster.access.auth import Authenticator
from sandbox.cluster.access.rbac import MASTERS, Rbac, User
from sandbox.cluster.access.tokens import TokenIssuer
from sandbox.cluster.controllers.manager import ControllerManager
from sandbox.cluster.errors import Object
from sandbox.cluster.reading.lists import ListPager
from sandbox.cluster.resources import Catalog
from sandbox.cluster.store import Store
from sandbox.cluster.writing.admission import Admission
from sandbox.cluster.writing.api import ObjectApi, Writer
from sandbox.faults import FaultQueue

SYSTEM = Writer(User("system:apiserver", (MASTERS,)), "kube-apiserver")
_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class SimulatedCluster:
    """A cluster in memory. ``watches`` are the open watch connections."""

    def __init__(self, state: settings.StateDirectory) -> None:
        record = state.cluster()
        self.version = _version(record["version"])
        self.store = Store()
        self.catalog = Catalog()
        self.tokens = TokenIssuer(state.pki, record["issuer"], settings.API_AUDIENCE)
        self.rbac = Rbac(self.store)
        self.authentication = Authenticator(self.store, self.tokens, state, record["name"], record["region"])
        self.admission = Admission(self.store, state.pki / "ca.crt", record["region"])
        self.api = ObjectApi(self.store, self.catalog, self.admission)
        self.pager = ListPager(self.store)
        self.faults = FaultQueue()
        self.watches: set[t.Any] = set()
        self.controllers = ControllerManager(self.api)
        self.seed()

    def seed(self) -> None:
        """Create the initial objects."""
        for name in _NAMESPACES:
            self._add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for obj in rbac.bootstrap_objects():
            self._add(obj)
        self._add(self.admission.webhook_configuration())
        self.controllers.drain()

    def _add(self, obj: Object) -> None:
        kind = self.catalog.by_kind(obj["apiVersion"], obj["kind"])
        assert kind is not None
        self.api.create(kind, "", obj, SYSTEM)

    # -- control API

    def control(self, path: str, method: str, body: Object) -> Object:
        """Handle a request of the control API, under /sandbox-api/.

        :raises StatusError: 404 for an unknown path, 400 for a fault that is not valid.
        """
        if path != "/sandbox-api/faults":
            raise errors.page_not_found()
        if method == "DELETE":
            self.faults.clear()
        elif method == "POST":
            try:
                self.faults.add(body)
            except (TypeError, ValueError) as error:
                raise errors.bad_request(f"the fault is not valid: {error}") from None
        return {"faults": self.faults.pending()}


def _version(eks: str) -> Object:
    """The response to /version for an EKS version such as 1.33."""
    major, _dot, minor = eks.partition(".")
    return {
        "major": major,
        "minor": f"{minor}+",
        "gitVersion": f"v{eks}.4-eks-sandbox",
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2025-08-13T00:00:00Z",
        "goVersion": "go1.24.5",
        "compiler": platform.python_implementation().lower(),
        "platform": "linux/amd64",
    }
