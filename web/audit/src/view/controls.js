// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The tabs of the views, the search field, the filters and the order.

import { isFiltered } from "../model/filter.js";
import { formatNumber } from "../model/text.js";
import { LINKS, SEVERITIES, SORT_LABELS, STATES, VIEWS } from "../model/vocabulary.js";
import { byId, h, icon, meta, span } from "./elements.js";

const MENUS = { link: "Link", id: "Finding", ns: "Namespace", sort: "Order" };
const FILTER_MENUS = ["link", "id", "ns"];

// onChooseView(view) is called for a tab.
export function fillTabs(model, onChooseView) {
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

// onChange(changes) is called with the changed keys of the filter, onToggleState(state) for a click on a state, and
// onClear() for the button that clears all filters.
export function fillFilters(model, { onChange, onToggleState, onClear }) {
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

export function showTabs(filter) {
  for (const tab of byId("tabs").children) {
    const isSelected = tab.dataset.tab === filter.view;
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
  }
}

// stateCounts: Map of how many items of each state match the other filters.
export function showFilters(filter, stateCounts) {
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
