// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The audit document as objects that refer to each other, with search texts and ranks for sorting.

import { compareTexts } from "./text.js";

const SUBJECT = /^system:serviceaccount:([^:]*):([^:]*)$/;

const joinSearchText = (texts) =>
  texts
    .filter((text) => text !== null && text !== undefined)
    .join("\n")
    .toLowerCase();

const policyTexts = (role) => (role ? role.policies.flatMap((policy) => [policy.name, policy.arn]) : []);
const sumStalePods = (accounts) => accounts.reduce((sum, account) => sum + account.stalePods, 0);

function buildFinding(data, index, causes) {
  const title = causes[data.id] ? causes[data.id].title : "";
  const contentText = joinSearchText([
    data.id,
    title,
    data.message,
    data.evidence,
    data.expected,
    data.found,
    data.fix,
  ]);
  return {
    kind: "finding",
    index,
    data,
    state: data.severity,
    title,
    // A search for an account's name matches its findings, but not the other accounts of these findings. So accounts and
    // roles are searched by the contentText of their findings, findings by searchText.
    contentText,
    searchText: joinSearchText([contentText, ...data.service_accounts, ...data.roles]),
  };
}

function buildRole(data, findings) {
  return {
    kind: "role",
    data,
    name: data.name,
    state: data.state,
    findings: data.findings.map((index) => findings[index]),
    namespaces: new Set(),
    accounts: [],
    // Trusted subjects for which no account uses the role: the account does not exist or uses another role, or the
    // subject is a pattern.
    unmatchedSubjects: [],
    searchText: joinSearchText([data.arn, ...policyTexts(data), ...data.subjects]),
  };
}

function buildAccount(data, roles, findings) {
  const role = data.role === null ? null : roles[data.role];
  const name = `${data.namespace}/${data.name}`;
  return {
    kind: "account",
    data,
    role,
    name,
    state: data.state,
    findings: data.findings.map((index) => findings[index]),
    namespaces: new Set([data.namespace]),
    stalePods: data.pods.stale,
    trustedBy: [],
    searchText: joinSearchText([
      name,
      data.role_arn,
      role && role.data.arn,
      data.bound_by,
      ...policyTexts(role && role.data),
    ]),
  };
}

function connectRole(role, accounts, accountsByName) {
  role.accounts = role.data.service_accounts.map((index) => accounts[index]);
  for (const subject of role.data.subjects) {
    const parts = SUBJECT.exec(subject);
    const name = parts ? `${parts[1]}/${parts[2]}` : subject;
    const account = accountsByName.get(name);
    if (parts) role.namespaces.add(parts[1]);
    if (account && account.role === role) continue;
    role.unmatchedSubjects.push({ name, account: account || null });
    if (account) account.trustedBy.push(role);
  }
  for (const account of role.accounts) role.namespaces.add(account.data.namespace);
  role.stalePods = sumStalePods(role.accounts);
  role.group = role.accounts.length > 1 ? "shared" : role.accounts.length ? "single" : "none";
}

function connectFinding(finding, accountsByName) {
  const names = finding.data.service_accounts;
  finding.namespaces = new Set(names.map((name) => name.split("/", 1)[0]));
  finding.stalePods = sumStalePods(names.map((name) => accountsByName.get(name)).filter(Boolean));
  finding.findings = [finding];
}

// Names are compared once; sorting the lines later compares numbers.
function rankNames(items) {
  [...items]
    .sort((a, b) => compareTexts(a.name, b.name))
    .forEach((item, index) => {
      item.nameRank = index;
    });
}

// causes: title and reason of each finding id, {id: {title, why}}.
export function buildModel(audit, causes) {
  const findings = audit.findings.map((data, index) => buildFinding(data, index, causes));
  const roles = audit.roles.map((data) => buildRole(data, findings));
  const accounts = audit.service_accounts.map((data) => buildAccount(data, roles, findings));
  const accountsByName = new Map(accounts.map((account) => [account.name, account]));
  const rolesByArn = new Map(roles.map((role) => [role.data.arn, role]));
  for (const role of roles) connectRole(role, accounts, accountsByName);
  for (const finding of findings) connectFinding(finding, accountsByName);
  for (const account of accounts) {
    // For an account without an annotation, show a role that trusts it.
    account.displayedRole = account.role || (account.data.role_arn ? null : account.trustedBy[0] || null);
  }
  rankNames(accounts);
  rankNames(roles);
  const namespaces = [...new Set(accounts.map((account) => account.data.namespace))].sort(compareTexts);
  const findingIds = [...new Set(audit.findings.map((finding) => finding.id))].sort(compareTexts);
  return { audit, causes, accounts, roles, findings, accountsByName, rolesByArn, namespaces, findingIds };
}
