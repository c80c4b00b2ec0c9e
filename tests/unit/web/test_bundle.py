# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle of web/audit: one script, one stylesheet, and the page with placeholders for both."""

from __future__ import annotations

import pathlib

import pytest

from web.audit import bundle


def write(folder: pathlib.Path, **sources: str) -> pathlib.Path:
    """Write modules by name and return the path of ``main.js``."""
    for name, source in sources.items():
        (folder / f"{name}.js").write_text(source, encoding="utf-8")
    return folder / "main.js"


def test_modules_are_in_import_order(tmp_path: pathlib.Path) -> None:
    main = write(
        tmp_path,
        main='// Comment.\nimport { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "./b.js";\n\nrun(a, b, c);\n',
        a='import { b } from "./b.js";\n\nexport const a = b;\n',
        b='export function b() {\n  // Comment.\n  return "// text";\n}\nexport class c {}\nlet local = 1;\n',
    )
    assert bundle.bundle_script(main) == (
        '(() => {\n"use strict";\n'
        'function b() {\nreturn "// text";\n}\nclass c {}\nlet local = 1;\nconst a = b;\nrun(a, b, c);\n'
        "})();\n"
    )


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("const a = 1;\n", "main.js and a.js both declare a"),
        ("async function a() {}\n", "main.js and a.js both declare a"),
        ("export default 1;\n", "main.js has an import or export in a form"),
        ('import b from "./a.js";\n', "main.js has an import or export in a form"),
        ('import { b } from "./a.js";\n', "main.js imports b, which a.js does not export"),
        ("run(`\n  text`);\n", "main.js has a multi-line template literal"),
    ],
)
def test_source_that_cannot_be_bundled_is_rejected(tmp_path: pathlib.Path, source: str, error: str) -> None:
    main = write(tmp_path, main=f'import {{ a }} from "./a.js";\n{source}', a="export const a = 1;\n")
    with pytest.raises(bundle.BundleError, match=error):
        bundle.bundle_script(main)


def test_modules_may_share_local_names(tmp_path: pathlib.Path) -> None:
    main = write(
        tmp_path,
        main='import { a } from "./a.js";\nfunction run() {\n  const x = a;\n}\n',
        a="export function a() {\n  const x = 1;\n}\n",
    )
    assert bundle.bundle_script(main).count("const x") == 2


def test_stylesheet_imports_are_inlined(tmp_path: pathlib.Path) -> None:
    (tmp_path / "style.css").write_text('/* Order. */\n@import "a.css";\n@import "b.css";\n', encoding="utf-8")
    (tmp_path / "a.css").write_text("/* A\n * comment. */\n.a {\n  color: red;\n}\n", encoding="utf-8")
    (tmp_path / "b.css").write_text(".b {\n}\n", encoding="utf-8")
    assert bundle.bundle_style(tmp_path / "style.css") == ".a {\ncolor: red;\n}\n.b {\n}\n"


def test_page_without_its_script_is_rejected(tmp_path: pathlib.Path) -> None:
    page = tmp_path / "index.html"
    page.write_text('<link rel="stylesheet" href="style.css" />\n', encoding="utf-8")
    with pytest.raises(bundle.BundleError, match=r"index\.html must have <script"):
        bundle.bundle_markup(page)


def test_check_fails_if_the_bundle_is_out_of_date(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "assets.py"
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    monkeypatch.setattr(bundle, "TARGET", target)
    monkeypatch.setattr("sys.argv", ["bundle.py"])
    bundle.main()
    monkeypatch.setattr("sys.argv", ["bundle.py", "--check"])
    bundle.main()
    target.write_text(target.read_text(encoding="ascii").replace("use strict", "no"), encoding="ascii")
    with pytest.raises(SystemExit, match="Run: make web"):
        bundle.main()
