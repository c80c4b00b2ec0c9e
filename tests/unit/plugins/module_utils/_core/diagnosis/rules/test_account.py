# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the service account, with their messages."""

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

# Without the option role_arn, the role is that of the annotation.
WITHOUT_ROLE = dataclasses.replace(CHAIN, role_arn=None)
EBS = dataclasses.replace(CHAIN, namespace="kube-system", service_account="ebs-csi-controller-sa")
ASSOCIATION = {
    "namespace": "shop",
    "serviceAccount": "app",
    "associationArn": "arn:aws:eks:eu-west-1:123456789012:podidentityassociation/prod/a-1",
    "associationId": "a-1",
}


def find(facts: KubernetesFacts, chain: Chain = CHAIN, **aws: t.Any) -> list[Finding]:
    return account_rules.findings(chain, facts, dataclasses.replace(AWS, **aws))


def ids(findings: t.Iterable[Finding]) -> list[str]:
    return [finding.id for finding in findings]


def annotated(key: str, value: str = ROLE, **annotations: t.Any) -> dict[str, t.Any]:
    """A service account with this annotation instead of the correct one."""
    service_account = account(None)
    service_account["metadata"]["annotations"] = {key: value, **annotations}
    return service_account


def deployment(**annotations: t.Any) -> dict[t.Any, t.Any]:
    return objects.template(objects.plain_pod(), "Deployment", "web", **annotations)


def not_injected() -> dict[str, t.Any]:
    """The pod of a dry run for a service account without a role annotation."""
    return objects.dry_run(None)


NAMESPACE = {"metadata": {"name": "shop", "annotations": {ANNOTATION: ROLE}}}


@pytest.mark.parametrize(
    ("facts", "chain", "expected"),
    [
        pytest.param({"account": None, "admitted": NOT_READ}, CHAIN, ["account-missing"], id="account-missing"),
        pytest.param(
            {"account": None, "namespace": None, "admitted": NOT_READ},
            WITHOUT_ROLE,
            ["account-missing"],
            id="namespace-missing",
        ),
        pytest.param(
            {"account": account(None), "admitted": not_injected()},
            WITHOUT_ROLE,
            ["annotation-missing"],
            id="annotation-missing",
        ),
        pytest.param(
            {"account": account(None), "admitted": not_injected()},
            CHAIN,
            ["annotation-missing"],
            id="annotation-missing-with-role-arn",
        ),
        pytest.param(
            {"account": account(None), "admitted": None},
            WITHOUT_ROLE,
            ["annotation-missing"],
            id="annotation-missing-without-dry-run",
        ),
        pytest.param(
            {"account": account(None), "admitted": objects.dry_run(OTHER)},
            CHAIN,
            ["annotation-missing"],
            id="annotation-missing-and-other-role-from-configmap",
        ),
        pytest.param(
            {"account": account(""), "admitted": not_injected()},
            WITHOUT_ROLE,
            ["annotation-empty"],
            id="annotation-empty",
        ),
        pytest.param(
            {"account": annotated("eks.amazon.com/role-arn"), "admitted": not_injected()},
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="annotation-typo-in-domain",
        ),
        pytest.param(
            {"account": annotated("eks.amazonaws.com/rolearn"), "admitted": not_injected()},
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="annotation-typo-in-name",
        ),
        pytest.param(
            {"account": annotated("role-arn"), "admitted": not_injected()},
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="annotation-typo-without-domain",
        ),
        pytest.param(
            {"account": account(""), "namespace": NAMESPACE, "admitted": not_injected()},
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="empty-and-on-namespace",
        ),
        pytest.param(
            {
                "account": account(None),
                "workloads": deployment(annotations={ANNOTATION: ROLE}),
                "admitted": not_injected(),
            },
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="on-workload",
        ),
        pytest.param(
            {
                "account": account(None),
                "workloads": deployment(template={"annotations": {"eks.amazonaws.com/rolearn": ROLE}}),
                "admitted": not_injected(),
            },
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="misspelled-on-pod-template",
        ),
        pytest.param(
            {
                "account": account(None),
                "pods": [objects.plain_pod(annotations={ANNOTATION: ROLE}), objects.plain_pod("y")],
                "admitted": not_injected(),
            },
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="on-pods",
        ),
        pytest.param(
            {"account": account(None), "namespace": NAMESPACE, "admitted": not_injected()},
            WITHOUT_ROLE,
            ["annotation-typo"],
            id="on-namespace",
        ),
        pytest.param({"account": account(OTHER)}, CHAIN, ["annotation-typo"], id="other-role-than-role-arn"),
        pytest.param({"account": account(audiance="vault")}, CHAIN, ["annotation-typo"], id="misspelled-audience"),
        pytest.param(
            {"account": annotated("eks.amazon.com/role-arn", **{"eks.amazonaws.com/audiance": "x"}), "admitted": None},
            WITHOUT_ROLE,
            ["annotation-typo", "annotation-typo"],
            id="two-typos",
        ),
    ],
)
def test_account_has_exactly_these_findings(facts: dict[str, t.Any], chain: Chain, expected: list[str]) -> None:
    assert ids(find(kubernetes(**facts), chain)) == expected


