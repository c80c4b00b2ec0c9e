# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parser under atheris, which finds inputs that reach more code.

Usage: python -m fuzz.coverage_guided NAME DIRECTORY OPTIONS-OF-LIBFUZZER...
       python -m fuzz.coverage_guided NAME DIRECTORY FILE                       runs the input in this file
"""

from __future__ import annotations

import json
import pathlib
import random
import sys
import typing as t

import atheris

with atheris.instrument_imports(include=["ansible_collections.eksops.irsa"]):
    from . import parsers

from . import values
from .isolation import CpuLimit, isolate

Path = tuple[t.Any, ...]
_SCALARS: list[t.Any] = [None, True, 0, -1, 10**30, 0.5, float("nan"), [], {}, *values.HOSTILE]


def encode(value: t.Any) -> bytes:
    """An input for libFuzzer."""
    return json.dumps(value).encode()


def decode(data: bytes) -> t.Any:
    """:raises ValueError: it is not JSON."""
    return json.loads(data)


def _list_paths(value: t.Any, path: Path = ()) -> list[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in _list_paths(item, (*path, key)))]


def mutate(value: t.Any, source: random.Random) -> t.Any:
    """The value with one part changed, removed, copied or renamed."""
    path = source.choice(_list_paths(value))
    if not path:
        return value if source.random() < 0.9 else source.choice(_SCALARS)
    *parents, key = path
    parent = value
    for name in parents:
        parent = parent[name]
    part = parent[key]
    action = source.randrange(6)
    if action == 0 and isinstance(part, str):
        mutated = atheris.Mutate(part.encode("utf-8", "surrogatepass"), len(part) + 20)
        parent[key] = mutated.decode("utf-8", "replace")
    elif action == 1:
        del parent[key]
    elif action == 2 and isinstance(parent, dict):
        parent[source.choice(values.HOSTILE[:30])] = parent.pop(key)
    elif action == 3 and isinstance(parent, list):
        parent.insert(key, part)
    elif action == 4:
        parent[key] = source.choice([[part], {"a": part}, str(part)])
    else:
        parent[key] = source.choice(_SCALARS)
    return value


def mutate_input(data: bytes, max_size: int, seed: int) -> bytes:
    """For libFuzzer: a mutation that is JSON too."""
    source = random.Random(seed)  # noqa: S311
    try:
        value = decode(data)
        for _number in range(source.randint(1, 3)):
            value = mutate(value, source)
        mutated = encode(value)
    except (ValueError, RecursionError):
        return data
    return mutated if len(mutated) <= max_size else data


def main(name: str, directory: str, *options: str) -> None:
    parser = parsers.PARSERS[name]
    corpus = pathlib.Path(directory, "corpus")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(parser.seeds):
        content = seed.encode() if parser.is_text else encode(seed)
        (corpus / f"seed-{number}").write_bytes(content)
        parsers.run(parser, seed)  # what is imported and read once does not count
    isolate(directory)

    def test(data: bytes) -> None:
        try:
            value = data.decode("utf-8", "surrogateescape") if parser.is_text else decode(data)
        except (ValueError, RecursionError):
            return
        with CpuLimit():
            parsers.run(parser, value)

    arguments = [sys.argv[0], f"-artifact_prefix={directory}/", "-max_len=20000", "-timeout=30", *options]
    if all(option.startswith("-") for option in options):
        arguments.append(str(corpus))
    mutator = {} if parser.is_text else {"custom_mutator": mutate_input}
    atheris.Setup(arguments, test, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
