# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve webhook.py and authenticator.py over HTTPS for a real API server: python -m sandbox.hooks.

Needed by: make test-envtest.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import typing as t

from sandbox import authenticator, tls, webhook
from sandbox.api import ApiClient, ApiError
from sandbox.settings import ClusterRecord, StateDirectory

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]


class Hooks:
    """The admission and authentication webhooks of one cluster."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._cluster: ClusterRecord = state.cluster()
        self._sts_endpoint = state.env()["AWS_ENDPOINT_URL"]
        # Upstream reads from a cache. Here the API server is read, so the data is never stale.
        self._api = ApiClient(state, timeout=2)

    def mutate(self, request: Json) -> Json:
        """Return the AdmissionReview with a response.

        :raises ValueError: if the request is not an AdmissionReview of a pod.
        """
        return webhook.review_pod(request, self._inject)

    def authenticate(self, request: Json) -> Json:
        """Return the TokenReview with a status."""
        return authenticator.review_token(request, self._identify)

    def _inject(self, pod: Json) -> Json:
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")
        service_account = self._read(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        config_map = self._read(f"/api/v1/namespaces/kube-system/configmaps/{webhook.CONFIG_MAP}")
        return webhook.inject(
            pod, service_account, region=self._cluster["region"], config_map=_parse_config_map(config_map)
        )

    def _read(self, path: str) -> Json | None:
        try:
            return self._api.get(path)
        except ApiError as error:
            if error.status != 404:
                print(f"webhook: cannot read {path}: {error}", file=sys.stderr, flush=True)
            return None

    def _identify(self, token: str) -> authenticator.TokenIdentity:
        return authenticator.authenticate(
            token,
            cluster=self._cluster["name"],
            region=self._cluster["region"],
            partition=self._cluster["partition"],
            sts_endpoint=self._sts_endpoint,
            access=authenticator.load_access(self._state.access_file),
        )


def _parse_config_map(config_map: Json | None) -> dict[str, Json]:
    """Return the webhook's configuration; {} if it is not valid, as upstream does."""
    try:
        parsed = json.loads((config_map or {})["data"]["config"])
    except (KeyError, TypeError, ValueError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def serve(state: StateDirectory, port: int) -> tls.HttpsServer:
    """Create the server of POST /mutate, POST /authenticate and GET /healthz. Call ``serve_forever`` to serve."""
    hooks = Hooks(state)

    class HookHandler(tls.HttpsHandler):
        def do_GET(self) -> None:
            self.respond_text(200 if self.path == "/healthz" else 404, "ok\n" if self.path == "/healthz" else "")

        def do_POST(self) -> None:
            # The API server adds ?timeout= to the URL.
            review = {"/mutate": hooks.mutate, "/authenticate": hooks.authenticate}.get(self.path.partition("?")[0])
            try:
                request = self.read_json()
                if review is None:
                    self.respond_text(404, f"hook {self.path} does not exist\n")
                else:
                    self.respond_json(200, review(request))
            except ValueError as error:
                self.respond_text(400, f"{error}\n")

    return tls.HttpsServer(state, HookHandler, port)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.hooks", description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the state directory")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    serve(StateDirectory(options.dir), options.port).serve_forever()


if __name__ == "__main__":
    main()
