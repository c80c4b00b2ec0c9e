"""Print the variables of the integration targets as JSON, which is valid YAML.

ansible-test clears the environment of the targets and passes the variables in
tests/integration/integration_config.yml to each. tests/integration/README.md describes them.

Needs tests on PYTHONPATH.

Usage: python integration_config.py SANDBOX_DIRECTORY
       python integration_config.py --environment
"""

from __future__ import annotations

import collections.abc
import json
import os
import pathlib
import sys
import typing as t

from sandbox import settings

# Names of variables of the targets, and of the usual environment variables for them.
ENVIRONMENT = {
    "aws_endpoint_url": "AWS_ENDPOINT_URL",
    "aws_access_key": "AWS_ACCESS_KEY_ID",
    "aws_secret_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
    "kubeconfig": "K8S_AUTH_KUBECONFIG",
}
PREFIX = "IRSA_SANDBOX_"


def from_environment(environment: collections.abc.Mapping[str, str]) -> dict[str, str]:
    """Read the variables from an environment: those of `ENVIRONMENT`, and ``IRSA_SANDBOX_ANY_NAME`` as ``any_name``."""
    values = {name: environment[variable] for name, variable in ENVIRONMENT.items() if environment.get(variable)}
    extra = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    values.update(extra)
    if "cluster" in extra:
        values["cluster_name"] = values.pop("cluster")
    return values


def from_sandbox(directory: pathlib.Path) -> dict[str, t.Any]:
    """Read the variables of a running sandbox: those below and all that it exports."""
    state = settings.StateDirectory(directory)
    cluster = state.cluster()
    return from_environment(state.env()) | {
        "account_id": cluster["account_id"],
        "ca_file": str(state.pki / "ca.crt"),
        "cluster_name": cluster["name"],
        "creating_cluster": settings.CREATING_CLUSTER,
        "dir": str(directory),
        "endpoint": cluster["endpoint"],
        "further_clusters": {further.cluster()["name"]: _further(further) for further in state.further_clusters()},
        "issuer": cluster["issuer"],
        "kubeconfig": str(state.kubeconfig),
        "no_issuer_cluster": settings.NO_ISSUER_CLUSTER,
        "other_cluster": settings.OTHER_CLUSTER,
        "partition": cluster["partition"],
        "region": cluster["region"],
    }


def _further(state: settings.StateDirectory) -> dict[str, str]:
    return {
        "account_id": state.cluster()["account_id"],
        "cluster_file": str(state.cluster_file),
        "issuer": state.cluster()["issuer"],
        "kubeconfig": str(state.kubeconfig),
    }


def main(source: str) -> None:
    is_given = source == "--environment"
    values = from_environment(os.environ) if is_given else from_sandbox(pathlib.Path(source).resolve())
    variables: dict[str, t.Any] = {f"sandbox_{name}": value for name, value in sorted(values.items())}
    variables["sandbox_quick_targets"] = os.environ.get("QUICK_TARGETS", "").split()
    if interpreter := os.environ.get("MODULE_PYTHON"):
        # A variable of the play, which overrides that of ansible-test's inventory.
        variables["ansible_python_interpreter"] = interpreter
    json.dump(variables, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
