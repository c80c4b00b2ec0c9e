"""The table of faults and modules."""

from __future__ import annotations

import collections
import collections.abc as c

from faults.matrix import Report

PROBLEMS = ("not run", "not converged", "changed again", "lost", "doubled", "traceback", "hang", "secret")
_HEAD = (
    "fault",
    "module",
    "runs",
    "calls hit",
    "ok",
    "clean error",
    "converged next",
    "unchanged after",
    "lost",
    "doubled",
    "tracebacks",
    "hangs",
    "secrets",
    "longest s",
    "longest over time-out s",
)


def render(reports: c.Iterable[Report], title: str) -> str:
    """The table in Markdown: a row for each fault and module, then one for all, then the problems."""
    reports = list(reports)
    groups: dict[tuple[str, str], list[Report]] = collections.defaultdict(list)
    for report in reports:
        groups[report.job.fault, report.job.case].append(report)
    rows = [_row(fault, case, group) for (fault, case), group in sorted(groups.items())]
    rows.append(_row("all", "all", reports))
    lines = [f"# {title}", "", _line(_HEAD), _line(["---"] * len(_HEAD)), *map(_line, rows), ""]
    for report in reports:
        for problem, text in report.problems.items():
            shown = " ".join(text.split())[:900]
            lines.append(f"- **{problem}**: {report.job.case}, {report.job.fault}: `{report.job.arguments}`: {shown}")
    return "\n".join(lines) + "\n"


def _row(fault: str, case: str, group: c.Sequence[Report]) -> list[str]:
    def count(problem: str) -> int:
        return sum(problem in report.problems for report in group)

    over = [report.over for report in group if report.over is not None]
    return [
        fault,
        case,
        str(len(group)),
        str(sum(report.hits for report in group)),
        str(sum(report.ok for report in group)),
        str(sum(report.clean_error for report in group)),
        str(sum(report.converged for report in group)),
        str(sum(report.unchanged for report in group)),
        *(str(count(problem)) for problem in ("lost", "doubled", "traceback", "hang", "secret")),
        f"{max(report.seconds for report in group):.1f}",
        f"{max(0.0, *over):.1f}" if over else "-",
    ]


def _line(cells: c.Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
