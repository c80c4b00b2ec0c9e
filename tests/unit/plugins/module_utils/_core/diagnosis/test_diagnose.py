# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The diagnosis of all facts: links, findings in order, warnings, and failures of the module."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import (
    PROBES,
    Diagnosis,
    VerificationSpec,
    specs_from_params,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import (
    AwsFacts,
    ChainFacts,
    StsAnswer,
    TestPod,
    Unknown,
)
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.run import diagnose_facts, result_of
from unit.chain_objects import AWS, CHAIN, NOT_READ, OTHER, ROLE, account, dry_run, inject, kubernetes, plain_pod

Json = dict[str, t.Any]
PROVIDER = CHAIN.issuer.removeprefix("https://")
PROVIDER_ARN = f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}"
SUBJECT = "system:serviceaccount:shop:app"
CLAIMS = {"iss": CHAIN.issuer, "aud": ["sts.amazonaws.com"], "sub": SUBJECT}
SESSION = "arn:aws:sts::123456789012:assumed-role/app/irsa-verify.shop.app"
ASSUMED = StsAnswer(CLAIMS, assumed_role_arn=SESSION, expires_in=900, region="eu-west-1")
DENIED = StsAnswer(
    CLAIMS, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", region="eu-west-1"
)
ASSUMED_IN_POD = TestPod(f"{SESSION}\n", SESSION, injected=True)
LINKS = ("provider", "role", "account", "webhook", "pods", "sts")


def missing(permission: str) -> Unknown:
    return Unknown(f"could not read: the permission {permission} is missing", permission)


def trust(subject: str = SUBJECT, **conditions: Json) -> Json:
    condition = {**conditions, "StringEquals": {f"{PROVIDER}:sub": subject, f"{PROVIDER}:aud": "sts.amazonaws.com"}}
    principal = {"Federated": PROVIDER_ARN}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity"}
    return {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}


def aws(**facts: t.Any) -> AwsFacts:
    """The facts from AWS for an intact chain; ``facts`` replace the others."""
    return dataclasses.replace(
        AWS,
        **{
            "provider": {"Url": PROVIDER, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [], "Tags": {}},
            "role": {"Arn": ROLE, "RoleName": "app", "Path": "/", "AssumeRolePolicyDocument": trust()},
            "managed_policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
            "boundary": None,
            **facts,
        },
    )


WRONG_ROLE = {"Arn": ROLE, "RoleName": "app", "Path": "/", "AssumeRolePolicyDocument": trust(f"{SUBJECT}-2")}
IAM_UNKNOWN = dict.fromkeys(
    ("provider", "role", "managed_policies", "inline_policies", "boundary"), missing("iam:GetRole")
)


def make_spec(probes: t.Collection[str] = PROBES, ignore: t.Collection[str] = (), **options: t.Any) -> VerificationSpec:
    params = {
        "namespace": "shop",
        "service_account": "app",
        "probes": list(probes),
        "propagation_timeout": 120,
        "fail_on": "error",
        "ignore": list(ignore),
        **options,
    }
    return specs_from_params(params)[0]


def diagnose(
    facts: AwsFacts | None = None,
    *,
    spec: VerificationSpec | None = None,
    sts: t.Any = ASSUMED,
    test_pod: t.Any = None,
    **cluster: t.Any,
) -> Diagnosis:
    chain = cluster.pop("chain", CHAIN)
    pods = cluster.pop("pods", None)
    kubernetes_facts = kubernetes(**cluster)
    if pods is not None:
        kubernetes_facts = dataclasses.replace(kubernetes_facts, pods=pods)
    return diagnose_facts(spec or make_spec(), ChainFacts(chain, facts or aws(), kubernetes_facts, sts, test_pod))


def ids(diagnosis: Diagnosis) -> list[str]:
    return [finding.id for finding in diagnosis.findings]


def not_ok(diagnosis: Diagnosis) -> dict[str, str]:
    assert tuple(diagnosis.links) == LINKS
    return {str(link): status for link, status in diagnosis.links.items() if status != "ok"}


