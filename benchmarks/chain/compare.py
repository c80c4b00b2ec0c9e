"""Time the role and the same chain of single tasks alternately, and the role for one and for ten service accounts."""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import sys
import tempfile
import typing as t

import boto3
import measure
import waiting
from daemonset import NAMESPACE, start_daemonset
from measure import Row, Run

HERE = pathlib.Path(__file__).parent
ROLE, SINGLE_TASKS = "bench-role", "bench-single-tasks"
TEN = [f"bench-ten-{number}" for number in range(10)]
MAX_MODULE_RUNS = 2


def main() -> None:
    options = measure.parse_options(__doc__, rounds=5, small_rounds=2, size=1, small_size=1)
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        compare(options, workdir)
    if not options.small:
        measure.report_text(waiting.measure_delays(options.rounds))


def compare(options: argparse.Namespace, workdir: pathlib.Path) -> None:
    for name in (ROLE, *TEN):
        reset(name)
    run_role(workdir, [ROLE, *TEN], changes=True)
    contenders = {
        "all new": lambda: run_role(workdir, [ROLE], changes=True),
        "no changes": lambda: run_role(workdir, [ROLE], changes=False),
        # Their provider is the one that the role has created again.
        "ten": lambda: run_role(workdir, TEN, changes=False),
        "chain all new": lambda: run_chain(workdir, changes=True),
        "chain no changes": lambda: run_chain(workdir, changes=False),
    }
    prepare = {"all new": lambda: reset(ROLE), "chain all new": lambda: reset(SINGLE_TASKS)}
    runs = measure.alternate(options, contenders, prepare)
    counts = [count_tasks(run_role(workdir, names, "-vvv", changes=False).output) for names in ([ROLE], TEN)]
    ours, chain = "role irsa", "chain of single tasks"
    measure.report(
        Row("role, all new", ours, chain, runs["all new"], runs["chain all new"], 0.35),
        Row("role, no changes", ours, chain, runs["no changes"], runs["chain no changes"], 0.25),
        Row("role, ten service accounts", ours, "the same for one", runs["ten"], runs["no changes"], 1.3),
    )
    (one_tasks, one_runs), (ten_tasks, ten_runs) = counts
    measure.report_text(
        f"The role without changes: {one_tasks} tasks and {one_runs} module runs for one service account, "
        f"{ten_tasks} and {ten_runs} for ten (at most {MAX_MODULE_RUNS} module runs)."
    )
    if one_tasks != ten_tasks or max(one_runs, ten_runs) > MAX_MODULE_RUNS or not one_runs:
        sys.exit(f"the number of tasks or module runs is too high: {counts}")


def run_role(workdir: pathlib.Path, names: t.Sequence[str], *options: str, changes: bool) -> Run:
    bindings = [
        {
            "namespace": NAMESPACE,
            "service_account": name,
            "role_name": name,
            "managed_policies": ["AmazonEKS_CNI_Policy"],
        }
        for name in names
    ]
    return check_changes(measure.run_playbook(HERE / "role.yml", {"bindings": bindings}, workdir, *options), changes)


def run_chain(workdir: pathlib.Path, *, changes: bool) -> Run:
    variables = {
        "workload_namespace": NAMESPACE,
        "service_account": SINGLE_TASKS,
        "daemonset": SINGLE_TASKS,
        "iam_role": SINGLE_TASKS,
        "aws_cli": os.environ["AWS_CLI"],
        "workdir": str(workdir),
    }
    return check_changes(measure.run_playbook(HERE / "single_tasks.yml", variables, workdir), changes)


def check_changes(run: Run, changes: bool) -> Run:
    """Exit if a playbook has changed something and must not, or the other way round."""
    if any(count != "0" for count in re.findall(r"changed=(\d+)", run.output)) != changes:
        sys.exit(f"the playbook must {'change something' if changes else 'not change anything'}\n{run.output[-3000:]}")
    return run


def count_tasks(output: str) -> tuple[int, int]:
    """Count the tasks and the module runs of a playbook.

    :param output: of ``ansible-playbook -vvv``.
    """
    return len(re.findall(r"^TASK \[", output, re.M)), output.count("Using module file ")


def reset(name: str) -> None:
    """Delete all OIDC providers and the role of that name, and start a DaemonSet whose pods have no role."""
    iam = boto3.client("iam")
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    try:
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
            profile_name = profile["InstanceProfileName"]
            iam.remove_role_from_instance_profile(RoleName=name, InstanceProfileName=profile_name)
            iam.delete_instance_profile(InstanceProfileName=profile_name)
        iam.delete_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        pass
    start_daemonset(name)


if __name__ == "__main__":
    main()
