// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The details of an account, a role, a finding or the OIDC provider.

import { escapeInvisible, formatNumber, quantity } from "../model/text.js";
import { LINKS, findWorst } from "../model/vocabulary.js";
import { badge, h, icon, meta, nameText, span, stateIcon } from "./elements.js";
import { noPoliciesText, policyState, roleName, roleNote, unmatchedSubjectNote } from "./nodes.js";

// How many entries of a long list are shown at a time.
const PAGE_SIZE = 50;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const MILLISECONDS_PER_DAY = 864e5;

function copyButton(text, what, label) {
  const attributes = { type: "button", class: "copy", "data-copy": text, "aria-label": `Copy ${what}` };
  return h("button", attributes, icon("copy"), label);
}

const copyable = (text) => span("copyable", h("code", {}, h("bdi", {}, text)), copyButton(text, escapeInvisible(text)));
const opener = (address, ...children) =>
  h("button", { type: "button", class: "opener", "data-open": address }, children, icon("open"));
const fact = (term, ...description) => h("div", {}, h("dt", {}, term), h("dd", {}, description));

// "26 November 2026, 3 days before the audit". A text that is not a date is returned unchanged.
function formatDay(text, auditTime) {
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  if (!MONTHS[month - 1]) return text;
  const days = Math.trunc((Date.parse(auditTime) - Date.parse(text)) / MILLISECONDS_PER_DAY);
  const age = days < 1 ? "on the day of the audit" : `${quantity(days, "day")} before the audit`;
  return `${day} ${MONTHS[month - 1]} ${year}, ${age}`;
}

// A list with a button that shows its next page.
function longList(items, makeEntry) {
  const list = h("ul", { class: "entries" });
  const moreButton = h("button", { type: "button", class: "quiet", onclick: () => showMore() });
  function showMore() {
    const start = list.childElementCount;
    for (const item of items.slice(start, start + PAGE_SIZE)) list.append(h("li", {}, makeEntry(item)));
    const rest = items.length - list.childElementCount;
    moreButton.hidden = rest === 0;
    moreButton.textContent = `Show ${formatNumber(Math.min(PAGE_SIZE, rest))} more of ${formatNumber(rest)}`;
    const button = start > 0 && list.children[start].querySelector("button");
    if (button) button.focus();
  }
  showMore();
  return h("div", {}, list, moreButton);
}

// Turns ``text`` into code elements.
const formatCode = (text) => text.split("``").map((part, index) => (index % 2 ? h("code", {}, part) : part));

function findingCard(finding, { isAlone = false } = {}) {
  const { data, state, title, index } = finding;
  const affected = data.service_accounts.length + data.roles.length;
  const values = [
    ["Evidence", data.evidence],
    ["Expected", data.expected],
    ["Found", data.found],
  ].filter(([, value]) => value !== null && value !== undefined);
  const valueEntry = ([term, value]) =>
    h("div", { class: term.toLowerCase() }, h("dt", {}, term), h("dd", {}, h("bdi", {}, value)));
  const fix = () => {
    const button = copyButton(data.fix, `the fix of ${data.id}`, "Copy");
    return h("div", { class: "fix" }, h("h4", {}, "Fix"), h("p", {}, data.fix), button);
  };
  return h(
    "article",
    { class: `finding s-${state}` },
    h("header", {}, badge(state), h("code", {}, data.id), meta(`link ${data.link}`)),
    title && !isAlone && h("h4", {}, title),
    h("p", { class: "message" }, data.message),
    values.length > 0 && h("dl", { class: "values" }, values.map(valueEntry)),
    data.fix && fix(),
    !isAlone && affected > 1 && opener(`finding:${index}`, `Affects ${affectedCountText(data)}`),
  );
}

function affectedCountText(data) {
  const parts = [];
  if (data.service_accounts.length) parts.push(quantity(data.service_accounts.length, "service account"));
  if (data.roles.length) parts.push(quantity(data.roles.length, "role"));
  return parts.join(" and ");
}