@pytest.mark.parametrize(
    ("facts", "chain"),
    [
        pytest.param({}, CHAIN, id="annotated"),
        pytest.param({}, WITHOUT_ROLE, id="annotated-without-role-arn"),
        pytest.param({"account": NOT_READ, "admitted": not_injected()}, CHAIN, id="account-unknown"),
        pytest.param(
            {"account": NOT_READ, "namespace": None}, WITHOUT_ROLE, id="account-unknown-and-namespace-missing"
        ),
        pytest.param({"account": account(None)}, CHAIN, id="role-from-webhook-configmap"),
        pytest.param({"account": account(audiance="sts.amazonaws.com")}, CHAIN, id="misspelled-default-audience"),
        pytest.param(
            {"account": account(audience="vault", audiance="other")}, CHAIN, id="misspelled-and-correct-audience"
        ),
        pytest.param({"account": account(rolearn=OTHER)}, CHAIN, id="misspelled-and-correct-role"),
        pytest.param({"account": account(token_expirations="900")}, CHAIN, id="misspelled-token-expiration"),
        pytest.param({"namespace": NAMESPACE}, CHAIN, id="also-on-namespace"),
        pytest.param({"workloads": deployment(annotations={ANNOTATION: OTHER})}, CHAIN, id="also-on-workload"),
        pytest.param(
            {"pods": NOT_READ, "namespace": NOT_READ, "webhooks": NOT_READ, "admitted": None},
            CHAIN,
            id="other-facts-unknown",
        ),
    ],
)
def test_valid_account_has_no_findings(facts: dict[str, t.Any], chain: Chain) -> None:
    assert find(kubernetes(**facts), chain) == []


def test_messages_about_missing_account() -> None:
    (missing,) = find(kubernetes(account=None, admitted=NOT_READ))
    assert missing.message == "service account shop/app does not exist, so pods that use it cannot be created"
    assert missing.fix == f"create it with eksops.irsa.sa_annotate (namespace: shop, name: app, role_arn: {ROLE})"
    (both,) = find(kubernetes(account=None, namespace=None, admitted=NOT_READ))
    assert both.message == "service account shop/app does not exist, and namespace shop does not exist either"
    assert both.fix.endswith(f"role_arn: {ROLE}, create_namespace: true)")


def test_messages_about_the_annotation() -> None:
    (missing,) = find(kubernetes(account=account(None), admitted=objects.dry_run(OTHER)), WITHOUT_ROLE)
    assert missing.message == (
        "service account shop/app has no annotation eks.amazonaws.com/role-arn; the configuration of the webhook gives "
        f"its pods role {OTHER}"
    )
    assert (missing.found, missing.expected) == (OTHER, None)
    (empty,) = find(kubernetes(account=account(""), admitted=None))
    assert (empty.evidence, empty.found, empty.expected) == (
        "metadata.annotations[eks.amazonaws.com/role-arn]",
        "",
        ROLE,
    )
    (typo,) = find(kubernetes(account=annotated("eks.amazon.com/role-arn"), admitted=None), WITHOUT_ROLE)
    assert typo.message == (
        "annotation eks.amazon.com/role-arn of service account shop/app has no effect; it is probably meant to be "
        "eks.amazonaws.com/role-arn"
    )
    assert typo.fix == (
        "set eks.amazonaws.com/role-arn with eksops.irsa.sa_annotate (namespace: shop, name: app, role_arn: VALUE), "
        "and remove eks.amazon.com/role-arn: kubectl -n shop annotate serviceaccount app eks.amazon.com/role-arn-"
    )
    assert typo.evidence == "metadata.annotations[eks.amazon.com/role-arn]"
    (other_role,) = find(kubernetes(account=account(OTHER)))
    assert other_role.message == f"service account shop/app is annotated with role {OTHER}, not with {ROLE}"
    assert f"(namespace: shop, name: app, role_arn: {ROLE}), then" in other_role.fix
    (owned,) = find(kubernetes(account=account(OTHER)), dataclasses.replace(CHAIN, needs_force=True))
    assert f"(namespace: shop, name: app, role_arn: {ROLE}, force: true), then" in owned.fix


