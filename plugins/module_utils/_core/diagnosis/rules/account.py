# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for the service account: its annotation, and what competes with the annotation."""

from __future__ import annotations

import functools
import json
import typing as t

from ...arn import ROLE_ARN_ANNOTATION
from ...pods import injection
from ...service_account.annotations import (
    BEFORE_FIRST_APPLY,
    FIELD_MANAGER,
    IRSA_OPTIONS,
    ROLE_ARN_FIELD,
    THIS_COLLECTION,
    FieldOwner,
    find_near_misses,
    owners_of,
)
from ..causes import Finding
from ..facts import (
    AwsFacts,
    Chain,
    KubernetesFacts,
    Unknown,
    describe_annotate,
    has_pod_identity,
    injected_role,
    name_of,
)

Json = t.Mapping[str, t.Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EVIDENCE = f"metadata.annotations[{ROLE_ARN_ANNOTATION}]"
_AUDIENCE = IRSA_OPTIONS["audience"]

# The service accounts of the add-ons that can have a role:
# https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html
_ACCOUNTS_OF_ADDONS = {
    "adot": (
        ("opentelemetry-operator-system", "adot-col-container-logs"),
        ("opentelemetry-operator-system", "adot-col-otlp-ingest"),
        ("opentelemetry-operator-system", "adot-col-prom-metrics"),
    ),
    "amazon-cloudwatch-observability": (("amazon-cloudwatch", "cloudwatch-agent"),),
    "aws-ebs-csi-driver": (("kube-system", "ebs-csi-controller-sa"),),
    "aws-efs-csi-driver": (("kube-system", "efs-csi-controller-sa"),),
    "aws-fsx-csi-driver": (("kube-system", "fsx-csi-controller-sa"),),
    "aws-mountpoint-s3-csi-driver": (("kube-system", "s3-csi-driver-sa"),),
    "vpc-cni": (("kube-system", "aws-node"),),
}

# Tools that reconcile service accounts with their own source: the prefix of their field manager, their name, and where
# to change the role. ``kubectl`` and this collection are not among them, because they write only when they are run.
_RECONCILERS = (
    ("argocd", "Argo CD", "in the repository that Argo CD syncs"),
    ("eksctl", "eksctl", "in eksctl's ClusterConfig (iam.serviceAccounts), or with eksctl update iamserviceaccount"),
    ("fleetagent", "Rancher Fleet", "in the repository that Fleet watches"),
    ("helm-controller", "Flux", "in the values of the HelmRelease"),
    ("helm", "Helm", "in the values of the chart (often serviceAccount.annotations)"),
    ("kapp", "kapp", "in the configuration that kapp deploys"),
    ("kustomize-controller", "Flux", "in the repository that the Flux Kustomization applies"),
    ("pulumi", "Pulumi", "in the Pulumi program"),
    ("terraform", "Terraform", "in the Terraform configuration"),
)
# The owner of annotations that EKS writes when it installs or updates an add-on.
_ADDONS = "Amazon EKS"
_UNKNOWN_MANAGERS = (BEFORE_FIRST_APPLY,)


def addons_of(namespace: str, name: str) -> list[str]:
    """The EKS add-ons that may own this service account and write its annotation."""
    return [addon for addon, accounts in _ACCOUNTS_OF_ADDONS.items() if (namespace, name) in accounts]


def findings(chain: Chain, facts: KubernetesFacts, aws: AwsFacts) -> list[Finding]:
    """The findings about the service account.

    If a dry run shows that the webhook's own ConfigMap gives its pods the role, it does not need an annotation.
    """
    found: list[Finding] = []
    account = facts.account
    if account is None:
        found.append(_missing(chain, facts))
    elif not isinstance(account, Unknown):
        found += [*_annotation(chain, facts, account), *_addons(chain, account, aws), *_owners(chain, account)]
        found += misplaced_skip_containers(f"service account {name_of(chain)}", account)
    found += _pod_identity(chain, facts, aws)
    return found


def _missing(chain: Chain, facts: KubernetesFacts) -> Finding:
    name = name_of(chain)
    annotate = describe_annotate(chain)
    if facts.namespace is None:
        return Finding(
            "account-missing",
            f"service account {name} does not exist, and namespace {chain.namespace} does not exist either",
            "check the name of the namespace and the cluster, or create both with "
            f"{annotate.removesuffix(')')}, create_namespace: true)",
        )
    return Finding(
        "account-missing",
        f"service account {name} does not exist, so pods that use it cannot be created",
        f"create it with {annotate}",
    )


# The annotation


def _annotation(chain: Chain, facts: KubernetesFacts, account: Json) -> t.Iterator[Finding]:
    annotations = account["metadata"].get("annotations") or {}
    role_arn = annotations.get(ROLE_ARN_ANNOTATION)
    if role_arn:
        yield from _another_role(chain, account, role_arn)
    elif injected_role(facts) is None or injected_role(facts) != chain.role_arn:
        yield _no_role(chain, facts, annotations)
    audience = {key for key, meant in find_near_misses(annotations).items() if meant == _AUDIENCE}
    if _AUDIENCE not in annotations:
        for key in sorted(audience):
            # A misspelled annotation with the actual audience of the tokens has no consequence.
            if annotations[key] != chain.audience:
                yield _typo(chain, key, _AUDIENCE)


def _another_role(chain: Chain, account: Json, role_arn: str) -> t.Iterator[Finding]:
    if chain.role_arn and role_arn != chain.role_arn:
        tools = _find_tools(owners_of(account, ROLE_ARN_FIELD))
        annotate = f"annotate it with {describe_annotate(chain)}"
        if tools:
            annotate = f"set the role {', or '.join(tools.values())}"
        yield Finding(
            "annotation-typo",
            f"service account {name_of(chain)} is annotated with role {role_arn}, not with {chain.role_arn}",
            f"{annotate}, then replace its pods with eksops.irsa.pod_rollout; or, if the annotation is correct, change "
            "role_arn or role_name instead",
            _EVIDENCE,
            expected=chain.role_arn,
            found=role_arn,
        )


def _no_role(chain: Chain, facts: KubernetesFacts, annotations: t.Mapping[str, str]) -> Finding:
    """Why the service account has no role: a mistake, otherwise a missing annotation."""
    name = name_of(chain)
    fix = f"annotate the service account with {describe_annotate(chain)}"
    for key, meant in find_near_misses(annotations).items():
        if meant == ROLE_ARN_ANNOTATION:
            return _typo(chain, key, ROLE_ARN_ANNOTATION)
    for thing, path, others in _annotations_elsewhere(chain, facts):
        for key in (ROLE_ARN_ANNOTATION, *find_near_misses(others)):
            if key in others and find_near_misses([key]).get(key, ROLE_ARN_ANNOTATION) == ROLE_ARN_ANNOTATION:
                return Finding(
                    "annotation-typo",
                    f"annotation {key} on {thing} has no effect, and service account {name} has no role annotation",
                    f"{fix}, and remove the annotation from {thing}",
                    f"{path}.annotations[{key}]",
                    expected=f"{ROLE_ARN_ANNOTATION} on service account {name}",
                    found=f"{key} on {thing}",
                )
    if ROLE_ARN_ANNOTATION in annotations:
        message = (
            f"annotation {ROLE_ARN_ANNOTATION} of service account {name} is empty; the webhook treats it as missing"
        )
        return Finding("annotation-empty", message, fix, _EVIDENCE, expected=chain.role_arn, found="")
    webhook_role = injected_role(facts)
    note = f"; the configuration of the webhook gives its pods role {webhook_role}" if webhook_role else ""
    message = f"service account {name} has no annotation {ROLE_ARN_ANNOTATION}{note}"
    return Finding("annotation-missing", message, fix, _EVIDENCE, expected=chain.role_arn, found=webhook_role)


def _typo(chain: Chain, key: str, meant: str) -> Finding:
    option = next(option for option, key_of_option in IRSA_OPTIONS.items() if key_of_option == meant)
    return Finding(
        "annotation-typo",
        f"annotation {key} of service account {name_of(chain)} has no effect; it is probably meant to be {meant}",
        f"set {meant} with eksops.irsa.sa_annotate (namespace: {chain.namespace}, name: {chain.service_account}, "
        f"{option}: VALUE), and remove {key}: "
        f"kubectl -n {chain.namespace} annotate serviceaccount {chain.service_account} {key}-",
        f"metadata.annotations[{key}]",
        expected=meant,
        found=key,
    )


def _annotations_elsewhere(chain: Chain, facts: KubernetesFacts) -> t.Iterator[tuple[str, str, t.Mapping[str, str]]]:
    """The annotations of other objects: the object, the path of its metadata, and its annotations."""
    for owner, workload in sorted(facts.workloads.items(), key=lambda item: str(item[0])):
        if workload is not None:
            # The template first, because pods get its annotations.
            template = ((workload.get("spec") or {}).get("template") or {}).get("metadata") or {}
            yield f"the pod template of {owner}", "spec.template.metadata", template.get("annotations") or {}
            yield str(owner), "metadata", workload["metadata"].get("annotations") or {}
    if not isinstance(facts.pods, Unknown):
        for pod in facts.pods:
            yield f"pod {pod['metadata']['name']}", "metadata", pod["metadata"].get("annotations") or {}
    if facts.namespace is not None and not isinstance(facts.namespace, Unknown):
        yield f"namespace {chain.namespace}", "metadata", facts.namespace["metadata"].get("annotations") or {}


def misplaced_skip_containers(thing: str, body: Json) -> t.Iterator[Finding]:
    """The finding about the annotation skip-containers on an object that is not a pod."""
    value = (body["metadata"].get("annotations") or {}).get(injection.SKIP_CONTAINERS_ANNOTATION)
    if value is not None:
        yield Finding(
            "skip-containers",
            f"annotation {injection.SKIP_CONTAINERS_ANNOTATION} has no effect on {thing}; the webhook reads it from "
            "pods only",
            "set it in spec.template.metadata.annotations of the workload, or remove it",
            f"metadata.annotations[{injection.SKIP_CONTAINERS_ANNOTATION}]",
            found=value,
        )


# What competes with the annotation


def _pod_identity(chain: Chain, facts: KubernetesFacts, aws: AwsFacts) -> t.Iterator[Finding]:
    """An EKS Pod Identity association takes precedence over the annotation:
    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
    """
    subject = (chain.namespace, chain.service_account)
    message = f"service account {name_of(chain)} has an EKS Pod Identity association, which takes precedence over the "
    message += "annotation"
    fix = "delete the association (aws eks delete-pod-identity-association --cluster-name "
    fix += f"{chain.cluster or 'CLUSTER'} --association-id %s) or remove the annotation, then replace the pods with "
    fix += f"eksops.irsa.pod_rollout (namespace: {chain.namespace}, service_account: {chain.service_account})"
    if not isinstance(aws.associations, Unknown):
        for association in aws.associations:
            its_subject = (association.get("namespace", subject[0]), association.get("serviceAccount", subject[1]))
            if its_subject == subject:
                identifier = association.get("associationId") or "ASSOCIATION_ID"
                evidence = f"association {association.get('associationArn') or identifier}"
                yield Finding(
                    "pod-identity-wins", message, fix % identifier, evidence, chain.role_arn, association.get("roleArn")
                )
    elif has_pod_identity(facts):
        evidence = f"the pod of a server-side dry run has {injection.POD_IDENTITY_VARIABLE}"
        yield Finding("pod-identity-wins", message, fix % "ASSOCIATION_ID", evidence)


def _addons(chain: Chain, account: Json, aws: AwsFacts) -> t.Iterator[Finding]:
    """An add-on writes its role to the annotation of its service account at each update:
    https://docs.aws.amazon.com/eks/latest/userguide/add-ons-iam.html
    """
    expected = chain.role_arn or (account["metadata"].get("annotations") or {}).get(ROLE_ARN_ANNOTATION)
    if not expected or isinstance(aws.addons, Unknown):
        return
    subject = (chain.namespace, chain.service_account)
    for addon in aws.addons:
        role_arn = addon.get("serviceAccountRoleArn")
        if role_arn and role_arn != expected and subject in _ACCOUNTS_OF_ADDONS.get(addon["addonName"], ()):
            cluster = addon.get("clusterName") or chain.cluster or "CLUSTER"
            yield Finding(
                "addon-reverts",
                f"add-on {addon['addonName']} has another role for service account {name_of(chain)} and writes it to "
                "the annotation at its next update",
                f"set the role of the add-on: aws eks update-addon --cluster-name {cluster} --addon-name "
                f"{addon['addonName']} --service-account-role-arn {expected}",
                f"serviceAccountRoleArn in DescribeAddon of {addon['addonName']}",
                expected=expected,
                found=role_arn,
            )


def _owners(chain: Chain, account: Json) -> t.Iterator[Finding]:
    """Tools that will set the annotation to another role.

    A manager that changes a field becomes its only owner in ``managedFields``. A manager that sets the same value
    becomes an additional owner (https://kubernetes.io/docs/reference/using-api/server-side-apply/). For a tool that
    reconciles objects with its source:

    - It is the only owner, and the annotation is the expected role: no finding.
    - It owns an annotation with another role: it will undo a change by others.
    - It shares the annotation with another owner: each undoes the next change of the other.
    - It owns only other fields, for example because it created the service account: no finding.

    Client-side apply stores the manifest in an annotation, which shows what the next apply will write:
    https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/
    """
    metadata = account["metadata"]
    role_arn = (metadata.get("annotations") or {}).get(ROLE_ARN_ANNOTATION)
    if not role_arn:
        return
    name = name_of(chain)
    owners = owners_of(account, ROLE_ARN_FIELD)
    tools = _find_tools(owners)
    others = [owner for owner in owners if not _reconciler(owner.manager) and owner.manager not in _UNKNOWN_MANAGERS]
    disagrees = bool(chain.role_arn) and role_arn != chain.role_arn
    if tools and (disagrees or others or len(tools) > 1):
        managers = sorted({*tools, *(owner.manager for owner in others)})
        names = " and ".join(managers)
        message = (
            f"{names} share the role annotation of service account {name}, so each can overwrite the value of the "
            "others"
        )
        if disagrees:
            message = f"the wrong role of service account {name} was set by {names}, which will set it again"
        fix = f"set the role {', or '.join(tools.values())}"
        yield Finding(
            "owner-reverts",
            message,
            f"let only one of them manage the annotation, and {fix}" if len(managers) > 1 else fix,
            f"metadata.managedFields of {_EVIDENCE}",
            expected=chain.role_arn if disagrees else None,
            found=role_arn if disagrees else ", ".join(map(str, owners)),
        )
        return
    applied = _last_applied(metadata.get("annotations") or {})
    expected = chain.role_arn or role_arn
    if applied and applied != expected:
        yield Finding(
            "owner-reverts",
            f"the manifest that was last applied to service account {name} has another role; the next kubectl apply "
            "or Argo CD sync restores it",
            f"write {expected} into the manifest and apply it",
            f"metadata.annotations[{LAST_APPLIED}]",
            expected=expected,
            found=applied,
        )


def annotation_owners(account: Json) -> list[str]:
    """The owners of the role annotation: the names of known tools, the field managers of others."""
    owners = [_tool(owner.manager) or owner.manager for owner in owners_of(account, ROLE_ARN_FIELD)]
    return list(dict.fromkeys(manager for manager in owners if manager not in _UNKNOWN_MANAGERS))


def needs_force(account: Json) -> bool:
    """Whether `sa_annotate` needs ``force`` to change the role annotation.

    It does not if a known tool set the annotation: the tool would restore the value, so it is changed there.
    """
    owners = owners_of(account, ROLE_ARN_FIELD)
    return any(owner != THIS_COLLECTION and _tool(owner.manager) is None for owner in owners)


def is_manual_owner(owner: str) -> bool:
    """Whether an owner from `annotation_owners` is not a tool that restores the annotation."""
    return owner not in (FIELD_MANAGER, _ADDONS) and all(tool != owner for _prefix, tool, _where in _RECONCILERS)


def _tool(manager: str) -> str | None:
    if manager.lower() == "eks":
        return _ADDONS
    return next((tool for tool, _where in _reconciler(manager)), None)


def _find_tools(owners: t.Iterable[FieldOwner]) -> dict[str, str]:
    """The tools among the owners, and where to change the role."""
    return {tool: where for owner in owners for tool, where in _reconciler(owner.manager)}


@functools.lru_cache(maxsize=256)  # a few managers own thousands of service accounts
def _reconciler(manager: str) -> tuple[tuple[str, str], ...]:
    """The tool that uses a field manager, and where to change the role; at most one."""
    return tuple((tool, where) for prefix, tool, where in _RECONCILERS if manager.lower().startswith(prefix))[:1]


def _last_applied(annotations: t.Mapping[str, str]) -> str | None:
    try:
        applied = json.loads(annotations[LAST_APPLIED])["metadata"]["annotations"][ROLE_ARN_ANNOTATION]
    except (KeyError, TypeError, ValueError):
        return None
    return str(applied)
