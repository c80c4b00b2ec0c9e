"""The runs under faults: every module of the collection, and the role."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import typing as t

from faults.lab import READ_ONLY, ROLE_ARN, Facts, Lab
from faults.modules import Outcome
from sandbox import settings

Json = dict[str, t.Any]
Run = c.Callable[[Lab, int], Outcome]

# What a case uses, which decides which faults it can meet.
IAM, KUBERNETES, WATCH = "iam", "kubernetes", "watch"
ROLLOUT_SECONDS = 20
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
_RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
_OTHER_ISSUER = settings.issuer(settings.OTHER_CLUSTER)


@dataclasses.dataclass(frozen=True)
class Case:
    """One use of a module.

    :param prepare: creates the initial state.
    :param uses: what it talks to.
    :param writes: whether it changes something.
    :param seconds: its time-out, None if it has no such option.
    """

    name: str
    prepare: c.Callable[[Lab], None]
    arguments: c.Callable[[Lab], Json]
    uses: frozenset[str]
    writes: bool = True
    seconds: int | None = None

    @property
    def module(self) -> str:
        return self.name.partition(" ")[0]

    def run(self, lab: Lab, limit: int) -> Outcome:
        """Run it once."""
        if self.module == "role":
            return _run_role(lab, self.arguments(lab), limit)
        return lab.run(self.module, self.arguments(lab), seconds=limit)

    def expect(self, lab: Lab) -> Facts:
        """The end state of a run without faults.

        :raises RuntimeError: the run failed, or a second one changes something.
        """
        lab.begin()
        self.prepare(lab)
        for is_second in (False, True):
            outcome = self.run(lab, 120)
            if outcome.failed or not outcome.result or (is_second and outcome.changed):
                raise RuntimeError(f"{self.name} without faults: {outcome.result or outcome.errors}")
        return lab.facts()


def _nothing(_lab: Lab) -> None:
    """The initial state is empty."""


def all_cases() -> list[Case]:
    """Every module in each of its directions, and the role."""
    reads = {"writes": False}
    return [
        Case("eks_kubeconfig_info", _nothing, lambda _lab: {}, frozenset(), **reads),
        Case("eks_oidc_info", Lab.create_provider, lambda _lab: {}, frozenset({IAM}), **reads),
        Case("iam_oidc_provider", _nothing, lambda _lab: {"tags": {"team": "shop"}}, frozenset({IAM})),
        Case(
            "iam_oidc_provider absent",
            _provider_of_ours,
            lambda _lab: {"state": "absent", "force": True},
            frozenset({IAM}),
        ),
        Case("irsa_role", _shared_role, _role_arguments, frozenset({IAM})),
        Case("irsa_role absent", _role_of_ours, _absent_role_arguments, frozenset({IAM})),
        Case("sa_annotate", _nothing, _account_arguments, frozenset({KUBERNETES})),
        Case("sa_annotate absent", _annotated_account, _absent_account_arguments, frozenset({KUBERNETES})),
        Case("irsa_rbac", _nothing, _rbac_arguments, frozenset({KUBERNETES})),
        Case(
            "irsa_rbac absent",
            lambda lab: _apply(lab, "irsa_rbac", _rbac_arguments(lab)),
            lambda lab: {**_rbac_arguments(lab), "state": "absent"},
            frozenset({KUBERNETES}),
        ),
        Case(
            "pod_rollout",
            _stale_pods,
            lambda lab: {**_names(lab, "app"), "wait_timeout": ROLLOUT_SECONDS},
            frozenset({KUBERNETES, WATCH}),
            seconds=ROLLOUT_SECONDS,
        ),
        Case("irsa_bindings", _workloads, _bindings_arguments, frozenset({IAM, KUBERNETES, WATCH})),
        Case("irsa_bindings absent", _bound, _absent_bindings_arguments, frozenset({IAM, KUBERNETES})),
        Case(
            "irsa_bindings_info",
            _bound,
            lambda lab: {"namespaces": [lab.namespace]},
            frozenset({IAM, KUBERNETES}),
            **reads,
        ),
        Case(
            "irsa_verify",
            _bound,
            lambda lab: {**_names(lab, "app-0"), "fail_on": "never"},
            frozenset({IAM, KUBERNETES}),
            **reads,
        ),
        Case(
            "irsa_audit",
            _bound,
            lambda lab: {"namespaces": [lab.namespace], "fail_on": "never"},
            frozenset({IAM, KUBERNETES}),
            **reads,
        ),
        Case("role irsa", _workloads, _irsa_arguments, frozenset({IAM, KUBERNETES, WATCH})),
    ]


def _names(lab: Lab, name: str) -> Json:
    return {"namespace": lab.namespace, "service_account": name}


def _apply(lab: Lab, module: str, arguments: Json) -> None:
    outcome = lab.run(module, arguments)
    if outcome.failed or not outcome.result:
        raise RuntimeError(f"{module} could not create the initial state: {outcome.result or outcome.errors}")


# OIDC provider and role


def _provider_of_ours(lab: Lab) -> None:
    _apply(lab, "iam_oidc_provider", {"tags": {"team": "shop"}})


def _shared_role(lab: Lab) -> None:
    """A role of another cluster, with tags and policies of other tools."""
    tags = [{"Key": "eksops.irsa/managed", "Value": "true"}]
    lab.role_trusting("shared", "system:serviceaccount:web:front", issuer=_OTHER_ISSUER, Tags=tags)
    lab.iam.attach_role_policy(RoleName="shared", PolicyArn=READ_ONLY)
    lab.iam.put_role_policy(RoleName="shared", PolicyName="theirs", PolicyDocument=json.dumps(_POLICY))


def _role_arguments(lab: Lab) -> Json:
    return {
        "name": "shared",
        "service_accounts": [{"namespace": lab.namespace, "name": name} for name in ("app", "worker")],
        "managed_policies": ["AmazonS3ReadOnlyAccess"],
        "inline_policies": {"ours": _POLICY},
        "description": "shop",
        "max_session_duration": 7200,
        "tags": {"team": "shop", "stage": "test"},
    }


def _role_of_ours(lab: Lab) -> None:
    _apply(lab, "irsa_role", {**_role_arguments(lab), "name": "ours"})


def _absent_role_arguments(_lab: Lab) -> Json:
    return {"name": "ours", "state": "absent"}


# Service account and pods


def _account_arguments(lab: Lab) -> Json:
    return {
        "namespace": lab.namespace,
        "name": "app",
        "role_arn": f"{lab.account}:role/app",
        "audience": settings.AUDIENCE,
        "labels": {"team": "shop"},
        "token_expiration": 3600,
    }


def _annotated_account(lab: Lab) -> None:
    _apply(lab, "sa_annotate", _account_arguments(lab))


def _absent_account_arguments(lab: Lab) -> Json:
    return {"namespace": lab.namespace, "name": "app", "state": "absent", "delete": True}


def _rbac_arguments(lab: Lab) -> Json:
    rbac = {"rules": _RULES, "cluster_rules": _RULES}
    return {"bindings": [{"namespace": lab.namespace, "service_account": "app", "rbac": rbac}]}


def _stale_pods(lab: Lab) -> None:
    lab.workload("app")
    lab.settle()
    lab.annotate("app", f"{lab.account}:role/app", lab.namespace)


# Bindings


def _bindings(lab: Lab) -> list[Json]:
    return [
        {
            "namespace": lab.namespace,
            "service_account": f"app-{number}",
            "role_name": "shared" if number else "own",
            "tags": {"team": "shop"},
            "managed_policies": ["AmazonS3ReadOnlyAccess"],
            "labels": {"team": "shop"},
        }
        for number in range(3)
    ]


def _workloads(lab: Lab) -> None:
    """A role of another cluster, and stale pods of one of the service accounts."""
    _shared_role(lab)
    lab.workload("app-0")
    lab.settle()


def _bindings_arguments(lab: Lab) -> Json:
    return {
        "bindings": _bindings(lab),
        "rollout": True,
        "rollout_options": {"wait_timeout": ROLLOUT_SECONDS},
        "verify": "token",
        "max_workers": 4,
    }


def _bound(lab: Lab) -> None:
    _workloads(lab)
    _apply(lab, "irsa_bindings", _bindings_arguments(lab))
    lab.settle()


def _absent_bindings_arguments(lab: Lab) -> Json:
    names = ("namespace", "service_account", "role_name")
    options = {"force": True, "rollout": True, "rollout_options": {"wait_timeout": ROLLOUT_SECONDS}}
    return {
        **options,
        "state": "absent",
        "bindings": [{name: binding[name] for name in names} for binding in _bindings(lab)],
    }


# The role


def _irsa_arguments(lab: Lab) -> Json:
    return {
        "irsa_cluster_name": lab.cluster["name"],
        "irsa_region": lab.cluster["region"],
        "irsa_bindings": [{**binding, "rbac": {"rules": _RULES}} for binding in _bindings(lab)],
        "irsa_rollout": {"enabled": True, "wait_timeout": ROLLOUT_SECONDS},
    }


def _run_role(lab: Lab, variables: Json, limit: int) -> Outcome:
    """Run the role with ansible-playbook."""
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "roles": ["eksops.irsa.irsa"],
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **variables},
    }
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        playbook = pathlib.Path(directory, "play.yml")
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        environment = {**os.environ, **lab.environment, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOLOR": "true"}
        try:
            ended = subprocess.run(
                ["ansible-playbook", "-i", "localhost,", str(playbook)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome({}, frozenset(), time.monotonic() - begin, "", 14)
    counts = re.search(r"changed=(\d+) .*failed=(\d+)", ended.stdout)
    result = {
        "changed": bool(counts and int(counts[1])),
        "failed": ended.returncode != 0,
        "msg": ended.stdout if ended.returncode else "",
    }
    return Outcome(result, frozenset(), time.monotonic() - begin, ended.stderr)


__all__ = ["IAM", "KUBERNETES", "ROLE_ARN", "WATCH", "Case", "all_cases"]
