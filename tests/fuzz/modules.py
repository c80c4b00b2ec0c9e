# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules with arguments from their argument spec.

A module runs in this process until its first call of AWS or Kubernetes, which is refused. Then its plan is made for
objects that exist and for objects that do not.

Usage: python -m fuzz.modules NAME INPUTS SEED
       python -m fuzz.modules NAME --replay FILE      (FILE has the arguments as JSON)
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import io
import json
import pathlib
import sys
import tempfile
import traceback
import typing as t

import hypothesis
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError

from . import plans, values
from .isolation import CpuLimit, isolate

NAMES = [
    "eks_kubeconfig_info",
    "eks_oidc_info",
    "iam_oidc_provider",
    "irsa_audit",
    "irsa_bindings",
    "irsa_bindings_info",
    "irsa_rbac",
    "irsa_role",
    "irsa_verify",
    "pod_rollout",
    "role_irsa",
    "sa_annotate",
]
_RULES = ("mutually_exclusive", "required_one_of", "required_by")
# Without the log of Ansible, which does not accept lone surrogates.
_INTERNAL = {"_ansible_check_mode": True, "_ansible_diff": True, "_ansible_no_log": True}
Arguments = dict[str, t.Any]


class _Recorded(BaseException):
    """Ends a module when its argument spec is known."""


class Subject(t.NamedTuple):
    """What is tested.

    :param arguments: the strategy of its arguments.
    :param run: tests one input, fails with any exception, and returns what accepted or rejected the input.
    """

    arguments: hypothesis.strategies.SearchStrategy[Arguments]
    run: t.Callable[[Arguments], str]


def load_module(name: str) -> Subject:
    """The module, with the argument spec that it really passes."""
    module = importlib.import_module(f"ansible_collections.eksops.irsa.plugins.modules.{name}")
    options: dict[str, t.Any] = {}

    def record(**given: t.Any) -> t.NoReturn:
        options.update(given)
        raise _Recorded

    module.AnsibleAWSModule = record  # type: ignore[attr-defined]
    with contextlib.suppress(_Recorded):
        module.main()
    module.AnsibleAWSModule = AnsibleAWSModule  # type: ignore[attr-defined]
    with patch_module_args({}):
        spec = AnsibleAWSModule(argument_spec={}, check_boto3=False)._module.argument_spec | options["argument_spec"]

    def run(arguments: Arguments) -> str:
        output = io.StringIO()
        given = patch_module_args({**arguments, **_INTERNAL})
        try:
            with given, CpuLimit(), contextlib.suppress(SystemExit), contextlib.redirect_stdout(output):
                module.main()
        except (ArithmeticError, TypeError, ValueError) as error:
            # Ansible fails on some values before the module gets them: a number for a dictionary with options, an
            # infinite number for an integer, an integer of thousands of digits in the result of another mistake.
            frames = traceback.extract_tb(error.__traceback__)
            if any(frame.filename == basic.__file__ and frame.name == "__init__" for frame in frames):
                return "rejected by Ansible"
            raise
        result = json.loads(output.getvalue())
        if result.get("failed") and not result["msg"]:
            raise AssertionError(f"the module failed without a message: {result}")
        if "error" not in result:
            return "rejected by Ansible"
        if result["error"]["kind"] == "invalid_input":
            return "rejected by the module"
        if name in plans.PLANS:
            with patch_module_args({**arguments, **_INTERNAL}):
                params = AnsibleAWSModule(**options).params
            with CpuLimit(), contextlib.suppress(IrsaError):
                plans.PLANS[name](params)
        return "accepted"

    rules = {rule: options[rule] for rule in _RULES if rule in options}
    return Subject(values.arguments(spec, mistakes=3, **rules), run)


def load_role() -> Subject:
    """The checks of the variables of the role."""
    # Not for modules: what it imports makes this process a controller, whose Ansible rejects more arguments.
    from ansible_collections.eksops.irsa.plugins.plugin_utils import _variable_names, _variables

    root = pathlib.Path(__file__).resolve().parents[2]
    spec = yaml.safe_load((root / "roles/irsa/meta/argument_specs.yml").read_text(encoding="utf-8"))

    def run(arguments: Arguments) -> str:
        with CpuLimit(), contextlib.suppress(IrsaError):
            _variables.stop(_variable_names.check_names(arguments))
            problems = _variables.check_values(arguments)
            bindings = _variables.parse_bindings(arguments.get("irsa_bindings"))
            problems += _variables.check_accounts(bindings)
            problems += _variables.check_bindings(bindings, arguments)
            problems += _variables.check_rbac(bindings, arguments.get("irsa_rbac"))
            _variables.stop(problems)
            return "accepted"
        return "rejected by the role"

    return Subject(values.arguments(spec["argument_specs"]["main"]["options"], mistakes=3), run)


def load(name: str) -> Subject:
    """What has this name in `NAMES`."""
    return load_role() if name == "role_irsa" else load_module(name)


def main(name: str, *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        replayed = json.loads(pathlib.Path(arguments[1]).read_text()) if arguments[0] == "--replay" else None
        subject = load(name)
        isolate(directory)
        with contextlib.suppress(AssertionError):
            subject.run({})  # what is imported and read once does not count
        if replayed is not None:
            subject.run(replayed)
            return

        @hypothesis.seed(int(arguments[1]))
        @hypothesis.settings(
            max_examples=int(arguments[0]),
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(subject.arguments)
        def test(given: Arguments) -> None:
            hypothesis.note(f"as JSON: {json.dumps(given)}")
            outcomes[subject.run(given)] += 1

        outcomes: collections.Counter[str] = collections.Counter()
        test()
        print(f"{outcomes.total()} inputs: " + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
