"""Run one job with ansible-runner, as AWX does, and print its result: run_job.py JOB

JOB is a JSON file:

- id, directory (the job's own, with the project in its folder "project"), playbook, inventory (in the format of
  ansible-inventory --list) and limit;
- aws ({username, password, security_token}) and kubernetes ({host, bearer_token, ssl_ca_cert}): the inputs of the
  credential types "Amazon Web Services" and "OpenShift or Kubernetes API Bearer Token"; null if the job has no such
  credential;
- survey (the answers) and extra_vars (from the template and from previous nodes of the workflow);
- environment (other variables of the execution environment) and collections (where the project's requirements are
  installed);
- cancel ({url, operation, count}, or null): cancel the job after this number of calls of this IAM operation;
- secrets (texts that must not occur in events).

The output is a JSON object: status and rc, as AWX shows them; artifacts (published with set_stats); failure_messages
(of failed tasks); changed_tasks (their number); largest_event ({bytes, event, task}); events_with_secrets (their
names).
"""

from __future__ import annotations

import collections.abc as c
import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import typing as t
import urllib.request

import ansible_runner
import yaml

Json = dict[str, t.Any]
# Matches any bearer token, assumed role's session or service account token.
SECRET = re.compile(r"k8s-aws-v1\.|FQoGZXIvYXdz|eyJ[A-Za-z0-9_-]{8}")
# Variables that an execution environment has too.
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")


class UnsafeText(str):
    """A text that Ansible must not evaluate as a template."""


yaml.SafeDumper.add_representer(UnsafeText, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def make_aws_environment(inputs: Json) -> dict[str, str]:
    """Make the environment variables that the credential type "Amazon Web Services" sets.

    Controllers before AWX 21.11 set only the older variable for the token; ``older`` in the inputs selects that.
    """
    environment = {"AWS_ACCESS_KEY_ID": inputs["username"], "AWS_SECRET_ACCESS_KEY": inputs["password"]}
    if token := inputs.get("security_token"):
        names = ["AWS_SECURITY_TOKEN"] if inputs.get("older") else ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"]
        environment |= dict.fromkeys(names, token)
    return environment


def make_kubernetes_environment(inputs: Json, directory: pathlib.Path) -> dict[str, str]:
    """Make the environment variables that "OpenShift or Kubernetes API Bearer Token" sets."""
    environment = {"K8S_AUTH_HOST": inputs["host"], "K8S_AUTH_API_KEY": inputs["bearer_token"]}
    if not inputs.get("ssl_ca_cert"):
        return environment | {"K8S_AUTH_VERIFY_SSL": "False"}
    handle, path = tempfile.mkstemp(dir=directory / "env")
    with os.fdopen(handle, "w") as file:
        file.write(inputs["ssl_ca_cert"])
    return environment | {"K8S_AUTH_VERIFY_SSL": "True", "K8S_AUTH_SSL_CA_CERT": path}


def write_variables(job: Json, directory: pathlib.Path) -> None:
    """Write the extra variables. Like AWX, mark survey answers as unsafe, but not the template's own variables."""
    answers = {name: UnsafeText(value) if isinstance(value, str) else value for name, value in job["survey"].items()}
    known = {f"{name}_{key}": value for name in ("awx", "tower") for key, value in make_job_variables(job).items()}
    text = yaml.dump(job["extra_vars"] | answers | known, Dumper=yaml.SafeDumper)
    (directory / "env" / "extravars").write_text(text, encoding="utf-8")


def make_job_variables(job: Json) -> Json:
    """Make the variables that AWX passes to each job, without their prefixes."""
    return {"job_id": job["id"], "job_launch_type": "manual", "job_template_name": job["playbook"]}


def write_inventory(job: Json, directory: pathlib.Path) -> pathlib.Path:
    path = directory / "inventory" / "hosts"
    path.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(job['inventory'])!r})\n", encoding="utf-8")
    path.chmod(0o700)
    return path


def make_cancel_callback(cancel: Json | None) -> c.Callable[[], bool]:
    """Make the function that ansible-runner polls to know whether to cancel the job."""

    def must_cancel() -> bool:
        if cancel is None:
            return False
        with urllib.request.urlopen(cancel["url"]) as response:
            return json.load(response).get("iam", {}).get(cancel["operation"], 0) >= cancel["count"]

    return must_cancel


def kill_processes(directory: pathlib.Path) -> None:
    """Kill the job's remaining processes, as the end of its container does.

    They have the job's directory in their environment.
    """
    variable = f"AWX_PRIVATE_DATA_DIR={directory}".encode()
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if variable in (path / "environ").read_bytes().split(b"\0"):
                os.kill(int(path.name), signal.SIGKILL)
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue


def summarize(run: ansible_runner.Runner, secrets: list[str]) -> Json:
    """Summarize a run from its events."""
    summary: Json = {
        "status": run.status,
        "rc": run.rc,
        "artifacts": {},
        "failure_messages": [],
        "changed_tasks": 0,
        "events_with_secrets": [],
    }
    largest: Json = {"bytes": 0}
    for path in pathlib.Path(run.config.artifact_dir, "job_events").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        event = json.loads(text)
        data = event.get("event_data") or {}
        result = data.get("res") or {}
        if len(text) > largest["bytes"]:
            largest = {"bytes": len(text), "event": event["event"], "task": data.get("task")}
        if SECRET.search(text) or any(secret in text for secret in secrets):
            summary["events_with_secrets"].append(f"{event['event']} {data.get('task')}")
        if event["event"] == "runner_on_failed" and not data.get("ignore_errors"):
            summary["failure_messages"].append(result.get("msg"))
        if event["event"] == "runner_on_ok" and result.get("changed"):
            summary["changed_tasks"] += 1
        if event["event"] == "playbook_on_stats":
            summary["artifacts"] = data["artifact_data"]
    return {**summary, "largest_event": largest}


def main(path: str) -> None:
    job = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    directory = pathlib.Path(job["directory"])
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    for name in ("env", "inventory"):
        (directory / name).mkdir(exist_ok=True)
    environment = {
        **job["environment"],
        "AWX_PRIVATE_DATA_DIR": str(directory),
        "ANSIBLE_COLLECTIONS_PATH": job["collections"],
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "JOB_ID": str(job["id"]),
        "MAX_EVENT_RES": "700000",
        **(make_aws_environment(job["aws"]) if job["aws"] else {}),
        **(make_kubernetes_environment(job["kubernetes"], directory) if job["kubernetes"] else {}),
    }
    write_variables(job, directory)
    (directory / "env" / "settings").write_text(json.dumps({"suppress_ansible_output": True}), encoding="utf-8")
    run = ansible_runner.interface.run(
        ident=job["id"],
        private_data_dir=str(directory),
        playbook=job["playbook"],
        inventory=str(write_inventory(job, directory)),
        cmdline="-u root" + (f" -l {job['limit']}" if job.get("limit") else ""),
        suppress_env_files=True,
        envvars=environment,
        cancel_callback=make_cancel_callback(job.get("cancel")),
    )
    if job.get("cancel"):
        kill_processes(directory)
    json.dump(summarize(run, job["secrets"]), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
