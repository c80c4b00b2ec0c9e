# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names, keys and validity of a bundle of CA certificates, parsed from X.509's DER.

No signature is verified. Two certificates with the same subject and key are the same CA, whenever either was issued,
which is enough to compare two bundles.

https://www.rfc-editor.org/rfc/rfc5280#section-4.1 (certificates), https://www.rfc-editor.org/rfc/rfc7468 (PEM)
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import functools
import re
import typing as t

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _INTEGER, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x02, 0x17, 0x18, 0xA0


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The parts of a certificate that are compared.

    :param subject: the encoded name; names are only compared.
    :param key: the encoded public key, algorithm included.
    :param not_before: Unix time, as is ``not_after``.
    """

    subject: bytes
    issuer: bytes
    key: bytes
    not_before: float
    not_after: float

    @property
    def identity(self) -> tuple[bytes, bytes]:
        """What certificates of the same CA have in common."""
        return self.subject, self.key

    def is_valid_at(self, moment: float) -> bool:
        """Whether it holds at a Unix time."""
        return self.not_before <= moment <= self.not_after


@functools.lru_cache(maxsize=16)  # one webhook's bundle is parsed for each service account
def parse_bundle(pem: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM bundle; what lies between them is skipped, as Kubernetes does.

    :raises ValueError: a certificate is not valid X.509, or there is none.
    """
    found = []
    for block in _PEM.findall(pem):
        try:
            der = base64.b64decode("".join(block.split()), validate=True)
        except binascii.Error as error:
            raise ValueError("a certificate isn't base64") from error
        found.append(_parse(der))
    if not found:
        raise ValueError("there is no PEM certificate in it")
    return tuple(found)


def _parse(der: bytes) -> Certificate:
    try:
        (certificate,) = _elements(der)
        outer = _elements(_content(certificate, _SEQUENCE))
        fields = _elements(_content(outer[0], _SEQUENCE))
        if fields[0][0] == _VERSION:
            fields = fields[1:]
        serial, _algorithm, issuer, validity, subject, key = fields[:6]
        _content(serial, _INTEGER)
        begin, end = _elements(_content(validity, _SEQUENCE))
        return Certificate(
            _content(subject, _SEQUENCE),
            _content(issuer, _SEQUENCE),
            _content(key, _SEQUENCE),
            _time(begin),
            _time(end),
        )
    except (IndexError, ValueError) as error:
        raise ValueError("a certificate isn't X.509") from error


_Element = t.Tuple[int, bytes]


def _elements(data: bytes) -> list[_Element]:
    """The elements of an encoding, each its tag and its content."""
    found = []
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("cut off")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _content(element: _Element, tag: int) -> bytes:
    if element[0] != tag:
        raise ValueError(f"tag {element[0]:#x} instead of {tag:#x}")
    return element[1]


def _time(element: _Element) -> float:
    tag, content = element
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits stand for 1950 to 2049.
        text = ("19" if text >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
