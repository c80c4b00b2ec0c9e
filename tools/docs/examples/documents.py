"""Check YAML documents: plays, tasks, variables, inventories and files of other tools."""

from __future__ import annotations

import collections.abc as c
import pathlib
import typing as t

import jinja2
import jinja2.nodes
import yaml
from ansible.playbook.task import Task
from ansible.plugins import loader

from tools.docs.examples import arguments, commands
from tools.docs.examples.blocks import Block

COLLECTION = "eksops.irsa"
_PLUGINS = pathlib.Path(__file__).resolve().parents[3] / "plugins"
# Modules that accept any arguments, or that Ansible itself runs.
UNCHECKED_MODULES = {"ansible.builtin.set_fact", "ansible.builtin.import_playbook", "ansible.builtin.meta"}
INCLUDE_ROLE = {"ansible.builtin.include_role", "ansible.builtin.import_role"}


def load(block: Block) -> list[t.Any]:
    """Load the documents of a YAML block.

    :raises ValueError: the block is not valid YAML.
    """
    try:
        return [document for document in yaml.safe_load_all(block.text) if document is not None]
    except yaml.YAMLError as error:
        raise ValueError(f"invalid YAML: {error}") from error


def kind_of(document: t.Any) -> str:
    """Classify a document.

    :returns: plays, tasks, steps, variables, inventory, manifest, requirements, environment, keywords or pipeline;
        empty if it is of an unknown kind.
    """
    if isinstance(document, list) and document and all(isinstance(item, dict) for item in document):
        keys = set().union(*document)
        if keys & {"hosts", "ansible.builtin.import_playbook"}:
            return "plays"
        return "steps" if keys & {"run", "uses"} else "tasks"
    keys = set(document) if isinstance(document, dict) else set()
    required_keys = {
        "inventory": {"plugin"},
        "manifest": {"apiVersion", "kind"},
        "requirements": {"collections"},
        "environment": {"version", "images"},
    }
    for kind, required in required_keys.items():
        if required <= keys:
            return kind
    if keys and keys <= {"module_defaults", "environment"}:
        return "keywords"
    if any(isinstance(value, dict) and "script" in value for value in getattr(document, "values", list)()):
        return "pipeline"
    return "variables" if keys and all(isinstance(key, str) and key.isidentifier() for key in keys) else ""