function findingsSection({ findings, state }) {
  if (findings.length) {
    const title = h("h3", {}, quantity(findings.length, "finding"));
    return h(
      "section",
      {},
      title,
      longList(findings, (finding) => findingCard(finding)),
    );
  }
  const isUnknown = state === "unknown";
  return h(
    "p",
    { class: "no-findings" },
    stateIcon(isUnknown ? "unknown" : "ok"),
    isUnknown ? "No findings, but some checks were skipped." : "No findings.",
  );
}

// The links of the chain, each with its worst finding.
function chainList(findings) {
  const entries = LINKS.map((link) => {
    const worst = findWorst(findings.filter((finding) => finding.data.link === link));
    return h(
      "li",
      { class: worst ? `s-${worst.state}` : "" },
      worst ? icon(worst.state) : span("dot"),
      link,
      span("hidden", worst ? `: ${worst.state}` : ": no findings"),
    );
  });
  return h("ol", { class: "chain", "aria-label": "Links of the chain" }, entries);
}

const accountButton = (account, note) =>
  opener(addressOf(account), stateIcon(account.state), nameText(account.name), note && meta(note));
const roleButton = (role) => opener(addressOf(role), stateIcon(role.state), nameText(roleName(role)), roleNote(role));

function policyList(role) {
  const { policies, exists } = role.data;
  if (!policies.length) return exists === false ? "none" : noPoliciesText(role);
  const entries = policies.map((policy) => {
    const state = policyState(role, policy);
    const inlineNote = policy.kind === "inline" && meta("inline ");
    return h("li", {}, state && stateIcon(state), inlineNote, copyable(policy.arn || policy.name));
  });
  return h("ul", { class: "entries" }, entries);
}

function accountDetails(model, account) {
  const { data, role } = account;
  const roleContent = role
    ? [roleButton(role), copyable(role.data.arn)]
    : data.role_arn
      ? copyable(data.role_arn)
      : "no annotation";
  const accountContent = [stateIcon(account.state), copyable(account.name), !data.exists && meta("missing")];
  const path = h(
    "dl",
    { class: "path" },
    h("div", { class: `s-${account.state}` }, h("dt", {}, "Service account"), h("dd", {}, accountContent)),
    h("div", { class: role ? `s-${role.state}` : "" }, h("dt", {}, "Role"), h("dd", {}, roleContent)),
    fact("Policies", role ? policyList(role) : "none"),
  );
  const trustedBy = account.trustedBy.map((trustingRole) => h("li", {}, roleButton(trustingRole)));
  const staleNote = data.pods.stale ? `, ${formatNumber(data.pods.stale)} of them stale` : "";
  const facts = h(
    "dl",
    { class: "facts" },
    trustedBy.length > 0 && fact("Trusted by", h("ul", { class: "entries" }, trustedBy)),
    fact("Bound by", data.bound_by || (data.role_arn ? "unknown" : "not bound")),
    fact("Pods", quantity(data.pods.total, "pod"), staleNote),
  );
  const body = [path, facts, chainList(account.findings), findingsSection(account)];
  return { label: "Service account", title: account.name, state: account.state, body };
}

function roleDetails(model, role) {
  const { data } = role;
  const auditTime = model.audit.generated_at;
  const existence = data.exists === null ? "unknown: the role is in another AWS account" : data.exists ? "yes" : "no";
  const facts = h(
    "dl",
    { class: "facts" },
    fact("ARN", copyable(data.arn)),
    fact("AWS account", data.account_id ? copyable(data.account_id) : "unknown"),
    fact("Exists", existence),
    fact("Created", data.created ? formatDay(data.created, auditTime) : "unknown"),
    fact("Last used", lastUseText(data, auditTime)),
    fact("Permissions boundary", data.permissions_boundary ? copyable(data.permissions_boundary) : "none"),
    fact("Policies", policyList(role)),
  );
  const body = [facts, findingsSection(role), trustSection(role)];
  return { label: "Role", title: roleName(role), state: role.state, body };
}

function lastUseText(data, auditTime) {
  if (data.last_used) return formatDay(data.last_used, auditTime);
  return data.exists ? "never, or before the period that IAM tracks" : "unknown";
}

