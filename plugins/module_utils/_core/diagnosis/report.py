# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Formats results of `irsa_verify`: a table for a terminal, or Markdown for the artifact of a job."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import InvalidInput
from ..text_table import check_width, column_widths, table_line, wrap_message
from ..validation import Schema, find_flaw
from ..wording import markdown_code, markdown_paragraph, markdown_text, quantity, visible
from .causes import LINKS

Json = t.Mapping[str, t.Any]

_COLUMNS = ("SEVERITY", "LINK", "ID", "SERVICE ACCOUNT")
# If more service accounts are ok, a table does not list them.
_MAX_OK = 10
# The outcomes of a verification, the worst first, as the summary shows them.
_OUTCOMES = {
    "failed": "not verified",
    "error": "broken",
    "warning": "with warnings",
    "unknown": "unknown",
    "ok": "ok",
}


@dataclasses.dataclass(frozen=True)
class Verification:
    """One result of `irsa_verify`.

    :param account: namespace and name of the service account; ``-`` if the result does not contain them.
    :param findings: as `Finding.as_dict` returns them, in the order of the chain.
    :param links: ok, broken, unknown or skipped, by link.
    :param role_arn: the ARN of the session, if STS accepted the token.
    :param failure: the message of the module if it failed before it could verify; the others are then empty.
    """

    account: str
    findings: tuple[Json, ...] = ()
    links: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    role_arn: str | None = None
    failure: str | None = None

    @property
    def unknown(self) -> list[str]:
        """The links that could not be checked, in the order of the chain."""
        return [link for link in LINKS if self.links.get(link) == "unknown"]

    @property
    def outcome(self) -> str:
        """``failed``, ``error``, ``warning``, ``unknown`` or ``ok``."""
        if self.failure is not None:
            return "failed"
        severities = {str(finding["severity"]) for finding in self.findings}
        worst = next((severity for severity in ("error", "warning") if severity in severities), None)
        return worst or ("unknown" if self.unknown else "ok")


_SCHEMA: Schema = {
    "namespace": str,
    "service_account": str,
    "links": {"*": str},
    "proof": {"assumed_role_arn": str},
    "invocation": {"module_args": {}},
}


def verifications(value: t.Any) -> list[Verification]:
    """The verifications in what an `irsa_verify` task registered. Skipped items are omitted.

    :param value: one result, the result of a loop, or a list of results.
    :raises InvalidInput: the value is not a result of `irsa_verify`.
    """
    if isinstance(value, t.Mapping) and "findings" not in value and isinstance(value.get("results"), (list, tuple)):
        value = value["results"]
    results = list(value) if isinstance(value, (list, tuple)) else [value]
    return [
        _verification(result) for result in results if not (isinstance(result, t.Mapping) and result.get("skipped"))
    ]


def _verification(result: t.Any) -> Verification:
    # failed_when can clear "failed"; then failed_when_result remains.
    if not isinstance(result, t.Mapping) or not {"findings", "failed", "failed_when_result"} & set(result):
        raise InvalidInput(
            "the input is not a result of eksops.irsa.irsa_verify",
            cause=f"it is a {type(result).__name__} without findings",
            fix="pass the registered result of an irsa_verify task",
        )
    flaw = find_flaw(result, _SCHEMA)
    if flaw:
        raise InvalidInput(
            "the input is not a result of eksops.irsa.irsa_verify",
            cause=f"field {flaw.removeprefix('.')}",
            fix="pass the result as the module returned it",
        )
    account = _account(result)
    if "findings" not in result:
        return Verification(account, failure=str(result.get("msg") or "the module failed without a message"))
    findings = result["findings"]
    if not isinstance(findings, (list, tuple)) or not all(_is_finding(finding) for finding in findings):
        raise InvalidInput(
            "the input is not a result of eksops.irsa.irsa_verify",
            cause=f"{account}: a finding has no id, severity, link or message",
            fix="pass the result as the module returned it",
        )
    proof = result.get("proof") or {}
    return Verification(account, tuple(findings), result.get("links") or {}, proof.get("assumed_role_arn"))


