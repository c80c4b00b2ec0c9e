# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about provider, role and trust policy: intact chains, each cause, and combinations of causes."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import AwsFacts, Chain, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import role as role_rules
from ansible_collections.eksops.irsa.plugins.module_utils._core.role import plan as role_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.plan import PlanContext
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, Role, RoleSpec
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
NOT_READ = Unknown("not read")


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
    """The statement that allows the service account, with another condition or other elements; None removes one."""
    valid = {"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": STS}}
    elements = {
        "Effect": "Allow",
        "Principal": {"Federated": provider()},
        "Action": ACTION,
        "Condition": valid if condition is None else condition,
        **changes,
    }
    return {key: value for key, value in elements.items() if value is not None}


def sub(*values: str, operator: str = "StringEquals", host: str = HOST, **more: t.Any) -> dict[str, t.Any]:
    """A condition on sub, and the valid one on aud."""
    condition: dict[str, t.Any] = {"StringEquals": {f"{host}:aud": STS}, **more}
    condition.setdefault(operator, {})[f"{host}:sub"] = values[0] if len(values) == 1 else list(values)
    return condition


def role(*statements: t.Any, arn: str = ROLE, **more: t.Any) -> dict[str, t.Any]:
    path, _slash, name = arn.partition(":role")[2].rpartition("/")
    document = {"Version": "2012-10-17", "Statement": list(statements or [allow()])}
    return {"RoleName": name, "Path": f"{path}/", "Arn": arn, "AssumeRolePolicyDocument": document, "Tags": {}, **more}


