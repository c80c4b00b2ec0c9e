# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take screenshots of the audit page: ``python -m browser.screenshot DIRECTORY [NAME...]``.

A name is a key of `SCENES`; the default is all. Each is taken in light and dark, for desktop and phone.
"""

from __future__ import annotations

import pathlib
import sys

from browser import documents, driver

SIZES = {"desktop": (1280, 800), "phone": (375, 812)}
# Audit document and fragment of the address, by name.
SCENES = {
    "overview": (documents.example, ""),
    "account": (documents.example, "open=account:ml-training/runner"),
    "role": (documents.example, "view=roles&open=role:arn:aws:iam::111122223333:role/platform-observability"),
    "roles": (documents.example, "view=roles"),
    "findings": (documents.example, "view=findings"),
    "finding": (documents.example, "view=findings&open=finding:0"),
    "search": (documents.large, "q=lake&state=unknown,error"),
    "nothing": (documents.example, "q=nothing-is-called-that"),
    "hostile": (documents.hostile, ""),
    "empty": (documents.empty, ""),
}


def main(directory: str, *names: str) -> None:
    target = pathlib.Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    with driver.chromium() as browser:
        for name in names or SCENES:
            document, fragment = SCENES[name]
            file = driver.write(target / f"{name}.html", document())
            for size, (width, height) in SIZES.items():
                for scheme in ("light", "dark"):
                    viewport = {"width": width, "height": height}
                    # Without transitions, screenshots of a page are always the same.
                    page = browser.new_page(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
                    page.goto(f"{file.as_uri()}#{fragment}")
                    page.screenshot(path=target / f"{name}-{size}-{scheme}.png")
                    page.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
