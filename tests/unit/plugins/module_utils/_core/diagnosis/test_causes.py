# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The causes and their explanations."""

from __future__ import annotations

import re

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, CAUSES, LINKS, Cause
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.explanations import EXPLANATIONS

for_each_cause = pytest.mark.parametrize("cause", CAUSES, ids=[cause.id for cause in CAUSES])


def test_ids_are_unique_and_in_the_order_of_the_chain() -> None:
    assert len(BY_ID) == len(CAUSES)
    order = [LINKS.index(cause.link) for cause in CAUSES]
    assert order == sorted(order)


def test_explanations_have_the_ids_of_the_causes() -> None:
    assert list(EXPLANATIONS) == list(BY_ID)


@for_each_cause
def test_explanation_is_well_formed(cause: Cause) -> None:
    explanation = EXPLANATIONS[cause.id]
    assert re.fullmatch("[a-z]+(-[a-z]+)*", cause.id)
    assert not explanation.title.endswith(".")
    for text in (explanation.why, explanation.detection, explanation.fix):
        assert text.endswith("."), text
        assert text.count("``") % 2 == 0, text
        assert "  " not in text, text
    assert explanation.references
    assert all(re.fullmatch(r"https://[\w./#-]+", url) for url in explanation.references)
