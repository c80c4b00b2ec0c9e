# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of options; one error lists all invalid values.

IAM's rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
Kubernetes names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re
import typing as t

from .arn import is_role_arn, issuer_in_tokens
from .errors import InvalidInput

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_SERVICE_ACCOUNT = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PATTERN = re.compile(r"[-a-z0-9.*?]+")
_ROLE = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_POLICY = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_PATH = re.compile(r"/|/[\x21-\x7e]+/")
_DESCRIPTION = re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]{0,1000}")
_POLICY_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::(aws|\d{12}):policy/([\x21-\x7e]+/)?[A-Za-z0-9_+=,.@-]{1,128}")
_AUDIENCE = re.compile(r"[^\s*?]{1,255}")
_ISSUER = re.compile(r"(https://)?[A-Za-z0-9.-]+(:\d+)?(/[^\s/?#*]+)*")
# \w matches all letters and digits of Unicode, like IAM's \p{L} and \p{N}.
_TAG = re.compile(r"[\w \u00a0\u3000.:/=+@-]*")
_TAG_KEY_LENGTH, _TAG_VALUE_LENGTH, MAX_TAGS = 128, 256, 50
# The paths and the prefix of the names of roles that only AWS makes and changes.
RESERVED_PATHS, _RESERVED_ROLE = ("/aws-reserved/", "/aws-service-role/"), "awsreservedsso_"


class Problems:
    """Collects the problems of a module's options, so that one run reports all of them."""

    def __init__(self) -> None:
        self._problems: list[tuple[str, str]] = []

    def add(self, message: str, fix: str) -> None:
        """Add a problem.

        :param message: what is wrong; it starts with the option.
        :param fix: what the user can do.
        """
        self._problems.append((message, fix))

    def require(self, pattern: re.Pattern[str], value: str, message: str, fix: str) -> None:
        """Add a problem if the whole value does not match."""
        if not pattern.fullmatch(value):
            self.add(message, fix)

    def raise_if_any(self) -> None:
        """Report the problems, if any, as one error.

        :raises InvalidInput: there are problems.
        """
        if not self._problems:
            return
        details = [{"message": message, "fix": fix} for message, fix in self._problems]
        if len(self._problems) == 1:
            raise InvalidInput(self._problems[0][0], fix=self._problems[0][1], problems=details)
        messages = "; ".join(f"({number}) {message}" for number, (message, _fix) in enumerate(self._problems, 1))
        fixes = "; ".join(f"({number}) {fix}" for number, (_message, fix) in enumerate(self._problems, 1))
        raise InvalidInput(
            f"{len(self._problems)} option values are not valid", cause=messages, fix=fixes, problems=details
        )


def check_role_name(problems: Problems, name: str) -> None:
    """Check a role's name: 1 to 64 characters, without path."""
    if name.startswith("arn:"):
        problems.add(f"name {name!r} is an ARN", "use the role's name, the part after the last slash")
    elif "/" in name:
        problems.add(f"name {name!r} contains a path", "set the path with the option path")
    else:
        fix = "use 1 to 64 of the characters A-Z a-z 0-9 + = , . @ _ -"
        problems.require(_ROLE, name, f"name {name!r} is not a valid IAM role name", fix)


def check_reserved_role(problems: Problems, name: str) -> None:
    """Check that a role is not one of AWS IAM Identity Center."""
    if name.lower().startswith(_RESERVED_ROLE):
        problems.add(
            f"role {name} belongs to AWS IAM Identity Center, and only that service can change it", "use another role"
        )


def check_path(problems: Problems, path: str) -> None:
    """Check a role's path: at most 512 characters, with a slash at start and end."""
    if path.lower().startswith(RESERVED_PATHS):
        problems.add(f"path {path!r} is reserved for AWS", "use another path")
    if not _PATH.fullmatch(path) or len(path) > 512:
        fix = "start and end it with /, as in /teams/web/; use at most 512 printable ASCII characters"
        problems.add(f"path {path!r} is not a valid IAM role path", fix)


