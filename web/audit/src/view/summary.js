// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The cards at the top of the page: counts by state. Each count is a button that filters.

import { formatNumber } from "../model/text.js";
import { SEVERITIES, STATES, VIEWS } from "../model/vocabulary.js";
import { byId, h, icon, span } from "./elements.js";

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

// onChooseState(view, state) is called for a count, onToggleStale() for the count of stale pods.
export function fillSummary(counts, { onChooseState, onToggleStale }) {
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

export function showSummary(filter) {
  for (const button of byId("summary").querySelectorAll("button")) {
    const { view, state, stale } = button.dataset;
    const isPressed = stale === undefined ? view === filter.view && filter.state.includes(state) : filter.stale === "1";
    button.setAttribute("aria-pressed", String(isPressed));
  }
}
