# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the cluster put together, its seeds, and the controls that tests have over it.

Needed by: every target.
"""

from __future__ import annotations

import platform
import typing as t

from sandbox import settings
from sandbox.cluster import errors
from sandbox.cluster.access import rbac
from sandbox.cluster.access.auth import Authentication
from sandbox.cluster.access.rbac import MASTERS, Rbac, User
from sandbox.cluster.access.tokens import Tokens
from sandbox.cluster.controllers.manager import Controllers
from sandbox.cluster.errors import Object
from sandbox.cluster.faults import Faults
from sandbox.cluster.reading.lists import Lists
from sandbox.cluster.resources import Catalog
from sandbox.cluster.store import Store
from sandbox.cluster.writing.admission import Admission
from sandbox.cluster.writing.api import Api, Writer

SYSTEM = Writer(User("system:apiserver", (MASTERS,)), "kube-apiserver")
_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class Cluster:
    """One cluster in memory. ``watches`` holds the open watch connections."""

    def __init__(self, state: settings.State) -> None:
        about = state.cluster()
        self.version = _version(about["version"])
        self.store = Store()
        self.catalog = Catalog()
        self.tokens = Tokens(state.pki, about["issuer"], settings.API_AUDIENCE)
        self.rbac = Rbac(self.store)
        self.authentication = Authentication(self.store, self.tokens, state, about["name"], about["region"])
        self.admission = Admission(self.store, state.pki / "ca.crt", about["region"])
        self.api = Api(self.store, self.catalog, self.admission)
        self.lists = Lists(self.store)
        self.faults = Faults()
        self.watches: set[t.Any] = set()
        self.controllers = Controllers(self.api)
        self.seed()

    def seed(self) -> None:
        for name in _NAMESPACES:
            self._add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for obj in rbac.seeds():
            self._add(obj)
        self._add(self.admission.webhook_configuration())
        self.controllers.drain()

    def _add(self, obj: Object) -> None:
        kind = self.catalog.by_kind(obj["apiVersion"], obj["kind"])
        assert kind is not None
        self.api.create(kind, "", obj, SYSTEM)

    # -- controls

    def control(self, path: str, method: str, body: Object) -> Object:
        """Answer under /sandbox-api/: what tests order beyond the API of Kubernetes."""
        if path != "/sandbox-api/faults":
            raise errors.page_not_found()
        if method == "DELETE":
            self.faults.forget()
        elif method == "POST":
            try:
                self.faults.order(body)
            except TypeError as error:
                raise errors.bad_request(f"not a fault: {error}") from None
        return {"faults": self.faults.waiting()}


def _version(eks: str) -> Object:
    """The body of /version for an EKS version such as 1.33."""
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
