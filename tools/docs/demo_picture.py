"""Make the README's picture of the demo from the demo's output.

Usage: python demo_picture.py PICTURE.svg < OUTPUT

It shows the lines of the output that `SECTIONS` selects. Why not a terminal recorder: it would record all of the
output, at the speed of the run.
"""

from __future__ import annotations

import collections.abc as c
import pathlib
import re
import sys

import rich.console
import rich.text

WIDTH = 104
# Beginnings of headings, and a pattern for the lines of each section that are shown.
SECTIONS = {
    "== Three workloads start": r"ok  ",
    "== ansible-playbook eksops.irsa.associate": r"\| (create|attach|write|service account .* set|restart)|ok  Every",
    "== aws sts get-caller-identity": r"arn:|ok  ",
    "== A second run": r"ok  changed=0, and",
    "2. The role's trust policy": r"\||ok  ",
    "== ansible-playbook eksops.irsa.verify": r"ok  |\| 2 service",
    "== ansible-playbook eksops.irsa.remove, while": r"ok  ",
}


def main(picture: str) -> None:
    console = rich.console.Console(record=True, width=WIDTH, file=sys.stderr, force_terminal=True)
    console.print(rich.text.Text("$ make demo", style="bold"))
    for line in excerpt(sys.stdin.read().splitlines()):
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    svg = console.export_svg(title="make demo", unique_id="demo")
    # Browsers load no fonts for pictures in a page, so the reader's own are used.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    pathlib.Path(picture).write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8")


def excerpt(lines: list[str]) -> c.Iterator[rich.text.Text]:
    """Yield the selected lines, in the demo's terminal colours.

    :raises SystemExit: the output lacks a section.
    """
    missing = set(SECTIONS)
    pattern = ""
    for line in lines:
        text = line.strip()
        if re.match(r"== |\d\. ", text):
            heading = next((section for section in SECTIONS if text.startswith(section) and section in missing), "")
            missing -= {heading}
            pattern = SECTIONS[heading] if heading else ""
            if heading:
                yield rich.text.Text("")
                yield rich.text.Text(line, style="bold")
        elif pattern and re.match(pattern, text):
            styled = rich.text.Text(line)
            styled.highlight_regex(r"^ *(ok) ", style="bold green")
            styled.highlight_regex(r"^ *(\|)", style="bright_black")
            yield styled
    if missing:
        sys.exit(f"the demo's output lacks the sections {sorted(missing)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
