"""Time each module from the end of the task before it to its first request, in turn with amazon.aws.aws_caller_info.

Each module runs twice in a playbook: Ansible packs it, or imports it, for the first task only. A server on loopback
records the times of the requests, and answers 403. The modules run in a fork of Ansible's process, and in a process of
their own, which Ansible starts if ansible_python_interpreter has another path.
"""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time
import typing as t

import measure
from measure import Row, Run
from stages import report_stages

HERE = pathlib.Path(__file__).parent
LIMIT = 0.15  # seconds more than aws_caller_info
REFERENCE = "amazon.aws.aws_caller_info"
ACCOUNT = {"namespace": "shop", "service_account": "cart"}
BINDING = {**ACCOUNT, "role_name": "shop-cart"}
CLUSTER: dict[str, t.Any] = {"cluster_name": "production"}
# The least arguments with which each module makes a request. "@host" is replaced.
MODULES: dict[str, dict[str, t.Any]] = {
    "eks_kubeconfig_info": CLUSTER,
    "eks_oidc_info": CLUSTER,
    "iam_oidc_provider": CLUSTER,
    "irsa_audit": CLUSTER,
    "irsa_bindings": {**CLUSTER, "bindings": [BINDING]},
    "irsa_bindings_info": {
        "host": "@host",
        "api_key": "token",
        "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC",
    },
    "irsa_rbac": {
        "host": "@host",
        "api_key": "token",
        "bindings": [{**ACCOUNT, "rbac": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}}],
    },
    "irsa_role": {"name": "shop-cart", **CLUSTER, "service_accounts": [{"namespace": "shop", "name": "cart"}]},
    "irsa_verify": {**CLUSTER, **ACCOUNT},
    "pod_rollout": {"host": "@host", "api_key": "token", **ACCOUNT},
    "sa_annotate": {
        "host": "@host",
        "api_key": "token",
        "namespace": "shop",
        "name": "cart",
        "role_arn": "arn:aws:iam::123456789012:role/shop-cart",
    },
}


class Recorder(http.server.BaseHTTPRequestHandler):
    """Records the time of each request, and refuses it."""

    protocol_version = "HTTP/1.1"
    times: t.ClassVar[list[float]] = []

    def do_GET(self) -> None:
        self.times.append(time.time())
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/api"):
            body = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}'
        else:
            body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>refused</Message></Error></ErrorResponse>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-ErrorType", "AccessDeniedException")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_GET

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


class Playbooks:
    """Runs playbooks against the server that refuses all requests.

    :ivar ways: the interpreter with which a module of ours runs in a fork, and in a process of its own.
    """

    def __init__(self, workdir: pathlib.Path, host: str) -> None:
        self.workdir = workdir
        self.host = host
        wrapper = workdir / "python"
        wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        wrapper.chmod(0o755)
        self.ways = {"process": str(wrapper), "fork": sys.executable}

    def run(self, names: t.Sequence[str], way: str) -> Run:
        """Run modules one after the other."""
        tasks = [
            {"name": f"{name} {number}", name: self.arguments(name.removeprefix("eksops.irsa.")), "ignore_errors": True}
            for number, name in enumerate(names)
        ]
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        playbook = self.workdir / "startup.yml"
        playbook.write_text(json.dumps([{**play, "vars": {"ansible_python_interpreter": self.ways[way]}}]))
        (self.workdir / "times").unlink(missing_ok=True)
        return measure.run_playbook(playbook, {}, self.workdir, environment=self.environment)

    def arguments(self, name: str) -> dict[str, t.Any]:
        arguments = MODULES.get(name, {})
        return {key: self.host if value == "@host" else value for key, value in arguments.items()}

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.host,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "TASK_TIMES": str(self.workdir / "times"),
        }

    def time_first_requests(self, way: str) -> dict[tuple[str, int], float]:
        """Run all modules and aws_caller_info, twice each.

        :returns: the seconds from the end of the task before to the first request, by the name of the module and 0 for
            its first task or 1 for its second.
        """
        names = [REFERENCE, *(f"eksops.irsa.{name}" for name in MODULES)]
        doubled = [name for name in names for _use in range(2)]
        # The first one is not counted: no task ends before it.
        output = self.run([REFERENCE.replace("aws_caller_info", "aws_region_info"), *doubled], way).output
        ends = []
        for line in (self.workdir / "times").read_text().splitlines():
            when, event, _name = json.loads(line)
            if event == "end":
                ends.append(when)
        seconds: dict[tuple[str, int], float] = {}
        for number, (name, start) in enumerate(zip(doubled, ends, strict=False)):
            first = next((when for when in sorted(Recorder.times) if when > start), None)
            if first is None or first > ends[number + 1]:
                sys.exit(f"{name} made no request: {output}")
            seconds[name.rpartition(".")[2], number % 2] = first - start
        return seconds


def main() -> None:
    options = measure.parse_options(__doc__, rounds=5, small_rounds=2, size=1, small_size=1)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as directory:
        playbooks = Playbooks(pathlib.Path(directory), f"http://127.0.0.1:{server.server_port}")
        if options.small:
            compare_sums(options, playbooks)
        else:
            compare(options.rounds, playbooks)


def compare_sums(options: t.Any, playbooks: Playbooks) -> None:
    """Compare a playbook with all modules and one with as many tasks of aws_caller_info."""
    ours, reference = [f"eksops.irsa.{name}" for name in MODULES], [REFERENCE] * len(MODULES)
    contenders = {way: (lambda way=way: playbooks.run(ours, way)) for way in playbooks.ways}
    runs = measure.alternate(options, {**contenders, "reference": lambda: playbooks.run(reference, "process")})
    for way in playbooks.ways:
        measure.report(Row(f"start-up of all modules, {way}", "all", "aws_caller_info", runs[way], runs["reference"]))


def compare(rounds: int, playbooks: Playbooks) -> None:
    seconds: dict[tuple[str, str, int], list[float]] = {}
    for number in range(rounds + 1):
        for way in playbooks.ways:
            for (name, use), value in playbooks.time_first_requests(way).items():
                if number:
                    seconds.setdefault((name, way, use), []).append(value)
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
    more = {
        (name, way, use): [
            ours - other for ours, other in zip(values, seconds["aws_caller_info", way, use], strict=True)
        ]
        for (name, way, use), values in seconds.items()
    }
    for way in playbooks.ways:
        slowest = max(MODULES, key=lambda name: statistics.median(more[name, way, 0]))
        ours, reference = (
            [Run(value, 0, 0) for value in seconds[name, way, 0]] for name in (slowest, "aws_caller_info")
        )
        title = f"start-up, {'own process' if way == 'process' else way}"
        measure.report(Row(title, f"slowest: {slowest}", "aws_caller_info", ours, reference, LIMIT, "difference"))
    lines = [
        "Seconds from the end of the task before to the first request, and how much more than aws_caller_info in the "
        "same run, medians:\n",
        "| module | own process, first task | second task | fork, first task | second task |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in ("aws_caller_info", *MODULES):
        cells = [
            f"{statistics.median(seconds[name, way, use]):.2f} ({statistics.median(more[name, way, use]):+.2f})"
            for way in playbooks.ways
            for use in (0, 1)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    measure.report_text("\n".join(lines))
    totals = {
        (way, use): statistics.median(seconds["irsa_bindings", way, use]) for way in playbooks.ways for use in (0, 1)
    }
    os.environ["AWS_ENDPOINT_URL"] = playbooks.host
    measure.report_text(
        report_stages(rounds, playbooks.workdir, playbooks.arguments("irsa_bindings"), Recorder.times, totals)
    )


if __name__ == "__main__":
    main()