def test_messages_about_an_annotation_on_another_object() -> None:
    facts = kubernetes(account=account(None), workloads=deployment(annotations={ANNOTATION: ROLE}), admitted=None)
    (elsewhere,) = find(facts)
    assert elsewhere.message == (
        "annotation eks.amazonaws.com/role-arn on Deployment web has no effect, and service account shop/app has no "
        "role annotation"
    )
    assert elsewhere.evidence == "metadata.annotations[eks.amazonaws.com/role-arn]"
    template = deployment(annotations={ANNOTATION: ROLE}, template={"annotations": {ANNOTATION: ROLE}})
    (elsewhere,) = find(kubernetes(account=account(None), workloads=template, admitted=None))
    assert elsewhere.message.startswith("annotation eks.amazonaws.com/role-arn on the pod template of Deployment web ")
    assert elsewhere.evidence == "spec.template.metadata.annotations[eks.amazonaws.com/role-arn]"


# What competes with the annotation


def addon(name: str = "aws-ebs-csi-driver", role: str | None = OTHER) -> dict[str, t.Any]:
    body = {"addonName": name, "clusterName": "prod", "status": "ACTIVE"}
    return {**body, "serviceAccountRoleArn": role} if role else body


@pytest.mark.parametrize(
    ("chain", "aws", "facts", "expected"),
    [
        pytest.param(CHAIN, {"associations": [ASSOCIATION]}, {}, ["pod-identity-wins"], id="pod-identity-wins"),
        pytest.param(
            CHAIN,
            {"associations": NOT_READ},
            {"admitted": objects.dry_run(pod_identity=True)},
            ["pod-identity-wins"],
            id="pod-identity-in-dry-run",
        ),
        pytest.param(
            CHAIN,
            {"associations": [ASSOCIATION]},
            {"account": account(None), "admitted": objects.dry_run(None, pod_identity=True)},
            ["annotation-missing", "pod-identity-wins"],
            id="pod-identity-and-no-annotation",
        ),
        pytest.param(
            CHAIN,
            {"associations": [ASSOCIATION]},
            {"account": None, "admitted": NOT_READ},
            ["account-missing", "pod-identity-wins"],
            id="pod-identity-and-no-account",
        ),
        pytest.param(
            CHAIN,
            {"associations": [{**ASSOCIATION, "serviceAccount": "other"}]},
            {},
            [],
            id="association-of-another-account",
        ),
        pytest.param(
            CHAIN, {"associations": [{**ASSOCIATION, "namespace": "x"}]}, {}, [], id="association-of-another-namespace"
        ),
        pytest.param(CHAIN, {"associations": NOT_READ}, {}, [], id="associations-unknown"),
        pytest.param(EBS, {"addons": [addon()]}, {}, ["addon-reverts"], id="addon-reverts"),
        pytest.param(EBS, {"addons": [addon(role=ROLE)]}, {}, [], id="addon-with-same-role"),
        pytest.param(EBS, {"addons": [addon(role=None)]}, {}, [], id="addon-without-role"),
        pytest.param(EBS, {"addons": [addon("vpc-cni")]}, {}, [], id="addon-of-another-account"),
        pytest.param(CHAIN, {"addons": [addon()]}, {}, [], id="account-without-addon"),
        pytest.param(EBS, {"addons": NOT_READ}, {}, [], id="addons-unknown"),
        pytest.param(
            dataclasses.replace(EBS, role_arn=None),
            {"addons": [addon()]},
            {},
            ["addon-reverts"],
            id="addon-reverts-annotated-role",
        ),
    ],
)
def test_competing_sources_of_the_role(chain: Chain, aws: t.Any, facts: t.Any, expected: list[str]) -> None:
    assert ids(find(kubernetes(**facts), chain, **aws)) == expected


def test_messages_about_competing_sources() -> None:
    (association,) = find(kubernetes(), associations=[{**ASSOCIATION, "roleArn": OTHER}])
    assert association.fix == (
        "delete the association (aws eks delete-pod-identity-association --cluster-name prod --association-id a-1) or "
        "remove the annotation, then replace the pods with eksops.irsa.pod_rollout (namespace: shop, service_account: "
        "app)"
    )
    assert (association.evidence, association.found) == (f"association {ASSOCIATION['associationArn']}", OTHER)
    (reverts,) = find(kubernetes(), EBS, addons=[addon()])
    assert reverts.fix == (
        "set the role of the add-on: aws eks update-addon --cluster-name prod --addon-name aws-ebs-csi-driver "
        f"--service-account-role-arn {ROLE}"
    )
    assert (reverts.expected, reverts.found) == (ROLE, OTHER)


