# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found about provider, role and trust policy: each cause, the pairs of causes, and chains that hold."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import AwsFacts, Chain, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import role as role_rules
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import NOBODY
from hypothesis import given, settings
from hypothesis import strategies as st

ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"
HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
OTHER_HOST = "oidc.eks.eu-west-1.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210"
CN_HOST = "oidc.eks.cn-north-1.amazonaws.com.cn/id/0123456789ABCDEF0123456789ABCDEF"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
STS, CN = "sts.amazonaws.com", "sts.amazonaws.com.cn"
SUB = "system:serviceaccount:kube-system:aws-node"
ACTION = "sts:AssumeRoleWithWebIdentity"
NOT_READ = Unknown("not asked")


def provider(host: str = HOST, account: str = ACCOUNT, partition: str = "aws") -> str:
    return f"arn:{partition}:iam::{account}:oidc-provider/{host}"


CHAIN = Chain(
    namespace="kube-system",
    service_account="aws-node",
    issuer=f"https://{HOST}",
    role_arn=ROLE,
    audience=STS,
    account_id=ACCOUNT,
    partition="aws",
    region="eu-west-1",
    cluster="prod",
)


def allow(condition: t.Any = None, /, **changes: t.Any) -> dict[str, t.Any]:
    """The statement that lets the account in, with another condition or other elements (None takes one out)."""
    usual = {"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": STS}}
    made = {
        "Effect": "Allow",
        "Principal": {"Federated": provider()},
        "Action": ACTION,
        "Condition": usual if condition is None else condition,
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


def sub(*values: str, operator: str = "StringEquals", host: str = HOST, **more: t.Any) -> dict[str, t.Any]:
    """A condition on sub, and the usual one on aud."""
    condition: dict[str, t.Any] = {"StringEquals": {f"{host}:aud": STS}, **more}
    condition.setdefault(operator, {})[f"{host}:sub"] = values[0] if len(values) == 1 else list(values)
    return condition


def role(*statements: t.Any, arn: str = ROLE, **more: t.Any) -> dict[str, t.Any]:
    path, _slash, name = arn.partition(":role")[2].rpartition("/")
    document = {"Version": "2012-10-17", "Statement": list(statements or [allow()])}
    return {"RoleName": name, "Path": f"{path}/", "Arn": arn, "AssumeRolePolicyDocument": document, "Tags": {}, **more}


def facts(*statements: t.Any, **changes: t.Any) -> AwsFacts:
    """What IAM says where everything is right, but for the trust policy's statements and other facts."""
    usual: dict[str, t.Any] = {
        "provider": {"Url": HOST, "ClientIDList": [STS], "ThumbprintList": [], "Tags": {}},
        "provider_arns": [provider(), provider(OTHER_HOST)],
        "role": role(*statements),
        "managed_policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        "inline_policies": {},
        "boundary": None,
        "quotas": {"AssumeRolePolicySizeQuota": 2048},
        "addons": (),
        "associations": (),
    }
    return AwsFacts(**{**usual, **changes})


def chain(**changes: t.Any) -> Chain:
    return dataclasses.replace(CHAIN, **changes)


def ids(found: t.Iterable[Finding]) -> list[str]:
    return sorted(each.id for each in found)


def one(found: t.Iterable[Finding], finding_id: str) -> Finding:
    (only,) = [each for each in found if each.id == finding_id]
    return only


def client_ids(*values: str) -> dict[str, t.Any]:
    return {"Url": HOST, "ClientIDList": list(values), "ThumbprintList": [], "Tags": {}}


# Chains that hold

CROSS_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/app"
CN_CHAIN = chain(issuer=f"https://{CN_HOST}", role_arn=f"arn:aws-cn:iam::{ACCOUNT}:role/app", partition="aws-cn")
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
HEALTHY = {
    "one-service-account": (CHAIN, facts()),
    "list-of-service-accounts": (CHAIN, facts(allow(sub("system:serviceaccount:default:web", SUB)))),
    "wildcard": (CHAIN, facts(allow(sub("system:serviceaccount:kube-system:*", operator="StringLike")))),
    "two-clusters-in-one-role": (
        CHAIN,
        facts(allow(sub(SUB, host=OTHER_HOST), Principal={"Federated": provider(OTHER_HOST)}), allow()),
    ),
    "cross-account-role": (
        chain(role_arn=CROSS_ROLE, cross_account=True),
        facts(
            provider_arns=[provider(account=OTHER_ACCOUNT)],
            role=role(allow(Principal={"Federated": provider(account=OTHER_ACCOUNT)}), arn=CROSS_ROLE),
        ),
    ),
    "cross-account-role-read-there": (
        chain(role_arn=CROSS_ROLE),
        facts(
            provider_arns=[provider(account=OTHER_ACCOUNT)],
            role=role(allow(Principal={"Federated": provider(account=OTHER_ACCOUNT)}), arn=CROSS_ROLE),
        ),
    ),
    "custom-audience": (
        chain(audience="vault"),
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": "vault"}}), provider=client_ids("vault", STS)),
    ),
    "no-condition-on-aud": (CHAIN, facts(allow({"StringEquals": {f"{HOST}:sub": SUB}}))),
    "role-with-path": (
        chain(role_arn=f"arn:aws:iam::{ACCOUNT}:role/team/app"),
        facts(role=role(arn=f"arn:aws:iam::{ACCOUNT}:role/team/app")),
    ),
    "china": (
        CN_CHAIN,
        facts(
            role=role(
                allow(
                    {"StringEquals": {f"{CN_HOST}:sub": SUB, f"{CN_HOST}:aud": STS}},
                    Principal={"Federated": provider(CN_HOST, partition="aws-cn")},
                ),
                arn=f"arn:aws-cn:iam::{ACCOUNT}:role/app",
            )
        ),
    ),
    "issuer-without-cluster": (chain(account_id=None, partition=None, region=None, cluster=None), facts()),
    "foreign-statements": (CHAIN, facts(EC2, allow(sub("system:serviceaccount:a:b")), allow())),
    "deny-for-another-account": (CHAIN, facts(allow(), allow(sub("system:serviceaccount:a:b"), Effect="Deny"))),
    "only-one-statement-matches": (
        CHAIN,
        facts(allow(sub("system:serviceaccount:kube-system:aws-*", operator="StringLike")), allow(sub("x"))),
    ),
    "like-and-not-equals": (
        CHAIN,
        facts(
            allow(
                {
                    "StringLike": {f"{HOST}:sub": "system:serviceaccount:kube-system:*"},
                    "StringNotEquals": {f"{HOST}:sub": "system:serviceaccount:kube-system:default"},
                }
            )
        ),
    ),
    "inline-policy": (
        CHAIN,
        facts(
            managed_policies=[],
            inline_policies={"s3": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}},
            boundary={"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]},
        ),
    ),
    "allow-all-and-deny-others": (
        CHAIN,
        facts(
            allow(Condition={}),
            allow({"StringNotLike": {f"{HOST}:sub": "system:serviceaccount:kube-system:*"}}, Effect="Deny"),
        ),
    ),
    "keys-with-other-case": (CHAIN, facts(allow({"StringEquals": {f"{HOST.lower()}:SUB": SUB}}))),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_of_a_chain_that_holds_nothing_is_found(name: str) -> None:
    assert role_rules.findings(*HEALTHY[name]) == []
    assert role_rules.static_allows(*HEALTHY[name]) is True


# Causes

DENY_ALL = {"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
OTHER = "system:serviceaccount:default:aws-node"
MANY = [f"system:serviceaccount:kube-system:a-service-account-with-a-long-name-{each}" for each in range(24)]
DRIFTED = {
    "slash": f"{HOST}/",
    "case": HOST.lower(),
    "region": HOST.replace("eu-west-1", "eu-west-2"),
}
CASES: dict[str, tuple[Chain, AwsFacts, list[str]]] = {
    # Provider
    "provider-missing": (CHAIN, facts(provider=None, provider_arns=[provider(OTHER_HOST)]), ["provider-missing"]),
    "provider-missing-and-list-unknown": (CHAIN, facts(provider=None, provider_arns=NOT_READ), ["provider-missing"]),
    "provider-missing-and-similar-in-another-account": (
        CHAIN,
        facts(provider=None, provider_arns=[provider(f"{HOST}/", OTHER_ACCOUNT)]),
        ["provider-missing"],
    ),
    "provider-missing-in-role-account": (
        chain(role_arn=CROSS_ROLE, cross_account=True),
        facts(
            provider=None,
            provider_arns=[],
            role=role(allow(Principal={"Federated": provider(account=OTHER_ACCOUNT)}), arn=CROSS_ROLE),
        ),
        ["provider-wrong-account"],
    ),
    "cross-account-role-trusts-provider-of-cluster-account": (
        chain(role_arn=CROSS_ROLE, cross_account=True),
        facts(provider=None, provider_arns=[], role=role(arn=CROSS_ROLE)),
        ["federated-mismatch", "provider-wrong-account"],
    ),
    **{
        f"provider-with-other-{what}": (
            CHAIN,
            facts(provider=None, provider_arns=[provider(host)]),
            ["provider-url-mismatch"],
        )
        for what, host in DRIFTED.items()
    },
    **{
        f"provider-with-other-{what}-and-matching-role": (
            CHAIN,
            facts(
                allow(sub(SUB, host=host), Principal={"Federated": provider(host)}),
                provider=None,
                provider_arns=[provider(host)],
            ),
            ["provider-url-mismatch"],
        )
        for what, host in DRIFTED.items()
    },
    "cluster-recreated": (
        CHAIN,
        facts(allow(sub(SUB, host=OTHER_HOST), Principal={"Federated": provider(OTHER_HOST)}), provider=None),
        ["cluster-recreated"],
    ),
    "cluster-recreated-with-provider": (
        CHAIN,
        facts(allow(sub(SUB, host=OTHER_HOST), Principal={"Federated": provider(OTHER_HOST)})),
        ["cluster-recreated"],
    ),
    "cluster-recreated-and-other-namespace": (
        CHAIN,
        facts(allow(sub(OTHER, host=OTHER_HOST), Principal={"Federated": provider(OTHER_HOST)})),
        ["cluster-recreated", "sub-mismatch"],
    ),
    "another-cluster-and-another-account-trusted": (
        CHAIN,
        facts(
            allow(sub(SUB, host=OTHER_HOST), Principal={"Federated": provider(OTHER_HOST)}),
            allow(sub("system:serviceaccount:a:b")),
        ),
        ["sub-mismatch"],
    ),
    "client-id-missing": (CHAIN, facts(provider=client_ids("other")), ["client-id-missing"]),
    "no-client-ids": (CHAIN, facts(provider=client_ids()), ["client-id-missing"]),
    "cn-audience-in-provider": (CHAIN, facts(provider=client_ids(CN)), ["cn-audience"]),
    "cn-audience-in-trust-policy": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": CN}})),
        ["cn-audience"],
    ),
    "cn-audience-in-provider-and-trust-policy": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": CN}}), provider=client_ids(CN)),
        ["cn-audience"],
    ),
    "cn-audience-in-annotation": (chain(audience=CN), facts(), ["cn-audience"]),
    "annotated-audience-not-in-provider": (
        chain(audience="vault"),
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": "vault"}})),
        ["audience-annotation"],
    ),
    "annotated-audience-not-in-trust-policy": (
        chain(audience="vault"),
        facts(provider=client_ids(STS, "vault")),
        ["audience-annotation"],
    ),
    "annotated-audience-not-accepted": (chain(audience="vault"), facts(), ["audience-annotation"]),
    "annotated-audience-and-cn-audience-in-provider": (
        chain(audience="vault"),
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": "vault"}}), provider=client_ids(CN)),
        ["audience-annotation"],
    ),
    "annotated-audience-and-other-namespace": (
        chain(audience="vault"),
        facts(allow(sub(OTHER))),
        ["audience-annotation", "sub-mismatch"],
    ),
    # The ARN
    "role-missing": (CHAIN, facts(role=None), ["role-missing"]),
    "role-and-provider-missing": (CHAIN, facts(role=None, provider=None), ["provider-missing", "role-missing"]),
    "path-missing": (CHAIN, facts(role=role(arn=f"arn:aws:iam::{ACCOUNT}:role/team/app")), ["role-path-dropped"]),
    "other-path": (
        chain(role_arn=f"arn:aws:iam::{ACCOUNT}:role/x/app"),
        facts(role=role(arn=f"arn:aws:iam::{ACCOUNT}:role/team/app")),
        ["role-path-dropped"],
    ),
    "path-missing-and-other-namespace": (
        CHAIN,
        facts(role=role(allow(sub(OTHER)), arn=f"arn:aws:iam::{ACCOUNT}:role/team/app")),
        ["role-path-dropped", "sub-mismatch"],
    ),
    "quotes": (chain(role_arn=f'"{ROLE}"'), facts(), ["arn-malformed"]),
    "trailing-space": (chain(role_arn=f"{ROLE} "), facts(), ["arn-malformed"]),
    "quotes-and-other-namespace": (
        chain(role_arn=f"'{ROLE}'"),
        facts(allow(sub(OTHER))),
        ["arn-malformed", "sub-mismatch"],
    ),
    "role-name-instead-of-arn": (chain(role_arn="app"), facts(role=NOT_READ), ["arn-malformed"]),
    "instance-profile-arn": (
        chain(role_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile/app"),
        facts(role=NOT_READ),
        ["arn-malformed"],
    ),
    "other-account-not-read": (
        chain(role_arn=CROSS_ROLE),
        facts(role=NOT_READ, provider=NOT_READ),
        ["arn-wrong-account"],
    ),
    "other-account-and-no-such-role-here": (
        chain(role_arn=CROSS_ROLE),
        facts(role=None, provider=None, provider_arns=[]),
        ["arn-wrong-account"],
    ),
    "other-account-and-same-role-here": (chain(role_arn=CROSS_ROLE), facts(), ["arn-wrong-account"]),
    "other-partition": (
        chain(role_arn=ROLE.replace("arn:aws:", "arn:aws-cn:")),
        facts(),
        ["arn-wrong-partition"],
    ),
    "other-partition-and-role-missing": (
        chain(role_arn=ROLE.replace("arn:aws:", "arn:aws-us-gov:")),
        facts(role=None),
        ["arn-wrong-partition", "role-missing"],
    ),
    "other-partition-and-account": (
        chain(role_arn=CROSS_ROLE.replace("arn:aws:", "arn:aws-cn:")),
        facts(role=NOT_READ, provider=NOT_READ),
        ["arn-wrong-account", "arn-wrong-partition"],
    ),
    # Principal and action
    "only-placeholder-statement": (CHAIN, facts(NOBODY), ["federated-mismatch"]),
    "only-foreign-principals": (
        CHAIN,
        facts(EC2, allow(Principal={"Federated": "cognito-identity.amazonaws.com"})),
        ["federated-mismatch"],
    ),
    "provider-of-another-account": (
        CHAIN,
        facts(allow(Principal={"Federated": provider(account=OTHER_ACCOUNT)})),
        ["federated-mismatch"],
    ),
    "provider-of-another-account-and-other-namespace": (
        CHAIN,
        facts(allow(sub(OTHER), Principal={"Federated": provider(account=OTHER_ACCOUNT)})),
        ["federated-mismatch", "sub-mismatch"],
    ),
    "provider-of-another-partition": (
        CHAIN,
        facts(allow(Principal={"Federated": provider(partition="aws-cn")})),
        ["federated-mismatch"],
    ),
    "provider-with-slash-although-correct-one-exists": (
        CHAIN,
        facts(allow(Principal={"Federated": provider(f"{HOST}/")})),
        ["federated-mismatch"],
    ),
    "cluster-of-another-region": (
        CHAIN,
        facts(allow(Principal={"Federated": provider(OTHER_HOST.replace("eu-west-1", "us-east-1"))})),
        ["federated-mismatch"],
    ),
    "another-cluster-of-another-account": (
        CHAIN,
        facts(allow(Principal={"Federated": provider(OTHER_HOST, OTHER_ACCOUNT)})),
        ["federated-mismatch"],
    ),
    "not-principal": (
        CHAIN,
        facts(allow(Principal=None, NotPrincipal={"Federated": provider()})),
        ["federated-mismatch"],
    ),
    "wrong-action": (CHAIN, facts(allow(Action="sts:AssumeRole")), ["wrong-action"]),
    "wrong-actions": (CHAIN, facts(allow(Action=["sts:AssumeRole", "sts:TagSession"])), ["wrong-action"]),
    "not-action": (CHAIN, facts(allow(Action=None, NotAction="sts:AssumeRoleWith*")), ["wrong-action"]),
    "wrong-action-and-other-namespace": (
        CHAIN,
        facts(allow(sub(OTHER), Action="sts:AssumeRole")),
        ["sub-mismatch", "wrong-action"],
    ),
    # Conditions
    "key-with-scheme": (CHAIN, facts(allow({"StringEquals": {f"https://{HOST}:sub": SUB}})), ["condition-key"]),
    "keys-with-slash": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}/:sub": SUB, f"{HOST}/:aud": STS}})),
        ["condition-key"],
    ),
    "key-of-another-cluster": (
        CHAIN,
        facts(allow({"StringEquals": {f"{OTHER_HOST}:sub": SUB, f"{HOST}:aud": STS}})),
        ["condition-key"],
    ),
    "key-with-scheme-and-other-namespace": (
        CHAIN,
        facts(allow({"StringEquals": {f"https://{HOST}:sub": OTHER}})),
        ["condition-key", "sub-mismatch"],
    ),
    "two-clusters-in-one-statement": (
        CHAIN,
        facts(
            allow(
                {"StringEquals": {f"{HOST}:sub": SUB, f"{OTHER_HOST}:sub": "system:serviceaccount:a:b"}},
                Principal={"Federated": [provider(), provider(OTHER_HOST)]},
            )
        ),
        ["condition-key"],
    ),
    "swapped": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": STS, f"{HOST}:aud": SUB}})),
        ["condition-swapped"],
    ),
    "subject-under-aud": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:aud": SUB}})),
        ["condition-swapped"],
    ),
    "swapped-and-other-namespace": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": STS, f"{HOST}:aud": OTHER}})),
        ["condition-swapped", "sub-mismatch"],
    ),
    "claim-without-condition-key": (
        CHAIN,
        facts(allow(sub(SUB, StringLike={f"{HOST}:namespace": "kube-system"}))),
        ["condition-unavailable"],
    ),
    "claim-missing-in-token": (
        CHAIN,
        facts(allow(sub(SUB, StringLike={f"{HOST}:email": "*"}))),
        ["condition-unavailable"],
    ),
    "principal-arn": (
        CHAIN,
        facts(allow(sub(SUB, StringLike={"aws:PrincipalArn": "arn:*"}))),
        ["condition-unavailable"],
    ),
    "principal-tag-without-sub": (
        CHAIN,
        facts(allow({"StringEquals": {"aws:PrincipalTag/team": "web"}})),
        ["condition-unavailable"],
    ),
    "other-namespace": (CHAIN, facts(allow(sub(OTHER))), ["sub-mismatch"]),
    "other-name": (CHAIN, facts(allow(sub("system:serviceaccount:kube-system:aws"))), ["sub-mismatch"]),
    "other-case": (CHAIN, facts(allow(sub(SUB.title()))), ["sub-mismatch"]),
    "other-pattern": (
        CHAIN,
        facts(allow(sub("system:serviceaccount:default:*", operator="StringLike"))),
        ["sub-mismatch"],
    ),
    "excluded-by-not-equals": (
        CHAIN,
        facts(
            allow(
                {
                    "StringLike": {f"{HOST}:sub": "system:serviceaccount:kube-system:*"},
                    "StringNotEquals": {f"{HOST}:sub": SUB},
                }
            )
        ),
        ["sub-mismatch"],
    ),
    "two-statements-for-others": (
        CHAIN,
        facts(allow(sub("system:serviceaccount:a:b")), allow(sub(OTHER))),
        ["sub-mismatch"],
    ),
    "other-name-or-provider-of-another-account": (
        CHAIN,
        facts(
            allow(sub("system:serviceaccount:kube-system:aws-nodes")),
            allow(Principal={"Federated": provider(account=OTHER_ACCOUNT)}),
        ),
        ["federated-mismatch"],
    ),
    "other-name-or-wrong-action": (
        CHAIN,
        facts(allow(sub("system:serviceaccount:kube-system:aws-nodes")), allow(Action="sts:AssumeRole")),
        ["wrong-action"],
    ),
    "other-name-or-two-problems": (
        CHAIN,
        facts(
            allow(Action="sts:AssumeRole", Principal={"Federated": provider(account=OTHER_ACCOUNT)}),
            allow(sub("system:serviceaccount:kube-system:aws-nodes")),
        ),
        ["sub-mismatch"],
    ),
    "wildcard-with-string-equals": (
        CHAIN,
        facts(allow(sub("system:serviceaccount:kube-system:*"))),
        ["sub-wildcard-equals"],
    ),
    "wildcard-with-string-equals-and-other-namespace": (
        CHAIN,
        facts(allow(sub("system:serviceaccount:default:*"))),
        ["sub-mismatch", "sub-wildcard-equals"],
    ),
    "two-operators-on-sub": (
        CHAIN,
        facts(
            allow(
                {
                    "StringEquals": {f"{HOST}:sub": SUB},
                    "StringLike": {f"{HOST}:sub": "system:serviceaccount:jobs:*"},
                }
            )
        ),
        ["operators-anded"],
    ),
    "two-operators-and-none-matches": (
        CHAIN,
        facts(
            allow(
                {
                    "StringEquals": {f"{HOST}:sub": OTHER},
                    "StringLike": {f"{HOST}:sub": "system:serviceaccount:jobs:*"},
                }
            )
        ),
        ["sub-mismatch"],
    ),
    "matching-negated-operator": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": OTHER}, "StringNotEquals": {f"{HOST}:sub": "system:anonymous"}})),
        ["sub-mismatch"],
    ),
    "two-operators-on-aud": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": STS}, "StringLike": {f"{HOST}:aud": "x*"}})),
        ["operators-anded"],
    ),
    "other-audience": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": "vault"}})),
        ["aud-mismatch"],
    ),
    "other-audience-and-namespace": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": OTHER, f"{HOST}:aud": "vault"}})),
        ["aud-mismatch", "sub-mismatch"],
    ),
    # The rest
    "denied": (CHAIN, facts(allow(), allow(Effect="Deny")), ["explicit-deny"]),
    "denied-to-all": (
        CHAIN,
        facts(allow(), {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}),
        ["explicit-deny"],
    ),
    "denied-and-not-allowed": (
        CHAIN,
        facts(allow(sub(OTHER)), allow(Effect="Deny")),
        ["explicit-deny", "sub-mismatch"],
    ),
    "no-sub": (CHAIN, facts(allow({"StringEquals": {f"{HOST}:aud": STS}})), ["trust-too-broad"]),
    "no-condition": (CHAIN, facts(allow(Condition={})), ["trust-too-broad"]),
    "only-wildcard": (CHAIN, facts(allow(sub("*", operator="StringLike"))), ["trust-too-broad"]),
    "wildcard-for-namespace-and-name": (
        CHAIN,
        facts(allow(sub("system:serviceaccount:*:*", operator="StringLike"))),
        ["trust-too-broad"],
    ),
    "for-all-values": (CHAIN, facts(allow(sub(SUB, operator="ForAllValues:StringEquals"))), ["trust-too-broad"]),
    "any-principal": (CHAIN, facts(allow(Condition={}, Principal="*")), ["trust-too-broad"]),
    "too-broad-for-another-audience": (
        CHAIN,
        facts(allow(), allow({"StringEquals": {f"{HOST}:aud": "vault"}})),
        ["trust-too-broad"],
    ),
    "too-broad-and-denied": (
        CHAIN,
        facts(allow(Condition={}), allow(Effect="Deny")),
        ["explicit-deny", "trust-too-broad"],
    ),
    "too-long": (
        CHAIN,
        facts(allow(sub(SUB, *MANY)), quotas={"AssumeRolePolicySizeQuota": 1024}),
        ["trust-too-long"],
    ),
    "too-long-with-account": (
        CHAIN,
        facts(allow(sub(*MANY)), quotas={"AssumeRolePolicySizeQuota": 2230}),
        ["sub-mismatch", "trust-too-long"],
    ),
    "no-policies": (CHAIN, facts(managed_policies=[]), ["no-permissions"]),
    "only-deny-policy": (CHAIN, facts(managed_policies=[], inline_policies={"no": DENY_ALL}), ["no-permissions"]),
    "boundary-denies-all": (CHAIN, facts(boundary=DENY_ALL), ["no-permissions"]),
    "boundary-allows-and-denies-all": (
        CHAIN,
        facts(
            boundary={
                "Statement": [
                    {"Effect": "Allow", "Action": "*", "Resource": "*"},
                    {"Effect": "Deny", "Action": ["*"], "Resource": ["*"]},
                ]
            }
        ),
        ["no-permissions"],
    ),
    "deleted-principal": (
        CHAIN,
        facts(allow(), {**EC2, "Principal": {"AWS": "AROA1234567890EXAMPLE"}}),
        ["deleted-principal"],
    ),
}
# What STS accepts all the same.
HARMLESS = {"trust-too-broad", "trust-too-long", "no-permissions", "deleted-principal"}
# Of another account nothing is known.
UNTOLD = {"another account, not asked", "another account, this one asked", "another account, this one has such a role"}


