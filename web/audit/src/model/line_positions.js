// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Where each line of a list is, in pixels from the top of the list.

import { isOk } from "./vocabulary.js";

const isHead = (line) => line.kind === "group" || line.kind === "cause";

export class LinePositions {
  // heights: pixels by kind of line, and "ok" for accounts and roles that are ok.
  constructor(lines, heights) {
    this.lines = lines;
    // tops has one more entry than there are lines: the height of the list.
    this.tops = [0];
    // For each line the index of the head above it, or -1.
    this.heads = [];
    let head = -1;
    lines.forEach((line, index) => {
      if (isHead(line)) head = index;
      this.heads.push(head);
      this.tops.push(this.tops[index] + heights[isOk(line) ? "ok" : line.kind]);
    });
  }

  get height() {
    return this.tops[this.lines.length];
  }

  heightOf(index) {
    return this.tops[index + 1] - this.tops[index];
  }

  // The index of the line at an offset; the number of lines for an offset below the last line.
  lineAt(offset) {
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // The head of the line at an offset if that head is above the offset: {index, top}. The next head pushes it up.
  findPinnedHead(offset) {
    if (offset <= 0 || !this.lines.length) return null;
    const index = this.heads[Math.min(this.lineAt(offset), this.lines.length - 1)];
    if (index < 0 || this.tops[index] >= offset) return null;
    let next = index + 1;
    while (next < this.lines.length && !isHead(this.lines[next])) next += 1;
    return { index, top: Math.min(offset, this.tops[next] - this.heightOf(index)) };
  }
}
