# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The markup of an audit's page: what the script fills, and the shapes that stand beside its colours."""

from __future__ import annotations

MARKUP = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>IRSA audit of $name</title>
<link rel="icon" href="data:,">
<style>$style</style>
</head>
<body>
<a class="skip" href="#grid" id="skip">Skip to the list</a>
<svg class="symbols" aria-hidden="true">
<symbol id="i-ok" viewBox="0 0 16 16">
<circle class="line" cx="8" cy="8" r="6.5"/>
<path class="line" d="m5 8.2 2.1 2.1L11 6"/>
</symbol>
<symbol id="i-note" viewBox="0 0 16 16">
<rect class="line" x="1.75" y="1.75" width="12.5" height="12.5" rx="2.5"/>
<path class="line" d="M8 7.3v4.2M8 4.4v.7"/>
</symbol>
<symbol id="i-warning" viewBox="0 0 16 16">
<path class="full" d="M8 1 15.4 14.5H.6z"/>
<path class="cut" d="M8 6v4M8 12v.8"/>
</symbol>
<symbol id="i-error" viewBox="0 0 16 16">
<path class="full" d="M4.9.6h6.2l4.3 4.3v6.2l-4.3 4.3H4.9L.6 11.1V4.9z"/>
<path class="cut" d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4"/>
</symbol>
<symbol id="i-unknown" viewBox="0 0 16 16">
<path class="line dash" d="M8 .9 15.1 8 8 15.1.9 8z"/>
<path class="line" d="M6.3 6.7c0-2.2 3.4-2.2 3.4 0 0 1.2-1.7 1.2-1.7 2.4M8 10.9v.6"/>
</symbol>
<symbol id="i-shared" viewBox="0 0 16 16">
<circle class="line" cx="3.2" cy="3.5" r="2.2"/>
<circle class="line" cx="3.2" cy="12.5" r="2.2"/>
<circle class="line" cx="12.8" cy="8" r="2.2"/>
<path class="line" d="m5.2 4.5 5.6 2.6m0 1.8-5.6 2.6"/>
</symbol>
<symbol id="i-copy" viewBox="0 0 16 16">
<rect class="line" x="5.5" y="5.5" width="8.5" height="8.5" rx="1.5"/>
<path class="line" d="M3.5 10.5H3A1.5 1.5 0 0 1 1.5 9V3A1.5 1.5 0 0 1 3 1.5h6A1.5 1.5 0 0 1 10.5 3v.5"/>
</symbol>
<symbol id="i-close" viewBox="0 0 16 16">
<path class="line" d="m3.5 3.5 9 9m0-9-9 9"/>
</symbol>
<symbol id="i-open" viewBox="0 0 16 16">
<path class="line" d="m5.5 3 5 5-5 5"/>
</symbol>
</svg>
<header class="page" id="head">
<div class="title"><p class="kind">IRSA audit</p><h1><bdi>$name</bdi></h1></div>
<button type="button" class="quiet theme scripted" id="theme">Theme: system</button>
$facts
$unread
</header>
<noscript>
<section class="page plain">
$summary
</section>
</noscript>
<main class="page scripted" id="app">
<section class="summary" id="summary" aria-label="Summary"></section>
<div class="tabs" role="tablist" aria-label="Views" id="tabs"></div>
<div class="body">
<div id="panel" role="tabpanel" aria-labelledby="tab-accounts">
<div class="tools" id="tools">
<div class="search"><label class="hidden" for="search">Search names, policies and findings</label>
<input type="search" id="search" autocomplete="off" spellcheck="false" placeholder="Search names and findings"
aria-keyshortcuts="/"><kbd aria-hidden="true">/</kbd></div>
<button type="button" class="quiet more" id="more" aria-expanded="false" aria-controls="filters">Filters</button>
<div class="counted"><p id="count" role="status" aria-live="polite"></p>
<button type="button" class="quiet" id="clear" hidden>Clear filters</button></div>
<div class="filters" id="filters" role="group" aria-label="Filters and order"></div>
</div>
<div id="grid" class="grid" role="grid" tabindex="0" aria-label="Service accounts"></div>
<p class="beyond" id="beyond" hidden></p>
<div class="empty" id="empty" hidden></div>
</div>
<dialog id="details" aria-labelledby="details-title"></dialog>
</div>
<p class="keys">Keys: <kbd>/</kbd> search, <kbd>&uarr;</kbd> <kbd>&darr;</kbd> move,
<kbd>&larr;</kbd> <kbd>&rarr;</kbd> account or role, <kbd>Enter</kbd> opens, <kbd>Esc</kbd> closes.
The address keeps the filters.</p>
<div class="hidden" id="said" role="status" aria-live="polite"></div>
</main>
<script type="application/json" id="audit">$data</script>
<script type="application/json" id="causes">$causes</script>
<script>$script</script>
</body>
</html>
"""
