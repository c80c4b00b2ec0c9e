"""Make the README's picture of the demo, out of what the demo printed.

Usage: python demo_picture.py PICTURE.svg < OUTPUT

Why not a recorder of terminals: it would show all of the output, at the speed of the run. Of the output this takes the
sections that `SECTIONS` names, and of these the lines that say what was done and found.
"""

from __future__ import annotations

import collections.abc as c
import pathlib
import re
import sys

import rich.console
import rich.text

WIDTH = 104
# Headings of the sections, or of mishaps, and which of their lines are shown.
SECTIONS = {
    "== Three workloads start": r"ok  ",
    "== ansible-playbook eksops.irsa.associate": r"\| (create|attach|write|service account .* set|restart)|ok  Every",
    "== What AWS answers": r"arn:|ok  ",
    "== The same again": r"ok  changed=0, and",
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
    # Fonts are those of the reader: a picture in a page loads nothing.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    pathlib.Path(picture).write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8")


def excerpt(lines: list[str]) -> c.Iterator[rich.text.Text]:
    """The chosen lines, in the colours that the demo has in a terminal.

    :raises SystemExit: the output lacks one of the sections.
    """
    missing = set(SECTIONS)
    shown = ""
    for line in lines:
        text = line.strip()
        if re.match(r"== |\d\. ", text):
            heading = next((section for section in SECTIONS if text.startswith(section) and section in missing), "")
            missing -= {heading}
            shown = SECTIONS[heading] if heading else ""
            if heading:
                yield rich.text.Text("")
                yield rich.text.Text(line, style="bold")
        elif shown and re.match(shown, text):
            styled = rich.text.Text(line)
            styled.highlight_regex(r"^ *(ok) ", style="bold green")
            styled.highlight_regex(r"^ *(\|)", style="bright_black")
            yield styled
    if missing:
        sys.exit(f"the demo's output has no section {sorted(missing)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
