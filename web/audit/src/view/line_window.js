// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Draws the lines of a list as rows. Only lines in or near the browser's window are elements.

import { LinePositions } from "../model/line_positions.js";
import { byId } from "./elements.js";
import { ROWS } from "./rows.js";

// Lines within this many pixels above and below the window are elements too.
const MARGIN = 400;
const MAX_PRINTED_LINES = 500;
const DEFAULT_HEIGHT = 40;

export class LineWindow {
  #grid;
  #rows = new Map();
  #isPrinting = false;
  positions = new LinePositions([], {});

  constructor(grid) {
    this.#grid = grid;
  }

  get lines() {
    return this.positions.lines;
  }

  // Returns how many lines are not printed. setLines must follow.
  setPrinting(isPrinting) {
    this.#isPrinting = isPrinting;
    return Math.max(0, this.lines.length - MAX_PRINTED_LINES);
  }

  // Measures the lines and removes all rows. draw makes them again.
  setLines(lines) {
    for (const row of this.#rows.values()) row.remove();
    this.#rows = new Map();
    this.positions = new LinePositions(lines, this.#readHeights());
    this.#grid.style.height = this.#isPrinting ? "auto" : `${this.positions.height}px`;
    this.#grid.setAttribute("aria-rowcount", lines.length);
  }

  // Makes the rows that are needed. chosen: {index, cell} of the chosen line; index is null if no line is chosen.
  draw(chosen) {
    const [start, end] = this.#visibleRange();
    const pinned = this.#isPrinting ? null : this.positions.findPinnedHead(this.visibleTop());
    const needed = new Set(Array.from({ length: Math.max(0, end - start) }, (_, offset) => start + offset));
    // The chosen line stays an element: aria-activedescendant refers to it.
    if (chosen.index !== null) needed.add(chosen.index);
    if (pinned) needed.add(pinned.index);
    for (const [index, row] of this.#rows) {
      if (needed.has(index)) continue;
      row.remove();
      this.#rows.delete(index);
    }
    for (const index of needed) if (!this.#rows.has(index)) this.#insertRow(index);
    for (const [index, row] of this.#rows) {
      const isPinned = pinned !== null && index === pinned.index;
      const top = isPinned ? pinned.top : this.positions.tops[index];
      row.classList.toggle("pinned", isPinned);
      row.style.transform = this.#isPrinting ? "none" : `translateY(${top}px)`;
    }
    this.mark(chosen);
  }

  // Marks the chosen line and its chosen cell.
  mark(chosen) {
    for (const [index, row] of this.#rows) {
      const isActive = index === chosen.index;
      row.classList.toggle("active", isActive);
      for (const node of row.querySelectorAll("[data-cell]")) {
        node.classList.toggle("chosen", isActive && Number(node.dataset.cell) === chosen.cell);
      }
    }
    if (chosen.index === null) this.#grid.removeAttribute("aria-activedescendant");
    else this.#grid.setAttribute("aria-activedescendant", `row-${chosen.index}`);
  }

  // How many pixels of the list are above the window or behind the toolbar.
  visibleTop() {
    return byId("tools").getBoundingClientRect().bottom - this.#grid.getBoundingClientRect().top;
  }

  pageSize() {
    return Math.max(1, Math.trunc((innerHeight - 160) / this.#readHeights().account));
  }

  // Scrolls as little as possible until the line is visible below the toolbar and its head.
  scrollTo(index) {
    const { heads, tops } = this.positions;
    const head = heads[index];
    const headHeight = head < 0 || head === index ? 0 : this.positions.heightOf(head);
    const top = this.visibleTop() + 4 + headHeight;
    const bottom = innerHeight - 8 - this.#grid.getBoundingClientRect().top;
    if (tops[index] < top) window.scrollBy(0, tops[index] - top);
    else if (tops[index + 1] > bottom) window.scrollBy(0, tops[index + 1] - bottom);
  }

  // The heights are in the stylesheet because they depend on the width of the window.
  #readHeights() {
    const style = getComputedStyle(this.#grid);
    const read = (kind) => parseFloat(style.getPropertyValue(`--height-${kind}`)) || DEFAULT_HEIGHT;
    return Object.fromEntries(["ok", ...Object.keys(ROWS)].map((kind) => [kind, read(kind)]));
  }

  #visibleRange() {
    const { length } = this.lines;
    if (this.#isPrinting) return [0, Math.min(length, MAX_PRINTED_LINES)];
    const { top } = this.#grid.getBoundingClientRect();
    const end = this.positions.lineAt(innerHeight - top + MARGIN) + 1;
    return [this.positions.lineAt(-top - MARGIN), Math.min(length, end)];
  }

  #insertRow(index) {
    const line = this.lines[index];
    const row = ROWS[line.kind](line);
    row.id = `row-${index}`;
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", index + 1);
    row.dataset.index = index;
    // The elements have the order of the lines, for screen readers.
    const next = Math.min(...[...this.#rows.keys()].filter((other) => other > index));
    this.#grid.insertBefore(row, this.#rows.get(next) || null);
    this.#rows.set(index, row);
  }
}
