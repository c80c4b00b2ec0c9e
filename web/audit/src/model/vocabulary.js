// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// States, severities and links of an audit document; views of the page and their orders.

// The worst state first.
export const STATES = ["error", "unknown", "warning", "note", "ok"];
export const SEVERITIES = ["error", "warning", "note"];
export const LINKS = ["provider", "role", "account", "webhook", "pods", "sts"];

export const VIEWS = {
  accounts: { title: "Service accounts", one: "service account", many: "service accounts" },
  roles: { title: "Roles", one: "role", many: "roles" },
  findings: { title: "Findings", one: "finding", many: "findings" },
};

// The order of the keys is the order in the menu; lines.js has the comparison for each key.
export const SORT_LABELS = {
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

export const stateRank = (state) => STATES.indexOf(state);

// An account or role without a finding or skipped check. Its row is lower in a narrow window.
export const isOk = (line) => ["account", "role"].includes(line.kind) && line.state === "ok";

// The finding with the worst state, the first of several, or null.
export function findWorst(findings) {
  return findings.reduce(
    (worst, finding) => (!worst || stateRank(finding.state) < stateRank(worst.state) ? finding : worst),
    null,
  );
}
