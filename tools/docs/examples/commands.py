"""Check that playbooks, variables, plugins and make targets in command lines exist."""

from __future__ import annotations

import collections.abc as c
import contextlib
import io
import json
import os
import pathlib
import re
import shlex
import subprocess
import typing as t

from ansible.cli.playbook import PlaybookCLI

from tools.docs.examples.blocks import Block

COLLECTION = "eksops.irsa"
# Programs whose arguments are not checked.
FOREIGN = {
    "ansible", "ansible-builder", "aws", "eksctl", "git", "helm", "kubectl", "openssl", "pip", "podman", "ssh",
    "terraform",
}  # fmt: skip
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")


def split_commands(block: Block) -> list[str]:
    """Split a console or shell block into commands, with continued lines joined."""
    text = block.text.replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip()]
    if block.language == "console":
        return [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if not line.startswith("#")]


def check_syntax(block: Block) -> list[str]:
    """Check the shell syntax of a block.

    :returns: the errors of bash.
    """
    script = "\n".join(split_commands(block)) + "\n" if block.language == "console" else block.text
    result = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    return [result.stderr.strip()] if result.returncode else []


class Commands:
    """Checks command lines.

    :param root: the root of the checkout.
    :param variables: the variables of each playbook of the collection, by the playbook's name.
    :param plugins: short names of the collection's plugins.
    """

    def __init__(self, root: pathlib.Path, variables: t.Mapping[str, t.Collection[str]], plugins: t.Collection[str]):
        self.variables = variables
        self.plugins = plugins
        makefile = (root / "Makefile").read_text(encoding="utf-8")
        self.targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
        self.settings = {"PYTHON", *re.findall(r"\$\((?:if \$\()?([A-Z]{2,})\)", makefile)}

    def find_problems(self, line: str, files: t.Collection[str]) -> c.Iterator[str]:
        """Find the problems of a command.

        :param files: names of the files that the document shows.
        """
        words = shlex.split(line, comments=True)
        while words and ASSIGNMENT.match(words[0]):
            words.pop(0)
        if not words:
            return
        program, *arguments = words
        checks: dict[str, t.Callable[[list[str], t.Collection[str]], c.Iterator[str]]] = {
            "ansible-playbook": self._check_ansible_playbook,
            "ansible-doc": self._check_ansible_doc,
            "ansible-galaxy": self._check_ansible_galaxy,
            "ansible-inventory": self._check_ansible_inventory,
            "make": self._check_make,
        }
        if program in checks:
            yield from checks[program](arguments, files)
        elif program not in FOREIGN:
            yield f"unknown program {program}"

    def _check_ansible_playbook(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        cli = PlaybookCLI(["ansible-playbook", *arguments])
        cli.init_parser()
        usage = io.StringIO()
        try:
            with contextlib.redirect_stderr(usage), contextlib.redirect_stdout(usage):
                options = cli.parser.parse_args(arguments)
        except SystemExit:
            yield usage.getvalue().splitlines()[-1]
            return
        for inventory in options.inventory or ():
            yield from _check_file(inventory, files)
        for playbook in options.args:
            yield from self._check_playbook(playbook, options.extra_vars, files)

    def _check_playbook(self, playbook: str, extra: c.Iterable[str], files: t.Collection[str]) -> c.Iterator[str]:
        names = []
        for text in extra:
            if text.startswith("@"):
                yield from _check_file(os.path.relpath(text[1:]), files)  # the parser makes it absolute
            elif text.startswith("{"):
                names += list(json.loads(text))
            else:
                names += [word.split("=", 1)[0] for word in shlex.split(text)]
        if not playbook.startswith(f"{COLLECTION}."):
            yield from _check_file(playbook, files)
            return
        name = playbook.removeprefix(f"{COLLECTION}.")
        if name not in self.variables:
            yield f"playbook {playbook} does not exist"
            return
        for variable in names:
            if variable not in self.variables[name]:
                yield f"playbook {playbook} has no variable {variable}"

    def _check_ansible_doc(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        name = arguments[-1]
        if not name.startswith(f"{COLLECTION}.") or name.removeprefix(f"{COLLECTION}.") not in self.plugins:
            yield f"plugin or role {name} does not exist"

    def _check_ansible_galaxy(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        if arguments[:2] not in (["collection", "install"], ["collection", "list"]):
            yield f"unknown command: ansible-galaxy {' '.join(arguments)}"

    def _check_ansible_inventory(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        if "-i" in arguments:
            yield from _check_file(arguments[arguments.index("-i") + 1], files)

    def _check_make(self, arguments: list[str], files: t.Collection[str]) -> c.Iterator[str]:
        for word in arguments:
            name, equals, _value = word.partition("=")
            known = self.settings if equals else self.targets
            if word not in ("-s",) and name not in known:
                yield f"make has no {'variable' if equals else 'target'} {name}"


def _check_file(name: str, files: t.Collection[str]) -> c.Iterator[str]:
    # The reader's own inventory and bindings: not every document shows them.
    common = {"bindings.yml", "eks_clusters.yml", "clusters.eks_clusters.yml"}
    if name not in files and name not in common:
        yield f"the document has no block for file {name}"


def find_pipeline_commands(value: t.Any) -> c.Iterator[str]:
    """Yield the command lines of ``script`` in GitLab jobs and ``run`` in GitHub steps, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from find_pipeline_commands(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("script", "run"):
                for text in item if isinstance(item, list) else [item]:
                    yield from str(text).splitlines()
            else:
                yield from find_pipeline_commands(item)


def read_playbook_variables(root: pathlib.Path, role_variables: t.Collection[str]) -> dict[str, set[str]]:
    """Read the variables of each playbook: those in its text, and those of the role if it uses the role."""
    session = (root / "playbooks" / "tasks" / "session.yml").read_text(encoding="utf-8")
    variables = {}
    for path in (root / "playbooks").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        text += session if "session.yml" in text else ""
        names = set(re.findall(r"\birsa_[a-z_]+\b", text))
        # Registered variables are not inputs.
        names -= set(re.findall(r"register: (\w+)", text))
        if f"{COLLECTION}.irsa\n" in text:
            names |= set(role_variables)
        variables[path.stem] = names
    return variables
