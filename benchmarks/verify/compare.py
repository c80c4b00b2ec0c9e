"""Time irsa_verify alternately for one and for many service accounts."""

from __future__ import annotations

import functools
import json
import pathlib
import sys
import tempfile
import typing as t

import measure
from measure import Row, Run


def main() -> None:
    options = measure.parse_options(__doc__, rounds=5, small_rounds=5, size=100, small_size=20)
    measure.reset(measure.NAMESPACES)
    bindings = measure.create_bindings(0, options.size)
    accounts = [{key: binding[key] for key in ("namespace", "service_account")} for binding in bindings]
    with tempfile.TemporaryDirectory() as directory:
        workdir = pathlib.Path(directory)
        measure.run_module("irsa_bindings", {"cluster_name": measure.CLUSTER, "bindings": bindings}, workdir)
        contenders = {
            "one": functools.partial(verify, accounts[:1], workdir),
            "all": functools.partial(verify, accounts, workdir),
        }
        runs = measure.alternate(options, contenders)
    name = f"irsa_verify, {options.size} service accounts"
    measure.report(Row(name, "irsa_verify, all probes", "the same for one account", runs["all"], runs["one"], 3.0))
    measure.report_text(f"Requests of {name}: {json.dumps(runs['all'][0].result['calls'])}.")


def verify(accounts: t.Sequence[t.Mapping[str, str]], workdir: pathlib.Path) -> Run:
    run = measure.run_module("irsa_verify", {"cluster_name": measure.CLUSTER, "service_accounts": accounts}, workdir)
    if not run.result["ok"]:
        sys.exit(f"the service accounts are not ok: {run.result}")
    return run


if __name__ == "__main__":
    main()
