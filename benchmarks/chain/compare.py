"""Time the role and the same chain of single tasks alternately, and print the ratio of their wall times."""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from xml.etree import ElementTree

import boto3
import kubernetes
from daemonset import CLUSTER, NAMESPACE, start_daemonset

HERE = pathlib.Path(__file__).parent


class Contender(t.NamedTuple):
    """A playbook, and the name of its service account, role and DaemonSet."""

    label: str
    playbook: str

    @property
    def name(self) -> str:
        return "bench-" + self.playbook.removesuffix(".yml").replace("_", "-")


ROLE = Contender("role", "role.yml")
SINGLE_TASKS = Contender("single tasks", "single_tasks.yml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aws-cli", required=True)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    options = parser.parse_args()
    kubernetes.config.load_kube_config()
    seconds: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    tasks: dict[str, list[float]] = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as workdir:
        for number in range(options.rounds + 1):
            for contender in (ROLE, SINGLE_TASKS):
                reset(contender)
                first, _durations = time_playbook(contender, options.aws_cli, workdir, changes=True)
                second, durations = time_playbook(contender, options.aws_cli, workdir, changes=False)
                if number == 0:
                    continue  # fills caches and is not counted
                seconds[contender.label, "all new"].append(first)
                seconds[contender.label, "no changes"].append(second)
                if contender is ROLE:
                    for task, duration in durations.items():
                        tasks[task].append(duration)
            print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
    print_report(seconds, tasks, options.rounds)


def reset(contender: Contender) -> None:
    """Remove what a run created, and start a DaemonSet whose pods have no role."""
    iam = boto3.client("iam")
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    try:
        for policy in iam.list_attached_role_policies(RoleName=contender.name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=contender.name, PolicyArn=policy["PolicyArn"])
        for profile in iam.list_instance_profiles_for_role(RoleName=contender.name)["InstanceProfiles"]:
            name = profile["InstanceProfileName"]
            iam.remove_role_from_instance_profile(RoleName=contender.name, InstanceProfileName=name)
            iam.delete_instance_profile(InstanceProfileName=name)
        iam.delete_role(RoleName=contender.name)
    except iam.exceptions.NoSuchEntityException:
        pass
    start_daemonset(contender.name)


def time_playbook(contender: Contender, aws_cli: str, workdir: str, *, changes: bool) -> tuple[float, dict[str, float]]:
    """Run the playbook once; exit if it changes something and must not, or the other way round.

    :returns: the wall seconds of the run, and those of its tasks by name.
    """
    with tempfile.TemporaryDirectory() as junit:
        variables = {
            "cluster_name": CLUSTER["name"],
            "workload_namespace": NAMESPACE,
            "service_account": contender.name,
            "daemonset": contender.name,
            "iam_role": contender.name,
            "aws_cli": aws_cli,
            "workdir": workdir,
        }
        environment = os.environ | {
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
            "JUNIT_OUTPUT_DIR": junit,
            "JUNIT_HIDE_TASK_ARGUMENTS": "true",
            "ANSIBLE_NOCOLOR": "true",
        }
        command = ["ansible-playbook", str(HERE / contender.playbook), "-e", json.dumps(variables)]
        start = time.perf_counter()
        completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - start
        changed = sum(map(int, re.findall(r"changed=(\d+)", completed.stdout)))
        if completed.returncode or bool(changed) != changes:
            sys.exit(
                f"{contender.playbook}: exit {completed.returncode}, changed={changed}\n"
                f"{completed.stdout}\n{completed.stderr}"
            )
        durations: dict[str, float] = {}
        for case in ElementTree.parse(next(pathlib.Path(junit).glob("*.xml"))).iter("testcase"):  # noqa: S314
            # The name of a test case is "[host] play: role : task".
            durations[case.get("name", "").split(": ", 1)[-1].split(" : ")[-1]] = float(case.get("time", 0))
        return wall, durations


def print_report(seconds: dict[tuple[str, str], list[float]], tasks: dict[str, list[float]], rounds: int) -> None:
    print(f"{rounds} rounds, wall seconds, median (min - max)\n")
    print(f"| | {ROLE.label} | {SINGLE_TASKS.label} | ratio |\n| --- | --- | --- | --- |")
    for situation in ("all new", "no changes"):
        ours, theirs = seconds[ROLE.label, situation], seconds[SINGLE_TASKS.label, situation]
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        print(f"| {situation} | {spread(ours)} | {spread(theirs)} | {spread(ratios)} |")
    print("\nTime of the role's tasks without changes, median seconds:\n\n| task | seconds |\n| --- | --- |")
    medians = {task: statistics.median(durations) for task, durations in tasks.items()}
    for task, median in medians.items():
        print(f"| {task} | {median:.2f} |")
    total = statistics.median(seconds[ROLE.label, "no changes"])
    print(f"| ansible-playbook itself: start, parsing, between tasks, end | {total - sum(medians.values()):.2f} |")


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} - {max(seconds):.2f})"


if __name__ == "__main__":
    main()
