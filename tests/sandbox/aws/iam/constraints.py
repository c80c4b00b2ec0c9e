# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's constraints on names, paths, descriptions, durations and tags, and its pagination.

Needed by: targets irsa_role, iam_oidc_provider, irsa_audit; benchmarks.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import collections.abc as c
import re
import typing as t
import unicodedata

from sandbox.aws.errors import ModeledError, validation_error

T = t.TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
_PATH = re.compile(r"/|/[\u0021-\u007E]+/")
_DESCRIPTION = re.compile(r"[\t\n\r\u0020-\u007E\u00A1-\u00FF]*")
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\u0021-\u007E]+")


def check_name(value: str, field: str, limit: int) -> None:
    """Check the name of a role or policy.

    :param limit: the maximum length: 64 for a role, 128 for a policy.
    """
    if len(value) > limit:
        raise validation_error(value, field, f"have length less than or equal to {limit}")
    if not _NAME.fullmatch(value):
        raise ModeledError(
            "ValidationError",
            f"The specified value for {field} is invalid. "
            "It must contain only alphanumeric characters and/or the following: +=,.@_-",
        )


def check_path(value: str) -> None:
    """Check that a path begins and ends with a slash and has at most 512 characters."""
    if len(value) > 512:
        raise validation_error(value, "path", "have length less than or equal to 512")
    if not _PATH.fullmatch(value):
        raise ModeledError(
            "ValidationError",
            "The specified value for path is invalid. "
            "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        )


def check_description(value: str) -> None:
    """Check that a description has at most 1000 characters, all of Latin-1."""
    if len(value) > 1000:
        raise validation_error(value, "description", "have length less than or equal to 1000")
    if not _DESCRIPTION.fullmatch(value):
        raise validation_error(
            value, "description", r"satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*"
        )


def check_range(value: int, field: str, low: int, high: int) -> None:
    """Check that a number is between two bounds, inclusive."""
    if value < low:
        raise validation_error(value, field, f"have value greater than or equal to {low}")
    if value > high:
        raise validation_error(value, field, f"have value less than or equal to {high}")


def check_policy_arn(value: str) -> None:
    """Check the format of a managed policy's ARN."""
    if not _POLICY_ARN.fullmatch(value):
        raise ModeledError("InvalidInput", f"ARN {value} is not valid.")


def check_tags(tags: c.Iterable[c.Mapping[str, str]]) -> None:
    """Check what moto does not check about tags."""
    for tag in tags:
        if tag["Key"].lower().startswith("aws:"):
            raise ModeledError(
                "InvalidInput", f"Tag key '{tag['Key']}' is not valid: the prefix aws: is reserved for AWS use."
            )
        if not all(unicodedata.category(char)[0] in "LZN" or char in "_.:/=+-@" for char in tag["Value"]):
            raise validation_error(
                tag["Value"],
                "tags.1.member.value",
                r"satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
            )


def cut_page(
    entries: c.Iterable[T], key: c.Callable[[T], str], marker: str | None, max_items: int | None
) -> tuple[list[T], str | None]:
    """Return one page of a list, sorted by key.

    The marker contains the key of the last entry of the page before. So entries that are created or deleted meanwhile
    neither repeat nor hide others.

    :returns: the page, and the marker of the next page or None.
    :raises ModeledError: ValidationError if MaxItems is not between 1 and 1000 or the marker is not valid.
    """
    count = 100 if max_items is None else int(max_items)
    check_range(count, "maxItems", 1, 1000)
    ordered = sorted(entries, key=key)
    start = bisect.bisect_right(ordered, _decode_marker(marker), key=key) if marker else 0
    selected = ordered[start : start + count]
    more = start + count < len(ordered)
    return selected, base64.urlsafe_b64encode(f"after:{key(selected[-1])}".encode()).decode() if more else None


def _decode_marker(marker: str) -> str:
    try:
        prefix, _colon, last = base64.urlsafe_b64decode(marker.encode()).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        prefix = last = ""
    if prefix != "after":
        raise ModeledError("ValidationError", "Invalid Marker.")
    return last
