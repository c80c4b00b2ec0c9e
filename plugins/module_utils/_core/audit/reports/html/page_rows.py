# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JavaScript of an audit's page: elements, and the rows that draw account, role and policies."""

from __future__ import annotations

ROWS = r"""
const SVG = "http" + "://www.w3.org/2000/svg";
const UNSEEN = new RegExp("[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e" +
  "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]", "g");
// How many policies, or accounts, a row has room for.
const ROOM = 2;

// What can't be seen, or would turn the text around it, is shown as its code.
const shown = (text) =>
  String(text).replace(UNSEEN, (each) => "\\u" + each.charCodeAt(0).toString(16).padStart(4, "0"));

// h("div", {class: "x", onclick: f}, ...children): texts become text nodes, null and false are left out.
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : shown(child));
  }
  return element;
}

function icon(name, classes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${classes || ""}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

const span = (classes, ...children) => h("span", { class: classes }, children);
const cell = (classes, ...children) => h("div", { class: classes, role: "gridcell" }, children);
const meta = (...children) => span("meta", children);
const code = (text, title) => h("code", { title }, text);
const stateIcon = (state) => icon(state, `s-${state}`);
const badge = (state, text) => span(`state s-${state}`, icon(state), text || state);
const name = (text) => h("bdi", { class: "name", title: shown(text) }, text);
const roleName = (role) => role.data.name || role.data.arn.split("/").pop();

const worstOf = (findings) =>
  findings.reduce((worst, each) => (!worst || rank(each.state) < rank(worst.state) ? each : worst), null);

// The line between account and role, broken by the link of the chain that is.
function edge({ state, findings, role: bound }) {
  const worst = worstOf(findings);
  const broken = worst && worst.state !== "note" ? worst : null;
  const drawn = broken ? broken.state : state === "unknown" ? "unknown" : "ok";
  const label = drawn !== "ok" && span("label", icon(drawn), broken ? broken.data.link : "unread");
  return cell(`edge s-${drawn} ${bound ? "" : "loose"}`, label);
}

function podsNote({ exists, pods }) {
  if (!exists) return "isn't there";
  if (pods.stale) return `${number(pods.stale)} of ${counted(pods.total, "pod")} stale`;
  return pods.total ? counted(pods.total, "pod") : "no pods";
}

function accountNode(account) {
  const node = cell(`node account s-${account.state} ${account.data.exists ? "" : "ghost"}`, stateIcon(account.state),
    name(account.data.name), meta(podsNote(account.data)));
  node.dataset.cell = 0;
  return node;
}

// The role of an account, what the account says in its place, or a role that trusts it in vain.
function namedRoleNode(account) {
  const { role, shownRole, data } = account;
  if (!shownRole) return cell("node role ghost", data.role_arn ? name(data.role_arn) : span("none", "no role"));
  const node = role ? roleNode(role) : cell("node role ghost", name(roleName(shownRole)), meta("trusts it"));
  node.dataset.cell = 1;
  return node;
}

function roleNode(role) {
  return cell(`node role s-${role.state} ${role.data.exists === false ? "ghost" : ""}`, stateIcon(role.state),
    name(roleName(role)), roleNote(role));
}

function roleNote(role) {
  const { exists, account_id: id } = role.data;
  if (exists === false) return meta("isn't there");
  if (role.accounts.length > 1) {
    return span("meta shared", icon("shared"), `shared by ${number(role.accounts.length)}`);
  }
  return exists === null ? meta(`account ${id || "unknown"}`) : null;
}

// A policy bears the state of its role's finding that names it, since a finding is all that is said of one.
function policyState(role, policy) {
  const named = (finding) => [finding.data.evidence, finding.data.message].some((text) =>
    text && text.split(/[\s"'();]+/).map((word) => word.replace(/[.,:]$/, ""))
      .some((word) => word === policy.name || word === policy.arn));
  const worst = worstOf(role.findings.filter((each) => each.data.id === "policy-too-broad" && named(each)));
  return worst ? worst.state : null;
}

function policyNode(role, policy) {
  const state = policyState(role, policy);
  return span(`policy ${state ? `s-${state}` : ""}`, state && icon(state), policy.kind === "inline" && meta("inline"),
    name(policy.name));
}

const andMore = (items) => items.length > ROOM && meta(`+${number(items.length - ROOM)}`);

// That there are none is certain only where that was found.
function noPolicies(role) {
  if (role.data.exists === null) return "policies not read";
  return role.findings.some((each) => each.data.id === "no-permissions") ? "no policies" : "no policies known";
}

function policyNodes(role) {
  if (!role || role.data.exists === false) return cell("policies");
  const { policies } = role.data;
  if (!policies.length) {
    return cell("policies", span("policy ghost", noPolicies(role)));
  }
  // The ones that something is wrong with are not among those that find no room.
  const badness = (policy) => rank(policyState(role, policy) || "ok");
  const first = [...policies].sort((a, b) => badness(a) - badness(b)).slice(0, ROOM);
  return cell("policies", first.map((each) => policyNode(role, each)), andMore(policies));
}

function whyCell(findings) {
  const worst = worstOf(findings);
  return cell("why", worst && code(worst.data.id, shown(worst.data.message)),
    findings.length > 1 && meta(`+${number(findings.length - 1)}`));
}

// What a row says to who doesn't see it.
function saidOf(item, what) {
  const ids = [...new Set(item.findings.map((each) => each.data.id))].join(", ");
  return shown([`${item.name}, ${item.state}`, ids, what].filter(Boolean).join("; "));
}

const rowOf = (item, what, ...cells) =>
  h("div", { class: `row ${item.kind}-row ${isCalm(item) ? "sound" : ""}`, "aria-label": saidOf(item, what) }, cells);

function accountRow(account) {
  const role = account.role ? roleName(account.role) : account.data.role_arn;
  return rowOf(account, role ? `role ${role}` : "no role", accountNode(account), edge(account),
    namedRoleNode(account), cell("joint"), policyNodes(account.role), whyCell(account.findings));
}

const userNode = (account) => span(`node s-${account.state}`, stateIcon(account.state), name(account.name));
const strangerNode = (stranger) => span("node ghost", name(stranger.name), meta(strangerNote(stranger)));

function strangerNote({ name: subject, account }) {
  if (account) return account.data.exists ? "doesn't use it" : "isn't there";
  return /[*?]/.test(subject) ? "a pattern" : "not audited";
}

// A role's row: the role, whom it trusts, what it may do.
function roleRow(role) {
  const trusted = [...role.strangers, ...role.accounts];
  const nodes = trusted.slice(0, ROOM).map((each) => (each.kind ? userNode(each) : strangerNode(each)));
  if (!nodes.length) nodes.push(span("node ghost", span("none", "no service account")));
  return rowOf(role, counted(role.accounts.length, "service account"), roleNode(role), cell("joint"),
    cell("trusted", nodes, andMore(trusted)), policyNodes(role), whyCell(role.findings));
}

function groupRow(group) {
  const states = STATES.filter((state) => state !== "ok")
    .map((state) => [state, group.items.filter((each) => each.state === state).length]);
  return h("div", { class: "row group-row" }, h("div", { role: "rowheader" }, group.namespace && meta("namespace"),
    name(group.name), meta(number(group.items.length)), states.filter(([, count]) => count)
      .map(([state, count]) => badge(state, [number(count), span("word", state)]))));
}

function reached(cause) {
  const [accounts, roles] = [cause.accounts.size, cause.roles.size];
  return [accounts && counted(accounts, "account"), roles && counted(roles, "role")].filter(Boolean).join(", ");
}

function causeRow(cause) {
  const fill = span(`fill s-${cause.state}`);
  fill.style.width = `${Math.round(cause.share * 100)}%`;
  return h("div", { class: "row cause-row", "aria-expanded": String(cause.unfolded), "aria-level": "1" },
    cell("cause", icon("open", "fold"), stateIcon(cause.state),
      span("said", span("headline", cause.title || cause.id), code(cause.id))),
    cell("link", cause.link), cell("tally", counted(cause.findings.length, "finding")),
    cell("reach", span("bar", fill), span("reached", reached(cause))));
}

function findingRow(finding) {
  return h("div", { class: "row finding-row", "aria-level": "2" },
    cell("gist", stateIcon(finding.state), span("message", finding.data.message)));
}

const ROW = { account: accountRow, role: roleRow, group: groupRow, cause: causeRow, finding: findingRow };
"""
