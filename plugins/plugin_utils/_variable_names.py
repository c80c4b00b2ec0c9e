# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validates the names of the variables of the role `irsa` and of the playbooks. `_variables` validates their values."""

from __future__ import annotations

import re
import typing as t

from ..module_utils._core import wording
from ._variables import ROLE, ROLLOUT, suggest

_COLLECTION = "eksops.irsa"
PREFIX = "irsa_"
INTERNAL_PREFIX = "_irsa_"
# The variables that only playbooks read, and not the role.
PLAYBOOKS = {
    name: ("irsa_hosts", *names.split())
    for name, names in {
        "associate": "",
        "audit": "irsa_assume_role_arn irsa_dry_run_pod irsa_env_from irsa_external_id irsa_findings_shown irsa_ignore "
        "irsa_namespaces irsa_profile irsa_report_dir irsa_report_formats irsa_report_mode irsa_role_accounts "
        "irsa_unused_days",
        "fleet": "irsa_assume_role_arn irsa_external_id irsa_max_fail_percentage irsa_profile irsa_report "
        "irsa_report_mode irsa_serial",
        "import": "irsa_assume_role_arn irsa_external_id irsa_import_path irsa_namespaces irsa_profile",
        "remove": "",
        "verify": "irsa_report irsa_report_mode",
    }.items()
}
# What the role and the playbooks set.
_RESULTS = (
    "irsa_audit irsa_audit_cluster irsa_audited irsa_bound irsa_fleet irsa_fleet_cluster irsa_imported irsa_result "
    "irsa_verified"
)
# What a slice of a job publishes, with the number of its job.
_OF_SLICE = re.compile(r"irsa_(audit|bound|fleet)_\d+")
# Variables for another AWS account or profile that only some playbooks read, and what to do for the others.
_SESSION = {
    "irsa_profile": "set the environment variable AWS_PROFILE",
    "irsa_assume_role_arn": "assume the role before, or use eksops.irsa.fleet",
    "irsa_external_id": "assume the role before, or use eksops.irsa.fleet",
}
INPUTS = tuple(dict.fromkeys((*ROLE, *(name for names in PLAYBOOKS.values() for name in names))))
KNOWN = frozenset([*INPUTS, *_RESULTS.split()])
_EXAMPLES = {
    "irsa_cluster_name": "set it to the name of the EKS cluster, for example with -e irsa_cluster_name=production",
    "irsa_bindings": "set it to a list of service accounts and their roles, for example with -e @bindings.yml",
    "irsa_import_path": "set it to the file to write, for example with -e irsa_import_path=bindings.yml",
}


def check_names(names: t.Iterable[str]) -> list[str]:
    """Find unknown variables.

    :param names: all variables; those without the prefix ``irsa_`` are not checked.
    :returns: a message for each, with the name that was probably intended.
    """
    unknown = sorted(
        name for name in names if name.startswith(PREFIX) and name not in KNOWN and not _OF_SLICE.fullmatch(name)
    )
    return [f"{name} is not a variable of eksops.irsa{_suggest_variable(name)}" for name in unknown]


def _suggest_variable(name: str) -> str:
    option = name.removeprefix(PREFIX)
    if option in ROLLOUT:
        return f"; did you mean irsa_rollout.{option}?"
    # Without the prefix, which would make all names similar.
    near = suggest(option, [name.removeprefix(PREFIX) for name in INPUTS])
    return near.replace("did you mean ", f"did you mean {PREFIX}")


def check_reserved(names: t.Iterable[str]) -> list[str]:
    """Find internal variables of the role and the playbooks among extra variables, which override them.

    :param names: the extra variables.
    """
    reserved = sorted(name for name in names if name.startswith(INTERNAL_PREFIX))
    return [f"{name} is an internal variable of eksops.irsa; remove it from the extra variables" for name in reserved]


def check_session(values: t.Mapping[str, t.Any]) -> list[str]:
    """Find variables of the credentials, which would have no effect on a task that does not read them.

    :param values: the variables that are set.
    """
    return [
        f"{name} is read only by {_describe_playbooks(name)}; {fix}"
        for name, fix in _SESSION.items()
        if values.get(name)
    ]


def find_ignored(names: t.Iterable[str], playbooks: t.Sequence[str]) -> list[str]:
    """Find variables that only other playbooks read, except those that `check_session` rejects.

    :param names: the extra variables. Those of an inventory are also for other runs.
    :param playbooks: what ansible-playbook runs, as its arguments name it.
    :returns: a warning for each; none if not all playbooks are known, because others may read them.
    """
    running = [name.removeprefix(f"{_COLLECTION}.") for name in playbooks if name.startswith(f"{_COLLECTION}.")]
    if not running or len(running) < len(playbooks):
        return []
    read = {name for playbook in running for name in PLAYBOOKS.get(playbook, INPUTS)}
    return [
        f"{name} has no effect in {_describe(running)}; it is read by {_describe_playbooks(name)}"
        for name in sorted(set(names) & (set(INPUTS) - ROLE.keys() - _SESSION.keys() - read))
    ]


def _describe_playbooks(variable: str) -> str:
    return _describe([playbook for playbook, names in PLAYBOOKS.items() if variable in names])


def _describe(playbooks: t.Sequence[str]) -> str:
    return f"the playbook{'' if len(playbooks) == 1 else 's'} {wording.join(playbooks)}"


def check_required(names: t.Iterable[str], values: t.Mapping[str, t.Any]) -> list[str]:
    """Find required variables that are not set.

    :param values: the variables that are set.
    """
    return [f"{name} is not set; {_EXAMPLES[name]}" for name in names if values.get(name) in (None, "")]
