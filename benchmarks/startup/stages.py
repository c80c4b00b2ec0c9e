"""Show where the time goes between the start of irsa_bindings and its first request."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import typing as t

MODULE = "irsa_bindings"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def report_stages(
    rounds: int,
    workdir: pathlib.Path,
    arguments: t.Mapping[str, t.Any],
    requests: t.Sequence[float],
    totals: t.Mapping[tuple[str, int], float],
) -> str:
    """Measure each stage alone.

    :param requests: the times of the requests, to which the server appends.
    :param totals: the seconds of a task in a playbook until the first request, by "process" or "fork", and 0 for the
        first task or 1 for the second.
    :returns: a Markdown table.
    """
    archive = workdir / "module.zip"
    packing = json.loads(_run("pack", str(archive), str(rounds)))
    stages: dict[tuple[str, str], list[float]] = {}
    for way in ("process", "fork"):
        for _round in range(rounds):
            start, count = time.time(), len(requests)
            output = _run(way, str(archive), json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
            times = json.loads(output.splitlines()[0])
            main_start, first = times["main"], requests[count]
            clients = sum(min(end, first) - begin for begin, end in times["clients"] if begin < first)
            values = {
                "start": times["start"] - start,
                "imports": times["imported"] - times["start"],
                "clients": clients,
                "rest": first - main_start - clients,
            }
            for name, value in values.items():
                stages.setdefault((way, name), []).append(value)
    median = {key: statistics.median(values) for key, values in stages.items()}
    names = {"start": "starting Python", "imports": "imports", "clients": "creating clients", "rest": "the rest"}
    rows: list[tuple[t.Any, ...]] = [
        ("packing by Ansible", packing["first"], packing["cached"], 0.0, 0.0),
        *(
            (
                label,
                *[median["process", name]] * 2,
                # A fork has started and imported before. The first task of each module pays for its imports.
                0.0 if name == "start" else median["fork", name],
                0.0 if name in ("start", "imports") else median["fork", name],
            )
            for name, label in names.items()
        ),
    ]
    columns = [totals[way, use] for way in ("process", "fork") for use in (0, 1)]
    sums = [sum(row[column + 1] for row in rows) for column in range(4)]
    rows.append(
        ("Ansible: task, worker, connection", *(total - part for total, part in zip(columns, sums, strict=True)))
    )
    rows.append(("together, as in a playbook", *columns))
    lines = [
        f"Where the time until the first request of {MODULE} goes, median seconds. The stages were measured alone:\n",
        "| | own process, first task | second task | fork, first task | second task |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {row[0]} | {' | '.join(f'{value:.2f}' if value else '' for value in row[1:])} |" for row in rows),
    ]
    return "\n".join(lines)


def _run(*arguments: str) -> str:
    path = os.pathsep.join([str(ROOT), os.environ["ANSIBLE_COLLECTIONS_PATH"]])
    completed = subprocess.run(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    return completed.stdout.decode()


def pack(archive: str, rounds: int) -> None:
    """Pack the module as Ansible does, without and with its cache, and print the median seconds."""
    from ansible.plugins import loader

    from tools import payload

    loader.init_plugin_loader([])
    # By its path Ansible finds the name of the collection.
    collection = pathlib.Path(os.environ["ANSIBLE_COLLECTIONS_PATH"], "ansible_collections", "eksops", "irsa")
    path = collection / "plugins" / "modules" / f"{MODULE}.py"
    durations: dict[str, list[float]] = {"first": [], "cached": []}
    data = b""
    for _round in range(rounds):
        payload.clear_cache()
        for name in ("first", "cached"):
            start = time.perf_counter()
            data = payload.pack(f"eksops.irsa.{MODULE}", path)
            durations[name].append(time.perf_counter() - start)
    pathlib.Path(archive).write_bytes(payload.find_archive(data))
    print(json.dumps({name: statistics.median(values) for name, values in durations.items()}))


def run_module(way: str, archive: str, arguments: str, start: float) -> None:
    """Run the module from the archive, or in a fork with the files of the checkout, and print the times."""
    if way == "process":
        sys.path.insert(0, archive)
    else:  # as in the playbook, in which other modules have run before
        importlib.import_module("ansible_collections.eksops.irsa.plugins.modules.irsa_audit")
        start = time.time()
    module = importlib.import_module(f"ansible_collections.eksops.irsa.plugins.modules.{MODULE}")
    imported = time.time()
    import botocore.session
    from ansible.module_utils import basic

    clients: list[tuple[float, float]] = []
    create = botocore.session.Session.create_client

    def create_client(*arguments: t.Any, **options: t.Any) -> t.Any:
        begin = time.time()
        try:
            return create(*arguments, **options)
        finally:
            clients.append((begin, time.time()))

    botocore.session.Session.create_client = create_client
    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = arguments.encode(), "legacy"
    main_start = time.time()
    if way == "fork" and os.fork():
        os.wait()
        return
    with (
        open(os.devnull, "w") as nothing,
        contextlib.redirect_stdout(nothing),
        contextlib.suppress(SystemExit),  # a module ends with it
    ):
        module.main()
    print(json.dumps({"start": start, "imported": imported, "main": main_start, "clients": clients}))


if __name__ == "__main__":
    _start = time.time()
    if sys.argv[1] == "pack":
        pack(sys.argv[2], int(sys.argv[3]))
    else:
        run_module(sys.argv[1], sys.argv[2], sys.argv[3], _start)
