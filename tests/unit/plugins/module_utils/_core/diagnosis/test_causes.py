# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The causes, their explanations, and the guide that is generated from them."""

from __future__ import annotations

import collections
import pathlib
import re
import shlex

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, CAUSES, LINKS, Cause
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.explanations import EXPLANATIONS

from tools.docs import troubleshooting

for_each_cause = pytest.mark.parametrize("cause", CAUSES, ids=[cause.id for cause in CAUSES])


def test_ids_are_unique_and_in_the_order_of_the_chain() -> None:
    assert len(BY_ID) == len(CAUSES)
    order = [LINKS.index(cause.link) for cause in CAUSES]
    assert order == sorted(order)


def test_explanations_and_guide_texts_have_the_ids_of_the_causes() -> None:
    assert list(EXPLANATIONS) == list(BY_ID)
    assert list(troubleshooting.GUIDE_TEXTS) == list(BY_ID)


@for_each_cause
def test_explanation_and_symptoms_are_well_formed(cause: Cause) -> None:
    explanation, symptoms = EXPLANATIONS[cause.id], troubleshooting.GUIDE_TEXTS[cause.id].symptoms
    assert re.fullmatch("[a-z]+(-[a-z]+)*", cause.id)
    assert not explanation.title.endswith(".")
    for text in (explanation.why, explanation.detection, explanation.fix):
        assert text.endswith("."), text
        assert text.count("``") % 2 == 0, text
        assert "  " not in text, text
    assert symptoms or cause.severity != "error", "an error has a symptom"
    assert len(set(symptoms)) == len(symptoms)
    assert all(text == " ".join(text.split()) for text in symptoms)
    assert explanation.references
    assert all(re.fullmatch(r"https://[\w./#-]+", url) for url in explanation.references)


@for_each_cause
def test_manual_checks_use_only_variables_of_the_guide(cause: Cause) -> None:
    known = set(re.findall(r"^ +(?:export )?([A-Z_]+)=", troubleshooting.HEAD, re.M)) | {"NAMESPACE", "SERVICE_ACCOUNT"}
    for command in troubleshooting.GUIDE_TEXTS[cause.id].manual_check:
        assert shlex.split(command, comments=True)[0] in ("aws", "kubectl", "curl", "echo")
        assert set(re.findall(r"\$\{?([A-Z_]+)", command)) <= known


def test_guide_contains_every_cause_and_symptom() -> None:
    guide = troubleshooting.guide()
    lines = collections.Counter(line.strip() for line in guide.splitlines())
    for cause in CAUSES:
        assert lines[f"``{cause.id}``: {EXPLANATIONS[cause.id].title}"] == 1
        assert all(lines[text] >= 1 for text in troubleshooting.GUIDE_TEXTS[cause.id].symptoms)
        assert f"{troubleshooting.CAUSE_LABEL}.{cause.id}:" in guide
    assert set(re.findall(rf"<{troubleshooting.CAUSE_LABEL}\.([\w-]+)>", guide)) <= set(BY_ID)


def test_guide_links_modules_and_roles() -> None:
    text = troubleshooting.paragraph("Use ``eksops.irsa.irsa``, not ``eksops.irsa.irsa_role`` or ``eksops.irsa``.")
    assert text == (
        "Use :ansplugin:`eksops.irsa.irsa#role`, not :ansplugin:`eksops.irsa.irsa_role#module` or ``eksops.irsa``.\n"
    )


def test_outdated_guide_fails_the_check(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(troubleshooting, "ROOT", tmp_path)
    monkeypatch.setattr(troubleshooting, "GUIDE", tmp_path / "guide.rst")
    assert troubleshooting.main([]) == 0
    assert troubleshooting.main(["--check"]) == 0
    (tmp_path / "guide.rst").write_text(troubleshooting.guide() + "manual edit\n")
    assert troubleshooting.main(["--check"]) == 1
    assert "guide.rst is out of date" in capsys.readouterr().out