OFF = Unknown("off")
ALL_OFF = AwsFacts(OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF)
NO_WEBHOOK = {"webhooks": [], "admitted": dry_run(None), "pods": [plain_pod()]}
CASES = [
    # The facts, the findings, the links that are not ok, and whether the chain is ok.
    pytest.param({}, [], {}, True, id="intact"),
    pytest.param(
        {"facts": aws(role=WRONG_ROLE), "sts": DENIED},
        ["sub-mismatch"],
        {"role": "broken", "sts": "broken"},
        False,
        id="role-broken",
    ),
    pytest.param(
        {"facts": aws(provider=None, provider_arns=[], role=WRONG_ROLE), "sts": DENIED},
        ["provider-missing", "sub-mismatch"],
        {"provider": "broken", "role": "broken", "sts": "broken"},
        False,
        id="findings-in-order-of-the-chain",
    ),
    pytest.param({"facts": aws(managed_policies=[], inline_policies={})}, ["no-permissions"], {}, True, id="warning"),
    pytest.param({"sts": DENIED}, ["denied-elsewhere"], {"sts": "broken"}, False, id="sts-broken"),
    pytest.param(NO_WEBHOOK, ["webhook-missing"], {"webhook": "broken"}, False, id="consequences-are-omitted"),
    pytest.param(
        {"pods": [inject(plain_pod(), OTHER)]}, ["pod-stale-role"], {"pods": "broken"}, False, id="pods-broken"
    ),
    pytest.param(
        {"account": None, "admitted": Unknown("no account"), "sts": Unknown("no account")},
        ["account-missing"],
        {"account": "broken", "webhook": "unknown", "sts": "unknown"},
        False,
        id="account-missing",
    ),
    # Only STS can replace facts from IAM.
    pytest.param({"facts": aws(**IAM_UNKNOWN)}, [], {}, True, id="proven-without-iam"),
    pytest.param(
        {"facts": aws(**IAM_UNKNOWN), "sts": DENIED},
        ["denied-unexplained"],
        {"provider": "unknown", "role": "unknown", "sts": "broken"},
        False,
        id="denied-without-iam",
    ),
    pytest.param(
        {"facts": aws(**IAM_UNKNOWN), "sts": missing("create serviceaccounts/token")},
        [],
        {"provider": "unknown", "role": "unknown", "sts": "unknown"},
        False,
        id="neither-proven-nor-read",
    ),
    pytest.param({"admitted": missing("create pods")}, [], {"webhook": "unknown"}, False, id="dry-run-unknown"),
    pytest.param({"pods": missing("list pods")}, [], {"pods": "unknown"}, False, id="pods-unknown"),
    pytest.param({"account": missing("get serviceaccounts")}, [], {"account": "unknown"}, False, id="account-unknown"),
    pytest.param(
        {"webhooks": missing("list mutatingwebhookconfigurations")},
        [],
        {},
        True,
        id="webhooks-unknown-but-dry-run-works",
    ),
    # Some probes are off.
    pytest.param(
        {"spec": make_spec(["static"]), "sts": None, "admitted": None, "pods": OFF},
        [],
        {"webhook": "skipped", "pods": "skipped", "sts": "skipped"},
        True,
        id="only-static",
    ),
    pytest.param(
        {
            "spec": make_spec(["token"]),
            "facts": ALL_OFF,
            "admitted": None,
            "webhooks": OFF,
            "namespace": OFF,
            "pods": OFF,
        },
        [],
        {"webhook": "skipped", "pods": "skipped"},
        True,
        id="only-token",
    ),
    pytest.param(
        {
            "spec": make_spec(["token"]),
            "facts": ALL_OFF,
            "sts": DENIED,
            "admitted": None,
            "webhooks": OFF,
            "namespace": OFF,
            "pods": OFF,
        },
        ["denied-unexplained"],
        {"provider": "skipped", "role": "skipped", "webhook": "skipped", "pods": "skipped", "sts": "broken"},
        False,
        id="only-token-and-denied",
    ),
    pytest.param(
        {"spec": make_spec(["pods"]), "facts": ALL_OFF, "sts": None, "admitted": None},
        [],
        {"provider": "skipped", "role": "skipped", "webhook": "skipped", "sts": "skipped"},
        True,
        id="only-pods",
    ),
    # The test pod.
    pytest.param({"test_pod": ASSUMED_IN_POD}, [], {}, True, id="test-pod"),
    pytest.param(
        {
            "test_pod": ASSUMED_IN_POD,
            "spec": make_spec(["token"]),
            "facts": ALL_OFF,
            "admitted": None,
            "webhooks": OFF,
            "pods": OFF,
        },
        [],
        {"webhook": "skipped"},
        True,
        id="test-pod-and-token",
    ),
    pytest.param({"test_pod": Unknown("timeout")}, [], {"pods": "unknown"}, False, id="test-pod-timeout"),
    pytest.param({"test_pod": TestPod("no ARN")}, [], {"pods": "unknown"}, False, id="test-pod-without-caller"),
    pytest.param(
        {"test_pod": TestPod("x", "arn:aws:sts::123456789012:assumed-role/n/i-0123456789abcdef0", injected=True)},
        ["imds-fallback"],
        {"pods": "broken"},
        False,
        id="test-pod-with-node-role",
    ),
    # The role is not in the cluster's AWS account.
    pytest.param(
        {
            "chain": dataclasses.replace(CHAIN, account_id="210987654321"),
            "facts": aws(**dict.fromkeys(IAM_UNKNOWN, OFF)),
        },
        [],
        {},
        True,
        id="other-account-and-assumed",
    ),
    pytest.param(
        {
            "chain": dataclasses.replace(CHAIN, account_id="210987654321"),
            "facts": aws(**dict.fromkeys(IAM_UNKNOWN, OFF)),
            "sts": DENIED,
        },
        ["arn-wrong-account"],
        {"provider": "unknown", "role": "broken", "sts": "broken"},
        False,
        id="other-account-and-denied",
    ),
]


