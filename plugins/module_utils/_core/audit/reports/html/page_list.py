# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JavaScript of an audit's page: a list of any length, of which only the lines in sight are elements."""

from __future__ import annotations

LIST = r"""
// Lines that are ready beyond the edges of the window, in pixels.
const MARGIN = 400;
// What is printed at most: nobody reads more on paper.
const PRINTED = 500;

const isHead = (line) => line.kind === "group" || line.kind === "cause";

// A list of lines in the window's own scrolling. opens(line, cell) is called for the chosen one, folds(line, unfold)
// for an arrow to the side.
function listIn(grid, { opens, folds }) {
  let lines = [];
  let tops = [0];
  // For each line the head above it, by its number; -1 if there is none.
  let heads = [];
  let active = null;
  let cell = 0;
  let drawn = new Map();
  let printing = false;

  // The heights are the style's, which knows the width of the window.
  function heights() {
    const style = getComputedStyle(grid);
    return Object.fromEntries(["calm", ...Object.keys(ROW)].map((kind) =>
      [kind, parseFloat(style.getPropertyValue(`--${kind}`)) || 40]));
  }

  function measure() {
    const height = heights();
    tops = [0];
    heads = [];
    lines.forEach((line, at) => heads.push(isHead(line) ? at : at ? heads[at - 1] : -1));
    for (const line of lines) tops.push(tops[tops.length - 1] + height[isCalm(line) ? "calm" : line.kind]);
    grid.style.height = printing ? "auto" : `${tops[tops.length - 1]}px`;
    grid.setAttribute("aria-rowcount", lines.length);
  }

  // Where the lines begin that nothing covers, from the list's own beginning.
  function ceiling() {
    return document.getElementById("tools").getBoundingClientRect().bottom - grid.getBoundingClientRect().top;
  }

  // The head of the first of these lines, and where it stands: at their upper edge until the next head pushes it away.
  function pinned() {
    const edge = ceiling();
    const head = printing || edge <= 0 || !lines.length ? -1 : heads[Math.min(lineAt(edge), lines.length - 1)];
    if (head < 0 || tops[head] >= edge) return null;
    let next = head + 1;
    while (next < lines.length && !isHead(lines[next])) next += 1;
    return { head, top: Math.min(edge, tops[next] - (tops[head + 1] - tops[head])) };
  }

  // The line at a height, by halving.
  function lineAt(height) {
    let [low, high] = [0, lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= height) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function inSight() {
    if (printing) return [0, Math.min(lines.length, PRINTED)];
    const top = grid.getBoundingClientRect().top;
    return [lineAt(-top - MARGIN), Math.min(lines.length, lineAt(innerHeight - top + MARGIN) + 1)];
  }

  function draw() {
    const [from, to] = inSight();
    const wanted = new Set(Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at));
    // The chosen line stays an element, since assistive technology is told of it by its id.
    if (active !== null) wanted.add(active);
    const pin = pinned();
    if (pin) wanted.add(pin.head);
    for (const [at, element] of drawn) {
      if (!wanted.has(at)) {
        element.remove();
        drawn.delete(at);
      }
    }
    for (const at of wanted) if (!drawn.has(at)) place(at);
    for (const [at, element] of drawn) {
      const isPinned = pin !== null && at === pin.head;
      element.classList.toggle("pinned", isPinned);
      element.style.transform = printing ? "none" : `translateY(${isPinned ? pin.top : tops[at]}px)`;
    }
    mark();
  }

  function place(at) {
    const element = ROW[lines[at].kind](lines[at]);
    element.id = `row-${at}`;
    element.setAttribute("role", "row");
    element.setAttribute("aria-rowindex", at + 1);
    element.dataset.at = at;
    drawn.set(at, element);
    // In the order of the lines, for who reads the elements one after another.
    let next = null;
    for (const [other, each] of drawn) if (other > at && (next === null || other < next[0])) next = [other, each];
    grid.insertBefore(element, next ? next[1] : null);
  }

  function mark() {
    for (const [at, element] of drawn) {
      const chosen = at === active;
      element.classList.toggle("active", chosen);
      for (const each of element.querySelectorAll("[data-cell]")) {
        each.classList.toggle("chosen", chosen && Number(each.dataset.cell) === cell);
      }
    }
    if (active === null) grid.removeAttribute("aria-activedescendant");
    else grid.setAttribute("aria-activedescendant", `row-${active}`);
  }

  const canBeActive = (at) => at >= 0 && at < lines.length && lines[at].kind !== "group";

  function activate(at, showIt) {
    active = at;
    cell = hasCell(at, cell) ? cell : 0;
    if (showIt) scrollTo(at);
    draw();
  }

  function hasCell(at, wanted) {
    return wanted === 0 || (lines[at].kind === "account" && lines[at].shownRole !== null);
  }

  function scrollTo(at) {
    const head = heads[at];
    const covered = ceiling() + 4 + (head < 0 || head === at ? 0 : tops[head + 1] - tops[head]);
    const bottom = innerHeight - 8 - grid.getBoundingClientRect().top;
    if (tops[at] < covered) window.scrollBy(0, tops[at] - covered);
    else if (tops[at + 1] > bottom) window.scrollBy(0, tops[at + 1] - bottom);
  }

  // The next line that can be chosen, `by` lines on or at the end.
  function step(by) {
    const from = active === null ? (by > 0 ? -1 : lines.length) : active;
    const direction = Math.sign(by);
    let at = Math.max(0, Math.min(lines.length - 1, from + by));
    while (at >= 0 && at < lines.length && !canBeActive(at)) at += direction;
    if (!canBeActive(at)) {
      // Beyond the end, or before the first head: the nearest on this side.
      at = direction > 0 ? lines.length - 1 : 0;
      while (at >= 0 && at < lines.length && !canBeActive(at)) at -= direction;
    }
    if (canBeActive(at)) activate(at, true);
  }

  const page = () => Math.max(1, Math.floor((innerHeight - 160) / heights().account));
  const KEYS = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    PageDown: () => step(page()),
    PageUp: () => step(-page()),
    Home: () => step(-lines.length),
    End: () => step(lines.length),
    ArrowRight: () => sideways(1),
    ArrowLeft: () => sideways(0),
    Enter: () => active !== null && opens(lines[active], cell),
    " ": () => active !== null && opens(lines[active], cell),
  };

  function sideways(to) {
    if (active === null) return;
    if (["cause", "finding"].includes(lines[active].kind)) folds(lines[active], to === 1);
    else if (hasCell(active, to)) {
      cell = to;
      mark();
    }
  }

  grid.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  // Who comes by the Tab key begins with the first line in sight; a click chooses its own.
  grid.addEventListener("focus", () => {
    if (active !== null || !grid.matches(":focus-visible")) return;
    let at = lineAt(ceiling());
    while (at < lines.length && !canBeActive(at)) at += 1;
    if (at < lines.length) activate(at, true);
  });
  grid.addEventListener("click", (event) => {
    const row = event.target.closest("[data-at]");
    // Whoever marks a name with the mouse wants to copy it.
    if (!row || !canBeActive(Number(row.dataset.at)) || String(getSelection())) return;
    const chosen = event.target.closest("[data-cell]");
    cell = chosen ? Number(chosen.dataset.cell) : 0;
    activate(Number(row.dataset.at), false);
    opens(lines[active], cell);
  });

  let asked = false;
  function later() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  }
  addEventListener("scroll", later, { passive: true });
  addEventListener("resize", later);
  // Heights depend on the width alone.
  let width = grid.parentElement.clientWidth;
  new ResizeObserver(() => {
    if (grid.parentElement.clientWidth === width) return;
    width = grid.parentElement.clientWidth;
    redraw();
  }).observe(grid.parentElement);

  function redraw() {
    for (const element of drawn.values()) element.remove();
    drawn = new Map();
    measure();
    draw();
  }

  return {
    show(wanted) {
      const kept = active === null ? null : lines[active];
      lines = wanted;
      const at = kept === null ? -1 : lines.findIndex((each) => each === kept || (each.id && each.id === kept.id));
      active = at < 0 ? null : at;
      redraw();
    },
    print(value) {
      printing = value;
      redraw();
      return Math.max(0, lines.length - PRINTED);
    },
    // Chooses the line of an object, if it is among them.
    choose(item) {
      const at = lines.indexOf(item);
      if (at >= 0) activate(at, false);
    },
    focus() {
      grid.focus({ preventScroll: true });
    },
    get lines() {
      return lines;
    },
  };
}
"""
