# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all observations amount to: links, findings in order, warnings, and when the module fails."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import (
    PROBES,
    Diagnosis,
    VerificationSpec,
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
ACTS = TestPod(f"{SESSION}\n", SESSION, injected=True)
LINKS = ("provider", "role", "account", "webhook", "pods", "sts")


def missing(permission: str) -> Unknown:
    return Unknown(f"could not look: the permission {permission} is missing", permission)


def trust(subject: str = SUBJECT) -> Json:
    condition = {"StringEquals": {f"{PROVIDER}:sub": subject, f"{PROVIDER}:aud": "sts.amazonaws.com"}}
    principal = {"Federated": PROVIDER_ARN}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity"}
    return {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}


def aws(**facts: t.Any) -> AwsFacts:
    """What AWS says of a chain that holds, but for what is named."""
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
UNREAD = dict.fromkeys(("provider", "role", "managed_policies", "inline_policies", "boundary"), missing("iam:GetRole"))


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
    return VerificationSpec.from_params(params)


def diagnose(
    facts: AwsFacts | None = None,
    *,
    of: VerificationSpec | None = None,
    sts: t.Any = ASSUMED,
    pod: t.Any = None,
    **cluster: t.Any,
) -> Diagnosis:
    chain = cluster.pop("chain", CHAIN)
    pods = cluster.pop("pods", None)
    known = kubernetes(**cluster) if pods is None else dataclasses.replace(kubernetes(**cluster), pods=pods)
    return diagnose_facts(of or make_spec(), ChainFacts(chain, facts or aws(), known, sts, pod))


def ids(found: Diagnosis) -> list[str]:
    return [each.id for each in found.findings]


def not_ok(found: Diagnosis) -> dict[str, str]:
    assert tuple(found.links) == LINKS
    return {str(link): status for link, status in found.links.items() if status != "ok"}


