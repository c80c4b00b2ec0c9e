"""Test the permissions in the documentation on a running sandbox, and write the tables of the permissions guide.

The caller is an IAM user with exactly the documented policy; the cluster maps it to a group with exactly the documented
ClusterRole. With them, every case of scenarios.py and aws_cases.py must pass, must use no other permission, and must
change nothing when it runs again. Then each line of the files is removed in turn: a case must fail and name the missing
permission.

With --run, a command runs with these permissions instead: it gets the user's credentials in its environment.

Needs tests and the collection on PYTHONPATH. Why not the policy simulators of AWS and Kubernetes: they evaluate single
calls. Only a run without the line shows which line a task needs, and how its error reads.

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

from faults import modules
from permissions import documents, scenarios, table
from permissions.check import PermissionsCheck
from permissions.testbed import Testbed


def main() -> int:
    parser = argparse.ArgumentParser(prog="permissions", description="Test the permissions in the documentation.")
    parser.add_argument("directory", type=pathlib.Path, help="the state directory of a running sandbox")
    parser.add_argument("--write", action="store_true", help="write the tables instead of comparing them")
    parser.add_argument("--kubernetes-only", action="store_true", help="skip AWS")
    parser.add_argument("--run", choices=documents.USES, help="run the command after -- with these permissions")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    command = sys.argv[end + 1 :]
    options = parser.parse_args(sys.argv[1:end])
    modules.load({case.module for case in scenarios.all_cases()} - {"inventory"} | {"eksops.irsa.eks_kubeconfig_info"})
    testbed = Testbed(options.directory)
    testbed.set_up()
    try:
        if options.run:
            PermissionsCheck(testbed, options.run).grant()
            return subprocess.run(command, env={**os.environ, **testbed.environment}, check=False).returncode
        scenarios.create_objects(testbed)
        problems = [problem for use in documents.USES for problem in check(testbed, use, options)]
    finally:
        testbed.tear_down()
    for problem in problems:
        print(f"FAILED {problem}")
    return bool(problems)


def check(testbed: Testbed, use: str, options: argparse.Namespace) -> list[str]:
    """Check the files of one use.

    :returns: the problems.
    """
    start = time.monotonic()

    def print_progress(text: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {use}: {text}", flush=True)

    permissions = PermissionsCheck(testbed, use, aws=not options.kubernetes_only)
    permissions.grant()
    permissions.check_sufficient()
    permissions.check_all_used()
    print_progress("all cases passed")
    tables: dict[str, str] = {}
    if not options.kubernetes_only:
        if use == "full":
            tables["refused-full"] = table.render_denied_attempts(permissions.run_denied_attempts())
        effects = permissions.remove_policy_lines()
        print_progress(f"{len(effects)} of {len(permissions.policy_lines)} lines of the policy are needed")
        tables[f"iam-{use}"] = table.render_effects(effects)
    effects = permissions.remove_rule_lines()
    print_progress(f"{len(effects)} of {len(permissions.rule_lines)} lines of the ClusterRole are needed")
    tables[f"clusterrole-{use}"] = table.render_effects(effects)
    stale = [problem for name, text in tables.items() for problem in table.update(name, text, write=options.write)]
    return [*permissions.problems, *stale]


if __name__ == "__main__":
    sys.exit(main())
