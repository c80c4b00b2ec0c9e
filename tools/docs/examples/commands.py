"""Whether command lines in the documentation name what there is: playbooks, variables, plugins, make's targets."""

from __future__ import annotations

import collections.abc as c
import json
import pathlib
import re
import shlex
import subprocess
import typing as t

from tools.docs.examples.blocks import Block

COLLECTION = "eksops.irsa"
# Programs of others, whose arguments nothing here knows.
FOREIGN = {
    "ansible", "ansible-builder", "aws", "eksctl", "helm", "kubectl", "openssl", "pip", "podman", "ssh",
    "terraform",
}  # fmt: skip
PLAYBOOK_OPTIONS = {"-i", "--limit", "--forks", "--tags"}
PLAYBOOK_FLAGS = {"--check", "--diff", "-v", "-vvv"}
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")


def lines_of(block: Block) -> list[str]:
    """The commands that a console or shell block has, continued lines joined."""
    text = block.text.replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip()]
    if block.language == "console":
        return [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if not line.startswith("#")]


def syntax(block: Block) -> list[str]:
    """What bash says of the block."""
    script = "\n".join(lines_of(block)) + "\n" if block.language == "console" else block.text
    found = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    return [found.stderr.strip()] if found.returncode else []


class Commands:
    def __init__(self, root: pathlib.Path, variables: t.Mapping[str, t.Collection[str]], plugins: t.Collection[str]):
        """`variables` are those that each playbook of the collection knows, by its name; `plugins` short names."""
        self.variables = variables
        self.plugins = plugins
        makefile = (root / "Makefile").read_text(encoding="utf-8")
        self.targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
        self.settings = {"PYTHON", *re.findall(r"\$\((?:if \$\()?([A-Z]{2,})\)", makefile)}

    def problems(self, line: str, files: t.Collection[str]) -> c.Iterator[str]:
        """What is wrong with a command; `files` are those that the document shows, by name."""
        words = shlex.split(line, comments=True)
        while words and ASSIGNMENT.match(words[0]):
            words.pop(0)
        if not words:
            return
        program, *arguments = words
        checks: dict[str, t.Callable[[list[str], t.Collection[str]], c.Iterator[str]]] = {
            "ansible-playbook": self._playbook,
            "ansible-doc": self._doc,
            "ansible-galaxy": self._galaxy,
            "ansible-inventory": self._inventory,
            "make": self._make,
        }
        if program in checks:
            yield from checks[program](arguments, files)
        elif program not in FOREIGN:
            yield f"the program {program} is not known here"

    def _playbook(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        words = iter(arguments)
        playbooks = []
        extra = []
        for word in words:
            if word == "-e":
                extra.append(next(words, ""))
            elif word == "-i":
                yield from _missing(next(words, ""), files)
            elif word in PLAYBOOK_OPTIONS:
                next(words, "")
            elif word.startswith("-"):
                if word not in PLAYBOOK_FLAGS:
                    yield f"the option {word} of ansible-playbook is not known here"
            else:
                playbooks.append(word)
        for playbook in playbooks:
            yield from self._of_playbook(playbook, extra, files)
        if not playbooks:
            yield "it names no playbook"

    def _of_playbook(self, playbook: str, extra: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        names = []
        for text in extra:
            if text.startswith("@"):
                yield from _missing(text[1:], files)
            elif text.startswith("{"):
                names += list(json.loads(text))
            else:
                names += [word.split("=", 1)[0] for word in shlex.split(text)]
        if not playbook.startswith(f"{COLLECTION}."):
            yield from _missing(playbook, files)
            return
        name = playbook.removeprefix(f"{COLLECTION}.")
        if name not in self.variables:
            yield f"there is no playbook {playbook}"
            return
        for variable in names:
            if variable not in self.variables[name]:
                yield f"the playbook {playbook} knows no variable {variable}"

    def _doc(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        name = arguments[-1]
        if not name.startswith(f"{COLLECTION}.") or name.removeprefix(f"{COLLECTION}.") not in self.plugins:
            yield f"there is no plugin or role {name}"

    def _galaxy(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        if arguments[:2] not in (["collection", "install"], ["collection", "list"]):
            yield f"ansible-galaxy {' '.join(arguments)} is not known here"

    def _inventory(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        if "-i" in arguments:
            yield from _missing(arguments[arguments.index("-i") + 1], files)

    def _make(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        for word in arguments:
            name, equals, _value = word.partition("=")
            known = self.settings if equals else self.targets
            if word not in ("-s",) and name not in known:
                yield f"make knows no {'variable' if equals else 'target'} {name}"


def _missing(name: str, files: t.Collection[str]) -> c.Iterator[str]:
    # Inventories and bindings of the reader's own need no block to show them in every document.
    own = {"bindings.yml", "eks_clusters.yml", "clusters.eks_clusters.yml"}
    if name not in files and name not in own:
        yield f"no block of the document shows the file {name}"


def in_pipeline(value: t.Any) -> c.Iterator[str]:
    """The command lines of a GitLab job's `script` or a GitHub step's `run`, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from in_pipeline(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("script", "run"):
                for text in item if isinstance(item, list) else [item]:
                    yield from str(text).splitlines()
            else:
                yield from in_pipeline(item)


def playbook_variables(root: pathlib.Path, role: t.Collection[str]) -> dict[str, set[str]]:
    """The variables that each playbook knows: those in its text, and the role's `role` where it has the role."""
    session = (root / "playbooks" / "tasks" / "session.yml").read_text(encoding="utf-8")
    found = {}
    for path in (root / "playbooks").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        text += session if "session.yml" in text else ""
        names = set(re.findall(r"\b(irsa_[a-z_]+|fail_on)\b", text))
        # What a playbook hands on isn't given to it.
        names -= set(re.findall(r"register: (\w+)", text))
        if f"{COLLECTION}.irsa\n" in text:
            names |= set(role)
        found[path.stem] = names
    return found
