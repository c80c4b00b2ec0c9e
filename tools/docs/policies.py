"""What the guide to well-known policies contains: the policies, with their sizes and parameters."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import Facts
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.checks import INLINE_QUOTA
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import loader as well_known
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.parameters import KINDS

FACTS = Facts("aws", "123456789012", "eu-west-1", "production")


def read_context() -> dict[str, t.Any]:
    """Return the variables of the template."""
    policies = {name: well_known.load_policy(name) for name in well_known.policy_names()}
    return {
        "inline_quota": INLINE_QUOTA,
        "policies": policies,
        "overview": [make_overview_row(name, policy) for name, policy in policies.items()],
        "parameters": {name: describe_parameters(policy) for name, policy in policies.items()},
        "facts": {
            name: sorted(well_known.needed_facts(policy) & {"cluster_name", "region"})
            for name, policy in policies.items()
        },
    }


def make_overview_row(name: str, policy: well_known.Policy) -> tuple[str, ...]:
    """Return a row of the overview. It has two sizes: with the required parameters, and with all of them."""
    documents = [
        resolve.make_template(name, resolve.example_parameters(name, everything=everything)).document(FACTS)
        for everything in (False, True)
    ]
    return (
        f"`{name} <#{name.replace('_', '-')}>`__",
        policy["title"],
        policy["version"],
        format_range(len(document["Statement"]) for document in documents),
        format_range(policy_document.size(document) for document in documents),
    )


def format_range(values: t.Iterable[int]) -> str:
    return " to ".join(map(str, sorted(set(values))))


def describe_parameters(policy: well_known.Policy) -> list[tuple[str, str, str]]:
    """Return the rows of the table of parameters: name, description and default."""
    rows = []
    for key, parameter in policy["parameters"].items():
        kind = KINDS[parameter["kind"]]
        values = "" if kind.shape == "bool" else f" {kind.what[0].upper()}{kind.what[1:]}."
        default = f"``{json.dumps(parameter['default'])}``" if "default" in parameter else ""
        # From the semantic markup of Ansible to reStructuredText.
        description = re.sub(r"\b[CVO]\(([^)]*)\)", r"``\1``", parameter["description"])
        rows.append((f"``{key}``", f"{description}{values}", "**required**" if parameter.get("required") else default))
    return rows
