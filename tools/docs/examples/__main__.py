"""Hold every example and link in the documentation against the collection.

Usage: python -m tools.docs.examples [DOCUMENT...]

Without documents it takes README.md, CONTRIBUTING.md, those of the role and of the examples, every guide, and EXAMPLES
of every plugin. Modules' arguments and the role's variables go through ansible-core's validator, playbooks through
``ansible-playbook --syntax-check``. A block of a kind that it doesn't know is an error, unless a comment before it says
why: ``.. unchecked: REASON``, or ``<!-- unchecked: REASON -->``. What ``run:`` in such a comment is for,
tests/integration/targets/examples says. Why not antsibull-docs or ansible-lint: they look at the languages of blocks
and at playbooks, and not at arguments, variables and command lines in text.
"""

from __future__ import annotations

import collections
import collections.abc as c
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

import yaml
from ansible.plugins import loader

from tools.docs.examples import blocks, commands, documents, links

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROSE = ("*.md", "roles/*/README.md", "examples/*/README.md", "tests/integration/README.md", "docs/docsite/rst/*.rst")
PLUGINS = ("modules", "inventory", "filter", "test", "lookup")
# Nothing can be held against what programs print.
OUTPUT = {"text"}


class Checker:
    def __init__(self, root: pathlib.Path, found: t.Sequence[blocks.Block]) -> None:
        self.root = root
        self.found = found
        self.loaded = {block: _loaded(block) for block in found if block.language in ("yaml", "yaml+jinja")}
        # Why a document cannot be read is reported when its turn comes.
        readable = [
            document for documents_ in self.loaded.values() if isinstance(documents_, list) for document in documents_
        ]
        self.documents = documents.Documents(root, readable)
        plugins = [path.stem for folder in PLUGINS for path in (root / "plugins" / folder).glob("[!_]*.py")]
        self.commands = commands.Commands(root, self.documents.variables, [*plugins, "irsa"])
        self.files: dict[str, set[str]] = collections.defaultdict(set)
        for block in found:
            beside = {path.name for path in (root / block.path).parent.iterdir()}
            written = re.findall(r"irsa_import_path=(\S+)", block.text)
            self.files[block.path] |= {*beside, *written, block.file_name}

    def problems(self) -> c.Iterator[str]:
        right = []
        for block in self.found:
            wrong = list(self._of_block(block))
            yield from (f"{block}: {problem}" for problem in wrong)
            if not wrong and not block.mark.startswith("unchecked:"):
                right.append(block)
        yield from self._syntax(right)

    def _of_block(self, block: blocks.Block) -> c.Iterator[str]:
        if block.mark.startswith("unchecked:"):
            if len(block.mark) < 20:
                yield "unchecked without a reason"
        elif block in self.loaded:
            yield from self._of_yaml(block)
        elif block.language == "json":
            yield from _of_json(block)
        elif block.language in ("console", "shell", "bash"):
            yield from self._of_commands(block)
        elif block.language not in OUTPUT and not (not block.language and block.path.endswith(".md")):
            yield f"a block of the language {block.language!r}, which isn't known here"

    def _of_yaml(self, block: blocks.Block) -> c.Iterator[str]:
        loaded = self.loaded[block]
        if isinstance(loaded, str):
            yield loaded
            return
        for document in loaded:
            yield from self.documents.problems(document)
            for line in commands.in_pipeline(document):
                yield from self.commands.problems(line, self.files[block.path])

    def _of_commands(self, block: blocks.Block) -> c.Iterator[str]:
        wrong = commands.syntax(block)
        yield from wrong
        # The shell blocks are for other people's programs, with variables and pipes.
        for line in commands.lines_of(block) if block.language == "console" and not wrong else ():
            yield from self.commands.problems(line, self.files[block.path])

    def _syntax(self, found: t.Sequence[blocks.Block]) -> c.Iterator[str]:
        """What ansible-playbook says of all plays and tasks of blocks."""
        with tempfile.TemporaryDirectory() as directory:
            places: dict[str, str] = {}
            for block in found:
                for document in self.loaded.get(block, ()):
                    if plays := _as_plays(document):
                        name = f"{len(places)}.yml"
                        pathlib.Path(directory, name).write_text(yaml.safe_dump(plays, sort_keys=False), "utf-8")
                        places[name] = str(block)
            yield from _syntax_check(directory, places)


def _syntax_check(directory: str, places: dict[str, str]) -> c.Iterator[str]:
    """Checks playbooks at once, by halves where something is wrong: ansible-playbook doesn't say where."""
    names = list(places)
    if not names:
        return
    command = ["ansible-playbook", "--syntax-check", "-i", "localhost,", *names]
    found = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if found.returncode and len(names) == 1:
        yield f"{places[names[0]]}: {found.stderr.strip()}"
    elif found.returncode:
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            yield from _syntax_check(directory, {name: places[name] for name in half})


def _as_plays(document: t.Any) -> list[t.Any]:
    kind = documents.kind_of(document)
    if kind == "plays":
        return t.cast("list[t.Any]", document)
    play = {"hosts": "localhost", "gather_facts": False}
    if kind == "tasks":
        return [play | {"tasks": document}]
    return [play | document] if kind == "keywords" else []


def _loaded(block: blocks.Block) -> list[t.Any] | str:
    try:
        return documents.load(block)
    except ValueError as error:
        return str(error)


def _of_json(block: blocks.Block) -> c.Iterator[str]:
    try:
        document = json.loads(block.text)
    except ValueError as error:
        yield f"no JSON: {error}"
        return
    for statement in document.get("Statement", ()):
        wrong = set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition", "NotAction"}
        if wrong:
            yield f"a statement of a policy has no {', '.join(sorted(wrong))}"


def unnamed(root: pathlib.Path, text: str) -> list[str]:
    """The plugins and playbooks of the collection that README's text doesn't name."""
    paths = [*root.glob("playbooks/*.yml"), *root.glob("roles/*/")]
    paths += [path for folder in PLUGINS for path in root.glob(f"plugins/{folder}/[!_]*.py")]
    return sorted(path.stem for path in paths if f"`{path.stem}`" not in text)


def main(*names: str) -> int:
    loader.init_plugin_loader()
    prose = [ROOT / name for name in names] or sorted(path for pattern in PROSE for path in ROOT.glob(pattern))
    plugins = [] if names else sorted(path for folder in PLUGINS for path in ROOT.glob(f"plugins/{folder}/[!_]*.py"))
    prose = [path for path in prose if path.name != "CHANGELOG.md"]
    found = [block for path in (*prose, *plugins) for block in blocks.of_file(ROOT, path)]
    problems = list(Checker(ROOT, found).problems())
    problems += [problem for path in prose for problem in links.problems(ROOT, path)]
    problems += [
        f"README.md: it doesn't name {name}" for name in unnamed(ROOT, (ROOT / "README.md").read_text("utf-8"))
    ]
    for problem in problems:
        print(problem)
    unchecked = sum(block.mark.startswith("unchecked:") for block in found)
    print(
        f"{len(found)} examples in {len(prose) + len(plugins)} files, {unchecked} unchecked: {len(problems)} problems"
    )
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