@pytest.mark.parametrize("name", CASES)
def test_exactly_the_causes_are_found(name: str) -> None:
    of, aws, expected = CASES[name]
    found = role_rules.findings(of, aws)
    assert ids(found) == expected
    for each in found:
        assert each.message
        assert each.fix
        assert not each.message.endswith(".")
    if name in UNTOLD:
        assert role_rules.static_allows(of, aws) is None
    else:
        assert role_rules.static_allows(of, aws) is (set(expected) <= HARMLESS)


def test_every_cause_that_reads_of_iam_tell_has_a_case() -> None:
    told_otherwise = {"thumbprint", "jwks-unreachable"}
    mine = {each.id for each in BY_ID.values() if each.link in ("provider", "role") and not each.audit} - told_otherwise
    assert {each for _of, _aws, expected in CASES.values() for each in expected} == mine


# Several at once

BROKEN_PROVIDER: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "there": ({}, set()),
    "missing": ({"provider": None, "provider_arns": []}, {"provider-missing"}),
    "client id": ({"provider": client_ids("other")}, {"client-id-missing"}),
}
BROKEN_ARN: dict[str, tuple[str, str, set[str]]] = {
    "right": (ROLE, ROLE, set()),
    "quoted": (f"'{ROLE}'", ROLE, {"arn-malformed"}),
    "path": (ROLE, f"arn:aws:iam::{ACCOUNT}:role/team/app", {"role-path-dropped"}),
    "partition": (ROLE.replace("aws:", "aws-cn:", 1), ROLE, {"arn-wrong-partition"}),
}
BROKEN_SUB: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "right": (sub(SUB), set()),
    "namespace": (sub(OTHER), {"sub-mismatch"}),
    "wildcard": (sub("system:serviceaccount:kube-system:*"), {"sub-wildcard-equals"}),
    "key": ({"StringEquals": {f"https://{HOST}:sub": SUB, f"{HOST}:aud": STS}}, {"condition-key"}),
    "unavailable": (sub(SUB, Bool={"aws:MultiFactorAuthPresent": "true"}), {"condition-unavailable"}),
}
BROKEN_PRINCIPAL: dict[str, tuple[str, set[str]]] = {
    "right": (provider(), set()),
    "account": (provider(account=OTHER_ACCOUNT), {"federated-mismatch"}),
}


