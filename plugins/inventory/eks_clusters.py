# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: eks_clusters
short_description: Add EKS clusters to the inventory as hosts
version_added: 0.2.0
author:
  - eksops contributors (@eksops)
description:
  - Adds a host for each Amazon EKS cluster in one or more AWS accounts and regions.
  - Uses a YAML configuration file whose name ends with C(eks_clusters.yml) or C(eks_clusters.yaml).
  - All hosts are in the group C(eks_clusters).
  - The plugin reads accounts, regions and clusters in parallel. It makes one request for each page of cluster names,
    and one for each cluster whose name the filters allow.
  - The caller needs the permissions C(eks:ListClusters) and C(eks:DescribeCluster). Without O(regions) it also needs
    C(ec2:DescribeRegions), and to assume roles C(sts:AssumeRole).
  - Each host has the variables C(cluster_name), C(cluster_tags), C(arn), C(status), C(version), C(endpoint),
    C(certificate_authority) (PEM, base64 encoded), C(issuer), C(region), C(partition) and C(account_id). A variable is
    V(null) if the cluster does not have the value, or does not have it yet.
  - The variable C(account) has the name of the AWS account from O(accounts), or its ID. C(account_profile) and
    C(account_role_arn) have the profile and the role from O(accounts).
  - Neither the variables nor the cache contain credentials.
  - Each host also has C(ansible_connection=local) and C(ansible_python_interpreter={{ ansible_playbook_python }}),
    because tasks manage a cluster with the APIs of AWS and Kubernetes from the controller. Set other values with
    O(compose).
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [eksops.irsa.eks_clusters]
  regions:
    description:
      - The regions to read.
      - If empty, the plugin reads the regions that are enabled in the AWS account. If the caller may not list them, the
        plugin issues a warning and tries all regions that botocore knows. It skips regions that are not enabled.
      - O(region) does not select clusters. It is only used for requests that do not depend on a region. The default is
        V(us-east-1).
    type: list
    elements: str
    default: []
  accounts:
    description:
      - The AWS accounts to read. If empty, the plugin reads the AWS account of its own credentials.
      - An AWS account without O(accounts[].profile) is read with the plugin's own credentials, after the plugin has
        assumed O(assume_role_arn), if set. The item V({}) stands for the AWS account of these credentials.
      - If two items lead to the same AWS account, its clusters appear once, with the values of the first item.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the AWS account, for the variable C(account) and for messages.
        type: str
      profile:
        description: The AWS profile with the credentials.
        type: str
      assume_role_arn:
        description: The ARN of the role to assume with these credentials.
        type: str
      external_id:
        description: The external ID (C(sts:ExternalId)) that the trust policy of the role requires.
        type: str
      regions:
        description: The regions to read in this AWS account, in place of O(regions).
        type: list
        elements: str
  filters:
    description:
      - The conditions that a cluster must meet. It must meet all of them. A condition is met if one of its values
        matches.
      - V(name), V(status) and V(version) match the properties of the cluster, V(tag:KEY) matches the value of its tag
        C(KEY), and V(tag-key) matches the key of any of its tags.
      - Values may contain the wildcards V(*) for any text and V(?) for any character. They are case-sensitive.
      - Without a condition on V(status), only clusters with the status V(ACTIVE) or V(UPDATING) are added.
      - Quote versions. V(1.30) without quotes is the number 1.3, which is rejected.
    type: dict
    default: {}
  include_filters:
    description:
      - More filters in the form of O(filters). A cluster is added if it meets O(filters) or one of these filters.
    type: list
    elements: dict
    default: []
  exclude_filters:
    description:
      - Filters in the form of O(filters). A cluster that meets one of these filters is not added, whatever the other
        filters are.
    type: list
    elements: dict
    default: []
  hostnames:
    description:
      - Jinja2 expressions over the variables of a host. The first expression with a non-empty result is the name of the
        host.
      - By default, and if no expression has a result, a host has the name of its cluster.
      - If several hosts would have the same name, all of them get the region as a suffix, C(NAME.REGION). If the
        regions are equal too, they get the region and the account ID, C(NAME.REGION.ACCOUNT). A name therefore never
        moves from one cluster to another.
      - Clusters that match the filters by name, but not by another condition, also cause a suffix. If you add regions
        or AWS accounts, a host can still get a longer name. Names from
        V(["cluster_name ~ '.' ~ region ~ '.' ~ account_id"]) never change.
    type: list
    elements: str
    default: []
  hostvars_prefix:
    description:
      - A prefix for the names of the variables that come from AWS.
      - O(hostnames), O(compose), O(groups) and O(keyed_groups) use the names with prefix and suffix.
    type: str
  hostvars_suffix:
    description: A suffix for the names of the variables that come from AWS.
    type: str
  strict_permissions:
    description:
      - Whether to fail if AWS denies access to an AWS account, a region or a cluster, because a permission is missing
        or the credentials are rejected. The error names each of them.
      - If V(false), they are omitted from the inventory with a warning. If nothing can be read, the plugin still fails.
      - All other errors always fail.
    type: bool
    default: true
  max_workers:
    description: The number of requests to make in parallel, 1 to 64.
    type: int
    default: 16