def facts(*statements: t.Any, **changes: t.Any) -> AwsFacts:
    """The facts of an intact chain, with other statements of the trust policy or other facts."""
    intact: dict[str, t.Any] = {
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
    return AwsFacts(**{**intact, **changes})


def chain(**changes: t.Any) -> Chain:
    return dataclasses.replace(CHAIN, **changes)


def ids(findings: t.Iterable[Finding]) -> list[str]:
    return sorted(finding.id for finding in findings)


def only(findings: t.Iterable[Finding], finding_id: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.id == finding_id]
    return finding


def client_ids(*values: str) -> dict[str, t.Any]:
    return {"Url": HOST, "ClientIDList": list(values), "ThumbprintList": [], "Tags": {}}


# Intact chains

CROSS_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/app"
CN_CHAIN = chain(issuer=f"https://{CN_HOST}", role_arn=f"arn:aws-cn:iam::{ACCOUNT}:role/app", partition="aws-cn")
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
INTACT = {
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


@pytest.mark.parametrize("name", INTACT)
def test_intact_chain_has_no_findings(name: str) -> None:
    assert role_rules.findings(*INTACT[name]) == []
    assert role_rules.static_allows(*INTACT[name]) is True


# Causes

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
DENY_ALL = {"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
OTHER = "system:serviceaccount:default:aws-node"
MANY = [f"system:serviceaccount:kube-system:a-service-account-with-a-long-name-{number}" for number in range(24)]
SIMILAR_HOSTS = {
    "slash": f"{HOST}/",
    "case": HOST.lower(),
    "region": HOST.replace("eu-west-1", "eu-west-2"),
    "dual-stack": HOST.replace("oidc.eks.eu-west-1.amazonaws.com", "oidc-eks.eu-west-1.api.aws"),
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
        f"provider-with-other-{difference}": (
            CHAIN,
            facts(provider=None, provider_arns=[provider(host)]),
            ["provider-url-mismatch"],
        )
        for difference, host in SIMILAR_HOSTS.items()
    },
    **{
        f"provider-with-other-{difference}-and-matching-role": (
            CHAIN,
            facts(
                allow(sub(SUB, host=host), Principal={"Federated": provider(host)}),
                provider=None,
                provider_arns=[provider(host)],
            ),
            ["provider-url-mismatch"],
        )
        for difference, host in SIMILAR_HOSTS.items()
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
    "boundary-denies-all": (
        CHAIN,
        facts(role=role(PermissionsBoundary={"PermissionsBoundaryArn": BOUNDARY}), boundary=DENY_ALL),
        ["no-permissions"],
    ),
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
# Findings with which STS still accepts the service account.
HARMLESS = {"trust-too-broad", "trust-too-long", "no-permissions", "deleted-principal"}
# Cases without facts about the AWS account of the role.
UNDECIDED = {"other-account-not-read", "other-account-and-no-such-role-here", "other-account-and-same-role-here"}


@pytest.mark.parametrize("name", CASES)
def test_broken_chain_has_exactly_these_findings(name: str) -> None:
    case_chain, aws, expected = CASES[name]
    findings = role_rules.findings(case_chain, aws)
    assert ids(findings) == expected
    for finding in findings:
        assert finding.message
        assert finding.fix
        assert not finding.message.endswith(".")
    if name in UNDECIDED:
        assert role_rules.static_allows(case_chain, aws) is None
    else:
        assert role_rules.static_allows(case_chain, aws) is (set(expected) <= HARMLESS)


CALL = re.compile(r"eksops\.irsa\.irsa_role \((name: .*?service_accounts: .*?)\)(?=[,; ]|$)")


def apply_fix(chain: Chain, aws: AwsFacts, call: str) -> AwsFacts:
    """The facts after a call of `irsa_role`, as a fix names it."""
    arguments = yaml.safe_load("{" + call + "}")
    assert {"issuer": chain.issuer, "cluster_name": chain.cluster}.items() & arguments.items()
    defaults = argument_specs.defaults(argument_specs.IRSA_ROLE, argument_specs.ROLE)
    spec = RoleSpec.from_params({**defaults, **arguments})
    arn = Arn.parse(aws.role["Arn"] if aws.role else chain.role_arn)
    provider_arn = f"arn:{arn.partition}:iam::{arn.account_id}:oidc-provider/{chain.issuer.removeprefix('https://')}"
    quotas = {"AssumeRolePolicySizeQuota": 9999, "AttachedPoliciesPerRoleQuota": 10}
    context = PlanContext(AccountScope(arn.partition, arn.account_id), provider_arn, {}, quotas)
    observed = None
    if aws.role:
        detail = {**aws.role, "RoleId": "AROAABCDEFGHIJKLMNOPQ"}
        observed = Role.from_aws(detail, managed_policies=(), inline_policies={})
    after = role_plan.plan(spec, observed, context).after
    return dataclasses.replace(aws, role=role(*after["trust_policy"]["Statement"], arn=str(arn)))


FIXES = {
    "two-providers-in-one-statement": (
        CHAIN,
        facts(
            allow(
                {"StringEquals": {f"{HOST}:sub": SUB, f"{OTHER_HOST}:sub": SUB}},
                Principal={"Federated": [provider(), provider(OTHER_HOST)]},
            )
        ),
        [],
    ),
    "more-actions-and-other-audience": (
        CHAIN,
        facts(allow({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": "x"}}, Action=[ACTION, "sts:TagSession"])),
        [],
    ),
    "broad-next-to-named": (
        CHAIN,
        facts(
            allow({"StringEquals": {f"{HOST}:aud": STS}}),
            allow(sub("system:serviceaccount:kube-system:job-*", operator="StringLike")),
            allow(sub("system:serviceaccount:a:b", "system:serviceaccount:literal:*")),
        ),
        [],
    ),
}


@pytest.mark.parametrize("name", [*CASES, *FIXES])
def test_fix_that_calls_irsa_role_removes_its_finding(name: str) -> None:
    chain, aws, _expected = {**CASES, **FIXES}[name]
    for finding in role_rules.findings(chain, aws):
        for call in CALL.findall(finding.fix):
            assert finding.id not in ids(role_rules.findings(chain, apply_fix(chain, aws, call))), finding


def test_fix_of_a_broad_statement_keeps_the_named_accounts() -> None:
    chain, aws, _expected = FIXES["broad-next-to-named"]
    finding = only(role_rules.findings(chain, aws), "trust-too-broad")
    assert finding.fix == (
        f"name the service accounts with StringEquals on {HOST}:sub: eksops.irsa.irsa_role (name: app, cluster_name: "
        "prod, service_accounts: [{namespace: a, name: b}, {namespace: kube-system, name: aws-node}, {namespace: "
        'kube-system, name: "job-*"}], purge_service_accounts: true, allow_wildcards: true), with all that need the '
        "role"
    )
    fixed = apply_fix(chain, aws, CALL.findall(finding.fix)[0])
    assert len(fixed.role["AssumeRolePolicyDocument"]["Statement"]) == 2


def test_each_cause_has_a_case() -> None:
    found_by_sts = {"thumbprint", "jwks-unreachable"}
    causes = {cause.id for cause in BY_ID.values() if cause.link in ("provider", "role") and not cause.audit}
    assert {finding_id for _chain, _aws, expected in CASES.values() for finding_id in expected} == causes - found_by_sts


# Combinations

BROKEN_PROVIDER: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "valid": ({}, set()),
    "missing": ({"provider": None, "provider_arns": []}, {"provider-missing"}),
    "client-id": ({"provider": client_ids("other")}, {"client-id-missing"}),
}
BROKEN_ARN: dict[str, tuple[str, str, set[str]]] = {
    "valid": (ROLE, ROLE, set()),
    "quoted": (f"'{ROLE}'", ROLE, {"arn-malformed"}),
    "path": (ROLE, f"arn:aws:iam::{ACCOUNT}:role/team/app", {"role-path-dropped"}),
    "partition": (ROLE.replace("aws:", "aws-cn:", 1), ROLE, {"arn-wrong-partition"}),
}
BROKEN_SUB: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "valid": (sub(SUB), set()),
    "namespace": (sub(OTHER), {"sub-mismatch"}),
    "wildcard": (sub("system:serviceaccount:kube-system:*"), {"sub-wildcard-equals"}),
    "key": ({"StringEquals": {f"https://{HOST}:sub": SUB, f"{HOST}:aud": STS}}, {"condition-key"}),
    "unavailable": (sub(SUB, Bool={"aws:MultiFactorAuthPresent": "true"}), {"condition-unavailable"}),
}
BROKEN_PRINCIPAL: dict[str, tuple[str, set[str]]] = {
    "valid": (provider(), set()),
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
def test_independent_causes_are_combined(
    provider_case: str, arn_case: str, sub_case: str, principal_case: str, action: str, denied: bool, powerless: bool
) -> None:
    changes, provider_ids = BROKEN_PROVIDER[provider_case]
    annotated, arn, arn_ids = BROKEN_ARN[arn_case]
    condition, sub_ids = BROKEN_SUB[sub_case]
    federated, principal_ids = BROKEN_PRINCIPAL[principal_case]
    statements = [allow(condition, Action=action, Principal={"Federated": federated})]
    statements += [allow(Effect="Deny")] if denied else []
    aws = facts(role=role(*statements, arn=arn), managed_policies=[] if powerless else ["x"], **changes)
    expected = provider_ids | arn_ids | sub_ids | principal_ids
    expected |= {"wrong-action"} if action != ACTION else set()
    expected |= {"explicit-deny"} if denied else set()
    expected |= {"no-permissions"} if powerless else set()
    broken_chain = chain(role_arn=annotated)
    assert ids(role_rules.findings(broken_chain, aws)) == sorted(expected)
    assert role_rules.static_allows(broken_chain, aws) is (expected <= HARMLESS)


# Unknown facts


def test_unknown_facts_give_no_findings() -> None:
    unknown = AwsFacts(*[NOT_READ] * len(dataclasses.fields(AwsFacts)))
    assert role_rules.findings(CHAIN, unknown) == []
    assert role_rules.static_allows(CHAIN, unknown) is None


@pytest.mark.parametrize("fact", ["provider", "role"])
def test_unknown_provider_or_role_is_undecided(fact: str) -> None:
    aws = facts(**{fact: NOT_READ})
    assert role_rules.findings(CHAIN, aws) == []
    assert role_rules.static_allows(CHAIN, aws) is None


@pytest.mark.parametrize("fact", ["provider_arns", "managed_policies", "inline_policies", "boundary", "quotas"])
def test_decision_does_not_need_the_other_facts(fact: str) -> None:
    aws = facts(**{fact: NOT_READ})
    assert role_rules.findings(CHAIN, aws) == []
    assert role_rules.static_allows(CHAIN, aws) is True


@pytest.mark.parametrize("key", ["aws:SourceIp", "aws:SourceVpc", "aws:CurrentTime", "sts:RoleSessionName"])
def test_condition_that_only_aws_can_evaluate_is_undecided(key: str) -> None:
    aws = facts(allow(sub(SUB, StringLike={key: "x"})))
    assert role_rules.findings(CHAIN, aws) == []
    assert role_rules.static_allows(CHAIN, aws) is None
    assert role_rules.undecidable_conditions(CHAIN, aws) == [f"StringLike {key} x in {FIRST}"]


def test_decided_policy_has_no_undecidable_conditions() -> None:
    for_others = allow(sub(OTHER, StringLike={"aws:SourceVpc": "x"}))
    assert role_rules.undecidable_conditions(CHAIN, facts(for_others, allow())) == []
    assert role_rules.undecidable_conditions(CHAIN, facts(role=None)) == []


def test_chain_without_role_has_only_findings_about_the_provider() -> None:
    aws = facts(role=NOT_READ, provider=None, provider_arns=[])
    assert ids(role_rules.findings(chain(role_arn=None), aws)) == ["provider-missing"]
    assert role_rules.static_allows(chain(role_arn=None), aws) is None


# Messages

ANNOTATE = "eksops.irsa.sa_annotate (namespace: kube-system, name: aws-node, role_arn: {})"
GRANT = (
    "eksops.irsa.irsa_role (name: app, cluster_name: prod, service_accounts: [{namespace: kube-system, name: "
    "aws-node}], purge_service_accounts: false)"
)
TOKENS = "tokens of service account kube-system/aws-node have the audience"
FIRST = "statement 1 of the trust policy of role app"
SECOND = "statement 2 of the trust policy of role app"
# By case: the id, the message and the fix.
MESSAGES = {
    "provider-missing": (
        "provider-missing",
        f"AWS account {ACCOUNT} has no OIDC provider for the issuer https://{HOST}",
        "create it with eksops.irsa.iam_oidc_provider (cluster_name: prod)",
    ),
    "provider-missing-in-role-account": (
        "provider-wrong-account",
        f"AWS account {OTHER_ACCOUNT} of role app has no OIDC provider for the issuer https://{HOST}; STS does not use "
        f"the provider in the cluster's AWS account {ACCOUNT}",
        f"create it with eksops.irsa.iam_oidc_provider (url: https://{HOST}) and credentials of AWS account "
        f"{OTHER_ACCOUNT}",
    ),
    "provider-with-other-region": (
        "provider-url-mismatch",
        f"OIDC provider {provider(SIMILAR_HOSTS['region'])} differs from the issuer https://{HOST} in the region",
        "create a provider with the correct URL with eksops.irsa.iam_oidc_provider (cluster_name: prod), change the "
        "trust policies, and delete the old one",
    ),
    "cluster-recreated": (
        "cluster-recreated",
        f"{FIRST} trusts the issuer {OTHER_HOST} of another cluster, or of this cluster before it was recreated; the "
        f"issuer of this cluster is {HOST}",
        "create the OIDC provider of this cluster with eksops.irsa.iam_oidc_provider (cluster_name: prod), then add a "
        f"statement with {GRANT}",
    ),
    "client-id-missing": (
        "client-id-missing",
        f"{TOKENS} sts.amazonaws.com, but OIDC provider {provider()} accepts other",
        "add it with eksops.irsa.iam_oidc_provider (cluster_name: prod, client_ids: [sts.amazonaws.com])",
    ),
    "cn-audience-in-provider-and-trust-policy": (
        "cn-audience",
        f"{TOKENS} {STS}, but OIDC provider {provider()} accepts {CN} and {FIRST} requires {CN}; the audience is {STS} "
        "in the China regions too",
        f"use {STS} in audience of eksops.irsa.sa_annotate, client_ids of eksops.irsa.iam_oidc_provider and audiences "
        "of eksops.irsa.irsa_role",
    ),
    "annotated-audience-not-accepted": (
        "audience-annotation",
        f"{TOKENS} vault, but OIDC provider {provider()} accepts {STS} and {FIRST} requires {STS}",
        "remove the annotation eks.amazonaws.com/audience (kubectl -n kube-system annotate serviceaccount aws-node "
        "eks.amazonaws.com/audience-), or add vault to client_ids of eksops.irsa.iam_oidc_provider and to audiences "
        "of eksops.irsa.irsa_role",
    ),
    "role-missing": (
        "role-missing",
        f"role {ROLE} does not exist",
        "create it with eksops.irsa.irsa_role (name: app, cluster_name: prod, service_accounts: [{namespace: "
        f"kube-system, name: aws-node}}]); or, if the ARN is wrong, correct it with {ANNOTATE.format('ROLE_ARN')}",
    ),
    "path-missing": (
        "role-path-dropped",
        f"the ARN of role app is arn:aws:iam::{ACCOUNT}:role/team/app, not {ROLE}",
        f"set the ARN as IAM returns it with {ANNOTATE.format(f'arn:aws:iam::{ACCOUNT}:role/team/app')}",
    ),
    "quotes": (
        "arn-malformed",
        f"the role ARN '\"{ROLE}\"' of service account kube-system/aws-node has quotes or whitespace around it",
        f"set the ARN as IAM returns it with {ANNOTATE.format(ROLE)}",
    ),
    "other-account-not-read": (
        "arn-wrong-account",
        f"role {CROSS_ROLE} is in AWS account {OTHER_ACCOUNT}, but the cluster is in AWS account {ACCOUNT}",
        f"correct the annotation with {ANNOTATE.format(ROLE)}; if the other AWS account is intended, set role_arn: "
        f"{CROSS_ROLE} in eksops.irsa.irsa_verify",
    ),
    "other-partition": (
        "arn-wrong-partition",
        f"role arn:aws-cn:iam::{ACCOUNT}:role/app is in partition aws-cn, but the cluster is in partition aws",
        f"correct the annotation with {ANNOTATE.format(ROLE)}",
    ),
    "only-placeholder-statement": (
        "federated-mismatch",
        f"the trust policy of role app has no statement for OIDC provider {provider()}",
        f"add the statement with {GRANT}",
    ),
    "provider-of-another-account": (
        "federated-mismatch",
        f"{FIRST} names OIDC provider {provider(account=OTHER_ACCOUNT)} instead of the cluster's provider in the "
        f"role's AWS account, {provider()}",
        f"replace it with {provider()}, or add a statement with {GRANT}",
    ),
    "wrong-action": (
        "wrong-action",
        f"{FIRST} does not allow {ACTION}: Action is sts:AssumeRole",
        f"replace the action with {ACTION}, or add a statement with {GRANT}",
    ),
    "keys-with-slash": (
        "condition-key",
        f"{FIRST} has a condition on {HOST}/:sub and {HOST}/:aud, which tokens of this cluster do not have",
        f"change the key to {HOST}:sub and {HOST}:aud, or add a statement with {GRANT}",
    ),
    "swapped": (
        "condition-swapped",
        f"{FIRST} compares aud with a service account or sub with an audience",
        f"set {HOST}:sub to {SUB} and {HOST}:aud to {STS}",
    ),
    "principal-arn": (
        "condition-unavailable",
        f"{FIRST} has a condition on aws:PrincipalArn, but requests of service accounts do not have this key",
        f"remove the condition; tokens of service accounts have only {HOST}:sub and {HOST}:aud",
    ),
    "other-namespace": (
        "sub-mismatch",
        f"{FIRST} trusts {OTHER}, but not {SUB} (namespace differs)",
        f"add the service account with {GRANT}",
    ),
    "two-statements-for-others": (
        "sub-mismatch",
        f"{SECOND} trusts {OTHER}, but not {SUB} (namespace differs)",
        f"add the service account with {GRANT}",
    ),
    "excluded-by-not-equals": (
        "sub-mismatch",
        f"{FIRST} excludes {SUB} with StringNotEquals {SUB}",
        f"add the service account with {GRANT}",
    ),
    "wildcard-with-string-equals": (
        "sub-wildcard-equals",
        f"{FIRST} has system:serviceaccount:kube-system:* under StringEquals, which compares * and ? literally",
        "move it to StringLike, as eksops.irsa.irsa_role does with allow_wildcards: true, or name the service accounts",
    ),
    "two-operators-on-sub": (
        "operators-anded",
        f"{FIRST} has conditions on {HOST}:sub with StringEquals and with StringLike; both must match, but StringLike "
        "system:serviceaccount:jobs:* does not",
        "keep the condition with StringEquals, and move the one with StringLike to a separate statement",
    ),
    "other-audience": (
        "aud-mismatch",
        f"{TOKENS} {STS}, but {FIRST} requires vault",
        f"change the condition to {STS}, or add a statement with {GRANT}",
    ),
    "denied": (
        "explicit-deny",
        f"{SECOND} denies {ACTION} to {SUB}",
        f"remove the statement, or add a condition that excludes {SUB}",
    ),
    "no-sub": (
        "trust-too-broad",
        f"{FIRST} does not limit the role to named service accounts: the condition on {HOST}:sub is missing, matches "
        "every service account or uses ForAllValues",
        f"name the service accounts with StringEquals on {HOST}:sub: "
        f"{GRANT.replace('purge_service_accounts: false', 'purge_service_accounts: true')}, "
        "with all that need the role",
    ),
    "no-policies": (
        "no-permissions",
        "role app has no policies",
        "attach policies with eksops.irsa.irsa_role (name: app, and managed_policies or inline_policies)",
    ),
    "boundary-denies-all": (
        "no-permissions",
        f"the permissions boundary {BOUNDARY} of role app allows nothing, so the role's policies have no effect",
        "allow the actions of the role's policies in the boundary, or set another one with eksops.irsa.irsa_role "
        "(name: app, permissions_boundary: POLICY_ARN)",
    ),
    "deleted-principal": (
        "deleted-principal",
        f"{SECOND} names AROA1234567890EXAMPLE, the ID of a deleted role or user",
        "replace it with the ARN of the current role or user, even if the name is the same: the ID has changed",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_and_fix(name: str) -> None:
    case_chain, aws, _expected = CASES[name]
    finding_id, message, fix = MESSAGES[name]
    finding = only(role_rules.findings(case_chain, aws), finding_id)
    assert (finding.message, finding.fix) == (message, fix)


def test_message_about_the_policy_size() -> None:
    finding = only(role_rules.findings(*CASES["too-long-with-account"][:2]), "trust-too-long")
    assert finding.message.startswith("the trust policy of role app would have ")
    assert finding.message.endswith(f" characters with {SUB}, but IAM allows 2230")
    assert int(finding.found or 0) > 2230
    assert only(role_rules.findings(*CASES["too-long"][:2]), "trust-too-long").expected == "at most 1024"


def test_each_cause_has_a_message_case() -> None:
    tested = {finding_id for finding_id, _message, _fix in MESSAGES.values()} | {"trust-too-long"}
    assert tested == {finding_id for _chain, _aws, expected in CASES.values() for finding_id in expected}


def test_message_contains_the_sid_and_evidence_is_a_path() -> None:
    finding = only(role_rules.findings(CHAIN, facts(EC2, allow(sub(OTHER), Sid="Cni"))), "sub-mismatch")
    assert finding.message.startswith("statement 2 (Cni) of the trust policy of role app trusts ")
    assert finding.evidence == f"Statement[1].Condition.StringEquals[{HOST}:sub]"
    assert (finding.expected, finding.found) == (SUB, OTHER)


@pytest.mark.parametrize(
    ("trusted", "difference"),
    [
        ("system:serviceaccount:default:aws-node", "namespace differs"),
        ("system:serviceaccount:kube-system:web", "name differs"),
        ("system:serviceaccount:default:web", "namespace and name differ"),
        ("system:serviceaccount:kube-*:web", "name differs"),
        ("system:serviceaccount:Kube-System:aws-node", "upper and lower case differ"),
        (f" {SUB}", "the policy has extra whitespace"),
        (
            "system:serviceaccount:kube-system/aws-node",
            "the value in the policy is not system:serviceaccount:NAMESPACE:NAME",
        ),
        ("aws-node", "the value in the policy is not system:serviceaccount:NAMESPACE:NAME"),
    ],
)
def test_message_describes_how_the_subject_differs(trusted: str, difference: str) -> None:
    finding = only(role_rules.findings(CHAIN, facts(allow(sub(trusted, operator="StringLike")))), "sub-mismatch")
    assert finding.message == f"{FIRST} trusts {trusted}, but not {SUB} ({difference})"


def test_message_names_the_nearest_subject_of_a_list() -> None:
    accounts = ["system:serviceaccount:a:b", OTHER, "system:serviceaccount:c:d"]
    finding = only(role_rules.findings(CHAIN, facts(allow(sub(*accounts)))), "sub-mismatch")
    assert finding.message == f"{FIRST} trusts {OTHER} and 2 more, but not {SUB} (namespace differs)"


def test_fix_contains_the_issuer_if_the_cluster_is_unknown() -> None:
    issuer_chain = chain(cluster=None, account_id=None, partition=None, region=None, audience="vault")
    aws = facts(allow({"StringEquals": {f"{HOST}:sub": OTHER}}), provider=client_ids("vault"))
    finding = only(role_rules.findings(issuer_chain, aws), "sub-mismatch")
    assert f"issuer: https://{HOST}, " in finding.fix
    assert finding.fix.endswith("audiences: [vault])")


@pytest.mark.parametrize(
    ("host", "difference"),
    [
        (f"{HOST}/", "a slash at its end"),
        (HOST.lower(), "upper and lower case"),
        (SIMILAR_HOSTS["region"], "the region"),
        (SIMILAR_HOSTS["dual-stack"], "the host (it has the dual-stack host of the same cluster)"),
    ],
)
def test_message_describes_how_the_url_differs(host: str, difference: str) -> None:
    aws = facts(provider=None, provider_arns=[provider(host)])
    finding = only(role_rules.findings(CHAIN, aws), "provider-url-mismatch")
    assert finding.message == f"OIDC provider {provider(host)} differs from the issuer https://{HOST} in {difference}"


def test_trust_in_the_dual_stack_host_is_named_next_to_the_correct_provider() -> None:
    wrong = provider(SIMILAR_HOSTS["dual-stack"])
    aws = facts(
        allow({"StringEquals": {f"{SIMILAR_HOSTS['dual-stack']}:sub": SUB}}, Principal={"Federated": wrong}),
        provider_arns=[provider(), wrong],
    )
    finding = only(role_rules.findings(CHAIN, aws), "federated-mismatch")
    assert finding.message.endswith(
        f"names OIDC provider {wrong} instead of the cluster's provider in the role's AWS account, {provider()}; it "
        "differs in the host (it has the dual-stack host of the same cluster)"
    )


def test_message_names_the_closest_statement() -> None:
    aws = facts(*[allow(sub(f"system:serviceaccount:kube-system:{name}")) for name in ("web", "aws-nodes", "job")])
    assert only(role_rules.findings(CHAIN, aws), "sub-mismatch").message.startswith("statement 2 ")


def test_evidence_has_the_key_of_the_policy_for_a_recreated_cluster() -> None:
    case_chain, aws, _expected = CASES["cluster-recreated-and-other-namespace"]
    finding = only(role_rules.findings(case_chain, aws), "sub-mismatch")
    assert finding.evidence == f"Statement[0].Condition.StringEquals[{OTHER_HOST}:sub]"


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
def test_evidence_of_findings_about_the_audience(name: str, finding_id: str, evidence: str) -> None:
    case_chain, aws, _expected = CASES[name]
    assert only(role_rules.findings(case_chain, aws), finding_id).evidence == evidence


def test_role_with_the_same_name_in_another_account_is_ignored() -> None:
    cross_chain, aws = chain(role_arn=CROSS_ROLE, cross_account=True), facts(allow(sub(OTHER)), provider=NOT_READ)
    assert role_rules.findings(cross_chain, aws) == []
    assert role_rules.static_allows(cross_chain, aws) is None
