# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: eks_clusters
short_description: EKS clusters as hosts, over accounts and regions
version_added: 0.2.0
author:
  - eksops contributors (@eksops)
description:
  - Makes a host of each Amazon EKS cluster, so that a play can go over a fleet of them.
  - Uses a YAML file whose name ends with C(eks_clusters.yml) or C(eks_clusters.yaml).
  - All hosts are in the group C(eks_clusters).
  - Regions, accounts and clusters are read several at a time. AWS is asked once for each page of names and once for
    each cluster whose name can be wanted.
  - The caller needs the permissions C(eks:ListClusters) and C(eks:DescribeCluster), C(ec2:DescribeRegions) if no
    regions are named, and C(sts:AssumeRole) if roles are.
  - A host has the variables C(cluster_name), C(cluster_tags), C(arn), C(status), C(version), C(endpoint),
    C(certificate_authority) (PEM in base64), C(issuer), C(region), C(partition) and C(account_id). What a cluster
    doesn't have, or not yet, is V(null).
  - It also has C(account), the name that O(accounts) gives the account or else its id, and C(account_profile) and
    C(account_role_arn), how O(accounts) says to get in.
  - No variable and nothing in the cache is a credential.
  - A host also gets C(ansible_connection=local) and C(ansible_python_interpreter={{ ansible_playbook_python }}), since
    a cluster is managed through the APIs of AWS and Kubernetes, from where Ansible runs. O(compose) can set others.
options:
  plugin:
    description: Marks the file as one for this plugin.
    type: str
    required: true
    choices: [eksops.irsa.eks_clusters]
  regions:
    description:
      - The regions to read.
      - If empty, those that the account has enabled. Where it may not be asked for them, all that botocore knows are
        tried, with a warning, and those that are not enabled are passed over.
      - O(region) is only where AWS is asked what concerns no region, V(us-east-1) by default.
    type: list
    elements: str
    default: []
  accounts:
    description:
      - The AWS accounts to read. If empty, the account of the plugin's own credentials.
      - An account without O(accounts[].profile) is entered with the plugin's own credentials, after
        O(assume_role_arn) if that is set. V({}) is the account of those credentials itself.
      - Two ways into the same account show its clusters once, as those of the first.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What to call the account, in C(account) and in messages.
        type: str
      profile:
        description: The AWS profile that gives the credentials.
        type: str
      assume_role_arn:
        description: The role to assume with those credentials.
        type: str
      external_id:
        description: What the role's trust policy asks for as C(sts:ExternalId).
        type: str
      regions:
        description: The account's own O(regions).
        type: list
        elements: str
  filters:
    description:
      - Conditions that all have to be met. A condition is met if one of its values is.
      - V(name), V(status) and V(version) are properties of the cluster, V(tag:KEY) is the value of its tag C(KEY) and
        V(tag-key) the key of any tag.
      - Values may contain V(*) for any characters and V(?) for one. Case counts.
      - Without a condition on V(status), clusters are wanted that are V(ACTIVE) or V(UPDATING).
      - Put versions into quotes. V(1.30) without them is the number 1.3, and refused.
    type: dict
    default: {}
  include_filters:
    description:
      - More O(filters). A cluster is wanted if it meets one of them, or O(filters).
    type: list
    elements: dict
    default: []
  exclude_filters:
    description:
      - Clusters that meet one of these filters are not wanted, whatever the others say.
    type: list
    elements: dict
    default: []
  hostnames:
    description:
      - Jinja2 expressions over the host's variables. The first that gives a text names the host.
      - By default, and where none does, a host has the name of its cluster.
      - "Hosts that would have the same name all get the region behind it, C(NAME.REGION), or the region and the id of
        the account where regions don't tell them apart, C(NAME.REGION.ACCOUNT). So a name never passes from one cluster
        to another."
      - That holds for all clusters of a name that is wanted, those included that O(filters) and the like leave out for
        another reason. Further regions and accounts can still give a cluster a namesake, and with it a longer name.
        V(["cluster_name ~ '.' ~ region ~ '.' ~ account_id"]) depends on nothing.
    type: list
    elements: str
    default: []
  hostvars_prefix:
    description:
      - What the names of the variables that come from AWS begin with.
      - O(hostnames), O(compose), O(groups) and O(keyed_groups) use the names with prefix and suffix.
    type: str
  hostvars_suffix:
    description: What the names of the variables that come from AWS end with.
    type: str
  strict_permissions:
    description:
      - By default it is an error if AWS refuses an account, a region or a cluster, for want of permissions or of
        credentials that it accepts. The message names each of them.
      - If V(false), they are left out of the inventory, each with a warning. It is still an error if nothing is left.
      - An answer that fails to come for another reason is always an error.
    type: bool
    default: true
  max_workers:
    description: How many requests are under way at the same time, 1 to 64.
    type: int
    default: 16
extends_documentation_fragment:
  - inventory_cache
  - constructed
  - amazon.aws.boto3
  - amazon.aws.common.plugins
  - amazon.aws.region.plugins
  - amazon.aws.assume_role.plugins
