# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import re
import typing as t

import pytest
from sandbox.launch import control_plane, old_reflect2

ASSETS = os.environ.get("KUBEBUILDER_ASSETS")
needs_programs = pytest.mark.skipif(not ASSETS, reason="KUBEBUILDER_ASSETS is not set")


def program(directory: pathlib.Path, name: str, mode: int = 0o755) -> None:
    (directory / name).write_text("#!/bin/sh\n")
    (directory / name).chmod(mode)


@pytest.mark.parametrize("environment", [{}, {"KUBEBUILDER_ASSETS": ""}])
def test_missing_variable(environment: dict[str, str]) -> None:
    with pytest.raises(control_plane.MissingPrograms, match=r"KUBEBUILDER_ASSETS is not set\. Set it to a directory"):
        control_plane.find_programs(environment)


def test_missing_programs(tmp_path: pathlib.Path) -> None:
    program(tmp_path, "etcd")
    program(tmp_path, "kube-apiserver", 0o644)
    expected = (
        f"KUBEBUILDER_ASSETS is {tmp_path}, which lacks these executables: kube-apiserver, kube-controller-manager"
    )
    if os.getuid() == 0:
        # root can execute a file only if it has an executable bit.
        assert not os.access(tmp_path / "kube-apiserver", os.X_OK)
    with pytest.raises(control_plane.MissingPrograms, match=re.escape(expected)):
        control_plane.find_programs({"KUBEBUILDER_ASSETS": str(tmp_path)})


def test_find_programs(tmp_path: pathlib.Path) -> None:
    for name in control_plane.PROGRAMS:
        program(tmp_path, name)
    paths = control_plane.find_programs({"KUBEBUILDER_ASSETS": str(tmp_path)})
    assert paths == {name: tmp_path / name for name in control_plane.PROGRAMS}


def test_other_programs_are_not_affected(tmp_path: pathlib.Path) -> None:
    program(tmp_path, "script")
    assert not old_reflect2.is_affected(tmp_path / "script")
    assert not old_reflect2.is_affected(pathlib.Path("/proc/self/exe").resolve())


@needs_programs
def test_patch_changes_one_instruction(tmp_path: pathlib.Path) -> None:
    server = pathlib.Path(t.cast("str", ASSETS)) / "kube-apiserver"
    if not old_reflect2.is_affected(server):
        with pytest.raises(ValueError, match="cannot be patched"):
            # etcd does not have the function.
            old_reflect2.patched_copy(server.with_name("etcd").resolve(), tmp_path)
        return
    copy = old_reflect2.patched_copy(server, tmp_path)
    before, after = server.read_bytes(), copy.read_bytes()
    assert len(before) == len(after)
    # Binary search for the difference.
    start, end = 0, len(before)
    while end - start > 8:
        middle = (start + end) // 2
        left, right = before[start:middle] == after[start:middle], before[middle:end] == after[middle:end]
        assert left != right, "none or more than one place was changed"
        start, end = (middle, end) if left else (start, middle)
    assert os.access(copy, os.X_OK)
