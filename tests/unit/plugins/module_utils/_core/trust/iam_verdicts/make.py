# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the decisions of @cloud-copilot/iam-simulate, for the oracle test of trust evaluation.

The simulator runs on Node.js. The tests read its recorded decisions from a file, so they do not need Node.js. To make
the file again, with Node.js 20 and npm:

    python tests/unit/plugins/module_utils/_core/trust/iam_verdicts/make.py DIRECTORY

This installs the simulator into the directory. The cases omit what the simulator does differently from IAM, and what
AWS does not document:

- a Federated principal of "*", and an operator without quantifier on a key with several values;
- dates as seconds since 1970, which the simulator reads as milliseconds;
- variables, and patterns that are not ARNs, under the operators for ARNs;
- variables in a document of version 2008-10-17, which are plain text to IAM;
- a variable without a value under a negated operator: AWS documents that nothing equals it, so the condition holds; in
  the simulator it does not hold.
"""

from __future__ import annotations

import collections
import json
import pathlib
import random
import subprocess
import sys
import typing as t

VERSION = "0.1.173"
HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.with_suffix(".json")

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
ACTION = "sts:AssumeRoleWithWebIdentity"
SUB = "system:serviceaccount:web:app"
# The condition keys of the request.
CONTEXT: dict[str, str | list[str]] = {
    f"{HOST}:sub": SUB,
    f"{HOST}:aud": "sts.amazonaws.com",
    f"{HOST}:amr": ["one", "two", "three"],
    f"{HOST}:number": "10",
    f"{HOST}:date": "2026-01-02T03:04:05Z",
    f"{HOST}:flag": "true",
    f"{HOST}:binary": "aGVsbG8=",
    f"{HOST}:address": "10.1.2.3",
    f"{HOST}:arn": "arn:aws:iam::123456789012:role/team/app",
}
TEXTS = [SUB, SUB.upper(), "system:serviceaccount:web:other", "system:serviceaccount:web:*", "*", "*:a?p", "?", "${*}"]
TEXTS += ["sts.amazonaws.com", "STS.amazonaws.com", f"${{{HOST}:sub}}", f"${{{HOST}:none, '*'}}"]
NO_VALUE = f"${{{HOST}:none}}"
TEXTS += [f"system:serviceaccount:web:${{{HOST}:none, 'app'}}", "system:serviceaccount:web:app${*}", "one", "two", "t*"]
ARNS = [
    "arn:aws:iam::123456789012:role/team/app",
    "arn:aws:iam::*:role/team/*",
    "arn:aws:iam::123456789012:role/team/ap?",
    "arn:aws:iam::123456789012:role/Team/app",
]
DATES = ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "2026-01-03T00:00:00Z", "2025-12-31"]
ORDERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
# Operators, the keys that they are used with, and values.
KINDS: list[tuple[list[str], list[str], list[str]]] = [
    ([f"String{name}" for name in ("Equals", "NotEquals", "Like", "NotLike")], ["sub", "aud"], TEXTS),
    (["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"], ["sub", "aud"], TEXTS),
    ([f"Arn{name}" for name in ("Equals", "NotEquals", "Like", "NotLike")], ["arn", "sub"], ARNS),
    ([f"Numeric{order}" for order in ORDERS], ["number"], ["9", "10", "10.0", "11", "-1"]),
    ([f"Date{order}" for order in ORDERS], ["date"], DATES),
    (["Bool"], ["flag"], ["true", "false"]),
    (["BinaryEquals"], ["binary"], ["aGVsbG8=", "aGk="]),
    (["IpAddress", "NotIpAddress"], ["address"], ["10.0.0.0/8", "10.1.2.3", "192.0.2.0/24", "2001:db8::/32"]),
    (["Null"], ["sub", "flag"], ["true", "false"]),
]


def values(chance: random.Random, pool: t.Sequence[str]) -> str | list[str]:
    """Choose one value, or a list of up to three."""
    chosen = chance.sample(pool, k=chance.choice([1, 1, 2, 3][: len(pool)]))
    return chosen[0] if len(chosen) == 1 and chance.random() < 0.7 else chosen


def change_case(chance: random.Random, key: str) -> str:
    """Choose the case of a key; it does not count."""
    return chance.choice([key, key, key.upper(), key.lower()])


def condition(chance: random.Random) -> tuple[str, str, str | list[str]]:
    """Choose an operator, a key and values."""
    operator, claims, pool = chance.choice([(name, *rest) for operators, *rest in KINDS for name in operators])
    claim = chance.choice(claims)
    if operator.startswith("String") and chance.random() < 0.6:
        # Only quantifiers are used with a key of several values.
        operator = f"{chance.choice(['ForAllValues', 'ForAnyValue'])}:{operator}"
        claim = chance.choice(["amr", "amr", "sub"])
    if chance.random() < 0.2:
        claim = "none"
    if not operator.endswith("Null") and chance.random() < 0.15:
        operator += "IfExists"
    if pool is TEXTS:
        # In half of the cases, values of the request.
        pool = chance.choice([TEXTS, [SUB, "sts.amazonaws.com", "system:serviceaccount:web:*", "one", "two", "three"]])
    if pool is TEXTS and "Not" not in operator:
        pool = [*TEXTS, NO_VALUE]
    return operator, change_case(chance, f"{HOST}:{claim}"), values(chance, pool)


def principal(chance: random.Random) -> dict[str, t.Any]:
    """Choose a principal, mostly the provider."""
    other = PROVIDER.replace("0123456789ABCDEF", "FEDCBA9876543210")
    return chance.choice(
        [
            {"Principal": {"Federated": PROVIDER}},
            {"Principal": {"Federated": PROVIDER}},
            {"Principal": {"Federated": PROVIDER}},
            {"Principal": {"Federated": [other, PROVIDER]}},
            {"Principal": {"Federated": PROVIDER, "Service": "ec2.amazonaws.com"}},
            {"Principal": {"AWS": "*"}},
            {"Principal": "*"},
            {"Principal": {"Federated": other}},
            {"Principal": {"Service": "ec2.amazonaws.com"}},
            {"Principal": {"Federated": PROVIDER.lower()}},
        ]
    )


def action(chance: random.Random) -> dict[str, t.Any]:
    """Choose an action, mostly the right one."""
    actions = [ACTION, ACTION, ACTION, ACTION.lower(), [ACTION, "sts:TagSession"], "sts:Assume*", "sts:*", "*"]
    wrong = ["sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithSAML"]
    if chance.random() < 0.1:
        return {"NotAction": chance.choice([*wrong, ACTION, "sts:assumerole*"])}
    return {"Action": chance.choice(wrong) if chance.random() < 0.1 else chance.choice(actions)}


def statement(chance: random.Random, effect: str, conditions: int) -> dict[str, t.Any]:
    """Make a statement."""
    result: dict[str, t.Any] = {"Effect": effect, **principal(chance), **action(chance)}
    block: dict[str, dict[str, t.Any]] = collections.defaultdict(dict)
    for operator, key, chosen in (condition(chance) for _index in range(conditions)):
        block[operator][key] = chosen
    return {**result, "Condition": dict(block)} if block else result


def documents() -> t.Iterator[dict[str, t.Any]]:
    """The cases: single conditions with every operator, then whole policies."""
    chance = random.Random(20261124)  # noqa: S311
    for _index in range(520):
        operator, key, chosen = condition(chance)
        elements = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION}
        yield {"Version": "2012-10-17", "Statement": {**elements, "Condition": {operator: {key: chosen}}}}
    for _index in range(280):
        effects = chance.choice([["Allow"], ["Allow", "Allow"], ["Allow", "Deny"], ["Deny", "Allow", "Allow"]])
        statements = [statement(chance, effect, chance.choice([0, 1, 1, 2])) for effect in effects]
        old = chance.random() < 0.2 and "$" not in json.dumps(statements)
        yield {"Version": "2008-10-17" if old else "2012-10-17", "Statement": statements}


def main() -> None:
    """Install the simulator, decide all cases and write the file."""
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    package = f"@cloud-copilot/iam-simulate@{VERSION}"
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", directory, package], check=True)
    (directory / "decide.mjs").write_text((HERE / "decide.mjs").read_text())
    cases = list(documents())
    request = {"action": ACTION, "principal": PROVIDER, "context": CONTEXT, "documents": cases}
    process = subprocess.run(
        ["node", "decide.mjs"], cwd=directory, input=json.dumps(request), capture_output=True, text=True, check=True
    )
    decisions = json.loads(process.stdout)
    lines = [
        json.dumps({"allowed": decision, "document": case}, separators=(",", ":"))
        for decision, case in zip(decisions, cases, strict=True)
    ]
    head = json.dumps({"simulator": package, "provider": PROVIDER, "context": CONTEXT}, indent=1)[:-2]
    body = ",\n".join(lines)
    TARGET.write_text(f'{head},\n "cases": [\n{body}\n]}}\n')
    print(len(cases), collections.Counter(decisions))


if __name__ == "__main__":
    main()
