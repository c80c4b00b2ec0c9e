// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Unpacks the audit document. render.py packs its long lists by column.

function unpackColumn(packed) {
  if (Array.isArray(packed)) return packed;
  if ("same" in packed) return new Array(packed.times).fill(packed.same);
  if ("values" in packed) return packed.at.map((index) => packed.values[index]);
  if ("sizes" in packed) {
    const entries = unpackColumn(packed.all);
    let end = 0;
    return unpackColumn(packed.sizes).map((size) => entries.slice(end, (end += size)));
  }
  const columns = Object.entries(packed.of).map(([key, column]) => [key, unpackColumn(column)]);
  return Array.from({ length: packed.rows }, (_, row) =>
    Object.fromEntries(columns.map(([key, entries]) => [key, entries[row]])),
  );
}

// The unpacked audit document. It is equal to the JSON report.
export function unpackAudit(packed) {
  const audit = { ...packed.rest };
  for (const [name, column] of Object.entries(packed.lists)) audit[name] = unpackColumn(column);
  return audit;
}
