// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Which accounts, roles and findings match the filters.

import { STATES } from "./vocabulary.js";

// The filters without the view and the order: search text, states, link of the chain, finding id, namespace, and "1"
// for only items with stale pods.
export const NO_FILTER = { q: "", state: [], link: "", id: "", ns: "", stale: "" };

export function isFiltered(filter) {
  return Object.entries(NO_FILTER).some(([key, value]) => String(filter[key]) !== String(value));
}

// A test of an item against every filter except the states.
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

// {matches: the items of the view that match, not sorted; stateCounts: Map of how many items of each state match the
// other filters}.
export function findMatches(model, filter, view) {
  const candidates = model[view].filter(buildTest(model, filter));
  const stateCounts = new Map(STATES.map((state) => [state, 0]));
  for (const { state } of candidates) stateCounts.set(state, stateCounts.get(state) + 1);
  const matches = filter.state.length ? candidates.filter((item) => filter.state.includes(item.state)) : candidates;
  return { matches, stateCounts };
}
