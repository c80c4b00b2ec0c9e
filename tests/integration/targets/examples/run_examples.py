"""Run the documentation's examples that are marked for it, on whatever the environment leads to.

Usage: python run_examples.py [--name NAME=OTHER]... DOCUMENT...

Of each document it takes the blocks with a comment ``.. run:`` before them (``<!-- run: -->`` in Markdown), of a module
its EXAMPLES, in their order and in a directory of their own. YAML with the name of a file in its first line is written
there, tasks are run, commands too. All have to succeed, except those with ``run: fails``, which have to fail. --name
puts the name of a cluster that there is, or of something else, in place of one in the text.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import yaml

from tools.docs.examples import blocks, commands, documents

# ansible-test runs a copy of this file.
ROOT = pathlib.Path(blocks.__file__).resolve().parents[3]


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--name", action="append", default=[], help="NAME=OTHER")
    parser.add_argument("documents", nargs="+", help="paths from the root of the checkout")
    options = parser.parse_args()
    names = dict(each.split("=", 1) for each in options.name)
    wrong = 0
    for name in options.documents:
        found = blocks.of_file(ROOT, ROOT / name)
        marked = [block for block in found if name.endswith(".py") or block.mark.startswith("run:")]
        if not marked:
            print(f"{name}: there is nothing to be run")
            wrong += 1
        with tempfile.TemporaryDirectory(prefix="examples-") as directory:
            for block in marked:
                begun = time.monotonic()
                said = _run(block, pathlib.Path(directory), names)
                print(f"{block}: {'FAILED' if said else 'ok'}, {time.monotonic() - begun:.1f} s", flush=True)
                if said:
                    print(said)
                    wrong += 1
                    break  # what comes next in the document builds on it
    return bool(wrong)


def _run(block: blocks.Block, directory: pathlib.Path, names: dict[str, str]) -> str:
    """What is to be said of a block that didn't do what it should, else nothing."""
    text = re.sub(r"\b(" + "|".join(names) + r")\b", lambda found: names[found[1]], block.text) if names else block.text
    if block.language == "yaml" and block.file_name:
        path = directory / block.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return ""
    if block.language == "yaml":
        tasks = yaml.safe_load(text)
        if documents.kind_of(tasks) != "tasks":
            return "YAML that is neither a file nor tasks can't be run"
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        (directory / "tasks.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
        lines = ["ansible-playbook tasks.yml"]
    else:
        lines = commands.lines_of(blocks.Block(block.path, block.line, block.language, text))
    fails = block.mark.startswith("run: fails")
    for line in lines:
        found = subprocess.run(
            ["bash", "-c", line],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if bool(found.returncode) != fails:
            return f"$ {line}\n{found.stdout}\nit {'succeeded' if fails else 'failed'}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
