# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write kubeconfig files with embedded certificates.

Needed by: every target; make test-envtest.
"""

from __future__ import annotations

import base64
import json
import typing as t

from sandbox import settings

if t.TYPE_CHECKING:
    import pathlib


def write(path: pathlib.Path, server: str, certificates: pathlib.Path, user: str | None) -> None:
    """Write a kubeconfig with one context, readable by its owner only.

    :param server: the URL of the server.
    :param certificates: the directory with the files of ``pki.ensure``.
    :param user: one of ``pki.CLIENTS``; None for no credentials.
    """
    cluster = {
        "server": server,
        "certificate-authority-data": base64_text((certificates / "ca.crt").read_text(encoding="utf-8")),
    }
    credentials = {}
    if user is not None:
        credentials = {
            "client-certificate-data": base64_text((certificates / f"{user}.crt").read_text(encoding="utf-8")),
            "client-key-data": base64_text((certificates / f"{user}.key").read_text(encoding="utf-8")),
        }
    name = settings.CONTEXT
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user or name, "user": credentials}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user or name}}],
        "current-context": name,
    }
    # JSON is valid YAML.
    settings.write_private(path, json.dumps(document, indent=2) + "\n")


def base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
