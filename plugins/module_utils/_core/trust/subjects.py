# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How close a subject of a trust policy is to a service account's."""

from __future__ import annotations

import difflib
import typing as t

from ..policy.document import like
from .statements import SUBJECT_PREFIX, parse_subject


def distance(subject: str, wanted: t.Sequence[str]) -> float:
    """The distance to the nearest of a policy's values: 1 for each part that differs, less for similarity."""
    return min((_distance_to(subject, value) for value in wanted), default=2.0)


def _distance_to(subject: str, wanted: str) -> float:
    differing = _differing_parts(subject, wanted)
    count = 2 if differing is None else len(differing)
    return count - difflib.SequenceMatcher(None, subject, wanted).ratio() / 2


def _differing_parts(subject: str, wanted: str) -> list[str] | None:
    """Which of namespace and name differ; None if a text is not a service account's subject."""
    parts, wanted_parts = parse_subject(subject), parse_subject(wanted)
    if parts is None or wanted_parts is None:
        return None
    pairs = zip(("namespace", "name"), wanted_parts, parts, strict=True)
    return [part for part, pattern, text in pairs if not like(pattern, text)]


def nearest(subject: str, wanted: t.Sequence[str]) -> str:
    """The nearest of a policy's values."""
    return min(wanted, key=lambda value: _distance_to(subject, value), default="nothing")


def describe_difference(subject: str, wanted: str) -> str:
    """In what a subject differs from a policy's value, for messages."""
    if subject.lower() == wanted.lower():
        return "upper and lower case differ"
    if subject == "".join(wanted.split()):
        return "there are blanks in it"
    differing = _differing_parts(subject, wanted)
    if differing is None:
        return f"that is not {SUBJECT_PREFIX}NAMESPACE:NAME"
    return f"{' and '.join(differing) or 'it'} differ{'' if len(differing) > 1 else 's'}"
