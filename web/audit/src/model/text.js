// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Formats numbers and compares texts.

const collator = new Intl.Collator("en", { numeric: true });
// Control characters, invisible characters, and characters that change the direction of text. _core/wording.py has the
// same.
const INVISIBLE = new RegExp(
  "(?![\\n\\t])(?:[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\u115f\\u1160\\u2800\\u3164\\uffa0\\ufffe\\uffff]" +
    "|[\\u034f\\u17b4\\u17b5\\u180b-\\u180f\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}])",
  "gu",
);

export const compareTexts = (a, b) => collator.compare(a, b);
export const formatNumber = (value) => value.toLocaleString("en");

// "1 role", "2,000 roles".
export function quantity(value, one, many) {
  return `${formatNumber(value)} ${value === 1 ? one : many || `${one}s`}`;
}

// Replaces each character that INVISIBLE matches by an escape.
export function escapeInvisible(text) {
  return String(text).replace(INVISIBLE, (character) => {
    const code = character.codePointAt(0).toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}
