# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found about a service account: exactly the ids, and what they say."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import Chain, KubernetesFacts
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import account as account_rules
from unit import chain_objects as objects
from unit.chain_objects import ANNOTATION, AWS, CHAIN, NOT_READ, OTHER, ROLE, account, kubernetes

# Without the option role_arn, the account alone says which role is meant.
UNNAMED = dataclasses.replace(CHAIN, role_arn=None)
EBS = dataclasses.replace(CHAIN, namespace="kube-system", service_account="ebs-csi-controller-sa")
ASSOCIATION = {
    "namespace": "shop",
    "serviceAccount": "app",
    "associationArn": "arn:aws:eks:eu-west-1:123456789012:podidentityassociation/prod/a-1",
    "associationId": "a-1",
}


def found(facts: KubernetesFacts, chain: Chain = CHAIN, **aws: t.Any) -> list[Finding]:
    return account_rules.findings(chain, facts, dataclasses.replace(AWS, **aws))


def ids(findings: t.Iterable[Finding]) -> list[str]:
    return [each.id for each in findings]


def annotated(key: str, value: str = ROLE, **metadata: t.Any) -> dict[str, t.Any]:
    """An account with that annotation in place of the right one."""
    made = account(None)
    made["metadata"]["annotations"] = {key: value, **metadata}
    return made


def deployment(**annotations: t.Any) -> dict[t.Any, t.Any]:
    return objects.template(objects.plain_pod(), "Deployment", "web", **annotations)


def bare() -> dict[str, t.Any]:
    """The dry run for an account that names no role."""
    return objects.dry_run(None)


NAMESPACE = {"metadata": {"name": "shop", "annotations": {ANNOTATION: ROLE}}}


@pytest.mark.parametrize(
    ("facts", "chain", "expected"),
    [
        pytest.param({"account": None, "admitted": NOT_READ}, CHAIN, ["account-missing"], id="account-missing"),
        pytest.param(
            {"account": None, "namespace": None, "admitted": NOT_READ}, UNNAMED, ["account-missing"], id="no-namespace"
        ),
        pytest.param(
            {"account": account(None), "admitted": bare()}, UNNAMED, ["annotation-missing"], id="annotation-missing"
        ),
        pytest.param(
            {"account": account(None), "admitted": bare()}, CHAIN, ["annotation-missing"], id="missing-role-asked"
        ),
        pytest.param({"account": account(None), "admitted": None}, UNNAMED, ["annotation-missing"], id="no-dry-run"),
        pytest.param(
            {"account": account(None), "admitted": objects.dry_run(OTHER)},
            CHAIN,
            ["annotation-missing"],
            id="configmap-of-the-webhook-names-another",
        ),
        pytest.param(
            {"account": account(""), "admitted": bare()}, UNNAMED, ["annotation-empty"], id="annotation-empty"
        ),
        pytest.param(
            {"account": annotated("eks.amazon.com/role-arn"), "admitted": bare()},
            UNNAMED,
            ["annotation-typo"],
            id="annotation-typo-in-the-domain",
        ),
        pytest.param(
            {"account": annotated("eks.amazonaws.com/rolearn"), "admitted": bare()},
            UNNAMED,
            ["annotation-typo"],
            id="typo-in-the-name",
        ),
        pytest.param(
            {"account": annotated("role-arn"), "admitted": bare()}, UNNAMED, ["annotation-typo"], id="typo-no-domain"
        ),
        pytest.param(
            {"account": account(""), "namespace": NAMESPACE, "admitted": bare()},
            UNNAMED,
            ["annotation-typo"],
            id="empty-and-elsewhere",
        ),
        pytest.param(
            {"account": account(None), "workloads": deployment(annotations={ANNOTATION: ROLE}), "admitted": bare()},
            UNNAMED,
            ["annotation-typo"],
            id="on-the-workload",
        ),
        pytest.param(
            {
                "account": account(None),
                "workloads": deployment(template={"annotations": {"eks.amazonaws.com/rolearn": ROLE}}),
                "admitted": bare(),
            },
            UNNAMED,
            ["annotation-typo"],
            id="near-miss-on-the-template",
        ),
        pytest.param(
            {
                "account": account(None),
                "pods": [objects.plain_pod(annotations={ANNOTATION: ROLE}), objects.plain_pod("y")],
                "admitted": bare(),
            },
            UNNAMED,
            ["annotation-typo"],
            id="on-pods",
        ),
        pytest.param(
            {"account": account(None), "namespace": NAMESPACE, "admitted": bare()},
            UNNAMED,
            ["annotation-typo"],
            id="on-the-namespace",
        ),
        pytest.param({"account": account(OTHER)}, CHAIN, ["annotation-typo"], id="another-role-than-asked"),
        pytest.param({"account": account(audiance="vault")}, CHAIN, ["annotation-typo"], id="audience-misspelt"),
        pytest.param(
            {"account": annotated("eks.amazon.com/role-arn", **{"eks.amazonaws.com/audiance": "x"}), "admitted": None},
            UNNAMED,
            ["annotation-typo", "annotation-typo"],
            id="two-typos",
        ),
    ],
)
def test_account_and_annotation(facts: dict[str, t.Any], chain: Chain, expected: list[str]) -> None:
    assert ids(found(kubernetes(**facts), chain)) == expected


