# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Generated from web/audit by "make web". Edit it there.

"""Markup, style and script of an audit's page."""

MARKUP = r"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="$policy" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<meta name="referrer" content="no-referrer" />
<title>IRSA audit of $name</title>
<link rel="icon" href="data:," />
<style>$style</style>
</head>
<body>
<a class="skip" href="#grid" id="skip">Skip to the list</a>
<svg class="symbols" aria-hidden="true">
<symbol id="i-ok" viewBox="0 0 16 16">
<circle class="line" cx="8" cy="8" r="6.5" />
<path class="line" d="m5 8.2 2.1 2.1L11 6" />
</symbol>
<symbol id="i-note" viewBox="0 0 16 16">
<rect class="line" x="1.75" y="1.75" width="12.5" height="12.5" rx="2.5" />
<path class="line" d="M8 7.3v4.2M8 4.4v.7" />
</symbol>
<symbol id="i-warning" viewBox="0 0 16 16">
<path class="full" d="M8 1 15.4 14.5H.6z" />
<path class="cut" d="M8 6v4M8 12v.8" />
</symbol>
<symbol id="i-error" viewBox="0 0 16 16">
<path class="full" d="M4.9.6h6.2l4.3 4.3v6.2l-4.3 4.3H4.9L.6 11.1V4.9z" />
<path class="cut" d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4" />
</symbol>
<symbol id="i-unknown" viewBox="0 0 16 16">
<path class="line dash" d="M8 .9 15.1 8 8 15.1.9 8z" />
<path class="line" d="M6.3 6.7c0-2.2 3.4-2.2 3.4 0 0 1.2-1.7 1.2-1.7 2.4M8 10.9v.6" />
</symbol>
<symbol id="i-shared" viewBox="0 0 16 16">
<circle class="line" cx="3.2" cy="3.5" r="2.2" />
<circle class="line" cx="3.2" cy="12.5" r="2.2" />
<circle class="line" cx="12.8" cy="8" r="2.2" />
<path class="line" d="m5.2 4.5 5.6 2.6m0 1.8-5.6 2.6" />
</symbol>
<symbol id="i-copy" viewBox="0 0 16 16">
<rect class="line" x="5.5" y="5.5" width="8.5" height="8.5" rx="1.5" />
<path class="line" d="M3.5 10.5H3A1.5 1.5 0 0 1 1.5 9V3A1.5 1.5 0 0 1 3 1.5h6A1.5 1.5 0 0 1 10.5 3v.5" />
</symbol>
<symbol id="i-close" viewBox="0 0 16 16">
<path class="line" d="m3.5 3.5 9 9m0-9-9 9" />
</symbol>
<symbol id="i-open" viewBox="0 0 16 16">
<path class="line" d="m5.5 3 5 5-5 5" />
</symbol>
</svg>
<header class="page" id="head">
<div class="title">
<p class="kind">IRSA audit</p>
<h1><bdi>$name</bdi></h1>
</div>
<button type="button" class="quiet theme scripted" id="theme">Theme: system</button>
$facts $skipped_checks
</header>
<noscript>
<section class="page no-script">$summary</section>
</noscript>
<main class="page scripted" id="app">
<section class="summary" id="summary" aria-label="Summary"></section>
<div class="tabs" role="tablist" aria-label="Views" id="tabs"></div>
<div class="body">
<div id="panel" role="tabpanel" aria-labelledby="tab-accounts">
<div class="tools" id="tools">
<div class="search">
<label class="hidden" for="search">Search names, policies and findings</label>
<input
type="search"
id="search"
autocomplete="off"
spellcheck="false"
placeholder="Search names and findings"
aria-keyshortcuts="/"
/><kbd aria-hidden="true">/</kbd>
</div>
<button type="button" class="quiet more" id="more" aria-expanded="false" aria-controls="filters">
Filters
</button>
<div class="result-count">
<p id="count" role="status" aria-live="polite"></p>
<button type="button" class="quiet" id="clear" hidden>Clear filters</button>
</div>
<div class="filters" id="filters" role="group" aria-label="Filters and order"></div>
</div>
<div id="grid" class="grid" role="grid" tabindex="0" aria-label="Service accounts"></div>
<p class="not-printed" id="not-printed" hidden></p>
<div class="empty" id="empty" hidden></div>
</div>
<dialog id="details" aria-labelledby="details-title"></dialog>
</div>
<p class="keys">
Keys: <kbd>/</kbd> search, <kbd>&uarr;</kbd> <kbd>&darr;</kbd> move, <kbd>&larr;</kbd> <kbd>&rarr;</kbd> account
or role, <kbd>Enter</kbd> opens, <kbd>Esc</kbd> closes. The address keeps the filters.
</p>
<div class="hidden" id="announcement" role="status" aria-live="polite"></div>
</main>
<script type="application/json" id="audit">
$data
</script>
<script type="application/json" id="causes">
$causes
</script>
<script>$script</script>
</body>
</html>
"""

STYLE = r""":root {
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
:root[data-theme="light"] {
color-scheme: light;
}
:root[data-theme="dark"] {
color-scheme: dark;
--tint: 12%;
}
@media (prefers-color-scheme: dark) {
:root:not([data-theme="light"]) {
--tint: 12%;
}
}
.s-error {
--state: var(--error);
}
.s-unknown {
--state: var(--unknown);
}
.s-warning {
--state: var(--warning);
}
.s-note {
--state: var(--note);
}
.s-ok {
--state: var(--ok);
}
*,
*::before,
*::after {
box-sizing: border-box;
}
html {
-webkit-text-size-adjust: 100%;
overflow-y: scroll;
}
body {
margin: 0;
background: var(--paper);
color: var(--ink);
font:
14px/1.45 system-ui,
-apple-system,
"Segoe UI",
Roboto,
"Noto Sans",
"Liberation Sans",
sans-serif;
}
h1,
h2,
h3,
h4,
p,
ul,
ol,
dl,
dd,
figure {
margin: 0;
padding: 0;
}
ul,
ol {
list-style: none;
}
button,
input,
select {
font: inherit;
color: inherit;
}
code {
font: 12px/1.45 var(--mono);
}
bdi,
dd,
code,
.message {
overflow-wrap: anywhere;
}
[hidden],
.symbols {
display: none !important;
}
html:not(.js) .scripted,
html:not(.js) .opener > .icon {
display: none;
}
html:not(.js) .opener {
padding: 0;
border: 0;
pointer-events: none;
background: none;
}
.hidden {
position: absolute;
width: 1px;
height: 1px;
overflow: hidden;
clip-path: inset(50%);
white-space: nowrap;
}
:focus-visible {
outline: 2px solid var(--focus);
outline-offset: 2px;
border-radius: 4px;
}
.skip {
position: absolute;
left: 8px;
top: -60px;
z-index: 9;
padding: 8px 12px;
background: var(--surface);
color: var(--ink);
}
.skip:focus {
top: 8px;
}
.page {
max-width: 1520px;
margin: 0 auto;
padding: 0 24px;
}
.meta {
color: var(--muted);
font-size: 12px;
white-space: nowrap;
}
.kind {
color: var(--muted);
font-size: 12px;
}
.icon {
width: 14px;
height: 14px;
flex: none;
color: var(--state, currentColor);
vertical-align: -2px;
}
.icon .line,
symbol .line {
fill: none;
stroke: currentColor;
stroke-width: 1.6;
stroke-linecap: round;
stroke-linejoin: round;
}
symbol .dash {
stroke-dasharray: 2.6 2.2;
}
symbol .full {
fill: currentColor;
}
symbol .cut {
fill: none;
stroke: var(--surface);
stroke-width: 1.9;
stroke-linecap: round;
}
.state {
display: inline-flex;
align-items: center;
gap: 4px;
color: var(--state);
font-size: 12px;
font-weight: 600;
white-space: nowrap;
}
.quiet {
padding: 4px 10px;
border: 1px solid var(--line);
border-radius: 6px;
background: var(--surface);
cursor: pointer;
font-size: 13px;
}
.quiet:hover {
border-color: var(--strong);
}
.copy {
padding: 2px 4px;
border: 0;
background: none;
color: var(--muted);
cursor: pointer;
border-radius: 4px;
font-size: 12px;
}
.copy .icon {
color: inherit;
}
.copy:hover {
color: var(--ink);
background: var(--raised);
}
.copy.done {
color: var(--ok);
}
.copy.done::after {
content: " copied";
}
kbd {
padding: 0 5px;
border: 1px solid var(--line);
border-radius: 4px;
background: var(--surface);
color: var(--muted);
font: 12px/1.5 var(--mono);
}
header.page {
display: grid;
grid-template-columns: 1fr auto;
gap: 8px 24px;
padding-top: 20px;
}
h1 {
font-size: 24px;
line-height: 1.2;
font-weight: 650;
letter-spacing: -0.01em;
overflow-wrap: anywhere;
}
.theme {
align-self: start;
}
header .facts {
grid-column: 1 / -1;
display: flex;
flex-wrap: wrap;
gap: 4px 24px;
}
header .facts div {
min-width: 0;
}
dt {
color: var(--muted);
font-size: 12px;
}
header .facts dd {
display: flex;
align-items: center;
gap: 4px;
}
header .opener {
padding: 0 6px;
}
.skipped-checks {
grid-column: 1 / -1;
display: flex;
flex-wrap: wrap;
gap: 0 14px;
margin-top: 4px;
padding: 7px 12px;
border: 1px solid var(--line);
border-left: 3px solid var(--state);
border-radius: 6px;
background: var(--surface);
}
.skipped-checks h2 {
font-size: 14px;
font-weight: 600;
color: var(--state);
}
.skipped-checks > div {
flex: 1 1 240px;
}
.skipped-checks summary {
cursor: pointer;
color: var(--muted);
}
.summary {
display: grid;
grid-template-columns: 1.55fr 1.5fr 1fr 0.55fr;
gap: 12px;
margin: 14px 0 12px;
}
.card {
padding: 10px 14px 8px;
border: 1px solid var(--line);
border-radius: 8px;
background: var(--surface);
min-width: 0;
}
.card h2 {
display: flex;
justify-content: space-between;
gap: 10px;
align-items: baseline;
font-size: 13px;
font-weight: 500;
color: var(--muted);
}
.card h2 b {
color: var(--ink);
font-size: 20px;
font-weight: 600;
}
.stripe {
display: flex;
gap: 2px;
height: 5px;
margin: 6px 0 6px;
border-radius: 3px;
overflow: hidden;
background: var(--raised);
}
.stripe span {
min-width: 3px;
flex-basis: 0;
background: var(--state);
}
.stripe .s-ok {
opacity: 0.45;
}
.counts {
display: flex;
flex-wrap: wrap;
gap: 2px 6px;
margin: 0 -7px;
}
.count {
display: grid;
grid-template-columns: auto 1fr;
align-items: center;
gap: 0 5px;
padding: 2px 6px;
border: 1px solid transparent;
border-radius: 6px;
background: none;
cursor: pointer;
text-align: left;
white-space: nowrap;
}
.count b {
font-weight: 600;
}
.count .caption {
grid-column: 1 / -1;
color: var(--muted);
font-size: 12px;
line-height: 1.2;
}
.count:hover {
background: var(--raised);
}
.count:disabled {
cursor: default;
color: var(--muted);
background: none;
}
.count:disabled .icon {
color: var(--muted);
}
.count[aria-pressed="true"],
.chip[aria-pressed="true"] {
border-color: var(--state);
background: color-mix(in srgb, var(--state) var(--tint), var(--surface));
}
.tabs {
display: flex;
gap: 4px;
border-bottom: 1px solid var(--line);
}
.tabs button {
padding: 8px 12px;
border: 0;
border-bottom: 2px solid transparent;
margin-bottom: -1px;
background: none;
cursor: pointer;
color: var(--muted);
}
.tabs button .meta {
margin-left: 6px;
font-variant-numeric: tabular-nums;
}
.tabs button:hover {
color: var(--ink);
}
.tabs [aria-selected="true"] {
color: var(--ink);
font-weight: 600;
border-bottom-color: var(--ink);
}
.body {
display: grid;
grid-template-columns: minmax(0, 1fr);
align-items: start;
gap: 20px;
}
.has-details .body {
padding-right: max(0px, 440px - max(0px, (100vw - 1520px) / 2));
}
#panel {
container: list / inline-size;
min-width: 0;
}
.tools {
position: sticky;
top: 0;
z-index: 3;
display: flex;
flex-wrap: wrap;
align-items: center;
gap: 8px 12px;
padding: 12px 0 8px;
background: var(--paper);
}
.search {
position: relative;
flex: 1 1 220px;
max-width: 420px;
}
.search input {
width: 100%;
height: 34px;
padding: 0 30px 0 10px;
border: 1px solid var(--strong);
border-radius: 6px;
background: var(--surface);
}
.search input::placeholder {
color: var(--muted);
opacity: 1;
}
.search kbd {
position: absolute;
right: 8px;
top: 8px;
}
.search input:focus + kbd,
.search input:not(:placeholder-shown) + kbd {
display: none;
}
.more {
display: none;
height: 34px;
}
.filters {
flex: 1 0 100%;
min-width: 0;
display: flex;
gap: 8px;
}
.chips {
display: flex;
gap: 4px;
flex: none;
}
.chip {
display: inline-flex;
align-items: center;
gap: 5px;
height: 34px;
padding: 0 8px;
border: 1px solid var(--line);
border-radius: 6px;
background: var(--surface);
cursor: pointer;
font-size: 12px;
}
.chip:hover {
border-color: var(--strong);
}
.chip .caption {
display: none;
}
.chip b {
font-weight: 500;
font-variant-numeric: tabular-nums;
}
select {
height: 34px;
flex: 0 1 auto;
min-width: 0;
max-width: 200px;
padding: 0 4px;
border: 1px solid var(--line);
border-radius: 6px;
background: var(--surface);
color: var(--ink);
font-size: 13px;
text-overflow: ellipsis;
}
select.set {
border-color: var(--ink);
font-weight: 600;
}
.result-count {
flex: 1 1 auto;
display: flex;
align-items: center;
justify-content: space-between;
gap: 12px;
min-height: 30px;
color: var(--muted);
}
.keys {
padding: 20px 0 32px;
color: var(--muted);
font-size: 12px;
}
.no-script table {
border-collapse: collapse;
margin: 16px 0;
}
.no-script th,
.no-script td {
padding: 4px 12px;
border-bottom: 1px solid var(--line);
text-align: right;
}
.no-script th:first-child {
text-align: left;
}
.no-script h2 {
font-size: 16px;
margin: 20px 0 4px;
}
.no-script .finding {
margin: 12px 0;
background: var(--surface);
}
.no-script h3 {
display: flex;
align-items: center;
gap: 10px;
font-size: 13px;
}
.grid {
--height-account: 40px;
--height-role: 40px;
--height-ok: 40px;
--height-group: 42px;
--height-cause: 54px;
--height-finding: 34px;
position: relative;
border-radius: 6px;
}
.grid:focus-visible {
outline: none;
}
.row {
position: absolute;
left: -8px;
right: -8px;
top: 0;
display: grid;
align-items: center;
padding: 0 8px;
border-radius: 6px;
cursor: pointer;
}
.row:hover {
background: var(--raised);
}
.row.active {
background: var(--raised);
}
.grid:focus-visible .row.active {
outline: 2px solid var(--focus);
outline-offset: -2px;
}
.grid:focus-visible .active .chosen {
box-shadow: 0 0 0 1px var(--focus);
border-color: var(--focus);
}
.row > * {
min-width: 0;
}
.account-row {
height: var(--height-account);
grid-template-columns: minmax(0, 1.15fr) 112px minmax(0, 1.2fr) 24px minmax(0, 1.4fr) minmax(0, 0.9fr);
}
.role-row {
height: var(--height-role);
grid-template-columns: minmax(0, 1.3fr) 24px minmax(0, 1.6fr) minmax(0, 1.3fr) minmax(0, 0.8fr);
}
.role-row .policies {
padding-left: 12px;
}
.row.pinned {
z-index: 2;
border-radius: 0;
background: var(--paper);
}
.group-row {
height: var(--height-group);
padding-top: 10px;
cursor: default;
}
.group-row:hover {
background: var(--paper);
}
.group-row > div {
display: flex;
align-items: baseline;
gap: 10px;
padding-bottom: 2px;
border-bottom: 1px solid var(--line);
}
.group-row .name {
font-weight: 600;
flex: 0 1 auto;
}
.name {
overflow: hidden;
text-overflow: ellipsis;
white-space: nowrap;
min-width: 2em;
}
.node {
display: flex;
align-items: center;
gap: 7px;
height: 30px;
padding: 0 9px;
border: 1px solid var(--line);
border-radius: 6px;
background: var(--surface);
min-width: 0;
}
.node.s-error,
.node.s-warning,
.node.s-unknown {
border-color: color-mix(in srgb, var(--state) 55%, var(--line));
}
.node.role {
border-radius: 15px;
padding: 0 12px;
}
.node .name {
flex: 0 1 auto;
min-width: 4em;
}
.node .meta {
margin-left: auto;
padding-left: 6px;
flex: 0 8 auto;
min-width: 0;
overflow: hidden;
text-overflow: ellipsis;
}
.node .shared {
flex: none;
}
.node.missing,
.policy.missing {
border-style: dashed;
background: none;
border-color: var(--strong);
}
.node .none,
.policy.missing {
color: var(--muted);
}
.shared {
display: inline-flex;
align-items: center;
gap: 4px;
color: var(--ink);
}
.edge {
position: relative;
display: flex;
justify-content: center;
align-items: center;
height: 30px;
}
.edge::before,
.connector::before {
content: "";
position: absolute;
left: 0;
right: 0;
top: 50%;
border-top: 1.5px solid var(--strong);
}
.edge.s-error::before {
border-top: 2px dashed var(--state);
}
.edge.s-unknown::before {
border-top: 2px dotted var(--state);
}
.edge.s-warning::before {
border-top-color: var(--state);
}
.edge.unbound::before {
border-top-style: dotted;
}
.edge .label {
position: relative;
display: inline-flex;
align-items: center;
gap: 4px;
padding: 0 6px;
background: var(--paper);
color: var(--state);
font-size: 12px;
font-weight: 600;
}
.row:hover .edge .label,
.row.active .edge .label {
background: var(--raised);
}
.connector {
position: relative;
height: 30px;
}
.connector:has(+ .policies:empty)::before {
display: none;
}
.policies,
.trusted {
display: flex;
align-items: center;
gap: 6px;
overflow: hidden;
padding: 2px 0;
}
.trusted .node {
flex: 0 1 auto;
height: 28px;
}
.policy {
display: inline-flex;
align-items: center;
gap: 5px;
min-width: 0;
padding: 2px 7px;
border: 1px solid var(--line);
border-radius: 4px;
font-size: 12px;
background: var(--surface);
}
.policy.s-error,
.policy.s-warning {
border-color: var(--state);
}
.worst-finding {
display: flex;
align-items: center;
gap: 6px;
padding-left: 14px;
}
.worst-finding code {
overflow: hidden;
text-overflow: ellipsis;
white-space: nowrap;
color: var(--muted);
}
.cause-row {
height: var(--height-cause);
grid-template-columns: minmax(0, 2fr) 80px 90px minmax(0, 1fr);
gap: 12px;
}
.cause {
display: flex;
align-items: center;
gap: 9px;
}
.cause .cause-text {
display: grid;
min-width: 0;
}
.cause .title-line {
font-weight: 600;
overflow: hidden;
text-overflow: ellipsis;
white-space: nowrap;
}
.cause code {
color: var(--muted);
}
.expander {
color: var(--muted);
}
[aria-expanded="true"] .expander {
transform: rotate(90deg);
}
.link,
.finding-count {
color: var(--muted);
font-size: 13px;
white-space: nowrap;
}
.affected {
display: grid;
gap: 3px;
font-size: 12px;
color: var(--muted);
}
.affected .bar {
display: block;
height: 6px;
border-radius: 3px;
background: var(--raised);
}
.row:hover .bar,
.active .bar {
background: var(--line);
}
.affected .fill {
display: block;
height: 100%;
min-width: 2px;
border-radius: 3px;
background: var(--state);
}
.finding-row {
height: var(--height-finding);
padding-left: 40px;
}
.finding-summary {
display: flex;
align-items: center;
gap: 9px;
}
.finding-summary .message {
overflow: hidden;
text-overflow: ellipsis;
white-space: nowrap;
}
#by-sort {
margin-left: auto;
}
.empty,
.not-printed {
padding: 40px 0;
text-align: center;
color: var(--muted);
}
@container list (max-width: 1000px) {
.account-row {
grid-template-columns: minmax(0, 1fr) 100px minmax(0, 1fr) minmax(0, 0.8fr);
}
.account-row .policies,
.account-row .connector,
.role-row .policies {
display: none;
}
.role-row {
grid-template-columns: minmax(0, 1fr) 24px minmax(0, 1.3fr) minmax(0, 0.8fr);
}
}
dialog {
display: none;
position: fixed;
inset: 0 0 0 auto;
z-index: 5;
width: 460px;
max-width: 100%;
height: 100%;
max-height: none;
margin: 0;
padding: 0;
overflow-y: auto;
border: 0;
border-left: 1px solid var(--line);
background: var(--surface);
color: var(--ink);
overscroll-behavior: contain;
}
dialog[open] {
display: block;
}
dialog::backdrop {
background: none;
}
dialog > .head {
position: sticky;
top: 0;
z-index: 1;
display: flex;
justify-content: space-between;
align-items: start;
gap: 12px;
padding: 14px 20px 10px;
background: var(--surface);
border-bottom: 1px solid var(--line);
}
dialog h2 {
font-size: 17px;
line-height: 1.3;
font-weight: 650;
overflow-wrap: anywhere;
}
dialog h2:focus-visible {
outline: none;
}
dialog h2 .state {
vertical-align: 2px;
margin-left: 4px;
}
.close {
padding: 4px 7px;
line-height: 1;
}
.content {
display: grid;
gap: 16px;
padding: 16px 20px 40px;
}
.content > * {
min-width: 0;
}
.content > .opener {
justify-self: start;
}
dialog h3 {
font-size: 13px;
font-weight: 650;
margin-bottom: -6px;
}
section h3 {
margin-bottom: 6px;
}
.copyable {
display: inline-flex;
align-items: center;
gap: 2px;
max-width: 100%;
}
dialog .facts {
display: grid;
gap: 6px;
}
dialog .facts > div {
display: grid;
grid-template-columns: 104px minmax(0, 1fr);
gap: 10px;
}
.path {
display: grid;
}
.path > div {
position: relative;
display: grid;
gap: 2px;
padding: 0 0 14px 22px;
}
.path > div::before {
content: "";
position: absolute;
left: 5px;
top: 9px;
bottom: -9px;
border-left: 1.5px solid var(--strong);
}
.path > div:last-child {
padding-bottom: 0;
}
.path > div:last-child::before {
display: none;
}
.path > div::after {
content: "";
position: absolute;
left: 0;
top: 4px;
width: 11px;
height: 11px;
border: 2px solid var(--state, var(--strong));
border-radius: 50%;
background: var(--surface);
}
.path dd {
display: flex;
flex-wrap: wrap;
align-items: center;
gap: 2px 8px;
}
.opener {
display: inline-flex;
align-items: center;
gap: 7px;
max-width: 100%;
padding: 4px 9px;
border: 1px solid var(--line);
border-radius: 6px;
background: var(--surface);
cursor: pointer;
text-align: left;
}
.opener:hover {
border-color: var(--strong);
background: var(--raised);
}
.opener .icon:last-child {
width: 10px;
height: 10px;
color: var(--muted);
margin-left: auto;
}
.entries {
display: grid;
gap: 6px;
}
.entries li {
min-width: 0;
display: flex;
align-items: center;
gap: 6px;
}
.entries + .quiet {
margin-top: 8px;
}
.entries .finding {
flex: 1;
}
.missing .copyable code {
text-decoration: none;
color: var(--muted);
}
.chain {
display: grid;
grid-template-columns: repeat(6, 1fr);
padding: 8px 4px;
border: 1px solid var(--line);
border-radius: 6px;
font-size: 12px;
}
.chain li {
position: relative;
display: grid;
justify-items: center;
gap: 3px;
color: var(--state, var(--muted));
}
.chain li[class^="s-"] {
font-weight: 600;
}
.chain .icon,
.chain .dot {
position: relative;
z-index: 1;
background: var(--surface);
}
.chain .dot {
width: 14px;
height: 14px;
border: 4px solid var(--surface);
border-radius: 50%;
background: var(--strong);
}
.chain li + li::before {
content: "";
position: absolute;
left: -50%;
right: 50%;
top: 7px;
border-top: 1.5px solid var(--line);
}
.finding {
padding: 10px 12px 12px;
border: 1px solid var(--line);
border-left: 3px solid var(--state);
border-radius: 6px;
display: grid;
gap: 8px;
}
.finding > header {
display: flex;
flex-wrap: wrap;
align-items: center;
gap: 4px 10px;
}
.finding h4 {
font-size: 14px;
font-weight: 600;
}
.values {
display: grid;
gap: 6px;
}
.values dd {
font: 12px/1.5 var(--mono);
padding: 4px 8px;
border-radius: 4px;
background: var(--raised);
white-space: pre-wrap;
}
.fix {
position: relative;
padding: 8px 10px;
border-radius: 6px;
background: color-mix(in srgb, var(--note) var(--tint), var(--surface));
}
.fix h4 {
font-size: 12px;
color: var(--note);
}
.fix p {
white-space: pre-wrap;
overflow-wrap: anywhere;
}
.fix .copy {
position: absolute;
right: 4px;
top: 5px;
display: flex;
align-items: center;
gap: 4px;
color: var(--note);
}
.no-findings {
display: flex;
align-items: center;
gap: 7px;
color: var(--muted);
}
@media (max-width: 1100px) {
.summary {
grid-template-columns: 1fr 1fr;
}
}
@media (max-width: 760px) {
.page {
padding: 0 14px;
}
header.page {
padding-top: 14px;
gap: 8px 12px;
}
h1 {
font-size: 20px;
}
header .facts {
gap: 6px 20px;
}
.summary {
grid-template-columns: minmax(0, 1fr) auto;
gap: 8px;
margin: 10px 0 8px;
}
.card {
padding: 6px 12px 4px;
}
.card.accounts,
.card.roles {
grid-column: 1 / -1;
}
.card h2 b {
font-size: 16px;
}
.card .stripe {
margin: 4px 0;
}
.count {
padding: 5px 6px;
}
.tabs button {
padding: 8px;
text-align: left;
}
.tabs button .meta {
display: block;
margin: 0;
line-height: 1.1;
}
.has-details .body {
padding-right: 0;
}
header .facts code {
font-size: 11px;
}
.search {
flex-basis: 0;
max-width: none;
}
.search input {
height: 40px;
font-size: 16px;
}
.search kbd {
display: none;
}
.more {
display: block;
height: 40px;
}
.filters {
display: none;
flex: 1 0 100%;
grid-template-columns: 1fr 1fr;
gap: 8px;
}
.filters.open {
display: grid;
}
.chips {
grid-column: 1 / -1;
flex-wrap: wrap;
}
.chip .caption {
display: inline;
}
.chip,
select {
height: 40px;
max-width: none;
width: 100%;
}
.chip {
width: auto;
}
.result-count {
flex: 1 0 100%;
order: 2;
}
.grid {
--height-account: 106px;
--height-role: 106px;
--height-ok: 90px;
--height-cause: 96px;
--height-finding: 44px;
}
.group-row .state-name {
display: none;
}
.row {
left: 0;
right: 0;
padding: 0 2px;
}
.account-row,
.role-row {
align-content: center;
row-gap: 0;
border-bottom: 1px solid var(--line);
border-radius: 0;
}
.account-row {
grid-template: "account account" 32px "edge worst" 24px "role role" 32px / 96px minmax(0, 1fr);
}
.row.ok {
height: var(--height-ok);
}
.account-row.ok {
grid-template-rows: 32px 8px 32px;
}
.role-row.ok {
grid-template-rows: 32px 8px 34px;
}
.account-row .account {
grid-area: account;
}
.account-row .edge {
grid-area: edge;
height: 24px;
justify-content: start;
padding-left: 8px;
}
.account-row.ok .edge {
height: 8px;
}
.account-row .edge::before {
left: 14px;
right: auto;
top: 0;
bottom: 0;
border-top: 0;
border-left: 1.5px solid var(--strong);
}
.account-row .edge.s-error::before {
border-top: 0;
border-left: 2px dashed var(--state);
}
.account-row .edge.s-unknown::before {
border-top: 0;
border-left: 2px dotted var(--state);
}
.account-row .edge .label {
padding: 0 4px 0 0;
}
.account-row .role {
grid-area: role;
}
.account-row .worst-finding {
grid-area: worst;
padding: 0;
justify-content: end;
}
.role-row {
grid-template: "role role" 32px "connector worst" 20px "trusted trusted" 34px / 30px minmax(0, 1fr);
}
.role-row .node.role {
grid-area: role;
}
.role-row .connector {
grid-area: connector;
height: 20px;
}
.role-row.ok .connector {
height: 8px;
}
.role-row .connector::before {
left: 14px;
right: auto;
top: 0;
bottom: 0;
border-top: 0;
border-left: 1.5px solid var(--strong);
}
.role-row .worst-finding {
grid-area: worst;
padding: 0;
justify-content: end;
}
.role-row .trusted {
grid-area: trusted;
}
.cause-row {
grid-template: "cause cause" auto "affected count" auto / minmax(0, 1fr) auto;
align-content: center;
gap: 6px 12px;
border-bottom: 1px solid var(--line);
border-radius: 0;
}
.cause-row .cause {
grid-area: cause;
}
.cause-row .link {
display: none;
}
.cause-row .finding-count {
grid-area: count;
}
.cause-row .affected {
grid-area: affected;
}
.finding-row {
padding-left: 20px;
}
dialog {
width: 100%;
border: 0;
}
.close,
.opener {
min-height: 36px;
}
.keys {
display: none;
}
}
@media (prefers-reduced-motion: no-preference) {
.quiet,
.chip,
.count {
transition:
background-color 0.12s,
border-color 0.12s;
}
}
@media (forced-colors: active) {
.stripe span,
.affected .fill {
background: CanvasText;
}
.row.active {
outline: 2px solid Highlight;
outline-offset: -2px;
}
}
@media print {
:root,
:root[data-theme] {
color-scheme: light;
}
@page {
margin: 14mm;
}
:root {
--paper: #ffffff;
}
* {
print-color-adjust: exact;
}
body {
font-size: 12px;
}
.page {
padding: 0 1px;
max-width: none;
}
.theme,
.copy,
.tabs,
.search,
.more,
.filters,
#clear,
.skip,
.keys,
.close {
display: none !important;
}
.tools {
position: static;
padding: 0;
}
.row {
position: relative;
left: 0;
right: 0;
padding: 0;
break-inside: avoid;
}
.group-row {
break-after: avoid;
}
.finding-summary .message {
white-space: normal;
}
.finding-row {
height: auto;
padding-block: 3px;
}
.not-printed {
padding: 12px 0;
}
.has-details .body {
padding-right: 0;
}
dialog {
position: static;
height: auto;
border: 0;
border-top: 1px solid var(--line);
}
}
"""

SCRIPT = r"""(() => {
"use strict";
const STATES = ["error", "unknown", "warning", "note", "ok"];
const SEVERITIES = ["error", "warning", "note"];
const LINKS = ["provider", "role", "account", "webhook", "pods", "sts"];
const VIEWS = {
accounts: { title: "Service accounts", one: "service account", many: "service accounts" },
roles: { title: "Roles", one: "role", many: "roles" },
findings: { title: "Findings", one: "finding", many: "findings" },
};
const SORT_LABELS = {
accounts: { worst: "Worst first", name: "Name", role: "Role", stale: "Most stale pods", findings: "Most findings" },
roles: {
worst: "Worst first",
name: "Name",
used: "Longest unused",
accounts: "Most accounts",
policies: "Most policies",
},
findings: { worst: "Worst first", reach: "Most affected", id: "Id" },
};
const stateRank = (state) => STATES.indexOf(state);
const isOk = (line) => ["account", "role"].includes(line.kind) && line.state === "ok";
function findWorst(findings) {
return findings.reduce(
(worst, finding) => (!worst || stateRank(finding.state) < stateRank(worst.state) ? finding : worst),
null,
);
}
const NO_FILTER = { q: "", state: [], link: "", id: "", ns: "", stale: "" };
function isFiltered(filter) {
return Object.entries(NO_FILTER).some(([key, value]) => String(filter[key]) !== String(value));
}
function buildTest(model, filter) {
const terms = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
const findingsByTerm = terms.map(
(term) => new Set(model.findings.filter((finding) => finding.contentText.includes(term))),
);
const tests = [];
if (filter.ns) tests.push((item) => item.namespaces.has(filter.ns));
if (filter.stale) tests.push((item) => item.stalePods > 0);
if (filter.id) tests.push((item) => item.findings.some((finding) => finding.data.id === filter.id));
if (filter.link) tests.push((item) => item.findings.some((finding) => finding.data.link === filter.link));
if (terms.length) {
const matchesTerm = (item, term, index) =>
item.searchText.includes(term) || item.findings.some((finding) => findingsByTerm[index].has(finding));
tests.push((item) => terms.every((term, index) => matchesTerm(item, term, index)));
}
return (item) => tests.every((test) => test(item));
}
function findMatches(model, filter, view) {
const candidates = model[view].filter(buildTest(model, filter));
const stateCounts = new Map(STATES.map((state) => [state, 0]));
for (const { state } of candidates) stateCounts.set(state, stateCounts.get(state) + 1);
const matches = filter.state.length ? candidates.filter((item) => filter.state.includes(item.state)) : candidates;
return { matches, stateCounts };
}
const KEYS = ["view", "sort", "q", "state", "link", "id", "ns", "stale", "open"];
const DEFAULTS = { view: "accounts", sort: "worst" };
function readFragment(fragment) {
const given = new URLSearchParams(fragment.replace(/^#/, ""));
const choose = (key, values) => (values.includes(given.get(key)) ? given.get(key) : values[0]);
const view = choose("view", Object.keys(VIEWS));
return {
view,
sort: choose("sort", Object.keys(SORT_LABELS[view])),
q: given.get("q") || "",
state: (given.get("state") || "").split(",").filter((state) => STATES.includes(state)),
link: choose("link", ["", ...LINKS]),
id: given.get("id") || "",
ns: given.get("ns") || "",
stale: choose("stale", ["", "1"]),
open: given.get("open") || "",
};
}
function writeFragment(filter) {
const parameters = new URLSearchParams();
for (const key of KEYS) {
const value = String(filter[key]);
if (value !== (DEFAULTS[key] || "")) parameters.set(key, value);
}
return parameters.toString();
}
const collator = new Intl.Collator("en", { numeric: true });
const INVISIBLE = new RegExp(
"(?![\\n\\t])(?:[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\u115f\\u1160\\u2800\\u3164\\uffa0\\ufffe\\uffff]" +
"|[\\u034f\\u17b4\\u17b5\\u180b-\\u180f\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}])",
"gu",
);
const compareTexts = (a, b) => collator.compare(a, b);
const formatNumber = (value) => value.toLocaleString("en");
function quantity(value, one, many) {
return `${formatNumber(value)} ${value === 1 ? one : many || `${one}s`}`;
}
function escapeInvisible(text) {
return String(text).replace(INVISIBLE, (character) => {
const code = character.codePointAt(0).toString(16);
return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
});
}
const compareByState = (a, b) => stateRank(a.state) - stateRank(b.state) || a.nameRank - b.nameRank;
const compareByName = (a, b) => a.nameRank - b.nameRank;
const compareById = (a, b) => compareTexts(a.id, b.id);
const roleRank = (account) => (account.role ? account.role.nameRank : Infinity);
const SORT_ORDERS = {
accounts: {
worst: compareByState,
name: compareByName,
role: (a, b) => roleRank(a) - roleRank(b) || compareByName(a, b),
stale: (a, b) => b.stalePods - a.stalePods || compareByState(a, b),
findings: (a, b) => b.findings.length - a.findings.length || compareByState(a, b),
},
roles: {
worst: compareByState,
name: compareByName,
used: (a, b) => compareLastUse(a, b) || compareByName(a, b),
accounts: (a, b) => b.accounts.length - a.accounts.length || compareByState(a, b),
policies: (a, b) => b.data.policies.length - a.data.policies.length || compareByState(a, b),
},
findings: {
worst: (a, b) => stateRank(a.state) - stateRank(b.state) || b.affected - a.affected || compareById(a, b),
reach: (a, b) => b.affected - a.affected || stateRank(a.state) - stateRank(b.state) || compareById(a, b),
id: compareById,
},
};
const ROLE_GROUPS = {
shared: "Used by several service accounts",
single: "Used by one service account",
none: "Used by no service account",
};
function compareLastUse(a, b) {
const [first, second] = [a.data.last_used || "", b.data.last_used || ""];
return first < second ? -1 : first > second ? 1 : 0;
}
function buildLines(model, filter, view, matches, expandedIds) {
const order = SORT_ORDERS[view][filter.sort] || SORT_ORDERS[view].worst;
if (view === "findings") return buildCauseLines(groupByCause(matches).sort(order), expandedIds);
const isByNamespace = view === "accounts";
const groups = new Map();
for (const item of [...matches].sort(order)) {
const key = isByNamespace ? item.data.namespace : item.group;
if (!groups.has(key)) groups.set(key, []);
groups.get(key).push(item);
}
const lines = [];
for (const [key, items] of groups) {
lines.push({ kind: "group", name: isByNamespace ? key : ROLE_GROUPS[key], isNamespace: isByNamespace, items });
for (const item of items) lines.push(item);
}
return lines;
}
function groupByCause(findings) {
const causes = new Map();
for (const finding of findings) {
const { id, link, service_accounts: names, roles: arns } = finding.data;
if (!causes.has(id)) {
const { state, title } = finding;
causes.set(id, { kind: "cause", id, state, link, title, findings: [], accounts: new Set(), roles: new Set() });
}
const cause = causes.get(id);
cause.findings.push(finding);
for (const name of names) cause.accounts.add(name);
for (const arn of arns) cause.roles.add(arn);
}
for (const cause of causes.values()) cause.affected = Math.max(cause.accounts.size, cause.roles.size);
return [...causes.values()];
}
function buildCauseLines(causes, expandedIds) {
const lines = [];
const most = Math.max(1, ...causes.map((cause) => cause.affected));
for (const cause of causes) {
cause.share = cause.affected / most;
cause.expanded = causes.length === 1 || expandedIds.has(cause.id);
lines.push(cause);
if (cause.expanded) lines.push(...cause.findings);
}
return lines;
}
const SUBJECT = /^system:serviceaccount:([^:]*):([^:]*)$/;
const joinSearchText = (texts) =>
texts
.filter((text) => text !== null && text !== undefined)
.join("\n")
.toLowerCase();
const policyTexts = (role) => (role ? role.policies.flatMap((policy) => [policy.name, policy.arn]) : []);
const sumStalePods = (accounts) => accounts.reduce((sum, account) => sum + account.stalePods, 0);
function buildFinding(data, index, causes) {
const title = causes[data.id] ? causes[data.id].title : "";
const contentText = joinSearchText([
data.id,
title,
data.message,
data.evidence,
data.expected,
data.found,
data.fix,
]);
return {
kind: "finding",
index,
data,
state: data.severity,
title,
contentText,
searchText: joinSearchText([contentText, ...data.service_accounts, ...data.roles]),
};
}
function buildRole(data, findings) {
return {
kind: "role",
data,
name: data.name,
state: data.state,
findings: data.findings.map((index) => findings[index]),
namespaces: new Set(),
accounts: [],
unmatchedSubjects: [],
searchText: joinSearchText([data.arn, ...policyTexts(data), ...data.subjects]),
};
}
function buildAccount(data, roles, findings) {
const role = data.role === null ? null : roles[data.role];
const name = `${data.namespace}/${data.name}`;
return {
kind: "account",
data,
role,
name,
state: data.state,
findings: data.findings.map((index) => findings[index]),
namespaces: new Set([data.namespace]),
stalePods: data.pods.stale,
trustedBy: [],
searchText: joinSearchText([
name,
data.role_arn,
role && role.data.arn,
data.bound_by,
...policyTexts(role && role.data),
]),
};
}
function connectRole(role, accounts, accountsByName) {
role.accounts = role.data.service_accounts.map((index) => accounts[index]);
for (const subject of role.data.subjects) {
const parts = SUBJECT.exec(subject);
const name = parts ? `${parts[1]}/${parts[2]}` : subject;
const account = accountsByName.get(name);
if (parts) role.namespaces.add(parts[1]);
if (account && account.role === role) continue;
role.unmatchedSubjects.push({ name, account: account || null });
if (account) account.trustedBy.push(role);
}
for (const account of role.accounts) role.namespaces.add(account.data.namespace);
role.stalePods = sumStalePods(role.accounts);
role.group = role.accounts.length > 1 ? "shared" : role.accounts.length ? "single" : "none";
}
function connectFinding(finding, accountsByName) {
const names = finding.data.service_accounts;
finding.namespaces = new Set(names.map((name) => name.split("/", 1)[0]));
finding.stalePods = sumStalePods(names.map((name) => accountsByName.get(name)).filter(Boolean));
finding.findings = [finding];
}
function rankNames(items) {
[...items]
.sort((a, b) => compareTexts(a.name, b.name))
.forEach((item, index) => {
item.nameRank = index;
});
}
function buildModel(audit, causes) {
const findings = audit.findings.map((data, index) => buildFinding(data, index, causes));
const roles = audit.roles.map((data) => buildRole(data, findings));
const accounts = audit.service_accounts.map((data) => buildAccount(data, roles, findings));
const accountsByName = new Map(accounts.map((account) => [account.name, account]));
const rolesByArn = new Map(roles.map((role) => [role.data.arn, role]));
for (const role of roles) connectRole(role, accounts, accountsByName);
for (const finding of findings) connectFinding(finding, accountsByName);
for (const account of accounts) {
account.displayedRole = account.role || (account.data.role_arn ? null : account.trustedBy[0] || null);
}
rankNames(accounts);
rankNames(roles);
const namespaces = [...new Set(accounts.map((account) => account.data.namespace))].sort(compareTexts);
const findingIds = [...new Set(audit.findings.map((finding) => finding.id))].sort(compareTexts);
return { audit, causes, accounts, roles, findings, accountsByName, rolesByArn, namespaces, findingIds };
}
function unpackColumn(packed) {
if (Array.isArray(packed)) return packed;
if ("same" in packed) return new Array(packed.times).fill(packed.same);
if ("values" in packed) return packed.at.map((index) => packed.values[index]);
if ("sizes" in packed) {
const entries = unpackColumn(packed.all);
let end = 0;
return unpackColumn(packed.sizes).map((size) => entries.slice(end, (end += size)));
}
const columns = Object.entries(packed.of).map(([key, column]) => [key, unpackColumn(column)]);
return Array.from({ length: packed.rows }, (_, row) =>
Object.fromEntries(columns.map(([key, entries]) => [key, entries[row]])),
);
}
function unpackAudit(packed) {
const audit = { ...packed.rest };
for (const [name, column] of Object.entries(packed.lists)) audit[name] = unpackColumn(column);
return audit;
}
const SVG_NAMESPACE = document.querySelector("svg").namespaceURI;
const byId = (id) => document.getElementById(id);
function h(tag, attributes, ...children) {
const element = document.createElement(tag);
for (const [name, value] of Object.entries(attributes)) {
if (value === null || value === undefined || value === false) continue;
if (typeof value === "function") element.addEventListener(name.slice(2), value);
else element.setAttribute(name, value === true ? "" : value);
}
for (const child of children.flat(Infinity)) {
if (child === null || child === undefined || child === false) continue;
element.append(child instanceof Node ? child : escapeInvisible(child));
}
return element;
}
function icon(name, classes) {
const svg = document.createElementNS(SVG_NAMESPACE, "svg");
svg.setAttribute("class", `icon ${classes || ""}`);
svg.setAttribute("aria-hidden", "true");
const use = document.createElementNS(SVG_NAMESPACE, "use");
use.setAttribute("href", `#i-${name}`);
svg.append(use);
return svg;
}
const span = (classes, ...children) => h("span", { class: classes }, children);
const cell = (classes, ...children) => h("div", { class: classes, role: "gridcell" }, children);
const meta = (...children) => span("meta", children);
const code = (text, title) => h("code", { title }, text);
const nameText = (text) => h("bdi", { class: "name", title: escapeInvisible(text) }, text);
const stateIcon = (state) => icon(state, `s-${state}`);
const badge = (state, text) => span(`state s-${state}`, icon(state), text || state);
const DONE_MILLISECONDS = 1500;
function announce(text) {
byId("announcement").textContent = "";
requestAnimationFrame(() => {
byId("announcement").textContent = text;
});
}
function copyText(text, button) {
const showDone = () => {
button.classList.add("done");
announce("Copied");
setTimeout(() => button.classList.remove("done"), DONE_MILLISECONDS);
};
const copySelected = () => {
if (copySelection(text)) showDone();
};
if (navigator.clipboard) navigator.clipboard.writeText(text).then(showDone, copySelected);
else copySelected();
}
function copySelection(text) {
const area = h("textarea", { class: "hidden", "aria-hidden": "true" });
area.value = text;
(byId("details").open ? byId("details") : document.body).append(area);
const focused = document.activeElement;
area.select();
const isCopied = document.execCommand("copy");
area.remove();
if (focused) focused.focus({ preventScroll: true });
return isCopied;
}
const MENUS = { link: "Link", id: "Finding", ns: "Namespace", sort: "Order" };
const FILTER_MENUS = ["link", "id", "ns"];
function fillTabs(model, onChooseView) {
const tabs = Object.entries(VIEWS).map(([view, { title }]) => {
const attributes = {
type: "button",
role: "tab",
id: `tab-${view}`,
"aria-controls": "panel",
"data-tab": view,
onclick: () => onChooseView(view),
};
return h("button", attributes, title, meta(formatNumber(model[view].length)));
});
byId("tabs").append(...tabs);
byId("tabs").addEventListener("keydown", (event) => {
const current = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
const targets = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: tabs.length - 1 };
if (!Object.hasOwn(targets, event.key)) return;
event.preventDefault();
const tab = tabs[(targets[event.key] + tabs.length) % tabs.length];
onChooseView(tab.dataset.tab);
tab.focus();
});
}
const option = (value, text) => h("option", { value }, text);
function fillMenu(key, allLabel, values) {
byId(`by-${key}`).append(option("", allLabel), ...values.map((value) => option(value, value)));
}
function fillFilters(model, { onChange, onToggleState, onClear }) {
const chips = STATES.map((state) => {
const attributes = {
type: "button",
class: `chip s-${state}`,
"data-chip": state,
onclick: () => onToggleState(state),
};
return h("button", attributes, icon(state), span("caption", state), h("b", {}));
});
const menus = Object.entries(MENUS).map(([key, label]) => {
const onchange = (event) => onChange({ [key]: event.target.value });
return h("select", { id: `by-${key}`, "aria-label": label, onchange });
});
byId("filters").append(h("div", { class: "chips", role: "group", "aria-label": "State" }, chips), ...menus);
fillMenu("link", "All links", LINKS);
fillMenu("id", "All finding ids", model.findingIds);
fillMenu("ns", "All namespaces", model.namespaces);
byId("search").addEventListener("input", () => onChange({ q: byId("search").value }));
byId("clear").addEventListener("click", onClear);
byId("more").addEventListener("click", () => {
const isOpen = byId("more").getAttribute("aria-expanded") === "true";
byId("more").setAttribute("aria-expanded", String(!isOpen));
byId("filters").classList.toggle("open", !isOpen);
});
}
function showTabs(filter) {
for (const tab of byId("tabs").children) {
const isSelected = tab.dataset.tab === filter.view;
tab.setAttribute("aria-selected", String(isSelected));
tab.tabIndex = isSelected ? 0 : -1;
}
}
function showFilters(filter, stateCounts) {
const search = byId("search");
if (search.value !== filter.q) search.value = filter.q;
for (const key of FILTER_MENUS) {
byId(`by-${key}`).value = filter[key];
byId(`by-${key}`).classList.toggle("set", filter[key] !== "");
}
const orders = Object.entries(SORT_LABELS[filter.view]).map(([value, text]) => option(value, text));
byId("by-sort").replaceChildren(...orders);
byId("by-sort").value = filter.sort;
for (const chip of byId("filters").querySelectorAll("[data-chip]")) {
const state = chip.dataset.chip;
chip.setAttribute("aria-pressed", String(filter.state.includes(state)));
chip.hidden = filter.view === "findings" && !SEVERITIES.includes(state);
chip.querySelector("b").textContent = formatNumber(stateCounts.get(state));
}
byId("clear").hidden = !isFiltered(filter);
const count = FILTER_MENUS.filter((key) => filter[key]).length + filter.state.length;
byId("more").textContent = count ? `Filters (${count})` : "Filters";
}
const MAX_NODES = 2;
const roleName = (role) => role.data.name || role.data.arn.split("/").pop();
const moreNote = (items) => items.length > MAX_NODES && meta(`+${formatNumber(items.length - MAX_NODES)}`);
function podsNote({ exists, pods }) {
if (!exists) return "missing";
if (pods.stale) return `${formatNumber(pods.stale)} of ${quantity(pods.total, "pod")} stale`;
return pods.total ? quantity(pods.total, "pod") : "no pods";
}
function accountNode(account) {
const classes = `node account s-${account.state} ${account.data.exists ? "" : "missing"}`;
const note = meta(podsNote(account.data));
const node = cell(classes, stateIcon(account.state), nameText(account.data.name), note);
node.dataset.cell = 0;
return node;
}
function edgeCell({ state, findings, role }) {
const worst = findWorst(findings);
const broken = worst && worst.state !== "note" ? worst : null;
const edgeState = broken ? broken.state : state === "unknown" ? "unknown" : "ok";
const label = edgeState !== "ok" && span("label", icon(edgeState), broken ? broken.data.link : "unknown");
return cell(`edge s-${edgeState} ${role ? "" : "unbound"}`, label);
}
function displayedRoleNode(account) {
const { role, displayedRole, data } = account;
if (!displayedRole) {
return cell("node role missing", data.role_arn ? nameText(data.role_arn) : span("none", "no role"));
}
const node = role ? roleNode(role) : cell("node role missing", nameText(roleName(displayedRole)), meta("trusts it"));
node.dataset.cell = 1;
return node;
}
function roleNode(role) {
const classes = `node role s-${role.state} ${role.data.exists === false ? "missing" : ""}`;
return cell(classes, stateIcon(role.state), nameText(roleName(role)), roleNote(role));
}
function roleNote(role) {
const { exists, account_id: accountId } = role.data;
if (exists === false) return meta("missing");
if (role.accounts.length > 1) {
return span("meta shared", icon("shared"), `shared by ${formatNumber(role.accounts.length)}`);
}
return exists === null ? meta(`account ${accountId || "unknown"}`) : null;
}
const splitWords = (text) => text.split(/[\s"'();]+/).map((word) => word.replace(/[.,:]$/, ""));
function policyState(role, policy) {
const isNamed = ({ data }) =>
[data.evidence, data.message].some(
(text) => text && splitWords(text).some((word) => word === policy.name || word === policy.arn),
);
const worst = findWorst(
role.findings.filter((finding) => finding.data.id === "policy-too-broad" && isNamed(finding)),
);
return worst ? worst.state : null;
}
function policyNode(role, policy) {
const state = policyState(role, policy);
const isInline = policy.kind === "inline";
return span(
`policy ${state ? `s-${state}` : ""}`,
state && icon(state),
isInline && meta("inline"),
nameText(policy.name),
);
}
function noPoliciesText(role) {
if (role.data.exists === null) return "policies unknown";
const isProven = role.findings.some((finding) => finding.data.id === "no-permissions");
return isProven ? "no policies" : "no policies known";
}
function policiesCell(role) {
if (!role || role.data.exists === false) return cell("policies");
const { policies } = role.data;
if (!policies.length) return cell("policies", span("policy missing", noPoliciesText(role)));
const rank = (policy) => stateRank(policyState(role, policy) || "ok");
const first = [...policies].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_NODES);
return cell(
"policies",
first.map((policy) => policyNode(role, policy)),
moreNote(policies),
);
}
const trustedAccountNode = (account) =>
span(`node s-${account.state}`, stateIcon(account.state), nameText(account.name));
const unmatchedSubjectNode = (subject) =>
span("node missing", nameText(subject.name), meta(unmatchedSubjectNote(subject)));
function unmatchedSubjectNote({ name, account }) {
if (account) return account.data.exists ? "does not use it" : "missing";
return /[*?]/.test(name) ? "a pattern" : "not audited";
}
function trustedCell(role) {
const trusted = [
...role.unmatchedSubjects.map((subject) => () => unmatchedSubjectNode(subject)),
...role.accounts.map((account) => () => trustedAccountNode(account)),
];
const nodes = trusted.slice(0, MAX_NODES).map((make) => make());
if (!nodes.length) nodes.push(span("node missing", span("none", "no service account")));
return cell("trusted", nodes, moreNote(trusted));
}
const PAGE_SIZE = 50;
const MONTHS = [
"January",
"February",
"March",
"April",
"May",
"June",
"July",
"August",
"September",
"October",
"November",
"December",
];
const MILLISECONDS_PER_DAY = 864e5;
function copyButton(text, what, label) {
const attributes = { type: "button", class: "copy", "data-copy": text, "aria-label": `Copy ${what}` };
return h("button", attributes, icon("copy"), label);
}
const copyable = (text) => span("copyable", h("code", {}, h("bdi", {}, text)), copyButton(text, escapeInvisible(text)));
const opener = (address, ...children) =>
h("button", { type: "button", class: "opener", "data-open": address }, children, icon("open"));
const fact = (term, ...description) => h("div", {}, h("dt", {}, term), h("dd", {}, description));
function formatDay(text, auditTime) {
const [year, month, day] = text.slice(0, 10).split("-").map(Number);
if (!MONTHS[month - 1]) return text;
const days = Math.trunc((Date.parse(auditTime) - Date.parse(text)) / MILLISECONDS_PER_DAY);
const age = days < 1 ? "on the day of the audit" : `${quantity(days, "day")} before the audit`;
return `${day} ${MONTHS[month - 1]} ${year}, ${age}`;
}
function longList(items, makeEntry) {
const list = h("ul", { class: "entries" });
const moreButton = h("button", { type: "button", class: "quiet", onclick: () => showMore() });
function showMore() {
const start = list.childElementCount;
for (const item of items.slice(start, start + PAGE_SIZE)) list.append(h("li", {}, makeEntry(item)));
const rest = items.length - list.childElementCount;
moreButton.hidden = rest === 0;
moreButton.textContent = `Show ${formatNumber(Math.min(PAGE_SIZE, rest))} more of ${formatNumber(rest)}`;
const button = start > 0 && list.children[start].querySelector("button");
if (button) button.focus();
}
showMore();
return h("div", {}, list, moreButton);
}
const formatCode = (text) => text.split("``").map((part, index) => (index % 2 ? h("code", {}, part) : part));
function findingCard(finding, { isAlone = false } = {}) {
const { data, state, title, index } = finding;
const affected = data.service_accounts.length + data.roles.length;
const values = [
["Evidence", data.evidence],
["Expected", data.expected],
["Found", data.found],
].filter(([, value]) => value !== null && value !== undefined);
const valueEntry = ([term, value]) =>
h("div", { class: term.toLowerCase() }, h("dt", {}, term), h("dd", {}, h("bdi", {}, value)));
const fix = () => {
const button = copyButton(data.fix, `the fix of ${data.id}`, "Copy");
return h("div", { class: "fix" }, h("h4", {}, "Fix"), h("p", {}, data.fix), button);
};
return h(
"article",
{ class: `finding s-${state}` },
h("header", {}, badge(state), h("code", {}, data.id), meta(`link ${data.link}`)),
title && !isAlone && h("h4", {}, title),
h("p", { class: "message" }, data.message),
values.length > 0 && h("dl", { class: "values" }, values.map(valueEntry)),
data.fix && fix(),
!isAlone && affected > 1 && opener(`finding:${index}`, `Affects ${affectedCountText(data)}`),
);
}
function affectedCountText(data) {
const parts = [];
if (data.service_accounts.length) parts.push(quantity(data.service_accounts.length, "service account"));
if (data.roles.length) parts.push(quantity(data.roles.length, "role"));
return parts.join(" and ");
}
function findingsSection({ findings, state }) {
if (findings.length) {
const title = h("h3", {}, quantity(findings.length, "finding"));
return h(
"section",
{},
title,
longList(findings, (finding) => findingCard(finding)),
);
}
const isUnknown = state === "unknown";
return h(
"p",
{ class: "no-findings" },
stateIcon(isUnknown ? "unknown" : "ok"),
isUnknown ? "No findings, but some checks were skipped." : "No findings.",
);
}
function chainList(findings) {
const entries = LINKS.map((link) => {
const worst = findWorst(findings.filter((finding) => finding.data.link === link));
return h(
"li",
{ class: worst ? `s-${worst.state}` : "" },
worst ? icon(worst.state) : span("dot"),
link,
span("hidden", worst ? `: ${worst.state}` : ": no findings"),
);
});
return h("ol", { class: "chain", "aria-label": "Links of the chain" }, entries);
}
const accountButton = (account, note) =>
opener(addressOf(account), stateIcon(account.state), nameText(account.name), note && meta(note));
const roleButton = (role) => opener(addressOf(role), stateIcon(role.state), nameText(roleName(role)), roleNote(role));
function policyList(role) {
const { policies, exists } = role.data;
if (!policies.length) return exists === false ? "none" : noPoliciesText(role);
const entries = policies.map((policy) => {
const state = policyState(role, policy);
const inlineNote = policy.kind === "inline" && meta("inline ");
return h("li", {}, state && stateIcon(state), inlineNote, copyable(policy.arn || policy.name));
});
return h("ul", { class: "entries" }, entries);
}
function accountDetails(model, account) {
const { data, role } = account;
const roleContent = role
? [roleButton(role), copyable(role.data.arn)]
: data.role_arn
? copyable(data.role_arn)
: "no annotation";
const accountContent = [stateIcon(account.state), copyable(account.name), !data.exists && meta("missing")];
const path = h(
"dl",
{ class: "path" },
h("div", { class: `s-${account.state}` }, h("dt", {}, "Service account"), h("dd", {}, accountContent)),
h("div", { class: role ? `s-${role.state}` : "" }, h("dt", {}, "Role"), h("dd", {}, roleContent)),
fact("Policies", role ? policyList(role) : "none"),
);
const trustedBy = account.trustedBy.map((trustingRole) => h("li", {}, roleButton(trustingRole)));
const staleNote = data.pods.stale ? `, ${formatNumber(data.pods.stale)} of them stale` : "";
const facts = h(
"dl",
{ class: "facts" },
trustedBy.length > 0 && fact("Trusted by", h("ul", { class: "entries" }, trustedBy)),
fact("Bound by", data.bound_by || (data.role_arn ? "unknown" : "not bound")),
fact("Pods", quantity(data.pods.total, "pod"), staleNote),
);
const body = [path, facts, chainList(account.findings), findingsSection(account)];
return { label: "Service account", title: account.name, state: account.state, body };
}
function roleDetails(model, role) {
const { data } = role;
const auditTime = model.audit.generated_at;
const existence = data.exists === null ? "unknown: the role is in another AWS account" : data.exists ? "yes" : "no";
const facts = h(
"dl",
{ class: "facts" },
fact("ARN", copyable(data.arn)),
fact("AWS account", data.account_id ? copyable(data.account_id) : "unknown"),
fact("Exists", existence),
fact("Created", data.created ? formatDay(data.created, auditTime) : "unknown"),
fact("Last used", lastUseText(data, auditTime)),
fact("Permissions boundary", data.permissions_boundary ? copyable(data.permissions_boundary) : "none"),
fact("Policies", policyList(role)),
);
const body = [facts, findingsSection(role), trustSection(role)];
return { label: "Role", title: roleName(role), state: role.state, body };
}
function lastUseText(data, auditTime) {
if (data.last_used) return formatDay(data.last_used, auditTime);
return data.exists ? "never, or before the period that IAM tracks" : "unknown";
}
function trustSection(role) {
const { accounts, unmatchedSubjects } = role;
const title =
accounts.length > 1 ? `Shared by ${formatNumber(accounts.length)} service accounts` : "Service accounts";
const trusted = [...unmatchedSubjects, ...accounts];
const makeEntry = (entry) => (entry.kind === "account" ? accountButton(entry) : unmatchedSubjectEntry(entry));
return h(
"section",
{},
h("h3", {}, title),
trusted.length ? longList(trusted, makeEntry) : h("p", { class: "no-findings" }, "No service accounts known."),
);
}
function unmatchedSubjectEntry(subject) {
const note = unmatchedSubjectNote(subject);
return subject.account ? accountButton(subject.account, note) : [copyable(subject.name), meta(note)];
}
function affectedSection(title, entries, makeEntry) {
if (!entries.length) return null;
const makeAny = (entry) => (typeof entry === "string" ? copyable(entry) : makeEntry(entry));
return h("section", {}, h("h3", {}, title), longList(entries, makeAny));
}
function findingDetails(model, finding) {
const { data } = finding;
const cause = model.causes[data.id];
const accounts = data.service_accounts.map((name) => model.accountsByName.get(name) || name);
const roles = data.roles.map((arn) => model.rolesByArn.get(arn) || arn);
const allButton = () => {
const attributes = { type: "button", class: "opener", "data-finding-id": data.id };
return h("button", attributes, `All service accounts with ${data.id}`, icon("open"));
};
const body = [
findingCard(finding, { isAlone: true }),
cause && h("section", {}, h("h3", {}, "Why"), h("p", {}, formatCode(cause.why))),
accounts.length > 1 && allButton(),
affectedSection(quantity(accounts.length, "service account"), accounts, (account) => accountButton(account)),
affectedSection(quantity(roles.length, "role"), roles, roleButton),
];
return { label: "Finding", title: finding.title || data.id, state: finding.state, body };
}
function providerDetails(model) {
const { arn, exists, state, client_ids: audiences, findings } = model.audit.provider;
const facts = h(
"dl",
{ class: "facts" },
fact("Exists", exists === null ? "unknown" : exists ? "yes" : "no"),
fact("Audiences", (audiences || []).join(", ") || "none"),
);
const section = findingsSection({ findings: findings.map((index) => model.findings[index]), state });
return { label: "OIDC provider", title: arn || "OIDC provider", state, body: [facts, section] };
}
function addressOf(item) {
return `${item.kind}:${{ account: item.name, role: item.data.arn, finding: item.index }[item.kind]}`;
}
function findDetails(model, address) {
const [, kind, key] = /^(\w+):?([^]*)$/.exec(address) || [];
if (kind === "provider") return { item: null, details: providerDetails(model) };
const kinds = {
account: [() => model.accountsByName.get(key), accountDetails],
role: [() => model.rolesByArn.get(key), roleDetails],
finding: [() => model.findings[Number(key)], findingDetails],
};
if (!Object.hasOwn(kinds, kind)) return null;
const [find, makeDetails] = kinds[kind];
const item = find();
return item ? { item, details: makeDetails(model, item) } : null;
}
function fillDetails(dialog, details) {
const title = h(
"h2",
{ id: "details-title", tabindex: "-1" },
h("bdi", {}, details.title),
" ",
badge(details.state),
);
const closeAttributes = { type: "button", class: "quiet close", "data-close": true, "aria-label": "Close" };
dialog.replaceChildren(
h(
"div",
{ class: "head" },
h("div", {}, h("p", { class: "kind" }, details.label), title),
h("button", closeAttributes, icon("close")),
),
h("div", { class: "content" }, details.body),
);
dialog.scrollTop = 0;
}
const isHead = (line) => line.kind === "group" || line.kind === "cause";
class LinePositions {
constructor(lines, heights) {
this.lines = lines;
this.tops = [0];
this.heads = [];
let head = -1;
lines.forEach((line, index) => {
if (isHead(line)) head = index;
this.heads.push(head);
this.tops.push(this.tops[index] + heights[isOk(line) ? "ok" : line.kind]);
});
}
get height() {
return this.tops[this.lines.length];
}
heightOf(index) {
return this.tops[index + 1] - this.tops[index];
}
lineAt(offset) {
let [low, high] = [0, this.lines.length];
while (low < high) {
const middle = (low + high) >> 1;
if (this.tops[middle + 1] <= offset) low = middle + 1;
else high = middle;
}
return low;
}
findPinnedHead(offset) {
if (offset <= 0 || !this.lines.length) return null;
const index = this.heads[Math.min(this.lineAt(offset), this.lines.length - 1)];
if (index < 0 || this.tops[index] >= offset) return null;
let next = index + 1;
while (next < this.lines.length && !isHead(this.lines[next])) next += 1;
return { index, top: Math.min(offset, this.tops[next] - this.heightOf(index)) };
}
}
function worstFindingCell(findings) {
const worst = findWorst(findings);
return cell(
"worst-finding",
worst && code(worst.data.id, escapeInvisible(worst.data.message)),
findings.length > 1 && meta(`+${formatNumber(findings.length - 1)}`),
);
}
function labelOf(item, note) {
const ids = [...new Set(item.findings.map((finding) => finding.data.id))].join(", ");
return escapeInvisible([`${item.name}, ${item.state}`, ids, note].filter(Boolean).join("; "));
}
function itemRow(item, note, ...cells) {
const classes = `row ${item.kind}-row ${isOk(item) ? "ok" : ""}`;
return h("div", { class: classes, "aria-label": labelOf(item, note) }, cells);
}
function accountRow(account) {
const role = account.role ? roleName(account.role) : account.data.role_arn;
return itemRow(
account,
role ? `role ${role}` : "no role",
accountNode(account),
edgeCell(account),
displayedRoleNode(account),
cell("connector"),
policiesCell(account.role),
worstFindingCell(account.findings),
);
}
function roleRow(role) {
return itemRow(
role,
quantity(role.accounts.length, "service account"),
roleNode(role),
cell("connector"),
trustedCell(role),
policiesCell(role),
worstFindingCell(role.findings),
);
}
function groupRow(group) {
const counts = STATES.filter((state) => state !== "ok").map((state) => [
state,
group.items.filter((item) => item.state === state).length,
]);
const badges = counts
.filter(([, count]) => count)
.map(([state, count]) => badge(state, [formatNumber(count), span("state-name", state)]));
return h(
"div",
{ class: "row group-row" },
h(
"div",
{ role: "rowheader" },
group.isNamespace && meta("namespace"),
nameText(group.name),
meta(formatNumber(group.items.length)),
badges,
),
);
}
function affectedText(cause) {
const [accounts, roles] = [cause.accounts.size, cause.roles.size];
return [accounts && quantity(accounts, "account"), roles && quantity(roles, "role")].filter(Boolean).join(", ");
}
function causeRow(cause) {
const fill = span(`fill s-${cause.state}`);
fill.style.width = `${Math.round(cause.share * 100)}%`;
const titleAndId = span("cause-text", span("title-line", cause.title || cause.id), code(cause.id));
return h(
"div",
{ class: "row cause-row", "aria-expanded": String(cause.expanded), "aria-level": "1" },
cell("cause", icon("open", "expander"), stateIcon(cause.state), titleAndId),
cell("link", cause.link),
cell("finding-count", quantity(cause.findings.length, "finding")),
cell("affected", span("bar", fill), span("", affectedText(cause))),
);
}
function findingRow(finding) {
const summary = cell("finding-summary", stateIcon(finding.state), span("message", finding.data.message));
return h("div", { class: "row finding-row", "aria-level": "2" }, summary);
}
const ROWS = {
account: accountRow,
role: roleRow,
group: groupRow,
cause: causeRow,
finding: findingRow,
};
const MARGIN = 400;
const MAX_PRINTED_LINES = 500;
const DEFAULT_HEIGHT = 40;
class LineWindow {
#grid;
#rows = new Map();
#isPrinting = false;
positions = new LinePositions([], {});
constructor(grid) {
this.#grid = grid;
}
get lines() {
return this.positions.lines;
}
setPrinting(isPrinting) {
this.#isPrinting = isPrinting;
return Math.max(0, this.lines.length - MAX_PRINTED_LINES);
}
setLines(lines) {
for (const row of this.#rows.values()) row.remove();
this.#rows = new Map();
this.positions = new LinePositions(lines, this.#readHeights());
this.#grid.style.height = this.#isPrinting ? "auto" : `${this.positions.height}px`;
this.#grid.setAttribute("aria-rowcount", lines.length);
}
draw(chosen) {
const [start, end] = this.#visibleRange();
const pinned = this.#isPrinting ? null : this.positions.findPinnedHead(this.visibleTop());
const needed = new Set(Array.from({ length: Math.max(0, end - start) }, (_, offset) => start + offset));
if (chosen.index !== null) needed.add(chosen.index);
if (pinned) needed.add(pinned.index);
for (const [index, row] of this.#rows) {
if (needed.has(index)) continue;
row.remove();
this.#rows.delete(index);
}
for (const index of needed) if (!this.#rows.has(index)) this.#insertRow(index);
for (const [index, row] of this.#rows) {
const isPinned = pinned !== null && index === pinned.index;
const top = isPinned ? pinned.top : this.positions.tops[index];
row.classList.toggle("pinned", isPinned);
row.style.transform = this.#isPrinting ? "none" : `translateY(${top}px)`;
}
this.mark(chosen);
}
mark(chosen) {
for (const [index, row] of this.#rows) {
const isActive = index === chosen.index;
row.classList.toggle("active", isActive);
for (const node of row.querySelectorAll("[data-cell]")) {
node.classList.toggle("chosen", isActive && Number(node.dataset.cell) === chosen.cell);
}
}
if (chosen.index === null) this.#grid.removeAttribute("aria-activedescendant");
else this.#grid.setAttribute("aria-activedescendant", `row-${chosen.index}`);
}
visibleTop() {
return byId("tools").getBoundingClientRect().bottom - this.#grid.getBoundingClientRect().top;
}
pageSize() {
return Math.max(1, Math.trunc((innerHeight - 160) / this.#readHeights().account));
}
scrollTo(index) {
const { heads, tops } = this.positions;
const head = heads[index];
const headHeight = head < 0 || head === index ? 0 : this.positions.heightOf(head);
const top = this.visibleTop() + 4 + headHeight;
const bottom = innerHeight - 8 - this.#grid.getBoundingClientRect().top;
if (tops[index] < top) window.scrollBy(0, tops[index] - top);
else if (tops[index + 1] > bottom) window.scrollBy(0, tops[index + 1] - bottom);
}
#readHeights() {
const style = getComputedStyle(this.#grid);
const read = (kind) => parseFloat(style.getPropertyValue(`--height-${kind}`)) || DEFAULT_HEIGHT;
return Object.fromEntries(["ok", ...Object.keys(ROWS)].map((kind) => [kind, read(kind)]));
}
#visibleRange() {
const { length } = this.lines;
if (this.#isPrinting) return [0, Math.min(length, MAX_PRINTED_LINES)];
const { top } = this.#grid.getBoundingClientRect();
const end = this.positions.lineAt(innerHeight - top + MARGIN) + 1;
return [this.positions.lineAt(-top - MARGIN), Math.min(length, end)];
}
#insertRow(index) {
const line = this.lines[index];
const row = ROWS[line.kind](line);
row.id = `row-${index}`;
row.setAttribute("role", "row");
row.setAttribute("aria-rowindex", index + 1);
row.dataset.index = index;
const next = Math.min(...[...this.#rows.keys()].filter((other) => other > index));
this.#grid.insertBefore(row, this.#rows.get(next) || null);
this.#rows.set(index, row);
}
}
class List {
#grid;
#onOpen;
#onExpand;
#window;
#chosen = { index: null, cell: 0 };
#isDrawScheduled = false;
constructor(grid, { onOpen, onExpand }) {
this.#grid = grid;
this.#onOpen = onOpen;
this.#onExpand = onExpand;
this.#window = new LineWindow(grid);
grid.addEventListener("keydown", (event) => this.#handleKey(event));
grid.addEventListener("click", (event) => this.#handleClick(event));
grid.addEventListener("focus", () => this.#handleFocus());
addEventListener("scroll", () => this.#scheduleDraw(), { passive: true });
addEventListener("resize", () => this.#scheduleDraw());
this.#redrawWhenWidthChanges();
}
get lines() {
return this.#window.lines;
}
show(lines) {
const { index, cell } = this.#chosen;
const chosen = index === null ? null : this.lines[index];
const isChosen = (line) => line === chosen || (line.id && line.id === chosen.id);
const newIndex = chosen === null ? -1 : lines.findIndex(isChosen);
this.#chosen = { index: newIndex < 0 ? null : newIndex, cell };
this.#redraw(lines);
}
setPrinting(isPrinting) {
const notPrinted = this.#window.setPrinting(isPrinting);
this.#redraw(this.lines);
return notPrinted;
}
choose(line) {
const index = this.lines.indexOf(line);
if (index >= 0) this.#choose(index);
}
focus() {
this.#grid.focus({ preventScroll: true });
}
#redraw(lines) {
this.#window.setLines(lines);
this.#window.draw(this.#chosen);
}
#redrawWhenWidthChanges() {
const container = this.#grid.parentElement;
let width = container.clientWidth;
new ResizeObserver(() => {
if (container.clientWidth === width) return;
width = container.clientWidth;
this.#redraw(this.lines);
}).observe(container);
}
#scheduleDraw() {
if (this.#isDrawScheduled) return;
this.#isDrawScheduled = true;
requestAnimationFrame(() => {
this.#isDrawScheduled = false;
this.#window.draw(this.#chosen);
});
}
#canBeChosen(index) {
return index >= 0 && index < this.lines.length && this.lines[index].kind !== "group";
}
#hasCell(index, cell) {
return cell === 0 || (this.lines[index].kind === "account" && this.lines[index].displayedRole !== null);
}
#choose(index, cell = this.#chosen.cell) {
this.#chosen = { index, cell: this.#hasCell(index, cell) ? cell : 0 };
this.#window.draw(this.#chosen);
}
#moveBy(count) {
const { length } = this.lines;
const start = this.#chosen.index ?? (count > 0 ? -1 : length);
const direction = Math.sign(count);
let index = Math.max(0, Math.min(length - 1, start + count));
while (index >= 0 && index < length && !this.#canBeChosen(index)) index += direction;
if (!this.#canBeChosen(index)) {
index = direction > 0 ? length - 1 : 0;
while (index >= 0 && index < length && !this.#canBeChosen(index)) index -= direction;
}
if (!this.#canBeChosen(index)) return;
this.#window.scrollTo(index);
this.#choose(index);
}
#moveSideways(cell) {
const { index } = this.#chosen;
if (index === null) return;
const line = this.lines[index];
if (["cause", "finding"].includes(line.kind)) this.#onExpand(line, cell === 1);
else if (this.#hasCell(index, cell)) {
this.#chosen = { index, cell };
this.#window.mark(this.#chosen);
}
}
#openChosen() {
const { index, cell } = this.#chosen;
if (index !== null) this.#onOpen(this.lines[index], cell);
}
#handleKey(event) {
const actions = {
ArrowDown: () => this.#moveBy(1),
ArrowUp: () => this.#moveBy(-1),
PageDown: () => this.#moveBy(this.#window.pageSize()),
PageUp: () => this.#moveBy(-this.#window.pageSize()),
Home: () => this.#moveBy(-this.lines.length),
End: () => this.#moveBy(this.lines.length),
ArrowRight: () => this.#moveSideways(1),
ArrowLeft: () => this.#moveSideways(0),
Enter: () => this.#openChosen(),
" ": () => this.#openChosen(),
};
if (!Object.hasOwn(actions, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
event.preventDefault();
actions[event.key]();
}
#handleFocus() {
if (this.#chosen.index !== null || !this.#grid.matches(":focus-visible")) return;
let index = this.#window.positions.lineAt(this.#window.visibleTop());
while (index < this.lines.length && !this.#canBeChosen(index)) index += 1;
if (index >= this.lines.length) return;
this.#window.scrollTo(index);
this.#choose(index);
}
#handleClick(event) {
const row = event.target.closest("[data-index]");
if (!row || !this.#canBeChosen(Number(row.dataset.index)) || String(getSelection())) return;
const node = event.target.closest("[data-cell]");
this.#choose(Number(row.dataset.index), node ? Number(node.dataset.cell) : 0);
this.#openChosen();
}
}
const sumCounts = (counts, states) => states.reduce((sum, state) => sum + counts[state], 0);
function stripe(counts, states) {
const total = sumCounts(counts, states);
const bar = h("div", { class: "stripe", "aria-hidden": "true" });
for (const state of states.filter((other) => counts[other])) {
const part = span(`s-${state}`);
part.style.flexGrow = counts[state] / total;
bar.append(part);
}
return bar;
}
function countButton(state, count, caption, attributes) {
const common = { type: "button", class: `count s-${state}`, disabled: count === 0, "aria-pressed": "false" };
return h(
"button",
{ ...common, ...attributes },
icon(state),
h("b", {}, formatNumber(count)),
span("caption", caption),
);
}
function card(classes, title, total, bar, buttons) {
const heading = h("h2", {}, title, h("b", {}, formatNumber(total)));
return h("div", { class: `card ${classes}` }, heading, bar, h("div", { class: "counts" }, buttons));
}
function viewCard(view, counts, states, onChooseState) {
const buttons = states.map((state) => {
const attributes = { "data-view": view, "data-state": state, onclick: () => onChooseState(view, state) };
return countButton(state, counts[state], state, attributes);
});
return card(view, VIEWS[view].title, sumCounts(counts, states), stripe(counts, states), buttons);
}
function fillSummary(counts, { onChooseState, onToggleStale }) {
const { total, stale } = counts.pods;
const podsStripe = stripe({ error: stale, ok: total - stale }, ["error", "ok"]);
const staleButton = countButton("error", stale, "stale", { "data-stale": true, onclick: onToggleStale });
byId("summary").append(
viewCard("accounts", counts.service_accounts, STATES, onChooseState),
viewCard("roles", counts.roles, STATES, onChooseState),
viewCard("findings", counts.findings, SEVERITIES, onChooseState),
card("pods", "Pods", total, podsStripe, staleButton),
);
}
function showSummary(filter) {
for (const button of byId("summary").querySelectorAll("button")) {
const { view, state, stale } = button.dataset;
const isPressed = stale === undefined ? view === filter.view && filter.state.includes(state) : filter.stale === "1";
button.setAttribute("aria-pressed", String(isPressed));
}
}
const THEMES = ["system", "light", "dark"];
const STORAGE_KEY = "irsa-audit-theme";
function withStorage(use) {
try {
return use(localStorage);
} catch (error) {
if (!(error instanceof DOMException)) throw error;
return null;
}
}
function showTheme(theme) {
document.documentElement.dataset.theme = theme;
byId("theme").textContent = `Theme: ${theme}`;
}
function setUpTheme() {
const stored = withStorage((storage) => storage.getItem(STORAGE_KEY));
showTheme(THEMES.includes(stored) ? stored : "system");
byId("theme").addEventListener("click", () => {
const current = THEMES.indexOf(document.documentElement.dataset.theme);
const theme = THEMES[(current + 1) % THEMES.length];
showTheme(theme);
withStorage((storage) => storage.setItem(STORAGE_KEY, theme));
});
}
const readJson = (id) => JSON.parse(byId(id).textContent);
const model = buildModel(unpackAudit(readJson("audit")), readJson("causes"));
const narrowWindow = matchMedia("(max-width: 760px)");
const grid = byId("grid");
const list = new List(grid, { onOpen: openLine, onExpand: expandLine });
const expandedIds = new Set();
let filter = readFragment(location.hash);
let openedAddress = null;
let focusBefore = null;
function update(changes, isStep = false) {
filter = { ...filter, ...changes };
const fragment = writeFragment(filter);
const address = fragment ? `#${fragment}` : location.pathname + location.search;
history[isStep ? "pushState" : "replaceState"](null, "", address);
show();
const isListChanged = Object.keys(changes).some((key) => key !== "open");
if (isListChanged && byId("panel").getBoundingClientRect().top < 0) byId("panel").scrollIntoView();
}
function show() {
showList();
showDetails();
}
function chooseState(view, state) {
const isChosen = filter.view === view && String(filter.state) === state;
const sort = filter.view === view ? filter.sort : "worst";
update({ view, sort, state: isChosen ? [] : [state] }, filter.view !== view);
}
function toggleState(state) {
const others = filter.state.filter((other) => other !== state);
update({ state: others.length < filter.state.length ? others : [...others, state] });
}
function chooseView(view) {
if (view !== filter.view) update({ view, sort: "worst", state: [], open: "" }, true);
}
function clearFilters() {
update(NO_FILTER);
byId("search").focus();
}
function openLine(line, cell) {
if (line.kind === "cause") setExpanded(line, !line.expanded);
else openDetails(addressOf(line.kind === "account" && cell === 1 ? line.displayedRole : line));
}
function expandLine(line, expanded) {
if (line.kind === "cause" && line.expanded !== expanded) setExpanded(line, expanded);
if (line.kind === "finding" && !expanded) list.choose(list.lines.find((other) => other.id === line.data.id));
}
function setExpanded(cause, expanded) {
if (expanded) expandedIds.add(cause.id);
else expandedIds.delete(cause.id);
showList();
}
function showList() {
const { view } = filter;
const { matches, stateCounts } = findMatches(model, filter, view);
const lines = buildLines(model, filter, view, matches, expandedIds);
grid.setAttribute("role", view === "findings" ? "treegrid" : "grid");
grid.setAttribute("aria-label", VIEWS[view].title);
grid.className = `grid ${view}`;
grid.hidden = lines.length === 0;
list.show(lines);
showTabs(filter);
showSummary(filter);
showFilters(filter, stateCounts);
showCount(matches, lines);
}
function showCount(matches, lines) {
const { one, many } = VIEWS[filter.view];
const total = model[filter.view].length;
const causes = lines.filter((line) => line.kind === "cause").length;
const share = isFiltered(filter) ? `${formatNumber(matches.length)} of ` : "";
const verb = !isFiltered(filter) ? "" : matches.length === 1 ? " matches" : " match";
const text = `${share}${quantity(total, one, many)}${verb}${causes ? `, ${quantity(causes, "cause")}` : ""}`;
if (byId("count").textContent !== text) byId("count").textContent = text;
byId("empty").hidden = lines.length > 0;
const emptyText = total ? `No ${one} matches these filters.` : `There are no ${many}.`;
byId("empty").replaceChildren(h("p", {}, emptyText));
}
function openDetails(address) {
if (openedAddress === null) focusBefore = document.activeElement;
update({ open: address }, true);
if (openedAddress !== null) byId("details-title").focus();
}
function showAccountsWith(id) {
update({ ...NO_FILTER, view: "accounts", sort: "worst", id, open: "" }, true);
focusBefore = null;
list.focus();
}
function closeDetails() {
update({ open: "" });
const canFocus = focusBefore && focusBefore.isConnected && focusBefore !== document.body;
const target = canFocus ? focusBefore : grid;
focusBefore = null;
target.focus({ preventScroll: true });
}
function showDetails() {
const dialog = byId("details");
const opened = filter.open ? findDetails(model, filter.open) : null;
document.body.classList.toggle("has-details", opened !== null);
if (opened === null) {
openedAddress = null;
if (dialog.open) dialog.close();
return;
}
if (openedAddress !== filter.open) {
fillDetails(dialog, opened.details);
if (opened.item) list.choose(opened.item);
}
openedAddress = filter.open;
if (!dialog.open) dialog[narrowWindow.matches ? "showModal" : "show"]();
}
byId("details").addEventListener("cancel", (event) => {
event.preventDefault();
closeDetails();
});
byId("details").addEventListener("close", () => {
if (filter.open) closeDetails();
});
document.addEventListener("click", (event) => {
const button = event.target.closest("[data-copy], [data-open], [data-finding-id], [data-close]");
if (!button) return;
const { copy, open, findingId } = button.dataset;
if (copy !== undefined) copyText(copy, button);
else if (open !== undefined) openDetails(open);
else if (findingId !== undefined) showAccountsWith(findingId);
else closeDetails();
});
document.addEventListener("keydown", (event) => {
const isSearching = event.target === byId("search");
const isElsewhere = event.target.matches("input, select, textarea") || byId("details").matches(":modal");
const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
if (event.key === "/" && !isElsewhere && !hasModifier) {
event.preventDefault();
byId("search").focus();
byId("search").select();
} else if (event.key === "Escape" && !event.defaultPrevented) {
handleEscape(event, isSearching);
} else if (event.key === "ArrowDown" && isSearching) {
event.preventDefault();
list.focus();
}
});
function handleEscape(event, isSearching) {
if (isSearching && filter.q) {
event.preventDefault();
update({ q: "" });
} else if (filter.open) {
event.preventDefault();
closeDetails();
}
}
byId("skip").addEventListener("click", (event) => {
event.preventDefault();
list.focus();
});
function setPrinting(isPrinting) {
const hiddenLines = list.setPrinting(isPrinting);
byId("not-printed").hidden = !isPrinting || hiddenLines === 0;
byId("not-printed").textContent =
`${quantity(hiddenLines, "more line")} not printed. Filter the list to print fewer.`;
}
addEventListener("beforeprint", () => setPrinting(true));
addEventListener("afterprint", () => setPrinting(false));
addEventListener("popstate", () => {
filter = readFragment(location.hash);
show();
});
document.documentElement.classList.add("js");
setUpTheme();
fillSummary(model.audit.counts, {
onChooseState: chooseState,
onToggleStale: () => update({ stale: filter.stale ? "" : "1" }),
});
fillTabs(model, chooseView);
fillFilters(model, { onChange: update, onToggleState: toggleState, onClear: clearFilters });
show();
performance.mark("audit-ready");
})();
"""
