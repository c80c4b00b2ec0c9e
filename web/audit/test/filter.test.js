// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_FILTER, findMatches, isFiltered } from "../src/model/filter.js";
import { makeModel, namesOf } from "./audit.js";

const find = (filter, view = "accounts") => findMatches(makeModel(), { ...NO_FILTER, ...filter }, view);
const names = (filter, view) => namesOf(find(filter, view).matches);

const searches = [
  ["a name", "shop/cart", "accounts", ["shop/cart"]],
  ["a name in upper case", "SHOP/Cart", "accounts", ["shop/cart"]],
  ["a role's ARN", "role/batch", "accounts", ["shop/worker-10", "batch/worker-9"]],
  ["a policy of the role", "s3readonly", "accounts", ["shop/cart"]],
  ["who bound an account", "helm", "accounts", ["shop/cart"]],
  ["the text of a finding", "containers[app]", "accounts", ["shop/cart"]],
  ["the title of a cause", "has another role", "accounts", ["shop/cart"]],
  ["every term", "batch allows", "accounts", ["batch/worker-9"]],
  ["terms that no single item has", "cart allows", "accounts", []],
  ["the name of another account of the finding", "worker-10", "accounts", ["shop/worker-10"]],
  ["a subject of a role", "jobs:*", "roles", ["batch"]],
];

for (const [name, q, view, expected] of searches) {
  test(`searches for ${name}`, () => assert.deepEqual(names({ q }, view), expected));
}

test("a search for an account finds its findings", () => {
  assert.deepEqual(
    find({ q: "worker-10" }, "findings").matches.map((finding) => finding.data.id),
    ["policy-too-broad"],
  );
});

const filters = [
  ["namespace", { ns: "batch" }, ["batch/worker-9"]],
  ["finding id", { id: "trusts-missing-account" }, ["shop/old"]],
  ["link", { link: "role" }, ["batch/worker-9", "shop/old"]],
  ["stale pods", { stale: "1" }, ["shop/cart", "batch/worker-9"]],
  ["one state", { state: ["warning"] }, ["batch/worker-9", "shop/old"]],
  ["several states", { state: ["warning", "ok"] }, ["shop/worker-10", "batch/worker-9", "shop/old"]],
  ["all filters together", { ns: "shop", state: ["warning"], link: "role", q: "old" }, ["shop/old"]],
];

for (const [name, filter, expected] of filters) {
  test(`filters by ${name}`, () => assert.deepEqual(names(filter), expected));
}

test("state counts ignore the state filter", () => {
  const { matches, stateCounts } = find({ ns: "shop", state: ["error"] });
  assert.deepEqual(namesOf(matches), ["shop/cart"]);
  assert.deepEqual(Object.fromEntries(stateCounts), { error: 1, unknown: 0, warning: 1, note: 0, ok: 1 });
});

test("a view or an order is not a filter", () => {
  assert.equal(isFiltered({ ...NO_FILTER, view: "roles", sort: "name", open: "provider" }), false);
  assert.equal(isFiltered({ ...NO_FILTER, state: ["ok"] }), true);
  assert.equal(isFiltered({ ...NO_FILTER, q: "a" }), true);
});
