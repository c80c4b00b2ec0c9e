// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Connects the parts of the page. Every action changes the filter in the address, and the page shows what the filter
// selects.

import { NO_FILTER, findMatches, isFiltered } from "./model/filter.js";
import { readFragment, writeFragment } from "./model/fragment.js";
import { buildLines } from "./model/lines.js";
import { buildModel } from "./model/model.js";
import { formatNumber, quantity } from "./model/text.js";
import { unpackAudit } from "./model/unpack.js";
import { VIEWS } from "./model/vocabulary.js";
import { copyText } from "./view/clipboard.js";
import { fillFilters, fillTabs, showFilters, showTabs } from "./view/controls.js";
import { addressOf, fillDetails, findDetails } from "./view/details.js";
import { byId, h } from "./view/elements.js";
import { List } from "./view/list.js";
import { fillSummary, showSummary } from "./view/summary.js";
import { setUpTheme } from "./view/theme.js";

const readJson = (id) => JSON.parse(byId(id).textContent);
const model = buildModel(unpackAudit(readJson("audit")), readJson("causes"));
const narrowWindow = matchMedia("(max-width: 760px)");
const grid = byId("grid");
const list = new List(grid, { onOpen: openLine, onExpand: expandLine });
// Ids of the causes whose findings are shown.
const expandedIds = new Set();
let filter = readFragment(location.hash);
// The address of the open details, and the element that had the focus before they opened.
let openedAddress = null;
let focusBefore = null;

// isStep: the browser's back button undoes the change.
function update(changes, isStep = false) {
  filter = { ...filter, ...changes };
  const fragment = writeFragment(filter);
  const address = fragment ? `#${fragment}` : location.pathname + location.search;
  history[isStep ? "pushState" : "replaceState"](null, "", address);
  show();
  // Scroll to the top of a changed list.
  const isListChanged = Object.keys(changes).some((key) => key !== "open");
  if (isListChanged && byId("panel").getBoundingClientRect().top < 0) byId("panel").scrollIntoView();
}

function show() {
  showList();
  showDetails();
}

// Filters.

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

// The list.

function openLine(line, cell) {
  if (line.kind === "cause") setExpanded(line, !line.expanded);
  else openDetails(addressOf(line.kind === "account" && cell === 1 ? line.displayedRole : line));
}

function expandLine(line, expanded) {
  if (line.kind === "cause" && line.expanded !== expanded) setExpanded(line, expanded);
  // Arrow left on a finding chooses its cause.
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
  // Do not set an unchanged text: screen readers would read it again.
  if (byId("count").textContent !== text) byId("count").textContent = text;
  byId("empty").hidden = lines.length > 0;
  const emptyText = total ? `No ${one} matches these filters.` : `There are no ${many}.`;
  byId("empty").replaceChildren(h("p", {}, emptyText));
}

// Details.

function openDetails(address) {
  if (openedAddress === null) focusBefore = document.activeElement;
  update({ open: address }, true);
  if (openedAddress !== null) byId("details-title").focus();
}

// Closes the details and lists all accounts with this finding id.
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
  // In a narrow window the dialog covers the page, so it is modal: nothing behind it can get the focus.
  if (!dialog.open) dialog[narrowWindow.matches ? "showModal" : "show"]();
}

byId("details").addEventListener("cancel", (event) => {
  event.preventDefault();
  closeDetails();
});

// The browser can close the dialog too.
byId("details").addEventListener("close", () => {
  if (filter.open) closeDetails();
});

// Clicks and keys on the whole page.

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
  // Following the link would replace the filters in the address.
  event.preventDefault();
  list.focus();
});

// In print, all lines are elements, up to a limit.

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