def last_applied(role: str | None) -> dict[str, t.Any]:
    manifest = {"metadata": {"annotations": {ANNOTATION: role} if role else {}}}
    service_account = account(owners={"kubectl-client-side-apply": "Update"})
    service_account["metadata"]["annotations"][account_rules.LAST_APPLIED] = json.dumps(manifest)
    return service_account


OURS = {"eksops.irsa": "Apply"}


@pytest.mark.parametrize(
    ("service_account", "expected"),
    [
        pytest.param(account(owners={**OURS, "helm": "Update"}), ["owner-reverts"], id="owner-reverts"),
        pytest.param(account(owners={**OURS, "argocd-controller": "Apply"}), ["owner-reverts"], id="argo-cd"),
        pytest.param(account(owners={**OURS, "kustomize-controller": "Apply"}), ["owner-reverts"], id="flux"),
        pytest.param(account(owners={**OURS, "eksctl": "Update"}), ["owner-reverts"], id="eksctl"),
        pytest.param(account(owners={"helm": "Update", "kubectl": "Apply"}), ["owner-reverts"], id="helm-and-kubectl"),
        pytest.param(
            account(owners={"helm": "Apply", "kustomize-controller": "Apply"}), ["owner-reverts"], id="helm-and-flux"
        ),
        pytest.param(
            account(OTHER, owners={"helm": "Update"}), ["annotation-typo", "owner-reverts"], id="helm-owns-another-role"
        ),
        pytest.param(last_applied(OTHER), ["owner-reverts"], id="last-applied-with-other-role"),
        # A tool that is the only owner is the source of the value.
        pytest.param(account(owners={"helm": "Update"}), [], id="helm-alone"),
        pytest.param(
            account(owners={"argocd-controller": "Apply", "argocd-application-controller": "Update"}),
            [],
            id="argo-cd-with-two-managers",
        ),
        pytest.param(
            account(owners={"helm": "Update", "before-first-apply": "Update"}), [], id="helm-and-before-first-apply"
        ),
        pytest.param(account(owners={**OURS, "kubectl-annotate": "Update"}), [], id="without-reconciling-tool"),
        pytest.param(account(OTHER, owners=OURS), ["annotation-typo"], id="eksops-irsa-with-another-role"),
        pytest.param(last_applied(ROLE), [], id="last-applied-with-same-role"),
        pytest.param(last_applied(None), [], id="last-applied-without-annotation"),
    ],
)
def test_owners_of_the_annotation(service_account: dict[str, t.Any], expected: list[str]) -> None:
    assert ids(find(kubernetes(account=service_account))) == expected


def test_owner_of_other_fields_is_ignored() -> None:
    service_account = account()
    labels = {"f:metadata": {"f:annotations": {".": {}, "f:meta.helm.sh/release-name": {}}, "f:labels": {".": {}}}}
    entry = {"manager": "helm", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": labels}
    service_account["metadata"]["managedFields"].append(entry)
    assert find(kubernetes(account=service_account)) == []


def test_messages_about_owners() -> None:
    (shared,) = find(kubernetes(account=account(owners={**OURS, "helm": "Update"})))
    assert shared.message == (
        "Helm and eksops.irsa share the role annotation of service account shop/app, so each can overwrite the value "
        "of the others"
    )
    assert shared.fix == (
        "let only one of them manage the annotation, and set the role in the values of the chart (often "
        "serviceAccount.annotations)"
    )
    assert shared.found == "eksops.irsa (Apply), helm (Update)"
    another, wrong = find(kubernetes(account=account(OTHER, owners={"helm-controller": "Update"})))
    assert another.fix.startswith("set the role in the values of the HelmRelease, then replace its pods with ")
    assert wrong.message == "the wrong role of service account shop/app was set by Flux, which will set it again"
    assert wrong.fix == "set the role in the values of the HelmRelease"
    assert (wrong.expected, wrong.found) == (ROLE, OTHER)
    (applied,) = find(kubernetes(account=last_applied(OTHER)))
    assert applied.fix == f"write {ROLE} into the manifest and apply it"
    assert (applied.expected, applied.found) == (ROLE, OTHER)


def test_skip_containers_on_the_account_has_no_effect() -> None:
    (finding,) = find(kubernetes(account=account(skip_containers="app")))
    assert finding.id == "skip-containers"
    assert finding.message == (
        "annotation eks.amazonaws.com/skip-containers has no effect on service account shop/app; the webhook reads it "
        "from pods only"
    )
