"""Checks that the permissions in the files are sufficient, that each is needed, and that no others are used."""

from __future__ import annotations

import dataclasses
import re
import sys
import typing as t

from faults import modules
from faults.modules import Outcome
from permissions import aws_cases, documents, scenarios
from permissions.case import Case
from permissions.documents import Line
from permissions.testbed import Testbed

Json = dict[str, t.Any]

# AWS allows these calls for every caller; see the sandbox's authorization.py.
_ALWAYS_ALLOWED = {"sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity"}
# The fix in the message of a denied call.
_FIX = r"allow [a-z0-9]+:\w+ for the caller|bind the caller to a Role or ClusterRole"
# A denied call in a warning.
_DENIED = r"cannot \w+ resource|not authorized"


@dataclasses.dataclass(frozen=True)
class LineEffect:
    """The effect of a missing line.

    :param task: see `Case`.
    :param kind: "fails"; "warns" if the module continues with a warning; "incomplete" if its result lacks something.
    """

    line: Line
    module: str
    task: str
    kind: t.Literal["fails", "warns", "incomplete"]
    message: str


@dataclasses.dataclass
class CaseRun:
    """A run of a case with all permissions of a file.

    :param aws_calls: the calls to AWS: ``SERVICE:OPERATION``.
    """

    case: Case
    outcome: Outcome
    aws_calls: set[str]


