// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Makes elements. Texts become text nodes: no text of the audit is parsed as HTML.

import { escapeInvisible } from "../model/text.js";

const SVG_NAMESPACE = document.querySelector("svg").namespaceURI;

export const byId = (id) => document.getElementById(id);

// h("div", {class: "x", onclick: f}, ...children). Attributes and children that are null, undefined or false are
// skipped; arrays of children are flattened.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : escapeInvisible(child));
  }
  return element;
}

// A symbol of index.html.
export function icon(name, classes) {
  const svg = document.createElementNS(SVG_NAMESPACE, "svg");
  svg.setAttribute("class", `icon ${classes || ""}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG_NAMESPACE, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export const span = (classes, ...children) => h("span", { class: classes }, children);
export const cell = (classes, ...children) => h("div", { class: classes, role: "gridcell" }, children);
export const meta = (...children) => span("meta", children);
export const code = (text, title) => h("code", { title }, text);
export const nameText = (text) => h("bdi", { class: "name", title: escapeInvisible(text) }, text);
export const stateIcon = (state) => icon(state, `s-${state}`);
export const badge = (state, text) => span(`state s-${state}`, icon(state), text || state);
