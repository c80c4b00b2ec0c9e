# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's checks of a trust policy, and the form in which it stores principals.

The messages are those of CreateRole and UpdateAssumeRolePolicy. The version of a document without Version is
2008-10-17: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html

Needed by: targets irsa_bindings, irsa_role, irsa_verify; demo.
"""

from __future__ import annotations

import collections.abc as c
import copy
import json
import re
import typing as t

from sandbox.aws.errors import ModeledError
from sandbox.aws.evaluation import as_list, is_known_operator

_TOP_LEVEL = {"Version", "Id", "Statement"}
_STATEMENT = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"}
_PRINCIPAL_TYPES = {"AWS", "Federated", "Service", "CanonicalUser"}
_FEDERATED = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:(oidc-provider|saml-provider)/.+|\*|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
_STS_ACTION = re.compile(r"sts:[A-Za-z*?]+|\*", re.IGNORECASE)
_ACCOUNT = re.compile(r"\d{12}")

Exists = c.Callable[[str], bool]
"""Whether an AWS principal, an ARN or unique id, exists as far as the sandbox knows."""


def malformed_error(message: str) -> ModeledError:
    """The error of a policy document that is not valid."""
    return ModeledError("MalformedPolicyDocument", message)


def size(document: str) -> int:
    """The number of characters that count against IAM's quotas: all except whitespace."""
    return sum(not character.isspace() for character in document)


def normalise(document: str, *, partition: str, exists: Exists) -> str:
    """Check a trust policy and return it as IAM stores it: a principal that is an account id becomes its root ARN.

    :raises ModeledError: MalformedPolicyDocument.
    """
    policy = parse(document)
    for statement in as_list(policy["Statement"]):
        _check_statement(statement, exists)
    sids = [statement["Sid"] for statement in as_list(policy["Statement"]) if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        raise malformed_error("Statement IDs (SID) in a single policy must be unique.")

    def to_root_arn(principal: str) -> str:
        return f"arn:{partition}:iam::{principal}:root" if _ACCOUNT.fullmatch(principal) else principal

    return replace_principals(document, to_root_arn)


def parse(document: str) -> dict[str, t.Any]:
    """Parse a policy document. It must have a non-empty Statement and no unknown fields.

    :raises ModeledError: MalformedPolicyDocument.
    """
    try:
        policy = json.loads(document)
    except ValueError:
        raise malformed_error("This policy contains invalid Json") from None
    if not isinstance(policy, dict):
        raise malformed_error("Syntax errors in policy.")
    for element in policy:
        if element not in _TOP_LEVEL:
            raise malformed_error(f"Unknown field {element}")
    if policy.get("Version", "2012-10-17") not in ("2008-10-17", "2012-10-17"):
        raise malformed_error("The policy must contain a valid version string")
    statements = as_list(policy.get("Statement"))
    if not statements or not all(isinstance(statement, dict) for statement in statements):
        raise malformed_error("Syntax errors in policy.")
    return policy


def replace_principals(document: str, replace: c.Callable[[str], str]) -> str:
    """Replace each AWS principal by a function's result. If none changes, the text is returned unchanged."""
    policy = json.loads(document)
    original = copy.deepcopy(policy)
    for statement in as_list(policy["Statement"]):
        for element in ("Principal", "NotPrincipal"):
            block = statement.get(element)
            if isinstance(block, dict) and "AWS" in block:
                values = block["AWS"]
                block["AWS"] = [replace(v) for v in values] if isinstance(values, list) else replace(values)
    return document if policy == original else json.dumps(policy, separators=(",", ":"))


def _check_statement(statement: dict[str, t.Any], exists: Exists) -> None:
    for element in ("Resource", "NotResource"):
        if element in statement:
            raise malformed_error(f"Has prohibited field {element}")
    for element in statement:
        if element not in _STATEMENT:
            raise malformed_error(f"Unknown field {element}")
    if "Effect" not in statement:
        raise malformed_error("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise malformed_error(f"Invalid effect: {statement['Effect']}")
    if not re.fullmatch(r"[0-9A-Za-z]*", str(statement.get("Sid") or "")):
        raise malformed_error("Statement IDs (SID) must be alpha-numeric.")
    _check_actions(statement)
    _check_principals(statement, exists)
    _check_conditions(statement.get("Condition"))


def _check_actions(statement: dict[str, t.Any]) -> None:
    actions = as_list(statement.get("Action", statement.get("NotAction")))
    if not actions:
        raise malformed_error("Missing required field Action")
    for action in actions:
        if not isinstance(action, str):
            raise malformed_error("Syntax errors in policy.")
        if ":" not in action and action != "*":
            raise malformed_error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if not _STS_ACTION.fullmatch(action):
            raise malformed_error("AssumeRole policy may only specify STS AssumeRole actions.")


def _check_principals(statement: dict[str, t.Any], exists: Exists) -> None:
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if principal is None:
        raise malformed_error("Missing required field Principal")
    if principal == "*":
        return
    if not isinstance(principal, dict):
        raise malformed_error(f'Invalid principal in policy: "{principal}"')
    if not any(as_list(values) for values in principal.values()):
        raise malformed_error("Invalid principal in policy: the passed in policy has a statement with no principals!")
    for kind, values in principal.items():
        if kind not in _PRINCIPAL_TYPES:
            raise malformed_error(f"Invalid principal in policy: {kind}")
        for value in as_list(values):
            if not isinstance(value, str):
                raise malformed_error("Syntax errors in policy.")
            if kind == "Federated" and not _FEDERATED.fullmatch(value):
                raise malformed_error("Federated principals must be valid domain names or SAML metadata ARNs")
            if kind == "Service" and not re.fullmatch(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|amazon\.com|aws)", value):
                raise malformed_error(f'Invalid principal in policy: "SERVICE":"{value}"')
            if kind == "AWS" and not exists(value):
                raise malformed_error(f'Invalid principal in policy: "AWS":"{value}"')


def _check_conditions(conditions: t.Any) -> None:
    if conditions is None:
        return
    if not isinstance(conditions, dict):
        raise malformed_error("Syntax errors in policy.")
    for operator, block in conditions.items():
        if not is_known_operator(operator):
            raise malformed_error(f"Invalid Condition type : {operator}.")
        if not isinstance(block, dict):
            raise malformed_error("Syntax errors in policy.")
        for key, values in block.items():
            if ":" not in key:
                raise malformed_error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
            if any(isinstance(value, (dict, list)) for value in as_list(values)):
                raise malformed_error("Syntax errors in policy.")
