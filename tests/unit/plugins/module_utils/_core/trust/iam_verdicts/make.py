# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the decisions of another IAM simulator, for the oracle test of trust evaluation.

The simulator is @cloud-copilot/iam-simulate. It runs on Node.js, so its decisions are kept in a file, and the tests do
without. To make the file again, with Node.js 20 and npm:

    python tests/unit/plugins/module_utils/_core/trust/iam_verdicts/make.py DIRECTORY

The simulator is installed into the directory. The cases leave out where it is narrower than IAM, or nobody documents
what IAM does:

- a Federated principal of "*", and a plain operator on a key of several values;
- dates as seconds since 1970, which it takes for milliseconds;
- under the operators for ARNs, variables and patterns that are no ARN;
- variables in a document of 2008, where they are text to IAM;
- a variable without a value under a negated operator: AWS documents that nothing equals it, so that the condition
  holds; the simulator says that it doesn't.
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
# What the request has.
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
# Operators, the key that they are for, and values.
KINDS: list[tuple[list[str], list[str], list[str]]] = [
    ([f"String{each}" for each in ("Equals", "NotEquals", "Like", "NotLike")], ["sub", "aud"], TEXTS),
    (["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"], ["sub", "aud"], TEXTS),
    ([f"Arn{each}" for each in ("Equals", "NotEquals", "Like", "NotLike")], ["arn", "sub"], ARNS),
    ([f"Numeric{each}" for each in ORDERS], ["number"], ["9", "10", "10.0", "11", "-1"]),
    ([f"Date{each}" for each in ORDERS], ["date"], DATES),
    (["Bool"], ["flag"], ["true", "false"]),
    (["BinaryEquals"], ["binary"], ["aGVsbG8=", "aGk="]),
    (["IpAddress", "NotIpAddress"], ["address"], ["10.0.0.0/8", "10.1.2.3", "192.0.2.0/24", "2001:db8::/32"]),
    (["Null"], ["sub", "flag"], ["true", "false"]),
]


def values(chance: random.Random, pool: t.Sequence[str]) -> str | list[str]:
    """One value, or a list of a few."""
    some = chance.sample(pool, k=chance.choice([1, 1, 2, 3][: len(pool)]))
    return some[0] if len(some) == 1 and chance.random() < 0.7 else some


def spelled(chance: random.Random, key: str) -> str:
    """Keys are the same in any case."""
    return chance.choice([key, key, key.upper(), key.lower()])


def condition(chance: random.Random) -> tuple[str, str, str | list[str]]:
    """An operator, a key and values."""
    operator, claims, pool = chance.choice([(each, *rest) for operators, *rest in KINDS for each in operators])
    claim = chance.choice(claims)
    if operator.startswith("String") and chance.random() < 0.6:
        # A key of several values is for a quantifier.
        operator = f"{chance.choice(['ForAllValues', 'ForAnyValue'])}:{operator}"
        claim = chance.choice(["amr", "amr", "sub"])
    if chance.random() < 0.2:
        claim = "none"
    if not operator.endswith("Null") and chance.random() < 0.15:
        operator += "IfExists"
    if pool is TEXTS:
        # As many that equal what the request has as others.
        pool = chance.choice([TEXTS, [SUB, "sts.amazonaws.com", "system:serviceaccount:web:*", "one", "two", "three"]])
    if pool is TEXTS and "Not" not in operator:
        pool = [*TEXTS, NO_VALUE]
    return operator, spelled(chance, f"{HOST}:{claim}"), values(chance, pool)


def principal(chance: random.Random) -> dict[str, t.Any]:
    """Mostly the provider."""
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
    """Mostly the right one."""
    actions = [ACTION, ACTION, ACTION, ACTION.lower(), [ACTION, "sts:TagSession"], "sts:Assume*", "sts:*", "*"]
    wrong = ["sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithSAML"]
    if chance.random() < 0.1:
        return {"NotAction": chance.choice([*wrong, ACTION, "sts:assumerole*"])}
    return {"Action": chance.choice(wrong) if chance.random() < 0.1 else chance.choice(actions)}


def statement(chance: random.Random, effect: str, conditions: int) -> dict[str, t.Any]:
    """One statement."""
    made: dict[str, t.Any] = {"Effect": effect, **principal(chance), **action(chance)}
    block: dict[str, dict[str, t.Any]] = collections.defaultdict(dict)
    for operator, key, some in (condition(chance) for _index in range(conditions)):
        block[operator][key] = some
    return {**made, "Condition": dict(block)} if block else made


def documents() -> t.Iterator[dict[str, t.Any]]:
    """The cases: every operator by itself in many ways, then whole policies."""
    chance = random.Random(20261124)  # noqa: S311
    for _index in range(520):
        operator, key, some = condition(chance)
        plain = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION}
        yield {"Version": "2012-10-17", "Statement": {**plain, "Condition": {operator: {key: some}}}}
    for _index in range(280):
        effects = chance.choice([["Allow"], ["Allow", "Allow"], ["Allow", "Deny"], ["Deny", "Allow", "Allow"]])
        some = [statement(chance, effect, chance.choice([0, 1, 1, 2])) for effect in effects]
        old = chance.random() < 0.2 and "$" not in json.dumps(some)
        yield {"Version": "2008-10-17" if old else "2012-10-17", "Statement": some}


def main() -> None:
    """Have every case decided and write the file."""
    where = pathlib.Path(sys.argv[1])
    where.mkdir(parents=True, exist_ok=True)
    package = f"@cloud-copilot/iam-simulate@{VERSION}"
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", where, package], check=True)
    (where / "decide.mjs").write_text((HERE / "decide.mjs").read_text())
    cases = list(documents())
    request = {"action": ACTION, "principal": PROVIDER, "context": CONTEXT, "documents": cases}
    told = subprocess.run(
        ["node", "decide.mjs"], cwd=where, input=json.dumps(request), capture_output=True, text=True, check=True
    )
    decisions = json.loads(told.stdout)
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