@given(
    st.sampled_from(sorted(BROKEN_PROVIDER)),
    st.sampled_from(sorted(BROKEN_ARN)),
    st.sampled_from(sorted(BROKEN_SUB)),
    st.sampled_from(sorted(BROKEN_PRINCIPAL)),
    st.sampled_from([ACTION, "sts:AssumeRole"]),
    st.booleans(),
    st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_independent_causes_are_all_found(
    provider_is: str, arn_is: str, sub_is: str, principal_is: str, action: str, denied: bool, powerless: bool
) -> None:
    changes, of_provider = BROKEN_PROVIDER[provider_is]
    annotated, arn, of_arn = BROKEN_ARN[arn_is]
    condition, of_sub = BROKEN_SUB[sub_is]
    federated, of_principal = BROKEN_PRINCIPAL[principal_is]
    statements = [allow(condition, Action=action, Principal={"Federated": federated})]
    statements += [allow(Effect="Deny")] if denied else []
    aws = facts(role=role(*statements, arn=arn), managed_policies=[] if powerless else ["x"], **changes)
    expected = of_provider | of_arn | of_sub | of_principal
    expected |= {"wrong-action"} if action != ACTION else set()
    expected |= {"explicit-deny"} if denied else set()
    of = chain(role_arn=annotated)
    expected |= {"no-permissions"} if powerless else set()
    assert ids(role_rules.findings(of, aws)) == sorted(expected)
    assert role_rules.static_allows(of, aws) is (expected <= HARMLESS)


# What isn't known


def test_what_is_not_known_gives_no_finding() -> None:
    nothing = AwsFacts(*[NOT_READ] * len(dataclasses.fields(AwsFacts)))
    assert role_rules.findings(CHAIN, nothing) == []
    assert role_rules.static_allows(CHAIN, nothing) is None


@pytest.mark.parametrize("fact", ["provider", "role"])
def test_without_one_of_both_nothing_is_promised(fact: str) -> None:
    aws = facts(**{fact: NOT_READ})
    assert role_rules.findings(CHAIN, aws) == []
    assert role_rules.static_allows(CHAIN, aws) is None


@pytest.mark.parametrize("fact", ["provider_arns", "managed_policies", "inline_policies", "boundary", "quotas"])
def test_the_rest_is_not_needed_for_a_promise(fact: str) -> None:
    aws = facts(**{fact: NOT_READ})
    assert role_rules.findings(CHAIN, aws) == []
    assert role_rules.static_allows(CHAIN, aws) is True


@pytest.mark.parametrize("key", ["aws:SourceIp", "aws:SourceVpc", "aws:CurrentTime", "sts:RoleSessionName"])
def test_a_condition_on_what_only_the_real_request_has_can_not_be_told(key: str) -> None:
    aws = facts(allow(sub(SUB, StringLike={key: "x"})))
    assert role_rules.findings(CHAIN, aws) == []
    assert role_rules.static_allows(CHAIN, aws) is None
    assert role_rules.undecidable_conditions(CHAIN, aws) == [f"{FIRST} has StringLike {key} x"]


def test_where_all_is_told_nothing_is_untold() -> None:
    of_others = allow(sub(OTHER, StringLike={"aws:SourceVpc": "x"}))
    assert role_rules.undecidable_conditions(CHAIN, facts(of_others, allow())) == []
    assert role_rules.undecidable_conditions(CHAIN, facts(role=None)) == []


def test_of_an_account_without_role_arn_only_the_provider_is_looked_at() -> None:
    aws = facts(role=NOT_READ, provider=None, provider_arns=[])
    assert ids(role_rules.findings(chain(role_arn=None), aws)) == ["provider-missing"]
    assert role_rules.static_allows(chain(role_arn=None), aws) is None


# Words

GRANT = (
    "eksops.irsa.irsa_role with name: app, cluster_name: prod, service_accounts: [{namespace: kube-system, name: "
    "aws-node}], purge_service_accounts: false"
)
FIRST = "statement 1 of the trust policy of role app"
WORDS = {
    "provider-missing": (
        "provider-missing",
        f"account {ACCOUNT} has no OIDC provider for https://{HOST}",
        "create it: eksops.irsa.iam_oidc_provider with cluster_name: prod",
    ),
    "provider-missing-in-role-account": (
        "provider-wrong-account",
        f"account {OTHER_ACCOUNT} of role app has no OIDC provider for https://{HOST}; one in the cluster's account "
        f"{ACCOUNT} doesn't count",
        f"create it with the credentials of account {OTHER_ACCOUNT}: eksops.irsa.iam_oidc_provider with url: "
        f"https://{HOST}",
    ),
    "provider-with-other-region": (
        "provider-url-mismatch",
        f"OIDC provider {provider(DRIFTED['region'])} differs from the issuer https://{HOST} in the region",
        "create the right one, for a URL can't be changed: eksops.irsa.iam_oidc_provider with cluster_name: prod; let "
        "the roles trust that, then remove the other",
    ),
    "cluster-recreated": (
        "cluster-recreated",
        f"{FIRST} trusts the issuer {OTHER_HOST} of an earlier or another cluster, this cluster's is {HOST}",
        f"see that there is an OIDC provider for it (eksops.irsa.iam_oidc_provider), then run {GRANT}",
    ),
    "client-id-missing": (
        "client-id-missing",
        f"OIDC provider {provider()} accepts other, tokens of service account kube-system/aws-node are issued for "
        "sts.amazonaws.com",
        "eksops.irsa.iam_oidc_provider with cluster_name: prod, client_ids: [sts.amazonaws.com]",
    ),
    "cn-audience-in-provider-and-trust-policy": (
        "cn-audience",
        f"tokens of service account kube-system/aws-node are issued for {STS}, OIDC provider {provider()} accepts "
        f"{CN}; {FIRST} wants {CN}: in China too the audience is {STS}",
        f"use {STS} as audience of the account (eksops.irsa.sa_annotate), in client_ids of "
        "eksops.irsa.iam_oidc_provider and audiences of eksops.irsa.irsa_role",
    ),
    "annotated-audience-not-accepted": (
        "audience-annotation",
        f"tokens of service account kube-system/aws-node are issued for vault, OIDC provider {provider()} accepts "
        f"{STS}; {FIRST} wants {STS}",
        "remove the account's annotation eks.amazonaws.com/audience, or have vault in client_ids of "
        "eksops.irsa.iam_oidc_provider and in audiences of eksops.irsa.irsa_role",
    ),
    "role-missing": (
        "role-missing",
        f"there is no role {ROLE}",
        "create it: eksops.irsa.irsa_role with name: app, cluster_name: prod, service_accounts: [{namespace: "
        "kube-system, name: aws-node}]; or annotate the role that is meant",
    ),
    "path-missing": (
        "role-path-dropped",
        f"the role app has the ARN arn:aws:iam::{ACCOUNT}:role/team/app, not {ROLE}",
        "eksops.irsa.sa_annotate with namespace: kube-system, name: aws-node, role_arn: "
        f"arn:aws:iam::{ACCOUNT}:role/team/app",
    ),
    "quotes": (
        "arn-malformed",
        f"the role ARN '\"{ROLE}\"' of service account kube-system/aws-node has quotes or blanks around it",
        f"write it as IAM returns it: eksops.irsa.sa_annotate with namespace: kube-system, name: aws-node, role_arn: "
        f"{ROLE}",
    ),
    "other-account-not-read": (
        "arn-wrong-account",
        f"role {CROSS_ROLE} is in account {OTHER_ACCOUNT}, the cluster in {ACCOUNT}",
        f"eksops.irsa.sa_annotate with namespace: kube-system, name: aws-node, role_arn: {ROLE}; if the other account "
        f"is meant, give role_arn: {CROSS_ROLE} to eksops.irsa.irsa_verify",
    ),
    "other-partition": (
        "arn-wrong-partition",
        f"role arn:aws-cn:iam::{ACCOUNT}:role/app is of partition aws-cn, the cluster of aws",
        f"eksops.irsa.sa_annotate with namespace: kube-system, name: aws-node, role_arn: {ROLE}",
    ),
    "only-placeholder-statement": (
        "federated-mismatch",
        f"the trust policy of role app has no statement that names {provider()}",
        f"have the statement written by {GRANT}",
    ),
    "provider-of-another-account": (
        "federated-mismatch",
        f"{FIRST} names {provider(account=OTHER_ACCOUNT)}, the provider of cluster and role is {provider()}",
        f"name {provider()} there, or have a statement written by {GRANT}",
    ),
    "wrong-action": (
        "wrong-action",
        f"{FIRST} has Action sts:AssumeRole, which is not {ACTION}",
        f"replace the action by {ACTION}, or have a statement written by {GRANT}",
    ),
    "keys-with-slash": (
        "condition-key",
        f"{FIRST} has a condition on {HOST}/:sub and {HOST}/:aud, a key that tokens of this cluster don't have",
        f"write the key as {HOST}:sub and {HOST}:aud, or have a statement written by {GRANT}",
    ),
    "swapped": (
        "condition-swapped",
        f"{FIRST} has the service account under :aud or the audience under :sub",
        f"put {SUB} under {HOST}:sub and {STS} under {HOST}:aud",
    ),
    "principal-arn": (
        "condition-unavailable",
        f"{FIRST} has a condition on aws:PrincipalArn, which no service account's request has",
        f"take the condition out; {HOST}:sub and {HOST}:aud are what can be asked for",
    ),
    "other-namespace": (
        "sub-mismatch",
        f"{FIRST}: sub is {SUB}, the policy wants {OTHER} (namespace differs)",
        f"add the account to the role: {GRANT}",
    ),
    "two-statements-for-others": (
        "sub-mismatch",
        f"statement 2 of the trust policy of role app: sub is {SUB}, the policy wants {OTHER} (namespace differs)",
        f"add the account to the role: {GRANT}",
    ),
    "excluded-by-not-equals": (
        "sub-mismatch",
        f"{FIRST}: sub is {SUB}, which StringNotEquals {SUB} excludes",
        f"add the account to the role: {GRANT}",
    ),
    "wildcard-with-string-equals": (
        "sub-wildcard-equals",
        f"{FIRST} has system:serviceaccount:kube-system:* under StringEquals, which takes * and ? for themselves",
        "put it under StringLike, or name the accounts: irsa_role puts wildcards there with allow_wildcards: true",
    ),
    "two-operators-on-sub": (
        "operators-anded",
        f"{FIRST} has {HOST}:sub under StringEquals and under StringLike; both must hold, and StringLike wants "
        "system:serviceaccount:jobs:*",
        "keep StringEquals, and move what stands under StringLike to a statement of its own",
    ),
    "other-audience": (
        "aud-mismatch",
        f"{FIRST}: aud is {STS}, the policy wants vault",
        f"write {STS} there, or eksops.irsa.irsa_role with audiences: [{STS}]",
    ),
    "denied": (
        "explicit-deny",
        f"statement 2 of the trust policy of role app denies {ACTION} to {SUB}",
        f"remove the statement, or give it a condition that leaves {SUB} out",
    ),
    "no-sub": (
        "trust-too-broad",
        f"{FIRST} lets in every service account of the cluster, or would without the key {HOST}:sub",
        f"name the accounts under StringEquals {HOST}:sub: {GRANT}",
    ),
    "no-policies": (
        "no-permissions",
        "role app has no policy at all",
        "give it some: eksops.irsa.irsa_role with name: app and managed_policies or inline_policies",
    ),
    "deleted-principal": (
        "deleted-principal",
        "statement 2 of the trust policy of role app names AROA1234567890EXAMPLE, the id of a role or user that was "
        "deleted",
        "name the ARN of the one that is there now: one that is created again under the same name has another id",
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_words(name: str) -> None:
    of, aws, _expected = CASES[name]
    finding_id, message, fix = WORDS[name]
    found = one(role_rules.findings(of, aws), finding_id)
    assert (found.message, found.fix) == (message, fix)


def test_words_of_what_is_counted() -> None:
    found = one(role_rules.findings(*CASES["too-long-with-account"][:2]), "trust-too-long")
    assert found.message.startswith("the trust policy of role app would have ")
    assert found.message.endswith(f" characters with {SUB} in it, IAM takes 2230")
    assert int(found.found or 0) > 2230
    assert one(role_rules.findings(*CASES["too-long"][:2]), "trust-too-long").expected == "at most 1024"


def test_every_id_has_its_words() -> None:
    assert {each for each, _message, _fix in WORDS.values()} | {"trust-too-long"} == {
        each for _of, _aws, expected in CASES.values() for each in expected
    }


def test_a_statement_is_named_by_its_sid_and_the_place_by_its_path() -> None:
    found = one(role_rules.findings(CHAIN, facts(EC2, allow(sub(OTHER), Sid="Cni"))), "sub-mismatch")
    assert found.message.startswith("statement 2 (Cni) of the trust policy of role app: sub is ")
    assert found.evidence == f"Statement[1].Condition.StringEquals[{HOST}:sub]"
    assert (found.expected, found.found) == (SUB, OTHER)


@pytest.mark.parametrize(
    ("wanted", "difference"),
    [
        ("system:serviceaccount:default:aws-node", "namespace differs"),
        ("system:serviceaccount:kube-system:web", "name differs"),
        ("system:serviceaccount:default:web", "namespace and name differ"),
        ("system:serviceaccount:kube-*:web", "name differs"),
        ("system:serviceaccount:Kube-System:aws-node", "upper and lower case differ"),
        (f" {SUB}", "there are blanks in it"),
        ("system:serviceaccount:kube-system/aws-node", "that is not system:serviceaccount:NAMESPACE:NAME"),
        ("aws-node", "that is not system:serviceaccount:NAMESPACE:NAME"),
    ],
)
def test_how_near_a_subject_came(wanted: str, difference: str) -> None:
    found = one(role_rules.findings(CHAIN, facts(allow(sub(wanted, operator="StringLike")))), "sub-mismatch")
    assert found.message.endswith(f"the policy wants {wanted} ({difference})")


def test_of_a_list_the_nearest_is_named() -> None:
    accounts = ["system:serviceaccount:a:b", OTHER, "system:serviceaccount:c:d"]
    found = one(role_rules.findings(CHAIN, facts(allow(sub(*accounts)))), "sub-mismatch")
    assert f"the policy wants {OTHER} and 2 more (namespace differs)" in found.message


def test_an_issuer_alone_is_named_in_the_fix() -> None:
    of = chain(cluster=None, account_id=None, partition=None, region=None, audience="vault")
    aws = facts(allow({"StringEquals": {f"{HOST}:sub": OTHER}}), provider=client_ids("vault"))
    assert f"issuer: https://{HOST}, " in one(role_rules.findings(of, aws), "sub-mismatch").fix
    assert one(role_rules.findings(of, aws), "sub-mismatch").fix.endswith("audiences: [vault]")


@pytest.mark.parametrize(
    ("host", "what"),
    [(f"{HOST}/", "a slash at its end"), (HOST.lower(), "upper and lower case"), (DRIFTED["region"], "the region")],
)
def test_in_what_a_provider_differs(host: str, what: str) -> None:
    found = one(
        role_rules.findings(CHAIN, facts(provider=None, provider_arns=[provider(host)])), "provider-url-mismatch"
    )
    assert found.message == f"OIDC provider {provider(host)} differs from the issuer https://{HOST} in {what}"


def test_of_several_statements_the_most_alike_is_named() -> None:
    aws = facts(*[allow(sub(f"system:serviceaccount:kube-system:{name}")) for name in ("web", "aws-nodes", "job")])
    assert one(role_rules.findings(CHAIN, aws), "sub-mismatch").message.startswith("statement 2 ")


def test_of_a_cluster_that_was_made_again_the_place_is_named_as_it_stands_there() -> None:
    of, aws, _expected = CASES["cluster-recreated-and-other-namespace"]
    found = one(role_rules.findings(of, aws), "sub-mismatch")
    assert found.evidence == f"Statement[0].Condition.StringEquals[{OTHER_HOST}:sub]"


@pytest.mark.parametrize(
    ("name", "finding_id", "evidence"),
    [
        ("other-audience", "aud-mismatch", f"Statement[0].Condition.StringEquals[{HOST}:aud]"),
        ("client-id-missing", "client-id-missing", "ClientIDList"),
        ("cn-audience-in-annotation", "cn-audience", "metadata.annotations[eks.amazonaws.com/audience]"),
        (
            "cn-audience-in-provider-and-trust-policy",
            "cn-audience",
            f"ClientIDList, Statement[0].Condition.StringEquals[{HOST}:aud]",
        ),
    ],
)
def test_where_an_audience_stands(name: str, finding_id: str, evidence: str) -> None:
    of, aws, _expected = CASES[name]
    assert one(role_rules.findings(of, aws), finding_id).evidence == evidence


def test_the_role_of_another_account_that_has_the_name_is_not_the_role() -> None:
    of, aws = chain(role_arn=CROSS_ROLE, cross_account=True), facts(allow(sub(OTHER)), provider=NOT_READ)
    assert role_rules.findings(of, aws) == []
    assert role_rules.static_allows(of, aws) is None