@pytest.mark.parametrize(
    ("facts", "chain"),
    [
        pytest.param({}, CHAIN, id="annotated"),
        pytest.param({}, UNNAMED, id="whatever-it-names"),
        pytest.param({"account": NOT_READ, "admitted": bare()}, CHAIN, id="account-unknown"),
        pytest.param({"account": NOT_READ, "namespace": None}, UNNAMED, id="account-unknown-no-namespace"),
        pytest.param({"account": account(None)}, CHAIN, id="role-from-the-webhooks-configmap"),
        pytest.param({"account": account(audiance="sts.amazonaws.com")}, CHAIN, id="misspelt-but-the-same"),
        pytest.param(
            {"account": account(audience="vault", audiance="other")}, CHAIN, id="misspelt-beside-the-right-one"
        ),
        pytest.param({"account": account(rolearn=OTHER)}, CHAIN, id="leftover-of-another-spelling"),
        pytest.param({"account": account(token_expirations="900")}, CHAIN, id="what-breaks-no-chain"),
        pytest.param({"namespace": NAMESPACE}, CHAIN, id="on-the-namespace-as-well"),
        pytest.param({"workloads": deployment(annotations={ANNOTATION: OTHER})}, CHAIN, id="on-the-workload-as-well"),
        pytest.param(
            {"pods": NOT_READ, "namespace": NOT_READ, "webhooks": NOT_READ, "admitted": None}, CHAIN, id="little"
        ),
    ],
)
def test_a_valid_account_has_no_finding(facts: dict[str, t.Any], chain: Chain) -> None:
    assert found(kubernetes(**facts), chain) == []


def test_messages_about_a_missing_account() -> None:
    (missing,) = found(kubernetes(account=None, admitted=NOT_READ))
    assert missing.message == "service account shop/app does not exist, so pods that name it cannot be created"
    assert missing.fix == f"create it with eksops.irsa.sa_annotate (namespace: shop, name: app, role_arn: {ROLE})"
    (both,) = found(kubernetes(account=None, namespace=None, admitted=NOT_READ))
    assert both.message == "service account shop/app does not exist, nor does namespace shop"
    assert both.fix.endswith(f"role_arn: {ROLE}, create_namespace: true)")


def test_messages_about_an_annotation() -> None:
    (missing,) = found(kubernetes(account=account(None), admitted=objects.dry_run(OTHER)), UNNAMED)
    assert missing.message == (
        "service account shop/app has no annotation eks.amazonaws.com/role-arn; the webhook's own configuration gives "
        f"its pods {OTHER}"
    )
    assert (missing.found, missing.expected) == (OTHER, None)
    (empty,) = found(kubernetes(account=account(""), admitted=None))
    assert (empty.evidence, empty.found, empty.expected) == (
        "metadata.annotations[eks.amazonaws.com/role-arn]",
        "",
        ROLE,
    )
    (typo,) = found(kubernetes(account=annotated("eks.amazon.com/role-arn"), admitted=None), UNNAMED)
    assert typo.message == (
        "annotation eks.amazon.com/role-arn of service account shop/app has no effect; it looks like "
        "eks.amazonaws.com/role-arn"
    )
    assert typo.fix == (
        "set eks.amazonaws.com/role-arn with eksops.irsa.sa_annotate (namespace: shop, name: app, role_arn: the value) "
        "and remove eks.amazon.com/role-arn: kubectl -n shop annotate serviceaccount app eks.amazon.com/role-arn-"
    )
    assert typo.evidence == "metadata.annotations[eks.amazon.com/role-arn]"


