"""Time irsa_audit and the baseline alternately, then irsa_audit for four times as many service accounts."""

from __future__ import annotations

import concurrent.futures
import functools
import json
import pathlib
import sys
import tempfile
import typing as t

import measure
import plain_clients
from measure import Row

HERE = pathlib.Path(__file__).parent
STALE_INTERVAL = 20  # one of so many pods is stale


def main() -> None:
    options = measure.parse_options(__doc__, rounds=3, small_rounds=5, size=5000, small_size=500)
    small, large = options.size, options.size * 4
    measure.reset(measure.NAMESPACES)
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        reports = {name: str(workdir / f"audit.{name}") for name in ("html", "json", "junit", "markdown", "sarif")}
        audit_options = {"cluster_name": measure.CLUSTER, "fail_on": "never"}
        audit = functools.partial(measure.run_module, "irsa_audit", audit_options, workdir)
        contenders = {
            "audit": audit,
            "baseline": functools.partial(measure.run_process, [sys.executable, str(HERE / "baseline.py")]),
            "reports": functools.partial(
                measure.run_module, "irsa_audit", {**audit_options, "reports": reports}, workdir
            ),
        }
        create_objects(0, small, workdir)
        runs = measure.alternate(options, contenders)
        create_objects(small, large, workdir)
        large_runs = measure.alternate(options, {name: contenders[name] for name in ("audit", "baseline")})
        sizes = {name: pathlib.Path(path).stat().st_size / 2**20 for name, path in reports.items()}
    name, large_name = f"irsa_audit, {small:,} service accounts", f"irsa_audit, {large:,} service accounts"
    script = "script with the same reads"
    measure.report(
        Row(name, "irsa_audit", script, runs["audit"], runs["baseline"], 1.2),
        Row(f"{name}, five reports", "irsa_audit", "the same without reports", runs["reports"], runs["audit"]),
        # The simulated AWS takes longer for each role if there are more, so that both grow.
        Row(large_name, "irsa_audit", script, large_runs["audit"], large_runs["baseline"], 1.2),
        Row(
            f"{large_name}, peak memory",
            "irsa_audit",
            f"the same for {small:,}",
            large_runs["audit"],
            runs["audit"],
            400,
            "megabytes",
        ),
    )
    result = runs["audit"][0].result
    counts = result["counts"]
    measure.report_text(
        f"{name}: {counts['roles']['total']} roles, {counts['pods']['total']} pods, "
        f"{sum(counts['findings'].values())} findings; "
        f"{len(runs['audit'][0].output) / 1024:.0f} KB of result; reports: "
        + ", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items())
        + f"; requests: {json.dumps(result['calls'])}."
    )


def create_objects(start: int, end: int, workdir: pathlib.Path) -> None:
    """Create service accounts from number ``start`` to ``end``, each with a role and a pod; some pods are stale."""
    bindings = measure.create_bindings(start, end)
    measure.run_module("irsa_bindings", {"cluster_name": measure.CLUSTER, "bindings": bindings}, workdir)
    _iam, _cluster, server = plain_clients.connect()

    def create_pod(number: int) -> None:
        account, namespace = f"app-{number}", measure.NAMESPACES[number % len(measure.NAMESPACES)]
        container: dict[str, t.Any] = {"name": "app", "image": "busybox"}
        if number % STALE_INTERVAL == 0:
            container["env"] = [{"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::123456789012:role/mine"}]
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": account},
            # A node that does not exist, so that the pod does not start.
            "spec": {"serviceAccountName": account, "nodeName": "elsewhere", "containers": [container]},
        }
        server.send("POST", f"/api/v1/namespaces/{namespace}/pods", body)

    with concurrent.futures.ThreadPoolExecutor(plain_clients.WORKERS) as pool:
        list(pool.map(create_pod, range(start, end)))


if __name__ == "__main__":
    main()