class PermissionsCheck:
    """Checks the IAM policy and the ClusterRole of one use.

    :param use: "read-only" or "full".
    :param aws: whether to check AWS too; else only cases that call Kubernetes run.
    :ivar problems: the problems found.
    """

    def __init__(self, testbed: Testbed, use: str, *, aws: bool = True) -> None:
        self._testbed = testbed
        self._use = use
        self._aws = aws
        self._policy = documents.load_policy(use, testbed.values)
        self._role = documents.load_cluster_role(use)
        self._runs: list[CaseRun] = []
        self.problems: list[str] = []
        self.policy_lines = documents.split_policy(self._policy)
        self.rule_lines = documents.split_cluster_role(self._role)

    def grant(self) -> None:
        """Grant the limited user exactly the permissions of the files."""
        self._testbed.grant_aws(self._policy)
        self._testbed.grant_kubernetes(self._role)
        full = documents.split_cluster_role(documents.load_cluster_role("full"))
        allowed = documents.collect_operations(self.rule_lines)
        self._testbed.wait_for_permissions(allowed, documents.collect_operations(full) - allowed)

    # With all permissions

    def check_sufficient(self) -> None:
        """Check that every case succeeds and changes nothing when it runs again."""
        for case in scenarios.all_cases():
            if (self._use == "read-only" and case.may_fail) or (case.module in scenarios.AWS_ONLY and not self._aws):
                continue
            if self._use == "full":
                self._run_twice(case)
            elif not case.writes:
                self._run(case)
            elif case.reads_only_in_check_mode:
                self._run_in_check_mode(case)
            if self._use == "read-only" and case.writes:
                self._run_denied(case)

    def _run(self, case: Case, *, check: bool = False) -> tuple[Json, Outcome]:
        testbed = self._testbed
        arguments = case.prepare(testbed)
        testbed.take_aws_calls()
        outcome = case.run(testbed, arguments, check=check)
        self._runs.append(CaseRun(case, outcome, testbed.take_aws_calls()))
        if outcome.failed and not case.may_fail:
            self._report_problem(case, f"failed with all {self._use} permissions: {outcome.message}")
        denied = [warning for warning in outcome.warnings if re.search(_DENIED, warning)]
        if denied and not check:
            self._report_problem(case, f"a call was denied with all {self._use} permissions: {denied}")
        return arguments, outcome

    def _run_twice(self, case: Case) -> None:
        arguments, outcome = self._run(case)
        if not case.writes or not case.idempotent or outcome.failed:
            return
        if not outcome.changed:
            self._report_problem(case, "changed nothing, so it tests nothing")
        again = case.run(self._testbed, arguments)
        if again.failed or again.changed:
            self._report_problem(case, f"is not idempotent: {again.message or again.result.get('actions')}")

    def _run_in_check_mode(self, case: Case) -> None:
        _arguments, outcome = self._run(case, check=True)
        if not outcome.failed and not outcome.changed:
            self._report_problem(case, "predicts no change in check mode, so it tests nothing")

    def _run_denied(self, case: Case) -> None:
        """Run a writing case with read-only permissions: the message must name the permission and the fix."""
        arguments = case.prepare(self._testbed)
        outcome = case.run(self._testbed, arguments)
        is_reported = bool(re.search(_FIX, outcome.message)) or any(
            "permission" in warning for warning in outcome.warnings
        )
        if not is_reported:
            self._report_problem(case, f"does not name the missing permission: {outcome.message or outcome.result}")

    def check_all_used(self) -> None:
        """Check that the cases use all permissions of the files and no others."""
        rules = documents.collect_operations(self.rule_lines)
        requests = set().union(*(run.outcome.operations for run in self._runs))
        if self._use == "read-only":
            # Check mode sends writes as a dry run, which may be denied.
            requests = {operation for operation in requests if operation[2] in ("get", "list", "watch")}
        comparisons: list[tuple[str, set[t.Any], set[t.Any]]] = [("Kubernetes", requests, rules)]
        if self._aws:
            calls = set().union(*(run.aws_calls for run in self._runs)) - _ALWAYS_ALLOWED
            comparisons.insert(0, ("AWS", calls, documents.collect_operations(self.policy_lines)))
        for service, used, allowed in comparisons:
            if used - allowed:
                self.problems.append(f"{self._use}: {service} calls that no line allows: {sorted(used - allowed)}")
            if allowed - used:
                self.problems.append(f"{self._use}: {service} permissions that no case uses: {sorted(allowed - used)}")

    # Without a line

    def remove_policy_lines(self) -> list[LineEffect]:
        """Remove each line of the IAM policy in turn.

        :returns: the effect of each line that is needed.
        """
        effects = []
        for line in self.policy_lines:
            self._testbed.grant_aws(line.remove_from(self._policy))
            effects += self._find_effect(line)
        self._testbed.grant_aws(self._policy)
        return effects

    def remove_rule_lines(self) -> list[LineEffect]:
        """Remove each line of the ClusterRole in turn.

        :returns: the effect of each line that is needed.
        """
        effects = []
        restored: set[t.Any] = set()
        for line in self.rule_lines:
            (operation,) = line.operations
            self._testbed.grant_kubernetes(line.remove_from(self._role))
            self._testbed.wait_for_permissions(restored, [operation])
            restored = {operation}
            effects += self._find_effect(line)
        self._testbed.grant_kubernetes(self._role)
        self._testbed.wait_for_permissions(restored, [])
        return effects

    def run_denied_attempts(self) -> list[tuple[str, str, str]]:
        """Check that the policy denies each attempt.

        :returns: for each attempt its task, the denied IAM action and the module's message.
        """
        attempts = []
        for attempt in aws_cases.denied_attempts():
            arguments = attempt.prepare(self._testbed)
            outcome = modules.run(attempt.module, arguments, self._testbed.environment)
            if not outcome.failed or f"is not authorized to perform: {attempt.action} " not in outcome.message:
                self.problems.append(f"{self._use} allows the caller to {attempt.task}: {outcome.result}")
            attempts.append((attempt.task, attempt.action, self._testbed.anonymize(outcome.short_message)))
        return attempts

    def _find_effect(self, line: Line) -> list[LineEffect]:
        """Run the cases that use a line until one shows its effect."""
        for run in self._runs:
            if not (run.aws_calls | run.outcome.operations).intersection(line.operations):
                continue
            check = self._use == "read-only" and run.case.writes
            # A rollout that is finished in the first list needs no watch, so a denied watch may have no effect.
            for _attempt in range(2 if run.case.module == "eksops.irsa.pod_rollout" else 1):
                outcome = run.case.run(self._testbed, run.case.prepare(self._testbed), check=check)
                effect = self._compare(line, run, outcome)
                if effect:
                    return [effect]
        self.problems.append(f"{self._use}: nothing fails without {line.text} ({line.where})")
        return []

    def _compare(self, line: Line, run: CaseRun, outcome: Outcome) -> LineEffect | None:
        """Compare a run without a line with the run with all permissions."""
        case, before = run.case, run.outcome
        if outcome.failed and (not before.failed or _names_permission(line, outcome)):
            if not _names_permission(line, outcome):
                self._report_problem(case, f"does not name {line.text}: {outcome.message}")
            return LineEffect(line, case.module, case.task, "fails", self._testbed.anonymize(outcome.short_message))
        new = [warning for warning in outcome.warnings if warning not in before.warnings]
        if new:
            message = next((warning for warning in new if "permission" in warning), new[0])
            return LineEffect(line, case.module, case.task, "warns", self._testbed.anonymize(message))
        if outcome.failed and _mask_numbers(outcome.message) != _mask_numbers(before.message):
            return LineEffect(line, case.module, case.task, "incomplete", "")
        return None

    def _report_problem(self, case: Case, problem: str) -> None:
        self.problems.append(f"{case.module}, {case.task}: {problem}")
        print(f"PROBLEM {self.problems[-1]}", file=sys.stderr, flush=True)


def _names_permission(line: Line, outcome: Outcome) -> bool:
    """Whether the message of a failure names the permission."""
    operation = line.operations[0]
    if not isinstance(operation, tuple):
        return any(operation in outcome.message for operation in line.operations)
    group, resource, verb = operation
    # kubernetes.core quotes the API server's JSON.
    message = outcome.message.replace('\\"', '"')
    is_denied = f'cannot {verb} resource "{resource}" in API group "{group}"' in message
    return is_denied or f"the permission to {verb} {resource}" in message


def _mask_numbers(text: str) -> str:
    """Replace numbers, which differ between runs."""
    return re.sub(r"\d+", "0", text)
