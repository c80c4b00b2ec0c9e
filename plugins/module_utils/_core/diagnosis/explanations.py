# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The explanation of each cause, for the reports of an audit and the troubleshooting guide.

In texts, code is in double backquotes, as in reStructuredText.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The explanation of a cause.

    :param title: what is wrong, in a few words.
    :param why: how it happens and why it breaks the chain.
    :param detection: how the modules detect it.
    :param fix: what to do in general; a finding has the fix for its own objects.
    :param references: URLs of the documentation of AWS, Kubernetes or the webhook.
    """

    title: str
    why: str
    detection: str
    fix: str
    references: tuple[str, ...]


_EKS = "https://docs.aws.amazon.com/eks/latest/userguide"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
_STS = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"
_WEBHOOK = "https://github.com/aws/amazon-eks-pod-identity-webhook"
_KUBERNETES = "https://kubernetes.io/docs"
_OPERATORS = f"{_IAM}/reference_policies_elements_condition_operators.html"
_WEB_IDENTITY_KEYS = f"{_IAM}/reference_policies_iam-condition-keys.html#condition-keys-wif"
_CREDENTIAL_PROVIDERS = "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html"

EXPLANATIONS: t.Mapping[str, Explanation] = {
    "provider-missing": Explanation(
        title="IAM has no OIDC provider for the cluster",
        why="Each EKS cluster signs its tokens with its own issuer. STS accepts a token only if the role's AWS "
        "account has an OIDC provider with exactly the URL of that issuer. EKS does not create the provider.",
        detection="``GetOpenIDConnectProvider`` returns ``NoSuchEntity`` for the ARN of the cluster's provider in the "
        "role's AWS account, and no provider of that account has a similar URL.",
        fix="Create the provider with ``eksops.irsa.iam_oidc_provider``. The role ``eksops.irsa.irsa`` does this as "
        "its first step.",
        references=(f"{_EKS}/enable-iam-roles-for-service-accounts.html",),
    ),
    "provider-wrong-account": Explanation(
        title="The role's AWS account has no provider for the cluster",
        why="STS uses the provider in the AWS account of the role. If that is not the cluster's account, it needs "
        "a provider for the cluster's issuer too.",
        detection="The role's AWS account is not the cluster's account, and it has no provider for the cluster's "
        "issuer.",
        fix="Create the provider with ``eksops.irsa.iam_oidc_provider``, ``url`` and credentials of the role's AWS "
        "account. Or use a role in the cluster's AWS account.",
        references=(f"{_EKS}/cross-account-access.html",),
    ),
    "provider-url-mismatch": Explanation(
        title="The provider's URL differs from the issuer",
        why="STS compares the provider's URL with the ``iss`` claim of the token as text. A trailing slash, different "
        "case or the wrong region makes it a different provider. The URL of a provider cannot be changed.",
        detection="The provider for the issuer does not exist, and the ARN of another provider differs only in a "
        "trailing slash, case or the region.",
        fix="Create a provider with the issuer that ``aws eks describe-cluster`` prints, with "
        "``eksops.irsa.iam_oidc_provider``. Delete the other provider when no role trusts it.",
        references=(f"{_IAM}/id_roles_providers_create_oidc.html",),
    ),
    "cluster-recreated": Explanation(
        title="The role trusts the issuer of another cluster",
        why="A recreated cluster gets a new issuer, even if its name is the same. Roles and providers for the old "
        "issuer never match its tokens.",
        detection="The closest statement of the trust policy names an EKS issuer whose ID is not this cluster's.",
        fix="Create the provider of the new issuer, then run ``eksops.irsa.irsa_role`` with ``cluster_name``. It adds "
        "a statement for this cluster and keeps the old one.",
        references=(f"{_EKS}/enable-iam-roles-for-service-accounts.html",),
    ),
    "client-id-missing": Explanation(
        title="The provider does not accept the token's audience",
        why="A provider has a list of client IDs. STS rejects a token whose ``aud`` is not in the list, before it "
        "checks the role. On EKS the audience is ``sts.amazonaws.com``. Manually created providers often do not have "
        "it.",
        detection="The audience of the service account's tokens is not in the ``ClientIDList`` of the provider.",
        fix="Add it with ``eksops.irsa.iam_oidc_provider``, which keeps the existing client IDs.",
        references=(f"{_EKS}/enable-iam-roles-for-service-accounts.html", _STS),
    ),
    "cn-audience": Explanation(
        title="The audience is sts.amazonaws.com.cn",
        why="Host names in the China regions end in ``.cn``, but the audience does not: tokens have the audience "
        "``sts.amazonaws.com`` in the China regions too.",
        detection="The audiences of the service account, the provider and the trust policy differ, and one of them is "
        "``sts.amazonaws.com.cn``.",
        fix="Use ``sts.amazonaws.com`` in the service account, the provider and the trust policy.",
        references=("https://docs.amazonaws.cn/en_us/eks/latest/userguide/enable-iam-roles-for-service-accounts.html",),
    ),
    "audience-annotation": Explanation(
        title="The annotation requests an audience that is not accepted",
        why="The annotation ``eks.amazonaws.com/audience`` of the service account sets the audience of its tokens. "
        "The provider's client IDs and the ``aud`` condition of the role must contain the same audience.",
        detection="The value of the annotation is not in the ``ClientIDList`` of the provider, or differs from "
        "``aud`` in the trust policy.",
        fix="Remove the annotation if nothing else needs it. Otherwise use the same audience in ``client_ids`` of "
        "``eksops.irsa.iam_oidc_provider``, ``audiences`` of ``eksops.irsa.irsa_role`` and ``audience`` of "
        "``eksops.irsa.sa_annotate``.",
        references=(_WEBHOOK,),
    ),
    "thumbprint": Explanation(
        title="The provider's thumbprint does not match",
        why="AWS checks thumbprints only for issuers whose certificate is not from a CA that AWS itself trusts. For "
        "those issuers, the list in IAM must contain the SHA-1 digest of the CA certificate that signed the issuer's "
        "TLS certificate.",
        detection="STS returns this error for a token of the service account. Reads of IAM cannot detect it.",
        fix="Update the list with ``thumbprints`` of ``eksops.irsa.iam_oidc_provider``. For an EKS issuer, omit the "
        "option.",
        references=(
            f"{_IAM}/id_roles_providers_create_oidc_verify-thumbprint.html",
            "https://repost.aws/knowledge-center/eks-error-invalid-identity-token",
        ),
    ),
    "jwks-unreachable": Explanation(
        title="STS cannot read the issuer's keys",
        why="STS fetches the keys from the ``jwks_uri`` of the issuer. The connection sometimes fails, and SDKs do "
        "not always retry. If it always fails, the issuer is not public or does not have the key.",
        detection="STS returns this error for a token of the service account, after several attempts.",
        fix="Retry with backoff. If it persists, check that ``/.well-known/openid-configuration`` of the issuer and "
        "its ``jwks_uri`` respond on the internet. For a cluster outside EKS, you must publish both yourself.",
        references=(_STS,),
    ),
    "provider-orphaned": Explanation(
        title="The provider's cluster no longer exists",
        why="When an EKS cluster is deleted, its OIDC provider and the roles that trust it remain in IAM. No service "
        "account can assume a role with it, but it hides which roles are in use. An AWS account can have 100 "
        "providers unless the quota is raised.",
        detection="The provider's URL is an EKS issuer of a region, and no cluster of the AWS account in that region "
        "has this issuer. A provider for a cluster in another AWS account looks the same, so this is only a warning.",
        fix="If the cluster is deleted and does not belong to another AWS account, delete the provider with "
        "``eksops.irsa.iam_oidc_provider`` (``state: absent``). The module lists the roles that still trust it.",
        references=(f"{_EKS}/delete-cluster.html",),
    ),
    "role-missing": Explanation(
        title="The role does not exist",
        why="The role in the annotation was never created, was deleted or is spelled differently. STS does not report "
        "whether a role exists, so the error looks like a missing permission.",
        detection="``GetRole`` returns ``NoSuchEntity`` for the name at the end of the ARN.",
        fix="Create it with ``eksops.irsa.irsa_role``, or correct the annotation with ``eksops.irsa.sa_annotate``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "role-path-dropped": Explanation(
        title="The annotation does not have the role's path",
        why="The ARN of a role contains its path: ``role/apps/shop-cart``. ``GetRole`` needs only the name and finds "
        "the role. STS compares the whole ARN.",
        detection="The role that IAM finds by name does not have the ARN in the annotation.",
        fix="Annotate the service account with the ARN that IAM returns: ``role.arn`` of ``eksops.irsa.irsa_role``.",
        references=(f"{_IAM}/reference_identifiers.html#identifiers-arns",),
    ),
    "arn-malformed": Explanation(
        title="The annotation is not a valid role ARN",
        why="The webhook does not check the value. Frequent mistakes are a role name instead of an ARN, quotes or "
        "spaces around the ARN, and an extra colon.",
        detection="The value does not have the form ``arn:aws:iam::111122223333:role/name``.",
        fix="Write the ARN as IAM returns it, without quotes in the value. ``eksops.irsa.sa_annotate`` rejects "
        "invalid ARNs.",
        references=("https://repost.aws/knowledge-center/eks-troubleshoot-irsa-errors",),
    ),
    "arn-wrong-account": Explanation(
        title="The role in the annotation is in another AWS account",
        why="Manifests that are copied between environments often keep the ID of the old AWS account.",
        detection="The AWS account in the annotation is not the cluster's, the role was not found there, and "
        "``role_arn`` is not set to this role.",
        fix="Correct the annotation with ``eksops.irsa.sa_annotate``. If the other AWS account is intended, set "
        "``role_arn`` of ``eksops.irsa.irsa_verify``.",
        references=(f"{_EKS}/cross-account-access.html",),
    ),
    "arn-wrong-partition": Explanation(
        title="The role in the annotation is in another AWS partition",
        why="ARNs begin with ``arn:aws:``, in the China regions with ``arn:aws-cn:`` and in GovCloud with "
        "``arn:aws-us-gov:``. A role cannot be assumed from another partition.",
        detection="The partition in the annotation differs from the partition in the cluster's ARN.",
        fix="Annotate the service account with the ARN that IAM returns in the cluster's partition.",
        references=(f"{_IAM}/reference_identifiers.html#identifiers-arns",),
    ),
    "federated-mismatch": Explanation(
        title="The trust policy does not name the cluster's provider",
        why="A statement allows only the providers in ``Principal.Federated``. IAM compares the whole ARN, which "
        "contains the role's AWS account.",
        detection="The closest statement names a federated principal that is not the cluster's provider in the role's "
        "AWS account, or no statement names an OIDC provider.",
        fix="Let ``eksops.irsa.irsa_role`` write the statement. It keeps all other statements.",
        references=(f"{_IAM}/reference_policies_elements_principal.html#principal-federated-web-identity",),
    ),
    "wrong-action": Explanation(
        title="The trust policy allows another action",
        why="Pods call ``sts:AssumeRoleWithWebIdentity``. ``sts:AssumeRole`` is a different action and does not "
        "include it.",
        detection="The statement for the provider has no action that matches ``sts:AssumeRoleWithWebIdentity``. "
        "Wildcards match, and case is ignored.",
        fix="Replace the action. ``eksops.irsa.irsa_role`` writes the correct one.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "condition-key": Explanation(
        title="A condition key does not begin with the issuer",
        why="A key is the issuer without ``https://``, followed by ``:sub`` or ``:aud``. With the scheme, a trailing "
        "slash or the ID of another cluster, the request does not have the key, and the condition fails.",
        detection="A condition key ends in ``:sub`` or ``:aud`` but does not begin with this issuer.",
        fix="Correct the key. ``eksops.irsa.irsa_role`` writes it from the cluster's issuer.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "condition-swapped": Explanation(
        title="The conditions on sub and aud are swapped",
        why="``:sub`` is the service account, ``system:serviceaccount:namespace:name``. ``:aud`` is "
        "``sts.amazonaws.com``. They are easily confused in the form of the AWS console.",
        detection="A value that begins with ``system:serviceaccount:`` is under ``:aud``, or an audience is under "
        "``:sub``.",
        fix="Swap the keys. ``eksops.irsa.irsa_role`` writes both.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "condition-unavailable": Explanation(
        title="A condition uses a key that the request does not have",
        why="Only the claims ``aud``, ``sub``, ``amr``, ``email`` and ``oaud`` of a web identity token are condition "
        "keys. The caller has no identity yet, so ``aws:PrincipalArn`` and ``aws:PrincipalTag`` do not exist either. "
        "A condition on a missing key fails unless its operator is negated, ends in ``IfExists``, begins with "
        "``ForAllValues:``, or is ``Null`` with ``true``.",
        detection="The key of a failing condition is not a key that STS provides for this call.",
        fix="Remove the condition, or move it to the permissions of the role, where the keys of the principal exist.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "sub-mismatch": Explanation(
        title="The trust policy names another service account",
        why="The condition on ``:sub`` must be exactly the namespace and the name of the service account. Case "
        "matters. A Helm chart often adds its release name to the name of the service account.",
        detection="``:sub`` in the trust policy is not ``system:serviceaccount:{namespace}:{name}`` of this service "
        "account. The finding says which part differs.",
        fix="Add the service account to the role: ``service_accounts`` of ``eksops.irsa.irsa_role``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "sub-wildcard-equals": Explanation(
        title="A wildcard is used with StringEquals",
        why="``StringEquals`` compares ``*`` and ``?`` literally. Only ``StringLike`` treats them as wildcards.",
        detection="The value matches this service account as a pattern, but its operator compares it as text.",
        fix="Move the value to ``StringLike``, as ``eksops.irsa.irsa_role`` does with ``allow_wildcards``. It is "
        "better to name the service accounts.",
        references=(_OPERATORS,),
    ),
    "operators-anded": Explanation(
        title="Two conditions on one key contradict each other",
        why="All operators of a statement must match. ``StringEquals`` with one service account and ``StringLike`` "
        "with others are not alternatives: the same ``sub`` must match both.",
        detection="A condition on the key matches with one operator and fails with another.",
        fix="Keep one operator with a list of values, or write two statements.",
        references=(f"{_IAM}/reference_policies_condition-logic-multiple-context-keys-or-values.html",),
    ),
    "aud-mismatch": Explanation(
        title="The trust policy requires another audience",
        why="The condition on ``:aud`` must be the audience of the service account's tokens: ``sts.amazonaws.com``, "
        "or the value of the audience annotation.",
        detection="The condition on ``:aud`` fails, and the tokens of the service account have the audience "
        "``sts.amazonaws.com``.",
        fix="Correct it with ``audiences`` of ``eksops.irsa.irsa_role``.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "explicit-deny": Explanation(
        title="A Deny statement of the trust policy matches",
        why="A ``Deny`` statement that matches overrides every ``Allow`` statement.",
        detection="A statement with ``Effect: Deny`` matches the provider, the action and the conditions of the "
        "request. The finding names the statement.",
        fix="Remove the statement, or narrow it so that it does not match this service account.",
        references=(f"{_IAM}/reference_policies_evaluation-logic.html",),
    ),
    "trust-too-broad": Explanation(
        title="More service accounts than intended can assume the role",
        why="Without a condition on ``:sub``, or with only ``*``, every service account of the cluster can assume the "
        "role. ``ForAllValues`` also matches if the key is missing.",
        detection="A statement that allows the provider has no condition on ``:sub``, has only wildcards there, or "
        "depends on ``ForAllValues``.",
        fix="Name all service accounts that need the role: ``service_accounts`` of ``eksops.irsa.irsa_role``, with "
        "``purge_service_accounts: true``.",
        references=(f"{_EKS}/associate-service-account-role.html", _OPERATORS),
    ),
    "trust-too-long": Explanation(
        title="The trust policy exceeds the size quota",
        why="A trust policy can have 2048 characters, not counting whitespace. AWS raises the quota on request. "
        "One statement for each service account soon exceeds it.",
        detection="The length of the policy without whitespace, now or with the missing statement, is greater than "
        "``AssumeRolePolicySizeQuota`` of the AWS account.",
        fix="List the service accounts in one statement, as ``eksops.irsa.irsa_role`` does. Or use several roles, or "
        "request a higher quota.",
        references=(f"{_IAM}/reference_iam-quotas.html",),
    ),
    "no-permissions": Explanation(
        title="The role can be assumed, but allows nothing",
        why="IRSA works: the error message names the role. But the role has no policies, or its permissions boundary "
        "allows none of them.",
        detection="The role has no policies, or only inline policies that allow nothing. Or its permissions boundary "
        "allows nothing.",
        fix="Attach policies with ``managed_policies`` or ``inline_policies`` of ``eksops.irsa.irsa_role``, or extend "
        "the permissions boundary.",
        references=(f"{_IAM}/access_policies_boundaries.html",),
    ),
    "deleted-principal": Explanation(
        title="The trust policy names a deleted role or user",
        why="IAM stores the ID of a trusted role. When the role is deleted, the policy shows the ID instead of the "
        "ARN. A new role with the same name has another ID and is not trusted.",
        detection="``Principal.AWS`` of a statement is an ID such as ``AROAEXAMPLEID`` instead of an ARN.",
        fix="Write the ARN of the role into the statement again, even if it is the same.",
        references=(f"{_IAM}/reference_policies_elements_principal.html#principal-roles",),
    ),
    "trusts-missing-account": Explanation(
        title="The role trusts a service account that does not exist",
        why="A trust policy names service accounts by namespace and name, whether or not they exist. Anyone who can "
        "create a service account with that name can assume the role.",
        detection="A statement for the cluster's provider names a service account that does not exist in the cluster.",
        fix="If the service account is planned, create it. Otherwise remove it from the trust policy: "
        "``eksops.irsa.irsa_role`` with the remaining service accounts, or with ``state: absent`` if none remains.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "trusts-unannotated-account": Explanation(
        title="The role trusts a service account that does not use it",
        why="The service account can assume the role, but it has no role annotation, or is annotated with another "
        "role, so its pods do not use the role. A program can also assume the role without the annotation.",
        detection="A statement for the cluster's provider names a service account that has no annotation "
        "``eks.amazonaws.com/role-arn``, or is annotated with another role.",
        fix="Annotate the service account with ``eksops.irsa.sa_annotate``, or remove it from the trust policy with "
        "``eksops.irsa.irsa_role``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "role-shared": Explanation(
        title="Several service accounts share a role",
        why="Each service account has all permissions that any of them needs. In CloudTrail, at most the session name "
        "shows which one made a call.",
        detection="More than one service account of the cluster is annotated with the role.",
        fix="If they need different permissions, give each service account its own role. For replicas of one "
        "application this is fine: add ``role-shared`` to ``ignore``.",
        references=("https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",),
    ),
    "role-unused": Explanation(
        title="The role has not been used for a long time",
        why="An unused role is an access path that nobody monitors. A binding that never worked looks the same.",
        detection="``RoleLastUsed`` is older than ``unused_days``, or it is empty and the role is older than "
        "``unused_days``. IAM records the use of the last 400 days.",
        fix="If nobody needs the role and a service account is annotated with it, remove the binding with "
        "``eksops.irsa.irsa_bindings`` (``state: absent``). If nobody needs the role and no service account is "
        "annotated with it, delete the role with ``eksops.irsa.irsa_role`` (``state: absent``). Otherwise check with "
        "``eksops.irsa.irsa_verify`` whether the binding works.",
        references=(f"{_IAM}/access_policies_last-accessed.html",),
    ),
    "policy-too-broad": Explanation(
        title="The role allows everything, or can give itself all permissions",
        why="Anyone who compromises a pod of the service account has the role. With ``*`` on ``*``, all actions of "
        "IAM or ``AdministratorAccess``, they control the whole AWS account.",
        detection="A policy of the role allows every action, all but a few, or every action of IAM, on every resource "
        "and without a condition, and no permissions boundary limits the role.",
        fix="Allow only the actions and resources that the application uses, and set a ``permissions_boundary``. Both "
        "are options of ``eksops.irsa.irsa_role``.",
        references=(f"{_IAM}/best-practices.html#grant-least-privilege",),
    ),
    "account-missing": Explanation(
        title="The service account does not exist",
        why="Pods that use it cannot be created. Its namespace and name are often confused with the release name of a "
        "Helm chart.",
        detection="The namespace has no service account with this name.",
        fix="Create it with ``eksops.irsa.sa_annotate``, which also annotates it.",
        references=(f"{_KUBERNETES}/tasks/configure-pod-container/configure-service-account/",),
    ),
    "annotation-missing": Explanation(
        title="The service account has no role annotation",
        why="Without ``eks.amazonaws.com/role-arn`` on the service account, the webhook ignores its pods. The "
        "annotation has no effect on a workload or a pod.",
        detection="The service account has neither this annotation nor a similar one. If a dry run shows that the "
        "webhook's own configuration gives its pods a role, the finding says so.",
        fix="Annotate the service account with ``eksops.irsa.sa_annotate``, then restart its pods with "
        "``eksops.irsa.pod_rollout``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "annotation-empty": Explanation(
        title="The role annotation is empty",
        why="The webhook treats an empty value like a missing annotation. Helm charts write an empty annotation if a "
        "value is not set.",
        detection="``eks.amazonaws.com/role-arn`` exists and is empty.",
        fix="Set the role with ``eksops.irsa.sa_annotate``, or in the values of the Helm chart that manages the "
        "service account.",
        references=(_WEBHOOK,),
    ),
    "annotation-typo": Explanation(
        title="The annotation is misspelled, on another object, or for another role",
        why="The webhook reads only ``eks.amazonaws.com/role-arn``, and only on the service account. "
        "``eks.amazon.com/role-arn`` and ``iam.amazonaws.com/role`` have no effect.",
        detection="The service account has an annotation that is similar to one of the webhook's. Or it does not have "
        "the annotation, but a workload, a pod or the namespace does. Or the annotation has a role other than "
        "``role_arn`` of ``eksops.irsa.irsa_verify``.",
        fix="Annotate the service account with ``eksops.irsa.sa_annotate`` and remove the wrong annotation.",
        references=(_WEBHOOK,),
    ),
    "pod-identity-wins": Explanation(
        title="An EKS Pod Identity association takes precedence",
        why="Pods of a service account with an EKS Pod Identity association get the role of the association, and the "
        "annotation is ignored. The session name then begins with ``eks-`` and the name of the cluster.",
        detection="``ListPodIdentityAssociations`` returns an association for this service account, or the pod of a "
        "dry run has the variables of EKS Pod Identity.",
        fix="Keep one of the two: delete the association, or remove the annotation with ``eksops.irsa.sa_annotate`` "
        "(``state: absent``).",
        references=(f"{_EKS}/pod-identities.html",),
    ),
    "addon-reverts": Explanation(
        title="An EKS add-on sets the annotation to another role",
        why="An EKS add-on with a role writes this role to the annotation of its service account at each update.",
        detection="``DescribeAddon`` of the add-on that owns the service account returns another "
        "``serviceAccountRoleArn`` than the annotation.",
        fix="Set the role in the add-on: ``aws eks update-addon --service-account-role-arn``.",
        references=("https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateAddon.html",),
    ),
    "owner-reverts": Explanation(
        title="Another tool manages the annotation",
        why="Helm, Argo CD, Flux, eksctl and similar tools set their own value again when they next run. ``kubectl "
        "apply`` of an older manifest does the same.",
        detection="``metadata.managedFields`` names such a tool as an owner of the annotation, and the annotation has "
        "other owners too or differs from ``role_arn``. Or the last applied manifest has another role.",
        fix="Set the role in the source of that tool: the values of the chart, the manifest in the repository, or "
        "``iam.serviceAccounts`` of the eksctl configuration.",
        references=(f"{_KUBERNETES}/reference/using-api/server-side-apply/#conflicts",),
    ),
    "unmanaged-annotation": Explanation(
        title="The annotation was set manually",
        why="No tool restores it, and nothing records its origin. It will be missing in the next cluster.",
        detection="The ``managedFields`` of the service account name neither this collection nor a tool that "
        "reconciles objects (Helm, Argo CD, Flux, eksctl, Terraform and others) as an owner of the annotation.",
        fix="Add the service account to ``irsa_bindings`` and run ``eksops.irsa.irsa_bindings`` or the role "
        "``eksops.irsa.irsa``, once with ``force`` (``irsa_force``). The value stays the same and then has an owner.",
        references=(f"{_KUBERNETES}/reference/using-api/server-side-apply/",),
    ),
    "webhook-missing": Explanation(
        title="The pod identity webhook is not installed",
        why="The webhook injects the role into pods: the variables and the token. On EKS it is part of the control "
        "plane, but its configuration is a Kubernetes object that can be deleted.",
        detection="The cluster has no ``MutatingWebhookConfiguration`` of the pod identity webhook, or only one "
        "without a rule for the creation of pods.",
        fix="On EKS, ask AWS Support to restore the webhook, or apply the configuration of another cluster of the same "
        "version with ``certificateAuthority.data`` of ``aws eks describe-cluster`` as ``caBundle``. On other "
        "clusters, install the webhook from its repository. Then restart the pods with ``eksops.irsa.pod_rollout``.",
        references=(_WEBHOOK,),
    ),
    "webhook-excluded": Explanation(
        title="The webhook's selectors exclude the pods",
        why="The webhook never changes a pod with the label ``eks.amazonaws.com/skip-pod-identity-webhook``, or a pod "
        "that its ``objectSelector`` or ``namespaceSelector`` does not match.",
        detection="The selectors of the webhook do not match the labels of the pods or of the namespace.",
        fix="Remove the label from the pod template, or correct the selector.",
        references=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/",),
    ),
    "webhook-unreachable": Explanation(
        title="The API server cannot reach the webhook",
        why="With ``failurePolicy: Ignore``, the default, pods then start without the variables, and only the log of "
        "the API server shows the error. With ``Fail``, no pod is created.",
        detection="A server-side dry run returns a pod of the service account without the variables, although the "
        "webhook should match it. Or the API server rejects the pod because it cannot call the webhook.",
        fix="Check the webhook's pods and service, and the network policies and security groups for its port. Then "
        "restart the pods with ``eksops.irsa.pod_rollout``.",
        references=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",),
    ),
    "webhook-ca-stale": Explanation(
        title="The webhook's caBundle does not match its certificate",
        why="The API server trusts the webhook by the ``caBundle`` in its configuration. After a renewal, or if the "
        "configuration was copied from another cluster, they no longer match. Pods then start without the variables "
        "and without an event.",
        detection="The ``caBundle`` is empty, contains no certificate, has expired, or does not contain the CA of the "
        "webhook's certificate, if that can be read. Or the error of a rejected dry run names the certificate.",
        fix="Put the CA of the serving certificate into ``webhooks[].clientConfig.caBundle``. The cainjector of "
        "cert-manager does this automatically.",
        references=(
            f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#contacting-the-webhook",
        ),
    ),
    "pod-other-account": Explanation(
        title="The workload uses another service account",
        why="A pod without ``serviceAccountName`` uses the service account ``default``. The annotated service account "
        "then has no effect on it.",
        detection="A pod that the label selectors match uses another service account.",
        fix="Set ``serviceAccountName`` in the pod template of the workload.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "pod-predates-annotation": Explanation(
        title="The pods are older than the annotation",
        why="The webhook acts only when a pod is created. Annotating the service account does not change running pods.",
        detection="A container into which the webhook should have injected the role has neither ``AWS_ROLE_ARN`` nor "
        "``AWS_WEB_IDENTITY_TOKEN_FILE``. Or the audience or the expiration of the pod's token, or "
        "``AWS_STS_REGIONAL_ENDPOINTS`` of a container, is not what the service account requests.",
        fix="Restart the owners of the pods with ``eksops.irsa.pod_rollout``. It does not restart pods that already "
        "have the role.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "pod-stale-role": Explanation(
        title="The pods have the previous role of the service account",
        why="The variables are set once, when a pod is created. When the annotation changes, running pods keep the "
        "old role.",
        detection="``AWS_ROLE_ARN`` of a container differs from the annotation of the service account, or the pod "
        "still has the variables of a deleted EKS Pod Identity association.",
        fix="Restart the owners of the pods with ``eksops.irsa.pod_rollout``.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "skip-containers": Explanation(
        title="The annotation skip-containers has an unintended effect",
        why="``eks.amazonaws.com/skip-containers`` on a pod lists containers that get no variables. It has no effect "
        "on a service account or a workload. A value that is not valid CSV counts as empty.",
        detection="The annotation is on the service account or on the workload itself, cannot be parsed, names no "
        "container of the pod, or names all of them. Excluding one of several containers is not a finding.",
        fix="List the names of the containers in the annotation of the pod template, separated by commas and without "
        "spaces. Or remove the annotation.",
        references=(_WEBHOOK,),
    ),
    "env-preset": Explanation(
        title="The container sets one of the variables itself",
        why="If a container sets ``AWS_ROLE_ARN`` or ``AWS_WEB_IDENTITY_TOKEN_FILE``, the webhook sets neither. The "
        "container then has an incomplete environment, or a token with another audience.",
        detection="A container sets one of the two variables, and the other one is missing, the role is another one, "
        "or the token has another audience or is not mounted. A complete environment is not a finding.",
        fix="Remove the variable from the pod template. The webhook sets both.",
        references=(_WEBHOOK,),
    ),
    "injected-sidecar": Explanation(
        title="A sidecar was added after the webhook ran",
        why="Webhooks run one after another. If a later webhook adds a container, the pod identity webhook does not "
        "see it unless it is called again.",
        detection="A container has no variables, but the webhook injected the role into other containers of the same "
        "pod.",
        fix="Set ``reinvocationPolicy: IfNeeded`` in the configuration of the webhook. Then restart the pods with "
        "``eksops.irsa.pod_rollout``.",
        references=(
            f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy",
        ),
    ),
    "static-pod": Explanation(
        title="Static pods cannot have a role",
        why="The kubelet starts static pods from files on the node. The API server only has a mirror of the pod, so "
        "no webhook and no service account token reaches it.",
        detection="The pod has the annotation ``kubernetes.io/config.mirror``.",
        fix="Run it as a DaemonSet.",
        references=(f"{_KUBERNETES}/tasks/configure-pod-container/static-pod/",),
    ),
    "static-credentials": Explanation(
        title="Other credentials take precedence",
        why="SDKs use ``AWS_ACCESS_KEY_ID`` and a profile before the web identity token.",
        detection="A container has such a variable in ``env``, or a ConfigMap or Secret in its ``envFrom`` has such a "
        "key. Values are not read.",
        fix="Remove the variables, or the keys from the ConfigMap or Secret. Then delete the access key.",
        references=(_CREDENTIAL_PROVIDERS,),
    ),
    "token-unreadable": Explanation(
        title="The container's user cannot read the token",
        why="Before Kubernetes 1.19, the token file belongs to root. Since then it belongs to the user of the "
        "container, if all containers of the pod run as the same user.",
        detection="A container runs as a user other than root, the pod has no ``fsGroup``, and the API server is "
        "older than 1.19.",
        fix="Set ``securityContext.fsGroup`` in the pod template, for example to 65534.",
        references=(f"{_KUBERNETES}/reference/access-authn-authz/service-accounts-admin/", f"{_WEBHOOK}/issues/8"),
    ),
    "windows-path": Explanation(
        title="A Windows pod has the token's Linux path",
        why="The webhook sets the Windows path only if the ``nodeSelector`` of the pod selects Windows nodes. It "
        "ignores taints and affinities.",
        detection="The ``os``, the security context or the affinity of the pod is for Windows, and its "
        "``nodeSelector`` does not have ``kubernetes.io/os: windows``.",
        fix="Add the ``nodeSelector`` to the pod template.",
        references=(f"{_WEBHOOK}#usage-with-windows-container-workloads",),
    ),
    "region-unset": Explanation(
        title="No region is set in a China region",
        why="Without a region, SDKs use the global STS endpoint. It is in another partition and knows neither the "
        "provider nor the role.",
        detection="The cluster is in ``aws-cn``, and a container has neither ``AWS_REGION`` nor "
        "``AWS_DEFAULT_REGION``.",
        fix="Set ``AWS_DEFAULT_REGION`` in the pod template.",
        references=(f"{_EKS}/configure-sts-endpoint.html",),
    ),
    "token-expired": Explanation(
        title="The application uses an expired token",
        why="The kubelet replaces the token in its file long before it expires. An application that reads the file "
        "only once, or copies the token, ends up with an expired token.",
        detection="The log of the test pod shows it. Or STS rejects a fresh token as expired, which means that the "
        "clock of the API server is wrong.",
        fix="Let the application read the file each time, as the credential providers of the SDKs do. Upgrade the SDK "
        "if it does not.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "sdk-too-old": Explanation(
        title="The application's SDK does not support web identities",
        why="An SDK that is older than the versions below ignores the variables and uses the node's role. Java also "
        "needs the ``sts`` module.",
        detection="The test pod has the variables, and its log names an SDK version that is too old.",
        fix="Upgrade the SDK. The first versions with support are boto3 1.9.220, botocore 1.12.200, AWS CLI 1.16.232, "
        "Go 1.23.13, Java 2.10.11, and JavaScript 2.525.0 and 3.27.0.",
        references=(f"{_EKS}/iam-roles-for-service-accounts-minimum-sdk.html",),
    ),
    "imds-fallback": Explanation(
        title="The pod uses the node's role",
        why="SDKs that find no other credentials ask the metadata service of the node and get the node's role. This "
        "hides the actual problem and gives the pod permissions that it should not have.",
        detection="The caller in the output of the test pod is not the role of the service account, and no other "
        "finding explains it.",
        fix="Update the SDK, and remove credentials from the code. If the pod lacks the variables of the webhook, "
        "check the webhook. Then set the hop limit of the nodes' metadata service to 1, so that pods cannot reach it.",
        references=("https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",),
    ),
    "propagation": Explanation(
        title="The change had not reached STS yet",
        why="A change in IAM reaches STS after 2 to 30 seconds, rarely after up to two minutes.",
        detection="STS first rejected the token of the service account and later accepted it, without a change in "
        "between.",
        fix="No action is needed. If a job continues too early, run ``eksops.irsa.irsa_verify`` first, which waits.",
        references=(f"{_IAM}/troubleshoot.html#troubleshoot_general_eventual-consistency",),
    ),
    "denied-elsewhere": Explanation(
        title="A policy outside the role denies the request",
        why="A service control policy or resource control policy of the AWS organization, or a condition on where the "
        "request comes from, can deny what the trust policy allows. STS returns the same error.",
        detection="The trust policy allows the request, but STS rejects the token of the service account, even after "
        "``propagation_timeout``.",
        fix="Ask the administrator of the AWS organization for the policies on ``sts:AssumeRoleWithWebIdentity`` that "
        "apply to the role's AWS account. CloudTrail has the event, with the role and the subject.",
        references=(
            f"{_IAM}/reference_policies_evaluation-logic.html",
            "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",
        ),
    ),
    "denied-unexplained": Explanation(
        title="STS rejects the token, and IAM could not be read",
        why="STS does not report which condition failed. The trust policy shows it, but the credentials may not read "
        "the role, or are not of the role's AWS account.",
        detection="STS rejects the token of the service account, and the role or its provider could not be read.",
        fix="Run the verification with credentials of the role's AWS account that allow ``iam:GetRole`` and "
        "``iam:GetOpenIDConnectProvider``, and set ``role_arn`` to the ARN of the role.",
        references=(f"{_EKS}/cross-account-access.html",),
    ),
    "sts-region-disabled": Explanation(
        title="STS is not active in the region",
        why="Pods use the STS endpoint of their region. An administrator of the AWS account can deactivate it. In an "
        "opt-in region it is active only if the region is enabled.",
        detection="The regional STS endpoint returns ``RegionDisabledException``. In an opt-in region it can also "
        "report that a provider is missing although IAM has it.",
        fix="Activate STS for the region in the account settings of IAM, in the role's AWS account.",
        references=(f"{_IAM}/id_credentials_temp_enable-regions.html", f"{_EKS}/configure-sts-endpoint.html"),
    ),
}
