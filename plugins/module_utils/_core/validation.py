# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what users give, all of it named at once.

IAM's rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
Kubernetes' names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re
import typing as t

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
# \w is every letter and digit of Unicode, as in IAM's \p{L} and \p{N}.
_TAG = re.compile(r"[\w \u00a0\u3000.:/=+@-]*")
_TAG_KEY_LENGTH, _TAG_VALUE_LENGTH, _TAGS = 128, 256, 50


class Problems:
    """Collects what is wrong with a call's options, so that the user learns of all of it in one run."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, message: str, fix: str) -> None:
        """:param message: what is wrong, beginning with the option.
        :param fix: what would be right.
        """
        self._found.append((message, fix))

    def require(self, pattern: re.Pattern[str], value: str, message: str, fix: str) -> None:
        """Adds a problem unless the whole value matches."""
        if not pattern.fullmatch(value):
            self.add(message, fix)

    def stop(self) -> None:
        """:raises InvalidInput: there are problems."""
        if not self._found:
            return
        facts = [{"message": message, "fix": fix} for message, fix in self._found]
        if len(self._found) == 1:
            raise InvalidInput(self._found[0][0], fix=self._found[0][1], problems=facts)
        numbered = "; ".join(f"({number}) {message}" for number, (message, _fix) in enumerate(self._found, 1))
        fixes = "; ".join(f"({number}) {fix}" for number, (_message, fix) in enumerate(self._found, 1))
        raise InvalidInput(
            f"{len(self._found)} of the given values can't be right", cause=numbered, fix=fixes, problems=facts
        )


def check_role_name(problems: Problems, name: str) -> None:
    """A role's name: 1 to 64 characters, without path."""
    if name.startswith("arn:"):
        problems.add(f"name {name!r} is an ARN", "give the role's name alone, the part after the last slash")
    elif "/" in name:
        problems.add(f"name {name!r} contains a path", "give the path in the option path")
    else:
        fix = "use 1 to 64 of the characters A-Z a-z 0-9 + = , . @ _ -"
        problems.require(_ROLE, name, f"name {name!r} is no name of an IAM role", fix)


def check_path(problems: Problems, path: str) -> None:
    """A role's path: at most 512 characters between slashes."""
    if not _PATH.fullmatch(path) or len(path) > 512:
        fix = "begin and end it with /, as in /teams/web/; at most 512 printable ASCII characters"
        problems.add(f"path {path!r} is no path of an IAM role", fix)


def check_description(problems: Problems, text: str) -> None:
    """A role's description: at most 1000 characters of Latin-1."""
    fix = "use at most 1000 characters of Latin-1 (no curly quotes, dashes or emoji)"
    problems.require(_DESCRIPTION, text, "description is longer than IAM takes, or has characters it doesn't take", fix)


def check_policy_arn(problems: Problems, option: str, arn: str) -> None:
    """The ARN of a managed policy."""
    fix = "give it as arn:PARTITION:iam::ACCOUNT:policy/NAME, with aws as account for the policies of AWS"
    problems.require(_POLICY_ARN, arn, f"{option} {arn!r} is no ARN of a managed policy", fix)


def check_policy_name(problems: Problems, option: str, name: str) -> None:
    """The name of a managed or inline policy: 1 to 128 characters."""
    fix = "use 1 to 128 of the characters A-Z a-z 0-9 + = , . @ _ -; a policy with a path is named by its ARN"
    problems.require(_POLICY, name, f"{option} {name!r} is no name of a policy", fix)


def check_audience(problems: Problems, audience: str) -> None:
    """An audience of the trust policy: compared literally, so without wildcards."""
    fix = "use sts.amazonaws.com, in every partition, or what the service accounts' tokens are issued for"
    problems.require(_AUDIENCE, audience, f"audience {audience!r} can't be the audience of a token", fix)


def check_issuer(problems: Problems, issuer: str) -> None:
    """An OIDC issuer's URL, with or without its scheme."""
    fix = "give it as DescribeCluster shows it, https://HOST/PATH without a slash at the end"
    problems.require(_ISSUER, issuer, f"issuer {issuer!r} is no URL of an OIDC issuer", fix)


def check_service_account(problems: Problems, namespace: str, name: str, *, allow_wildcards: bool) -> None:
    """The two names of a service account, where ``*`` and ``?`` may stand for others if that is allowed."""
    who = f"service account {namespace}/{name}"
    wild = [part for part in (namespace, name) if "*" in part or "?" in part]
    if wild and not allow_wildcards:
        problems.add(
            f"{who} has a wildcard", "name the accounts, or set allow_wildcards to trust every account that matches"
        )
        return
    for part, what, pattern, longest in (
        (namespace, "namespace", _NAMESPACE, 63),
        (name, "name of a service account", _SERVICE_ACCOUNT, 253),
    ):
        if not (_PATTERN if part in wild else pattern).fullmatch(part) or len(part) > longest:
            dots = " and ." if longest == 253 else ""
            problems.add(
                f"{who}: {part!r} is no {what}",
                f"use at most {longest} of the characters a-z 0-9 -{dots}, beginning and ending with a letter or digit",
            )


def check_tags(problems: Problems, tags: t.Mapping[t.Any, t.Any]) -> dict[str, str]:
    """Tags as IAM takes them.

    :returns: the tags with numbers and booleans written as strings.
    """
    clean: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for given, value in tags.items():
        key = str(given)
        if value is None or isinstance(value, (dict, list)):
            problems.add(f"tag {key!r} has no text as its value", "give a string; an empty one is allowed")
            continue
        text = str(value)
        if not key or len(key) > _TAG_KEY_LENGTH or not _TAG.fullmatch(key):
            problems.add(
                f"tag key {key!r} is not one that AWS takes", "use 1 to 128 letters, digits, spaces and _ . : / = + - @"
            )
        elif key.lower().startswith("aws:"):
            problems.add(f"tag key {key!r} is reserved for AWS", "use a key that doesn't begin with aws:")
        elif key.lower() in spelled:
            problems.add(
                f"tag keys {spelled[key.lower()]!r} and {key!r} are the same to IAM",
                "give one of them: case is ignored",
            )
        if len(text) > _TAG_VALUE_LENGTH or not _TAG.fullmatch(text):
            problems.add(
                f"tag {key!r} has a value that AWS doesn't take",
                "use at most 256 letters, digits, spaces and _ . : / = + - @",
            )
        spelled.setdefault(key.lower(), key)
        clean[key] = text
    return clean


def check_tag_count(problems: Problems, count: int, what: str) -> None:
    """:param count: how many tags ``what`` would have in the end."""
    if count > _TAGS:
        problems.add(f"{what} would have {count} tags", f"need no more than {_TAGS}; purge_tags makes room")