OFF = Unknown("off")
ALL_OFF = AwsFacts(OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF)
BARE = {"webhooks": [], "admitted": dry_run(None), "pods": [plain_pod()]}
STATES = [
    # What is seen, the findings, the links that aren't ok, whether all is.
    pytest.param({}, [], {}, True, id="whole"),
    pytest.param(
        {"facts": aws(role=WRONG_ROLE), "sts": DENIED},
        ["sub-mismatch"],
        {"role": "broken", "sts": "broken"},
        False,
        id="role",
    ),
    pytest.param(
        {"facts": aws(provider=None, provider_arns=[], role=WRONG_ROLE), "sts": DENIED},
        ["provider-missing", "sub-mismatch"],
        {"provider": "broken", "role": "broken", "sts": "broken"},
        False,
        id="several-in-the-order-of-the-chain",
    ),
    pytest.param({"facts": aws(managed_policies=[], inline_policies={})}, ["no-permissions"], {}, True, id="a-warning"),
    pytest.param({"sts": DENIED}, ["denied-elsewhere"], {"sts": "broken"}, False, id="sts"),
    pytest.param(BARE, ["webhook-missing"], {"webhook": "broken"}, False, id="what-follows-is-left-out"),
    pytest.param({"pods": [inject(plain_pod(), OTHER)]}, ["pod-stale-role"], {"pods": "broken"}, False, id="pods"),
    pytest.param(
        {"account": None, "admitted": Unknown("no account"), "sts": Unknown("no account")},
        ["account-missing"],
        {"account": "broken", "webhook": "unknown", "sts": "unknown"},
        False,
        id="no-account",
    ),
    # STS proves what IAM doesn't show, and nothing else does.
    pytest.param({"facts": aws(**UNREAD)}, [], {}, True, id="proven-though-unread"),
    pytest.param(
        {"facts": aws(**UNREAD), "sts": DENIED},
        ["denied-unexplained"],
        {"provider": "unknown", "role": "unknown", "sts": "broken"},
        False,
        id="refused-and-unread",
    ),
    pytest.param(
        {"facts": aws(**UNREAD), "sts": missing("create serviceaccounts/token")},
        [],
        {"provider": "unknown", "role": "unknown", "sts": "unknown"},
        False,
        id="neither-proven-nor-read",
    ),
    pytest.param({"admitted": missing("create pods")}, [], {"webhook": "unknown"}, False, id="no-dry-run"),
    pytest.param({"pods": missing("list pods")}, [], {"pods": "unknown"}, False, id="no-pods-to-be-seen"),
    pytest.param(
        {"account": missing("get serviceaccounts")}, [], {"account": "unknown"}, False, id="no-account-to-be-seen"
    ),
    pytest.param({"webhooks": missing("list mutatingwebhookconfigurations")}, [], {}, True, id="the-dry-run-suffices"),
    # What no probe was to look at.
    pytest.param(
        {"of": make_spec(["static"]), "sts": None, "admitted": None, "pods": OFF},
        [],
        {"webhook": "skipped", "pods": "skipped", "sts": "skipped"},
        True,
        id="static-alone",
    ),
    pytest.param(
        {
            "of": make_spec(["token"]),
            "facts": ALL_OFF,
            "admitted": None,
            "webhooks": OFF,
            "namespace": OFF,
            "pods": OFF,
        },
        [],
        {"webhook": "skipped", "pods": "skipped"},
        True,
        id="token-alone",
    ),
    pytest.param(
        {
            "of": make_spec(["token"]),
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
        id="token-alone-refused",
    ),
    pytest.param(
        {"of": make_spec(["pods"]), "facts": ALL_OFF, "sts": None, "admitted": None},
        [],
        {"provider": "skipped", "role": "skipped", "webhook": "skipped", "sts": "skipped"},
        True,
        id="pods-alone",
    ),
    # The test pod.
    pytest.param({"pod": ACTS}, [], {}, True, id="test-pod"),
    pytest.param(
        {"pod": ACTS, "of": make_spec(["token"]), "facts": ALL_OFF, "admitted": None, "webhooks": OFF, "pods": OFF},
        [],
        {"webhook": "skipped"},
        True,
        id="test-pod-and-token",
    ),
    pytest.param({"pod": Unknown("it hangs")}, [], {"pods": "unknown"}, False, id="test-pod-hangs"),
    pytest.param({"pod": TestPod("what?")}, [], {"pods": "unknown"}, False, id="test-pod-says-nothing"),
    pytest.param(
        {"pod": TestPod("x", "arn:aws:sts::123456789012:assumed-role/n/i-0123456789abcdef0", injected=True)},
        ["imds-fallback"],
        {"pods": "broken"},
        False,
        id="test-pod-is-its-node",
    ),
    # A role of another account than the annotation's reader would think of.
    pytest.param(
        {"chain": dataclasses.replace(CHAIN, account_id="210987654321"), "facts": aws(**dict.fromkeys(UNREAD, OFF))},
        [],
        {},
        True,
        id="sts-says-that-the-account-was-meant",
    ),
    pytest.param(
        {
            "chain": dataclasses.replace(CHAIN, account_id="210987654321"),
            "facts": aws(**dict.fromkeys(UNREAD, OFF)),
            "sts": DENIED,
        },
        ["arn-wrong-account"],
        {"provider": "unknown", "role": "broken", "sts": "broken"},
        False,
        id="sts-says-nothing-of-the-kind",
    ),
]


@pytest.mark.parametrize(("seen", "expected", "links", "ok"), STATES)
def test_findings_and_links(seen: Json, expected: list[str], links: Json, ok: bool) -> None:
    found = diagnose(seen.get("facts"), **{key: value for key, value in seen.items() if key != "facts"})
    assert ids(found) == expected
    assert not_ok(found) == links
    assert found.ok is ok
    assert (found.failure("error") is not None) is any(each.severity == "error" for each in found.findings)


def test_ignored_findings_are_returned_but_do_not_count() -> None:
    pods = [inject(plain_pod(), OTHER)]
    found = diagnose(aws(managed_policies=[], inline_policies={}), of=make_spec(ignore=["pod-stale-role"]), pods=pods)
    assert ids(found) == ["no-permissions"]
    assert [each.id for each in found.ignored] == ["pod-stale-role"]
    assert found.ok
    assert found.failure("error") is None
    assert found.failure("warning") is not None


def test_an_ignored_finding_still_explains_a_refusal() -> None:
    found = diagnose(aws(role=WRONG_ROLE), of=make_spec(ignore=["sub-mismatch"]), sts=DENIED)
    assert ids(found) == []
    assert not_ok(found) == {"sts": "broken"}, "refused is refused"
    assert found.failure("warning") is None


@pytest.mark.parametrize(
    ("fail_on", "named"),
    [("error", ["sub-mismatch"]), ("warning", ["sub-mismatch", "no-permissions"]), ("never", None)],
)
def test_the_failure_names_findings_by_severity(fail_on: str, named: list[str] | None) -> None:
    found = diagnose(aws(role=WRONG_ROLE, managed_policies=[], inline_policies={}), sts=DENIED)
    assert ids(found) == ["sub-mismatch", "no-permissions"]
    failure = found.failure(fail_on)
    if named is None:
        assert failure is None
        return
    assert failure is not None
    assert failure.kind == "chain_broken"
    assert failure.message == f"service account shop/app cannot assume role {ROLE}"
    assert [part.partition(":")[0] for part in str(failure.cause).split("; ") if ": " in part] == named
    assert "\n" not in str(failure)


def test_a_missing_permission_is_one_warning() -> None:
    found = diagnose(
        aws(**UNREAD, associations=missing("eks:ListPodIdentityAssociations")),
        sts=missing("create serviceaccounts/token"),
        admitted=missing("create pods"),
        webhooks=missing("list mutatingwebhookconfigurations"),
        pods=missing("list pods"),
        namespace=missing("get namespaces"),
        pod=missing("create pods"),
    )
    assert [each.split("the permission ")[1].split(" is missing")[0] for each in found.warnings] == [
        "iam:GetRole",
        "get namespaces",
        "eks:ListPodIdentityAssociations",
        "list mutatingwebhookconfigurations",
        "create pods",
        "list pods",
        "create serviceaccounts/token",
    ]
    assert all(each[0].isupper() and each.endswith(".") for each in found.warnings)


def test_a_link_that_a_finding_explains_is_not_a_warning() -> None:
    found = diagnose(account=None, admitted=Unknown("no account"), sts=Unknown("no account"))
    assert found.warnings == ()


def test_an_unknown_link_without_a_finding_is_a_warning() -> None:
    quota = Unknown('pods "irsa-verify-1" is forbidden: exceeded quota')
    assert diagnose(admitted=quota).warnings == ('Pods "irsa-verify-1" is forbidden: exceeded quota.',)
    hang = Unknown("the test pod shop/x did not end within 5 seconds")
    assert diagnose(pod=hang).warnings == ("The test pod shop/x did not end within 5 seconds.",)
    (silent,) = diagnose(pod=TestPod("what?")).warnings
    assert "did not print its caller's ARN" in silent


def test_a_change_that_has_not_reached_sts_is_a_warning() -> None:
    found = diagnose(aws(role=WRONG_ROLE))
    assert ids(found) == ["sub-mismatch"]
    assert not_ok(found) == {"role": "broken"}
    (warning,) = found.warnings
    assert warning.startswith("STS still lets the account assume the role")


def test_an_unknown_fact_that_no_link_needs_is_not_a_warning() -> None:
    needless = dataclasses.replace(aws(), provider_arns=Unknown("the provider is there"), quotas=Unknown("short"))
    assert diagnose(needless, serving_ca=NOT_READ).warnings == ()


def test_the_result() -> None:
    other = plain_pod("tool-1", owner=None, serviceAccountName="tool")
    found = result_of(diagnose(pods=[inject(plain_pod()), other], pod=ACTS))
    assert found["proof"] == {
        "assumed_role_arn": SESSION,
        "caller_account": "123456789012",
        "audience": "sts.amazonaws.com",
        "issuer": CHAIN.issuer,
        "subject": SUBJECT,
        "expires_in": 900,
    }
    assert found["test_pod"] == {"log": f"{SESSION}\n", "caller_arn": SESSION}
    assert found["pods"] == [
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
    assert [each["id"] for each in found["findings"]] == ["pod-other-account"]
    assert set(found["findings"][0]) == {"id", "severity", "link", "message", "evidence", "expected", "found", "fix"}


def test_unknown_facts_are_not_returned() -> None:
    found = result_of(diagnose(sts=DENIED, pods=NOT_READ))
    assert (found["proof"], found["pods"], found["test_pod"]) == (None, [], None)
    assert result_of(diagnose(sts=None, of=make_spec(["static", "pods"]), admitted=None))["proof"] is None


def test_an_account_that_names_no_role() -> None:
    found = diagnose(
        aws(**dict.fromkeys(UNREAD, OFF)),
        chain=dataclasses.replace(CHAIN, role_arn=None),
        account=account(None),
        admitted=dry_run(None),
        pods=[plain_pod()],
        sts=Unknown("no role is named"),
    )
    assert ids(found) == ["annotation-missing"]
    failure = found.failure("error")
    assert failure is not None
    assert failure.message.endswith("cannot assume a role")
    assert found.warnings == ()
