# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each cause is the expected finding of some scenario."""

from __future__ import annotations

import ast
import pathlib

import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, CAUSES

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE.parents[4] / "integration/targets/setup_chain_lab/vars/main.yml"
AUDIT_SCENARIOS = HERE.parents[4] / "integration/targets/irsa_audit/vars/main.yml"
# Their tests compare the whole list of ids that comes out with the last value of a case.
TABLES = (
    "../audit/test_build.py",
    "rules/test_account.py",
    "rules/test_pods.py",
    "rules/test_role.py",
    "rules/test_trust_provider.py",
    "rules/test_sts.py",
    "test_test_pod.py",
)
# What needs a node, a cloud or a cluster of before: static pods, partitions, log files of real programs, old servers.
NOT_IN_A_CLUSTER = {"static-pod", "region-unset", "token-unreadable", "injected-sidecar"}
# What IAM tells after months only.
NOT_IN_A_DAY = {"role-unused"}


def expected_ids(source: str) -> set[str]:
    """The ids in the last value of each case: of ``pytest.param(...)``, or of a tuple in a dictionary of cases."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        cases: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "param":
            cases = node.args[-1:]
        elif isinstance(node, ast.Dict):
            cases = [each.elts[-1] for each in node.values if isinstance(each, ast.Tuple) and each.elts]
        for case in cases:
            if isinstance(case, ast.List) and all(isinstance(each, ast.Constant) for each in case.elts):
                found.update(str(each.value) for each in case.elts if isinstance(each, ast.Constant))
    return found


def test_expected_ids_are_read_from_the_tables_alone() -> None:
    source = """
CASES = {"one": (CHAIN, ["not-this"], ["role-missing"])}
@pytest.mark.parametrize("x", [pytest.param(["nor-this"], ["explicit-deny", "aud-mismatch"], id="thumbprint")])
def test() -> None:
    assert "wrong-action" in ["condition-key"]
"""
    assert expected_ids(source) == {"role-missing", "explicit-deny", "aud-mismatch"}


def test_each_cause_is_in_a_unit_table_or_a_scenario() -> None:
    units = set().union(*(expected_ids((HERE / name).read_text()) for name in TABLES))
    scenarios = {each for case in yaml.safe_load(SCENARIOS.read_text())["broken_chains"] for each in case["ids"]}
    assert scenarios <= set(BY_ID)
    assert set(BY_ID) == units | scenarios
    audit = {each.id for each in CAUSES if each.audit}
    assert set(BY_ID) - scenarios - audit == NOT_IN_A_CLUSTER
    audited = {each for case in yaml.safe_load(AUDIT_SCENARIOS.read_text())["cases"] for each in case["ids"]}
    assert audit - audited == NOT_IN_A_DAY


def test_there_are_scenarios_of_intact_chains() -> None:
    whole = yaml.safe_load(SCENARIOS.read_text())["intact_chains"]
    assert [case["ids"] for case in whole] == [[]] * 6
