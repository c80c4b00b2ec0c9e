# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Annotations and labels of a service account: those that the pod identity webhook reads, and checks of all.

The webhook: https://github.com/aws/amazon-eks-pod-identity-webhook#eks-walkthrough
Kubernetes: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import typing as t

from ..arn import (
    AUDIENCE_ANNOTATION,
    EXPIRATION_ANNOTATION,
    MIN_EXPIRATION,
    REGIONAL_ANNOTATION,
    ROLE_ARN_ANNOTATION,
)
from ..validation import Problems
from ..wording import format_integer

# The annotations that the webhook reads, by option of `sa_annotate`.
IRSA_OPTIONS = {
    "role_arn": ROLE_ARN_ANNOTATION,
    "audience": AUDIENCE_ANNOTATION,
    "sts_regional_endpoints": REGIONAL_ANNOTATION,
    "token_expiration": EXPIRATION_ANNOTATION,
}
KINDS = ("annotations", "labels")
# This collection's field manager.
FIELD_MANAGER = "eksops.irsa"
# The API server's manager name for fields that were set before it tracked the fields of the object, for example by
# kubectl annotate after kubectl create serviceaccount: an object that is created without such fields has no
# managedFields, and the API server tracks it only from the first server-side apply on.
BEFORE_FIRST_APPLY = "before-first-apply"
# Names the tool that installs and removes an object. This collection never sets it: other tools own the objects.
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
# The longest lifetime that a TokenRequest accepts, in seconds.
MAX_EXPIRATION = 2**32

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PREFIX = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_MAX_ANNOTATIONS_SIZE = 256 * 1024

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
    """A field manager that owns a field, and its operation, ``Apply`` or ``Update``."""

    manager: str
    operation: str

    @property
    def is_recorded(self) -> bool:
        """Whether the API server has a record of who set the field."""
        return self.manager != BEFORE_FIRST_APPLY

    def __str__(self) -> str:
        if not self.is_recorded:
            return "a client of which the API server has no record"
        return f"{self.manager} ({self.operation})"


ROLE_ARN_FIELD = Field("annotations", ROLE_ARN_ANNOTATION)
# The owner of fields that this collection sets.
THIS_COLLECTION = FieldOwner(FIELD_MANAGER, "Apply")


def owners_of(account: t.Mapping[str, t.Any], field: Field) -> tuple[FieldOwner, ...]:
    """The owners of an annotation or label of a service account.

    :param account: the service account as the API server returns it.
    """
    managed = account["metadata"].get("managedFields") or []
    if not managed:
        exists = field.key in (account["metadata"].get(field.kind) or {})
        return (FieldOwner(BEFORE_FIRST_APPLY, "Update"),) if exists else ()
    name = f"f:{field.key}"
    return tuple(
        FieldOwner(entry.get("manager") or "", entry["operation"])
        for entry in managed
        if name in (((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get(f"f:{field.kind}") or {})
    )


def find_near_misses(annotations: t.Iterable[str]) -> dict[str, str]:
    """Find keys that are similar to the webhook's keys, but wrong.

    :returns: the probably intended key, by key.
    """
    intended_keys = {key: _intended_key(key) for key in sorted(annotations)}
    return {key: intended for key, intended in intended_keys.items() if intended}


def has_role_annotation(annotations: t.Mapping[str, str]) -> bool:
    """Whether there is a role annotation, even an empty one, or a key that is similar to it."""
    key = IRSA_OPTIONS["role_arn"]
    return key in annotations or key in find_near_misses(annotations).values()


@functools.lru_cache(maxsize=4096)  # the same few keys are on thousands of objects
def _intended_key(key: str) -> str | None:
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
        # Without a prefix, other tools may use a key such as "audience".
        return _NAMES.get(letters) if letters in ("rolearn", "stsregionalendpoints") else None
    similarity = difflib.SequenceMatcher(None, prefix.lower(), _PREFIX_OF_IRSA).ratio()
    return _NAMES.get(letters) if similarity >= 0.6 else None


def check_expiration(problems: Problems, seconds: int) -> None:
    """Check the lifetime of a projected token, in seconds."""
    if not MIN_EXPIRATION <= seconds <= MAX_EXPIRATION:
        fix = f"use {MIN_EXPIRATION} to {MAX_EXPIRATION} seconds; the webhook's default is 86400"
        problems.add(f"token_expiration {format_integer(seconds)} is not a valid token lifetime", fix)


def check_key(problems: Problems, field: Field) -> None:
    """Check the key of an annotation or label: ``prefix/name`` or ``name``."""
    prefix, slash, name = field.key.rpartition("/")
    if slash and (not _PREFIX.fullmatch(prefix) or len(prefix) > 253):
        fix = "use a DNS name of lower-case letters, digits, - and . before the slash, at most 253 characters"
        problems.add(f"{field} does not have a valid prefix", fix)
    if not _NAME.fullmatch(name) or len(name) > 63:
        fix = "use at most 63 letters, digits, -, _ and .; start and end with a letter or digit"
        problems.add(f"{field} is not a valid key", fix)


def check_label_value(problems: Problems, field: Field, value: str) -> None:
    """Check the value of a label; it may be empty."""
    if value and (not _NAME.fullmatch(value) or len(value) > 63):
        fix = "use at most 63 letters, digits, -, _ and .; start and end with a letter or digit"
        problems.add(f"{field} does not have a valid value: {value!r}", fix)


def check_size(problems: Problems, annotations: t.Mapping[str, str]) -> None:
    """Check the total size of an object's annotations."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for pair in annotations.items() for text in pair)
    if size > _MAX_ANNOTATIONS_SIZE:
        problems.add(f"annotations have {size} bytes in total", f"use at most {_MAX_ANNOTATIONS_SIZE}")


def format_value(problems: Problems, field: Field, value: t.Any) -> str:
    """The value of an annotation or label as a string; booleans become ``true`` and ``false``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    problems.add(f"the value of {field} is not a string", "quote it")
    return ""
