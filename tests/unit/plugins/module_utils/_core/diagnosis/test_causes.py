# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of causes, and the guide that is made of it."""

from __future__ import annotations

import collections
import pathlib
import re
import shlex

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, CAUSES, LINKS, Cause

from tools import troubleshooting

each_cause = pytest.mark.parametrize("cause", CAUSES, ids=[cause.id for cause in CAUSES])


def test_ids_are_there_once_and_in_the_order_of_the_links() -> None:
    assert len(BY_ID) == len(CAUSES)
    order = [LINKS.index(cause.link) for cause in CAUSES]
    assert order == sorted(order)


@each_cause
def test_a_cause_says_all_there_is_to_say(cause: Cause) -> None:
    assert re.fullmatch("[a-z]+(-[a-z]+)*", cause.id)
    assert not cause.title.endswith(".")
    for text in (cause.why, cause.detected, cause.fix):
        assert text.endswith("."), text
        assert text.count("``") % 2 == 0, text
        assert "  " not in text, text
    assert cause.says or cause.severity != "error", "an error that nobody sees is a strange error"
    assert len(set(cause.says)) == len(cause.says)
    assert all(text == " ".join(text.split()) for text in cause.says)
    assert cause.see
    assert all(re.fullmatch(r"https://[\w./#-]+", url) for url in cause.see)


@each_cause
def test_commands_are_shell_and_use_the_variables_that_the_guide_sets(cause: Cause) -> None:
    known = set(re.findall(r"^ +(?:export )?([A-Z_]+)=", troubleshooting.HEAD, re.M)) | {"NAMESPACE", "ACCOUNT"}
    for command in cause.by_hand:
        assert shlex.split(command)[0] in ("aws", "kubectl", "curl", "echo")
        assert set(re.findall(r"\$\{?([A-Z_]+)", command)) <= known


def test_the_guide_has_every_cause_and_every_text_in_full() -> None:
    guide = troubleshooting.guide()
    lines = collections.Counter(line.strip() for line in guide.splitlines())
    for cause in CAUSES:
        assert lines[f"``{cause.id}``: {cause.title}"] == 1
        assert all(lines[text] >= 1 for text in cause.says)
        assert f"{troubleshooting.CAUSE_LABEL}.{cause.id}:" in guide
    assert set(re.findall(rf"<{troubleshooting.CAUSE_LABEL}\.([\w-]+)>", guide)) <= set(BY_ID)


def test_the_guide_refers_to_modules_and_roles_by_what_they_are() -> None:
    text = troubleshooting.paragraph("Use ``eksops.irsa.irsa``, not ``eksops.irsa.irsa_role`` or ``eksops.irsa``.")
    assert text == (
        "Use :ansplugin:`eksops.irsa.irsa#role`, not :ansplugin:`eksops.irsa.irsa_role#module` or ``eksops.irsa``.\n"
    )


def test_a_stale_guide_is_noticed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(troubleshooting, "ROOT", tmp_path)
    monkeypatch.setattr(troubleshooting, "GUIDE", tmp_path / "guide.rst")
    assert troubleshooting.main([]) == 0
    assert troubleshooting.main(["--check"]) == 0
    (tmp_path / "guide.rst").write_text(troubleshooting.guide() + "by hand\n")
    assert troubleshooting.main(["--check"]) == 1
    assert "guide.rst is not what the catalogue says" in capsys.readouterr().out
