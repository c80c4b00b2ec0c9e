# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of all variables of the role and the playbooks are known, and other names are reported."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.plugin_utils import _variable_names, _variables

ROOT = pathlib.Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["irsa_state", "irsa_result", "cluster_name", "_irsa_internal"], []),
        (["irsa_fleet_4", "irsa_audit_123", "irsa_bound_5"], []),
        (["irsa_sate"], ["irsa_sate is not a variable of eksops.irsa; did you mean irsa_state?"]),
        (
            ["irsa_wait_timeout"],
            ["irsa_wait_timeout is not a variable of eksops.irsa; did you mean irsa_rollout.wait_timeout?"],
        ),
        (
            ["irsa_audit_clusters"],
            ["irsa_audit_clusters is not a variable of eksops.irsa"],
        ),
        (["irsa_binding"], ["irsa_binding is not a variable of eksops.irsa; did you mean irsa_bindings?"]),
        (["irsa_kubeconfig"], ["irsa_kubeconfig is not a variable of eksops.irsa"]),
        (["irsa_debug"], ["irsa_debug is not a variable of eksops.irsa"]),
    ],
)
def test_unknown_variable_is_reported_with_the_nearest_name(names: list[str], expected: list[str]) -> None:
    assert _variable_names.check_names(names) == expected


@pytest.mark.parametrize("value", [None, ""])
def test_missing_variable_is_reported_with_an_example(value: str | None) -> None:
    (problem,) = _variable_names.check_required(
        ["irsa_cluster_name", "irsa_bindings"], {"irsa_cluster_name": value, "irsa_bindings": []}
    )
    assert problem.startswith("irsa_cluster_name is not set; ")
    assert "-e irsa_cluster_name=production" in problem


@pytest.mark.parametrize(
    ("playbooks", "expected"),
    [
        (
            ["eksops.irsa.audit"],
            ["irsa_report has no effect in the playbook audit; it is read by the playbooks fleet and verify"],
        ),
        (
            ["eksops.irsa.associate", "eksops.irsa.remove"],
            [
                "irsa_report has no effect in the playbooks associate and remove; it is read by the playbooks "
                "fleet and verify",
                "irsa_report_dir has no effect in the playbooks associate and remove; it is read by the playbook audit",
            ],
        ),
        (["eksops.irsa.verify", "eksops.irsa.audit"], []),
        (["site.yml", "eksops.irsa.associate"], []),
        (["eksops.irsa.future"], []),
        ([], []),
    ],
)
def test_variable_of_another_playbook_is_reported(playbooks: list[str], expected: list[str]) -> None:
    names = [
        "irsa_report",
        "irsa_report_dir",
        "irsa_profile",
        "irsa_bindings",
        "irsa_cluster_name",
        "irsa_hosts",
        "other",
    ]
    assert _variable_names.find_ignored(names, playbooks) == expected


def test_credentials_of_other_playbooks_are_rejected() -> None:
    assert _variable_names.check_session({"irsa_region": "eu-west-1", "irsa_profile": ""}) == []
    assert _variable_names.check_session({"irsa_profile": "prod", "irsa_assume_role_arn": "arn:aws:iam::1:role/a"}) == [
        "irsa_profile is read only by the playbooks audit, fleet and import; set the environment variable AWS_PROFILE",
        "irsa_assume_role_arn is read only by the playbooks audit, fleet and import; assume the role before, or use "
        "eksops.irsa.fleet",
    ]


def find_variables(value: t.Any) -> t.Iterator[str]:
    """Yield the names of the variables that tasks and plays define."""
    if isinstance(value, list):
        for item in value:
            yield from find_variables(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("vars", "ansible.builtin.set_fact"):
                yield from item
            elif key in ("register", "loop_var", "index_var"):
                yield item
            yield from find_variables(item)


INTERNAL = sorted(
    {
        name
        for folder in ("roles/irsa/tasks", "playbooks")
        for path in (ROOT / folder).rglob("*.yml")
        for name in find_variables(yaml.safe_load(path.read_text("utf-8")))
    }
    | {name for path in (ROOT / "roles/irsa/vars/main").iterdir() for name in yaml.safe_load(path.read_text("utf-8"))}
    | {
        name
        for path in (ROOT / "roles/irsa/templates").iterdir()
        for name in re.findall(r"{% (?:set|for) (\w+)", path.read_text("utf-8"))
    }
)


@pytest.mark.parametrize("name", INTERNAL)
def test_variables_of_role_and_playbooks_have_reserved_names(name: str) -> None:
    public = name in _variable_names.KNOWN or name == "ansible_python_interpreter"
    assert public or name.startswith(_variable_names.INTERNAL_PREFIX)


def test_role_and_playbooks_do_not_use_the_loop_variable_of_their_caller() -> None:
    folders = [ROOT / "roles" / "irsa" / name for name in ("tasks", "vars", "templates")]
    files = [path for folder in (*folders, ROOT / "playbooks") for path in folder.rglob("*") if path.is_file()]
    for path in files:
        assert not re.search(r"\bitem\b", path.read_text("utf-8")), path
        if path.suffix == ".yml":
            text = path.read_text("utf-8")
            assert len(re.findall(r"(?m)^ +loop: ", text)) == text.count("loop_var: "), path


def test_internal_variables_are_found() -> None:
    expected = {
        "_irsa_run",
        "_irsa_binding",
        "_irsa_bindings",
        "_irsa_fleet_total",
        "_irsa_session_name",
        "_irsa_account",
    }
    assert expected <= set(INTERNAL)


def test_internal_variable_as_extra_variable_is_reported() -> None:
    extra = ["_irsa_run", "irsa_state", "counts", "_irsa"]
    assert _variable_names.check_reserved(extra) == [
        "_irsa_run is an internal variable of eksops.irsa; remove it from the extra variables"
    ]


def test_known_variables_are_those_of_the_role_and_the_playbooks() -> None:
    specs = yaml.safe_load((ROOT / "roles" / "irsa" / "meta" / "argument_specs.yml").read_text("utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    assert set(_variables.ROLE) == set(options)
    for name, option in _variables.ROLE.items():
        if option.get("options"):
            assert set(option["options"]) == set(options[name]["options"]), name


def test_variables_of_playbooks_have_types() -> None:
    assert set(_variable_names.INPUTS) == {*_variables.ROLE, *_variables.PLAYBOOK_VARIABLES}


def test_known_variables_are_those_that_playbooks_use() -> None:
    playbooks = "".join(path.read_text("utf-8") for path in (ROOT / "playbooks").rglob("*.yml"))
    # Modules and names with a number behind them are no variables.
    used = set(re.findall(r"(?<![\w.])irsa_[a-z_]*[a-z]\b(?!_%|:$)", playbooks)) - {"irsa_bindings_info"}
    assert used - _variable_names.KNOWN == set()
    assert _variable_names.KNOWN - used - set(_variables.ROLE) - {"irsa_result"} == set()


@pytest.mark.parametrize("playbook", sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml")))
def test_variables_of_each_playbook_are_known(playbook: str) -> None:
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text("utf-8")
    if "tasks/session.yml" in text:
        text += (ROOT / "playbooks/tasks/session.yml").read_text("utf-8")
    used = {name for name in _variable_names.INPUTS if re.search(rf"(?<!\w){name}\b", text)} - _variables.ROLE.keys()
    assert set(_variable_names.PLAYBOOKS[playbook]) == used
