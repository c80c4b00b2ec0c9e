// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { LinePositions } from "../src/model/line_positions.js";

const HEIGHTS = { group: 20, account: 40, ok: 30 };
const LINES = [
  { kind: "group" },
  { kind: "account", state: "error" },
  { kind: "account", state: "ok" },
  { kind: "group" },
  { kind: "account", state: "error" },
];

test("lines are stacked by the heights of their kinds", () => {
  const positions = new LinePositions(LINES, HEIGHTS);
  assert.deepEqual(positions.tops, [0, 20, 60, 90, 110, 150]);
  assert.equal(positions.height, 150);
  assert.equal(positions.heightOf(2), 30);
  assert.deepEqual(positions.heads, [0, 0, 0, 3, 3]);
});

test("finds the line at an offset", () => {
  const positions = new LinePositions(LINES, HEIGHTS);
  const offsets = [-5, 0, 19, 20, 59, 60, 149, 150, 1000];
  assert.deepEqual(
    offsets.map((offset) => positions.lineAt(offset)),
    [0, 0, 0, 1, 1, 2, 4, 5, 5],
  );
});

test("the head of the first visible line is pinned until the next head pushes it up", () => {
  const positions = new LinePositions(LINES, HEIGHTS);
  assert.equal(positions.findPinnedHead(0), null);
  assert.deepEqual(positions.findPinnedHead(10), { index: 0, top: 10 });
  assert.deepEqual(positions.findPinnedHead(65), { index: 0, top: 65 });
  assert.deepEqual(positions.findPinnedHead(85), { index: 0, top: 70 });
  assert.equal(positions.findPinnedHead(90), null);
  assert.deepEqual(positions.findPinnedHead(100), { index: 3, top: 100 });
  assert.deepEqual(positions.findPinnedHead(500), { index: 3, top: 130 });
});

test("an empty list, or lines before any head, have no pinned head", () => {
  assert.equal(new LinePositions([], HEIGHTS).findPinnedHead(10), null);
  assert.equal(new LinePositions([{ kind: "account", state: "error" }], HEIGHTS).findPinnedHead(10), null);
  assert.equal(new LinePositions([], HEIGHTS).height, 0);
});
