// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Copies texts, even without the clipboard API, which browsers disable on pages over plain HTTP.

import { byId, h } from "./elements.js";

const DONE_MILLISECONDS = 1500;

// Makes screen readers read a text.
function announce(text) {
  byId("announcement").textContent = "";
  requestAnimationFrame(() => {
    byId("announcement").textContent = text;
  });
}

export function copyText(text, button) {
  const showDone = () => {
    button.classList.add("done");
    announce("Copied");
    setTimeout(() => button.classList.remove("done"), DONE_MILLISECONDS);
  };
  const copySelected = () => {
    if (copySelection(text)) showDone();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(showDone, copySelected);
  else copySelected();
}

function copySelection(text) {
  const area = h("textarea", { class: "hidden", "aria-hidden": "true" });
  area.value = text;
  // Nothing outside a modal dialog can be selected.
  (byId("details").open ? byId("details") : document.body).append(area);
  const focused = document.activeElement;
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused) focused.focus({ preventScroll: true });
  return isCopied;
}
