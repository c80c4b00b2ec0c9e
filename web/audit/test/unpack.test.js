// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { unpackAudit } from "../src/model/unpack.js";

const columns = [
  ["plain entries", [1, true, null], [1, true, null]],
  ["no entries", [], []],
  ["equal entries", { same: "a", times: 3 }, ["a", "a", "a"]],
  ["few distinct entries", { values: ["a", null], at: [0, 1, 0, 0] }, ["a", null, "a", "a"]],
  ["lists", { sizes: [2, 0, 1], all: [1, 2, 3] }, [[1, 2], [], [3]]],
  ["empty lists", { sizes: { same: 0, times: 2 }, all: [] }, [[], []]],
  [
    "objects",
    { rows: 2, of: { a: [1, 2], b: { same: "x", times: 2 } } },
    [
      { a: 1, b: "x" },
      { a: 2, b: "x" },
    ],
  ],
  ["objects without keys", { rows: 2, of: {} }, [{}, {}]],
  ["lists of objects", { sizes: [1, 2], all: { rows: 3, of: { a: [1, 2, 3] } } }, [[{ a: 1 }], [{ a: 2 }, { a: 3 }]]],
  ["objects that look packed", [{ same: 1, times: 3 }, null], [{ same: 1, times: 3 }, null]],
];

for (const [name, packed, entries] of columns) {
  test(`unpacks ${name}`, () => {
    assert.deepEqual(unpackAudit({ rest: { region: "eu-west-1" }, lists: { roles: packed } }), {
      region: "eu-west-1",
      roles: entries,
    });
  });
}
