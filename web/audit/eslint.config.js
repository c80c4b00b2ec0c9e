// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    rules: {
      complexity: ["error", 15],
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "no-shadow": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  // The model does not use the DOM: its tests run in Node.
  { files: ["src/model/**"], languageOptions: { globals: globals["shared-node-browser"] } },
  { files: ["src/main.js", "src/view/**"], languageOptions: { globals: globals.browser } },
  { files: ["test/**"], languageOptions: { globals: globals.node } },
];
