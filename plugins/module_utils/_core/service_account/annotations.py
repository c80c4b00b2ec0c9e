# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Annotations and labels of a service account: those that the pod identity webhook reads, and how any may look.

The webhook's: https://github.com/aws/amazon-eks-pod-identity-webhook#eks-walkthrough
Kubernetes' rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import typing as t

from ..arn import AUDIENCE_ANNOTATION, ROLE_ARN_ANNOTATION, is_role_arn
from ..validation import Problems

# The options of `sa_annotate` for what the webhook reads.
IRSA_OPTIONS = {
    "role_arn": ROLE_ARN_ANNOTATION,
    "audience": AUDIENCE_ANNOTATION,
    "sts_regional_endpoints": "eks.amazonaws.com/sts-regional-endpoints",
    "token_expiration": "eks.amazonaws.com/token-expiration",
}
KINDS = ("annotations", "labels")
# This collection's field manager.
FIELD_MANAGER = "eksops.irsa"
# The API server's name for the manager of an object that has no managedFields yet when it is first applied to.
BEFORE_FIRST_APPLY = "before-first-apply"
# Whose tool installs and removes the object. This collection annotates what others manage, so it never sets it.
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
# A projected token lives at least ten minutes; what a TokenRequest may ask for at most is 2^32 seconds.
SHORTEST_EXPIRATION, LONGEST_EXPIRATION = 600, 2**32

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PREFIX = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_ANNOTATIONS_SIZE = 256 * 1024

_PREFIX_OF_IRSA = "eks.amazonaws.com"
_NAMES = {re.sub("[^a-z]", "", key.rpartition("/")[2]): key for key in IRSA_OPTIONS.values()}
_ALIASES = {"role": ROLE_ARN_ANNOTATION, "iamrole": ROLE_ARN_ANNOTATION, "iamrolearn": ROLE_ARN_ANNOTATION}


class Field(t.NamedTuple):
    """One annotation or label.

    :param kind: ``annotations`` or ``labels``.
    """

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind.removesuffix('s')} {self.key}"


@dataclasses.dataclass(frozen=True)
class FieldOwner:
    """Who set a field: a field manager and how it wrote, ``Apply`` or ``Update``."""

    manager: str
    operation: str

    def __str__(self) -> str:
        return f"{self.manager} ({self.operation})"


def owners_of(found: t.Mapping[str, t.Any], field: Field) -> tuple[FieldOwner, ...]:
    """Who owns one annotation or label of a service account as the API server returns it."""
    managed = found["metadata"].get("managedFields") or []
    if not managed:
        there = field.key in (found["metadata"].get(field.kind) or {})
        return (FieldOwner(BEFORE_FIRST_APPLY, "Update"),) if there else ()
    name = f"f:{field.key}"
    return tuple(
        FieldOwner(entry.get("manager", ""), entry["operation"])
        for entry in managed
        if name in (((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get(f"f:{field.kind}") or {})
    )


def near_misses(annotations: t.Iterable[str]) -> dict[str, str]:
    """Keys that look like those of the webhook but aren't, each with the key that was probably meant."""
    found = {key: _meant(key) for key in sorted(annotations)}
    return {key: meant for key, meant in found.items() if meant}


def has_role_key(annotations: t.Mapping[str, str]) -> bool:
    """Whether there is an annotation for a role, even an empty one, or a key that looks like it."""
    key = IRSA_OPTIONS["role_arn"]
    return key in annotations or key in near_misses(annotations).values()


@functools.lru_cache(maxsize=4096)  # the same few keys are on thousands of objects
def _meant(key: str) -> str | None:
    if key in IRSA_OPTIONS.values():
        return None
    prefix, _slash, name = key.rpartition("/")
    letters = re.sub("[^a-z]", "", name.lower())
    if prefix == _PREFIX_OF_IRSA:
        if letters in _ALIASES:
            return _ALIASES[letters]
        close = difflib.get_close_matches(letters, _NAMES, n=1, cutoff=0.75)
        return _NAMES[close[0]] if close else None
    if not prefix:
        # Without a prefix "audience" may be anybody's.
        return _NAMES.get(letters) if letters in ("rolearn", "stsregionalendpoints") else None
    alike = difflib.SequenceMatcher(None, prefix.lower(), _PREFIX_OF_IRSA).ratio()
    return _NAMES.get(letters) if alike >= 0.6 else None


def check_role_arn(problems: Problems, arn: str) -> None:
    """A role's ARN in the annotation."""
    if not is_role_arn(arn):
        fix = "give it as AWS shows it, arn:PARTITION:iam::ACCOUNT:role/PATH/NAME, without blanks or quotes"
        problems.add(f"role_arn {arn!r} is no ARN of an IAM role", fix)


def check_expiration(problems: Problems, seconds: int) -> None:
    """The lifetime of a projected token."""
    if not SHORTEST_EXPIRATION <= seconds <= LONGEST_EXPIRATION:
        fix = f"give {SHORTEST_EXPIRATION} to {LONGEST_EXPIRATION} seconds; 86400 is what pods get without it"
        problems.add(f"token_expiration {seconds} can't be the lifetime of a token", fix)


def check_key(problems: Problems, field: Field) -> None:
    """The key of an annotation or label: ``prefix/name`` or ``name``."""
    prefix, slash, name = field.key.rpartition("/")
    if slash and (not _PREFIX.fullmatch(prefix) or len(prefix) > 253):
        fix = "use a DNS name of lower-case letters, digits, - and . before the slash, at most 253 characters"
        problems.add(f"{field} has a prefix that Kubernetes doesn't take", fix)
    if not _NAME.fullmatch(name) or len(name) > 63:
        fix = "use at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit"
        problems.add(f"{field} is no key that Kubernetes takes", fix)


def check_label_value(problems: Problems, field: Field, value: str) -> None:
    """The value of a label; it may be empty."""
    if value and (not _NAME.fullmatch(value) or len(value) > 63):
        fix = "use at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit"
        problems.add(f"{field} has the value {value!r}, which Kubernetes doesn't take", fix)


def check_size(problems: Problems, annotations: t.Mapping[str, str]) -> None:
    """All annotations of one object together."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_SIZE:
        problems.add(f"annotations have {size} bytes", f"need no more than {_ANNOTATIONS_SIZE}")


def text_of(problems: Problems, field: Field, value: t.Any) -> str:
    """An annotation's or label's value as the string that Kubernetes wants."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    problems.add(f"{field} has a value that is no string", "quote it")
    return ""
