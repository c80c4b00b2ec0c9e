# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How near a subject of a trust policy comes to a service account's.

The subject of a service account's tokens is ``system:serviceaccount:NAMESPACE:NAME``:
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
"""

from __future__ import annotations

import difflib
import typing as t

from ..policy.conditions import like

PREFIX = "system:serviceaccount:"


def _parts(subject: str) -> list[str]:
    """Namespace and name; one part where it is no service account's subject."""
    plain = subject.removeprefix(PREFIX)
    parts = plain.split(":")
    return parts if plain != subject and len(parts) == 2 else [subject]


def distance(subject: str, wanted: t.Sequence[str]) -> float:
    """1 for each part that differs, less a fraction for what is alike in them."""
    return min((_distance_of(subject, each) for each in wanted), default=2.0)


def _distance_of(subject: str, wanted: str) -> float:
    ours, theirs = _parts(subject), _parts(wanted)
    differing = sum(not like(their, our) for our, their in zip(ours, theirs, strict=False)) if len(theirs) == 2 else 2
    return differing - difflib.SequenceMatcher(None, subject, wanted).ratio() / 2


def nearest(subject: str, wanted: t.Sequence[str]) -> str:
    """Of several values of a policy the one that comes nearest."""
    return min(wanted, key=lambda each: _distance_of(subject, each), default="nothing")


def difference(subject: str, wanted: str) -> str:
    """In what a subject differs from what a policy wants, in words."""
    if subject.lower() == wanted.lower():
        return "upper and lower case differ"
    if subject == "".join(wanted.split()):
        return "there are blanks in it"
    ours, theirs = _parts(subject), _parts(wanted)
    if len(theirs) != 2:
        return f"that is not {PREFIX}NAMESPACE:NAME"
    differing = [
        what for what, our, their in zip(("namespace", "name"), ours, theirs, strict=True) if not like(their, our)
    ]
    return f"{' and '.join(differing) or 'it'} differ{'' if len(differing) > 1 else 's'}"
