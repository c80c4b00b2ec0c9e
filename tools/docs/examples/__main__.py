"""Check the examples and links in the documentation.

Usage: python -m tools.docs.examples [DOCUMENT...]

The default is all documents: Markdown files, guides, and EXAMPLES of all plugins. ansible-core validates modules'
arguments and the role's variables, ``ansible-playbook --syntax-check`` playbooks. A block of an unknown kind is an
error unless a comment before it has a reason: ``.. unchecked: REASON``, or ``<!-- unchecked: REASON -->``. For ``run:``
in such a comment see tests/integration/targets/examples. Why not antsibull-docs or ansible-lint: they check languages
of blocks and playbooks, but not arguments, variables and command lines in text.
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
# Languages of blocks that are not checked: output of programs.
OUTPUT = {"text"}


class Checker:
    """Checks blocks of documents.

    :param root: the root of the checkout.
    """

    def __init__(self, root: pathlib.Path, checked_blocks: t.Sequence[blocks.Block]) -> None:
        self.root = root
        self.blocks = checked_blocks
        self.loaded = {block: _load(block) for block in checked_blocks if block.language in ("yaml", "yaml+jinja")}
        # `find_problems` reports blocks that cannot be loaded.
        readable = [
            document for documents_ in self.loaded.values() if isinstance(documents_, list) for document in documents_
        ]
        self.documents = documents.Documents(root, readable)
        plugins = [path.stem for folder in PLUGINS for path in (root / "plugins" / folder).glob("[!_]*.py")]
        self.commands = commands.Commands(root, self.documents.variables, [*plugins, "irsa"])
        self.files: dict[str, set[str]] = collections.defaultdict(set)
        for block in checked_blocks:
            siblings = {path.name for path in (root / block.path).parent.iterdir()}
            output_files = re.findall(r"irsa_import_path=(\S+)", block.text)
            self.files[block.path] |= {*siblings, *output_files, block.file_name}

    def find_problems(self) -> c.Iterator[str]:
        """Yield the problems of all blocks, each with its document and line."""
        valid_blocks = []
        for block in self.blocks:
            problems = list(self._check_block(block))
            yield from (f"{block}: {problem}" for problem in problems)
            if not problems and not block.mark.startswith("unchecked:"):
                valid_blocks.append(block)
        yield from self._check_syntax(valid_blocks)

    def _check_block(self, block: blocks.Block) -> c.Iterator[str]:
        if block.mark.startswith("unchecked:"):
            if len(block.mark) < 20:
                yield "unchecked without a reason"
        elif block in self.loaded:
            yield from self._check_yaml(block)
        elif block.language == "json":
            yield from _check_json(block)
        elif block.language in ("console", "shell", "bash"):
            yield from self._check_commands(block)
        elif block.language not in OUTPUT and not (not block.language and block.path.endswith(".md")):
            yield f"unknown language {block.language!r}"

    def _check_yaml(self, block: blocks.Block) -> c.Iterator[str]:
        loaded = self.loaded[block]
        if isinstance(loaded, str):
            yield loaded
            return
        for document in loaded:
            yield from self.documents.find_problems(document)
            for line in commands.find_pipeline_commands(document):
                yield from self.commands.find_problems(line, self.files[block.path])

    def _check_commands(self, block: blocks.Block) -> c.Iterator[str]:
        errors = commands.check_syntax(block)
        yield from errors
        # Shell blocks run other programs, with variables and pipes.
        for line in commands.split_commands(block) if block.language == "console" and not errors else ():
            yield from self.commands.find_problems(line, self.files[block.path])

    def _check_syntax(self, valid_blocks: t.Sequence[blocks.Block]) -> c.Iterator[str]:
        """Run ``ansible-playbook --syntax-check`` on all plays and tasks of blocks."""
        with tempfile.TemporaryDirectory() as directory:
            sources: dict[str, str] = {}
            for block in valid_blocks:
                for document in self.loaded.get(block, ()):
                    if plays := _as_plays(document):
                        name = f"{len(sources)}.yml"
                        pathlib.Path(directory, name).write_text(yaml.safe_dump(plays, sort_keys=False), "utf-8")
                        sources[name] = str(block)
            yield from _run_syntax_check(directory, sources)


def _run_syntax_check(directory: str, sources: dict[str, str]) -> c.Iterator[str]:
    """Check all playbooks in one run, and halve them on an error: ansible-playbook does not name the file.

    :param sources: the block of each playbook, by its file name.
    """
    names = list(sources)
    if not names:
        return
    command = ["ansible-playbook", "--syntax-check", "-i", "localhost,", *names]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if result.returncode and len(names) == 1:
        yield f"{sources[names[0]]}: {result.stderr.strip()}"
    elif result.returncode:
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            yield from _run_syntax_check(directory, {name: sources[name] for name in half})


def _as_plays(document: t.Any) -> list[t.Any]:
    kind = documents.kind_of(document)
    if kind == "plays":
        return t.cast("list[t.Any]", document)
    play = {"hosts": "localhost", "gather_facts": False}
    if kind == "tasks":
        return [play | {"tasks": document}]
    return [play | document] if kind == "keywords" else []


def _load(block: blocks.Block) -> list[t.Any] | str:
    try:
        return documents.load(block)
    except ValueError as error:
        return str(error)


def _check_json(block: blocks.Block) -> c.Iterator[str]:
    try:
        document = json.loads(block.text)
    except ValueError as error:
        yield f"invalid JSON: {error}"
        return
    for statement in document.get("Statement", ()):
        invalid = set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition", "NotAction"}
        if invalid:
            yield f"invalid keys of a policy statement: {', '.join(sorted(invalid))}"


def find_unmentioned(root: pathlib.Path, text: str) -> list[str]:
    """Find plugins and playbooks of the collection that a text does not mention."""
    paths = [*root.glob("playbooks/*.yml"), *root.glob("roles/*/")]
    paths += [path for folder in PLUGINS for path in root.glob(f"plugins/{folder}/[!_]*.py")]
    return sorted(path.stem for path in paths if f"`{path.stem}`" not in text)


def main(*names: str) -> int:
    loader.init_plugin_loader()
    prose = [ROOT / name for name in names] or sorted(path for pattern in PROSE for path in ROOT.glob(pattern))
    plugins = [] if names else sorted(path for folder in PLUGINS for path in ROOT.glob(f"plugins/{folder}/[!_]*.py"))
    prose = [path for path in prose if path.name != "CHANGELOG.md"]
    all_blocks = [block for path in (*prose, *plugins) for block in blocks.read_blocks(ROOT, path)]
    problems = list(Checker(ROOT, all_blocks).find_problems())
    problems += [problem for path in prose for problem in links.find_problems(ROOT, path)]
    problems += [
        f"README.md does not mention {name}" for name in find_unmentioned(ROOT, (ROOT / "README.md").read_text("utf-8"))
    ]
    for problem in problems:
        print(problem)
    unchecked = sum(block.mark.startswith("unchecked:") for block in all_blocks)
    files = len(prose) + len(plugins)
    print(f"{len(all_blocks)} examples in {files} files, {unchecked} unchecked: {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
