# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's constraints on names, paths, descriptions, durations and tags, and its way of paging.

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

from sandbox.aws.wire import ApiError, validation_error

T = t.TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
_PATH = re.compile(r"/|/[\u0021-\u007E]+/")
_DESCRIPTION = re.compile(r"[\t\n\r\u0020-\u007E\u00A1-\u00FF]*")
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\u0021-\u007E]+")


def check_name(value: str, field: str, limit: int) -> None:
    """Check the name of a role (64 characters) or policy (128)."""
    if len(value) > limit:
        raise validation_error(value, field, f"have length less than or equal to {limit}")
    if not _NAME.fullmatch(value):
        raise ApiError(
            "ValidationError",
            f"The specified value for {field} is invalid. "
            "It must contain only alphanumeric characters and/or the following: +=,.@_-",
        )


def check_path(value: str) -> None:
    """Check a path: it begins and ends with a slash and has at most 512 characters."""
    if len(value) > 512:
        raise validation_error(value, "path", "have length less than or equal to 512")
    if not _PATH.fullmatch(value):
        raise ApiError(
            "ValidationError",
            "The specified value for path is invalid. "
            "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        )


def check_description(value: str) -> None:
    """Check a description: at most 1000 characters of Latin-1."""
    if len(value) > 1000:
        raise validation_error(value, "description", "have length less than or equal to 1000")
    if not _DESCRIPTION.fullmatch(value):
        raise validation_error(
            value, "description", r"satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*"
        )


def check_range(value: int, field: str, low: int, high: int) -> None:
    """Check a number against both its bounds."""
    if value < low:
        raise validation_error(value, field, f"have value greater than or equal to {low}")
    if value > high:
        raise validation_error(value, field, f"have value less than or equal to {high}")


def check_policy_arn(value: str) -> None:
    """Check the form of a managed policy's ARN."""
    if not _POLICY_ARN.fullmatch(value):
        raise ApiError("InvalidInput", f"ARN {value} is not valid.")


def check_tags(tags: c.Iterable[c.Mapping[str, str]]) -> None:
    """Check what moto's own verification of tags leaves out."""
    for tag in tags:
        if tag["Key"].lower().startswith("aws:"):
            raise ApiError(
                "InvalidInput", f"Tag key '{tag['Key']}' is not valid: the prefix aws: is reserved for AWS use."
            )
        if not all(unicodedata.category(char)[0] in "LZN" or char in "_.:/=+-@" for char in tag["Value"]):
            raise validation_error(
                tag["Value"],
                "tags.1.member.value",
                r"satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
            )


def page(
    entries: c.Iterable[T], key: c.Callable[[T], str], marker: str | None, max_items: int | None
) -> tuple[list[T], str | None]:
    """Cut one page out of a listing in the order of its keys; the marker is opaque, as AWS's is.

    A marker names the last entry given, so that entries made or deleted in between neither repeat nor hide others.

    Returns: the page, and the marker of the next one or None.
    Raises:
        ApiError: ValidationError for a MaxItems outside 1 to 1000 or a marker of nobody's.
    """
    count = 100 if max_items is None else int(max_items)
    check_range(count, "maxItems", 1, 1000)
    ordered = sorted(entries, key=key)
    start = bisect.bisect_right(ordered, _unmark(marker), key=key) if marker else 0
    chosen = ordered[start : start + count]
    more = start + count < len(ordered)
    return chosen, base64.urlsafe_b64encode(f"after:{key(chosen[-1])}".encode()).decode() if more else None


def _unmark(marker: str) -> str:
    try:
        prefix, _colon, last = base64.urlsafe_b64decode(marker.encode()).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        prefix = last = ""
    if prefix != "after":
        raise ApiError("ValidationError", "Invalid Marker.")
    return last