def test_messages_about_an_annotation_elsewhere() -> None:
    facts = kubernetes(account=account(None), workloads=deployment(annotations={ANNOTATION: ROLE}), admitted=None)
    (elsewhere,) = found(facts)
    assert elsewhere.message == (
        "Deployment web has the annotation eks.amazonaws.com/role-arn, where nothing reads it, and service account "
        "shop/app has none"
    )
    assert elsewhere.evidence == "metadata.annotations[eks.amazonaws.com/role-arn]"
    template = deployment(annotations={ANNOTATION: ROLE}, template={"annotations": {ANNOTATION: ROLE}})
    (elsewhere,) = found(kubernetes(account=account(None), workloads=template, admitted=None))
    assert elsewhere.message.startswith("the pod template of Deployment web has")
    assert elsewhere.evidence == "spec.template.metadata.annotations[eks.amazonaws.com/role-arn]"


# -- what competes


def addon(name: str = "aws-ebs-csi-driver", role: str | None = OTHER) -> dict[str, t.Any]:
    made = {"addonName": name, "clusterName": "prod", "status": "ACTIVE"}
    return {**made, "serviceAccountRoleArn": role} if role else made


@pytest.mark.parametrize(
    ("chain", "aws", "facts", "expected"),
    [
        pytest.param(CHAIN, {"associations": [ASSOCIATION]}, {}, ["pod-identity-wins"], id="pod-identity-wins"),
        pytest.param(
            CHAIN,
            {"associations": NOT_READ},
            {"admitted": objects.dry_run(pod_identity=True)},
            ["pod-identity-wins"],
            id="shown-by-the-dry-run",
        ),
        pytest.param(
            CHAIN,
            {"associations": [ASSOCIATION]},
            {"account": account(None), "admitted": objects.dry_run(None, pod_identity=True)},
            ["annotation-missing", "pod-identity-wins"],
            id="and-no-annotation",
        ),
        pytest.param(
            CHAIN,
            {"associations": [ASSOCIATION]},
            {"account": None, "admitted": NOT_READ},
            ["account-missing", "pod-identity-wins"],
            id="and-no-account",
        ),
        pytest.param(CHAIN, {"associations": [{**ASSOCIATION, "serviceAccount": "other"}]}, {}, [], id="anothers"),
        pytest.param(CHAIN, {"associations": [{**ASSOCIATION, "namespace": "x"}]}, {}, [], id="another-namespaces"),
        pytest.param(CHAIN, {"associations": NOT_READ}, {}, [], id="unknown"),
        pytest.param(EBS, {"addons": [addon()]}, {}, ["addon-reverts"], id="addon-reverts"),
        pytest.param(EBS, {"addons": [addon(role=ROLE)]}, {}, [], id="addon-agrees"),
        pytest.param(EBS, {"addons": [addon(role=None)]}, {}, [], id="addon-has-no-role"),
        pytest.param(EBS, {"addons": [addon("vpc-cni")]}, {}, [], id="another-addons-account"),
        pytest.param(CHAIN, {"addons": [addon()]}, {}, [], id="no-addons-account"),
        pytest.param(EBS, {"addons": NOT_READ}, {}, [], id="addons-unknown"),
        pytest.param(
            dataclasses.replace(EBS, role_arn=None),
            {"addons": [addon()]},
            {},
            ["addon-reverts"],
            id="by-the-annotation",
        ),
    ],
)
def test_competing_sources_of_the_role(chain: Chain, aws: t.Any, facts: t.Any, expected: list[str]) -> None:
    assert ids(found(kubernetes(**facts), chain, **aws)) == expected


def test_messages_about_competing_sources() -> None:
    (association,) = found(kubernetes(), associations=[{**ASSOCIATION, "roleArn": OTHER}])
    assert association.fix == (
        "keep one of the two: delete the association (aws eks delete-pod-identity-association --cluster-name prod "
        "--association-id a-1) or the annotation, then replace the pods with eksops.irsa.pod_rollout (namespace: shop, "
        "service_account: app)"
    )
    assert (association.evidence, association.found) == (f"association {ASSOCIATION['associationArn']}", OTHER)
    (reverts,) = found(kubernetes(), EBS, addons=[addon()])
    assert reverts.fix == (
        "give the add-on the role: aws eks update-addon --cluster-name prod --addon-name aws-ebs-csi-driver "
        f"--service-account-role-arn {ROLE}"
    )
    assert (reverts.expected, reverts.found) == (ROLE, OTHER)


