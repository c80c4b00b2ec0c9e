# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decode bodies in Kubernetes' protobuf encoding, which kubectl sends for the built-in kinds. Responses are JSON.

https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding

Needed by: make sandbox (kubectl create, kubectl run).
"""

from __future__ import annotations

import base64
import datetime
import functools
import json
import pathlib
import struct
import typing as t

from sandbox.cluster.errors import Object

_MAGIC = b"k8s\x00"
_SCHEMA = pathlib.Path(__file__).with_suffix(".txt")
# The wire types.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# The packages of the API groups whose name differs.
_PACKAGES = {
    "v1": "core",
    "rbac.authorization.k8s.io/v1": "rbac",
    "authorization.k8s.io/v1": "authorization",
    "authentication.k8s.io/v1": "authentication",
    "admissionregistration.k8s.io/v1": "admissionregistration",
}

Fields = dict[int, tuple[str, str]]


class ProtobufError(ValueError):
    """The body is not an encoded object of a known kind."""


@functools.cache
def _schema() -> dict[str, Fields]:
    """The fields of each message: number, then JSON name and type."""
    messages: dict[str, Fields] = {}
    for line in _SCHEMA.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, _colon, fields = line.partition(": ")
        entries = (field.replace("=", ":", 1).split(":") for field in fields.split())
        messages[name] = {int(number): (json_name, kind) for number, json_name, kind in entries}
    return messages


def decode(data: bytes) -> Object:
    """The object in a body.

    :raises ProtobufError: the body cannot be decoded.
    """
    try:
        if not data.startswith(_MAGIC):
            raise ProtobufError("the prefix is missing")
        envelope = dict(_fields(data[len(_MAGIC) :]))
        head = dict(_fields(t.cast("bytes", envelope[1])))
        api_version, kind = (t.cast("bytes", head.get(number, b"")).decode() for number in (1, 2))
        package = _PACKAGES.get(api_version) or api_version.partition("/")[0]
        message = "meta/DeleteOptions" if kind == "DeleteOptions" else f"{package}/{kind}"
        if message not in _schema():
            raise ProtobufError(f"no kind {kind} is registered for version {api_version}")
        return {"apiVersion": api_version, "kind": kind, **_message(t.cast("bytes", envelope.get(2, b"")), message)}
    except (KeyError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise ProtobufError(f"unexpected data ({type(error).__name__})") from error


def _fields(data: bytes) -> t.Iterator[tuple[int, int | bytes]]:
    """The number and the undecoded value of each field."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        wire = key & 7
        value: int | bytes
        if wire == _VARINT:
            value, position = _varint(data, position)
        elif wire in (_FIXED64, _FIXED32, _BYTES):
            length = {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
            if wire == _BYTES:
                length, position = _varint(data, position)
            value = data[position : position + length]
            if len(value) < length:
                raise ProtobufError("the data ends in a field")
            position += length
        else:
            raise ProtobufError(f"unknown wire type {wire}")
        yield key >> 3, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if not byte & 0x80:
            return value, position


def _message(data: bytes, message: str) -> Object:
    fields, result = _schema()[message], Object()
    for number, value in _fields(data):
        if number not in fields:
            continue  # a newer client
        name, kind = fields[number]
        if name == "-":
            result.update(_message(t.cast("bytes", value), kind))
        elif kind.startswith("[]"):
            result.setdefault(name, []).append(_value(value, kind[2:]))
        elif kind.startswith("{}"):
            entry = dict(_fields(t.cast("bytes", value)))
            key = t.cast("bytes", entry.get(1, b"")).decode()
            result.setdefault(name, {})[key] = _value(entry.get(2, b""), kind[2:])
        else:
            decoded = _value(value, kind.removesuffix("?"))
            if decoded is not None and (decoded or not kind.endswith("?")):
                result[name] = decoded
    return result


def _value(value: int | bytes, kind: str) -> t.Any:
    if isinstance(value, int):
        if kind == "b":
            return bool(value)
        return value - (1 << 64) if value >= 1 << 63 else value  # negative numbers have 64 bits
    if kind in _DECODERS:
        return _DECODERS[kind](value)
    return _message(value, kind)


def _time(data: bytes) -> str | None:
    """A time, or None for the zero value, which is encoded as an empty message."""
    fields = dict(_fields(data))
    if not fields:
        return None
    seconds = datetime.datetime.fromtimestamp(t.cast("int", fields.get(1, 0)), datetime.timezone.utc)
    return seconds.strftime("%Y-%m-%dT%H:%M:%SZ")


def _int_or_string(data: bytes) -> int | str:
    fields = dict(_fields(data))
    return t.cast("bytes", fields.get(3, b"")).decode() if fields.get(1) else t.cast("int", fields.get(2, 0))


def _first(data: bytes) -> bytes:
    """The first field of a message that has only one."""
    return t.cast("bytes", dict(_fields(data)).get(1, b""))


_DECODERS: dict[str, t.Callable[[bytes], t.Any]] = {
    "s": bytes.decode,
    "y": lambda data: base64.b64encode(data).decode(),
    "d": lambda data: struct.unpack("<d", data)[0],
    "quantity": lambda data: _first(data).decode(),
    "intorstring": _int_or_string,
    "time": _time,
    "raw": lambda data: json.loads(_first(data) or b"null"),
    "items": lambda data: [t.cast("bytes", value).decode() for _number, value in _fields(data)],
}
