// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The fragment of the address: view, filters, order and the address of the open details.

import { LINKS, SORT_LABELS, STATES, VIEWS } from "./vocabulary.js";

const KEYS = ["view", "sort", "q", "state", "link", "id", "ns", "stale", "open"];
const DEFAULTS = { view: "accounts", sort: "worst" };

// The filter that a fragment describes. Unknown keys and values are ignored.
export function readFragment(fragment) {
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

// The fragment without "#". It is empty for the default view without filters.
export function writeFragment(filter) {
  const parameters = new URLSearchParams();
  for (const key of KEYS) {
    const value = String(filter[key]);
    if (value !== (DEFAULTS[key] || "")) parameters.set(key, value);
  }
  return parameters.toString();
}
