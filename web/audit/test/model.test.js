// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { isOk } from "../src/model/vocabulary.js";
import { makeModel, namesOf } from "./audit.js";

test("accounts, roles and findings refer to each other", () => {
  const { accounts, roles, findings, accountsByName, rolesByArn } = makeModel();
  assert.equal(accountsByName.get("shop/cart"), accounts[0]);
  assert.equal(rolesByArn.get("arn:aws:iam::111122223333:role/batch"), roles[1]);
  assert.equal(accounts[0].role, roles[0]);
  assert.deepEqual(roles[1].accounts, [accounts[1], accounts[2]]);
  assert.deepEqual(accounts[0].findings, [findings[0]]);
});

test("a subject is unmatched if its account does not use the role", () => {
  const { accounts, roles } = makeModel();
  assert.deepEqual(roles[0].unmatchedSubjects, []);
  assert.deepEqual(roles[1].unmatchedSubjects, [{ name: "jobs/*", account: null }]);
  assert.deepEqual(roles[2].unmatchedSubjects, [
    { name: "shop/old", account: accounts[3] },
    { name: "shop/cart", account: accounts[0] },
  ]);
});

test("only an account without an annotation displays a role that trusts it", () => {
  const { accounts, roles } = makeModel();
  assert.deepEqual(accounts[0].trustedBy, [roles[2]]);
  assert.equal(accounts[0].displayedRole, roles[0]);
  assert.equal(accounts[3].displayedRole, roles[2]);
});

test("roles and findings have the stale pods and namespaces of their accounts", () => {
  const { roles, findings } = makeModel();
  assert.deepEqual(
    roles.map((role) => [role.stalePods, [...role.namespaces].sort(), role.group]),
    [
      [2, ["shop"], "single"],
      [1, ["batch", "jobs", "shop"], "shared"],
      [0, ["shop"], "none"],
    ],
  );
  assert.deepEqual(
    findings.map((finding) => finding.stalePods),
    [2, 1, 0],
  );
});

test("numbers in names are ranked by value", () => {
  const { accounts } = makeModel();
  const ranked = [...accounts].sort((a, b) => a.nameRank - b.nameRank);
  assert.deepEqual(namesOf(ranked), ["batch/worker-9", "shop/cart", "shop/old", "shop/worker-10"]);
});

test("the menus offer each namespace and finding id once", () => {
  const { namespaces, findingIds } = makeModel();
  assert.deepEqual(namespaces, ["batch", "shop"]);
  assert.deepEqual(findingIds, ["pod-stale-role", "policy-too-broad", "trusts-missing-account"]);
});

test("a finding without a known cause has no title", () => {
  assert.deepEqual(
    makeModel().findings.map((finding) => finding.title),
    ["The pod has another role", "", ""],
  );
});

test("only accounts and roles are ok", () => {
  const { accounts, roles } = makeModel();
  assert.deepEqual(accounts.map(isOk), [false, true, false, false]);
  assert.deepEqual(roles.map(isOk), [true, false, false]);
  assert.equal(isOk({ kind: "cause", state: "ok" }), false);
});
