# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m sandbox.aws --dir D --port P``; see the package's docstring.

Needed by: every target.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import sys
import types

# Allow regions that are newer than moto's list. moto reads this when it is first imported.
os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "true")

from sandbox import settings
from sandbox.aws.app import serve


def _stop(_signal: int, _frame: types.FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws", description="A simulated AWS on loopback.")
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the sandbox's state directory")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free port")
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    arguments.dir.mkdir(parents=True, exist_ok=True)
    state = settings.StateDirectory(arguments.dir)
    server = serve(
        [cluster.cluster_file for cluster in (state, *state.further_clusters())], arguments.host, arguments.port
    )
    endpoint = f"http://{arguments.host}:{server.server_port}"
    settings.write_private(arguments.dir / "aws.json", json.dumps({"endpoint": endpoint}))
    print(f"AWS is ready at {endpoint}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
