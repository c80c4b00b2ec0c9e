# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies that controllers and drivers need, as data: a module for each, with nothing but its ``POLICY``.

They are read where Ansible runs and never sent to where modules run, so how many there are costs a task nothing.

A statement is as IAM has it, but for these:

- ``${partition}``, ``${account_id}``, ``${region}``, ``${cluster_name}`` and ``${dns_suffix}`` stand for what is known
  of the role and its cluster, ``${parameter}`` for a parameter;
- a text with a parameter that is a list stands for one text for each of its values, a condition whose key has a
  parameter that is a mapping for one condition for each of its keys;
- a statement whose Resource has a parameter that isn't given is left out, and so is a condition whose key or values
  have one: it narrows further what is narrow without it;
- ``given`` names parameters, one or a list, with which alone there is the statement, ``unless`` those without which.
"""

from __future__ import annotations

import typing as t


class _Described(t.TypedDict):
    kind: str
    description: str


class Parameter(_Described, total=False):
    """A parameter of a policy: one of the kinds in `well_known_policies.KINDS`, optional unless ``required``.

    A default may have placeholders for what is known of the role and its cluster.
    """

    required: bool
    default: t.Any


class _Policy(t.TypedDict):
    title: str
    source: str
    version: str
    parameters: dict[str, Parameter]
    statements: list[dict[str, t.Any]]


class Policy(_Policy, total=False):
    """A policy before its placeholders are filled in.

    ``version`` is of what ``source`` documents. ``one_of`` names parameters of which one is needed at least.
    """

    one_of: list[str]


NAMES = (
    "amazon_managed_prometheus",
    "app_mesh_controller",
    "app_mesh_envoy",
    "cert_manager",
    "cloudwatch_observability",
    "cluster_autoscaler",
    "ebs_csi",
    "efs_csi",
    "external_dns",
    "external_secrets",
    "fsx_lustre_csi",
    "fsx_openzfs_csi",
    "gateway_api_controller",
    "image_builder",
    "karpenter",
    "load_balancer_controller",
    "load_balancer_controller_target_group_binding",
    "mountpoint_s3_csi",
    "node_termination_handler",
    "private_ca_issuer",
    "velero",
    "vpc_cni_ipv4",
    "vpc_cni_ipv6",
)
