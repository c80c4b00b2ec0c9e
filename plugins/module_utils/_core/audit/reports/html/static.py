# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page of an audit shows before its script runs, and all that it shows without it."""

from __future__ import annotations

import html
import re
import typing as t

Json = t.Mapping[str, t.Any]

STATES = ("error", "unknown", "warning", "note", "ok")
# How many findings there are without the script: the worst come first.
WORST = 25
# How many things that could not be read are told without being asked.
_UNREAD = 5

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)")
# Controls, and what turns or hides the text around it: shown as what they are.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def shown(text: t.Any) -> str:
    """The text for a place in HTML; what can't be seen, or would turn the text around it, becomes its code."""
    return html.escape(_UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", str(text)))


def facts(document: Json) -> str:
    """The cluster, and when it was looked at, as a list of terms."""
    cluster, provider = document["cluster"], document["provider"]
    rows = [("Audited", _time(document["generated_at"]))]
    for term, key in (("AWS account", "account_id"), ("Region", "region"), ("Kubernetes", "version")):
        if cluster.get(key):
            rows.append((term, shown(cluster[key])))
    if document["namespaces"] is not None:
        rows.append(("Only namespaces", shown(", ".join(document["namespaces"]))))
    rows.append(("Issuer", _copied(cluster["issuer"])))
    rows.append(("OIDC provider", _opener("provider", _state(provider["state"]))))
    terms = "\n".join(f"<div><dt>{term}</dt><dd>{description}</dd></div>" for term, description in rows)
    return f'<dl class="facts">\n{terms}\n</dl>'


def unread(document: Json) -> str:
    """What could not be read, or nothing."""
    if not document["unread"]:
        return ""
    texts = [f"<li>{shown(text)}</li>" for text in document["unread"]]
    more = len(texts) - _UNREAD
    rest = f"<details><summary>{more} more</summary><ul>{''.join(texts[_UNREAD:])}</ul></details>\n" if more > 0 else ""
    return (
        '<section class="unread s-unknown" aria-labelledby="unread-title">\n'
        f'<h2 id="unread-title">{_icon("unknown")} Not read</h2>\n'
        f"<div><ul>{''.join(texts[:_UNREAD])}</ul>\n{rest}</div>\n</section>"
    )


def summary(document: Json) -> str:
    """The counts and the worst findings, for a browser that runs no script."""
    counts, findings = document["counts"], document["findings"]
    heads = "".join(f'<th scope="col">{state}</th>' for state in ("total", *STATES))
    rows = [_counts("Service accounts", counts["service_accounts"]), _counts("Roles", counts["roles"])]
    severities = ", ".join(f"{number:,} {severity}" for severity, number in counts["findings"].items())
    pods = counts["pods"]
    parts = [
        f'<table>\n<thead><tr><th scope="col">State</th>{heads}</tr></thead>\n<tbody>{"".join(rows)}</tbody>\n</table>',
        f"<p>Pods: {pods['total']:,}, of which {pods['stale']:,} stale. Findings: {severities}.</p>",
        f"<h2>The worst findings</h2>\n<p>{min(WORST, len(findings)):,} of {len(findings):,}. "
        "With JavaScript this page shows all of them, each account and each role.</p>",
        *(_finding(finding) for finding in findings[:WORST]),
    ]
    return "\n".join(parts)


def _counts(name: str, counts: t.Mapping[str, int]) -> str:
    cells = "".join(f"<td>{counts.get(key, 0):,}</td>" for key in ("total", *STATES))
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _finding(finding: Json) -> str:
    names = finding["service_accounts"]
    concerned = shown(", ".join(names[:5])) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    return (
        f'<article class="finding s-{shown(finding["severity"])}">'
        f"<h3>{_state(finding['severity'])} <code>{shown(finding['id'])}</code></h3>"
        f'<p class="message">{shown(finding["message"])}</p>'
        + (f"<p>Concerns {concerned}.</p>" if names else "")
        + (f'<div class="fix"><h4>Fix</h4><p>{shown(finding["fix"])}</p></div>' if finding["fix"] else "")
        + "</article>"
    )


def _opener(address: str, content: str) -> str:
    symbol = '<svg class="icon" aria-hidden="true"><use href="#i-open"/></svg>'
    return f'<button type="button" class="opener" data-open="{address}">{content}{symbol}</button>'


def _copied(text: t.Any) -> str:
    if not text:
        return "not known"
    value = html.escape(str(text))
    return (
        f'<code><bdi>{shown(text)}</bdi></code> <button type="button" class="copy scripted" data-copy="{value}" '
        f'aria-label="Copy {shown(text)}"><svg class="icon" aria-hidden="true"><use href="#i-copy"/></svg></button>'
    )


def _state(state: str) -> str:
    return f'<span class="state s-{shown(state)}">{_icon(state)}{shown(state)}</span>'


def _icon(state: str) -> str:
    return f'<svg class="icon" aria-hidden="true"><use href="#i-{shown(state)}"/></svg>'


def _time(text: str) -> str:
    match = _TIME.match(text)
    if match is None:
        return shown(text)
    year, month, day, clock = match.groups()
    return f'<time datetime="{shown(text)}">{int(day)} {_MONTHS[int(month) - 1]} {year}, {clock} UTC</time>'
