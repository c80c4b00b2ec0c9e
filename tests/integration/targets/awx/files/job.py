"""Runs one job as AWX does, by ansible-runner, and prints what came of it: job.py JOB

JOB is a JSON file:

- id, directory (the job's own, with the project in "project" of it), playbook, inventory (as ansible-inventory lists
  it) and limit;
- aws ({username, password, security_token}) and kubernetes ({host, bearer_token, ssl_ca_cert}), what the credentials of
  the types "Amazon Web Services" and "OpenShift or Kubernetes API Bearer Token" hold, null where the job has none;
- survey (its answers) and extra_vars (the template's own, and what nodes of a workflow before it handed on);
- environment (what the execution environment has besides) and collections (where the project's requirements are
  installed);
- cancel ({url, operation, count}, or null): the job is cancelled once the sandbox's AWS has had so many of these calls
  of IAM;
- secrets (texts that no event may have).

Printed: status and rc, as AWX shows them; artifacts (what set_stats handed on); failed (the messages of failed tasks);
changed (how many tasks did so); largest ({bytes, event, task} of the event that takes most); leaks (names of events
that have a secret).
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
# What may look like a bearer token, an assumed role's session or a service account's token, whosever it is.
SECRET = re.compile(r"k8s-aws-v1\.|FQoGZXIvYXdz|eyJ[A-Za-z0-9_-]{8}")
# The execution environment's own.
KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")


class Unsafe(str):
    """A text that is not to be taken for a template."""


yaml.SafeDumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def aws(inputs: Json) -> dict[str, str]:
    """What the credential type "Amazon Web Services" puts into the environment, the token under two names.

    Controllers before AWX 21.11 know the older name alone; ``older`` among the inputs says so.
    """
    environment = {"AWS_ACCESS_KEY_ID": inputs["username"], "AWS_SECRET_ACCESS_KEY": inputs["password"]}
    if token := inputs.get("security_token"):
        names = ["AWS_SECURITY_TOKEN"] if inputs.get("older") else ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"]
        environment |= dict.fromkeys(names, token)
    return environment


def kubernetes(inputs: Json, directory: pathlib.Path) -> dict[str, str]:
    """What "OpenShift or Kubernetes API Bearer Token" puts there."""
    environment = {"K8S_AUTH_HOST": inputs["host"], "K8S_AUTH_API_KEY": inputs["bearer_token"]}
    if not inputs.get("ssl_ca_cert"):
        return environment | {"K8S_AUTH_VERIFY_SSL": "False"}
    handle, path = tempfile.mkstemp(dir=directory / "env")
    with os.fdopen(handle, "w") as file:
        file.write(inputs["ssl_ca_cert"])
    return environment | {"K8S_AUTH_VERIFY_SSL": "True", "K8S_AUTH_SSL_CA_CERT": path}


def write_variables(job: Json, directory: pathlib.Path) -> None:
    """What was answered is marked, so that nobody can slip in a template; what the template itself says is not."""
    answers = {name: Unsafe(value) if isinstance(value, str) else value for name, value in job["survey"].items()}
    known = {f"{name}_{key}": value for name in ("awx", "tower") for key, value in about(job).items()}
    text = yaml.dump(job["extra_vars"] | answers | known, Dumper=yaml.SafeDumper)
    (directory / "env" / "extravars").write_text(text, encoding="utf-8")


def about(job: Json) -> Json:
    """What AWX tells each job of itself."""
    return {"job_id": job["id"], "job_launch_type": "manual", "job_template_name": job["playbook"]}


def write_inventory(job: Json, directory: pathlib.Path) -> pathlib.Path:
    path = directory / "inventory" / "hosts"
    path.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(job['inventory'])!r})\n", encoding="utf-8")
    path.chmod(0o700)
    return path


def cancelling(wanted: Json | None) -> c.Callable[[], bool]:
    """The question whether the job is to be cancelled, which ansible-runner asks again and again."""

    def is_time() -> bool:
        if wanted is None:
            return False
        with urllib.request.urlopen(wanted["url"]) as answer:
            return json.load(answer).get("iam", {}).get(wanted["operation"], 0) >= wanted["count"]

    return is_time


def end(directory: pathlib.Path) -> None:
    """A job's container ends with the job, and all that runs in it; here what is left has the job's directory in its
    environment."""
    mark = f"AWX_PRIVATE_DATA_DIR={directory}".encode()
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes().split(b"\0"):
                os.kill(int(path.name), signal.SIGKILL)
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue


def look(run: ansible_runner.Runner, secrets: list[str]) -> Json:
    told: Json = {"status": run.status, "rc": run.rc, "artifacts": {}, "failed": [], "changed": 0, "leaks": []}
    largest: Json = {"bytes": 0}
    for path in pathlib.Path(run.config.artifact_dir, "job_events").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        event = json.loads(text)
        data = event.get("event_data") or {}
        result = data.get("res") or {}
        if len(text) > largest["bytes"]:
            largest = {"bytes": len(text), "event": event["event"], "task": data.get("task")}
        if SECRET.search(text) or any(secret in text for secret in secrets):
            told["leaks"].append(f"{event['event']} {data.get('task')}")
        if event["event"] == "runner_on_failed" and not data.get("ignore_errors"):
            told["failed"].append(result.get("msg"))
        if event["event"] == "runner_on_ok" and result.get("changed"):
            told["changed"] += 1
        if event["event"] == "playbook_on_stats":
            told["artifacts"] = data["artifact_data"]
    return {**told, "largest": largest}


def main(path: str) -> None:
    job = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    directory = pathlib.Path(job["directory"])
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
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
        **(aws(job["aws"]) if job["aws"] else {}),
        **(kubernetes(job["kubernetes"], directory) if job["kubernetes"] else {}),
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
        cancel_callback=cancelling(job.get("cancel")),
    )
    if job.get("cancel"):
        end(directory)
    json.dump(look(run, job["secrets"]), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
