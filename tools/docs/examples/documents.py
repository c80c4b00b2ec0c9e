"""Whether YAML in the documentation is what it shows: plays, tasks, variables, inventories, other tools' files."""

from __future__ import annotations

import collections.abc as c
import pathlib
import typing as t

import jinja2
import jinja2.nodes
import yaml
from ansible.plugins import loader

from tools.docs.examples import arguments, commands
from tools.docs.examples.blocks import Block

COLLECTION = "eksops.irsa"
_PLUGINS = pathlib.Path(__file__).resolve().parents[3] / "plugins"
# Keys of a task that aren't its module.
TASK_KEYS = {
    "name", "when", "register", "loop", "loop_control", "vars", "check_mode", "diff", "no_log", "changed_when",
    "failed_when", "delegate_to", "run_once", "environment", "module_defaults", "until", "retries", "delay", "tags",
}  # fmt: skip
BLOCK_KEYS = ("block", "rescue", "always")
# Modules that take whatever they are given, or are carried out by Ansible itself.
FREE = {"ansible.builtin.set_fact", "ansible.builtin.import_playbook", "ansible.builtin.meta"}
INCLUDE_ROLE = {"ansible.builtin.include_role", "ansible.builtin.import_role"}


def load(block: Block) -> list[t.Any]:
    """The documents of a YAML block.

    :raises ValueError: it is no YAML.
    """
    try:
        return [document for document in yaml.safe_load_all(block.text) if document is not None]
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from error


def kind_of(document: t.Any) -> str:
    """What a document is: plays, tasks, steps, variables, inventory, manifest, requirements, environment, keywords,
    pipeline, or nothing that is known.
    """
    if isinstance(document, list) and document and all(isinstance(item, dict) for item in document):
        keys = set().union(*document)
        if keys & {"hosts", "ansible.builtin.import_playbook"}:
            return "plays"
        return "steps" if keys & {"run", "uses"} else "tasks"
    keys = set(document) if isinstance(document, dict) else set()
    signs = {
        "inventory": {"plugin"},
        "manifest": {"apiVersion", "kind"},
        "requirements": {"collections"},
        "environment": {"version", "images"},
    }
    for kind, sign in signs.items():
        if sign <= keys:
            return kind
    if keys and keys <= {"module_defaults", "environment"}:
        return "keywords"
    if any(isinstance(value, dict) and "script" in value for value in getattr(document, "values", list)()):
        return "pipeline"
    return "variables" if keys and all(isinstance(key, str) and key.isidentifier() for key in keys) else ""


