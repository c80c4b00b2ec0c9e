"""Write the table of tested versions in README.md: those of requirements/oldest.txt and newest.txt, and today's date.

Usage: python matrix_table.py README [--check]

With --check, it writes nothing and fails if the table has other versions or no date.
"""

from __future__ import annotations

import datetime
import pathlib
import re
import sys

REQUIREMENTS = pathlib.Path(__file__).parents[1] / "requirements"
BEGIN, END = "<!-- matrix -->\n", "<!-- /matrix -->\n"
CORNERS = ("oldest", "newest")
# Title of the row, and the name in the requirements.
ROWS = {
    "ansible-core": "ansible-core",
    "Python of ansible-core": "python",
    "amazon.aws": "amazon.aws",
    "kubernetes.core": "kubernetes.core",
    "Python of the modules": "python-of-modules",
    "boto3": "boto3",
    "botocore": "botocore",
    "kubernetes": "kubernetes",
}


def read_versions(corner: str) -> dict[str, str]:
    """Read the pinned versions of a corner, by their names in the requirements."""
    required = (REQUIREMENTS / f"{corner}.txt").read_text()
    return dict(re.findall(r"^(?:#: )?([a-z0-9.-]+)(?:==| )([^\s;]+)", required, re.MULTILINE))


def render_table(date: str) -> str:
    versions = [read_versions(corner) for corner in CORNERS]
    rows: list[tuple[str, ...]] = [("", *CORNERS), ("---",) * 3]
    rows += [(title, *(corner[name] for corner in versions)) for title, name in ROWS.items()]
    rows += [("date of the tests", date, date)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main(path: str, *arguments: str) -> None:
    readme = pathlib.Path(path)
    before, begin, rest = readme.read_text().partition(BEGIN)
    table, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{readme.name} does not have the lines {BEGIN.strip()} and {END.strip()}")
    if arguments == ("--check",):
        date = re.search(r"\d{4}-\d\d-\d\d", table)
        expected = render_table(date[0] if date else "a date")
        if differences := set(table.splitlines()) ^ set(expected.splitlines()):
            sys.exit(
                "\n".join([f"the versions in {readme.name} are out of date. Run: make matrix", *sorted(differences)])
            )
        return
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    readme.write_text(f"{before}{BEGIN}{render_table(today)}{END}{after}")


if __name__ == "__main__":
    main(*sys.argv[1:])