def check_description(problems: Problems, text: str) -> None:
    """Check a role's description: at most 1000 characters of Latin-1."""
    fix = "use at most 1000 characters of Latin-1 (no curly quotes, long dashes or emoji)"
    problems.require(_DESCRIPTION, text, "description is too long or has characters that IAM does not accept", fix)


def check_role_arn(problems: Problems, option: str, arn: str) -> None:
    """Check the ARN of an IAM role."""
    if not is_role_arn(arn):
        fix = "use arn:PARTITION:iam::ACCOUNT:role/PATH/NAME as AWS shows it, without blanks or quotes"
        problems.add(f"{option} {arn!r} is not a valid IAM role ARN", fix)


def check_policy_arn(problems: Problems, option: str, arn: str) -> None:
    """Check the ARN of a managed policy."""
    fix = "use arn:PARTITION:iam::ACCOUNT:policy/NAME; the account of AWS's own policies is aws"
    problems.require(_POLICY_ARN, arn, f"{option} {arn!r} is not a valid managed policy ARN", fix)


def check_policy_name(problems: Problems, option: str, name: str) -> None:
    """Check the name of a managed or inline policy: 1 to 128 characters."""
    fix = "use 1 to 128 of the characters A-Z a-z 0-9 + = , . @ _ -; use the ARN of a policy with a path"
    problems.require(_POLICY, name, f"{option} {name!r} is not a valid policy name", fix)


def check_audience(problems: Problems, audience: str) -> None:
    """Check an audience of a trust policy. It has no wildcards: IAM compares it literally."""
    fix = "use sts.amazonaws.com (in every partition) or the audience of the service accounts' tokens"
    problems.require(_AUDIENCE, audience, f"audience {audience!r} is not a valid token audience", fix)


def check_issuer(problems: Problems, issuer: str, *, is_removal: bool = False) -> None:
    """Check the URL of an OIDC issuer, with or without scheme.

    :param is_removal: whether the issuer is removed from a role. Then its form may be one that tokens never have.
    """
    fix = "use https://HOST/PATH as DescribeCluster returns it, without a slash at the end"
    problems.require(_ISSUER, issuer, f"issuer {issuer!r} is not a valid OIDC issuer URL", fix)
    in_tokens = None if is_removal else issuer_in_tokens(issuer)
    if in_tokens:
        problems.add(
            f"issuer {issuer!r} has the dual-stack host of an EKS cluster",
            f"use {in_tokens}: the tokens of the same cluster have this issuer, and STS accepts no other",
        )


def check_service_account(problems: Problems, namespace: str, name: str, *, allow_wildcards: bool) -> None:
    """Check the namespace and the name of a service account.

    :param allow_wildcards: whether both may contain ``*`` and ``?``.
    """
    account = f"service account {namespace}/{name}"
    patterns = [part for part in (namespace, name) if "*" in part or "?" in part]
    if patterns and not allow_wildcards:
        problems.add(
            f"{account} has a wildcard",
            "name the service accounts, or set allow_wildcards to trust every service account that matches",
        )
        return
    for part, kind, valid, max_length in (
        (namespace, "namespace", _NAMESPACE, 63),
        (name, "service account name", _SERVICE_ACCOUNT, 253),
    ):
        if not (_PATTERN if part in patterns else valid).fullmatch(part) or len(part) > max_length:
            dot = " and ." if max_length == 253 else ""
            problems.add(
                f"{account}: {part!r} is not a valid {kind}",
                f"use at most {max_length} of the characters a-z 0-9 -{dot}; start and end with a letter or digit",
            )


def check_listed_once(problems: Problems, accounts: t.Iterable[tuple[str, str]]) -> None:
    """Check that no service account is listed twice.

    :param accounts: namespace and name of each.
    """
    seen = set()
    for account in accounts:
        if account in seen:
            problems.add(f"service account {'/'.join(account)} is listed twice", "list each service account once")
        seen.add(account)


# Tags


class TagChanges(t.NamedTuple):
    """The changes that bring an IAM object's tags to those of a spec.

    :param removed: the keys to remove.
    :param new: the tags to set.
    :param after: all tags afterwards.
    """

    removed: list[str]
    new: dict[str, str]
    after: dict[str, str]


