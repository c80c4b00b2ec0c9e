# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides that are generated from templates."""

from __future__ import annotations

import collections
import pathlib
import re
import shlex

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, CAUSES, LINKS, Cause
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.explanations import EXPLANATIONS

from tools.docs import guides, troubleshooting

LABEL = "ansible_collections.eksops.irsa.docsite.cause"
TEXTS = yaml.safe_load((guides.ROOT / "docs" / "causes.yml").read_text(encoding="utf-8"))
for_each_cause = pytest.mark.parametrize("cause", CAUSES, ids=[cause.id for cause in CAUSES])


def symptoms_of(cause: Cause) -> list[str]:
    return troubleshooting.flatten(TEXTS["causes"][cause.id]["symptoms"])


def test_texts_are_those_of_the_causes_and_links() -> None:
    assert list(TEXTS["causes"]) == list(BY_ID)
    assert list(TEXTS["links"]) == list(LINKS)


@for_each_cause
def test_symptoms_are_well_formed(cause: Cause) -> None:
    symptoms = symptoms_of(cause)
    assert symptoms or cause.severity != "error", "an error has a symptom"
    assert len(set(symptoms)) == len(symptoms)
    assert all(text == " ".join(text.split()) for text in symptoms)


@for_each_cause
def test_manual_checks_use_only_variables_of_the_guide(cause: Cause) -> None:
    head, found, _causes = guides.render("guide_troubleshooting").partition("Texts with several causes")
    assert found
    known = set(re.findall(r"^ +(?:export )?([A-Z_]+)=", head, re.M)) | {"NAMESPACE", "SERVICE_ACCOUNT"}
    for command in TEXTS["causes"][cause.id]["manual_check"]:
        assert shlex.split(command, comments=True)[0] in ("aws", "kubectl", "curl", "echo")
        assert set(re.findall(r"\$\{?([A-Z_]+)", command)) <= known


def test_guide_contains_every_cause_and_symptom() -> None:
    guide = guides.render("guide_troubleshooting")
    lines = collections.Counter(line.strip() for line in guide.splitlines())
    for cause in CAUSES:
        assert lines[f"``{cause.id}``: {EXPLANATIONS[cause.id].title}"] == 1
        assert all(lines[text] >= 1 for text in symptoms_of(cause))
        assert f"{LABEL}.{cause.id}:" in guide
    assert set(re.findall(rf"<{LABEL}\.([\w-]+)>", guide)) <= set(BY_ID)


def test_modules_and_roles_become_links() -> None:
    text = guides.fill("Use ``eksops.irsa.irsa``, not ``eksops.irsa.irsa_role`` or ``eksops.irsa``.")
    assert text == (
        "Use :ansplugin:`eksops.irsa.irsa#role`, not :ansplugin:`eksops.irsa.irsa_role#module` or ``eksops.irsa``."
    )


@pytest.mark.parametrize("name", guides.READERS)
def test_outdated_guide_fails_the_check(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(guides, "GUIDES", tmp_path)
    assert guides.main([]) == 0
    assert guides.main(["--check"]) == 0
    (tmp_path / f"{name}.rst").write_text(guides.render(name) + "manual edit\n")
    assert guides.main(["--check"]) == 1
    assert capsys.readouterr().out == f"{name}.rst is out of date. Run: make guide\n"
