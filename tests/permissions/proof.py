"""Whether the permissions in the files are enough, each of them needed, and no more asked for."""

from __future__ import annotations

import dataclasses
import re
import sys
import typing as t

from permissions import aws_cases, documents, modules, scenarios
from permissions.case import Case
from permissions.documents import Line
from permissions.modules import Outcome
from permissions.world import World

Json = dict[str, t.Any]

# What AWS answers everybody; see the sandbox's authorization.py.
_FREE = {"sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity"}
# How an error says what to do about a refusal.
_FIX = r"allow [a-z0-9]+:\w+ for the caller|give the caller a Role or ClusterRole"


@dataclasses.dataclass(frozen=True)
class Loss:
    """What is lost without a line.

    :param kind: "fails" or "says".
    """

    line: Line
    module: str
    what: str
    kind: str
    text: str


@dataclasses.dataclass
class Seen:
    """A case with all permissions of a file.

    :param aws: what it asked AWS for.
    """

    case: Case
    outcome: Outcome
    aws: set[str]


class Proof:
    """One use of the four files.

    :param use: "read-only" or "full".
    :param aws: whether AWS is looked at; else only what asks Kubernetes for something.
    """

    def __init__(self, world: World, use: str, *, aws: bool = True) -> None:
        self._world = world
        self._use = use
        self._aws = aws
        self._policy = documents.policy(use, world.place)
        self._role = documents.cluster_role(use)
        self._seen: list[Seen] = []
        self.problems: list[str] = []
        self.policy_lines = documents.policy_lines(self._policy)
        self.rule_lines = documents.rule_lines(self._role)

    def allow(self) -> None:
        """Exactly what the files say."""
        self._world.allow_aws(self._policy)
        self._world.allow_kubernetes(self._role)
        full = documents.rule_lines(documents.cluster_role("full"))
        wanted = documents.operations(self.rule_lines)
        self._world.await_rights(wanted, documents.operations(full) - wanted)

    # With all of it

    def suffices(self) -> None:
        """Every case passes, and what it does a second time changes nothing."""
        for case in scenarios.all_cases():
            if (self._use == "read-only" and case.may_fail) or (case.module in scenarios.AWS_ALONE and not self._aws):
                continue
            if self._use == "full":
                self._pass(case)
            elif not case.writes:
                self._look(case)
            elif case.foreseen:
                self._foresee(case)
            if self._use == "read-only" and case.writes:
                self._refuse(case)

    def _look(self, case: Case, *, check: bool = False) -> tuple[Json, Outcome]:
        world = self._world
        arguments = case.prepare(world)
        world.asked_of_aws()
        outcome = case.run(world, arguments, check=check)
        self._seen.append(Seen(case, outcome, world.asked_of_aws()))
        if outcome.failed and not case.may_fail:
            self._blame(case, f"fails with all of {self._use}: {outcome.text}")
        refused = [warning for warning in outcome.warnings if "cannot" in warning or "not authorized" in warning]
        if refused and not check:
            self._blame(case, f"is refused something with all of {self._use}: {refused}")
        return arguments, outcome

    def _pass(self, case: Case) -> None:
        arguments, outcome = self._look(case)
        if not case.writes or not case.lasts or outcome.failed:
            return
        if not outcome.changed:
            self._blame(case, "changes nothing, so it proves nothing")
        again = case.run(self._world, arguments)
        if again.failed or again.changed:
            self._blame(case, f"is not done the second time: {again.text or again.result.get('actions')}")

    def _foresee(self, case: Case) -> None:
        _arguments, outcome = self._look(case, check=True)
        if not outcome.failed and not outcome.changed:
            self._blame(case, "changes nothing in check mode, so it proves nothing")

    def _refuse(self, case: Case) -> None:
        """For real it is refused, and the message says what is missing and what to do."""
        arguments = case.prepare(self._world)
        outcome = case.run(self._world, arguments)
        if case.module == "kubernetes.core.k8s":
            told = "cannot" in outcome.text
        else:
            told = bool(re.search(_FIX, outcome.text))
        told = told or any("permission" in warning for warning in outcome.warnings)
        if not told:
            self._blame(case, f"doesn't say what the read-only identity lacks: {outcome.text or outcome.result}")

    def asks_for_no_more(self) -> None:
        """What was asked for is what the files allow, no more and no less."""
        allowed = documents.operations(self.policy_lines)
        asked = set().union(*(seen.aws for seen in self._seen)) - _FREE
        wanted = documents.operations(self.rule_lines)
        put = set().union(*(seen.outcome.operations for seen in self._seen))
        if self._use == "read-only":
            # Check mode puts the writes to the server in a dry run, which may be refused.
            put = {operation for operation in put if operation[2] in ("get", "list", "watch")}
        services: list[tuple[str, set[t.Any], set[t.Any]]] = [("AWS", asked, allowed)] if self._aws else []
        for title, seen, said in (*services, ("Kubernetes", put, wanted)):
            if seen - said:
                self.problems.append(f"{self._use}: {title} is asked for what no line allows: {sorted(seen - said)}")
            if said - seen:
                self.problems.append(f"{self._use}: {title} is never asked for {sorted(said - seen)}")

    # Without a line

    def losses_of_policy(self) -> list[Loss]:
        """Line by line of the IAM policy."""
        found = []
        for line in self.policy_lines:
            self._world.allow_aws(line.without(self._policy))
            found += self._lose(line)
        self._world.allow_aws(self._policy)
        return found

    def losses_of_rules(self) -> list[Loss]:
        """Line by line of the ClusterRole."""
        found = []
        before: set[t.Any] = set()
        for line in self.rule_lines:
            (operation,) = line.operations
            self._world.allow_kubernetes(line.without(self._role))
            self._world.await_rights(before, [operation])
            before = {operation}
            found += self._lose(line)
        self._world.allow_kubernetes(self._role)
        self._world.await_rights(before, [])
        return found

    def refuses(self) -> list[tuple[str, str, str]]:
        """What can't be done with the policy: what, the action that AWS refuses, and what the module says."""
        found = []
        for excess in aws_cases.excesses():
            arguments = excess.prepare(self._world)
            outcome = modules.run(excess.module, arguments, self._world.environment)
            if not outcome.failed or f"is not authorized to perform: {excess.action} " not in outcome.text:
                self.problems.append(f"{self._use} lets {excess.what}: {outcome.result}")
            found.append((excess.what, excess.action, self._world.example(outcome.short)))
        return found

    def _lose(self, line: Line) -> list[Loss]:
        for seen in self._seen:
            if not (seen.aws | seen.outcome.operations).intersection(line.operations):
                continue
            check = self._use == "read-only" and seen.case.writes
            # A rollout that its first list shows as finished needs no watch, so that a refused one may go unnoticed.
            for _try in range(2 if seen.case.module == "eksops.irsa.pod_rollout" else 1):
                outcome = seen.case.run(self._world, seen.case.prepare(self._world), check=check)
                loss = self._compare(line, seen, outcome)
                if loss:
                    return [loss]
        self.problems.append(f"{self._use}: nothing fails without {line.text} ({line.where})")
        return []

    def _compare(self, line: Line, seen: Seen, outcome: Outcome) -> Loss | None:
        case, before = seen.case, seen.outcome
        if outcome.failed and (not before.failed or _names(line, outcome)):
            if not _names(line, outcome):
                self._blame(case, f"doesn't name {line.text}: {outcome.text}")
            return Loss(line, case.module, case.what, "fails", self._world.example(outcome.short))
        new = [warning for warning in outcome.warnings if warning not in before.warnings]
        if new:
            told = next((warning for warning in new if "permission" in warning), new[0])
            return Loss(line, case.module, case.what, "says", self._world.example(told))
        if outcome.failed and _steady(outcome.text) != _steady(before.text):
            return Loss(line, case.module, case.what, "knows less", "")
        return None

    def _blame(self, case: Case, what: str) -> None:
        self.problems.append(f"{case.module}, {case.what}: it {what}")
        print(f"PROBLEM {self.problems[-1]}", file=sys.stderr, flush=True)


def _names(line: Line, outcome: Outcome) -> bool:
    """Whether the message of a failure names the permission."""
    operation = line.operations[0]
    if not isinstance(operation, tuple):
        return any(operation in outcome.text for operation in line.operations)
    group, resource, verb = operation
    # kubernetes.core quotes the API server's JSON.
    text = outcome.text.replace('\\"', '"')
    refused = f'cannot {verb} resource "{resource}" in API group "{group}"' in text
    return refused or f"the permission to {verb} {resource}" in text


def _steady(text: str) -> str:
    """A message without the number in a name."""
    return re.sub(r"\d+", "0", text)
