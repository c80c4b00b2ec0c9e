"""Install pip in place of the get-pip.py that ansible-test downloads.

ansible-test makes an empty virtual environment for each sanity test with requirements and runs get-pip.py in it with
the version as an argument (``pip==25.2``). Many networks block the server of get-pip.py. CPython bundles a pip that can
install this version from the configured index.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
# ansible-test's wrapper of pip runs this file if GET_PIP is set. Below it must run pip.
environment = {name: value for name, value in os.environ.items() if name != "GET_PIP"}
ensurepip.bootstrap(default_pip=True)
subprocess.run(
    [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages],
    env=environment,
    check=True,
)
