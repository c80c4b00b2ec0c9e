"""Run the marked examples in the documentation, with the environment's AWS and cluster.

Usage: python run_examples.py [--name NAME=REPLACEMENT]... DOCUMENT...

In a document, the examples are the blocks after a comment ``.. run:`` (``<!-- run: -->`` in Markdown); in a module, the
blocks in EXAMPLES. The script runs the examples of a document in their order, in one directory. If the first line of a
YAML block names a file, the script writes the block to that file. It runs tasks and commands. They must succeed; after
``run: fails`` they must fail. --name replaces a name in the text, for instance that of a cluster.
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
    parser.add_argument("--name", action="append", default=[], help="NAME=REPLACEMENT")
    parser.add_argument("documents", nargs="+", help="paths from the root of the checkout")
    options = parser.parse_args()
    replacements = dict(argument.split("=", 1) for argument in options.name)
    failures = 0
    for name in options.documents:
        found = blocks.read_blocks(ROOT, ROOT / name)
        marked = [block for block in found if name.endswith(".py") or block.mark.startswith("run:")]
        if not marked:
            print(f"{name}: no examples to run")
            failures += 1
        with tempfile.TemporaryDirectory(prefix="examples-") as directory:
            for block in marked:
                start = time.monotonic()
                message = _run_block(block, pathlib.Path(directory), replacements)
                print(f"{block}: {'FAILED' if message else 'ok'}, {time.monotonic() - start:.1f} s", flush=True)
                if message:
                    print(message)
                    failures += 1
                    break  # The next examples in the document depend on this one.
    return bool(failures)


def _run_block(block: blocks.Block, directory: pathlib.Path, replacements: dict[str, str]) -> str:
    """Run an example.

    :returns: a message if the result is not as expected, else an empty text.
    """
    text = block.text
    if replacements:
        names = "|".join(replacements)
        text = re.sub(rf"\b({names})\b", lambda match: replacements[match[1]], text)
    if block.language == "yaml" and block.file_name:
        path = directory / block.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return ""
    if block.language == "yaml":
        tasks = yaml.safe_load(text)
        if documents.kind_of(tasks) != "tasks":
            return "cannot run YAML that is neither a file nor tasks"
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        (directory / "tasks.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
        lines = ["ansible-playbook tasks.yml"]
    else:
        lines = commands.split_commands(blocks.Block(block.path, block.line, block.language, text))
    must_fail = block.mark.startswith("run: fails")
    for line in lines:
        result = subprocess.run(
            ["bash", "-c", line],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if bool(result.returncode) != must_fail:
            return f"$ {line}\n{result.stdout}\nThe command {'succeeded' if must_fail else 'failed'}."
    return ""


if __name__ == "__main__":
    sys.exit(main())
