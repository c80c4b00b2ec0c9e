# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation requires the versions that requirements.txt and pyproject.toml have."""

from __future__ import annotations

import pathlib
import re

import yaml
from ansible_collections.eksops.irsa.plugins.doc_fragments import attributes, cluster

ROOT = pathlib.Path(__file__).resolve().parents[4]
DOCUMENTS = (attributes.ModuleDocFragment.DOCUMENTATION, cluster.ModuleDocFragment.DOCUMENTATION)


def test_documented_versions_are_those_of_the_requirements() -> None:
    requirements = [text for document in DOCUMENTS for text in yaml.safe_load(document)["requirements"]]
    documented = dict(re.findall(r"^([a-z0-9]+) >= ([0-9.]+)", "\n".join(requirements), re.MULTILINE))
    installed = dict(re.findall(r"(?m)^([a-z0-9]+)>=([0-9.]+)", (ROOT / "requirements.txt").read_text("utf-8")))
    python = re.search(r'(?m)^target-version = "py3(\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert python
    assert documented == {**installed, "python": f"3.{python[1]}"}
