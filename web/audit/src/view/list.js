// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A list of any length. Lines are chosen and opened by mouse and keyboard.

import { LineWindow } from "./line_window.js";

export class List {
  #grid;
  #onOpen;
  #onExpand;
  #window;
  // Index of the chosen line or null, and the cell that is chosen in it: 0, or 1 for the role of an account.
  #chosen = { index: null, cell: 0 };
  #isDrawScheduled = false;

  // onOpen(line, cell) is called for a chosen line, onExpand(line, expanded) for the left or right arrow.
  constructor(grid, { onOpen, onExpand }) {
    this.#grid = grid;
    this.#onOpen = onOpen;
    this.#onExpand = onExpand;
    this.#window = new LineWindow(grid);
    grid.addEventListener("keydown", (event) => this.#handleKey(event));
    grid.addEventListener("click", (event) => this.#handleClick(event));
    grid.addEventListener("focus", () => this.#handleFocus());
    addEventListener("scroll", () => this.#scheduleDraw(), { passive: true });
    addEventListener("resize", () => this.#scheduleDraw());
    this.#redrawWhenWidthChanges();
  }

  get lines() {
    return this.#window.lines;
  }

  // Shows other lines. The chosen line stays chosen if it is among them.
  show(lines) {
    const { index, cell } = this.#chosen;
    const chosen = index === null ? null : this.lines[index];
    const isChosen = (line) => line === chosen || (line.id && line.id === chosen.id);
    const newIndex = chosen === null ? -1 : lines.findIndex(isChosen);
    this.#chosen = { index: newIndex < 0 ? null : newIndex, cell };
    this.#redraw(lines);
  }

  // Returns how many lines are not printed.
  setPrinting(isPrinting) {
    const notPrinted = this.#window.setPrinting(isPrinting);
    this.#redraw(this.lines);
    return notPrinted;
  }

  // Does nothing if the line is not in the list.
  choose(line) {
    const index = this.lines.indexOf(line);
    if (index >= 0) this.#choose(index);
  }

  focus() {
    this.#grid.focus({ preventScroll: true });
  }

  #redraw(lines) {
    this.#window.setLines(lines);
    this.#window.draw(this.#chosen);
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
      this.#window.draw(this.#chosen);
    });
  }

  #canBeChosen(index) {
    return index >= 0 && index < this.lines.length && this.lines[index].kind !== "group";
  }

  #hasCell(index, cell) {
    return cell === 0 || (this.lines[index].kind === "account" && this.lines[index].displayedRole !== null);
  }

  #choose(index, cell = this.#chosen.cell) {
    this.#chosen = { index, cell: this.#hasCell(index, cell) ? cell : 0 };
    this.#window.draw(this.#chosen);
  }

  // Chooses the line `count` lines further down (negative: up), or the nearest line that can be chosen.
  #moveBy(count) {
    const { length } = this.lines;
    const start = this.#chosen.index ?? (count > 0 ? -1 : length);
    const direction = Math.sign(count);
    let index = Math.max(0, Math.min(length - 1, start + count));
    while (index >= 0 && index < length && !this.#canBeChosen(index)) index += direction;
    if (!this.#canBeChosen(index)) {
      index = direction > 0 ? length - 1 : 0;
      while (index >= 0 && index < length && !this.#canBeChosen(index)) index -= direction;
    }
    if (!this.#canBeChosen(index)) return;
    this.#window.scrollTo(index);
    this.#choose(index);
  }

  #moveSideways(cell) {
    const { index } = this.#chosen;
    if (index === null) return;
    const line = this.lines[index];
    if (["cause", "finding"].includes(line.kind)) this.#onExpand(line, cell === 1);
    else if (this.#hasCell(index, cell)) {
      this.#chosen = { index, cell };
      this.#window.mark(this.#chosen);
    }
  }

  #openChosen() {
    const { index, cell } = this.#chosen;
    if (index !== null) this.#onOpen(this.lines[index], cell);
  }

  #handleKey(event) {
    const actions = {
      ArrowDown: () => this.#moveBy(1),
      ArrowUp: () => this.#moveBy(-1),
      PageDown: () => this.#moveBy(this.#window.pageSize()),
      PageUp: () => this.#moveBy(-this.#window.pageSize()),
      Home: () => this.#moveBy(-this.lines.length),
      End: () => this.#moveBy(this.lines.length),
      ArrowRight: () => this.#moveSideways(1),
      ArrowLeft: () => this.#moveSideways(0),
      Enter: () => this.#openChosen(),
      " ": () => this.#openChosen(),
    };
    if (!Object.hasOwn(actions, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  // The Tab key chooses the first line in the window; a click chooses its own.
  #handleFocus() {
    if (this.#chosen.index !== null || !this.#grid.matches(":focus-visible")) return;
    let index = this.#window.positions.lineAt(this.#window.visibleTop());
    while (index < this.lines.length && !this.#canBeChosen(index)) index += 1;
    if (index >= this.lines.length) return;
    this.#window.scrollTo(index);
    this.#choose(index);
  }

  #handleClick(event) {
    const row = event.target.closest("[data-index]");
    // A click that ends a selection of text opens nothing.
    if (!row || !this.#canBeChosen(Number(row.dataset.index)) || String(getSelection())) return;
    const node = event.target.closest("[data-cell]");
    this.#choose(Number(row.dataset.index), node ? Number(node.dataset.cell) : 0);
    this.#openChosen();
  }
}