def _type_role_option(option: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return an option of the role with the type that its action checks. To Ansible, these have no type."""
    typed = {**option, "required": str(option["description"][0]).startswith("Required.")}
    if option["type"] == "raw":
        typed["type"] = "list" if typed["required"] else "dict"
    return {**typed, "elements": "dict"} if typed["type"] == "list" else typed


class Documents:
    """Checks documents against the options of the plugins that they use.

    :param root: the root of the checkout.
    :param documents: the documents whose modules must be known.
    """

    def __init__(self, root: pathlib.Path, documents: c.Iterable[t.Any]) -> None:
        self.root = root
        names = {name for document in documents for name in find_modules(document)}
        self.modules = arguments.read_documentation("module", names)
        inventory = arguments.read_documentation("inventory", [f"{COLLECTION}.eks_clusters"])
        self.inventory = arguments.make_spec(inventory[f"{COLLECTION}.eks_clusters"]["doc"]["options"])
        specs = yaml.safe_load((root / "roles/irsa/meta/argument_specs.yml").read_text(encoding="utf-8"))
        self.role = {
            name: _type_role_option(option) for name, option in specs["argument_specs"]["main"]["options"].items()
        }
        self.role_spec = arguments.make_spec(self.role)
        self.variables = commands.read_playbook_variables(root, self.role)
        self.all_variables = set().union(*self.variables.values())

    def find_problems(self, document: t.Any) -> c.Iterator[str]:
        kind = kind_of(document)
        yield from check_templates(document)
        if kind == "plays":
            for play in document:
                yield from self._check_play(play)
        elif kind == "tasks":
            yield from self._check_tasks(document, {})
        elif kind == "variables":
            yield from self._check_variables(document, self.all_variables, "the collection")
        elif kind == "inventory":
            given = {key: value for key, value in document.items() if key != "plugin"}
            yield from arguments.find_problems(self.inventory, {"plugin": document["plugin"], **given})
        elif not kind:
            yield "unknown kind of YAML document"

    def _check_play(self, play: dict[str, t.Any]) -> c.Iterator[str]:
        imported = play.get("ansible.builtin.import_playbook")
        if imported:
            name = imported.removeprefix(f"{COLLECTION}.")
            if name not in self.variables:
                yield f"playbook {imported} does not exist"
            else:
                yield from self._check_variables(play.get("vars", {}), self.variables[name], f"playbook {imported}")
            return
        defaults = play.get("module_defaults", {})
        outer = play.get("vars", {})
        for role in play.get("roles", ()):
            given = role if isinstance(role, dict) else {"role": role}
            if given.get("role") == f"{COLLECTION}.irsa":
                yield from self._check_role_variables({**outer, **given.get("vars", {})})
        for section in ("pre_tasks", "tasks", "post_tasks", "handlers"):
            yield from self._check_tasks(play.get(section, ()), defaults)

    def _check_tasks(self, tasks: c.Iterable[dict[str, t.Any]], defaults: t.Mapping[str, t.Any]) -> c.Iterator[str]:
        for task in tasks:
            inner = {**defaults, **task.get("module_defaults", {})}
            if "block" in task:
                for key in ("block", "rescue", "always"):
                    yield from self._check_tasks(task.get(key, ()), inner)
                continue
            for problem in self._check_task(task, inner):
                yield f"task {task.get('name', '')!r}: {problem}"

    def _check_task(self, task: dict[str, t.Any], defaults: t.Mapping[str, t.Any]) -> c.Iterator[str]:
        names = [key for key in task if key not in Task.fattributes]
        if len(names) != 1:
            yield f"expected one module, got {names}"
            return
        module = names[0]
        given = task[module]
        if module in INCLUDE_ROLE and given.get("name") == f"{COLLECTION}.irsa":
            yield from self._check_role_variables(task.get("vars", {}))
        if module in UNCHECKED_MODULES:
            return
        if module not in self.modules:
            yield f"module {module} does not exist"
            return
        spec = arguments.make_spec(self.modules[module]["doc"]["options"])
        if isinstance(given, str):  # free-form, as of ansible.builtin.command
            return
        conditions = {}
        if module.startswith(f"{COLLECTION}."):
            path = self.root / "plugins" / "modules" / f"{module.removeprefix(f'{COLLECTION}.')}.py"
            conditions = arguments.read_conditions(path)
            given = {**self._defaults(spec, defaults), **given}
        yield from arguments.find_problems(spec, given or {}, conditions)

    def _defaults(self, spec: arguments.Spec, defaults: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        groups = [defaults.get(f"group/{COLLECTION}.{group}", {}) for group in ("aws", "k8s")]
        return {name: value for group in groups for name, value in group.items() if name in spec}

    def _check_role_variables(self, variables: t.Mapping[str, t.Any]) -> c.Iterator[str]:
        given = {name: value for name, value in variables.items() if name.startswith("irsa_")}
        yield from arguments.find_problems(self.role_spec, given)

    def _check_variables(
        self, variables: t.Mapping[str, t.Any], known: t.Collection[str], owner: str
    ) -> c.Iterator[str]:
        for name in variables:
            if name.startswith("irsa_") and name not in known:
                yield f"{owner} has no variable {name}"
        given = {name: value for name, value in variables.items() if name in self.role}
        # Required variables can be in another document.
        spec = {name: {**option, "required": False} for name, option in self.role_spec.items()}
        yield from arguments.find_problems(spec, given)


def find_modules(document: t.Any) -> set[str]:
    """Find all keys that can be names of modules: those with two dots, at any depth."""
    if isinstance(document, list):
        return set().union(*map(find_modules, document)) if document else set()
    if not isinstance(document, dict):
        return set()
    names = {
        key for key in document if isinstance(key, str) and key.count(".") == 2 and key.replace(".", "").isidentifier()
    }
    return names.union(*map(find_modules, document.values())) - UNCHECKED_MODULES


def check_templates(value: t.Any) -> c.Iterator[str]:
    """Yield syntax errors, and filters, tests and lookups that do not exist."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("when", "that", "changed_when", "failed_when", "until") and not isinstance(item, bool):
                for text in item if isinstance(item, list) else [item]:
                    yield from _check_template("{{ " + str(text) + " }}")
            else:
                yield from check_templates(item)
    elif isinstance(value, list):
        for item in value:
            yield from check_templates(item)
    elif arguments.is_template(value):
        yield from _check_template(value)


def _check_template(text: str) -> c.Iterator[str]:
    environment = jinja2.Environment(autoescape=True)
    try:
        tree = environment.parse(text)
    except jinja2.TemplateError as error:
        yield f"template {text!r}: {error}"
        return
    for node in tree.find_all((jinja2.nodes.Filter, jinja2.nodes.Test)):
        kind = "filter" if isinstance(node, jinja2.nodes.Filter) else "test"
        built_in = environment.filters if kind == "filter" else environment.tests
        if node.name not in built_in and not _exists(kind, node.name):
            yield f"{kind} {node.name} does not exist"
    for call in tree.find_all(jinja2.nodes.Call):
        if getattr(call.node, "name", "") in ("lookup", "query") and not _lookup_exists(call.args[0]):
            yield f"lookup {getattr(call.args[0], 'value', '')} does not exist"


def _lookup_exists(name: jinja2.nodes.Node) -> bool:
    return not isinstance(name, jinja2.nodes.Const) or _exists("lookup", name.value)


def _exists(kind: str, name: str) -> bool:
    short = name.removeprefix(f"{COLLECTION}.")
    if short != name:
        # Ansible's loader cannot load plugins of a collection that this process has imported otherwise.
        return (_PLUGINS / kind / f"{short}.py").exists()
    plugins = {"filter": loader.filter_loader, "test": loader.test_loader, "lookup": loader.lookup_loader}[kind]
    try:
        return plugins.get(name) is not None
    except KeyError:
        return False
