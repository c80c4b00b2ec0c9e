# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTPS side of webhook.py and authenticator.py, which a real API server calls: python -m sandbox.hooks.

Needed by: make test-envtest.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import typing as t

from sandbox import authenticator, tls, webhook
from sandbox.api import Api, ApiError
from sandbox.settings import Cluster, State

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]


class Hooks:
    """Answers reviews for one cluster."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._cluster: Cluster = state.cluster()
        self._sts_endpoint = state.env()["AWS_ENDPOINT_URL"]
        # Upstream asks a cache; asking the API server instead is that cache when it has caught up.
        self._api = Api(state, timeout=2)

    def mutate(self, request: Json) -> Json:
        """Answer an AdmissionReview.

        Raises:
            ValueError: it is not a review of a pod.
        """
        return webhook.review(request, self._inject)

    def authenticate(self, request: Json) -> Json:
        """Answer a TokenReview."""
        return authenticator.review(request, self._identify)

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
                print(f"reading for the webhook: {error}", file=sys.stderr, flush=True)
            return None

    def _identify(self, token: str) -> authenticator.Identity:
        return authenticator.authenticate(
            token,
            cluster=self._cluster["name"],
            region=self._cluster["region"],
            partition=self._cluster["partition"],
            sts_endpoint=self._sts_endpoint,
            access=authenticator.load_access(self._state.access_file),
        )


def _parse_config_map(config_map: Json | None) -> dict[str, Json]:
    """Return the webhook's configuration; upstream too goes on without one that it cannot read."""
    try:
        parsed = json.loads((config_map or {})["data"]["config"])
    except (KeyError, TypeError, ValueError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def serve(state: State, port: int) -> tls.Server:
    """Return the server, listening but not yet serving: POST /mutate, POST /authenticate, GET /healthz."""
    hooks = Hooks(state)

    class HookHandler(tls.Handler):
        def do_GET(self) -> None:
            self.answer_text(200 if self.path == "/healthz" else 404, "ok\n" if self.path == "/healthz" else "")

        def do_POST(self) -> None:
            # The API server adds ?timeout= to what it was given.
            review = {"/mutate": hooks.mutate, "/authenticate": hooks.authenticate}.get(self.path.partition("?")[0])
            try:
                request = self.read_json()
                if review is None:
                    self.answer_text(404, f"no such hook: {self.path}\n")
                else:
                    self.answer_json(200, review(request))
            except ValueError as error:
                self.answer_text(400, f"{error}\n")

    return tls.Server(state, HookHandler, port)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.hooks", description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the state directory")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    serve(State(options.dir), options.port).serve_forever()


if __name__ == "__main__":
    main()
