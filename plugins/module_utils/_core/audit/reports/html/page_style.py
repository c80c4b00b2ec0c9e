# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The style of an audit's page. Texts keep a contrast of 4.5 with what is behind them, light and dark."""

from __future__ import annotations

STYLE = r"""
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f7f8, #121518);
  --surface: light-dark(#ffffff, #1a1e22);
  --raised: light-dark(#eef0f2, #242a30);
  --ink: light-dark(#1b2026, #e6e9ec);
  --muted: light-dark(#57616b, #a4adb7);
  --line: light-dark(#d8dde2, #333b43);
  --strong: light-dark(#8a949e, #66717c);
  --focus: light-dark(#0b5cad, #8cc1ff);
  --error: light-dark(#b3231b, #ff8f85);
  --unknown: light-dark(#6a4a8f, #c6aee6);
  --warning: light-dark(#875000, #f0b354);
  --note: light-dark(#1d5c9e, #8fbdf2);
  --ok: light-dark(#1f6b3f, #7fc896);
  --tint: 7%;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; --tint: 12%; }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { --tint: 12%; } }
.s-error { --state: var(--error); }
.s-unknown { --state: var(--unknown); }
.s-warning { --state: var(--warning); }
.s-note { --state: var(--note); }
.s-ok { --state: var(--ok); }

*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; overflow-y: scroll; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
h1, h2, h3, h4, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
button, input, select { font: inherit; color: inherit; }
code { font: 12px/1.45 var(--mono); }
bdi, dd, code, .message { overflow-wrap: anywhere; }
[hidden], .symbols { display: none !important; }
html:not(.js) .scripted, html:not(.js) .opener > .icon { display: none; }
html:not(.js) .opener { padding: 0; border: 0; pointer-events: none; background: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.skip {
  position: absolute; left: 8px; top: -60px; z-index: 9; padding: 8px 12px; background: var(--surface);
  color: var(--ink);
}
.skip:focus { top: 8px; }
.page { max-width: 1520px; margin: 0 auto; padding: 0 24px; }
.meta { color: var(--muted); font-size: 12px; white-space: nowrap; }
.kind { color: var(--muted); font-size: 12px; }
.icon { width: 14px; height: 14px; flex: none; color: var(--state, currentColor); vertical-align: -2px; }
.icon .line, symbol .line {
  fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round;
}
symbol .dash { stroke-dasharray: 2.6 2.2; }
symbol .full { fill: currentColor; }
symbol .cut { fill: none; stroke: var(--surface); stroke-width: 1.9; stroke-linecap: round; }
.state {
  display: inline-flex; align-items: center; gap: 4px; color: var(--state); font-size: 12px; font-weight: 600;
  white-space: nowrap;
}
.quiet {
  padding: 4px 10px; border: 1px solid var(--line); border-radius: 6px; background: var(--surface);
  cursor: pointer; font-size: 13px;
}
.quiet:hover { border-color: var(--strong); }
.copy {
  padding: 2px 4px; border: 0; background: none; color: var(--muted); cursor: pointer; border-radius: 4px;
  font-size: 12px;
}
.copy .icon { color: inherit; }
.copy:hover { color: var(--ink); background: var(--raised); }
.copy.done { color: var(--ok); }
.copy.done::after { content: " copied"; }
kbd {
  padding: 0 5px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); color: var(--muted);
  font: 12px/1.5 var(--mono);
}

header.page { display: grid; grid-template-columns: 1fr auto; gap: 8px 24px; padding-top: 20px; }
h1 { font-size: 24px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
.theme { align-self: start; }
header .facts { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 4px 24px; }
header .facts div { min-width: 0; }
dt { color: var(--muted); font-size: 12px; }
header .facts dd { display: flex; align-items: center; gap: 4px; }
header .opener { padding: 0 6px; }
.unread {
  grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0 14px; margin-top: 4px; padding: 7px 12px;
  border: 1px solid var(--line); border-left: 3px solid var(--state);
  border-radius: 6px; background: var(--surface);
}
.unread h2 { font-size: 14px; font-weight: 600; color: var(--state); }
.unread > div { flex: 1 1 240px; }
.unread summary { cursor: pointer; color: var(--muted); }

.summary { display: grid; grid-template-columns: 1.55fr 1.5fr 1fr 0.55fr; gap: 12px; margin: 14px 0 12px; }
.card {
  padding: 10px 14px 8px; border: 1px solid var(--line); border-radius: 8px; background: var(--surface);
  min-width: 0;
}
.card h2 {
  display: flex; justify-content: space-between; gap: 10px; align-items: baseline; font-size: 13px;
  font-weight: 500; color: var(--muted);
}
.card h2 b { color: var(--ink); font-size: 20px; font-weight: 600; }
.stripe {
  display: flex; gap: 2px; height: 5px; margin: 6px 0 6px; border-radius: 3px; overflow: hidden;
  background: var(--raised);
}
.stripe span { min-width: 3px; flex-basis: 0; background: var(--state); }
.stripe .s-ok { opacity: 0.45; }
.counts { display: flex; flex-wrap: wrap; gap: 2px 6px; margin: 0 -7px; }
.count {
  display: grid; grid-template-columns: auto 1fr; align-items: center; gap: 0 5px; padding: 2px 6px;
  border: 1px solid transparent; border-radius: 6px; background: none; cursor: pointer; text-align: left;
  white-space: nowrap;
}
.count b { font-weight: 600; }
.count .what { grid-column: 1 / -1; color: var(--muted); font-size: 12px; line-height: 1.2; }
.count:hover { background: var(--raised); }
.count:disabled { cursor: default; color: var(--muted); background: none; }
.count:disabled .icon { color: var(--muted); }
.count[aria-pressed="true"], .chip[aria-pressed="true"] {
  border-color: var(--state); background: color-mix(in srgb, var(--state) var(--tint), var(--surface));
}

.tabs { display: flex; gap: 4px; border-bottom: 1px solid var(--line); }
.tabs button {
  padding: 8px 12px; border: 0; border-bottom: 2px solid transparent; margin-bottom: -1px; background: none;
  cursor: pointer; color: var(--muted);
}
.tabs button .meta { margin-left: 6px; font-variant-numeric: tabular-nums; }
.tabs button:hover { color: var(--ink); }
.tabs [aria-selected="true"] { color: var(--ink); font-weight: 600; border-bottom-color: var(--ink); }

.body { display: grid; grid-template-columns: minmax(0, 1fr); align-items: start; gap: 20px; }
/* The drawer lies beside the list where there is room, over the head where there isn't. */
.detailed .body { padding-right: max(0px, 440px - max(0px, (100vw - 1520px) / 2)); }
#panel { container: list / inline-size; min-width: 0; }
.tools {
  position: sticky; top: 0; z-index: 3; display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px;
  padding: 12px 0 8px; background: var(--paper);
}
.search { position: relative; flex: 1 1 220px; max-width: 420px; }
.search input {
  width: 100%; height: 34px; padding: 0 30px 0 10px; border: 1px solid var(--strong); border-radius: 6px;
  background: var(--surface);
}
.search input::placeholder { color: var(--muted); opacity: 1; }
.search kbd { position: absolute; right: 8px; top: 8px; }
.search input:focus + kbd, .search input:not(:placeholder-shown) + kbd { display: none; }
.more { display: none; height: 34px; }
.filters { flex: 1 0 100%; min-width: 0; display: flex; gap: 8px; }
.chips { display: flex; gap: 4px; flex: none; }
.chip {
  display: inline-flex; align-items: center; gap: 5px; height: 34px; padding: 0 8px;
  border: 1px solid var(--line); border-radius: 6px;
  background: var(--surface); cursor: pointer; font-size: 12px;
}
.chip:hover { border-color: var(--strong); }
.chip .what { display: none; }
.chip b { font-weight: 500; font-variant-numeric: tabular-nums; }
select {
  height: 34px; flex: 0 1 auto; min-width: 0; max-width: 200px; padding: 0 4px; border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--surface); color: var(--ink); font-size: 13px; text-overflow: ellipsis;
}
select.set { border-color: var(--ink); font-weight: 600; }
.counted {
  flex: 1 1 auto; display: flex; align-items: center; justify-content: space-between; gap: 12px;
  min-height: 30px; color: var(--muted);
}

.grid {
  --account: 40px; --role: 40px; --calm: 40px; --group: 42px; --cause: 54px; --finding: 34px;
  position: relative; border-radius: 6px;
}
.grid:focus-visible { outline: none; }
.row {
  position: absolute; left: -8px; right: -8px; top: 0; display: grid; align-items: center; padding: 0 8px;
  border-radius: 6px; cursor: pointer;
}
.row:hover { background: var(--raised); }
.row.active { background: var(--raised); }
.grid:focus-visible .row.active { outline: 2px solid var(--focus); outline-offset: -2px; }
.grid:focus-visible .active .chosen { box-shadow: 0 0 0 1px var(--focus); border-color: var(--focus); }
.row > * { min-width: 0; }
.account-row {
  height: var(--account);
  grid-template-columns: minmax(0, 1.15fr) 112px minmax(0, 1.2fr) 24px minmax(0, 1.4fr) minmax(0, 0.9fr);
}
.role-row {
  height: var(--role);
  grid-template-columns: minmax(0, 1.3fr) 24px minmax(0, 1.6fr) minmax(0, 1.3fr) minmax(0, 0.8fr);
}
.role-row .policies { padding-left: 12px; }
.row.pinned { z-index: 2; border-radius: 0; background: var(--paper); }
.group-row { height: var(--group); padding-top: 10px; cursor: default; }
.group-row:hover { background: var(--paper); }
.group-row > div {
  display: flex; align-items: baseline; gap: 10px; padding-bottom: 2px; border-bottom: 1px solid var(--line);
}
.group-row .name { font-weight: 600; flex: 0 1 auto; }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 2em; }
.node {
  display: flex; align-items: center; gap: 7px; height: 30px; padding: 0 9px; border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--surface); min-width: 0;
}
.node.s-error, .node.s-warning, .node.s-unknown { border-color: color-mix(in srgb, var(--state) 55%, var(--line)); }
.node.role { border-radius: 15px; padding: 0 12px; }
.node .name { flex: 0 1 auto; min-width: 4em; }
.node .meta {
  margin-left: auto; padding-left: 6px; flex: 0 8 auto; min-width: 0; overflow: hidden;
  text-overflow: ellipsis;
}
.node .shared { flex: none; }
.node.ghost, .policy.ghost { border-style: dashed; background: none; border-color: var(--strong); }
.node .none, .policy.ghost { color: var(--muted); }
.shared { display: inline-flex; align-items: center; gap: 4px; color: var(--ink); }
.edge { position: relative; display: flex; justify-content: center; align-items: center; height: 30px; }
.edge::before, .joint::before {
  content: ""; position: absolute; left: 0; right: 0; top: 50%; border-top: 1.5px solid var(--strong);
}
.edge.s-error::before { border-top: 2px dashed var(--state); }
.edge.s-unknown::before { border-top: 2px dotted var(--state); }
.edge.s-warning::before { border-top-color: var(--state); }
.edge.loose::before { border-top-style: dotted; }
.edge .label {
  position: relative; display: inline-flex; align-items: center; gap: 4px; padding: 0 6px;
  background: var(--paper); color: var(--state);
  font-size: 12px; font-weight: 600;
}
.row:hover .edge .label, .row.active .edge .label { background: var(--raised); }
.joint { position: relative; height: 30px; }
.joint:has(+ .policies:empty)::before { display: none; }
.policies, .trusted { display: flex; align-items: center; gap: 6px; overflow: hidden; padding: 2px 0; }
.trusted .node { flex: 0 1 auto; height: 28px; }
.policy {
  display: inline-flex; align-items: center; gap: 5px; min-width: 0; padding: 2px 7px;
  border: 1px solid var(--line); border-radius: 4px;
  font-size: 12px; background: var(--surface);
}
.policy.s-error, .policy.s-warning { border-color: var(--state); }
.why { display: flex; align-items: center; gap: 6px; padding-left: 14px; }
.why code { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--muted); }
.cause-row { height: var(--cause); grid-template-columns: minmax(0, 2fr) 80px 90px minmax(0, 1fr); gap: 12px; }
.cause { display: flex; align-items: center; gap: 9px; }
.cause .said { display: grid; min-width: 0; }
.cause .headline { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.cause code { color: var(--muted); }
.fold { color: var(--muted); }
[aria-expanded="true"] .fold { transform: rotate(90deg); }
.link, .tally { color: var(--muted); font-size: 13px; white-space: nowrap; }
.reach { display: grid; gap: 3px; font-size: 12px; color: var(--muted); }
.reach .bar { display: block; height: 6px; border-radius: 3px; background: var(--raised); }
.row:hover .bar, .active .bar { background: var(--line); }
.reach .fill { display: block; height: 100%; min-width: 2px; border-radius: 3px; background: var(--state); }
.finding-row { height: var(--finding); padding-left: 40px; }
.gist { display: flex; align-items: center; gap: 9px; }
.gist .message { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#by-sort { margin-left: auto; }
.empty, .beyond { padding: 40px 0; text-align: center; color: var(--muted); }

@container list (max-width: 1000px) {
  .account-row { grid-template-columns: minmax(0, 1fr) 100px minmax(0, 1fr) minmax(0, 0.8fr); }
  .account-row .policies, .account-row .joint, .role-row .policies { display: none; }
  .role-row { grid-template-columns: minmax(0, 1fr) 24px minmax(0, 1.3fr) minmax(0, 0.8fr); }
}

dialog {
  display: none; position: fixed; inset: 0 0 0 auto; z-index: 5; width: 460px; max-width: 100%; height: 100%;
  max-height: none;
  margin: 0; padding: 0; overflow-y: auto;
  border: 0; border-left: 1px solid var(--line); background: var(--surface); color: var(--ink);
  overscroll-behavior: contain;
}
dialog[open] { display: block; }
dialog::backdrop { background: none; }
dialog > .head {
  position: sticky; top: 0; z-index: 1; display: flex; justify-content: space-between; align-items: start;
  gap: 12px; padding: 14px 20px 10px; background: var(--surface); border-bottom: 1px solid var(--line);
}
dialog h2 { font-size: 17px; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere; }
dialog h2:focus-visible { outline: none; }
dialog h2 .state { vertical-align: 2px; margin-left: 4px; }
.close { padding: 4px 7px; line-height: 1; }
.content { display: grid; gap: 16px; padding: 16px 20px 40px; }
.content > * { min-width: 0; }
.content > .opener { justify-self: start; }
dialog h3 { font-size: 13px; font-weight: 650; margin-bottom: -6px; }
section h3 { margin-bottom: 6px; }
.copied { display: inline-flex; align-items: center; gap: 2px; max-width: 100%; }
dialog .facts { display: grid; gap: 6px; }
dialog .facts > div { display: grid; grid-template-columns: 104px minmax(0, 1fr); gap: 10px; }
.path { display: grid; }
.path > div { position: relative; display: grid; gap: 2px; padding: 0 0 14px 22px; }
.path > div::before {
  content: ""; position: absolute; left: 5px; top: 9px; bottom: -9px; border-left: 1.5px solid var(--strong);
}
.path > div:last-child { padding-bottom: 0; }
.path > div:last-child::before { display: none; }
.path > div::after {
  content: ""; position: absolute; left: 0; top: 4px; width: 11px; height: 11px;
  border: 2px solid var(--state, var(--strong)); border-radius: 50%; background: var(--surface);
}
.path dd { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 8px; }
.opener {
  display: inline-flex; align-items: center; gap: 7px; max-width: 100%; padding: 4px 9px;
  border: 1px solid var(--line); border-radius: 6px;
  background: var(--surface); cursor: pointer; text-align: left;
}
.opener:hover { border-color: var(--strong); background: var(--raised); }
.opener .icon:last-child { width: 10px; height: 10px; color: var(--muted); margin-left: auto; }
.entries { display: grid; gap: 6px; }
.entries li { min-width: 0; display: flex; align-items: center; gap: 6px; }
.entries + .quiet { margin-top: 8px; }
.entries .finding { flex: 1; }
.ghost .copied code { text-decoration: none; color: var(--muted); }
.chain {
  display: grid; grid-template-columns: repeat(6, 1fr); padding: 8px 4px; border: 1px solid var(--line);
  border-radius: 6px; font-size: 12px;
}
.chain li { position: relative; display: grid; justify-items: center; gap: 3px; color: var(--state, var(--muted)); }
.chain li[class^="s-"] { font-weight: 600; }
.chain .icon, .chain .dot { position: relative; z-index: 1; background: var(--surface); }
.chain .dot {
  width: 14px; height: 14px; border: 4px solid var(--surface); border-radius: 50%; background: var(--strong);
}
.chain li + li::before {
  content: ""; position: absolute; left: -50%; right: 50%; top: 7px; border-top: 1.5px solid var(--line);
}
.finding {
  padding: 10px 12px 12px; border: 1px solid var(--line); border-left: 3px solid var(--state);
  border-radius: 6px; display: grid; gap: 8px;
}
.finding > header { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; }
.finding h4 { font-size: 14px; font-weight: 600; }
.values { display: grid; gap: 6px; }
.values dd {
  font: 12px/1.5 var(--mono); padding: 4px 8px; border-radius: 4px; background: var(--raised);
  white-space: pre-wrap;
}
.fix {
  position: relative; padding: 8px 10px; border-radius: 6px;
  background: color-mix(in srgb, var(--note) var(--tint), var(--surface));
}
.fix h4 { font-size: 12px; color: var(--note); }
.fix p { white-space: pre-wrap; overflow-wrap: anywhere; }
.fix .copy {
  position: absolute; right: 4px; top: 5px; display: flex; align-items: center; gap: 4px; color: var(--note);
}
.calm { display: flex; align-items: center; gap: 7px; color: var(--muted); }
.keys { padding: 20px 0 32px; color: var(--muted); font-size: 12px; }

.plain table { border-collapse: collapse; margin: 16px 0; }
.plain th, .plain td { padding: 4px 12px; border-bottom: 1px solid var(--line); text-align: right; }
.plain th:first-child { text-align: left; }
.plain h2 { font-size: 16px; margin: 20px 0 4px; }
.plain .finding { margin: 12px 0; background: var(--surface); }
.plain h3 { display: flex; align-items: center; gap: 10px; font-size: 13px; }

@media (max-width: 1100px) { .summary { grid-template-columns: 1fr 1fr; } }
@media (max-width: 760px) {
  .page { padding: 0 14px; }
  header.page { padding-top: 14px; gap: 8px 12px; }
  h1 { font-size: 20px; }
  header .facts { gap: 6px 20px; }
  .summary { grid-template-columns: minmax(0, 1fr) auto; gap: 8px; margin: 10px 0 8px; }
  .card { padding: 6px 12px 4px; }
  .card.accounts, .card.roles { grid-column: 1 / -1; }
  .card h2 b { font-size: 16px; }
  .card .stripe { margin: 4px 0; }
  .count { padding: 5px 6px; }
  .tabs button { padding: 8px; text-align: left; }
  .tabs button .meta { display: block; margin: 0; line-height: 1.1; }
  .detailed .body { padding-right: 0; }
  header .facts code { font-size: 11px; }
  .search { flex-basis: 0; max-width: none; }
  .search input { height: 40px; font-size: 16px; }
  .search kbd { display: none; }
  .more { display: block; height: 40px; }
  .filters { display: none; flex: 1 0 100%; grid-template-columns: 1fr 1fr; gap: 8px; }
  .filters.open { display: grid; }
  .chips { grid-column: 1 / -1; flex-wrap: wrap; }
  .chip .what { display: inline; }
  .chip, select { height: 40px; max-width: none; width: 100%; }
  .chip { width: auto; }
  .counted { flex: 1 0 100%; order: 2; }
  .grid { --account: 106px; --role: 106px; --calm: 90px; --cause: 96px; --finding: 44px; }
  .group-row .word { display: none; }
  .row { left: 0; right: 0; padding: 0 2px; }
  .account-row, .role-row {
    align-content: center; row-gap: 0; border-bottom: 1px solid var(--line); border-radius: 0;
  }
  .account-row { grid-template: "account account" 32px "edge why" 24px "role role" 32px / 96px minmax(0, 1fr); }
  .row.sound { height: var(--calm); }
  .account-row.sound { grid-template-rows: 32px 8px 32px; }
  .role-row.sound { grid-template-rows: 32px 8px 34px; }
  .account-row .account { grid-area: account; }
  .account-row .edge { grid-area: edge; height: 24px; justify-content: start; padding-left: 8px; }
  .account-row.sound .edge { height: 8px; }
  .account-row .edge::before {
    left: 14px; right: auto; top: 0; bottom: 0; border-top: 0; border-left: 1.5px solid var(--strong);
  }
  .account-row .edge.s-error::before { border-top: 0; border-left: 2px dashed var(--state); }
  .account-row .edge.s-unknown::before { border-top: 0; border-left: 2px dotted var(--state); }
  .account-row .edge .label { padding: 0 4px 0 0; }
  .account-row .role { grid-area: role; }
  .account-row .why { grid-area: why; padding: 0; justify-content: end; }
  .role-row { grid-template: "role role" 32px "joint why" 20px "trusted trusted" 34px / 30px minmax(0, 1fr); }
  .role-row .node.role { grid-area: role; }
  .role-row .joint { grid-area: joint; height: 20px; }
  .role-row.sound .joint { height: 8px; }
  .role-row .joint::before {
    left: 14px; right: auto; top: 0; bottom: 0; border-top: 0; border-left: 1.5px solid var(--strong);
  }
  .role-row .why { grid-area: why; padding: 0; justify-content: end; }
  .role-row .trusted { grid-area: trusted; }
  .cause-row {
    grid-template: "cause cause" auto "reach tally" auto / minmax(0, 1fr) auto; align-content: center;
    gap: 6px 12px; border-bottom: 1px solid var(--line); border-radius: 0;
  }
  .cause-row .cause { grid-area: cause; }
  .cause-row .link { display: none; }
  .cause-row .tally { grid-area: tally; }
  .cause-row .reach { grid-area: reach; }
  .finding-row { padding-left: 20px; }
  dialog { width: 100%; border: 0; }
  .close, .opener { min-height: 36px; }
  .keys { display: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .quiet, .chip, .count { transition: background-color 0.12s, border-color 0.12s; }
}
@media (forced-colors: active) {
  .stripe span, .reach .fill { background: CanvasText; }
  .row.active { outline: 2px solid Highlight; outline-offset: -2px; }
}
@media print {
  :root, :root[data-theme] { color-scheme: light; }
  @page { margin: 14mm; }
  :root { --paper: #ffffff; }
  * { print-color-adjust: exact; }
  body { font-size: 12px; }
  .page { padding: 0 1px; max-width: none; }
  .theme, .copy, .tabs, .search, .more, .filters, #clear, .skip, .keys, .close { display: none !important; }
  .tools { position: static; padding: 0; }
  .row { position: relative; left: 0; right: 0; padding: 0; break-inside: avoid; }
  .group-row { break-after: avoid; }
  .gist .message { white-space: normal; }
  .finding-row { height: auto; padding-block: 3px; }
  .beyond { padding: 12px 0; }
  .detailed .body { padding-right: 0; }
  dialog { position: static; height: auto; border: 0; border-top: 1px solid var(--line); }
}
"""
