"""The races: writers of one IAM role, and writers of one service account."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import random
import threading
import time
import typing as t

from faults import modules
from faults.lab import READ_ONLY, ROLE_ARN, Lab

Json = dict[str, t.Any]

# Children are forked while no other thread is in a library that holds locks.
_LOCK = threading.Lock()
NAMESPACE = "races"
_OTHER_ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/22222222222222222222222222222222"


@dataclasses.dataclass
class RaceResult:
    """What one run of a race left behind.

    :ivar lost: changes of modules that succeeded which are not there at the end.
    :ivar failures: the messages of modules that failed.
    """

    lost: list[str] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Race:
    """A race.

    :param key: the prefix of the names of its objects.
    :param runs: how often it runs by default.
    :param run: runs it once with a name for its objects.
    """

    name: str
    key: str
    runs: int
    run: c.Callable[[Lab, str, random.Random], RaceResult]


@dataclasses.dataclass(frozen=True)
class Writer:
    """A module that takes part in a race, and the seconds until it starts."""

    module: str
    arguments: Json
    delay: float = 0.0


def _run_writers(lab: Lab, writers: c.Sequence[Writer], result: RaceResult) -> list[bool]:
    """Run the writers in parallel; return which of them succeeded."""
    begin = time.monotonic()
    running: dict[int, modules.RunningModule] = {}
    for number in sorted(range(len(writers)), key=lambda number: writers[number].delay):
        time.sleep(max(0.0, begin + writers[number].delay - time.monotonic()))
        with _LOCK:
            running[number] = modules.start(
                f"eksops.irsa.{writers[number].module}", writers[number].arguments, lab.environment, seconds=180
            )
    outcomes = [running[number].finish() for number in range(len(writers))]
    for writer, outcome in zip(writers, outcomes, strict=True):
        if outcome.failed or not outcome.result:
            text = outcome.message or outcome.errors or f"signal {outcome.exit_signal}"
            result.failures.append(f"{writer.module} failed: {text}")
    return [bool(outcome.result) and not outcome.failed for outcome in outcomes]


# Roles

# The faults of a write by its name in the table.
_FAULTS: dict[str, Json] = {
    "": {},
    "throttled": {"kind": "throttled"},
    "with answers 503": {"kind": "unavailable"},
    "with lost answers": {"kind": "reset_after"},
    "with lost requests": {"kind": "reset_before"},
}


def _inject(lab: Lab, name: str, fault: Json, rng: random.Random, *operations: str) -> None:
    for operation in operations if fault else ():
        parameters = {"RoleName": name}
        with _LOCK:
            lab.inject(
                {
                    "service": "iam",
                    "operation": operation,
                    "parameters": parameters,
                    "times": rng.randint(1, 3),
                    **fault,
                }
            )


def _role(lab: Lab, name: str, *, other: bool, **options: t.Any) -> Json:
    """Arguments of irsa_role for the sandbox's cluster or another one."""
    cluster = {"issuer": _OTHER_ISSUER} if other else {"cluster_name": lab.cluster["name"]}
    if options.get("state") != "absent":
        options["service_accounts"] = [{"namespace": NAMESPACE, "name": "green" if other else "blue"}]
    return {"name": name, **cluster, **options}


def _read_role(lab: Lab, name: str) -> tuple[set[str], set[str]]:
    """The service accounts that a role trusts, and its policies; empty if it does not exist."""
    with _LOCK:
        try:
            document = lab.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
            attached = lab.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        except lab.iam.exceptions.NoSuchEntityException:
            return set(), set()
    text = json.dumps(document)
    accounts = {
        account for account in ("blue", "green", "red") if f"system:serviceaccount:{NAMESPACE}:{account}" in text
    }
    return accounts, {policy["PolicyArn"] for policy in attached}


def _create_role(lab: Lab, name: str, account: str, *, tags: Json | None = None) -> None:
    provider = lab.cluster["issuer"].removeprefix("https://")
    if account == "red":
        provider = "oidc.eks.eu-west-1.amazonaws.com/id/33333333333333333333333333333333"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"{lab.account}:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{provider}:sub": f"system:serviceaccount:{NAMESPACE}:{account}",
                f"{provider}:aud": "sts.amazonaws.com",
            }
        },
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with _LOCK:
        tagged = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        lab.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=tagged)
        lab.iam.attach_role_policy(RoleName=name, PolicyArn=READ_ONLY)


