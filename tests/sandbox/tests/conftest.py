# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections.abc as c
import itertools
import os
import pathlib

import pytest
from sandbox import settings
from sandbox.launch import supervisor
from sandbox.tests.support.aws_server import Aws, running
from sandbox.tests.support.chain import ChainSandbox
from sandbox.tests.support.clusters import ClusterUnderTest, Namespace

NO_API_SERVER = "this test needs the real API server in $KUBEBUILDER_ASSETS"
_namespaces = itertools.count(1)


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> c.Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture
def aws(aws_server: Aws) -> Aws:
    """The server in its initial state, with a cluster file."""
    aws_server.write_cluster()
    aws_server.control("POST", "reset")
    return aws_server


def _cluster(directory: pathlib.Path, *, real: bool) -> c.Iterator[ClusterUnderTest]:
    state = settings.StateDirectory(directory)
    supervisor.up(state, real=real, end_with_parent=True)
    try:
        yield ClusterUnderTest(state, real=real)
    finally:
        supervisor.down(state)


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> c.Iterator[ClusterUnderTest]:
    yield from _cluster(tmp_path_factory.mktemp("simulator"), real=False)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> c.Iterator[ClusterUnderTest]:
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        pytest.skip(NO_API_SERVER)
    yield from _cluster(tmp_path_factory.mktemp("control-plane"), real=True)


@pytest.fixture(scope="session", params=["simulator", "control_plane"])
def cluster(request: pytest.FixtureRequest) -> ClusterUnderTest:
    """The simulated cluster, then a real API server: both must pass the same tests."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def namespace(cluster: ClusterUnderTest) -> c.Iterator[Namespace]:
    """A namespace for one test, with its default service account."""
    name = f"test-{next(_namespaces)}"
    cluster.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    cluster.wait_until(f"/api/v1/namespaces/{name}/serviceaccounts/default", lambda _: True)
    yield Namespace(cluster, name)
    cluster.call("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session", params=["simulated", "real"])
def running_chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> c.Iterator[ChainSandbox]:
    real = request.param == "real"
    if real and not os.environ.get("KUBEBUILDER_ASSETS"):
        pytest.skip(NO_API_SERVER)
    state = settings.StateDirectory(tmp_path_factory.mktemp(request.param))
    supervisor.up(state, real=real, end_with_parent=True)
    try:
        yield ChainSandbox(state)
    finally:
        supervisor.down(state)


@pytest.fixture
def chain(running_chain: ChainSandbox) -> ChainSandbox:
    """A running sandbox with a namespace for one test."""
    running_chain.enter_namespace()
    return running_chain
