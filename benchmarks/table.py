"""Print the rows of all benchmarks as one Markdown table.

Usage: table.py ROWS [--check | --record | --rst], ROWS as written by measure.py.

``--record`` writes the ratios to recorded.json. ``--check`` compares with them, prints a line ``pass|fail<TAB>name``
for each row, and exits with 1 if a ratio is more than a quarter worse. Both use CPU seconds, because wall seconds
depend on the other processes of the machine, and the minimum of the rounds, which varies less than their median.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import sys
import typing as t

from measure import Row, Run

RECORDED = pathlib.Path(__file__).with_name("recorded.json")
TOLERANCE = 1.25


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=pathlib.Path)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rst", action="store_true", help="print reStructuredText for the guide")
    options = parser.parse_args()
    lines = [json.loads(line) for line in options.rows.read_text().splitlines()]
    rows = [(line.pop("benchmark"), load_row(line)) for line in lines if "text" not in line]
    if not (options.check or options.record):
        text = format_report(rows, [line["text"] for line in lines if "text" in line])
        print(format_rst(text) if options.rst else text)
        return
    ratios: dict[str, dict[str, float]] = {}
    for benchmark, row in rows:
        ratios.setdefault(benchmark, {})[row.name] = round(cpu_ratio(row), 3)
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if options.record:
        RECORDED.write_text(json.dumps({**recorded, **ratios}, indent=2, sort_keys=True) + "\n")
        return
    sys.exit(check([row for _benchmark, row in rows], ratios, recorded))


def load_row(line: dict[str, t.Any]) -> Row:
    for name in ("our_runs", "baseline_runs"):
        line[name] = [Run(*run) for run in line[name]]
    return Row(**line)


def format_report(rows: t.Sequence[tuple[str, Row]], texts: t.Sequence[str]) -> str:
    table = [
        "| | ours | compared with | ours, seconds | the other, seconds | ratio | limit |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(format_row(row) for _benchmark, row in rows),
    ]
    return "\n\n".join(["\n".join(table), *texts])


def format_rst(text: str) -> str:
    """Replace Markdown tables by list tables."""
    lines = []
    is_table = False
    for line in text.splitlines():
        if not line.startswith("|"):
            is_table = False
            lines.append(line)
        elif not line.startswith("| ---"):
            if not is_table:
                lines += [".. list-table::", "   :header-rows: 1", ""]
            is_table = True
            for number, cell in enumerate(line.strip("|").split("|")):
                lines.append(f"   {' ' if number else '*'} - {cell.strip()}".rstrip())
    return "\n".join(lines)


def format_row(row: Row) -> str:
    limit = "" if row.limit is None else f"{row.limit:.2f}"
    unit = ""
    ours, baseline = [run.seconds for run in row.our_runs], [run.seconds for run in row.baseline_runs]
    if row.figure == "megabytes":
        ours, baseline = [run.megabytes for run in row.our_runs], [run.megabytes for run in row.baseline_runs]
        limit, unit = "" if row.limit is None else f"{row.limit:.0f} MB", " MB"
    # If one was run less often, it is paired with the last rounds of the other.
    pairs = list(zip(ours[::-1], baseline[::-1], strict=False))
    ratio = spread([a / b for a, b in pairs])
    if row.figure == "difference":
        ratio, limit = f"{spread([a - b for a, b in pairs])} s more", f"{limit} s more"
    elif row.figure == "times":
        ratio = f"the other {spread([b / a for a, b in pairs])} times as long"
    cells = [row.name, row.ours, row.baseline, spread(ours) + unit, spread(baseline) + unit, ratio, limit]
    return f"| {' | '.join(cells)} |"


def spread(values: t.Sequence[float]) -> str:
    digits = 0 if min(values) >= 30 else 2
    low, median, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{median} ({low} - {high})"


def cpu_ratio(row: Row) -> float:
    if row.figure == "megabytes":
        return min(run.megabytes for run in row.our_runs) / min(run.megabytes for run in row.baseline_runs)
    return min(run.cpu_seconds for run in row.our_runs) / min(run.cpu_seconds for run in row.baseline_runs)


def check(
    rows: t.Sequence[Row],
    ratios: t.Mapping[str, t.Mapping[str, float]],
    recorded: t.Mapping[str, t.Mapping[str, float]],
) -> int:
    """Compare ratios with the recorded ones.

    :returns: the exit status.
    """
    print("| | CPU seconds | baseline | ratio | recorded | limit |\n| --- | --- | --- | --- | --- | --- |")
    by_name = {row.name: row for row in rows}
    outcomes: dict[str, str] = {}
    for benchmark, by_row in ratios.items():
        for name, ratio in by_row.items():
            row, expected = by_name[name], recorded.get(benchmark, {}).get(name)
            cells = [spread([run.cpu_seconds for run in runs]) for runs in (row.our_runs, row.baseline_runs)]
            # A row that is not recorded is a failure.
            limit = (expected or 0) * TOLERANCE
            print(f"| {name} | {' | '.join(cells)} | {ratio:.3f} | {expected} | {limit:.3f} |")
            outcomes[name] = "pass" if ratio <= limit else "fail"
            if expected is None:
                print(f"error: {name} is not in {RECORDED.name}. Fix: make bench ARGS=--record", file=sys.stderr)
            elif outcomes[name] == "fail":
                print(f"error: {name}: the ratio {ratio:.3f} is over the limit {limit:.3f}", file=sys.stderr)
    for name, outcome in outcomes.items():
        print(f"{outcome}\t{name}")
    return 1 if "fail" in outcomes.values() else 0


if __name__ == "__main__":
    main()