requirements:
  - boto3 >= 1.35.0
  - botocore >= 1.35.0
extends_documentation_fragment:
  - inventory_cache
  - constructed
  - amazon.aws.common.plugins
  - amazon.aws.region.plugins
  - amazon.aws.assume_role.plugins
notes:
  - Modules do not assume roles. If O(accounts) has profiles, pass C(account_profile) to the option C(profile) of the
    modules. A profile can assume a role, with C(role_arn) and C(source_profile) in the AWS configuration. Without
    profiles, pass C(account_role_arn) to M(amazon.aws.sts_assume_role).
  - The cache depends on the file and on the options that select clusters, which are O(accounts), O(regions), the
    filters, O(endpoint_url), O(profile), O(assume_role_arn) and O(strict_permissions). It does not depend on the other
    credentials. While it is valid, the plugin does not call AWS, and repeats the warnings about what was omitted.
    O(hostnames), O(compose), O(groups) and O(keyed_groups) are evaluated each time.
  - In AWX, use the source "Sourced from a Project" with a credential for AWS.
seealso:
  - module: eksops.irsa.eks_oidc_info
  - plugin: amazon.aws.aws_ec2
    plugin_type: inventory
"""

EXAMPLES = r"""
# fleet.eks_clusters.yml: all clusters of one account, in all enabled regions. Credentials come from the environment.
plugin: eksops.irsa.eks_clusters

---

# Production clusters in two regions, without sandboxes and version 1.29. Sets variables of the role eksops.irsa.irsa,
# and creates groups by region (region_eu_central_1), version and tag Team.
plugin: eksops.irsa.eks_clusters
regions: [eu-central-1, us-west-2]
filters:
  tag:Environment: production
exclude_filters:
  - name: ["*-sandbox", "tmp-*"]
  - version: "1.29"
compose:
  irsa_cluster_name: cluster_name
  irsa_region: region
keyed_groups:
  - {key: region, prefix: region}
  - {key: version, prefix: version}
  - {key: cluster_tags.Team, prefix: team}

---

# Several accounts, by role, with a cache. Accounts and regions that deny access are omitted with a warning.
plugin: eksops.irsa.eks_clusters
regions: [eu-central-1]
accounts:
  - {name: hub}
  - {name: shop, assume_role_arn: "arn:aws:iam::111122223333:role/inventory", external_id: fleet}
  - {name: bank, assume_role_arn: "arn:aws:iam::444455556666:role/inventory", regions: [us-west-2]}
strict_permissions: false
hostnames: ["account ~ '-' ~ cluster_name"]
keyed_groups:
  - {key: account, separator: ""}
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible-inventory

---

# Several accounts, by profile. The variables from AWS have the prefix eks_.
plugin: eksops.irsa.eks_clusters
regions: [eu-central-1]
accounts:
  - {profile: shop}
  - {profile: bank}
hostvars_prefix: eks_
compose:
  irsa_cluster_name: eks_cluster_name
  irsa_region: eks_region

---

# A play for such an inventory. Each task runs on the controller, once for each cluster, in as many forks as configured.
- name: Read the issuer of every cluster
  hosts: eks_clusters
  gather_facts: false
  tasks:
    - name: Read the issuer
      eksops.irsa.eks_oidc_info:
        cluster_name: "{{ cluster_name }}"
        region: "{{ region }}"
        profile: "{{ account_profile | default(omit, true) }}"
