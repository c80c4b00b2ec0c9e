"""Install pip where ansible-test would run the get-pip.py that it downloads.

ansible-test makes an empty virtual environment for each sanity test that has requirements and runs get-pip.py in it,
with the version it wants as an argument (``pip==25.2``). The download is from a server that many networks can't reach.
CPython bundles a pip that can install that same version from the usual index.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
# ansible-test's wrapper reads GET_PIP to know that it runs this file; the pip started below is to be itself.
environment = {name: value for name, value in os.environ.items() if name != "GET_PIP"}
ensurepip.bootstrap(default_pip=True)
subprocess.run(
    [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages],
    env=environment,
    check=True,
)
