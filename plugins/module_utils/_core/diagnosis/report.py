# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `irsa_verify` found, for people: a table for a terminal, Markdown for a job's artifact."""

from __future__ import annotations

import dataclasses
import re
import textwrap
import typing as t

from ..errors import InvalidInput
from ..wording import quantity
from .causes import LINKS

Json = t.Mapping[str, t.Any]

NARROWEST = 40
_COLUMNS = ("SEVERITY", "LINK", "ID", "SERVICE ACCOUNT")
# What is true of an account altogether, the worst first, and how a summary says it.
_OUTCOMES = {"failed": "not verified", "error": "broken", "warning": "with warnings", "unknown": "in part", "ok": "ok"}
# Everything that Markdown, or HTML in it, could take for more than text; and what makes a list of a paragraph.
_MARKUP = re.compile(r"([\\`*_\[\]<>|~#&])")
_BULLET = re.compile(r"^(\d*)([-+.)])")


@dataclasses.dataclass(frozen=True)
class Verification:
    """One result of `irsa_verify`.

    :param account: namespace and name of the service account, ``-`` if the result doesn't tell.
    :param findings: as `Finding.as_dict` gives them, in chain order.
    :param links: ok, broken, unknown or skipped, by link.
    :param role_arn: the role that STS let the account assume.
    :param failure: why there is no verification: the module's message, in place of all the above.
    """

    account: str
    findings: tuple[Json, ...] = ()
    links: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    role_arn: str | None = None
    failure: str | None = None

    @property
    def unknown(self) -> list[str]:
        """The links that could not be looked at, in the order of the chain."""
        return [link for link in LINKS if self.links.get(link) == "unknown"]

    @property
    def outcome(self) -> str:
        """``failed``, ``error``, ``warning``, ``unknown`` or ``ok``."""
        if self.failure is not None:
            return "failed"
        severities = {str(finding["severity"]) for finding in self.findings}
        worst = next((each for each in ("error", "warning") if each in severities), None)
        return worst or ("unknown" if self.unknown else "ok")


def verifications(value: t.Any) -> list[Verification]:
    """What a task with `irsa_verify` registered: one result, a loop's result, or a list of results.

    Results of skipped items are left out. One of a module that failed before it could verify has a message alone.

    :raises InvalidInput: something else was given.
    """
    if isinstance(value, t.Mapping) and "findings" not in value and isinstance(value.get("results"), (list, tuple)):
        value = value["results"]
    results = list(value) if isinstance(value, (list, tuple)) else [value]
    return [
        _verification(result) for result in results if not (isinstance(result, t.Mapping) and result.get("skipped"))
    ]


def _verification(result: t.Any) -> Verification:
    # With failed_when a failure is no longer called one, but failed_when says that it was there.
    if not isinstance(result, t.Mapping) or not {"findings", "failed", "failed_when_result"} & set(result):
        raise InvalidInput(
            "no result of eksops.irsa.irsa_verify",
            cause=f"a {type(result).__name__} without findings was given",
            fix="give what such a task registered, or its results if it loops",
        )
    account = _account(result)
    if "findings" not in result:
        return Verification(account, failure=str(result.get("msg") or "the module failed without a message"))
    findings = result["findings"]
    if not isinstance(findings, (list, tuple)) or not all(_is_finding(finding) for finding in findings):
        raise InvalidInput(
            "no findings of eksops.irsa.irsa_verify",
            cause=f"the findings of {account} lack an id, a severity, a link or a message",
            fix="give the result as the module returned it",
        )
    proof = result.get("proof") or {}
    return Verification(account, tuple(findings), result.get("links") or {}, proof.get("assumed_role_arn"))


def _is_finding(finding: t.Any) -> bool:
    return isinstance(finding, t.Mapping) and all(finding.get(key) for key in ("id", "severity", "link", "message"))


def _account(result: Json) -> str:
    # What failed before it could verify has the module's options at most, which Ansible keeps in a loop's results.
    options = (result.get("invocation") or {}).get("module_args") or {}
    names = [result.get(key) or options.get(key) for key in ("namespace", "service_account")]
    return "/".join(map(str, names)) if all(names) else "-"


def table(found: t.Sequence[Verification], width: int = 100) -> str:
    """A table of fixed width: a line for each finding, below it what is wrong and what to do.

    ARNs and names are never broken, so that they can be copied: a line that is one long word may pass the width.

    :param width: in characters, 40 at least.
    :raises InvalidInput: the width is too small.
    """
    check_width(width)
    rows = [row for verification in found for row in _rows(verification)]
    widths = [max(len(cells[number]) for cells in [_COLUMNS, *(row[0] for row in rows)]) for number in range(4)]
    lines = [line(_COLUMNS, widths)]
    for cells, texts in rows:
        lines.append(line(cells, widths))
        for text in texts:
            lines += wrapped(text, width)
    return "\n".join([*lines, "", summary(found)])