@pytest.mark.parametrize(("facts", "expected", "links", "ok"), CASES)
def test_findings_and_links(facts: Json, expected: list[str], links: Json, ok: bool) -> None:
    diagnosis = diagnose(**facts)
    assert ids(diagnosis) == expected
    assert not_ok(diagnosis) == links
    assert diagnosis.ok is ok
    has_error = any(finding.severity == "error" for finding in diagnosis.findings)
    assert (diagnosis.failure("error") is not None) is has_error


def test_ignored_findings_are_returned_but_do_not_count() -> None:
    pods = [inject(plain_pod(), OTHER)]
    spec = make_spec(ignore=["pod-stale-role"])
    diagnosis = diagnose(aws(managed_policies=[], inline_policies={}), spec=spec, pods=pods)
    assert ids(diagnosis) == ["no-permissions"]
    assert [finding.id for finding in diagnosis.ignored] == ["pod-stale-role"]
    assert diagnosis.ok
    assert diagnosis.failure("error") is None
    assert diagnosis.failure("warning") is not None


def test_ignored_finding_explains_a_refusal() -> None:
    diagnosis = diagnose(aws(role=WRONG_ROLE), spec=make_spec(ignore=["sub-mismatch"]), sts=DENIED)
    assert ids(diagnosis) == []
    assert not_ok(diagnosis) == {"sts": "broken"}
    assert diagnosis.failure("warning") is None


@pytest.mark.parametrize(
    ("fail_on", "expected"),
    [("error", ["sub-mismatch"]), ("warning", ["sub-mismatch", "no-permissions"]), ("never", None)],
)
def test_failure_contains_findings_by_severity(fail_on: str, expected: list[str] | None) -> None:
    diagnosis = diagnose(aws(role=WRONG_ROLE, managed_policies=[], inline_policies={}), sts=DENIED)
    assert ids(diagnosis) == ["sub-mismatch", "no-permissions"]
    failure = diagnosis.failure(fail_on)
    if expected is None:
        assert failure is None
        return
    assert failure is not None
    assert failure.kind == "chain_broken"
    assert failure.message == f"service account shop/app cannot assume role {ROLE}"
    assert [part.partition(":")[0] for part in str(failure.cause).split("; ") if ": " in part] == expected
    assert "\n" not in str(failure)


def test_each_missing_permission_is_one_warning() -> None:
    diagnosis = diagnose(
        aws(**IAM_UNKNOWN, associations=missing("eks:ListPodIdentityAssociations")),
        sts=missing("create serviceaccounts/token"),
        admitted=missing("create pods"),
        webhooks=missing("list mutatingwebhookconfigurations"),
        pods=missing("list pods"),
        namespace=missing("get namespaces"),
        test_pod=missing("create pods"),
    )
    assert [warning.split("the permission ")[1].split(" is missing")[0] for warning in diagnosis.warnings] == [
        "iam:GetRole",
        "get namespaces",
        "eks:ListPodIdentityAssociations",
        "list mutatingwebhookconfigurations",
        "create pods",
        "list pods",
        "create serviceaccounts/token",
    ]
    assert all(warning[0].isupper() and warning.endswith(".") for warning in diagnosis.warnings)


def test_unknown_link_that_a_finding_explains_has_no_warning() -> None:
    diagnosis = diagnose(account=None, admitted=Unknown("no account"), sts=Unknown("no account"))
    assert diagnosis.warnings == ()


def test_unknown_link_without_a_finding_has_a_warning() -> None:
    quota = Unknown('pods "irsa-verify-1" is forbidden: exceeded quota')
    assert diagnose(admitted=quota).warnings == ('Pods "irsa-verify-1" is forbidden: exceeded quota.',)
    timeout = Unknown("the test pod shop/x did not end within 5 seconds")
    assert diagnose(test_pod=timeout).warnings == ("The test pod shop/x did not end within 5 seconds.",)
    (warning,) = diagnose(test_pod=TestPod("no ARN")).warnings
    assert "did not print its caller's ARN" in warning


