# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of options, compared with the documentation, the role and the specs."""

from __future__ import annotations

import importlib
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.doc_fragments.options import ModuleDocFragment as Fragment
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import grouping
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingsSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.role import spec as role_spec
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import spec as service_account_spec

ROLE = pathlib.Path(__file__).resolve().parents[5] / "roles" / "irsa"
FACTS = ("type", "elements", "choices", "default", "required", "aliases")


def facts(table: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The properties of options in a table or in documentation, without texts."""
    result: dict[str, t.Any] = {}
    for name, option in table.items():
        result[name] = {key: option[key] for key in FACTS if option.get(key) is not None}
        suboptions = option.get("options") or option.get("suboptions")
        if suboptions:
            result[name]["options"] = facts(suboptions)
    return result


def documented_facts(text: str) -> dict[str, t.Any]:
    return facts(yaml.safe_load(text)["options"])


def without_aliases(table: argument_specs.Options) -> argument_specs.Options:
    return {name: {key: value for key, value in option.items() if key != "aliases"} for name, option in table.items()}


@pytest.mark.parametrize(
    ("fragment", "table"),
    [
        # The alias of tags is in the fragment of amazon.aws.
        (Fragment.ROLE, without_aliases(argument_specs.ROLE)),
        (Fragment.SERVICE_ACCOUNT, argument_specs.SERVICE_ACCOUNT),
        (Fragment.ROLLOUT, argument_specs.ROLLOUT),
        (Fragment.BINDINGS, {key: argument_specs.IRSA_BINDINGS[key] for key in ("bindings", "rollout_options")}),
    ],
    ids=["role", "service_account", "rollout", "bindings"],
)
def test_fragment_matches_table(fragment: str, table: argument_specs.Options) -> None:
    assert documented_facts(fragment) == facts(table)


@pytest.mark.parametrize(
    ("module", "own", "shared"),
    [
        ("irsa_role", argument_specs.IRSA_ROLE, argument_specs.ROLE),
        ("sa_annotate", argument_specs.SA_ANNOTATE, argument_specs.SERVICE_ACCOUNT),
        ("pod_rollout", argument_specs.POD_ROLLOUT, argument_specs.ROLLOUT),
        (
            "irsa_bindings",
            {
                key: option
                for key, option in argument_specs.IRSA_BINDINGS.items()
                if key not in ("bindings", "rollout_options")
            },
            {key: argument_specs.IRSA_BINDINGS[key] for key in ("bindings", "rollout_options")},
        ),
    ],
)
def test_module_matches_tables(module: str, own: argument_specs.Options, shared: argument_specs.Options) -> None:
    loaded = importlib.import_module(f"ansible_collections.eksops.irsa.plugins.modules.{module}")
    assert documented_facts(loaded.DOCUMENTATION) == facts(own)
    assert {key: loaded.ARGUMENTS[key] for key in (*own, *shared)} == {**own, **shared}


def test_tables_are_disjoint() -> None:
    for own, shared in (
        (argument_specs.IRSA_ROLE, argument_specs.ROLE),
        (argument_specs.SA_ANNOTATE, argument_specs.SERVICE_ACCOUNT),
        (argument_specs.POD_ROLLOUT, argument_specs.ROLLOUT),
        (argument_specs.ROLE, argument_specs.SERVICE_ACCOUNT),
    ):
        assert own.keys().isdisjoint(shared)


def test_role_has_the_options_of_a_binding() -> None:
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    binding = facts(specs["irsa_bindings"]["options"])
    assert binding["rbac"].pop("options") == facts(specs["irsa_rbac"]["options"])
    assert binding == facts(argument_specs.BINDING)


def test_role_has_the_options_and_defaults_of_a_rollout() -> None:
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    rollout = {name: option for name, option in argument_specs.ROLLOUT.items() if name != "wait"}
    optional = {name: {key: option[key] for key in option if key != "default"} for name, option in rollout.items()}
    assert facts(specs["irsa_rollout"]["options"]) == facts({"enabled": {"type": "bool"}, **optional})
    variables = yaml.safe_load((ROLE / "vars" / "main" / "chain.yml").read_text())
    assert variables["_irsa_rollout_defaults"] == {"enabled": True, **argument_specs.defaults(rollout)}


class Recorder(dict[str, t.Any]):
    """Options that record which of them were read."""

    def __init__(self, values: t.Mapping[str, t.Any]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> t.Any:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: t.Any = None) -> t.Any:
        self.read.add(key)
        return super().get(key, default)


def test_specs_read_every_option() -> None:
    values = {"name": "app", "service_accounts": [{"namespace": "shop", "name": "web"}], "cluster_name": "production"}
    role = Recorder({**argument_specs.defaults(argument_specs.IRSA_ROLE, argument_specs.ROLE), **values})
    role_spec.RoleSpec.from_params(role)
    assert role.read >= {*argument_specs.IRSA_ROLE, *argument_specs.ROLE}
    names = {"namespace": "shop", "name": "web"}
    account = Recorder({**argument_specs.defaults(argument_specs.SA_ANNOTATE, argument_specs.SERVICE_ACCOUNT), **names})
    service_account_spec.ServiceAccountSpec.from_params(account)
    assert account.read >= {*argument_specs.SA_ANNOTATE, *argument_specs.SERVICE_ACCOUNT}


SAMPLES: dict[str, t.Any] = {"str": "x", "int": 4000, "bool": True, "list": ["x"], "dict": {"x": "y"}}


@pytest.mark.parametrize("name", argument_specs.ROLE)
def test_binding_passes_option_to_role(name: str) -> None:
    option = argument_specs.ROLE[name]
    value = option["choices"][-1] if "choices" in option else SAMPLES[option["type"]]
    (role,) = grouping.group_by_role([{"namespace": "shop", "service_account": "web", "role_name": "app", name: value}])
    assert role[name] == value


def test_binding_passes_options_to_service_account() -> None:
    values = {
        "audience": "vault",
        "sts_regional_endpoints": True,
        "token_expiration": 900,
        "create": False,
        "create_namespace": True,
        "labels": {"team": "x"},
        "annotations": {"a/b": "c"},
        "delete": True,
    }
    assert values.keys() == argument_specs.SERVICE_ACCOUNT.keys()
    binding = {"namespace": "shop", "service_account": "web", "role_name": "app", **values}
    params = {
        **argument_specs.defaults(argument_specs.IRSA_BINDINGS),
        "cluster_name": "production",
        "bindings": [binding],
    }
    (spec,) = BindingsSpec.from_params(params).bindings
    assert {key: spec.options[key] for key in values} == values
