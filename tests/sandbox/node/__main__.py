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

from sandbox.api import Api
from sandbox.node import kubelet
from sandbox.node.agent import Agent
from sandbox.node.runtime import Runtime
from sandbox.settings import State


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.node", description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the state directory")
    state = State(parser.parse_args().dir)
    api = Api(state, "node")
    agent = Agent(api, Runtime(state, api))

    def end(_number: int, _frame: types.FrameType | None) -> None:
        # The watch may have minutes to go. No more than that here: this thread may hold what stop() waits for.
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
