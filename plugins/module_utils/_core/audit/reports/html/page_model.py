# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JavaScript of an audit's page: the data read back, what matches a filter, and in which order. It draws nothing."""

from __future__ import annotations

MODEL = r"""
// The worst first, as everywhere.
const STATES = ["error", "unknown", "warning", "note", "ok"];
const SEVERITIES = ["error", "warning", "note"];
const LINKS = ["provider", "role", "account", "webhook", "pods", "sts"];
const VIEWS = {
  accounts: { title: "Service accounts", one: "service account", many: "service accounts" },
  roles: { title: "Roles", one: "role", many: "roles" },
  findings: { title: "Findings", one: "finding", many: "findings" },
};
const SORTS = {
  accounts: { worst: "Worst first", name: "Name", role: "Role", stale: "Most stale pods", findings: "Most findings" },
  roles: { worst: "Worst first", name: "Name", used: "Longest unused", accounts: "Most accounts",
    policies: "Most policies" },
  findings: { worst: "Worst first", reach: "Most concerned", id: "Id" },
};
const NO_FILTER = { q: "", state: [], link: "", id: "", ns: "", stale: "" };
const SUBJECT = /^system:serviceaccount:([^:]*):([^:]*)$/;

// Nothing was found, and nothing is unread: such a line needs less room.
const isCalm = (item) => ["account", "role"].includes(item.kind) && item.state === "ok";
const rank = (state) => STATES.indexOf(state);
const collator = new Intl.Collator("en", { numeric: true });
const byText = (a, b) => collator.compare(a, b);
const number = (value) => value.toLocaleString("en");
const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many || one + "s"}`;

function column(packed) {
  if (Array.isArray(packed)) return packed;
  if ("same" in packed) return new Array(packed.times).fill(packed.same);
  if ("values" in packed) return packed.at.map((each) => packed.values[each]);
  if ("sizes" in packed) {
    const all = column(packed.all);
    let end = 0;
    return column(packed.sizes).map((size) => all.slice(end, (end += size)));
  }
  const columns = Object.entries(packed.of).map(([key, each]) => [key, column(each)]);
  return Array.from({ length: packed.rows }, (_, row) =>
    Object.fromEntries(columns.map(([key, entries]) => [key, entries[row]])));
}

function unpacked(packed) {
  const document = { ...packed.rest };
  for (const [name, each] of Object.entries(packed.lists)) document[name] = column(each);
  return document;
}

function modelOf(audit, causes) {
  const lower = (texts) => texts.filter((text) => text !== null && text !== undefined).join("\n").toLowerCase();
  const policyTexts = (role) => (role ? role.policies.flatMap((each) => [each.name, each.arn]) : []);
  const keyOf = (account) => `${account.namespace}/${account.name}`;

  const findings = audit.findings.map((data, index) => {
    const title = causes[data.id] ? causes[data.id].title : "";
    const said = lower([data.id, title, data.message, data.evidence, data.expected, data.found, data.fix]);
    // An account is not found by the name of another that the same finding concerns, but a finding is.
    return { kind: "finding", index, data, state: data.severity, title, said,
      text: lower([said, ...data.service_accounts, ...data.roles]) };
  });
  const roles = audit.roles.map((data, index) => ({
    kind: "role", index, data, name: data.name, state: data.state,
    findings: data.findings.map((each) => findings[each]),
    namespaces: new Set(), accounts: [], strangers: [],
    text: lower([data.arn, ...policyTexts(data), ...data.subjects]),
  }));
  const accounts = audit.service_accounts.map((data, index) => {
    const role = data.role === null ? null : roles[data.role];
    return {
      kind: "account", index, data, role, name: keyOf(data), state: data.state,
      findings: data.findings.map((each) => findings[each]), namespaces: new Set([data.namespace]),
      stale: data.pods.stale, trustedBy: [],
      text: lower([keyOf(data), data.role_arn, role && role.data.arn, data.bound_by,
        ...policyTexts(role && role.data)]),
    };
  });
  const byName = new Map(accounts.map((each) => [each.name, each]));
  const byArn = new Map(roles.map((each) => [each.data.arn, each]));

  for (const role of roles) {
    role.accounts = role.data.service_accounts.map((each) => accounts[each]);
    // Whom the role trusts although no account that uses it bears that name: it isn't there, uses another role, or the
    // subject is a pattern.
    for (const subject of role.data.subjects) {
      const parts = SUBJECT.exec(subject);
      const name = parts ? `${parts[1]}/${parts[2]}` : subject;
      const account = byName.get(name);
      if (parts) role.namespaces.add(parts[1]);
      if (account && account.role === role) continue;
      role.strangers.push({ name, account: account || null });
      if (account) account.trustedBy.push(role);
    }
    for (const account of role.accounts) role.namespaces.add(account.data.namespace);
    role.stale = role.accounts.reduce((sum, each) => sum + each.stale, 0);
    role.group = role.accounts.length > 1 ? "shared" : role.accounts.length ? "single" : "none";
  }
  for (const finding of findings) {
    finding.namespaces = new Set(finding.data.service_accounts.map((each) => each.split("/", 1)[0]));
    const concerned = finding.data.service_accounts.map((each) => byName.get(each)).filter(Boolean);
    finding.stale = concerned.reduce((sum, each) => sum + each.stale, 0);
    finding.findings = [finding];
  }
  for (const account of accounts) {
    // Where an account names no role at all, one that trusts it is the only thing that ties it to IAM.
    account.shownRole = account.role || (account.data.role_arn ? null : account.trustedBy[0] || null);
  }
  // Names are compared once; what is sorted later compares numbers.
  for (const list of [accounts, roles]) {
    [...list].sort((a, b) => byText(a.name, b.name)).forEach((each, place) => { each.place = place; });
  }
  const namespaces = [...new Set(accounts.map((each) => each.data.namespace))].sort(byText);
  const ids = [...new Set(audit.findings.map((each) => each.id))].sort(byText);
  return { audit, causes, accounts, roles, findings, byName, byArn, namespaces, ids };
}

// What a filter asks of an object, but for its state.
function testOf(model, filter) {
  const terms = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  const said = terms.map((term) => new Set(model.findings.filter((each) => each.said.includes(term))));
  const asked = [];
  if (filter.ns) asked.push((item) => item.namespaces.has(filter.ns));
  if (filter.stale) asked.push((item) => item.stale > 0);
  if (filter.id) asked.push((item) => item.findings.some((each) => each.data.id === filter.id));
  if (filter.link) asked.push((item) => item.findings.some((each) => each.data.link === filter.link));
  if (terms.length) {
    asked.push((item) => terms.every((term, at) =>
      item.text.includes(term) || item.findings.some((each) => said[at].has(each))));
  }
  return (item) => asked.every((each) => each(item));
}

// The matching objects of a view, in no order, and how many there are of each state, whatever states are asked for.
function matching(model, filter, view) {
  const test = testOf(model, filter);
  const found = model[view].filter(test);
  const states = new Map(STATES.map((state) => [state, 0]));
  for (const each of found) states.set(each.state, states.get(each.state) + 1);
  return { states, found: filter.state.length ? found.filter((each) => filter.state.includes(each.state)) : found };
}

const worstFirst = (a, b) => rank(a.state) - rank(b.state) || a.place - b.place;
const ORDERS = {
  accounts: {
    worst: worstFirst,
    name: (a, b) => a.place - b.place,
    role: (a, b) => (a.role ? a.role.place : Infinity) - (b.role ? b.role.place : Infinity) || a.place - b.place,
    stale: (a, b) => b.stale - a.stale || worstFirst(a, b),
    findings: (a, b) => b.findings.length - a.findings.length || worstFirst(a, b),
  },
  roles: {
    worst: worstFirst,
    name: (a, b) => a.place - b.place,
    used: (a, b) => byUse(a, b) || a.place - b.place,
    accounts: (a, b) => b.accounts.length - a.accounts.length || worstFirst(a, b),
    policies: (a, b) => b.data.policies.length - a.data.policies.length || worstFirst(a, b),
  },
  findings: {
    worst: (a, b) => rank(a.state) - rank(b.state) || b.reach - a.reach || byText(a.id, b.id),
    reach: (a, b) => b.reach - a.reach || rank(a.state) - rank(b.state) || byText(a.id, b.id),
    id: (a, b) => byText(a.id, b.id),
  },
};
const GROUPS = {
  shared: "Used by several service accounts", single: "Used by one service account", none: "Used by no service account",
};

function byUse(a, b) {
  const [first, second] = [a.data.last_used || "", b.data.last_used || ""];
  return first < second ? -1 : first > second ? 1 : 0;
}

// The lines of a view: a head for each group, in the order of the groups' first members, then its members.
function linesOf(model, filter, view, found, unfolded) {
  const order = ORDERS[view][filter.sort] || ORDERS[view].worst;
  if (view === "findings") return linesOfKinds(kindsOf(model, found).sort(order), unfolded);
  const groups = new Map();
  for (const item of [...found].sort(order)) {
    const name = view === "accounts" ? item.data.namespace : item.group;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  const lines = [];
  const namespace = view === "accounts";
  for (const [name, items] of groups) {
    lines.push({ kind: "group", name: namespace ? name : GROUPS[name], namespace, items });
    for (const item of items) lines.push(item);
  }
  return lines;
}

function kindsOf(model, found) {
  const kinds = new Map();
  for (const each of found) {
    const id = each.data.id;
    if (!kinds.has(id)) {
      kinds.set(id, { kind: "cause", id, state: each.state, link: each.data.link, title: each.title, findings: [],
        accounts: new Set(), roles: new Set() });
    }
    const kind = kinds.get(id);
    kind.findings.push(each);
    for (const name of each.data.service_accounts) kind.accounts.add(name);
    for (const arn of each.data.roles) kind.roles.add(arn);
  }
  for (const kind of kinds.values()) kind.reach = Math.max(kind.accounts.size, kind.roles.size);
  return [...kinds.values()];
}

function linesOfKinds(kinds, unfolded) {
  const lines = [];
  const most = Math.max(1, ...kinds.map((each) => each.reach));
  for (const kind of kinds) {
    kind.share = kind.reach / most;
    kind.unfolded = kinds.length === 1 || unfolded.has(kind.id);
    lines.push(kind);
    if (kind.unfolded) lines.push(...kind.findings);
  }
  return lines;
}

// The address keeps the view, the filter, the order and what is open.
function readFragment(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const one = (key, values) => (values.includes(given.get(key)) ? given.get(key) : values[0]);
  const view = one("view", Object.keys(VIEWS));
  return {
    view,
    sort: one("sort", Object.keys(SORTS[view])),
    q: given.get("q") || "",
    state: (given.get("state") || "").split(",").filter((each) => STATES.includes(each)),
    link: one("link", ["", ...LINKS]),
    id: given.get("id") || "",
    ns: given.get("ns") || "",
    stale: one("stale", ["", "1"]),
    open: given.get("open") || "",
  };
}

function writeFragment(filter) {
  const kept = new URLSearchParams();
  for (const key of ["view", "sort", "q", "state", "link", "id", "ns", "stale", "open"]) {
    const value = String(filter[key]);
    const usual = { view: "accounts", sort: "worst" }[key] || "";
    if (value !== usual) kept.set(key, value);
  }
  return kept.toString();
}
"""
