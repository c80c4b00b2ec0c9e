# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTML report of an audit: a single file that loads nothing else.

It has three parts: the assets, which ``make web`` bundles from web/audit; the audit document, packed as JSON for the
script; and what the page shows until its script runs, or without JavaScript.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import string
import typing as t

from ....diagnosis.explanations import EXPLANATIONS
from ....wording import escape_invisible
from .assets import MARKUP, SCRIPT, STYLE

Json = t.Mapping[str, t.Any]

STATES = ("error", "unknown", "warning", "note", "ok")
# The lists of a document that are packed by column.
PACKED_LISTS = ("service_accounts", "roles", "findings")
# The most findings that are shown without the script.
MAX_STATIC_FINDINGS = 25
# The most skipped checks that are shown unfolded, and the most service accounts of a finding.
_MAX_ENTRIES = 5

# Allows only the style and the script of this page, by their hashes. The empty icon is a data URL.
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src {}; script-src {}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)")
_SCALARS = (str, int, float, bool, type(None))
# JSON has these characters only inside strings, where they can be escaped.
_JSON_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def render(document: Json) -> str:
    """Renders an audit document (``eksops.irsa/audit/1``) in ASCII. The same document gives the same page.

    :raises ValueError: the document has a number without a JSON form.
    """
    page = string.Template(MARKUP).substitute(
        policy=_POLICY.format(_hash_source(STYLE), _hash_source(SCRIPT)),
        name=_escape(document["cluster"].get("name") or "a cluster"),
        style=STYLE,
        facts=_render_facts(document),
        skipped_checks=_render_skipped_checks(document["skipped_checks"]),
        summary=_render_summary(document),
        data=embed_json(pack_document(document)),
        causes=embed_json(_select_causes(document)),
        script=SCRIPT,
    )
    # Names can have any character, even half a surrogate pair. Character references are ASCII.
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _hash_source(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _select_causes(document: Json) -> dict[str, dict[str, str]]:
    """Title and reason of each finding id in the document."""
    ids = sorted({finding["id"] for finding in document["findings"]} & set(EXPLANATIONS))
    return {id_: {"title": EXPLANATIONS[id_].title, "why": EXPLANATIONS[id_].why} for id_ in ids}


# The data for the script.


def pack_document(document: Json) -> dict[str, t.Any]:
    """``{"rest": the document without its long lists, "lists": {name: column}}``.

    The entries of these lists have the same keys and many equal values, so the lists are stored by column. A column is
    one of:

    - a list: the entries themselves
    - ``{"same": entry, "times": n}``: n equal entries
    - ``{"values": [...], "at": [...]}``: the distinct entries, and for each row the index of its entry
    - ``{"sizes": column, "all": column}``: lists, concatenated
    - ``{"rows": n, "of": {key: column}}``: objects with the same keys

    The script unpacks it (web/audit/src/model/unpack.js).
    """
    return {
        "rest": {key: value for key, value in document.items() if key not in PACKED_LISTS},
        "lists": {key: _pack_column(document[key]) for key in PACKED_LISTS},
    }


def embed_json(value: t.Any) -> str:
    """JSON for a script element: ASCII, without the characters that begin a tag, a comment or an entity.

    :raises ValueError: the value has a number without a JSON form.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_JSON_ESCAPES)


def _pack_column(entries: t.Sequence[t.Any]) -> t.Any:
    if not entries:
        return []
    if all(isinstance(entry, _SCALARS) for entry in entries):
        return _pack_scalars(entries)
    if all(isinstance(entry, (list, tuple)) for entry in entries):
        concatenated = [item for entry in entries for item in entry]
        return {"sizes": _pack_scalars([len(entry) for entry in entries]), "all": _pack_column(concatenated)}
    if all(isinstance(entry, t.Mapping) and list(entry) == list(entries[0]) for entry in entries):
        columns = {key: _pack_column([entry[key] for entry in entries]) for key in entries[0]}
        return {"rows": len(entries), "of": columns}
    return list(entries)


def _pack_scalars(entries: t.Sequence[t.Any]) -> t.Any:
    # The type is part of the key because True == 1.
    indexes: dict[tuple[type, t.Any], int] = {}
    at = [indexes.setdefault((type(entry), entry), len(indexes)) for entry in entries]
    values = [value for _type, value in indexes]
    if len(values) == 1 and len(entries) > 1:
        return {"same": values[0], "times": len(entries)}
    if len(values) * 2 <= len(entries):
        return {"values": values, "at": at}
    return list(entries)


# What the page shows without its script.


def _escape(text: t.Any) -> str:
    """The text escaped for HTML, with an escape (``\\u202e``) for each invisible character."""
    return html.escape(escape_invisible(str(text)))


def _render_facts(document: Json) -> str:
    """The cluster and the time of the audit as a description list."""
    cluster, provider = document["cluster"], document["provider"]
    rows = [("Audited", _render_time(document["generated_at"]))]
    for term, key in (("AWS account", "account_id"), ("Region", "region"), ("Kubernetes", "version")):
        if cluster.get(key):
            rows.append((term, _escape(cluster[key])))
    if document["namespaces"] is not None:
        rows.append(("Only namespaces", _escape(", ".join(document["namespaces"]))))
    rows.append(("Issuer", _render_copyable(cluster["issuer"])))
    rows.append(("OIDC provider", _render_open_button("provider", _render_state(provider["state"]))))
    terms = "\n".join(f"<div><dt>{term}</dt><dd>{description}</dd></div>" for term, description in rows)
    return f'<dl class="facts">\n{terms}\n</dl>'


def _render_skipped_checks(texts: t.Sequence[str]) -> str:
    """The list of skipped checks; empty if no check was skipped."""
    if not texts:
        return ""
    entries = [f"<li>{_escape(text)}</li>" for text in texts]
    rest = ""
    if len(entries) > _MAX_ENTRIES:
        summary = f"<summary>{len(entries) - _MAX_ENTRIES} more</summary>"
        rest = f"<details>{summary}<ul>{''.join(entries[_MAX_ENTRIES:])}</ul></details>\n"
    return (
        '<section class="skipped-checks s-unknown" aria-labelledby="skipped-checks-title">\n'
        f'<h2 id="skipped-checks-title">{_render_icon("unknown")} Skipped checks</h2>\n'
        f"<div><ul>{''.join(entries[:_MAX_ENTRIES])}</ul>\n{rest}</div>\n</section>"
    )


def _render_summary(document: Json) -> str:
    """The counts and the worst findings."""
    counts, findings = document["counts"], document["findings"]
    heads = "".join(f'<th scope="col">{state}</th>' for state in ("total", *STATES))
    rows = [
        _render_counts("Service accounts", counts["service_accounts"]),
        _render_counts("Roles", counts["roles"]),
    ]
    severities = ", ".join(f"{count:,} {severity}" for severity, count in counts["findings"].items())
    pods = counts["pods"]
    parts = [
        f'<table>\n<thead><tr><th scope="col">State</th>{heads}</tr></thead>\n<tbody>{"".join(rows)}</tbody>\n</table>',
        f"<p>Pods: {pods['total']:,}, of which {pods['stale']:,} stale. Findings: {severities}.</p>",
        f"<h2>The worst findings</h2>\n<p>{min(MAX_STATIC_FINDINGS, len(findings)):,} of {len(findings):,}. "
        "With JavaScript this page shows all of them, each service account and each role.</p>",
        *(_render_finding(finding) for finding in findings[:MAX_STATIC_FINDINGS]),
    ]
    return "\n".join(parts)


def _render_counts(name: str, counts: t.Mapping[str, int]) -> str:
    cells = "".join(f"<td>{counts.get(key, 0):,}</td>" for key in ("total", *STATES))
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _render_finding(finding: Json) -> str:
    names = finding["service_accounts"]
    more = len(names) - _MAX_ENTRIES
    affected = _escape(", ".join(names[:_MAX_ENTRIES])) + (f" and {more:,} more" if more > 0 else "")
    return (
        f'<article class="finding s-{_escape(finding["severity"])}">'
        f"<h3>{_render_state(finding['severity'])} <code>{_escape(finding['id'])}</code></h3>"
        f'<p class="message">{_escape(finding["message"])}</p>'
        + (f"<p>Affects {affected}.</p>" if names else "")
        + (f'<div class="fix"><h4>Fix</h4><p>{_escape(finding["fix"])}</p></div>' if finding["fix"] else "")
        + "</article>"
    )


def _render_open_button(address: str, content: str) -> str:
    return f'<button type="button" class="opener" data-open="{address}">{content}{_render_icon("open")}</button>'


def _render_copyable(text: t.Any) -> str:
    if not text:
        return "unknown"
    value = _escape(text)
    return (
        f'<code><bdi>{value}</bdi></code> <button type="button" class="copy scripted" data-copy="{value}" '
        f'aria-label="Copy {value}">{_render_icon("copy")}</button>'
    )


def _render_state(state: str) -> str:
    return f'<span class="state s-{_escape(state)}">{_render_icon(state)}{_escape(state)}</span>'


def _render_icon(name: str) -> str:
    return f'<svg class="icon" aria-hidden="true"><use href="#i-{_escape(name)}"/></svg>'


def _render_time(text: str) -> str:
    match = _TIME.match(text)
    if match is None:
        return _escape(text)
    year, month, day, clock = match.groups()
    return f'<time datetime="{_escape(text)}">{int(day)} {_MONTHS[int(month) - 1]} {year}, {clock} UTC</time>'