"""

import difflib
import re
import typing as t

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.template import trust_as_template
from ansible_collections.amazon.aws.plugins.plugin_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.plugin_utils.inventory import AWSInventoryBase
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.accounts import AwsAccounts
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import hosts as core
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput, IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._module.clusters import FleetReader

if t.TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader

_GROUP = "eks_clusters"
_CONNECTION = {
    "ansible_connection": "local",
    "ansible_python_interpreter": trust_as_template("{{ ansible_playbook_python }}"),
}
# The characters that AWS allows in a tag. They cannot form a template.
_NO_TEMPLATE = re.compile(r"[\w .:/=+@-]*")


def _plain(value: t.Any) -> t.Any:
    """The value, in which each text that cannot be a template is marked as trusted.

    ansible-inventory prints an untrusted text as ``{"__ansible_unsafe": TEXT}``, and AWX imports it in this form. A
    text that may be a template stays untrusted, so that Ansible never evaluates it.
    """
    if isinstance(value, str):
        return trust_as_template(value) if _NO_TEMPLATE.fullmatch(value) else value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class InventoryModule(AWSInventoryBase):
    """Provides the inventory ``eksops.irsa.eks_clusters``."""

    NAME = "eksops.irsa.eks_clusters"
    INVENTORY_FILE_SUFFIXES = ("eks_clusters.yml", "eks_clusters.yaml")

    class TemplatedOptions(AWSInventoryBase.TemplatedOptions):
        """The options. Templates in the options below are evaluated, including those in nested values."""

        TEMPLATABLE_OPTIONS = (
            *AWSInventoryBase.TemplatedOptions.TEMPLATABLE_OPTIONS,
            "accounts",
            "exclude_filters",
            "include_filters",
        )

        def get(self, *args: t.Any) -> t.Any:
            # amazon.aws calls the templar with an argument that ansible-core has deprecated.
            value = self.original_options.get(*args)
            return self.templar.template(value) if value and args[0] in self.TEMPLATABLE_OPTIONS else value

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Fills the inventory.

        :raises AnsibleParserError: the file is not valid, or AWS could not be read.
        """
        super().parse(inventory, loader, path, cache=cache)
        try:
            filters = core.ClusterFilters.from_options(
                self.get_option("filters"), self.get_option("include_filters"), self.get_option("exclude_filters")
            )
            accounts = core.parse_accounts(self.get_option("accounts"))
            is_cached, fleet = self.get_cached_result(path, cache)
            if not is_cached:
                fleet = self._read(accounts, filters)
                self.update_cached_result(path, cache, fleet)
            self._populate(fleet["clusters"], filters)
        except IrsaError as error:
            # Ansible prints chained exceptions, which may contain the request to AWS.
            raise AnsibleParserError(str(error)) from None
        for warning in fleet["warnings"]:
            self.warn(warning)

    def get_cache_key(self, path: str) -> str:
        """A key for the file and the options that select clusters."""
        options = (
            "accounts",
            "assume_role_arn",
            "endpoint_url",
            "exclude_filters",
            "filters",
            "include_filters",
            "profile",
            "regions",
            "strict_permissions",
        )
        values = {name: self.get_option(name) for name in options}
        return f"{super().get_cache_key(path)}_{core.hash_options(values)}"

    def _read_config_data(self, path: str) -> t.Any:
        config = super()._read_config_data(path)
        # Ansible ignores an unknown option, and a file without filters selects every cluster.
        known = set(self.option_definitions)
        for definition in self.option_definitions.values():
            known.update(definition.get("aliases") or ())
        for name in sorted(map(str, set(config) - known)):
            fix = f"ansible-doc -t inventory {self.NAME} lists the options"
            if matches := difflib.get_close_matches(name, known, n=1):
                fix = f"did you mean {matches[0]}?"
            raise AnsibleParserError(str(InvalidInput(f"{path} has an unknown option {name!r}", fix=fix)))
        return config

    def _set_frozen_credentials(self) -> None:
        """Does nothing. Each account has its own credentials, and a cached result needs none."""

    def _read(self, accounts: t.Sequence[core.AwsAccount], filters: core.ClusterFilters) -> dict[str, t.Any]:
        workers = self.get_option("max_workers")
        if not 1 <= workers <= 64:
            raise InvalidInput(f"max_workers is {workers}", fix="use a number from 1 to 64")
        region, endpoint, connection = get_aws_connection_info(self)
        reader = FleetReader(
            AwsAccounts(
                region=region,
                endpoint=endpoint,
                connection=connection,
                assume_role_arn=self.get_option("assume_role_arn"),
                regions=self.get_option("regions"),
                connections=workers,
            ),
            may_match=filters.may_match,
            strict=self.get_option("strict_permissions"),
            workers=workers,
        )
        fleet = reader.read(accounts)
        return {"clusters": fleet.clusters, "warnings": fleet.warnings}

    def _populate(self, clusters: t.Sequence[dict[str, t.Any]], filters: core.ClusterFilters) -> None:
        prefix, suffix = self.get_option("hostvars_prefix"), self.get_option("hostvars_suffix")
        hosts = [core.rename_variables(cluster, prefix, suffix) for cluster in clusters]
        names = core.assign_host_names(
            [
                core.ProposedName(
                    self._propose_name(cluster, variables),
                    cluster["region"],
                    cluster["account_id"],
                    cluster["cluster_name"],
                )
                for cluster, variables in zip(clusters, hosts, strict=True)
            ]
        )
        group = self.inventory.add_group(_GROUP)
        for name, cluster, variables in zip(names, clusters, hosts, strict=True):
            if filters.matches(cluster):
                self._add(name, group, variables)

    def _propose_name(self, cluster: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> str:
        """The name of the host, unless another host has the same name."""
        for expression in self.get_option("hostnames"):
            try:
                name = self._compose(expression, variables)
            except AnsibleError as error:
                if self.get_option("strict"):
                    raise AnsibleParserError(
                        f"could not evaluate hostname {expression!r} for cluster {cluster['arn']}: {error}"
                    ) from error
                continue
            if name:
                return str(name)
        return str(cluster["cluster_name"])

    def _add(self, name: str, group: str, variables: dict[str, t.Any]) -> None:
        self.inventory.add_host(name, group=group)
        for variable, value in {**_CONNECTION, **variables}.items():
            self.inventory.set_variable(name, variable, _plain(value))
        strict, compose = self.get_option("strict"), self.get_option("compose")
        self._set_composite_vars(compose, variables, name, strict=strict)
        composed = self.inventory.get_host(name).vars
        for variable in set(compose) & set(composed):
            self.inventory.set_variable(name, variable, _plain(composed[variable]))
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
