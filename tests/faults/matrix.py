"""The runs of `make faults`: which fault meets which case, and the result."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import itertools
import json
import random
import signal
import typing as t

from faults.cases import IAM, KUBERNETES, WATCH, Case
from faults.lab import Facts, Lab
from faults.modules import Outcome

Json = dict[str, t.Any]

PROBABILITIES = (0.05, 0.3)
# How long the effect of a fault lasts, if not as long as usual: short, so that many runs are cheap.
SECONDS = {"stalled": 1.0, "slow": 0.5, "restart": 0.7, "refused": 0.3}
# Faults of everything that sends HTTP requests.
_COMMON = (
    "throttled",
    "too_many_requests",
    "internal_error",
    "unavailable",
    "refused",
    "reset_before",
    "reset_after",
    "cut_body",
    "stalled",
    "slow",
    "malformed",
)
# Other faults, with what a case must use to meet them; "writes": it must write.
_SPECIAL = {
    "conflict": "writes",
    "stale_read": IAM,
    "restart": KUBERNETES,
    "token_expired": KUBERNETES,
    "watch_error": WATCH,
    "watch_closed": WATCH,
    "gone": WATCH,
}
FAULTS = (*_COMMON, *_SPECIAL)
# A module ends this many seconds after its time-out at the latest.
GRACE = 10
_LIMIT = 240
_SECRETS = ("k8s-aws-v1.", "wJalrXUtnFEMI")


@dataclasses.dataclass(frozen=True)
class Job:
    """One run under a fault."""

    case: str
    fault: str
    probability: float
    seed: int

    @property
    def arguments(self) -> str:
        """The arguments that repeat it."""
        return f"--case '{self.case}' --fault {self.fault} --probability {self.probability} --seed {self.seed} --runs 1"


@dataclasses.dataclass
class Report:
    """The result of a run.

    :ivar hits: how many calls the fault hit.
    :ivar seconds: how long it took.
    :ivar over: by how much it exceeded its time-out; None if it has none.
    :ivar problems: what must not happen, by kind: lost, doubled, traceback, hang, secret, not converged, changed again.
    """

    job: Job
    hits: int = 0
    seconds: float = 0.0
    over: float | None = None
    ok: bool = False
    clean_error: bool = False
    converged: bool = False
    unchanged: bool = False
    message: str = ""
    problems: dict[str, str] = dataclasses.field(default_factory=dict)


def meets(case: Case, fault: str) -> bool:
    """Whether a case can meet a fault."""
    need = _SPECIAL.get(fault)
    return need is None or need in case.uses or (need == "writes" and case.writes)


def plan(
    cases: c.Sequence[Case], faults: c.Sequence[str], probabilities: c.Sequence[float], *, seed: int, runs: int
) -> list[Job]:
    """So many runs: all combinations, again and again with the next seed, or a random choice if there are more.

    The role runs only once for each fault, and is not in a choice, because it takes seconds.
    """
    combinations = [
        (case, fault, probability)
        for case, fault, probability in itertools.product(cases, faults, probabilities)
        if meets(case, fault) and (case.module != "role" or probability == probabilities[-1])
    ]
    if runs < len(combinations):
        fast = [combination for combination in combinations if combination[0].module != "role"]
        chosen = random.Random(seed).sample(fast if len(fast) >= runs else combinations, runs)  # noqa: S311
        return [Job(case.name, fault, probability, seed) for case, fault, probability in chosen]
    jobs: list[Job] = []
    for number in itertools.count():
        for case, fault, probability in combinations:
            if len(jobs) == runs:
                return jobs
            if case.module != "role" or not number:
                jobs.append(Job(case.name, fault, probability, seed + number))
    return jobs


def run(lab: Lab, case: Case, job: Job, expected: Facts) -> Report:
    """Run a case under a fault, then twice without.

    :param expected: the end state of a run without faults.
    """
    report = Report(job)
    lab.begin()
    case.prepare(lab)
    lab.inject(
        {
            "kind": job.fault,
            "probability": job.probability,
            "seed": job.seed,
            "times": 0,
            **({"seconds": SECONDS[job.fault]} if job.fault in SECONDS else {}),
        }
    )
    outcome = case.run(lab, _LIMIT)
    report.hits = lab.clear_faults()
    _judge(report, case, outcome)
    if report.ok and case.writes:
        _compare(report, lab.facts(), expected, "after the run that ended ok")
    if not report.hits and report.ok and not report.problems:
        # The run was one without faults, as that of which the end state is known. It was repeated then.
        report.converged = report.unchanged = True
        return report
    again = case.run(lab, _LIMIT)
    report.converged = not again.failed and bool(again.result)
    if not report.converged:
        report.problems["not converged"] = again.message or again.traceback or f"signal {again.exit_signal}"
    elif case.writes:
        _compare(report, lab.facts(), expected, "after the next run")
    third = case.run(lab, _LIMIT)
    report.unchanged = not third.failed and not third.changed
    if report.converged and not report.unchanged:
        report.problems["changed again"] = third.message or str(third.result.get("actions"))
    return report


def _judge(report: Report, case: Case, outcome: Outcome) -> None:
    """Classify the end of the run under the fault."""
    report.seconds = outcome.seconds
    report.message = outcome.message[:600]
    if case.seconds is not None:
        report.over = outcome.seconds - case.seconds
    if outcome.exit_signal == signal.SIGALRM or (report.over or 0) > GRACE:
        report.problems["hang"] = f"{outcome.seconds:.0f} s"
    if outcome.traceback:
        report.problems["traceback"] = _shorten(outcome.traceback)
    text = json.dumps(outcome.result) + outcome.errors
    # The kubeconfig is the answer of its module.
    if case.module != "eks_kubeconfig_info" and any(secret in text for secret in _SECRETS):
        report.problems["secret"] = next(secret for secret in _SECRETS if secret in text)
    report.ok = bool(outcome.result) and not outcome.failed
    report.clean_error = outcome.failed and bool(outcome.message) and not outcome.traceback


def _shorten(traceback: str) -> str:
    """The end of a traceback, without the lines that mark columns."""
    lines = [line for line in traceback.splitlines() if line.strip("^~ ")]
    return "\n".join(lines)[-580:]


def _compare(report: Report, facts: Facts, expected: Facts, when: str) -> None:
    """Note what is missing in the end state, and what it has too much."""
    missing, extra = expected - facts, facts - expected
    if missing:
        report.problems.setdefault("lost", f"{when}: missing {'; '.join(missing)}")
    if extra:
        report.problems.setdefault("doubled", f"{when}: too much {'; '.join(extra)}")
