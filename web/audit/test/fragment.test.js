// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFragment, writeFragment } from "../src/model/fragment.js";

const fragments = [
  "",
  "view=roles&sort=policies&state=warning%2Cnote",
  "view=findings&sort=reach&link=role",
  "q=a+b%2Fc&id=pod-stale-role&ns=shop&stale=1",
  "open=role%3Aarn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fbatch",
];

for (const fragment of fragments) {
  test(`reads and writes a fragment: ${fragment || "(empty)"}`, () => {
    assert.equal(writeFragment(readFragment(`#${fragment}`)), fragment);
  });
}

test("unknown values are ignored", () => {
  const filter = readFragment("#view=x&sort=y&state=z,error&link=q&stale=7&other=1");
  assert.deepEqual(filter, readFragment("#state=error"));
});

test("an order of another view is ignored", () => {
  assert.equal(readFragment("view=findings&sort=name").sort, "worst");
  assert.equal(readFragment("view=roles&sort=name").sort, "name");
});
