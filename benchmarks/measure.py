"""Run processes, and report what they needed as rows of one table. All benchmarks share it."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time
import typing as t
import urllib.request

import kubernetes

CLUSTER = os.environ.get("IRSA_SANDBOX_CLUSTER", "")


class Run(t.NamedTuple):
    """One run of a process: wall seconds, CPU seconds with its children, peak memory, and what it printed."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    output: str = ""

    @property
    def result(self) -> dict[str, t.Any]:
        """The result that a module printed."""
        return json.loads(self.output)


class Row(t.NamedTuple):
    """A row of the table, with the runs of ours and of what it is compared with, paired by round.

    :param figure: what the limit is for: "ratio" of the seconds, their "difference", how many "times" as long the
        baseline takes, or the "megabytes" of ours.
    """

    name: str
    ours: str
    baseline: str
    our_runs: t.Sequence[Run]
    baseline_runs: t.Sequence[Run]
    limit: float | None = None
    figure: str = "ratio"


def parse_options(
    description: str | None, *, rounds: int, small_rounds: int, size: int, small_size: int
) -> argparse.Namespace:
    """Parse the options that all benchmarks have.

    :returns: small, rounds and size. With ``--small`` there are the small number of rounds and the small size.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--small", action="store_true", help="for the check: smaller sizes, and no round that is not counted"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--size", type=int)
    options = parser.parse_args()
    options.rounds = options.rounds or (small_rounds if options.small else rounds)
    options.size = options.size or (small_size if options.small else size)
    kubernetes.config.load_kube_config()
    return options


def alternate(
    options: argparse.Namespace,
    contenders: t.Mapping[str, t.Callable[[], Run]],
    prepare: t.Mapping[str, t.Callable[[], None]] | None = None,
) -> dict[str, list[Run]]:
    """Run each contender once in each round, in their order.

    A first round fills caches and is not counted, except with ``--small``: then the best round counts.

    :param prepare: what to call before each run of a contender, by its name.
    :returns: the runs of each contender, by its name.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(1 if options.small else 0, options.rounds + 1):
        for name, run in contenders.items():
            if prepare and name in prepare:
                prepare[name]()
            one_run = run()
            if number:
                runs[name].append(one_run)
        print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
    return runs


def run_module(name: str, options: t.Mapping[str, t.Any], workdir: pathlib.Path) -> Run:
    """Run a module of the collection in its own process, without Ansible."""
    arguments = workdir / f"{name}.arguments"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    command = [sys.executable, "-m", f"ansible_collections.eksops.irsa.plugins.modules.{name}", str(arguments)]
    return run_process(command, {"PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]})


def run_playbook(
    path: pathlib.Path,
    variables: t.Mapping[str, t.Any],
    workdir: pathlib.Path,
    *options: str,
    environment: t.Mapping[str, str] | None = None,
) -> Run:
    variables_file = workdir / f"{path.stem}.vars.json"
    variables_file.write_text(json.dumps({"cluster_name": CLUSTER, **variables}))
    command = ["ansible-playbook", str(path), "-e", f"@{variables_file}", *options]
    return run_process(command, {"ANSIBLE_NOCOLOR": "true", **(environment or {})})


def run_process(command: t.Sequence[str], environment: t.Mapping[str, str] | None = None) -> Run:
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        redirect = [(os.POSIX_SPAWN_DUP2, stdout.fileno(), 1), (os.POSIX_SPAWN_DUP2, stderr.fileno(), 2)]
        child = os.posix_spawnp(command[0], list(command), {**os.environ, **(environment or {})}, file_actions=redirect)
        _pid, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - start
        stdout.seek(0)
        stderr.seek(0)
        output = stdout.read().decode()
        if status:
            code = os.waitstatus_to_exitcode(status)
            sys.exit(f"{command[:3]}: exit {code}\n{output[-3000:]}\n{stderr.read().decode()[-3000:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def report(*rows: Row) -> None:
    """Add rows to the table."""
    for row in rows:
        kept: dict[str, t.Any] = {
            name: [run._replace(output="") for run in getattr(row, name)] for name in ("our_runs", "baseline_runs")
        }
        _write({"benchmark": pathlib.Path(sys.argv[0]).parent.name, **row._replace(**kept)._asdict()})


def report_text(text: str) -> None:
    """Add a paragraph after the table."""
    _write({"text": text})


def _write(line: t.Mapping[str, t.Any]) -> None:
    with open(os.environ["BENCH_ROWS"], "a") as file:
        print(json.dumps(line), file=file)


def reset(namespaces: t.Sequence[str]) -> None:
    """Empty the AWS account, raise its quota of roles, and delete the namespaces from the cluster."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    for path, body in (("reset", {}), ("quotas", {"RolesQuota": 100000})):
        request = urllib.request.Request(  # noqa: S310
            f"{endpoint}/sandbox-api/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request).read()  # noqa: S310
    core = kubernetes.client.CoreV1Api()
    for name in namespaces:
        try:
            core.delete_namespace(name)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
    while any(namespace.metadata.name in namespaces for namespace in core.list_namespace().items):
        time.sleep(0.1)


def create_bindings(start: int, end: int) -> list[dict[str, t.Any]]:
    """Create bindings with a role each, in twenty namespaces.

    :param start: the number of the first one.
    :param end: the number after the last one.
    """
    return [
        {
            "namespace": NAMESPACES[number % len(NAMESPACES)],
            "create_namespace": True,
            "service_account": f"app-{number}",
            "role_name": f"bench-app-{number}",
            "managed_policies": ["AmazonS3ReadOnlyAccess"],
            "tags": {"team": f"team-{number % 7}"},
        }
        for number in range(start, end)
    ]


NAMESPACES = [f"bench-{number}" for number in range(20)]