def last_applied(role: str | None) -> dict[str, t.Any]:
    manifest = {"metadata": {"annotations": {ANNOTATION: role} if role else {}}}
    made = account(owners={"kubectl-client-side-apply": "Update"})
    made["metadata"]["annotations"][account_rules.LAST_APPLIED] = json.dumps(manifest)
    return made


OURS = {"eksops.irsa": "Apply"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(account(owners={**OURS, "helm": "Update"}), ["owner-reverts"], id="owner-reverts"),
        pytest.param(account(owners={**OURS, "argocd-controller": "Apply"}), ["owner-reverts"], id="argo-cd"),
        pytest.param(account(owners={**OURS, "kustomize-controller": "Apply"}), ["owner-reverts"], id="flux"),
        pytest.param(account(owners={**OURS, "eksctl": "Update"}), ["owner-reverts"], id="eksctl"),
        pytest.param(account(owners={"helm": "Update", "kubectl": "Apply"}), ["owner-reverts"], id="and-a-person"),
        pytest.param(
            account(owners={"helm": "Apply", "kustomize-controller": "Apply"}), ["owner-reverts"], id="two-tools"
        ),
        pytest.param(
            account(OTHER, owners={"helm": "Update"}), ["annotation-typo", "owner-reverts"], id="owns-another-role"
        ),
        pytest.param(last_applied(OTHER), ["owner-reverts"], id="last-applied-differs"),
        # Whoever changed the value owns it alone: it comes from there.
        pytest.param(account(owners={"helm": "Update"}), [], id="helm-is-the-source"),
        pytest.param(
            account(owners={"argocd-controller": "Apply", "argocd-application-controller": "Update"}), [], id="1"
        ),
        pytest.param(account(owners={"helm": "Update", "before-first-apply": "Update"}), [], id="before-first-apply"),
        pytest.param(account(owners={**OURS, "kubectl-annotate": "Update"}), [], id="people-only"),
        pytest.param(account(OTHER, owners=OURS), ["annotation-typo"], id="ours-with-another-role"),
        pytest.param(last_applied(ROLE), [], id="last-applied-agrees"),
        pytest.param(last_applied(None), [], id="last-applied-leaves-it-alone"),
    ],
)
def test_owners(given: dict[str, t.Any], expected: list[str]) -> None:
    assert ids(found(kubernetes(account=given))) == expected


def test_the_creator_of_the_account_is_not_an_owner() -> None:
    given = account()
    labels = {"f:metadata": {"f:annotations": {".": {}, "f:meta.helm.sh/release-name": {}}, "f:labels": {".": {}}}}
    entry = {"manager": "helm", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": labels}
    given["metadata"]["managedFields"].append(entry)
    assert found(kubernetes(account=given)) == []


def test_messages_about_owners() -> None:
    (shared,) = found(kubernetes(account=account(owners={**OURS, "helm": "Update"})))
    assert shared.message == (
        "Helm and eksops.irsa own the annotation of service account shop/app together, so each may undo the others' "
        "change"
    )
    assert shared.fix == (
        "leave the annotation to one of them, and change it in the chart's values (often serviceAccount.annotations)"
    )
    assert shared.found == "eksops.irsa (Apply), helm (Update)"
    _typo, wrong = found(kubernetes(account=account(OTHER, owners={"helm-controller": "Update"})))
    assert wrong.message == "the wrong role of service account shop/app comes from Flux, which will set it again"
    assert (wrong.expected, wrong.found) == (ROLE, OTHER)
    (applied,) = found(kubernetes(account=last_applied(OTHER)))
    assert applied.fix == f"write {ROLE} into the manifest and apply it"
    assert (applied.expected, applied.found) == (ROLE, OTHER)


def test_skip_containers_on_the_account_has_no_effect() -> None:
    (finding,) = found(kubernetes(account=account(skip_containers="app")))
    assert finding.id == "skip-containers"
    assert finding.message == (
        "the annotation eks.amazonaws.com/skip-containers has no effect on service account shop/app, where nothing "
        "reads it"
    )