def _is_finding(finding: t.Any) -> bool:
    return isinstance(finding, t.Mapping) and all(finding.get(key) for key in ("id", "severity", "link", "message"))


def _account(result: Json) -> str:
    # A result without a verification can still contain the options of the module.
    options = (result.get("invocation") or {}).get("module_args") or {}
    names = [result.get(key) or options.get(key) for key in ("namespace", "service_account")]
    return visible("/".join(map(str, names))) if all(names) else "-"


def table(results: t.Sequence[Verification], width: int = 100) -> str:
    """A table with a row for each finding, and its message and fix below the row.

    ARNs and names are never broken, so that they can be copied. A line with one long word can exceed the width.

    :param width: in characters, at least 40.
    :raises InvalidInput: the width is too small.
    """
    check_width(width)
    ok_count = sum(verification.outcome == "ok" for verification in results)
    shown = [verification for verification in results if ok_count <= _MAX_OK or verification.outcome != "ok"]
    rows = [row for verification in shown for row in _rows(verification)]
    if results and not rows:
        return summary(results)
    widths = column_widths([_COLUMNS, *(row[0] for row in rows)])
    lines = [table_line(_COLUMNS, widths)]
    for cells, texts in rows:
        lines.append(table_line(cells, widths))
        for text in texts:
            lines += wrap_message(text, width)
    return "\n".join([*lines, "", summary(results)])


def _rows(verification: Verification) -> list[tuple[tuple[str, str, str, str], list[str]]]:
    account = verification.account
    if verification.failure is not None:
        return [(("failed", "-", "-", account), [verification.failure])]
    rows: list[tuple[tuple[str, str, str, str], list[str]]] = []
    for finding in verification.findings:
        severity, link, id_ = (visible(str(finding[key])) for key in ("severity", "link", "id"))
        texts = [str(finding["message"])]
        if finding.get("fix"):
            texts.append(f"fix: {finding['fix']}")
        rows.append(((severity, link, id_, account), texts))
    if verification.unknown:
        # The warnings of the module, or an earlier finding, have the reason.
        rows.append((("unknown", "-", "-", account), [f"could not be checked: {', '.join(verification.unknown)}"]))
    if not rows:
        rows.append((("ok", "-", "-", account), [f"assumed {verification.role_arn}"] if verification.role_arn else []))
    return rows


def summary(results: t.Sequence[Verification]) -> str:
    """The number of service accounts and of each outcome, in one line."""
    outcomes = [verification.outcome for verification in results]
    counts = [f"{outcomes.count(outcome)} {text}" for outcome, text in _OUTCOMES.items() if outcome in outcomes]
    accounts = quantity(len(results), "service account")
    return f"{accounts}: {', '.join(counts)}" if counts else accounts


def markdown(results: t.Sequence[Verification], title: str = "IRSA verification") -> str:
    """A page with a table of all findings, and a section for each service account with its links and findings.

    Texts are escaped, so names and policies cannot contain markup.
    """
    lines = [f"# {markdown_text(title)}", "", f"{markdown_text(summary(results))}.", ""]
    lines += ["| severity | link | id | service account | message |", "| --- | --- | --- | --- | --- |"]
    for verification in results:
        for cells, texts in _rows(verification):
            columns = [
                markdown_text(cells[0]),
                markdown_text(cells[1]),
                "-" if cells[2] == "-" else markdown_code(cells[2], in_table=True),
                markdown_text(cells[3]),
                markdown_text(texts[0]) if texts else "",
            ]
            lines.append(f"| {' | '.join(columns)} |")
    for verification in results:
        lines += ["", f"## {markdown_text(verification.account)}", ""]
        if verification.failure is not None:
            lines.append(markdown_paragraph(verification.failure))
            continue
        links = [f"{link} {_status(verification.links[link])}" for link in LINKS if link in verification.links]
        lines.append(f"Links: {', '.join(links)}." if links else "No link was checked.")
        if verification.role_arn:
            lines += ["", f"It assumed {markdown_code(verification.role_arn)}."]
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