def _two_clusters(fault: Json) -> c.Callable[[Lab, str, random.Random], RaceResult]:
    """Two clusters add themselves to one role, which may not exist yet."""

    def run(lab: Lab, name: str, rng: random.Random) -> RaceResult:
        expected = {"blue", "green"}
        if rng.random() < 0.8:
            _create_role(lab, name, "red")
            expected.add("red")
        _inject(lab, name, fault, rng, "UpdateAssumeRolePolicy")
        result = RaceResult()
        writers = [Writer("irsa_role", _role(lab, name, other=other), rng.uniform(0, 0.2)) for other in (False, True)]
        succeeded = _run_writers(lab, writers, result)
        found, _policies = _read_role(lab, name)
        for account, is_ok in (("blue", succeeded[0]), ("green", succeeded[1]), ("red", "red" in expected)):
            if is_ok and account not in found:
                result.lost.append(f"the statement for {account}")
        return result

    return run


def _present_and_absent(fault: Json) -> c.Callable[[Lab, str, random.Random], RaceResult]:
    """One cluster removes itself from a role, and deletes it if no other uses it; another adds itself."""

    def run(lab: Lab, name: str, rng: random.Random) -> RaceResult:
        _create_role(lab, name, "blue", tags={"eksops.irsa/managed": "true"})
        _inject(lab, name, fault, rng, "UpdateAssumeRolePolicy", "DetachRolePolicy", "DeleteRole", "AttachRolePolicy")
        result = RaceResult()
        present = _role(lab, name, other=True, managed_policies=[READ_ONLY], purge_service_accounts=False)
        writers = [
            Writer("irsa_role", _role(lab, name, other=False, state="absent"), rng.uniform(0, 0.3)),
            Writer("irsa_role", present, rng.uniform(0, 1.5)),
        ]
        succeeded = _run_writers(lab, writers, result)
        accounts, policies = _read_role(lab, name)
        if succeeded[1] and "green" not in accounts:
            result.lost.append("the statement for green")
        if succeeded[1] and READ_ONLY not in policies:
            result.lost.append("the policy of the role")
        if succeeded[0] and "blue" in accounts:
            result.lost.append("the removal of blue")
        return result

    return run


# Service accounts


def _four_writers(lab: Lab, name: str, rng: random.Random) -> RaceResult:
    """Four runs write different parts of one service account, which may not exist yet."""
    api = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    with _LOCK:
        if rng.random() < 0.5:
            lab.api.post(api, {"metadata": {"name": name}})
    common = {"namespace": NAMESPACE, "name": name, "cluster_name": lab.cluster["name"]}
    role_arn = f"{lab.account}:role/{name}"
    parts: list[Json] = [
        {"role_arn": role_arn},
        {"role_arn": role_arn, "annotations": {"example.com/one": "1"}},
        {"role_arn": role_arn, "labels": {"two": "2"}},
        {"role_arn": role_arn, "token_expiration": 7200},
    ]
    result = RaceResult()
    succeeded = _run_writers(
        lab, [Writer("sa_annotate", {**common, **part}, rng.uniform(0, 0.1)) for part in parts], result
    )
    with _LOCK:
        metadata = lab.api.get(f"{api}/{name}")["metadata"]
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    is_there = [
        annotations.get(ROLE_ARN) == role_arn,
        annotations.get("example.com/one") == "1",
        labels.get("two") == "2",
        annotations.get("eks.amazonaws.com/token-expiration") == "7200",
    ]
    for part, is_ok, found in zip(parts, succeeded, is_there, strict=True):
        if is_ok and not found:
            result.lost.append(f"{sorted(part)[-1]} in {annotations} {labels}")
    return result


RACES = [
    Race("two clusters into one role", "two", 200, _two_clusters({})),
    *(
        Race(
            f"two clusters into one role, {title}", f"two-{fault['kind'].replace('_', '-')}", runs, _two_clusters(fault)
        )
        for title, fault, runs in (
            ("throttled", _FAULTS["throttled"], 150),
            ("with answers 503", _FAULTS["with answers 503"], 50),
            ("with lost answers", _FAULTS["with lost answers"], 50),
            ("with lost requests", _FAULTS["with lost requests"], 50),
        )
    ),
    Race("present against absent", "absent", 100, _present_and_absent({})),
    Race("present against absent, throttled", "absent-throttled", 100, _present_and_absent(_FAULTS["throttled"])),
    Race("four writers on one service account", "four", 200, _four_writers),
]