def check_width(width: int) -> None:
    """:raises InvalidInput: a table of that width can't be read."""
    if width < NARROWEST:
        raise InvalidInput(
            f"a table {width} characters wide can't be read",
            cause="messages are wrapped to that width",
            fix=f"give a width of {NARROWEST} or more",
        )


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a message below a line of a table; words are never broken."""
    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _rows(verification: Verification) -> list[tuple[tuple[str, str, str, str], list[str]]]:
    account = verification.account
    if verification.failure is not None:
        return [(("failed", "-", "-", account), [verification.failure])]
    rows: list[tuple[tuple[str, str, str, str], list[str]]] = []
    for finding in verification.findings:
        cells = (str(finding["severity"]), str(finding["link"]), str(finding["id"]), account)
        texts = [str(finding["message"])]
        if finding.get("fix"):
            texts.append(f"fix: {finding['fix']}")
        rows.append((cells, texts))
    if verification.unknown:
        # Why, the module's warnings say, or a finding that comes first.
        rows.append((("unknown", "-", "-", account), [f"could not be judged: {', '.join(verification.unknown)}"]))
    if not rows:
        rows.append((("ok", "-", "-", account), [f"acts as {verification.role_arn}"] if verification.role_arn else []))
    return rows


def line(cells: t.Sequence[str], widths: t.Sequence[int]) -> str:
    """A line of a table, each cell as wide as its column."""
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def summary(found: t.Sequence[Verification]) -> str:
    """How many accounts there are, and how many of them came out how, in one line."""
    outcomes = [verification.outcome for verification in found]
    counts = [f"{outcomes.count(outcome)} {said}" for outcome, said in _OUTCOMES.items() if outcome in outcomes]
    accounts = quantity(len(found), "service account")
    return f"{accounts}: {', '.join(counts)}" if counts else accounts


def markdown(found: t.Sequence[Verification], title: str = "IRSA verification") -> str:
    """A page: a table of all findings, then each account with its links and, for each finding, what there is to know.

    Texts are escaped, so that nothing in a name or a policy becomes markup.
    """
    lines = [f"# {escaped(title)}", "", f"{escaped(summary(found))}.", ""]
    lines += ["| severity | link | id | service account | message |", "| --- | --- | --- | --- | --- |"]
    for verification in found:
        for cells, texts in _rows(verification):
            columns = [
                escaped(cells[0]),
                escaped(cells[1]),
                "-" if cells[2] == "-" else code(cells[2], in_table=True),
                escaped(cells[3]),
                escaped(texts[0]) if texts else "",
            ]
            lines.append(f"| {' | '.join(columns)} |")
    for verification in found:
        lines += ["", f"## {escaped(verification.account)}", ""]
        if verification.failure is not None:
            lines.append(paragraph(verification.failure))
            continue
        links = [f"{link} {_status(verification.links[link])}" for link in LINKS if link in verification.links]
        lines.append(f"Links: {', '.join(links)}." if links else "No link was looked at.")
        if verification.role_arn:
            lines += ["", f"It acts as {code(verification.role_arn)}."]
        for finding in verification.findings:
            lines += _details(finding)
    return "\n".join(lines) + "\n"


def _status(status: str) -> str:
    return f"**{escaped(status)}**" if status in ("broken", "unknown") else escaped(status)


def _details(finding: Json) -> list[str]:
    heading = f"### {code(str(finding['id']))}, {escaped(str(finding['severity']))}"
    lines = ["", heading, "", paragraph(str(finding["message"])), ""]
    for key in ("evidence", "expected", "found"):
        if finding.get(key) is not None:
            lines.append(f"- {key}: {code(str(finding[key]))}")
    if finding.get("fix"):
        lines.append(f"- fix: {escaped(str(finding['fix']))}")
    return lines


def paragraph(text: str) -> str:
    """The text as a paragraph: escaped, and no list item."""
    return _BULLET.sub(r"\1\\\2", escaped(text))


def escaped(text: str) -> str:
    """The text in one line, with nothing in it that Markdown or HTML could take for more."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def code(text: str, in_table: bool = False) -> str:
    """A code span; in it only backquotes matter, and in a table bars."""
    text = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") or not text else ""
    span = f"{fence}{padding}{text}{padding}{fence}"
    return span.replace("|", "\\|") if in_table else span
