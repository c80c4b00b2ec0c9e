// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The lines of a view: group heads and sorted items.

import { compareTexts } from "./text.js";
import { stateRank } from "./vocabulary.js";

const compareByState = (a, b) => stateRank(a.state) - stateRank(b.state) || a.nameRank - b.nameRank;
const compareByName = (a, b) => a.nameRank - b.nameRank;
const compareById = (a, b) => compareTexts(a.id, b.id);
const roleRank = (account) => (account.role ? account.role.nameRank : Infinity);

// The comparisons of SORT_LABELS.
const SORT_ORDERS = {
  accounts: {
    worst: compareByState,
    name: compareByName,
    // Infinity - Infinity is NaN: accounts without a role are sorted by name.
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

// Accounts are grouped by namespace, roles by how many accounts use them, findings by id. The groups have the order of
// their first items. expandedIds: ids of the causes whose findings are lines too.
export function buildLines(model, filter, view, matches, expandedIds) {
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
