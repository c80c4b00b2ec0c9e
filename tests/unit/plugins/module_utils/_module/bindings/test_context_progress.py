# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import Progress, ProgressWriter
from ansible_collections.eksops.irsa.plugins.plugin_utils import _progress

if t.TYPE_CHECKING:
    import pathlib


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def at(done: int, *, stage: str = "roles", total: int = 10) -> Progress:
    return Progress(stage, done, total, changed=done, failed=1)


def test_written_progress_can_be_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "progress"
    ProgressWriter(str(path)).write(at(3))
    assert json.loads(path.read_text()) == {"stage": "roles", "done": 3, "total": 10, "changed": 3, "failed": 1}
    assert _progress.read(str(path)) == dataclasses.asdict(at(3))
    assert _progress.describe(dataclasses.asdict(at(3))) == "roles 3 of 10, 3 changed, 1 failed"
    assert [file.name for file in tmp_path.iterdir()] == ["progress"]


def test_interval_between_writes(tmp_path: pathlib.Path) -> None:
    path, clock = str(tmp_path / "progress"), Clock()
    writer = ProgressWriter(path, clock)
    writer.write(at(1))
    clock.now = 0.1
    writer.write(at(2))
    assert _progress.read(path) == dataclasses.asdict(at(1))
    clock.now = 0.3
    writer.write(at(3))
    assert _progress.read(path) == dataclasses.asdict(at(3))
    writer.write(at(10))
    assert _progress.read(path) == dataclasses.asdict(at(10))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "roles"}', '{"stage": "x", "none": 1}'])
def test_missing_or_invalid_file_is_ignored(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "progress"
    assert _progress.read(str(path)) is None
    path.write_text(text)
    assert _progress.read(str(path)) is None


def test_file_that_cannot_be_written_is_ignored(tmp_path: pathlib.Path) -> None:
    writer = ProgressWriter(str(tmp_path / "missing" / "progress"))
    writer.write(at(1))
    writer.write(at(10))
    ProgressWriter(None).write(at(1))
    assert list(tmp_path.iterdir()) == []


def test_symbolic_link_is_not_followed(tmp_path: pathlib.Path) -> None:
    target, path = tmp_path / "target", tmp_path / "progress"
    target.write_text("unchanged")
    (tmp_path / "progress.new").symlink_to(target)
    ProgressWriter(str(path)).write(at(3))
    assert target.read_text() == "unchanged"
    assert not path.exists()
