// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A list of any length. Only the lines in the window and near it are elements.

import { Layout } from "../model/layout.js";
import { byId } from "./elements.js";
import { ROWS } from "./rows.js";

// Pixels above and below the window in which lines are elements too.
const MARGIN = 400;
const MAX_PRINTED_LINES = 500;
const DEFAULT_HEIGHT = 40;

export class List {
  #grid;
  #onOpen;
  #onExpand;
  #layout = new Layout([], {});
  #rows = new Map();
  // Index of the chosen line or null, and the cell that is chosen in it: 0, or 1 for the role of an account.
  #active = null;
  #cell = 0;
  #isPrinting = false;
  #isDrawScheduled = false;

  // onOpen(line, cell) is called for a chosen line, onExpand(line, expanded) for an arrow key to the side.
  constructor(grid, { onOpen, onExpand }) {
    this.#grid = grid;
    this.#onOpen = onOpen;
    this.#onExpand = onExpand;
    grid.addEventListener("keydown", (event) => this.#handleKey(event));
    grid.addEventListener("click", (event) => this.#handleClick(event));
    grid.addEventListener("focus", () => this.#handleFocus());
    addEventListener("scroll", () => this.#scheduleDraw(), { passive: true });
    addEventListener("resize", () => this.#scheduleDraw());
    this.#redrawWhenWidthChanges();
  }

  get lines() {
    return this.#layout.lines;
  }

  // Shows other lines. The chosen line stays chosen if it is among them.
  show(lines) {
    const chosen = this.#active === null ? null : this.lines[this.#active];
    const isChosen = (line) => line === chosen || (line.id && line.id === chosen.id);
    const index = chosen === null ? -1 : lines.findIndex(isChosen);
    this.#active = index < 0 ? null : index;
    this.#redraw(lines);
  }

  // Returns how many lines are not printed.
  setPrinting(isPrinting) {
    this.#isPrinting = isPrinting;
    this.#redraw(this.lines);
    return Math.max(0, this.lines.length - MAX_PRINTED_LINES);
  }

  // Does nothing if the line is not in the list.
  choose(line) {
    const index = this.lines.indexOf(line);
    if (index >= 0) this.#activate(index);
  }

  focus() {
    this.#grid.focus({ preventScroll: true });
  }

  // The stylesheet has the heights, since they depend on the width of the window.
  #readHeights() {
    const style = getComputedStyle(this.#grid);
    const read = (kind) => parseFloat(style.getPropertyValue(`--height-${kind}`)) || DEFAULT_HEIGHT;
    return Object.fromEntries(["ok", ...Object.keys(ROWS)].map((kind) => [kind, read(kind)]));
  }

  #redraw(lines) {
    for (const row of this.#rows.values()) row.remove();
    this.#rows = new Map();
    this.#layout = new Layout(lines, this.#readHeights());
    this.#grid.style.height = this.#isPrinting ? "auto" : `${this.#layout.height}px`;
    this.#grid.setAttribute("aria-rowcount", lines.length);
    this.#draw();
  }

  #redrawWhenWidthChanges() {
    const container = this.#grid.parentElement;
    let width = container.clientWidth;
    new ResizeObserver(() => {
      if (container.clientWidth === width) return;
      width = container.clientWidth;
      this.#redraw(this.lines);
    }).observe(container);
  }

  #scheduleDraw() {
    if (this.#isDrawScheduled) return;
    this.#isDrawScheduled = true;
    requestAnimationFrame(() => {
      this.#isDrawScheduled = false;
      this.#draw();
    });
  }

  // Pixels from the top of the list to the first that the toolbar does not cover.
  #visibleTop() {
    return byId("tools").getBoundingClientRect().bottom - this.#grid.getBoundingClientRect().top;
  }

  #visibleRange() {
    const { length } = this.lines;
    if (this.#isPrinting) return [0, Math.min(length, MAX_PRINTED_LINES)];
    const { top } = this.#grid.getBoundingClientRect();
    const end = this.#layout.lineAt(innerHeight - top + MARGIN) + 1;
    return [this.#layout.lineAt(-top - MARGIN), Math.min(length, end)];
  }

  #draw() {
    const [start, end] = this.#visibleRange();
    const pinned = this.#isPrinting ? null : this.#layout.findPinnedHead(this.#visibleTop());
    const needed = new Set(Array.from({ length: Math.max(0, end - start) }, (_, offset) => start + offset));
    // The chosen line stays an element: aria-activedescendant refers to it.
    if (this.#active !== null) needed.add(this.#active);
    if (pinned) needed.add(pinned.index);
    for (const [index, row] of this.#rows) {
      if (needed.has(index)) continue;
      row.remove();
      this.#rows.delete(index);
    }
    for (const index of needed) if (!this.#rows.has(index)) this.#insertRow(index);
    for (const [index, row] of this.#rows) {
      const isPinned = pinned !== null && index === pinned.index;
      const top = isPinned ? pinned.top : this.#layout.tops[index];
      row.classList.toggle("pinned", isPinned);
      row.style.transform = this.#isPrinting ? "none" : `translateY(${top}px)`;
    }
    this.#markActive();
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

  #markActive() {
    for (const [index, row] of this.#rows) {
      const isActive = index === this.#active;
      row.classList.toggle("active", isActive);
      for (const node of row.querySelectorAll("[data-cell]")) {
        node.classList.toggle("chosen", isActive && Number(node.dataset.cell) === this.#cell);
      }
    }
    if (this.#active === null) this.#grid.removeAttribute("aria-activedescendant");
    else this.#grid.setAttribute("aria-activedescendant", `row-${this.#active}`);
  }

  #canBeActive(index) {
    return index >= 0 && index < this.lines.length && this.lines[index].kind !== "group";
  }

  #hasCell(index, cell) {
    return cell === 0 || (this.lines[index].kind === "account" && this.lines[index].displayedRole !== null);
  }

  #activate(index) {
    this.#active = index;
    this.#cell = this.#hasCell(index, this.#cell) ? this.#cell : 0;
    this.#draw();
  }

  #scrollTo(index) {
    const { heads, tops } = this.#layout;
    const head = heads[index];
    const headHeight = head < 0 || head === index ? 0 : this.#layout.heightOf(head);
    const top = this.#visibleTop() + 4 + headHeight;
    const bottom = innerHeight - 8 - this.#grid.getBoundingClientRect().top;
    if (tops[index] < top) window.scrollBy(0, tops[index] - top);
    else if (tops[index + 1] > bottom) window.scrollBy(0, tops[index + 1] - bottom);
  }

  // Chooses the line that is `count` lines on (negative: back), or else the nearest that can be chosen.
  #moveBy(count) {
    const { length } = this.lines;
    const start = this.#active ?? (count > 0 ? -1 : length);
    const direction = Math.sign(count);
    let index = Math.max(0, Math.min(length - 1, start + count));
    while (index >= 0 && index < length && !this.#canBeActive(index)) index += direction;
    if (!this.#canBeActive(index)) {
      index = direction > 0 ? length - 1 : 0;
      while (index >= 0 && index < length && !this.#canBeActive(index)) index -= direction;
    }
    if (!this.#canBeActive(index)) return;
    this.#scrollTo(index);
    this.#activate(index);
  }

  #moveSideways(cell) {
    if (this.#active === null) return;
    const line = this.lines[this.#active];
    if (["cause", "finding"].includes(line.kind)) this.#onExpand(line, cell === 1);
    else if (this.#hasCell(this.#active, cell)) {
      this.#cell = cell;
      this.#markActive();
    }
  }

  #pageSize() {
    return Math.max(1, Math.floor((innerHeight - 160) / this.#readHeights().account));
  }

  #openActive() {
    if (this.#active !== null) this.#onOpen(this.lines[this.#active], this.#cell);
  }

  #handleKey(event) {
    const actions = {
      ArrowDown: () => this.#moveBy(1),
      ArrowUp: () => this.#moveBy(-1),
      PageDown: () => this.#moveBy(this.#pageSize()),
      PageUp: () => this.#moveBy(-this.#pageSize()),
      Home: () => this.#moveBy(-this.lines.length),
      End: () => this.#moveBy(this.lines.length),
      ArrowRight: () => this.#moveSideways(1),
      ArrowLeft: () => this.#moveSideways(0),
      Enter: () => this.#openActive(),
      " ": () => this.#openActive(),
    };
    if (!Object.hasOwn(actions, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  // The Tab key chooses the first line in the window; a click chooses its own.
  #handleFocus() {
    if (this.#active !== null || !this.#grid.matches(":focus-visible")) return;
    let index = this.#layout.lineAt(this.#visibleTop());
    while (index < this.lines.length && !this.#canBeActive(index)) index += 1;
    if (index >= this.lines.length) return;
    this.#scrollTo(index);
    this.#activate(index);
  }

  #handleClick(event) {
    const row = event.target.closest("[data-index]");
    // A click that ends a selection of text opens nothing.
    if (!row || !this.#canBeActive(Number(row.dataset.index)) || String(getSelection())) return;
    const node = event.target.closest("[data-cell]");
    this.#cell = node ? Number(node.dataset.cell) : 0;
    this.#activate(Number(row.dataset.index));
    this.#openActive();
  }
}
