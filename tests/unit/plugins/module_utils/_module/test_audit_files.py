# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files with the reports of an audit: content, permissions, and the state after an error."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.facts import FORMATS
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports import junit, markdown, sarif
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.html import render
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._module import audit_files
from unit.plugins.module_utils._core.audit.audit_documents import document

DOCUMENT: t.Any = document()


def write(reports: dict[str, pathlib.Path], *, audit: t.Any = DOCUMENT, fail_on: str = "error") -> None:
    audit_files.write_reports({name: str(path) for name, path in reports.items()}, audit, fail_on=fail_on)


def test_each_format_has_its_file(tmp_path: pathlib.Path) -> None:
    write({name: tmp_path / f"audit.{name}" for name in FORMATS})
    texts = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert texts == {
        "audit.html": render.render(DOCUMENT),
        "audit.json": json.dumps(DOCUMENT, indent=2) + "\n",
        "audit.junit": junit.render(DOCUMENT),
        "audit.markdown": markdown.render(DOCUMENT),
        "audit.sarif": sarif.render(DOCUMENT),
    }


def test_only_requested_reports_are_written(tmp_path: pathlib.Path) -> None:
    write({})
    assert list(tmp_path.iterdir()) == []
    write({"json": tmp_path / "a"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("text", ["ünïcode \u202e 字", "\ud800"])
def test_json_has_the_document_in_ascii(tmp_path: pathlib.Path, text: str) -> None:
    audit = document(skipped_checks=[text])
    write({"json": tmp_path / "a.json"}, audit=audit)
    content = (tmp_path / "a.json").read_text(encoding="ascii")
    assert json.loads(content) == audit
    assert list(json.loads(content)) == list(audit)
    assert content.endswith("}\n")


@pytest.mark.parametrize(("fail_on", "is_success"), [("error", False), ("never", True)])
def test_fail_on_decides_what_fails_in_junit(tmp_path: pathlib.Path, fail_on: str, is_success: bool) -> None:
    write({"junit": tmp_path / "a.xml"}, fail_on=fail_on)
    first_line = (tmp_path / "a.xml").read_text().splitlines()[1]
    assert (' failures="0" ' in first_line) is is_success


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_only_the_owner_can_read_a_report(tmp_path: pathlib.Path, mask: int) -> None:
    before = os.umask(mask)
    (tmp_path / "a.json").touch(0o666)
    try:
        write({"json": tmp_path / "a.json"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600


def test_permissions_are_set_before_others_see_the_file(tmp_path: pathlib.Path) -> None:
    seen: list[tuple[str, int]] = []

    def set_mode(path: str) -> None:
        seen.append((pathlib.Path(path).name[:12], stat.S_IMODE(os.stat(path).st_mode)))
        os.chmod(path, 0o640)

    audit_files.write_reports({"json": str(tmp_path / "a.json")}, DOCUMENT, fail_on="error", set_mode=set_mode)
    assert seen == [(".irsa-audit-", 0o600)]
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o640


def test_invalid_permissions_leave_no_file(tmp_path: pathlib.Path) -> None:
    def exit_module(_path: str) -> t.NoReturn:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        audit_files.write_reports({"json": str(tmp_path / "a.json")}, DOCUMENT, fail_on="error", set_mode=exit_module)
    assert list(tmp_path.iterdir()) == []


def test_existing_file_is_replaced_as_a_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("x" * 1_000_000)
    with path.open() as reader:
        write({"json": path})
        # An open file keeps its content.
        assert len(reader.read()) == 1_000_000
    assert json.loads(path.read_text()) == DOCUMENT


def test_symbolic_link_is_replaced_and_its_target_untouched(tmp_path: pathlib.Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("unchanged")
    link.symlink_to(target)
    write({"json": link})
    assert target.read_text() == "unchanged"
    assert not link.is_symlink()
    assert json.loads(link.read_text()) == DOCUMENT


def test_error_while_writing_keeps_the_old_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: t.Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.json"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InvalidInput) as caught:
        write({"json": path})
    assert str(caught.value) == (
        f"could not write report json to {path}. Cause: No space left on device. "
        "Fix: create the directory, or set another path in reports.json."
    )
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_reports_before_an_error_are_complete(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InvalidInput, match="could not write report sarif"):
        write({"json": tmp_path / "a.json", "sarif": tmp_path / "missing" / "a", "html": tmp_path / "a.html"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text()) == DOCUMENT


def test_writable_paths_are_valid(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "missing" / "file")
    audit_files.check_paths({"json": "new", "html": str(tmp_path / "old"), "sarif": "dangling"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "old"]


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("missing/a.json", "the directory {directory}/missing does not exist"),
        ("file/a.json", "the directory {directory}/file does not exist"),
        ("directory", "it is a directory"),
    ],
)
def test_unwritable_paths_are_rejected(tmp_path: pathlib.Path, path: str, cause: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput) as caught:
        audit_files.check_paths({"html": str(tmp_path / "fine"), "json": str(tmp_path / path)})
    assert caught.value.message == f"could not write report json to {tmp_path / path}"
    assert caught.value.cause == cause.format(directory=tmp_path)


def test_directory_without_permission_is_rejected(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, which needs no permission.
    monkeypatch.setattr(os, "access", lambda path, mode: (str(path), mode) != (str(tmp_path), os.W_OK))
    with pytest.raises(InvalidInput) as caught:
        audit_files.check_paths({"json": str(tmp_path / "a.json")})
    assert caught.value.cause == f"the directory {tmp_path} is not writable"
