"""Proves the permissions that the documentation gives, on a running sandbox, and writes down what each line is for.

The identity is an IAM user with exactly the file's policy, whom the cluster knows as a group with exactly the file's
ClusterRole. With these every case of scenarios.py and aws_cases.py passes, asks for nothing else, and changes nothing
when it is run again. Then each line of the files is taken away by itself: something has to fail, and to name what it
lacks.

With --run a command is run instead, as that identity: its credentials are in the command's environment.

Needs tests and the collection on PYTHONPATH. Why a program of its own: AWS and Kubernetes simulate a policy one call at
a time; which line a task needs, and how its failure reads, only a run without the line shows.

Usage: python -m permissions SANDBOX_DIRECTORY [--write] [--kubernetes-only]
       python -m permissions SANDBOX_DIRECTORY --run read-only|full -- COMMAND...
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import time

from permissions import documents, modules, scenarios, table
from permissions.proof import Proof
from permissions.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="permissions", description="Proves the permissions of the documentation.")
    parser.add_argument("directory", type=pathlib.Path, help="the state directory of a running sandbox")
    parser.add_argument("--write", action="store_true", help="write the tables instead of comparing them")
    parser.add_argument("--kubernetes-only", action="store_true", help="leave out AWS")
    parser.add_argument("--run", choices=documents.USES, help="run what comes after -- with these permissions")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    command = sys.argv[end + 1 :]
    options = parser.parse_args(sys.argv[1:end])
    modules.load({case.module for case in scenarios.all_cases()} - {"inventory"} | {"eksops.irsa.eks_kubeconfig_info"})
    world = World(options.directory)
    world.build()
    try:
        if options.run:
            Proof(world, options.run).allow()
            return subprocess.run(command, env={**os.environ, **world.environment}, check=False).returncode
        scenarios.build(world)
        problems = [problem for use in documents.USES for problem in prove(world, use, options)]
    finally:
        world.clear()
    for problem in problems:
        print(f"FAILED {problem}")
    return bool(problems)


def prove(world: World, use: str, options: argparse.Namespace) -> list[str]:
    """Goes through the files of one use, and tells what is wrong with them."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {use}: {text}", flush=True)

    proof = Proof(world, use, aws=not options.kubernetes_only)
    proof.allow()
    proof.suffices()
    proof.asks_for_no_more()
    say("every case has passed")
    tables: dict[str, str] = {}
    if not options.kubernetes_only:
        if use == "full":
            tables["refused-full"] = table.of_refusals(proof.refuses())
        lost = proof.losses_of_policy()
        say(f"{len(lost)} of {len(proof.policy_lines)} lines of the policy are needed")
        tables[f"iam-{use}"] = table.of_losses(lost)
    lost = proof.losses_of_rules()
    say(f"{len(lost)} of {len(proof.rule_lines)} lines of the ClusterRole are needed")
    tables[f"clusterrole-{use}"] = table.of_losses(lost)
    stale = [problem for name, text in tables.items() for problem in table.settle(name, text, write=options.write)]
    return [*proof.problems, *stale]


if __name__ == "__main__":
    sys.exit(main())
