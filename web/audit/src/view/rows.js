// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A row for each kind of line. To add a column, add its cell here and its width in style/list.css.

import { escapeInvisible, formatNumber, quantity } from "../model/text.js";
import { STATES, findWorst, isOk } from "../model/vocabulary.js";
import { badge, cell, code, h, icon, meta, nameText, span, stateIcon } from "./elements.js";
import { accountNode, displayedRoleNode, edgeCell, policiesCell, roleName, roleNode, trustedCell } from "./nodes.js";

function worstFindingCell(findings) {
  const worst = findWorst(findings);
  return cell(
    "worst-finding",
    worst && code(worst.data.id, escapeInvisible(worst.data.message)),
    findings.length > 1 && meta(`+${formatNumber(findings.length - 1)}`),
  );
}

// The label of a row for a screen reader.
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

// The function that makes the row of a line, by the line's kind.
export const ROWS = {
  account: accountRow,
  role: roleRow,
  group: groupRow,
  cause: causeRow,
  finding: findingRow,
};
