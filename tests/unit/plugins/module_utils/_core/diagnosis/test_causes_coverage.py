# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each cause is expected by a case of a unit test or by a scenario of an integration test."""

from __future__ import annotations

import ast
import pathlib

import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, CAUSES

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE.parents[4] / "integration/targets/setup_chain_lab/vars/main.yml"
AUDIT_SCENARIOS = HERE.parents[4] / "integration/targets/irsa_audit/vars/main.yml"
# Unit tests that compare the ids of all findings with the last value of a case.
TABLES = (
    "../audit/test_build.py",
    "rules/test_account.py",
    "rules/test_pods.py",
    "rules/test_role.py",
    "rules/test_trust_provider.py",
    "rules/test_sts.py",
    "test_verification_pods.py",
)
# Causes that need a static pod, a China region, an old Kubernetes version or another webhook.
NOT_IN_SCENARIOS = {"static-pod", "region-unset", "token-unreadable", "injected-sidecar"}
# Causes that need a role that was unused for months.
NOT_IN_AUDIT_SCENARIOS = {"role-unused"}


def expected_ids(source: str) -> set[str]:
    """The ids in the last value of each case: a ``pytest.param(...)``, or a tuple in a dictionary."""
    ids: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        cases: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "param":
            cases = node.args[-1:]
        elif isinstance(node, ast.Dict):
            cases = [value.elts[-1] for value in node.values if isinstance(value, ast.Tuple) and value.elts]
        for case in cases:
            if isinstance(case, ast.List) and all(isinstance(element, ast.Constant) for element in case.elts):
                ids.update(str(element.value) for element in case.elts if isinstance(element, ast.Constant))
    return ids


def test_expected_ids_are_read_only_from_cases() -> None:
    source = """
CASES = {"one": (CHAIN, ["not-this"], ["role-missing"])}
@pytest.mark.parametrize("x", [pytest.param(["nor-this"], ["explicit-deny", "aud-mismatch"], id="thumbprint")])
def test() -> None:
    assert "wrong-action" in ["condition-key"]
"""
    assert expected_ids(source) == {"role-missing", "explicit-deny", "aud-mismatch"}


def test_each_cause_is_expected_by_a_unit_test_or_a_scenario() -> None:
    unit_tests = set().union(*(expected_ids((HERE / name).read_text()) for name in TABLES))
    cases = yaml.safe_load(SCENARIOS.read_text())["broken_chains"]
    scenarios = {finding_id for case in cases for finding_id in case["ids"]}
    assert scenarios <= set(BY_ID)
    assert set(BY_ID) == unit_tests | scenarios
    audit_only = {cause.id for cause in CAUSES if cause.audit}
    assert set(BY_ID) - scenarios - audit_only == NOT_IN_SCENARIOS
    audit_cases = yaml.safe_load(AUDIT_SCENARIOS.read_text())["cases"]
    audit_scenarios = {finding_id for case in audit_cases for finding_id in case["ids"]}
    assert audit_only - audit_scenarios == NOT_IN_AUDIT_SCENARIOS


def test_intact_chains_have_scenarios_without_findings() -> None:
    cases = yaml.safe_load(SCENARIOS.read_text())["intact_chains"]
    assert [case["ids"] for case in cases] == [[]] * 6