function trustSection(role) {
  const { accounts, unmatchedSubjects } = role;
  const title =
    accounts.length > 1 ? `Shared by ${formatNumber(accounts.length)} service accounts` : "Service accounts";
  const trusted = [...unmatchedSubjects, ...accounts];
  const makeEntry = (entry) => (entry.kind === "account" ? accountButton(entry) : unmatchedSubjectEntry(entry));
  return h(
    "section",
    {},
    h("h3", {}, title),
    trusted.length ? longList(trusted, makeEntry) : h("p", { class: "no-findings" }, "No service accounts known."),
  );
}

function unmatchedSubjectEntry(subject) {
  const note = unmatchedSubjectNote(subject);
  return subject.account ? accountButton(subject.account, note) : [copyable(subject.name), meta(note)];
}

// Names and ARNs that are not in the audit are shown as texts.
function affectedSection(title, entries, makeEntry) {
  if (!entries.length) return null;
  const makeAny = (entry) => (typeof entry === "string" ? copyable(entry) : makeEntry(entry));
  return h("section", {}, h("h3", {}, title), longList(entries, makeAny));
}

function findingDetails(model, finding) {
  const { data } = finding;
  const cause = model.causes[data.id];
  const accounts = data.service_accounts.map((name) => model.accountsByName.get(name) || name);
  const roles = data.roles.map((arn) => model.rolesByArn.get(arn) || arn);
  const allButton = () => {
    const attributes = { type: "button", class: "opener", "data-finding-id": data.id };
    return h("button", attributes, `All service accounts with ${data.id}`, icon("open"));
  };
  const body = [
    findingCard(finding, { isAlone: true }),
    cause && h("section", {}, h("h3", {}, "Why"), h("p", {}, formatCode(cause.why))),
    accounts.length > 1 && allButton(),
    affectedSection(quantity(accounts.length, "service account"), accounts, (account) => accountButton(account)),
    affectedSection(quantity(roles.length, "role"), roles, roleButton),
  ];
  return { label: "Finding", title: finding.title || data.id, state: finding.state, body };
}

function providerDetails(model) {
  const { arn, exists, state, client_ids: audiences, findings } = model.audit.provider;
  const facts = h(
    "dl",
    { class: "facts" },
    fact("Exists", exists === null ? "unknown" : exists ? "yes" : "no"),
    fact("Audiences", (audiences || []).join(", ") || "none"),
  );
  const section = findingsSection({ findings: findings.map((index) => model.findings[index]), state });
  return { label: "OIDC provider", title: arn || "OIDC provider", state, body: [facts, section] };
}

export function addressOf(item) {
  return `${item.kind}:${{ account: item.name, role: item.data.arn, finding: item.index }[item.kind]}`;
}

// {item, details} of an address: "account:namespace/name", "role:ARN", "finding:number" or "provider" (item is null).
// Null if the address is unknown.
export function findDetails(model, address) {
  const [, kind, key] = /^(\w+):?([^]*)$/.exec(address) || [];
  if (kind === "provider") return { item: null, details: providerDetails(model) };
  const kinds = {
    account: [() => model.accountsByName.get(key), accountDetails],
    role: [() => model.rolesByArn.get(key), roleDetails],
    finding: [() => model.findings[Number(key)], findingDetails],
  };
  if (!Object.hasOwn(kinds, kind)) return null;
  const [find, makeDetails] = kinds[kind];
  const item = find();
  return item ? { item, details: makeDetails(model, item) } : null;
}

export function fillDetails(dialog, details) {
  const title = h(
    "h2",
    { id: "details-title", tabindex: "-1" },
    h("bdi", {}, details.title),
    " ",
    badge(details.state),
  );
  const closeAttributes = { type: "button", class: "quiet close", "data-close": true, "aria-label": "Close" };
  dialog.replaceChildren(
    h(
      "div",
      { class: "head" },
      h("div", {}, h("p", { class: "kind" }, details.label), title),
      h("button", closeAttributes, icon("close")),
    ),
    h("div", { class: "content" }, details.body),
  );
  dialog.scrollTop = 0;
}
