# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m sandbox.node: the stub node of a state directory's cluster.

Needed by: targets irsa_verify, pod_rollout, role_irsa; demo.
"""

from __future__ import annotations

import argparse
import pathlib
import signal
import sys
import threading
import types

from sandbox.api import ApiClient
from sandbox.node import kubelet
from sandbox.node.agent import NodeAgent
from sandbox.node.runtime import Runtime
from sandbox.settings import StateDirectory


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.node", description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the state directory")
    state = StateDirectory(parser.parse_args().dir)
    api = ApiClient(state, "node")
    agent = NodeAgent(api, Runtime(state, api))

    def end(_number: int, _frame: types.FrameType | None) -> None:
        # Do not wait for the watch, which may take minutes. Do no more here: this thread may hold a lock of stop().
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    server = kubelet.serve(state, agent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        agent.run(server.server_port)
    finally:
        agent.stop()


if __name__ == "__main__":
    main()
