# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JavaScript of an audit's page: the summary, the filters, the keys, and what ties all parts to the address."""

from __future__ import annotations

APP = r"""
const at = (id) => document.getElementById(id);
const dataOf = (id) => JSON.parse(at(id).textContent);
const model = modelOf(unpacked(dataOf("audit")), dataOf("causes"));
const narrow = matchMedia("(max-width: 760px)");
const unfolded = new Set();
let filter = readFragment(location.hash);
let opened = null;
let returnTo = null;

function say(text) {
  at("said").textContent = "";
  requestAnimationFrame(() => { at("said").textContent = text; });
}

// One way to change anything: the address follows, and the page follows the address. What is worth a step back is
// pushed.
function change(changes, push) {
  filter = { ...filter, ...changes };
  const fragment = writeFragment(filter);
  const address = fragment ? `#${fragment}` : location.pathname + location.search;
  history[push ? "pushState" : "replaceState"](null, "", address);
  show();
  // Other lines are read from their beginning, not from where the former ones were left.
  const isOther = Object.keys(changes).some((key) => key !== "open");
  if (isOther && at("panel").getBoundingClientRect().top < 0) at("panel").scrollIntoView();
}

const isFiltered = () => Object.entries(NO_FILTER).some(([key, value]) => String(filter[key]) !== String(value));

// Summary.

function bar(counts, states) {
  const total = states.reduce((sum, each) => sum + counts[each], 0);
  const stripe = h("div", { class: "stripe", "aria-hidden": "true" });
  for (const state of states.filter((each) => counts[each])) {
    const part = span(`s-${state}`);
    part.style.flexGrow = counts[state] / total;
    stripe.append(part);
  }
  return stripe;
}

function countButton(state, count, what, attributes) {
  return h("button", { type: "button", class: `count s-${state}`, disabled: count === 0, "aria-pressed": "false",
    ...attributes }, icon(state), h("b", {}, number(count)), span("what", what));
}

function pick(view, state) {
  const already = filter.view === view && String(filter.state) === state;
  const sort = filter.view === view ? filter.sort : "worst";
  change({ view, sort, state: already ? [] : [state] }, filter.view !== view);
}

const card = (classes, title, total, stripe, buttons) => h("div", { class: `card ${classes}` },
  h("h2", {}, title, h("b", {}, number(total))), stripe, h("div", { class: "counts" }, buttons));

function cardOf(view, counts, states) {
  const total = states.reduce((sum, each) => sum + counts[each], 0);
  const buttons = states.map((state) => countButton(state, counts[state], state,
    { "data-view": view, "data-state": state, onclick: () => pick(view, state) }));
  return card(view, VIEWS[view].title, total, bar(counts, states), buttons);
}

function fillSummary() {
  const { counts } = model.audit;
  const { total, stale } = counts.pods;
  at("summary").append(
    cardOf("accounts", counts.service_accounts, STATES),
    cardOf("roles", counts.roles, STATES),
    cardOf("findings", counts.findings, SEVERITIES),
    card("pods", "Pods", total, bar({ error: stale, ok: total - stale }, ["error", "ok"]), countButton("error", stale,
      "stale", { "data-stale": true, onclick: () => change({ stale: filter.stale ? "" : "1" }) })));
}

// Tabs and filters.

function fillTabs() {
  const tabs = Object.entries(VIEWS).map(([view, { title }]) => h("button", {
    type: "button", role: "tab", id: `tab-${view}`, "aria-controls": "panel", "data-tab": view,
    onclick: () => toView(view) }, title, meta()));
  at("tabs").append(...tabs);
  at("tabs").addEventListener("keydown", (event) => {
    const now = tabs.findIndex((each) => each.dataset.tab === filter.view);
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    toView(tab.dataset.tab);
    tab.focus();
  });
}

function toView(view) {
  if (view !== filter.view) change({ view, sort: "worst", state: [], open: "" }, true);
}

const option = (value, text) => h("option", { value }, text);
const select = (key, label) => h("select", { id: `by-${key}`, "aria-label": label,
  onchange: (event) => change({ [key]: event.target.value }) });

function fillFilters() {
  const chips = STATES.map((state) => h("button", { type: "button", class: `chip s-${state}`, "data-chip": state,
    onclick: () => toggle(state) }, icon(state), span("what", state), h("b", {})));
  at("filters").append(h("div", { class: "chips", role: "group", "aria-label": "State" }, chips),
    select("link", "Link"), select("id", "Finding"), select("ns", "Namespace"), select("sort", "Order"));
  at("by-link").append(option("", "All links"), ...LINKS.map((each) => option(each, each)));
  at("by-id").append(option("", "All kinds of findings"), ...model.ids.map((each) => option(each, each)));
  at("by-ns").append(option("", "All namespaces"), ...model.namespaces.map((each) => option(each, each)));
  at("search").addEventListener("input", () => change({ q: at("search").value }));
  at("clear").addEventListener("click", clearFilters);
  at("more").addEventListener("click", () => {
    const open = at("more").getAttribute("aria-expanded") === "true";
    at("more").setAttribute("aria-expanded", String(!open));
    at("filters").classList.toggle("open", !open);
  });
}

function toggle(state) {
  const others = filter.state.filter((each) => each !== state);
  change({ state: others.length < filter.state.length ? others : [...others, state] });
}

function clearFilters() {
  change({ ...NO_FILTER });
  at("search").focus();
}

function showFilters(states) {
  const search = at("search");
  if (search.value !== filter.q) search.value = filter.q;
  for (const key of ["link", "id", "ns"]) {
    at(`by-${key}`).value = filter[key];
    at(`by-${key}`).classList.toggle("set", filter[key] !== "");
  }
  at("by-sort").replaceChildren(...Object.entries(SORTS[filter.view]).map(([value, text]) => option(value, text)));
  at("by-sort").value = filter.sort;
  for (const chip of at("filters").querySelectorAll("[data-chip]")) {
    const state = chip.dataset.chip;
    chip.setAttribute("aria-pressed", String(filter.state.includes(state)));
    chip.hidden = filter.view === "findings" && !SEVERITIES.includes(state);
    chip.querySelector("b").textContent = number(states.get(state));
  }
  for (const button of at("summary").querySelectorAll("button")) {
    const { view, state, stale } = button.dataset;
    const pressed = stale === undefined ? view === filter.view && filter.state.includes(state) : filter.stale === "1";
    button.setAttribute("aria-pressed", String(pressed));
  }
  for (const tab of at("tabs").children) {
    const chosen = tab.dataset.tab === filter.view;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  at("clear").hidden = !isFiltered();
  const set = ["link", "id", "ns"].filter((key) => filter[key]).length + filter.state.length;
  at("more").textContent = set ? `Filters (${set})` : "Filters";
}

// The list.

const grid = at("grid");
const list = listIn(grid, {
  opens(line, cell) {
    if (line.kind === "cause") fold(line, !line.unfolded);
    else open(addressOf(line.kind === "account" && cell === 1 ? line.shownRole : line));
  },
  folds(line, unfold) {
    if (line.kind === "cause" && line.unfolded !== unfold) fold(line, unfold);
    if (line.kind === "finding" && !unfold) list.choose(list.lines.find((each) => each.id === line.data.id));
  },
});

function fold(cause, unfold) {
  if (unfold) unfolded.add(cause.id);
  else unfolded.delete(cause.id);
  showList();
}

function showList() {
  const { view } = filter;
  const { found, states } = matching(model, filter, view);
  const lines = linesOf(model, filter, view, found, unfolded);
  grid.setAttribute("role", view === "findings" ? "treegrid" : "grid");
  grid.setAttribute("aria-label", VIEWS[view].title);
  grid.className = `grid ${view}`;
  grid.hidden = lines.length === 0;
  list.show(lines);
  showFilters(states);
  showCount(found, lines);
}

function showCount(found, lines) {
  const { one, many } = VIEWS[filter.view];
  const all = model[filter.view].length;
  const kinds = lines.filter((each) => each.kind === "cause").length;
  const matches = isFiltered() ? `${number(found.length)} of ` : "";
  const verb = !isFiltered() ? "" : found.length === 1 ? " matches" : " match";
  const text = `${matches}${counted(all, one, many)}${verb}${kinds ? `, ${counted(kinds, "kind")}` : ""}`;
  if (at("count").textContent !== text) at("count").textContent = text;
  at("empty").hidden = lines.length > 0;
  at("empty").replaceChildren(h("p", {}, all ? `No ${one} matches these filters.` : `There are no ${many}.`));
}

// Details.

function open(address) {
  if (opened === null) returnTo = document.activeElement;
  change({ open: address }, true);
  if (opened !== null) at("details-title").focus();
}

// All accounts with a kind of finding, in place of the details of one.
function showKind(id) {
  change({ ...NO_FILTER, view: "accounts", sort: "worst", id, open: "" }, true);
  returnTo = null;
  list.focus();
}

function close() {
  change({ open: "" });
  const back = returnTo && returnTo.isConnected && returnTo !== document.body ? returnTo : grid;
  returnTo = null;
  back.focus({ preventScroll: true });
}

function showDetails() {
  const dialog = at("details");
  const found = filter.open ? openedIn(model, filter.open) : null;
  document.body.classList.toggle("detailed", found !== null);
  if (found === null) {
    opened = null;
    if (dialog.open) dialog.close();
    return;
  }
  if (opened !== filter.open) {
    fillDetails(dialog, found.details);
    if (found.item) list.choose(found.item);
  }
  opened = filter.open;
  // On a narrow window it covers everything, so nothing behind it may be reached.
  if (!dialog.open) dialog[narrow.matches ? "showModal" : "show"]();
}

at("details").addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});

// The browser may close it of its own accord, too.
at("details").addEventListener("close", () => {
  if (filter.open) close();
});

// Copying: with the clipboard of a page that may use it, else the old way.

function copy(text, button) {
  const done = () => {
    button.classList.add("done");
    say("Copied");
    setTimeout(() => button.classList.remove("done"), 1500);
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => copyByHand(text) && done());
  else if (copyByHand(text)) done();
}

function copyByHand(text) {
  const area = h("textarea", { class: "hidden", "aria-hidden": "true" });
  area.value = text;
  // Inside the dialog, since what is behind a modal one can't be marked.
  (at("details").open ? at("details") : document.body).append(area);
  const back = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (back) back.focus({ preventScroll: true });
  return done;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-open], [data-kind], [data-close]");
  if (!button) return;
  if (button.dataset.copy !== undefined) copy(button.dataset.copy, button);
  else if (button.dataset.open !== undefined) open(button.dataset.open);
  else if (button.dataset.kind !== undefined) showKind(button.dataset.kind);
  else close();
});

// Keys that hold everywhere.

document.addEventListener("keydown", (event) => {
  const elsewhere = event.target.matches("input, select, textarea") || at("details").matches(":modal");
  if (event.key === "/" && !elsewhere && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    at("search").focus();
    at("search").select();
  } else if (event.key === "Escape" && !event.defaultPrevented) escape(event);
  else if (event.key === "ArrowDown" && event.target === at("search")) {
    event.preventDefault();
    list.focus();
  }
});

function escape(event) {
  if (event.target === at("search") && filter.q) {
    event.preventDefault();
    change({ q: "" });
  } else if (filter.open) {
    event.preventDefault();
    close();
  }
}

at("skip").addEventListener("click", (event) => {
  // Its target would take the place of the filters in the address.
  event.preventDefault();
  list.focus();
});

// Theme: the system's, until somebody chooses.

const THEMES = ["system", "light", "dark"];

function stored(theme) {
  try {
    if (theme) localStorage.setItem("irsa-audit-theme", theme);
    return localStorage.getItem("irsa-audit-theme");
  } catch (error) {
    // A browser may keep nothing for files; then it is chosen again next time.
    if (!(error instanceof DOMException)) throw error;
    return null;
  }
}

function theme(wanted) {
  document.documentElement.dataset.theme = wanted;
  at("theme").textContent = `Theme: ${wanted}`;
}

at("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  theme(next);
  stored(next);
});

// Paper shows the lines themselves, not a window on them.

function printing(value) {
  const beyond = list.print(value);
  at("beyond").hidden = !(value && beyond);
  at("beyond").textContent = `${counted(beyond, "more line")} not printed: filter the list first.`;
}

addEventListener("beforeprint", () => printing(true));
addEventListener("afterprint", () => printing(false));

function show() {
  showList();
  showDetails();
}

addEventListener("popstate", () => {
  filter = readFragment(location.hash);
  show();
});

document.documentElement.classList.add("js");
theme(THEMES.includes(stored()) ? stored() : "system");
fillSummary();
fillTabs();
for (const tab of at("tabs").children) tab.lastChild.textContent = number(model[tab.dataset.tab].length);
fillFilters();
show();
performance.mark("audit-ready");
"""
