// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Formats numbers and compares texts.

const collator = new Intl.Collator("en", { numeric: true });
// Control characters, invisible characters, and characters that change the direction of text.
const INVISIBLE = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e" +
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]",
  "g",
);

export const compareTexts = (a, b) => collator.compare(a, b);
export const formatNumber = (value) => value.toLocaleString("en");

// "1 role", "2,000 roles".
export function quantity(value, one, many) {
  return `${formatNumber(value)} ${value === 1 ? one : many || `${one}s`}`;
}

// Replaces each character that INVISIBLE matches by an escape.
export function escapeInvisible(text) {
  return String(text).replace(INVISIBLE, (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0"));
}
