// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareTexts, escapeInvisible, quantity } from "../src/model/text.js";

test("quantities have a noun and a thousands separator", () => {
  assert.equal(quantity(1, "role"), "1 role");
  assert.equal(quantity(0, "role"), "0 roles");
  assert.equal(quantity(2500, "service account"), "2,500 service accounts");
  assert.equal(quantity(2, "entry", "entries"), "2 entries");
});

test("invisible characters are escaped, line feeds and tabs are kept", () => {
  assert.equal(escapeInvisible("abc\u202egnp.exe\u200b\x1b[31m"), "abc\\u202egnp.exe\\u200b\\u001b[31m");
  assert.equal(escapeInvisible("a\n\tb \u05e9\u05dc"), "a\n\tb \u05e9\u05dc");
  assert.equal(escapeInvisible("\u3164\ufe0f\u{e0041}\ud83d\u2028"), "\\u3164\\ufe0f\\U000e0041\\ud83d\\u2028");
  assert.equal(escapeInvisible("\u{1f600}"), "\u{1f600}");
  assert.equal(escapeInvisible(null), "null");
});

test("numbers in names are compared by value", () => {
  assert.deepEqual(["a-10", "a-9", "A-1"].sort(compareTexts), ["A-1", "a-9", "a-10"]);
});
