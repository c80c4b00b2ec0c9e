// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Accounts, roles and policies as nodes in a row, and the line between an account and its role.

import { formatNumber, quantity } from "../model/text.js";
import { findWorst, stateRank } from "../model/vocabulary.js";
import { cell, icon, meta, nameText, span, stateIcon } from "./elements.js";

// How many policies or accounts a row shows.
const MAX_NODES = 2;

export const roleName = (role) => role.data.name || role.data.arn.split("/").pop();
const moreNote = (items) => items.length > MAX_NODES && meta(`+${formatNumber(items.length - MAX_NODES)}`);

function podsNote({ exists, pods }) {
  if (!exists) return "missing";
  if (pods.stale) return `${formatNumber(pods.stale)} of ${quantity(pods.total, "pod")} stale`;
  return pods.total ? quantity(pods.total, "pod") : "no pods";
}

export function accountNode(account) {
  const classes = `node account s-${account.state} ${account.data.exists ? "" : "missing"}`;
  const note = meta(podsNote(account.data));
  const node = cell(classes, stateIcon(account.state), nameText(account.data.name), note);
  node.dataset.cell = 0;
  return node;
}

// The line from account to role, with the link of the chain where it is broken.
export function edgeCell({ state, findings, role }) {
  const worst = findWorst(findings);
  const broken = worst && worst.state !== "note" ? worst : null;
  const edgeState = broken ? broken.state : state === "unknown" ? "unknown" : "ok";
  const label = edgeState !== "ok" && span("label", icon(edgeState), broken ? broken.data.link : "unknown");
  return cell(`edge s-${edgeState} ${role ? "" : "unbound"}`, label);
}

// The role of an account; the ARN in its annotation if that role was not read; for an account without an annotation, a
// role that trusts it.
export function displayedRoleNode(account) {
  const { role, displayedRole, data } = account;
  if (!displayedRole) {
    return cell("node role missing", data.role_arn ? nameText(data.role_arn) : span("none", "no role"));
  }
  const node = role ? roleNode(role) : cell("node role missing", nameText(roleName(displayedRole)), meta("trusts it"));
  node.dataset.cell = 1;
  return node;
}

export function roleNode(role) {
  const classes = `node role s-${role.state} ${role.data.exists === false ? "missing" : ""}`;
  return cell(classes, stateIcon(role.state), nameText(roleName(role)), roleNote(role));
}

export function roleNote(role) {
  const { exists, account_id: accountId } = role.data;
  if (exists === false) return meta("missing");
  if (role.accounts.length > 1) {
    return span("meta shared", icon("shared"), `shared by ${formatNumber(role.accounts.length)}`);
  }
  return exists === null ? meta(`account ${accountId || "unknown"}`) : null;
}

const splitWords = (text) => text.split(/[\s"'();]+/).map((word) => word.replace(/[.,:]$/, ""));

// The state of the role's worst finding that names the policy, or null.
export function policyState(role, policy) {
  const isNamed = ({ data }) =>
    [data.evidence, data.message].some(
      (text) => text && splitWords(text).some((word) => word === policy.name || word === policy.arn),
    );
  const worst = findWorst(
    role.findings.filter((finding) => finding.data.id === "policy-too-broad" && isNamed(finding)),
  );
  return worst ? worst.state : null;
}

function policyNode(role, policy) {
  const state = policyState(role, policy);
  const isInline = policy.kind === "inline";
  return span(
    `policy ${state ? `s-${state}` : ""}`,
    state && icon(state),
    isInline && meta("inline"),
    nameText(policy.name),
  );
}

// Without this finding, policies may exist that were not read.
export function noPoliciesText(role) {
  if (role.data.exists === null) return "policies unknown";
  const isProven = role.findings.some((finding) => finding.data.id === "no-permissions");
  return isProven ? "no policies" : "no policies known";
}

export function policiesCell(role) {
  if (!role || role.data.exists === false) return cell("policies");
  const { policies } = role.data;
  if (!policies.length) return cell("policies", span("policy missing", noPoliciesText(role)));
  // Policies with findings come first, so that they are shown.
  const rank = (policy) => stateRank(policyState(role, policy) || "ok");
  const first = [...policies].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_NODES);
  return cell(
    "policies",
    first.map((policy) => policyNode(role, policy)),
    moreNote(policies),
  );
}

const trustedAccountNode = (account) =>
  span(`node s-${account.state}`, stateIcon(account.state), nameText(account.name));
const unmatchedSubjectNode = (subject) =>
  span("node missing", nameText(subject.name), meta(unmatchedSubjectNote(subject)));

export function unmatchedSubjectNote({ name, account }) {
  if (account) return account.data.exists ? "does not use it" : "missing";
  return /[*?]/.test(name) ? "a pattern" : "not audited";
}

export function trustedCell(role) {
  const trusted = [
    ...role.unmatchedSubjects.map((subject) => () => unmatchedSubjectNode(subject)),
    ...role.accounts.map((account) => () => trustedAccountNode(account)),
  ];
  const nodes = trusted.slice(0, MAX_NODES).map((make) => make());
  if (!nodes.length) nodes.push(span("node missing", span("none", "no service account")));
  return cell("trusted", nodes, moreNote(trusted));
}
