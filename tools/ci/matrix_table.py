"""Check or write the table of tested versions in README.md.

Usage: python matrix_table.py README --check
       python matrix_table.py README oldest=CONTROLLER,MODULES newest=CONTROLLER,MODULES

The first form fails if the table differs from requirements/oldest.txt and newest.txt. The second form writes the table.
CONTROLLER and MODULES are the interpreters of a corner; the table gets the versions that are installed there.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import subprocess
import sys

REQUIREMENTS = pathlib.Path(__file__).parents[1] / "requirements"
BEGIN, END = "<!-- matrix -->\n", "<!-- /matrix -->\n"
CORNERS = ("oldest", "newest")
# Title of the row: index of the interpreter (0: CONTROLLER, 1: MODULES), and name of the package.
ROWS = {
    "ansible-core": (0, "ansible-core"),
    "Python of ansible-core": (0, "python"),
    "amazon.aws": (0, "amazon.aws"),
    "kubernetes.core": (0, "kubernetes.core"),
    "Python of the modules": (1, "python"),
    "boto3": (1, "boto3"),
    "botocore": (1, "botocore"),
    "kubernetes": (1, "kubernetes"),
}
TESTED = "date of the tests"
# A script that prints the installed versions as JSON.
LIST_VERSIONS = """
import importlib.metadata, json, pathlib, platform, sysconfig
versions = {package.metadata["Name"].lower(): package.version for package in importlib.metadata.distributions()}
for path in pathlib.Path(sysconfig.get_path("purelib"), "ansible_collections").glob("*/*/MANIFEST.json"):
    info = json.loads(path.read_text())["collection_info"]
    versions[info["namespace"] + "." + info["name"]] = info["version"]
print(json.dumps({**versions, "python": platform.python_version()}))
"""


def read_pins(corner: str) -> dict[str, str]:
    """Read the pinned versions of a corner.

    :returns: the version by title of the row, of Pythons only major and minor.
    """
    required = (REQUIREMENTS / f"{corner}.txt").read_text()
    pins = dict(re.findall(r"^(?:#: )?([a-z0-9.-]+)(?:==| )([^\s;]+)", required, re.MULTILINE))
    pythons = ("python", "python-of-modules")
    return {title: pins[pythons[index] if name == "python" else name] for title, (index, name) in ROWS.items()}


def read_installed(interpreters: str) -> dict[str, str]:
    """Read the installed versions.

    :param interpreters: ``CONTROLLER,MODULES``.
    :returns: the version by title of the row.
    """
    versions = [
        json.loads(
            subprocess.run([interpreter, "-c", LIST_VERSIONS], check=True, capture_output=True, text=True).stdout
        )
        for interpreter in interpreters.split(",")
    ]
    return {title: versions[index][name] for title, (index, name) in ROWS.items()}


def render_table(columns: dict[str, dict[str, str]]) -> str:
    lines = [f"| | {' | '.join(CORNERS)} |", "| --- " * (len(CORNERS) + 1) + "|"]
    lines += [f"| {title} | {' | '.join(columns[corner][title] for corner in CORNERS)} |" for title in (*ROWS, TESTED)]
    return "\n".join(lines) + "\n"


def parse_table(table: str) -> dict[str, dict[str, str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {corner: {row[0]: row[column] for row in rows} for column, corner in enumerate(CORNERS, start=1)}


def find_differences(table: str) -> list[str]:
    """Compare the table with the pinned versions."""
    try:
        columns = parse_table(table)
    except IndexError:
        return ["it is not a table of two corners"]
    differences = []
    for corner in CORNERS:
        for title, version in read_pins(corner).items():
            tested = columns[corner].get(title, "no version")
            if tested != version and not (title.startswith("Python") and tested.startswith(f"{version}.")):
                differences.append(f"{corner}, {title}: {version} is pinned, the table has {tested}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", columns[corner].get(TESTED, "")):
            differences.append(f"{corner}: the table has no date")
    return differences


def main(path: str, *arguments: str) -> None:
    readme = pathlib.Path(path)
    before, begin, rest = readme.read_text().partition(BEGIN)
    table, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{readme.name} does not have the lines {BEGIN.strip()} and {END.strip()}")
    if arguments == ("--check",):
        if differences := find_differences(table):
            sys.exit("\n".join([f"the versions in {readme.name} are out of date. Run: make matrix", *differences]))
        return
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    columns = {
        corner: read_installed(interpreters) | {TESTED: today}
        for corner, interpreters in (argument.split("=", 1) for argument in arguments)
    }
    readme.write_text(before + begin + render_table(columns) + end + after)


if __name__ == "__main__":
    main(*sys.argv[1:])