def compare_tags(
    before: t.Mapping[str, str], expected: t.Mapping[str, str], *, purge: bool, kept: t.Container[str] = ()
) -> TagChanges:
    """Compare tags as IAM does: it ignores case in keys, so a new key replaces one that differs only in case.

    :param purge: whether to remove other tags; tags of AWS itself stay.
    :param kept: keys that are not removed.
    """
    expected_keys = {key.lower() for key in expected}
    removed = [
        key
        for key in before
        if purge and key.lower() not in expected_keys and key not in kept and not _is_reserved(key)
    ]
    new = {key: value for key, value in sorted(expected.items()) if before.get(key) != value}
    replaced = {key.lower() for key in new}
    rest = {key: value for key, value in before.items() if key not in removed and key.lower() not in replaced}
    return TagChanges(removed, new, rest | new)


def _is_reserved(key: str) -> bool:
    return key.lower().startswith("aws:")


def check_tags(problems: Problems, tags: t.Mapping[t.Any, t.Any]) -> dict[str, str]:
    """Check tags against IAM's rules.

    :returns: the tags with numbers and booleans as strings; booleans as ``true`` and ``false``.
    """
    result: dict[str, str] = {}
    keys: dict[str, str] = {}
    for raw_key, raw_value in tags.items():
        key = str(raw_key)
        if raw_value is None or isinstance(raw_value, (dict, list)):
            problems.add(f"the value of tag {key!r} is not a string", "use a string; it may be empty")
            continue
        value = str(raw_value).lower() if isinstance(raw_value, bool) else str(raw_value)
        if not key or len(key) > _TAG_KEY_LENGTH or not _TAG.fullmatch(key):
            problems.add(f"tag key {key!r} is not valid", "use 1 to 128 letters, digits, spaces and _ . : / = + - @")
        elif _is_reserved(key):
            problems.add(f"tag key {key!r} is reserved for AWS", "use a key that does not start with aws:")
        elif key.lower() in keys:
            problems.add(
                f"tag keys {keys[key.lower()]!r} and {key!r} differ only in case, which IAM ignores",
                "use one of them",
            )
        if len(value) > _TAG_VALUE_LENGTH or not _TAG.fullmatch(value):
            problems.add(
                f"the value of tag {key!r} is not valid",
                "use at most 256 letters, digits, spaces and _ . : / = + - @",
            )
        keys.setdefault(key.lower(), key)
        result[key] = value
    return result


def count_tags(tags: t.Iterable[str]) -> int:
    """The number of tags that count against IAM's quota: all but those of AWS itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
    """
    return sum(not _is_reserved(key) for key in tags)


def check_tag_count(problems: Problems, tags: t.Iterable[str], what: str) -> None:
    """Check the number of tags of an object.

    :param tags: the keys of its tags after the change.
    :param what: the object, for the message.
    """
    count = count_tags(tags)
    if count > MAX_TAGS:
        problems.add(f"{what} would have {count} tags", f"use at most {MAX_TAGS}; purge_tags removes others")


# Schemas of values that others made

# A class for the type of a value, a list with the schema of its items, or a mapping with the schemas of its fields. "*"
# is each field, and "!" follows the name of a field that must exist. Other fields may have any value.
Schema = t.Any
_TYPES = {str: "a string", int: "an integer", dict: "an object", list: "a list"}


def find_flaw(value: t.Any, schema: Schema) -> str:
    """The path of the first field that does not match its schema, and why; empty if all match."""
    kind: t.Any = schema if isinstance(schema, type) else type(schema)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return f" is not {_TYPES[kind]}"
    if isinstance(schema, list):
        for index, item in enumerate(value):
            flaw = find_flaw(item, schema[0])
            if flaw:
                return f"[{index}]{flaw}"
    elif isinstance(schema, dict):
        for key, field_schema in schema.items():
            if key[-1] not in "!*" and value.get(key) is None:
                continue
            name = key.removesuffix("!")
            for field in value if name == "*" else (name,):
                found = value.get(field)
                if found.__class__ is field_schema:  # most fields; the others need a closer look
                    continue
                flaw = " is missing" if field not in value else find_flaw(found, field_schema)
                if flaw:
                    return f".{field}{flaw}"
    return ""
