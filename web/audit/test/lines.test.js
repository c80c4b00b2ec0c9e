// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildLines } from "../src/model/lines.js";
import { SORT_LABELS } from "../src/model/vocabulary.js";
import { makeModel, namesOf } from "./audit.js";

function linesOf(view, sort, expandedIds = []) {
  const model = makeModel();
  return buildLines(model, { sort }, view, model[view], new Set(expandedIds));
}

const itemsOf = (view, sort) => namesOf(linesOf(view, sort).filter((line) => line.kind !== "group"));

const orders = [
  ["accounts", "worst", ["shop/cart", "shop/old", "shop/worker-10", "batch/worker-9"]],
  ["accounts", "name", ["batch/worker-9", "shop/cart", "shop/old", "shop/worker-10"]],
  ["accounts", "role", ["batch/worker-9", "shop/worker-10", "shop/cart", "shop/old"]],
  ["accounts", "stale", ["shop/cart", "shop/old", "shop/worker-10", "batch/worker-9"]],
  ["accounts", "findings", ["shop/cart", "shop/old", "shop/worker-10", "batch/worker-9"]],
  ["roles", "worst", ["batch", "spare", "shop-cart"]],
  ["roles", "name", ["batch", "shop-cart", "spare"]],
  ["roles", "used", ["spare", "batch", "shop-cart"]],
  ["roles", "accounts", ["batch", "shop-cart", "spare"]],
  ["roles", "policies", ["spare", "shop-cart", "batch"]],
];

for (const [view, sort, expected] of orders) {
  test(`sorts ${view} by ${sort}`, () => assert.deepEqual(itemsOf(view, sort), expected));
}

const causeOrders = [
  ["worst", ["pod-stale-role", "policy-too-broad", "trusts-missing-account"]],
  ["reach", ["policy-too-broad", "pod-stale-role", "trusts-missing-account"]],
  ["id", ["pod-stale-role", "policy-too-broad", "trusts-missing-account"]],
];

for (const [sort, expected] of causeOrders) {
  test(`sorts findings by ${sort}`, () => {
    assert.deepEqual(
      linesOf("findings", sort).map((cause) => cause.id),
      expected,
    );
  });
}

test("every order of the menu is tested", () => {
  const tested = [
    ...orders.map(([view, sort]) => `${view} ${sort}`),
    ...causeOrders.map(([sort]) => `findings ${sort}`),
  ];
  const offered = Object.entries(SORT_LABELS).flatMap(([view, labels]) =>
    Object.keys(labels).map((sort) => `${view} ${sort}`),
  );
  assert.deepEqual(tested.sort(), offered.sort());
});

test("accounts are listed under their namespace", () => {
  assert.deepEqual(namesOf(linesOf("accounts", "name")), [
    "batch",
    "batch/worker-9",
    "shop",
    "shop/cart",
    "shop/old",
    "shop/worker-10",
  ]);
});

test("roles are grouped by how many accounts use them", () => {
  const heads = linesOf("roles", "name").filter((line) => line.kind === "group");
  assert.deepEqual(namesOf(heads), [
    "Used by several service accounts",
    "Used by one service account",
    "Used by no service account",
  ]);
});

test("a cause has the counts of its accounts and roles, and its share of the largest count", () => {
  const causes = linesOf("findings", "id");
  assert.deepEqual(
    causes.map((cause) => [cause.accounts.size, cause.roles.size, cause.affected, cause.share]),
    [
      [1, 0, 1, 0.5],
      [2, 1, 2, 1],
      [1, 1, 1, 0.5],
    ],
  );
});

test("only expanded causes list their findings", () => {
  const kinds = linesOf("findings", "id", ["policy-too-broad"]).map((line) => line.kind);
  assert.deepEqual(kinds, ["cause", "cause", "finding", "cause"]);
});

test("a single cause is expanded", () => {
  const model = makeModel();
  const lines = buildLines(model, { sort: "id" }, "findings", [model.findings[0]], new Set());
  assert.deepEqual(
    lines.map((line) => line.kind),
    ["cause", "finding"],
  );
});
