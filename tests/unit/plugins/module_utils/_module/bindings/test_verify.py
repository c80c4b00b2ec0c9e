# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.verify import VerifyOptions, verify_bindings
from unit.bindings_run import ACCOUNT_ID, PROVIDER_ARN, FakeAws, FakeServer, binding, token_of
from unit.chain_objects import CLUSTER
from unit.plugins.module_utils._module.bindings.test_bind import bind_all

if t.TYPE_CHECKING:
    from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import BindingsContext

PROVIDER = {"arn": PROVIDER_ARN, "client_ids": ["sts.amazonaws.com"], "thumbprints": [], "tags": {}}
EXTERNAL = "arn:aws:iam::210987654321:role/x"
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
UNMANAGED = f"arn:aws:iam::{ACCOUNT_ID}:role/unmanaged"


class Verification:
    """Verifies bindings, and records the warnings and the redacted secrets."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.secrets: set[str] = set()

    def redact(self, value: t.Any, secrets: t.Collection[str]) -> t.Any:
        self.secrets |= set(secrets)
        return value

    def run(self, context: BindingsContext, *, ask_sts: bool = False, fail_on: str = "error") -> list[str]:
        """:returns: the status of each binding."""
        options = VerifyOptions(
            region=None, ask_sts=ask_sts, fail_on=fail_on, warn=self.warnings.append, redact=self.redact
        )
        verify_bindings(options, context, PROVIDER)
        return [outcome.status for outcome in context.outcomes]


@pytest.fixture
def verification() -> Verification:
    return Verification()


def create_role(aws: FakeAws, name: str, *accounts: str) -> None:
    """Create an unmanaged role that trusts these service accounts."""
    key = f"{PROVIDER_ARN.partition('oidc-provider/')[2]}:sub"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER_ARN},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {key: [f"system:serviceaccount:shop:{account}" for account in accounts]}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))


def test_correct_bindings_have_no_findings(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    given = [binding("web", inline_policies={"read": READ}), binding("cart")]
    context = bind_all(aws, server, *given)
    assert verification.run(context) == ["changed", "changed"]
    assert [outcome.findings for outcome in context.outcomes] == [[], []]
    assert [outcome.proof for outcome in context.outcomes] == [None, None]
    assert verification.warnings == []


def test_many_bindings_are_verified_by_pages(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    create_role(aws, "unmanaged", "a0")
    given = [binding(f"a{number}", None, role_arn=UNMANAGED) for number in range(12)]
    context = bind_all(aws, server, *given)
    assert verification.run(context) == ["changed", *["failed"] * 11]
    for outcome in context.outcomes[1:]:
        assert [finding["id"] for finding in outcome.findings or ()][:1] == ["sub-mismatch"]
        assert isinstance(outcome.error, errors.ChainBroken)
        assert outcome.binding.title in outcome.error.message


def test_malformed_list_is_read_one_by_one(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    create_role(aws, "unmanaged", *(f"a{number}" for number in range(12)))
    given = [binding(f"a{number}", None, role_arn=UNMANAGED) for number in range(12)]
    server.list_errors = [errors.MalformedAnswer("the answer cannot be used")]
    context = bind_all(aws, server, *given)
    assert verification.run(context) == ["changed"] * 12


def test_writes_are_reported_if_the_api_server_fails_before_the_verification(
    aws: FakeAws, server: FakeServer, verification: Verification
) -> None:
    create_role(aws, "unmanaged", *(f"a{number}" for number in range(12)))
    given = [binding(f"a{number}", None, role_arn=UNMANAGED) for number in range(12)]
    context = bind_all(aws, server, *given)
    server.list_errors = [errors.Unreachable("no answer")]
    assert verification.run(context) == ["failed"] * 12
    assert all(outcome.changes for outcome in context.outcomes)
    assert {outcome.error for outcome in context.outcomes} == {*server.list_errors}


def test_state_after_the_run_is_verified(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    context = bind_all(aws, server, binding("web"), binding("cart"))
    server.accounts.pop(("shop", "web"))
    assert verification.run(context) == ["failed", "changed"]
    assert "account-missing" in [finding["id"] for finding in context.outcomes[0].findings or ()]


@pytest.mark.parametrize(("fail_on", "status"), [("error", "changed"), ("warning", "failed"), ("never", "changed")])
def test_fail_on(aws: FakeAws, server: FakeServer, verification: Verification, fail_on: str, status: str) -> None:
    # A role without policies causes a finding with severity warning.
    context = bind_all(aws, server, binding("web"))
    assert verification.run(context, fail_on=fail_on) == [status]
    assert {finding["severity"] for finding in context.outcomes[0].findings or ()} == {"warning"}


def test_fail_on_never_does_not_fail_bindings(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    create_role(aws, "unmanaged", "cart")
    context = bind_all(aws, server, binding("web", None, role_arn=UNMANAGED))
    assert verification.run(context, fail_on="never") == ["changed"]
    assert context.outcomes[0].findings


def test_role_in_another_account_causes_one_warning(
    aws: FakeAws, server: FakeServer, verification: Verification
) -> None:
    given = [binding(name, None, role_arn=EXTERNAL) for name in ("web", "cart")]
    context = bind_all(aws, server, *given)
    assert verification.run(context) == ["changed", "changed"]
    (warning,) = verification.warnings
    assert warning.startswith("Could not be verified completely: shop/cart and shop/web. ")
    assert f"Role {EXTERNAL} is not in the AWS account of the credentials" in warning


def test_failed_bindings_are_not_verified(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    context = bind_all(aws, server, binding("web", namespace="missing"), binding("cart"))
    error = context.outcomes[0].error
    assert verification.run(context) == ["failed", "changed"]
    assert context.outcomes[0].findings is None
    assert context.outcomes[0].error is error


def test_check_mode_verifies_only_unchanged_bindings(
    aws: FakeAws, server: FakeServer, verification: Verification
) -> None:
    bind_all(aws, server, binding("web"))
    context = bind_all(aws, server, binding("web"), binding("cart", "other"), check_mode=True)
    assert verification.run(context) == ["ok", "changed"]
    assert context.outcomes[0].findings is not None
    assert context.outcomes[1].findings is None


def test_proof_from_sts_and_redacted_token(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    context = bind_all(aws, server, binding("web"))
    assert verification.run(context, ask_sts=True) == ["changed"]
    proof = context.outcomes[0].proof or {}
    assert proof["subject"] == "system:serviceaccount:shop:web"
    assert proof["issuer"] == CLUSTER.issuer
    assert proof["assumed_role_arn"].endswith("assumed-role/app/irsa-verify.shop.web")
    assert token_of("shop", "web", ["sts.amazonaws.com"]) in verification.secrets


def test_denied_token_request_causes_a_warning(aws: FakeAws, server: FakeServer, verification: Verification) -> None:
    context = bind_all(aws, server, binding("web"))
    server.refused = {"/token"}
    assert verification.run(context, ask_sts=True) == ["changed"]
    (warning,) = verification.warnings
    assert "create serviceaccounts/token in shop" in warning
