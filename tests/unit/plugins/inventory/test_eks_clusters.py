# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the inventory plugin adds hosts. Integration tests cover how it reads clusters."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.template import is_trusted_as_template, trust_as_template
from ansible_collections.eksops.irsa.plugins.inventory import eks_clusters
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import hosts
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput

DEFAULTS: dict[str, t.Any] = {
    name: option.get("default") for name, option in yaml.safe_load(eks_clusters.DOCUMENTATION)["options"].items()
}
# The options of the documentation fragments.
FRAGMENTS: dict[str, t.Any] = {
    "assume_role_arn": None,
    "cache": False,
    "compose": {},
    "endpoint_url": None,
    "groups": {},
    "keyed_groups": [],
    "leading_separator": True,
    "profile": None,
    "strict": False,
    "use_extra_vars": False,
}


def cluster(name: str, region: str = "eu-west-1", account: str = "111122223333", **changes: t.Any) -> dict[str, t.Any]:
    description = {"name": name, "arn": f"arn:aws:eks:{region}:{account}:cluster/{name}", "status": "ACTIVE", **changes}
    return hosts.build_host_variables(description, hosts.AwsAccount())


def trusted(value: t.Any) -> t.Any:
    """A value as Ansible loads it from an inventory file."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return [trusted(item) for item in value] if isinstance(value, list) else value


def plugin(**options: t.Any) -> eks_clusters.InventoryModule:
    instance = eks_clusters.InventoryModule()
    instance.loader, instance._vars, instance.inventory = DataLoader(), {}, InventoryData()
    instance._options = {**DEFAULTS, **FRAGMENTS, **trusted(options)}
    return instance


def populated(clusters: list[dict[str, t.Any]], **options: t.Any) -> InventoryData:
    instance = plugin(**options)
    instance._populate(clusters, hosts.ClusterFilters.from_options(instance.get_option("filters")))
    return t.cast("InventoryData", instance.inventory)


def host_names(data: InventoryData, group: str = "eks_clusters") -> list[str]:
    return [host.name for host in data.groups[group].hosts]


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("eks_clusters.yml", True),
        ("fleet.eks_clusters.yaml", True),
        ("eks_clusters.json", False),
        ("clusters.yml", False),
        ("missing.eks_clusters.yml", False),
    ],
)
def test_verify_file(tmp_path: pathlib.Path, name: str, valid: bool) -> None:
    path = tmp_path / name
    if not name.startswith("missing"):
        path.write_text("plugin: eksops.irsa.eks_clusters\n")
    assert plugin().verify_file(str(path)) is valid


def test_host_variables() -> None:
    data = populated([cluster("web", version="1.33")])
    assert host_names(data) == ["web"]
    variables = data.hosts["web"].vars
    expected = {
        "cluster_name": "web",
        "region": "eu-west-1",
        "account_id": "111122223333",
        "version": "1.33",
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    assert {name: variables[name] for name in expected} == expected
    assert is_trusted_as_template(variables["ansible_python_interpreter"])


@pytest.mark.parametrize(
    ("tag", "marked_trusted"),
    [
        ("shop: a.b/c=d+e-f@g_h", True),
        ("{{ lookup('ansible.builtin.pipe', 'id') }}", False),
        ("{% raw %}", False),
        ("#jinja2:variable_start_string:'[['", False),
    ],
)
def test_values_from_aws_are_not_evaluated(tag: str, marked_trusted: bool) -> None:
    data = populated([cluster("web", tags={"t": tag})], compose={"team": "cluster_tags.t"})
    variables = data.hosts["web"].vars
    # Texts that cannot be templates are trusted, so that ansible-inventory prints them as plain strings.
    assert is_trusted_as_template(variables["cluster_tags"]["t"]) is marked_trusted
    assert is_trusted_as_template(variables["team"]) is marked_trusted
    assert (variables["cluster_tags"]["t"], variables["team"]) == (tag, tag)


def test_host_names_depend_on_excluded_clusters() -> None:
    clusters = [cluster("web"), cluster("web", "us-east-1", tags={"Team": "shop"}), cluster("api")]
    assert host_names(populated(clusters)) == ["web.eu-west-1", "web.us-east-1", "api"]
    assert host_names(populated(clusters, filters={"tag:Team": "shop"})) == ["web.us-east-1"]


@pytest.mark.parametrize(
    ("hostnames", "expected"),
    [
        ([], "web"),
        (["cluster_name ~ '.' ~ region ~ '.' ~ account_id"], "web.eu-west-1.111122223333"),
        (["cluster_tags.Alias", "region"], "shop"),
        (["cluster_tags.Missing", "region"], "eu-west-1"),
        (["cluster_tags.Empty"], "web"),
        (["issuer"], "web"),
        (["cluster_tags.Missing"], "web"),
    ],
)
def test_hostnames(hostnames: list[str], expected: str) -> None:
    data = populated([cluster("web", tags={"Alias": "shop", "Empty": ""})], hostnames=hostnames)
    assert host_names(data) == [expected]


def test_strict_hostnames_reject_undefined_variables() -> None:
    with pytest.raises(
        AnsibleParserError,
        match=r"could not evaluate hostname .* for cluster arn:aws:eks:eu-west-1:111122223333:cluster/web",
    ):
        populated([cluster("web")], hostnames=["cluster_tags.Missing"], strict=True)


def test_duplicate_host_names_are_rejected() -> None:
    with pytest.raises(InvalidInput, match="several clusters have the host name all"):
        populated([cluster("web"), cluster("api")], hostnames=["'all-of-them'"])


def test_prefix_and_suffix() -> None:
    data = populated(
        [cluster("web")],
        hostvars_prefix="eks_",
        hostvars_suffix="_x",
        hostnames=["eks_region_x"],
        compose={"irsa_region": "eks_region_x"},
        keyed_groups=[{"key": "eks_account_id_x", "prefix": "account"}],
    )
    variables = data.hosts["eu-west-1"].vars
    assert (variables["eks_cluster_name_x"], variables["irsa_region"]) == ("web", "eu-west-1")
    assert "cluster_name" not in variables
    assert "ansible_connection" in variables
    assert host_names(data, "account_111122223333") == ["eu-west-1"]


def test_constructed_variables_and_groups() -> None:
    data = populated(
        [cluster("web", tags={"Team": "shop"}), cluster("api", "us-east-1")],
        compose={"irsa_cluster_name": "cluster_name", "ansible_connection": "'ssh'", "nothing": "no_such_variable"},
        groups={"americas": "region.startswith('us-')"},
        keyed_groups=[{"key": "region", "prefix": "region"}, {"key": "cluster_tags.Team", "separator": ""}],
    )
    assert data.hosts["web"].vars["irsa_cluster_name"] == "web"
    assert data.hosts["web"].vars["ansible_connection"] == "ssh"
    assert "nothing" not in data.hosts["web"].vars
    assert host_names(data, "americas") == host_names(data, "region_us_east_1") == ["api"]
    assert host_names(data, "shop") == ["web"]


@pytest.mark.parametrize(
    "options",
    [
        {"compose": {"a": "no_such_variable"}},
        {"groups": {"a": "no_such_variable"}},
        {"keyed_groups": [{"key": "no_such_variable"}]},
    ],
)
def test_strict_rejects_undefined_variables(options: dict[str, t.Any]) -> None:
    assert host_names(populated([cluster("web")], **options)) == ["web"]
    with pytest.raises(AnsibleError, match="no_such_variable"):
        populated([cluster("web")], **options, strict=True)


def test_templates_in_options_are_evaluated() -> None:
    instance = plugin(
        regions=["{{ 'eu' ~ '-west-1' }}"],
        accounts=[{"name": "{{ 1 + 1 }}", "regions": ["{{ 'us' }}"]}],
        exclude_filters=[{"tag:Team": ["{{ 'shop' }}"]}],
    )
    assert instance.get_option("regions") == ["eu-west-1"]
    assert instance.get_option("exclude_filters") == [{"tag:Team": ["shop"]}]
    assert instance.get_option("accounts")[0]["regions"] == ["us"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("regions", ["us-east-1"]),
        ("accounts", [{"profile": "shop"}]),
        ("filters", {"name": "web"}),
        ("profile", "shop"),
        ("endpoint_url", "https://aws.example.com"),
        ("strict_permissions", False),
    ],
)
def test_cache_key_depends_on_options(option: str, value: t.Any) -> None:
    def key(**options: t.Any) -> str:
        instance = plugin(**options)
        instance._load_name = instance.ansible_name = instance.NAME
        return instance.get_cache_key("fleet.eks_clusters.yml")

    assert key() == key(compose={"a": "region"}, hostvars_prefix="x")
    assert key() != key(**{option: value})


@pytest.mark.parametrize("workers", [0, 65])
def test_invalid_max_workers_is_rejected(workers: int) -> None:
    with pytest.raises(InvalidInput, match=f"max_workers is {workers}"):
        plugin(max_workers=workers)._read([hosts.AwsAccount()], hosts.ClusterFilters.from_options({}))