def test_change_that_has_not_reached_sts_is_a_warning() -> None:
    diagnosis = diagnose(aws(role=WRONG_ROLE))
    assert ids(diagnosis) == ["sub-mismatch"]
    assert not_ok(diagnosis) == {"role": "broken"}
    (warning,) = diagnosis.warnings
    assert warning.startswith("STS still accepts the service account for the role.")


def test_unknown_fact_that_no_link_needs_has_no_warning() -> None:
    aws_facts = aws(provider_arns=Unknown("the provider exists"), quotas=Unknown("the policy is short"))
    assert diagnose(aws_facts, serving_ca=NOT_READ).warnings == ()


def test_result_of_the_module() -> None:
    other = plain_pod("tool-1", owner=None, serviceAccountName="tool")
    result = result_of(diagnose(pods=[inject(plain_pod()), other], test_pod=ASSUMED_IN_POD))
    assert result["proof"] == {
        "assumed_role_arn": SESSION,
        "caller_account": "123456789012",
        "audience": "sts.amazonaws.com",
        "issuer": CHAIN.issuer,
        "subject": SUBJECT,
        "expires_in": 900,
    }
    assert result["test_pod"] == {"log": f"{SESSION}\n", "caller_arn": SESSION}
    assert result["pods"] == [
        {
            "namespace": "shop",
            "name": "tool-1",
            "owner": None,
            "stale": False,
            "reasons": ["uses the service account tool instead of app"],
        },
        {
            "namespace": "shop",
            "name": "web-5d4f-x1",
            "owner": {"kind": "Deployment", "name": "web"},
            "stale": False,
            "reasons": [],
        },
    ]
    assert [finding["id"] for finding in result["findings"]] == ["pod-other-account"]
    assert set(result["findings"][0]) == {"id", "severity", "link", "message", "evidence", "expected", "found", "fix"}


def test_result_without_proof_pods_and_test_pod() -> None:
    result = result_of(diagnose(sts=DENIED, pods=NOT_READ))
    assert (result["proof"], result["pods"], result["test_pod"]) == (None, [], None)
    assert result_of(diagnose(sts=None, spec=make_spec(["static", "pods"]), admitted=None))["proof"] is None


def test_account_without_a_role_has_no_warnings() -> None:
    diagnosis = diagnose(
        aws(**dict.fromkeys(IAM_UNKNOWN, OFF)),
        chain=dataclasses.replace(CHAIN, role_arn=None),
        account=account(None),
        admitted=dry_run(None),
        pods=[plain_pod()],
        sts=Unknown("no role"),
    )
    assert ids(diagnosis) == ["annotation-missing"]
    failure = diagnosis.failure("error")
    assert failure is not None
    assert failure.message.endswith("cannot assume a role")
    assert diagnosis.warnings == ()


OWN_RANGE = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
FROM_OWN_RANGE = aws(
    role={**WRONG_ROLE, "AssumeRolePolicyDocument": trust(SUBJECT, **OWN_RANGE)},
)


def test_conditions_that_only_a_pod_can_meet_leave_sts_unknown() -> None:
    diagnosis = diagnose(FROM_OWN_RANGE, sts=DENIED)
    assert ids(diagnosis) == []
    assert not_ok(diagnosis) == {"sts": "unknown"}
    assert not diagnosis.failure("warning")
    (warning,) = diagnosis.warnings
    assert "IpAddress aws:SourceIp 192.0.2.0/24 in statement 1 of the trust policy of role app" in warning
    assert "test_pod" in warning


def test_test_pod_proves_the_role_under_such_conditions() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/app/botocore-session-1"
    diagnosis = diagnose(FROM_OWN_RANGE, sts=DENIED, test_pod=TestPod(session, session, True))
    assert (ids(diagnosis), not_ok(diagnosis), diagnosis.warnings) == ([], {}, ())


@pytest.mark.parametrize(
    ("facts", "sts", "message"),
    [
        (aws(role=WRONG_ROLE), DENIED, f"service account shop/app cannot assume role {ROLE}"),
        (
            aws(managed_policies=[], inline_policies={}),
            ASSUMED,
            f"the chain from service account shop/app to role {ROLE} has findings",
        ),
    ],
)
def test_failure_does_not_deny_what_sts_has_proved(facts: AwsFacts, sts: t.Any, message: str) -> None:
    failure = diagnose(facts, sts=sts).failure("warning")
    assert failure
    assert str(failure).startswith(f"{message}. Cause: ")
