"""What the troubleshooting guide contains: causes, their explanations, and the texts of docs/causes.yml."""

from __future__ import annotations

import pathlib
import typing as t

import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import report
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import CAUSES, Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.explanations import EXPLANATIONS
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import AwsFacts, Chain, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import role as role_rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROVIDER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"


def read_context() -> dict[str, t.Any]:
    """Return the variables of the template."""
    texts = yaml.safe_load((ROOT / "docs" / "causes.yml").read_text(encoding="utf-8"))
    symptoms = {id_: flatten(cause["symptoms"]) for id_, cause in texts["causes"].items()}
    groups = group_symptoms(symptoms)
    findings = tuple(finding.as_dict() for finding in make_example_findings())
    return {
        "example": report.table([report.Verification("shop/cart", findings)], width=88),
        "causes": CAUSES,
        "explanations": EXPLANATIONS,
        "links": texts["links"],
        "shared_symptoms": [group for group in groups if len(group[0]) > 1],
        # A text with several causes stands here in one form; its other forms are in the section of such texts.
        "symptoms": {
            id_: [text for ids, group in groups if id_ in ids for text in (group[:1] if len(ids) > 1 else group)]
            for id_ in symptoms
        },
        "manual_checks": {id_: cause["manual_check"] for id_, cause in texts["causes"].items()},
        "references": {id_: list(map(make_link, cause.references)) for id_, cause in EXPLANATIONS.items()},
    }


def flatten(items: list[str | list[str]]) -> list[str]:
    """The texts of a list in which an item can be a list of shared texts."""
    return [text for item in items for text in (item if isinstance(item, list) else [item])]


def group_symptoms(symptoms: dict[str, list[str]]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Group the symptoms by the ids of their causes."""
    causes: dict[str, list[str]] = {}
    for id_, texts in symptoms.items():
        for text in texts:
            causes.setdefault(text, []).append(id_)
    groups: dict[tuple[str, ...], list[str]] = {}
    for text, ids in causes.items():
        groups.setdefault(tuple(ids), []).append(text)
    return list(groups.items())


def make_example_findings() -> list[Finding]:
    """Make the findings about a role that trusts another namespace."""
    chain = Chain(
        namespace="shop",
        service_account="cart",
        issuer=f"https://{PROVIDER}",
        role_arn="arn:aws:iam::111122223333:role/shop-cart",
        audience="sts.amazonaws.com",
        account_id="111122223333",
        partition="aws",
        region="eu-west-1",
        cluster="production",
    )
    subject = {f"{PROVIDER}:sub": "system:serviceaccount:default:cart"}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{PROVIDER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": subject},
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    unknown = Unknown("not read")
    aws = AwsFacts(
        provider={"ClientIDList": ["sts.amazonaws.com"]},
        provider_arns=unknown,
        role={"RoleName": "shop-cart", "Arn": chain.role_arn, "AssumeRolePolicyDocument": trust},
        managed_policies=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        inline_policies=unknown,
        boundary=unknown,
        quotas=unknown,
        addons=unknown,
        associations=unknown,
    )
    return role_rules.findings(chain, aws)


def make_link(url: str) -> str:
    """Make a link whose text is the owner of the documentation and the name of the page."""
    host, _slash, path = url.removeprefix("https://").partition("/")
    page = path.partition("#")[0].rstrip("/").rpartition("/")[2].removesuffix(".html")
    owners = {"kubernetes.io": "Kubernetes", "github.com": "GitHub", "repost.aws": "AWS re:Post"}
    return f"`{owners.get(host, 'AWS')}, {page} <{url}>`__"
