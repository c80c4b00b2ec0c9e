"""The table of README.md that says which versions were tested, and when: as the run found them, not as somebody typed.

Usage: python matrix_table.py README --check
       python matrix_table.py README oldest=CONTROLLER,MODULES newest=CONTROLLER,MODULES

The first compares it with requirements/oldest.txt and newest.txt: status 1, and what differs, if they name other
versions. The second writes it again, with what the interpreters CONTROLLER and MODULES of each corner find installed.
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
# Title of the row: which of a corner's two interpreters is asked, and for what.
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
TESTED = "tested on"
# Runs in an interpreter of a corner: what is installed there, as JSON.
ASK = """
import importlib.metadata, json, pathlib, platform, sysconfig
found = {package.metadata["Name"].lower(): package.version for package in importlib.metadata.distributions()}
for path in pathlib.Path(sysconfig.get_path("purelib"), "ansible_collections").glob("*/*/MANIFEST.json"):
    info = json.loads(path.read_text())["collection_info"]
    found[info["namespace"] + "." + info["name"]] = info["version"]
print(json.dumps({**found, "python": platform.python_version()}))
"""


def _pinned(corner: str) -> dict[str, str]:
    """What a corner's files name: title of the row, version; of a Python only major and minor."""
    required = (REQUIREMENTS / f"{corner}.txt").read_text()
    pins = dict(re.findall(r"^(?:#: )?([a-z0-9.-]+)(?:==| )([^\s;]+)", required, re.MULTILINE))
    pythons = ("python", "python-of-modules")
    return {title: pins[pythons[asked] if name == "python" else name] for title, (asked, name) in ROWS.items()}


def _installed(interpreters: str) -> dict[str, str]:
    """What is there: title of the row, version."""
    answers = [
        json.loads(subprocess.run([interpreter, "-c", ASK], check=True, capture_output=True, text=True).stdout)
        for interpreter in interpreters.split(",")
    ]
    return {title: answers[asked][name] for title, (asked, name) in ROWS.items()}


def _render(columns: dict[str, dict[str, str]]) -> str:
    lines = [f"| | {' | '.join(CORNERS)} |", "| --- " * (len(CORNERS) + 1) + "|"]
    lines += [f"| {title} | {' | '.join(columns[corner][title] for corner in CORNERS)} |" for title in (*ROWS, TESTED)]
    return "\n".join(lines) + "\n"


def _read(table: str) -> dict[str, dict[str, str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {corner: {row[0]: row[place] for row in rows} for place, corner in enumerate(CORNERS, start=1)}


def _differences(table: str) -> list[str]:
    """What the table says otherwise than the corners' files."""
    try:
        said = _read(table)
    except IndexError:
        return ["it is not a table of two corners"]
    wrong = []
    for corner in CORNERS:
        for title, version in _pinned(corner).items():
            found = said[corner].get(title, "nothing")
            if found != version and not (title.startswith("Python") and found.startswith(f"{version}.")):
                wrong.append(f"{corner}, {title}: {version} is pinned, the table has {found}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", said[corner].get(TESTED, "")):
            wrong.append(f"{corner}: the table has no date")
    return wrong


def main(path: str, *arguments: str) -> None:
    readme = pathlib.Path(path)
    before, begin, rest = readme.read_text().partition(BEGIN)
    table, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{readme.name} has no lines {BEGIN.strip()} and {END.strip()}")
    if arguments == ("--check",):
        if wrong := _differences(table):
            sys.exit("\n".join([f"{readme.name} has other versions than are tested; run make matrix", *wrong]))
        return
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    columns = {
        corner: _installed(interpreters) | {TESTED: today}
        for corner, interpreters in (argument.split("=", 1) for argument in arguments)
    }
    readme.write_text(before + begin + _render(columns) + end + after)


if __name__ == "__main__":
    main(*sys.argv[1:])
