# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JavaScript of an audit's page: all there is about one account, role or finding, with what to copy."""

from __future__ import annotations

DETAILS = r"""
// How many entries of a long list are shown at a time.
const PORTION = 50;
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];

function copyButton(text, what, label) {
  return h("button", { type: "button", class: "copy", "data-copy": text, "aria-label": `Copy ${what}` }, icon("copy"),
    label);
}

const copied = (text) => span("copied", h("code", {}, h("bdi", {}, text)), copyButton(text, shown(text)));
const opener = (open, ...children) =>
  h("button", { type: "button", class: "opener", "data-open": open }, children, icon("open"));
const fact = (term, ...description) => h("div", {}, h("dt", {}, term), h("dd", {}, description));

function day(text, since) {
  const [year, month, date] = text.slice(0, 10).split("-").map(Number);
  if (!MONTHS[month - 1]) return text;
  const days = Math.floor((Date.parse(since) - Date.parse(text)) / 864e5);
  const ago = days < 1 ? "on the day of the audit" : `${counted(days, "day")} before the audit`;
  return `${date} ${MONTHS[month - 1]} ${year}, ${ago}`;
}

// Long lists grow by portions.
function longList(items, make) {
  const list = h("ul", { class: "entries" });
  const more = h("button", { type: "button", class: "quiet", onclick: () => grow() });
  function grow() {
    const from = list.childElementCount;
    for (const item of items.slice(from, from + PORTION)) list.append(h("li", {}, make(item)));
    const left = items.length - list.childElementCount;
    more.hidden = left === 0;
    more.textContent = `Show ${number(Math.min(PORTION, left))} more of ${number(left)}`;
    if (from && list.children[from].querySelector("button")) list.children[from].querySelector("button").focus();
  }
  grow();
  return h("div", {}, list, more);
}

// `code` spans of the catalogue's texts.
const marked = (text) => text.split("``").map((part, at) => (at % 2 ? h("code", {}, part) : part));

function findingCard(finding, { alone }) {
  const { data } = finding;
  const others = data.service_accounts.length + data.roles.length;
  const values = [["Evidence", data.evidence], ["Expected", data.expected], ["Found", data.found]]
    .filter(([, value]) => value !== null && value !== undefined);
  return h("article", { class: `finding s-${finding.state}` },
    h("header", {}, badge(finding.state), h("code", {}, data.id), meta(`link ${data.link}`)),
    finding.title && !alone && h("h4", {}, finding.title),
    h("p", { class: "message" }, data.message),
    values.length > 0 && h("dl", { class: "values" }, values.map(([term, value]) =>
      h("div", { class: term.toLowerCase() }, h("dt", {}, term), h("dd", {}, h("bdi", {}, value))))),
    data.fix && h("div", { class: "fix" }, h("h4", {}, "Fix"), h("p", {}, data.fix),
      copyButton(data.fix, `the fix of ${data.id}`, "Copy")),
    !alone && others > 1 && opener(`finding:${finding.index}`, `Concerns ${concerned(data)}`));
}

function concerned(data) {
  const parts = [];
  if (data.service_accounts.length) parts.push(counted(data.service_accounts.length, "service account"));
  if (data.roles.length) parts.push(counted(data.roles.length, "role"));
  return parts.join(" and ");
}

function findingsPart(findings, unknown) {
  if (findings.length) {
    return h("section", {}, h("h3", {}, counted(findings.length, "finding")),
      longList(findings, (each) => findingCard(each, {})));
  }
  return h("p", { class: "calm" }, stateIcon(unknown ? "unknown" : "ok"),
    unknown ? "Something about it could not be read; nothing else was found." : "Nothing was found.");
}

// The chain's six links, and what was found at which.
function chainOf(findings) {
  return h("ol", { class: "chain", "aria-label": "Links of the chain" }, LINKS.map((link) => {
    const worst = worstOf(findings.filter((each) => each.data.link === link));
    return h("li", { class: worst ? `s-${worst.state}` : "" }, worst ? icon(worst.state) : span("dot"), link,
      span("hidden", worst ? `: ${worst.state}` : ": nothing found"));
  }));
}

const accountButton = (account, note) =>
  opener(addressOf(account), stateIcon(account.state), name(account.name), note && meta(note));
const roleButton = (role) => opener(addressOf(role), stateIcon(role.state), name(roleName(role)), roleNote(role));

function policiesPart(role) {
  const { policies, exists } = role.data;
  if (!policies.length) return exists === false ? "none" : noPolicies(role);
  return h("ul", { class: "entries" }, policies.map((policy) => {
    const state = policyState(role, policy);
    return h("li", {}, state && stateIcon(state), policy.kind === "inline" && meta("inline "),
      copied(policy.arn || policy.name));
  }));
}

function detailsOfAccount(model, account) {
  const { data, role } = account;
  const body = [chainOf(account.findings), findingsPart(account.findings, account.state === "unknown")];
  const picture = h("dl", { class: "path" },
    h("div", { class: `s-${account.state}` }, h("dt", {}, "Service account"), h("dd", {}, stateIcon(account.state),
      copied(account.name), !data.exists && meta("isn't there"))),
    h("div", { class: role ? `s-${role.state}` : "" }, h("dt", {}, "Role"), h("dd", {},
      role ? [roleButton(role), copied(role.data.arn)] : data.role_arn ? copied(data.role_arn) : "none named")),
    h("div", {}, h("dt", {}, "Policies"), h("dd", {}, role ? policiesPart(role) : "none")));
  const facts = h("dl", { class: "facts" },
    account.trustedBy.length > 0 && fact("Trusted by", h("ul", { class: "entries" },
      account.trustedBy.map((each) => h("li", {}, roleButton(each))))),
    fact("Bound by", data.bound_by || (data.role_arn ? "not known" : "nobody")),
    fact("Pods", counted(data.pods.total, "pod"), data.pods.stale ? `, ${number(data.pods.stale)} of them stale` : ""));
  return { label: "Service account", title: account.name, state: account.state, body: [picture, facts, ...body] };
}

function detailsOfRole(model, role) {
  const { data } = role;
  const { generated_at: now } = model.audit;
  const facts = h("dl", { class: "facts" },
    fact("ARN", copied(data.arn)),
    fact("AWS account", data.account_id ? copied(data.account_id) : "not known"),
    fact("Exists", data.exists === null ? "not known: it is in another account" : data.exists ? "yes" : "no"),
    fact("Created", data.created ? day(data.created, now) : "not known"),
    fact("Last used", lastUse(data, now)),
    fact("Permissions boundary", data.permissions_boundary ? copied(data.permissions_boundary) : "none"),
    fact("Policies", policiesPart(role)));
  return { label: "Role", title: roleName(role), state: role.state,
    body: [facts, findingsPart(role.findings, role.state === "unknown"), trustPart(role)] };
}

function lastUse(data, now) {
  if (data.last_used) return day(data.last_used, now);
  return data.exists ? "never, or longer ago than IAM keeps" : "not known";
}

function trustPart(role) {
  const trusted = [...role.strangers, ...role.accounts];
  const shared = role.accounts.length > 1;
  return h("section", {},
    h("h3", {}, shared ? `Shared by ${number(role.accounts.length)} service accounts` : "Service accounts"),
    trusted.length ? longList(trusted, (each) => (each.kind ? accountButton(each) : strangerEntry(each)))
      : h("p", { class: "calm" }, "It trusts none that could be made out, and none uses it."));
}

const strangerEntry = (stranger) => stranger.account ? accountButton(stranger.account, strangerNote(stranger))
  : [copied(stranger.name), meta(strangerNote(stranger))];

function detailsOfFinding(model, finding) {
  const { data } = finding;
  const cause = model.causes[data.id];
  const names = data.service_accounts.map((each) => model.byName.get(each) || each);
  const arns = data.roles.map((each) => model.byArn.get(each) || each);
  const listed = (title, entries, make) => entries.length > 0 &&
    h("section", {}, h("h3", {}, title),
      longList(entries, (each) => (typeof each === "string" ? copied(each) : make(each))));
  return { label: "Finding", title: finding.title || data.id, state: finding.state, body: [
    findingCard(finding, { alone: true }),
    cause && h("section", {}, h("h3", {}, "Why"), h("p", {}, marked(cause.why))),
    names.length > 1 && h("button", { type: "button", class: "opener", "data-kind": data.id },
      `All service accounts with ${data.id}`, icon("open")),
    listed(counted(names.length, "service account"), names, (each) => accountButton(each)),
    listed(counted(arns.length, "role"), arns, roleButton),
  ] };
}

function detailsOfProvider(model) {
  const { provider } = model.audit;
  return { label: "OIDC provider", title: provider.arn || "OIDC provider", state: provider.state, body: [
    h("dl", { class: "facts" },
      fact("Exists", provider.exists === null ? "not known" : provider.exists ? "yes" : "no"),
      fact("Audiences", (provider.client_ids || []).join(", ") || "none")),
    findingsPart(provider.findings.map((each) => model.findings[each]), provider.state === "unknown"),
  ] };
}

// What an address names: "account:namespace/name", "role:ARN", "finding:number" or "provider"; null if nothing.
function openedIn(model, open) {
  const [, kind, key] = /^(\w+):?([^]*)$/.exec(open) || [];
  if (kind === "provider") return { item: null, details: detailsOfProvider(model) };
  const item = kind === "account" ? model.byName.get(key) : kind === "role" ? model.byArn.get(key)
    : kind === "finding" ? model.findings[Number(key)] : null;
  if (!item) return null;
  const make = { account: detailsOfAccount, role: detailsOfRole, finding: detailsOfFinding }[kind];
  return { item, details: make(model, item) };
}

function addressOf(item) {
  return `${item.kind}:${{ account: item.name, role: item.data.arn, finding: item.index }[item.kind]}`;
}

function fillDetails(dialog, details) {
  dialog.replaceChildren(
    h("div", { class: "head" },
      h("div", {}, h("p", { class: "kind" }, details.label),
        h("h2", { id: "details-title", tabindex: "-1" }, h("bdi", {}, details.title), " ", badge(details.state))),
      h("button", { type: "button", class: "quiet close", "data-close": true, "aria-label": "Close" }, icon("close"))),
    h("div", { class: "content" }, details.body.flat()));
  dialog.scrollTop = 0;
}
"""