class Documents:
    """Checks documents against the options of every plugin that they name. `root` is that of the checkout."""

    def __init__(self, root: pathlib.Path, documents: c.Iterable[t.Any]) -> None:
        self.root = root
        names = {name for document in documents for name in modules_in(document)}
        self.modules = arguments.documented("module", names)
        inventory = arguments.documented("inventory", [f"{COLLECTION}.eks_clusters"])
        self.inventory = arguments.spec_of(inventory[f"{COLLECTION}.eks_clusters"]["doc"]["options"])
        specs = yaml.safe_load((root / "roles/irsa/meta/argument_specs.yml").read_text(encoding="utf-8"))
        self.role = specs["argument_specs"]["main"]["options"]
        self.role_spec = arguments.spec_of(self.role)
        self.variables = commands.playbook_variables(root, self.role)
        self.known = set().union(*self.variables.values())

    def problems(self, document: t.Any) -> c.Iterator[str]:
        kind = kind_of(document)
        yield from templates(document)
        if kind == "plays":
            for play in document:
                yield from self._play(play)
        elif kind == "tasks":
            yield from self._tasks(document, {})
        elif kind == "variables":
            yield from self._variables(document, self.known, "this collection")
        elif kind == "inventory":
            given = {key: value for key, value in document.items() if key != "plugin"}
            yield from arguments.problems(self.inventory, {"plugin": document["plugin"], **given})
        elif not kind:
            yield "YAML of a kind that isn't known here"

    def _play(self, play: dict[str, t.Any]) -> c.Iterator[str]:
        imported = play.get("ansible.builtin.import_playbook")
        if imported:
            name = imported.removeprefix(f"{COLLECTION}.")
            if name not in self.variables:
                yield f"there is no playbook {imported}"
            else:
                yield from self._variables(play.get("vars", {}), self.variables[name], f"the playbook {imported}")
            return
        defaults = play.get("module_defaults", {})
        outer = play.get("vars", {})
        for role in play.get("roles", ()):
            given = role if isinstance(role, dict) else {"role": role}
            if given.get("role") == f"{COLLECTION}.irsa":
                yield from self._role_variables({**outer, **given.get("vars", {})})
        for section in ("pre_tasks", "tasks", "post_tasks", "handlers"):
            yield from self._tasks(play.get(section, ()), defaults)

    def _tasks(self, tasks: c.Iterable[dict[str, t.Any]], defaults: t.Mapping[str, t.Any]) -> c.Iterator[str]:
        for task in tasks:
            inner = {**defaults, **task.get("module_defaults", {})}
            if "block" in task:
                for key in BLOCK_KEYS:
                    yield from self._tasks(task.get(key, ()), inner)
                continue
            for problem in self._task(task, inner):
                yield f"task {task.get('name', '')!r}: {problem}"

    def _task(self, task: dict[str, t.Any], defaults: t.Mapping[str, t.Any]) -> c.Iterator[str]:
        names = [key for key in task if key not in TASK_KEYS]
        if len(names) != 1:
            yield f"it has not one module but {names}"
            return
        module = names[0]
        given = task[module]
        if module in INCLUDE_ROLE and given.get("name") == f"{COLLECTION}.irsa":
            yield from self._role_variables(task.get("vars", {}))
        if module in FREE:
            return
        if module not in self.modules:
            yield f"there is no module {module}"
            return
        spec = arguments.spec_of(self.modules[module]["doc"]["options"])
        if isinstance(given, str):  # ansible.builtin.command and the like
            return
        conditions = {}
        if module.startswith(f"{COLLECTION}."):
            path = self.root / "plugins" / "modules" / f"{module.removeprefix(f'{COLLECTION}.')}.py"
            conditions = arguments.conditions_of(path)
            given = {**self._defaults(spec, defaults), **given}
        yield from arguments.problems(spec, given or {}, conditions)

    def _defaults(self, spec: arguments.Spec, defaults: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        groups = [defaults.get(f"group/{COLLECTION}.{group}", {}) for group in ("aws", "k8s")]
        return {name: value for group in groups for name, value in group.items() if name in spec}

    def _role_variables(self, variables: t.Mapping[str, t.Any]) -> c.Iterator[str]:
        given = {name: value for name, value in variables.items() if name.startswith("irsa_")}
        yield from arguments.problems(self.role_spec, given)

    def _variables(self, variables: t.Mapping[str, t.Any], known: t.Collection[str], whose: str) -> c.Iterator[str]:
        for name in variables:
            if name.startswith("irsa_") and name not in known:
                yield f"{whose} knows no variable {name}"
        given = {name: value for name, value in variables.items() if name in self.role}
        # What one document leaves out may stand in another one.
        spec = {name: {**option, "required": False} for name, option in self.role_spec.items()}
        yield from arguments.problems(spec, given)


def modules_in(document: t.Any) -> set[str]:
    """The names of all modules that a document may name: each key with dots in it, at any depth."""
    if isinstance(document, list):
        return set().union(*map(modules_in, document)) if document else set()
    if not isinstance(document, dict):
        return set()
    names = {
        key for key in document if isinstance(key, str) and key.count(".") == 2 and key.replace(".", "").isidentifier()
    }
    return names.union(*map(modules_in, document.values())) - FREE


def templates(value: t.Any) -> c.Iterator[str]:
    """What is wrong with the templates in a document: their syntax, filters, tests and lookups that don't exist."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("when", "that", "changed_when", "failed_when", "until") and not isinstance(item, bool):
                for text in item if isinstance(item, list) else [item]:
                    yield from _template("{{ " + str(text) + " }}")
            else:
                yield from templates(item)
    elif isinstance(value, list):
        for item in value:
            yield from templates(item)
    elif arguments.is_template(value):
        yield from _template(value)


def _template(text: str) -> c.Iterator[str]:
    environment = jinja2.Environment(autoescape=True)
    try:
        tree = environment.parse(text)
    except jinja2.TemplateError as error:
        yield f"template {text!r}: {error}"
        return
    for node in tree.find_all((jinja2.nodes.Filter, jinja2.nodes.Test)):
        kind = "filter" if isinstance(node, jinja2.nodes.Filter) else "test"
        own = environment.filters if kind == "filter" else environment.tests
        if node.name not in own and not _exists(kind, node.name):
            yield f"there is no {kind} {node.name}"
    for call in tree.find_all(jinja2.nodes.Call):
        if getattr(call.node, "name", "") in ("lookup", "query") and not _is_lookup(call.args[0]):
            yield f"there is no lookup {getattr(call.args[0], 'value', '')}"


def _is_lookup(name: jinja2.nodes.Node) -> bool:
    return not isinstance(name, jinja2.nodes.Const) or _exists("lookup", name.value)


def _exists(kind: str, name: str) -> bool:
    short = name.removeprefix(f"{COLLECTION}.")
    if short != name:
        # Ansible's loader serves no collection that something else has imported in the same process.
        return (_PLUGINS / kind / f"{short}.py").exists()
    plugins = {"filter": loader.filter_loader, "test": loader.test_loader, "lookup": loader.lookup_loader}[kind]
    try:
        return plugins.get(name) is not None
    except KeyError:
        return False
