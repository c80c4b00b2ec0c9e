# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a chain's service account, and who will change what is right."""

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
    Field,
    near_misses,
    owners_of,
)
from ..causes import Finding
from ..facts import (
    AwsFacts,
    Chain,
    KubernetesFacts,
    Unknown,
    has_pod_identity,
    injected_role,
    name_of,
    role_placeholder,
)

Json = t.Mapping[str, t.Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EVIDENCE = f"metadata.annotations[{ROLE_ARN_ANNOTATION}]"
_AUDIENCE = IRSA_OPTIONS["audience"]
_FIELD = Field("annotations", ROLE_ARN_ANNOTATION)

# The accounts of those add-ons that can be given a role:
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

# Prefixes of the field managers of tools that reconcile an account with a source of their own, and where that source
# is. ``kubectl`` and this collection write only when they are run.
_RECONCILERS = (
    ("argocd", "Argo CD", "in the repository that Argo CD syncs"),
    ("eksctl", "eksctl", "in eksctl's ClusterConfig (iam.serviceAccounts), or with eksctl update iamserviceaccount"),
    ("fleetagent", "Rancher Fleet", "in the repository that Fleet watches"),
    ("helm-controller", "Flux", "in the values of the HelmRelease"),
    ("helm", "Helm", "in the chart's values (often serviceAccount.annotations)"),
    ("kapp", "kapp", "in the configuration that kapp deploys"),
    ("kustomize-controller", "Flux", "in the repository that the Flux Kustomization applies"),
    ("pulumi", "Pulumi", "in the Pulumi program"),
    ("terraform", "Terraform", "in the Terraform configuration"),
)
# EKS itself, which writes when it installs or updates an add-on.
_ADDONS = "Amazon EKS"
# The API server's name for unknown writers from before the first server-side apply.
_UNKNOWN_MANAGERS = (BEFORE_FIRST_APPLY,)


def addons_of(namespace: str, name: str) -> list[str]:
    """The EKS add-ons that may own this service account, and so write its annotation."""
    return [addon for addon, accounts in _ACCOUNTS_OF_ADDONS.items() if (namespace, name) in accounts]


def findings(chain: Chain, facts: KubernetesFacts, aws: AwsFacts) -> list[Finding]:
    """What is wrong with the account: its existence, its annotation, and what competes with it.

    An account whose role comes from the webhook's own ConfigMap, as a dry run shows, needs no annotation.
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
    creating = f"create it with eksops.irsa.sa_annotate (namespace: {chain.namespace}, name: {chain.service_account}, "
    fix = f"{creating}role_arn: {role_placeholder(chain)})"
    if facts.namespace is None:
        return Finding(
            "account-missing",
            f"service account {name} does not exist, nor does namespace {chain.namespace}",
            f"check the namespace and the cluster, or {fix.removesuffix(')')}, create_namespace: true)",
        )
    return Finding(
        "account-missing", f"service account {name} does not exist, so pods that name it cannot be created", fix
    )


# -- the annotation


def _annotation(chain: Chain, facts: KubernetesFacts, account: Json) -> t.Iterator[Finding]:
    annotations = account["metadata"].get("annotations") or {}
    role_arn = annotations.get(ROLE_ARN_ANNOTATION)
    if role_arn:
        yield from _another_role(chain, role_arn)
    elif injected_role(facts) is None or injected_role(facts) != chain.role_arn:
        yield _no_role(chain, facts, annotations)
    audience = {key for key, meant in near_misses(annotations).items() if meant == _AUDIENCE}
    if _AUDIENCE not in annotations:
        for key in sorted(audience):
            # The misspelled annotation changes nothing if it is the audience that tokens have anyway.
            if annotations[key] != chain.audience:
                yield _typo(chain, f"annotation {key} of service account {name_of(chain)}", key, _AUDIENCE)


def _another_role(chain: Chain, role_arn: str) -> t.Iterator[Finding]:
    if chain.role_arn and role_arn != chain.role_arn:
        yield Finding(
            "annotation-typo",
            f"service account {name_of(chain)} is annotated with another role than the one to be verified",
            f"annotate it with eksops.irsa.sa_annotate ({_options(chain)}), then replace its pods with "
            "eksops.irsa.pod_rollout; or verify the role that it names",
            _EVIDENCE,
            expected=chain.role_arn,
            found=role_arn,
        )


def _no_role(chain: Chain, facts: KubernetesFacts, annotations: t.Mapping[str, str]) -> Finding:
    """Why the account names no role. A mistake is a better explanation than mere absence."""
    name = name_of(chain)
    fix = f"annotate the account with eksops.irsa.sa_annotate ({_options(chain)})"
    for key, meant in near_misses(annotations).items():
        if meant == ROLE_ARN_ANNOTATION:
            return _typo(chain, f"annotation {key} of service account {name}", key, ROLE_ARN_ANNOTATION)
    for thing, path, given in _elsewhere(chain, facts):
        for key in (ROLE_ARN_ANNOTATION, *near_misses(given)):
            if key in given and near_misses([key]).get(key, ROLE_ARN_ANNOTATION) == ROLE_ARN_ANNOTATION:
                return Finding(
                    "annotation-typo",
                    f"{thing} has the annotation {key}, where nothing reads it, and service account {name} has none",
                    f"{fix} and remove it there",
                    f"{path}.annotations[{key}]",
                    expected=f"{ROLE_ARN_ANNOTATION} on service account {name}",
                    found=f"{key} on {thing}",
                )
    if ROLE_ARN_ANNOTATION in annotations:
        message = (
            f"annotation {ROLE_ARN_ANNOTATION} of service account {name} is empty, which the webhook treats as missing"
        )
        return Finding("annotation-empty", message, fix, _EVIDENCE, expected=chain.role_arn, found="")
    given_role = injected_role(facts)
    note = f"; the webhook's own configuration gives its pods {given_role}" if given_role else ""
    message = f"service account {name} has no annotation {ROLE_ARN_ANNOTATION}{note}"
    return Finding("annotation-missing", message, fix, _EVIDENCE, expected=chain.role_arn, found=given_role)


def _typo(chain: Chain, thing: str, key: str, meant: str) -> Finding:
    option = next(option for option, key_of_option in IRSA_OPTIONS.items() if key_of_option == meant)
    return Finding(
        "annotation-typo",
        f"{thing} has no effect; it looks like {meant}",
        f"set {meant} with eksops.irsa.sa_annotate (namespace: {chain.namespace}, name: {chain.service_account}, "
        f"{option}: the value) and remove {key}: "
        f"kubectl -n {chain.namespace} annotate serviceaccount {chain.service_account} {key}-",
        f"metadata.annotations[{key}]",
        expected=meant,
        found=key,
    )


def _elsewhere(chain: Chain, facts: KubernetesFacts) -> t.Iterator[tuple[str, str, t.Mapping[str, str]]]:
    """Other objects that are annotated by mistake: the object, the path of its metadata, and its annotations."""
    for owner, workload in sorted(facts.workloads.items(), key=lambda item: str(item[0])):
        if workload is not None:
            # The template before the object, as it is what reaches the pods.
            template = ((workload.get("spec") or {}).get("template") or {}).get("metadata") or {}
            yield f"the pod template of {owner}", "spec.template.metadata", template.get("annotations") or {}
            yield str(owner), "metadata", workload["metadata"].get("annotations") or {}
    if not isinstance(facts.pods, Unknown):
        for pod in facts.pods:
            yield f"pod {pod['metadata']['name']}", "metadata", pod["metadata"].get("annotations") or {}
    if facts.namespace is not None and not isinstance(facts.namespace, Unknown):
        given = facts.namespace["metadata"].get("annotations") or {}
        yield f"namespace {chain.namespace}", "metadata", given


def misplaced_skip_containers(thing: str, body: Json) -> t.Iterator[Finding]:
    """The annotation that tells the webhook to skip containers, on an object that is not a pod."""
    value = (body["metadata"].get("annotations") or {}).get(injection.SKIP_CONTAINERS)
    if value is not None:
        yield Finding(
            "skip-containers",
            f"the annotation {injection.SKIP_CONTAINERS} has no effect on {thing}, where nothing reads it",
            "set it in spec.template.metadata.annotations of the workload, or remove it",
            f"metadata.annotations[{injection.SKIP_CONTAINERS}]",
            found=value,
        )


def _options(chain: Chain) -> str:
    return f"namespace: {chain.namespace}, name: {chain.service_account}, role_arn: {role_placeholder(chain)}"


# -- what competes with the annotation


def _pod_identity(chain: Chain, facts: KubernetesFacts, aws: AwsFacts) -> t.Iterator[Finding]:
    """An EKS Pod Identity association takes precedence over the annotation:
    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
    """
    subject = (chain.namespace, chain.service_account)
    message = f"service account {name_of(chain)} has an EKS Pod Identity association, which takes precedence over the "
    message += "annotation"
    fix = "keep one of the two: delete the association (aws eks delete-pod-identity-association --cluster-name "
    fix += f"{chain.cluster or 'CLUSTER'} --association-id %s) or the annotation, then replace the pods with "
    fix += f"eksops.irsa.pod_rollout (namespace: {chain.namespace}, service_account: {chain.service_account})"
    if not isinstance(aws.associations, Unknown):
        for association in aws.associations:
            its_subject = (association.get("namespace", subject[0]), association.get("serviceAccount", subject[1]))
            if its_subject == subject:
                identifier = association.get("associationId") or "ID"
                evidence = f"association {association.get('associationArn') or identifier}"
                yield Finding(
                    "pod-identity-wins", message, fix % identifier, evidence, chain.role_arn, association.get("roleArn")
                )
    elif has_pod_identity(facts):
        evidence = f"a pod created as a dry run has {injection.POD_IDENTITY_VARIABLE}"
        yield Finding("pod-identity-wins", message, fix % "ID", evidence)


def _addons(chain: Chain, account: Json, aws: AwsFacts) -> t.Iterator[Finding]:
    """An add-on writes the role that it was given into its account's annotation whenever it is updated:
    https://docs.aws.amazon.com/eks/latest/userguide/add-ons-iam.html
    """
    wanted = chain.role_arn or (account["metadata"].get("annotations") or {}).get(ROLE_ARN_ANNOTATION)
    if not wanted or isinstance(aws.addons, Unknown):
        return
    subject = (chain.namespace, chain.service_account)
    for addon in aws.addons:
        role_arn = addon.get("serviceAccountRoleArn")
        if role_arn and role_arn != wanted and subject in _ACCOUNTS_OF_ADDONS.get(addon["addonName"], ()):
            cluster = addon.get("clusterName") or chain.cluster or "CLUSTER"
            yield Finding(
                "addon-reverts",
                f"add-on {addon['addonName']} was given another role for service account {name_of(chain)} and writes "
                "it into the annotation when it is updated",
                f"give the add-on the role: aws eks update-addon --cluster-name {cluster} --addon-name "
                f"{addon['addonName']} --service-account-role-arn {wanted}",
                f"DescribeAddon serviceAccountRoleArn of {addon['addonName']}",
                expected=wanted,
                found=role_arn,
            )


def _owners(chain: Chain, account: Json) -> t.Iterator[Finding]:
    """Tools that will set the annotation to another role.

    ``managedFields`` names for each field those whose last write agrees with its value: a manager that changes it
    becomes the only owner, one that sets the same value becomes another owner
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/). For a tool that reconciles objects with its
    source it follows:

    - it owns the annotation alone, and that names the role: the annotation comes from its source, which is fine;
    - it owns an annotation that names another role than the one asked for: a change by anyone else is undone;
    - it shares the annotation with another owner: two sources, each of which undoes the other's next change;
    - it owns other fields only, because it created the account, say: nothing shows that it will change the annotation.

    Client-side apply keeps what was applied in an annotation of its own, so it is known what the next apply will
    write: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/
    """
    metadata = account["metadata"]
    role_arn = (metadata.get("annotations") or {}).get(ROLE_ARN_ANNOTATION)
    if not role_arn:
        return
    name = name_of(chain)
    owners = owners_of(account, _FIELD)
    tools = {tool: where for owner in owners for tool, where in _reconciler(owner.manager)}
    others = [owner for owner in owners if not _reconciler(owner.manager) and owner.manager not in _UNKNOWN_MANAGERS]
    disagrees = bool(chain.role_arn) and role_arn != chain.role_arn
    if tools and (disagrees or others or len(tools) > 1):
        managers = " and ".join(sorted({*tools, *(owner.manager for owner in others)}))
        message = (
            f"{managers} own the annotation of service account {name} together, so each may undo the others' change"
        )
        if disagrees:
            message = f"the wrong role of service account {name} comes from {managers}, which will set it again"
        yield Finding(
            "owner-reverts",
            message,
            f"leave the annotation to one of them, and change it {', or '.join(tools.values())}",
            f"metadata.managedFields of {_EVIDENCE}",
            expected=chain.role_arn if disagrees else None,
            found=role_arn if disagrees else ", ".join(map(str, owners)),
        )
        return
    applied = _last_applied(metadata.get("annotations") or {})
    wanted = chain.role_arn or role_arn
    if applied and applied != wanted:
        yield Finding(
            "owner-reverts",
            f"service account {name} was last applied from a manifest with another role, which the next kubectl apply "
            "(or sync of Argo CD) brings back",
            f"write {wanted} into the manifest and apply it",
            f"metadata.annotations[{LAST_APPLIED}]",
            expected=wanted,
            found=applied,
        )


def bound_by(account: Json) -> list[str]:
    """The owners of the annotation: tools by their names, others by their field managers'."""
    found = [_tool(owner.manager) or owner.manager for owner in owners_of(account, _FIELD)]
    return list(dict.fromkeys(manager for manager in found if manager not in _UNKNOWN_MANAGERS))


def is_by_hand(owner: str) -> bool:
    """Whether an owner, as `bound_by` names it, is not a tool that restores what it writes."""
    return owner not in {FIELD_MANAGER, _ADDONS, *(tool for _prefix, tool, _where in _RECONCILERS)}


@functools.lru_cache(maxsize=256)  # a few managers own thousands of accounts
def _tool(manager: str) -> str | None:
    if manager.lower() == "eks":
        return _ADDONS
    return next((tool for tool, _where in _reconciler(manager)), None)


def _reconciler(manager: str) -> list[tuple[str, str]]:
    """The tool that uses a field manager, and its source; none or one."""
    return [(tool, where) for prefix, tool, where in _RECONCILERS if manager.lower().startswith(prefix)][:1]


def _last_applied(annotations: t.Mapping[str, str]) -> str | None:
    try:
        applied = json.loads(annotations[LAST_APPLIED])["metadata"]["annotations"][ROLE_ARN_ANNOTATION]
    except (KeyError, TypeError, ValueError):
        return None
    return str(applied)