notes:
  - Modules don't assume roles by themselves. Where O(accounts) name profiles, C(account_profile) is what their option
    C(profile) takes, and a profile can assume a role (C(role_arn) and C(source_profile) in the AWS configuration).
    Otherwise M(amazon.aws.sts_assume_role) takes C(account_role_arn).
  - The cache belongs to the file and to what it asks for (accounts, regions, filters, O(endpoint_url), O(profile),
    O(assume_role_arn) and O(strict_permissions)), not to the other credentials. What was left out when it was filled is
    warned of each time. While it is valid, AWS is not called. O(hostnames), O(compose), O(groups) and O(keyed_groups)
    are evaluated anew.
  - In AWX, it is the source "Sourced from a Project", with a credential for AWS.
seealso:
  - module: eksops.irsa.eks_oidc_info
  - plugin: amazon.aws.aws_ec2
    plugin_type: inventory
"""

EXAMPLES = r"""
# fleet.eks_clusters.yml: the clusters in all enabled regions of the account whose credentials are in the environment.
plugin: eksops.irsa.eks_clusters

---

# Production in two regions, but neither sandboxes nor the old version, with the variables of the role eksops.irsa.irsa
# and a group for each region (region_eu_central_1), version and value of the tag Team.
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

# Several accounts by role, kept for an hour. An account or region that refuses is left out with a warning.
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

# Several accounts by profile. The names of all variables begin with eks_.
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

# A play over such hosts: each task runs here, once for each cluster, as many at a time as there are forks.
- name: Read the issuer of every cluster
  hosts: eks_clusters
  gather_facts: false
  tasks:
    - name: Read it
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
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import inventory as core
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
# The characters that AWS allows in a tag. They can't form a template.
_NO_TEMPLATE = re.compile(r"[\w .:/=+@-]*")


def _plain(value: t.Any) -> t.Any:
    """The value with its texts marked as trusted where they can't be templates, to be printed plain.

    ansible-inventory prints an untrusted text as ``{"__ansible_unsafe": TEXT}``, and AWX imports that. A text that may
    be a template stays untrusted, so that it is never evaluated.
    """
    if isinstance(value, str):
        return trust_as_template(value) if _NO_TEMPLATE.fullmatch(value) else value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class InventoryModule(AWSInventoryBase):
    """The inventory ``eksops.irsa.eks_clusters``."""

    NAME = "eksops.irsa.eks_clusters"
    INVENTORY_FILE_SUFFIXES = ("eks_clusters.yml", "eks_clusters.yaml")

    class TemplatedOptions(AWSInventoryBase.TemplatedOptions):
        """The options, with the templates of those below evaluated, however deep inside."""

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

        :raises AnsibleParserError: the file is not valid, or AWS can't be read.
        """
        super().parse(inventory, loader, path, cache=cache)
        try:
            filters = core.ClusterFilters.from_options(
                self.get_option("filters"), self.get_option("include_filters"), self.get_option("exclude_filters")
            )
            accounts = core.parse_accounts(self.get_option("accounts"))
            cached, found = self.get_cached_result(path, cache)
            if not cached:
                found = self._read(accounts, filters)
                self.update_cached_result(path, cache, found)
            self._populate(found["clusters"], filters)
        except IrsaError as error:
            # Its chained exceptions may repeat what was sent to AWS, and Ansible prints them.
            raise AnsibleParserError(str(error)) from None
        for warning in found["warnings"]:
            self.warn(warning)

    def get_cache_key(self, path: str) -> str:
        """A key for the file and its options, so that other options don't get a cached answer."""
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
        asked = {name: self.get_option(name) for name in options}
        return f"{super().get_cache_key(path)}_{core.fingerprint(asked)}"

    def _read_config_data(self, path: str) -> t.Any:
        config = super()._read_config_data(path)
        # Ansible ignores an unknown option, and a file without filters selects every cluster.
        known = set(self.option_definitions)
        for definition in self.option_definitions.values():
            known.update(definition.get("aliases") or ())
        for name in sorted(map(str, set(config) - known)):
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]}?" if near else f"ansible-doc -t inventory {self.NAME} lists the options"
            raise AnsibleParserError(str(InvalidInput(f"{path} has an unknown option {name!r}", fix=fix)))
        return config

    def _set_frozen_credentials(self) -> None:
        """Does nothing: each account has its own credentials, and a cached answer needs none."""

    def _read(self, accounts: t.Sequence[core.AwsAccount], filters: core.ClusterFilters) -> dict[str, t.Any]:
        workers = self.get_option("max_workers")
        if not 1 <= workers <= 64:
            raise InvalidInput(f"max_workers is {workers}", fix="give a number from 1 to 64")
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
        reading = reader.read(accounts)
        return {"clusters": reading.clusters, "warnings": reading.warnings}

    def _populate(self, clusters: t.Sequence[dict[str, t.Any]], filters: core.ClusterFilters) -> None:
        prefix, suffix = self.get_option("hostvars_prefix"), self.get_option("hostvars_suffix")
        hosts = [core.rename_variables(cluster, prefix, suffix) for cluster in clusters]
        names = core.host_names(
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
            if filters.match(cluster):
                self._add(name, group, variables)

    def _propose_name(self, cluster: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> str:
        """The name of the host if no other host has it."""
        for expression in self.get_option("hostnames"):
            try:
                name = self._compose(expression, variables)
            except AnsibleError as error:
                if self.get_option("strict"):
                    raise AnsibleParserError(f"Could not name {cluster['arn']} by {expression!r}: {error}") from error
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
