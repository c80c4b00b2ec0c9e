# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `irsa_verify` found, for people: a table for a terminal, Markdown for a job's artifact."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import InvalidInput
from ..text_table import check_width, column_widths, table_line, wrap_message
from ..wording import markdown_code, markdown_paragraph, markdown_text, quantity
from .causes import LINKS

Json = t.Mapping[str, t.Any]

_COLUMNS = ("SEVERITY", "LINK", "ID", "SERVICE ACCOUNT")
# What is true of an account altogether, the worst first, and how a summary says it.
_OUTCOMES = {"failed": "not verified", "error": "broken", "warning": "with warnings", "unknown": "in part", "ok": "ok"}


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
    widths = column_widths([_COLUMNS, *(row[0] for row in rows)])
    lines = [table_line(_COLUMNS, widths)]
    for cells, texts in rows:
        lines.append(table_line(cells, widths))
        for text in texts:
            lines += wrap_message(text, width)
    return "\n".join([*lines, "", summary(found)])


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
    lines = [f"# {markdown_text(title)}", "", f"{markdown_text(summary(found))}.", ""]
    lines += ["| severity | link | id | service account | message |", "| --- | --- | --- | --- | --- |"]
    for verification in found:
        for cells, texts in _rows(verification):
            columns = [
                markdown_text(cells[0]),
                markdown_text(cells[1]),
                "-" if cells[2] == "-" else markdown_code(cells[2], in_table=True),
                markdown_text(cells[3]),
                markdown_text(texts[0]) if texts else "",
            ]
            lines.append(f"| {' | '.join(columns)} |")
    for verification in found:
        lines += ["", f"## {markdown_text(verification.account)}", ""]
        if verification.failure is not None:
            lines.append(markdown_paragraph(verification.failure))
            continue
        links = [f"{link} {_status(verification.links[link])}" for link in LINKS if link in verification.links]
        lines.append(f"Links: {', '.join(links)}." if links else "No link was looked at.")
        if verification.role_arn:
            lines += ["", f"It acts as {markdown_code(verification.role_arn)}."]
        for finding in verification.findings:
            lines += _details(finding)
    return "\n".join(lines) + "\n"


def _status(status: str) -> str:
    return f"**{markdown_text(status)}**" if status in ("broken", "unknown") else markdown_text(status)


def _details(finding: Json) -> list[str]:
    heading = f"### {markdown_code(str(finding['id']))}, {markdown_text(str(finding['severity']))}"
    lines = ["", heading, "", markdown_paragraph(str(finding["message"])), ""]
    for key in ("evidence", "expected", "found"):
        if finding.get(key) is not None:
            lines.append(f"- {key}: {markdown_code(str(finding[key]))}")
    if finding.get("fix"):
        lines.append(f"- fix: {markdown_text(str(finding['fix']))}")
    return lines
