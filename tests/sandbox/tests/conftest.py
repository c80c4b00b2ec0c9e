# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections.abc as c

import pytest
from sandbox.tests.aws_server import Aws, running


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> c.Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture
def aws(aws_server: Aws) -> Aws:
    """The server as freshly seeded, with the cluster's file in place."""
    aws_server.write_cluster()
    aws_server.admin("POST", "reset")
    return aws_server
