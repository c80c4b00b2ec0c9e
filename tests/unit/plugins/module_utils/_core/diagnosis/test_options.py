# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a verification, the chain that they make, and the pods that it sends."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import options as diagnosis_options
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.options import Wanted
from unit.chain_objects import CHAIN, CLUSTER, ROLE

ISSUER = CHAIN.issuer
POD: t.Final = {
    "enabled": True,
    "image": "cli",
    "command": ["id"],
    "timeout": 5,
    "node_selector": {"a": 1},
    "tolerations": [],
}


def wanted(**options: t.Any) -> Wanted:
    params = {
        "namespace": "shop",
        "service_account": "app",
        "probes": list(diagnosis_options.PROBES),
        "propagation_timeout": 120,
        "fail_on": "error",
        **options,
    }
    return Wanted.from_params(params)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"namespace": "Shop"}, "'Shop' is no namespace"),
        ({"service_account": "a*"}, "has a wildcard"),
        ({"role_arn": '"arn:aws:iam::123456789012:role/app"'}, "is no ARN of an IAM role"),
        ({"issuer": "https://host/id/"}, "is no URL of an OIDC issuer"),
        ({"propagation_timeout": -1}, "propagation_timeout is -1"),
        ({"test_pod": {**POD, "timeout": 0}}, "test_pod.timeout is 0"),
        ({"ignore": ["sub-mismach"]}, "did you mean sub-mismatch?"),
        ({"ignore": ["zzz"]}, "give ids as findings have them"),
    ],
)
def test_options_that_can_not_be_right(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        wanted(**options)
    assert says in str(caught.value)


def test_options() -> None:
    assert wanted(issuer=ISSUER.removeprefix("https://")).issuer == ISSUER
    assert wanted(role_arn="").role_arn is None
    assert wanted(test_pod={**POD, "enabled": False}).test_pod is None
    pod = wanted(test_pod=POD).test_pod
    assert pod is not None
    assert (pod.command, pod.node_selector) == (("id",), {"a": "1"})


def account(**annotations: str) -> dict[str, t.Any]:
    return {
        "metadata": {"annotations": {f"eks.amazonaws.com/{key}".replace("_", "-"): v for key, v in annotations.items()}}
    }


def test_the_chain_of_a_cluster() -> None:
    chain = diagnosis_options.chain_of(wanted(), CLUSTER, account(role_arn=ROLE, audience="vault"))
    assert (chain.role_arn, chain.audience, chain.issuer) == (ROLE, "vault", ISSUER)
    assert (chain.account_id, chain.partition, chain.region, chain.cluster) == (
        "123456789012",
        "aws",
        "eu-west-1",
        "prod",
    )
    assert not chain.cross_account
    given = diagnosis_options.chain_of(wanted(role_arn=f"{ROLE}-2"), CLUSTER, account(role_arn=ROLE))
    assert (given.role_arn, given.cross_account) == (f"{ROLE}-2", True)


@pytest.mark.parametrize(
    "found", [None, {"metadata": {}}, {"metadata": {"annotations": None}}, account(role_arn="", audience="")]
)
def test_the_chain_of_an_account_that_says_nothing(found: dict[str, t.Any] | None) -> None:
    chain = diagnosis_options.chain_of(wanted(), CLUSTER, found)
    assert (chain.role_arn, chain.audience) == (None, "sts.amazonaws.com")


@pytest.mark.parametrize(
    ("issuer", "region", "expected"),
    [
        (ISSUER, None, "eu-west-1"),
        (ISSUER, "us-east-1", "us-east-1"),
        ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0", None, "cn-north-1"),
        ("https://issuer.example.com", None, None),
        ("https://issuer.example.com", "us-east-1", "us-east-1"),
    ],
)
def test_the_region_of_an_issuer(issuer: str, region: str | None, expected: str | None) -> None:
    chain = diagnosis_options.chain_of(wanted(issuer=issuer, region=region), None, None)
    assert (chain.region, chain.issuer) == (expected, issuer)
    assert (chain.account_id, chain.partition, chain.cluster) == (None, None, None)


def test_the_session_says_who_asks_and_fits() -> None:
    assert diagnosis_options.session_name(wanted()) == "irsa-verify.shop.app"
    assert len(diagnosis_options.session_name(wanted(service_account="a" * 253))) == 64


def test_claims() -> None:
    def part(value: dict[str, t.Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"iss": ISSUER, "aud": ["sts.amazonaws.com"], "sub": "system:serviceaccount:shop:app"}
    token = ".".join([part({"alg": "RS256"}), part({**claims, "jti": "x", "kubernetes.io": {}}), "signature"])
    assert diagnosis_options.claims_of(token) == claims


def test_the_rehearsal_is_let_through_where_rules_are_strict() -> None:
    pod = diagnosis_options.rehearsal(wanted())
    assert pod["metadata"] == {"namespace": "shop", "generateName": "irsa-verify-"}
    assert pod["spec"]["serviceAccountName"] == "app"
    (container,) = pod["spec"]["containers"]
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    security = container["securityContext"]
    assert security["runAsNonRoot"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    # A quota on any of these asks for it in each pod.
    assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}


def test_the_test_pod_ends_by_itself() -> None:
    given = wanted(test_pod=POD)
    assert given.test_pod is not None
    pod = diagnosis_options.test_pod(given, given.test_pod, "irsa-verify-app-0a1b2c3d")
    assert pod["metadata"] == {"namespace": "shop", "name": "irsa-verify-app-0a1b2c3d"}
    spec = pod["spec"]
    assert (spec["restartPolicy"], spec["activeDeadlineSeconds"]) == ("Never", 65)
    assert (spec["nodeSelector"], spec["tolerations"]) == ({"a": "1"}, [])
    assert (spec["containers"][0]["image"], spec["containers"][0]["command"]) == ("cli", ["id"])


def test_the_name_of_a_test_pod_is_one() -> None:
    name = diagnosis_options.test_pod_name(wanted(service_account="a" * 39 + "." + "b" * 100), "0a1b2c3d")
    assert name == f"irsa-verify-{'a' * 39}-0a1b2c3d"
    assert len(name) <= 63


TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcyJ9.c2lnbmF0dXJlLW9mLXRoYXQ"
KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "log",
    [
        f"token is {TOKEN}",
        f"Authorization: Bearer {TOKEN}\n",
        f'{{"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "{KEY}", "SessionToken": "{KEY}=="}}',
        f"export AWS_SECRET_ACCESS_KEY={KEY}",
        f"aws_session_token = {KEY}",
        f"<SecretAccessKey>{KEY}</SecretAccessKey>",
        f"secretAccessKey: '{KEY}'",
        f"&WebIdentityToken={TOKEN}",
    ],
)
def test_no_secret_stays_in_a_log(log: str) -> None:
    cleaned = diagnosis_options.clean(log)
    for secret in (KEY, TOKEN, "eyJ", "ASIAIOSFODNN7EXAMPLE"):
        assert secret not in cleaned
    assert "(" in cleaned


def test_the_rest_of_a_log_stays() -> None:
    log = '{"UserId": "AROAEXAMPLE:x", "Arn": "arn:aws:sts::123456789012:assumed-role/app/x"}\nAn error occurred\n'
    assert diagnosis_options.clean(log) == log
