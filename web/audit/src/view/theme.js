// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The colour theme. The default is the system's theme.

import { byId } from "./elements.js";

const THEMES = ["system", "light", "dark"];
const STORAGE_KEY = "irsa-audit-theme";

// Some browsers have no storage for files. The choice is then lost when the page is closed.
function withStorage(use) {
  try {
    return use(localStorage);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return null;
  }
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}

export function setUpTheme() {
  const stored = withStorage((storage) => storage.getItem(STORAGE_KEY));
  showTheme(THEMES.includes(stored) ? stored : "system");
  byId("theme").addEventListener("click", () => {
    const current = THEMES.indexOf(document.documentElement.dataset.theme);
    const theme = THEMES[(current + 1) % THEMES.length];
    showTheme(theme);
    withStorage((storage) => storage.setItem(STORAGE_KEY, theme));
  });
}
