# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each cause means: the texts that the reports of an audit and the troubleshooting guide share.

Texts are plain English with names of things between double backquotes, as in reStructuredText.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What there is to know about a cause.

    :param title: what is wrong, in a few words.
    :param why: how it comes about, and why it breaks the chain.
    :param detection: what it is detected by.
    :param fix: what to do about it in general; a finding says it of its own objects.
    :param references: where AWS or Kubernetes documents the rule behind it.
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
_CHAIN_OF_SDKS = "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html"

EXPLANATIONS: t.Mapping[str, Explanation] = {
    "provider-missing": Explanation(
        title="IAM doesn't know the cluster's OIDC issuer",
        why="Each EKS cluster signs its tokens with an issuer of its own. STS accepts them only if the account of the "
        "role has an OIDC provider with exactly that URL, and EKS doesn't create it.",
        detection="``GetOpenIDConnectProvider`` for the provider's ARN, made of the role's account and the cluster's "
        "issuer, answers ``NoSuchEntity``, and no provider of the account has a similar URL.",
        fix="Create the provider with ``eksops.irsa.iam_oidc_provider``; with ``cluster_name`` it takes the issuer "
        "from the cluster. The role ``eksops.irsa.irsa`` creates it as its first step.",
        references=(f"{_EKS}/enable-iam-roles-for-service-accounts.html",),
    ),
    "provider-wrong-account": Explanation(
        title="The provider is in the cluster's account, the role in another",
        why="STS looks for the provider in the account of the role that is assumed. A role in another account than the "
        "cluster's needs the cluster's issuer as a provider there.",
        detection="The role's account differs from the cluster's, and has no provider for the cluster's issuer.",
        fix="Create the provider in the role's account: ``eksops.irsa.iam_oidc_provider`` with that account's "
        "credentials and ``url``. Or give the service account a role of the cluster's account.",
        references=(f"{_EKS}/cross-account-access.html",),
    ),
    "provider-url-mismatch": Explanation(
        title="A provider's URL is almost the issuer",
        why="The URL of a provider is compared with the token's ``iss`` as text. A slash at the end, another case or "
        "the wrong region makes it another provider, and the URL of a provider can't be changed.",
        detection="The provider for the issuer is missing, and the ARN of another one differs from it by nothing but a "
        "slash, case or the region.",
        fix="Create a provider with the issuer as ``aws eks describe-cluster`` prints it, with "
        "``eksops.irsa.iam_oidc_provider``; then remove the other one, once no role trusts it.",
        references=(f"{_IAM}/id_roles_providers_create_oidc.html",),
    ),
    "cluster-recreated": Explanation(
        title="The role trusts another cluster's issuer",
        why="A cluster that is created again, even with the same name, gets a new issuer. Roles and providers that "
        "were made for the old one never match its tokens.",
        detection="The closest statement of the trust policy names an EKS issuer with another id than this cluster's.",
        fix="Create the provider of the new issuer and point the role at it: ``eksops.irsa.irsa_role`` with "
        "``cluster_name`` adds this cluster's statement and keeps the old one until you remove it.",
        references=(f"{_EKS}/enable-iam-roles-for-service-accounts.html",),
    ),
    "client-id-missing": Explanation(
        title="The provider doesn't accept the token's audience",
        why="A provider has a list of client ids. STS refuses a token whose ``aud`` isn't among them, before it looks "
        "at any role. On EKS the audience is ``sts.amazonaws.com``; providers that were created by hand often lack it.",
        detection="The audience of the account's tokens is not in the provider's ``ClientIDList``.",
        fix="Add it: ``eksops.irsa.iam_oidc_provider`` adds ``sts.amazonaws.com`` unless ``client_ids`` says "
        "otherwise, and keeps the others.",
        references=(f"{_EKS}/enable-iam-roles-for-service-accounts.html", _STS),
    ),
    "cn-audience": Explanation(
        title="The audience sts.amazonaws.com.cn is used",
        why="In the China regions hostnames end in ``.cn``, but the audience doesn't: tokens are issued for "
        "``sts.amazonaws.com`` there too.",
        detection="Audiences don't agree, and ``sts.amazonaws.com.cn`` is one of them: the account's, a client id of "
        "the provider's, or the one in the trust policy.",
        fix="Replace it by ``sts.amazonaws.com``, in all three places.",
        references=("https://docs.amazonaws.cn/en_us/eks/latest/userguide/enable-iam-roles-for-service-accounts.html",),
    ),
    "audience-annotation": Explanation(
        title="The account asks for an audience that isn't accepted",
        why="The annotation ``eks.amazonaws.com/audience`` on the service account changes what its tokens are issued "
        "for. The provider's client ids and the role's ``aud`` condition must be the same.",
        detection="The annotation's value is not in the provider's ``ClientIDList``, or differs from ``aud`` in the "
        "trust policy.",
        fix="Remove the annotation, if nothing else needs it: ``eksops.irsa.sa_annotate`` without ``audience``. Or "
        "make all three agree: ``client_ids`` of ``eksops.irsa.iam_oidc_provider``, ``audiences`` of "
        "``eksops.irsa.irsa_role``, ``audience`` of ``eksops.irsa.sa_annotate``.",
        references=(_WEBHOOK,),
    ),
    "thumbprint": Explanation(
        title="The provider's thumbprint doesn't match",
        why="AWS compares thumbprints only for issuers whose certificate comes from an authority outside of its own "
        "library. For those, the list in IAM must match the issuer's certificate.",
        detection="STS gives this answer to a token of the account. Reads cannot detect it.",
        fix="Update the list: ``thumbprints`` of ``eksops.irsa.iam_oidc_provider``. For an issuer of EKS leave the "
        "option out.",
        references=(
            f"{_IAM}/id_roles_providers_create_oidc_verify-thumbprint.html",
            "https://repost.aws/knowledge-center/eks-error-invalid-identity-token",
        ),
    ),
    "jwks-unreachable": Explanation(
        title="STS can't read the issuer's keys",
        why="STS fetches the keys from the issuer's ``jwks_uri``. The connection fails at times, and SDKs don't always "
        "retry. If it always fails, the issuer isn't public, or has no such key.",
        detection="STS gives this answer to a token of the account, after a few attempts.",
        fix="If it is intermittent, retry with backoff. If it persists, check whether the issuer's "
        "``/.well-known/openid-configuration`` and the ``jwks_uri`` in it answer from the internet: for a cluster that "
        "runs elsewhere than on EKS you must publish them yourself.",
        references=(_STS,),
    ),
    "provider-orphaned": Explanation(
        title="A provider of a cluster that is gone",
        why="Deleting an EKS cluster leaves its OIDC provider in IAM, and the roles that trust it. No service account "
        "can assume them through it, but they hide which roles are in use, and an account can have 100 providers "
        "unless the quota is raised.",
        detection="The provider's URL is an EKS issuer of a region, and no cluster of the account in that region has "
        "it. A provider for a cluster of another account looks the same, which is why it is a warning.",
        fix="Check that the cluster is deleted, and not another account's; then remove the provider with "
        "``eksops.irsa.iam_oidc_provider`` (``state: absent``), which names the roles that still trust it.",
        references=(f"{_EKS}/delete-cluster.html",),
    ),
    "role-missing": Explanation(
        title="The role doesn't exist",
        why="The annotation names a role that was never created, was deleted, or has another spelling. STS doesn't say "
        "whether a role exists, so it looks like a lack of permission.",
        detection="``GetRole`` answers ``NoSuchEntity`` for the name at the end of the ARN.",
        fix="Create it with ``eksops.irsa.irsa_role``, or correct the annotation with ``eksops.irsa.sa_annotate``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "role-path-dropped": Explanation(
        title="The annotation lacks the role's path, or has another",
        why="A role with a path has it in its ARN: ``role/apps/shop-cart``. ``GetRole`` takes the name alone, so "
        "everything looks right; STS compares the whole ARN.",
        detection="The role that IAM finds by its name has another ARN than the annotation.",
        fix="Annotate with the ARN that IAM returns: ``role.arn`` of ``eksops.irsa.irsa_role``.",
        references=(f"{_IAM}/reference_identifiers.html#identifiers-arns",),
    ),
    "arn-malformed": Explanation(
        title="The annotation isn't a role's ARN",
        why="The webhook passes the value on unchanged, for instance a bare role name, an ARN with quotes or blanks "
        "around it, or one with an extra colon.",
        detection="The value doesn't have the form ``arn:aws:iam::111122223333:role/name``.",
        fix="Write the ARN as IAM returns it, without quotes in the value. ``eksops.irsa.sa_annotate`` rejects any "
        "other.",
        references=("https://repost.aws/knowledge-center/eks-troubleshoot-irsa-errors",),
    ),
    "arn-wrong-account": Explanation(
        title="The annotation names another AWS account",
        why="Manifests that are copied from one environment to the next keep the old account's number.",
        detection="The account in the annotation is not the cluster's, no such role was found there, and ``role_arn`` "
        "doesn't name it.",
        fix="Correct the annotation with ``eksops.irsa.sa_annotate``. If the other account is intended, give "
        "``role_arn`` to ``eksops.irsa.irsa_verify``.",
        references=(f"{_EKS}/cross-account-access.html",),
    ),
    "arn-wrong-partition": Explanation(
        title="The annotation names another AWS partition",
        why="ARNs begin with ``arn:aws:``, in the China regions with ``arn:aws-cn:``, in GovCloud with "
        "``arn:aws-us-gov:``. Roles can't be assumed across partitions.",
        detection="The partition in the annotation is not that of the cluster's ARN.",
        fix="Annotate with the ARN that IAM returns in the cluster's partition.",
        references=(f"{_IAM}/reference_identifiers.html#identifiers-arns",),
    ),
    "federated-mismatch": Explanation(
        title="The trust policy doesn't name the cluster's provider",
        why="A statement allows only the providers that its ``Principal`` names as ``Federated``, by their whole ARN "
        "in the role's account.",
        detection="The closest statement names another federated principal than the cluster's provider in the role's "
        "account, or there is no statement for a provider.",
        fix="Have ``eksops.irsa.irsa_role`` write the statement: with ``cluster_name`` or ``issuer`` and "
        "``service_accounts`` it merges this provider's and keeps all others.",
        references=(f"{_IAM}/reference_policies_elements_principal.html#principal-federated-web-identity",),
    ),
    "wrong-action": Explanation(
        title="The trust policy allows another action",
        why="``sts:AssumeRole`` is another action than ``sts:AssumeRoleWithWebIdentity``, and doesn't include it.",
        detection="The statement for the provider has no action that matches ``sts:AssumeRoleWithWebIdentity``, "
        "without regard to case and with wildcards.",
        fix="Replace the action; ``eksops.irsa.irsa_role`` writes the right one.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "condition-key": Explanation(
        title="A condition's key isn't the issuer's",
        why="Keys are the issuer without ``https://``, then ``:sub`` or ``:aud``. With the scheme, a slash at the end "
        "or another cluster's id, the request has no such key, and a condition on it fails.",
        detection="A condition's key ends in ``:sub`` or ``:aud`` but doesn't begin with this issuer.",
        fix="Rewrite the key; ``eksops.irsa.irsa_role`` writes it from the cluster's issuer.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "condition-swapped": Explanation(
        title="The conditions on sub and aud are swapped",
        why="``:sub`` is the service account, ``system:serviceaccount:namespace:name``; ``:aud`` is "
        "``sts.amazonaws.com``. In the console's form they are easily confused.",
        detection="A value that begins with ``system:serviceaccount:`` is under ``:aud``, or an audience under "
        "``:sub``.",
        fix="Swap the keys; ``eksops.irsa.irsa_role`` writes both.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "condition-unavailable": Explanation(
        title="A condition asks for what the request doesn't have",
        why="Of a web identity token, only ``aud``, ``sub``, ``amr``, ``email`` and ``oaud`` become condition keys. "
        "The caller has no identity yet, so there is no ``aws:PrincipalArn`` or ``aws:PrincipalTag`` either. A "
        "condition on an absent key fails, unless its operator is negated or ends in ``IfExists``.",
        detection="A failing condition's key is not among those that STS provides for this call.",
        fix="Remove the condition, or put it into the role's permissions, where the principal's keys exist.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "sub-mismatch": Explanation(
        title="The trust policy is for another service account",
        why="The condition on ``:sub`` must be exactly the account's namespace and name: case counts, and a chart's "
        "release name often becomes part of the account's.",
        detection="``:sub`` in the trust policy isn't ``system:serviceaccount:{namespace}:{name}`` of this account. "
        "The finding says which part differs.",
        fix="Add the account to the role: ``service_accounts`` of ``eksops.irsa.irsa_role``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "sub-wildcard-equals": Explanation(
        title="A wildcard is under StringEquals",
        why="``StringEquals`` compares ``*`` and ``?`` literally. Only ``StringLike`` treats them as wildcards.",
        detection="The value would match this account as a pattern, but its operator compares it as text.",
        fix="Move the value under ``StringLike``, as ``eksops.irsa.irsa_role`` does with ``allow_wildcards``. Better: "
        "name the accounts.",
        references=(_OPERATORS,),
    ),
    "operators-anded": Explanation(
        title="Two operators on one key contradict each other",
        why="All operators of a statement must hold. ``StringEquals`` for one account and ``StringLike`` for others "
        "don't add up: the same ``sub`` must match both.",
        detection="One operator's condition on the key holds, another's on the same key doesn't.",
        fix="Keep one of them, with a list of values, or write two statements.",
        references=(f"{_IAM}/reference_policies_condition-logic-multiple-context-keys-or-values.html",),
    ),
    "aud-mismatch": Explanation(
        title="The trust policy requires another audience",
        why="The condition on ``:aud`` must be the audience of the account's tokens: ``sts.amazonaws.com``, or the "
        "account's audience annotation.",
        detection="The condition on ``:aud`` is the one that fails, and the account's tokens are issued for "
        "``sts.amazonaws.com``.",
        fix="Align it: ``audiences`` of ``eksops.irsa.irsa_role``.",
        references=(_WEB_IDENTITY_KEYS,),
    ),
    "explicit-deny": Explanation(
        title="A Deny statement of the trust policy applies",
        why="A ``Deny`` that matches wins over every ``Allow``.",
        detection="A statement with ``Effect: Deny`` matches the provider, the action and the conditions of this "
        "account's request. The finding names it.",
        fix="Remove the statement, or narrow it so that it excludes this account.",
        references=(f"{_IAM}/reference_policies_evaluation-logic.html",),
    ),
    "trust-too-broad": Explanation(
        title="More service accounts than intended can assume the role",
        why="Without a condition on ``:sub``, or with a bare ``*``, every service account of the cluster can assume "
        "the role. ``ForAllValues`` holds even where the key is absent.",
        detection="A statement that allows the provider has no condition on ``:sub``, has only wildcards there, or "
        "depends on ``ForAllValues``.",
        fix="Name the accounts: ``service_accounts`` of ``eksops.irsa.irsa_role``.",
        references=(f"{_EKS}/associate-service-account-role.html", _OPERATORS),
    ),
    "trust-too-long": Explanation(
        title="The trust policy exceeds IAM's size quota",
        why="A trust policy has at most 2048 characters, blanks not counted; AWS raises it to 4096 on request. One "
        "statement for each of many accounts soon exceeds it.",
        detection="The document's length without blanks, as it is or with the missing statement, is over the account's "
        "``AssumeRolePolicySizeQuota``.",
        fix="Put the accounts into one statement with a list, as ``eksops.irsa.irsa_role`` does; or use several roles; "
        "or have the quota raised.",
        references=(f"{_IAM}/reference_iam-quotas.html",),
    ),
    "no-permissions": Explanation(
        title="The role is assumed, but allows nothing",
        why="IRSA works, as the role's name in the message shows. What is missing are policies on the role, or its "
        "permissions boundary takes them all away.",
        detection="The role has no policies, or only inline ones that allow nothing; or its boundary allows nothing.",
        fix="Attach policies: ``managed_policies`` and ``inline_policies`` of ``eksops.irsa.irsa_role``; or widen the "
        "boundary.",
        references=(f"{_IAM}/access_policies_boundaries.html",),
    ),
    "deleted-principal": Explanation(
        title="A trust policy names a role or user that was deleted",
        why="IAM stores a trusted role by its id. When that role is deleted, the id shows in place of the ARN, and a "
        "new role of the same name has another id: it isn't trusted.",
        detection="``Principal.AWS`` of a statement is an id, like ``AROAEXAMPLEID``, in place of an ARN.",
        fix="Write the role's ARN into the statement again, also if it looks the same.",
        references=(f"{_IAM}/reference_policies_elements_principal.html#principal-roles",),
    ),
    "trusts-missing-account": Explanation(
        title="A role trusts a service account that doesn't exist",
        why="A trust policy names its service accounts by namespace and name, whether they exist or not. Whoever may "
        "create an account of that name can assume the role.",
        detection="A statement that trusts the cluster's provider names a service account that does not exist in the "
        "cluster.",
        fix="Create the account if it is planned. Otherwise remove it from the trust policy: ``eksops.irsa.irsa_role`` "
        "with the remaining accounts.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "trusts-unannotated-account": Explanation(
        title="A role trusts a service account that doesn't use it",
        why="The account can assume the role, but its annotation names none or another one, so its pods don't. The "
        "trust is left over, or the annotation is still missing. A program can name the role itself, too.",
        detection="A statement that trusts the cluster's provider names a service account whose annotation "
        "``eks.amazonaws.com/role-arn`` is missing or names another role.",
        fix="Annotate the account with ``eksops.irsa.sa_annotate``, or remove it from the trust policy with "
        "``eksops.irsa.irsa_role``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "role-shared": Explanation(
        title="Several service accounts share a role",
        why="Each of them has all the permissions that any of them needs, and CloudTrail tells their calls apart by "
        "the session's name at most.",
        detection="More than one service account of the cluster names the role.",
        fix="Give each its own role if they need different permissions. For replicas of one application this is fine: "
        "put ``role-shared`` into ``ignore``.",
        references=("https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",),
    ),
    "role-unused": Explanation(
        title="A role has not been used for a long time",
        why="An unused role is an access path that nobody monitors. A binding that never worked looks the same.",
        detection="``RoleLastUsed`` is older than ``unused_days``, or IAM has none and the role is older than that. "
        "IAM tracks use for 400 days.",
        fix="Remove the binding with ``eksops.irsa.irsa_bindings`` (``state: absent``) if nobody needs it; otherwise "
        "check with ``eksops.irsa.irsa_verify`` whether it works.",
        references=(f"{_IAM}/access_policies_last-accessed.html",),
    ),
    "policy-too-broad": Explanation(
        title="A role may do everything, or give itself the right to",
        why="Whoever compromises a pod of the account has the role. With ``*`` on ``*``, all actions of IAM or "
        "``AdministratorAccess`` that is the whole AWS account.",
        detection="A policy of the role allows every action, all but a few, or every action of IAM, on every resource "
        "and without a condition, and no permissions boundary limits the role.",
        fix="Allow the actions and resources that the application uses, and set a ``permissions_boundary``: both are "
        "options of ``eksops.irsa.irsa_role``.",
        references=(f"{_IAM}/best-practices.html#grant-least-privilege",),
    ),
    "account-missing": Explanation(
        title="The service account doesn't exist",
        why="Pods that name it can't be created. Namespace and name are often confused with the chart's release name.",
        detection="The API server has no such service account in the namespace.",
        fix="Create it with ``eksops.irsa.sa_annotate``, which also annotates it.",
        references=(f"{_KUBERNETES}/tasks/configure-pod-container/configure-service-account/",),
    ),
    "annotation-missing": Explanation(
        title="The service account names no role",
        why="Without ``eks.amazonaws.com/role-arn`` on the service account the webhook ignores its pods. An annotation "
        "on the workload or its pods has no effect.",
        detection="The account has no such annotation, nor one that looks like it. If a dry run shows that the "
        "webhook's own configuration gives a role to the account's pods, the finding says so.",
        fix="Annotate the account with ``eksops.irsa.sa_annotate``, then restart its pods with "
        "``eksops.irsa.pod_rollout``.",
        references=(f"{_EKS}/associate-service-account-role.html",),
    ),
    "annotation-empty": Explanation(
        title="The annotation is empty",
        why="The webhook treats an empty value like a missing one. Charts write one where a value was not set.",
        detection="``eks.amazonaws.com/role-arn`` exists and is empty.",
        fix="Set the role with ``eksops.irsa.sa_annotate``, or in the chart's values if it manages the account.",
        references=(_WEBHOOK,),
    ),
    "annotation-typo": Explanation(
        title="The annotation is misspelled, on another object, or for another role",
        why="The webhook reads exactly ``eks.amazonaws.com/role-arn``, and only on the service account. "
        "``eks.amazon.com/role-arn`` or ``iam.amazonaws.com/role`` has no effect.",
        detection="The account has a key that looks like one of the webhook's; or lacks the annotation while a "
        "workload, a pod or the namespace has it; or names another role than ``role_arn`` of "
        "``eksops.irsa.irsa_verify``.",
        fix="Annotate the account with ``eksops.irsa.sa_annotate`` and remove the other annotation.",
        references=(_WEBHOOK,),
    ),
    "pod-identity-wins": Explanation(
        title="An EKS Pod Identity association takes precedence",
        why="Pods of an account with an EKS Pod Identity association get that role, and the annotation is ignored. The "
        "caller's session name then begins with ``eks-`` and the cluster's name.",
        detection="``ListPodIdentityAssociations`` has one for this namespace and account, or the pod of a dry run has "
        "its variables.",
        fix="Keep one of the two: delete the association, or remove the annotation with ``eksops.irsa.sa_annotate`` "
        "and ``state: absent``.",
        references=(f"{_EKS}/pod-identities.html",),
    ),
    "addon-reverts": Explanation(
        title="An EKS add-on sets the annotation to another role",
        why="An add-on that was given a role writes it into the annotation of its service account whenever it is "
        "updated.",
        detection="``DescribeAddon`` of the add-on whose account it is has another ``serviceAccountRoleArn`` than the "
        "annotation.",
        fix="Give the add-on the role: ``aws eks update-addon --service-account-role-arn``.",
        references=("https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateAddon.html",),
    ),
    "owner-reverts": Explanation(
        title="Another tool manages the annotation",
        why="Helm, Argo CD, Flux, eksctl or another tool that reconciles objects with its source sets its own value "
        "again when it next runs. So does ``kubectl apply`` of an older manifest.",
        detection="``metadata.managedFields`` names such a tool as an owner of an annotation that others own too, or "
        "that names another role than ``role_arn``; or the manifest that was last applied has another role. One tool "
        "that alone owns the right role is not a finding.",
        fix="Set the role where that tool takes it from: the chart's values, the manifest in the repository, the "
        "``iam.serviceAccounts`` of the cluster's configuration.",
        references=(f"{_KUBERNETES}/reference/using-api/server-side-apply/#conflicts",),
    ),
    "unmanaged-annotation": Explanation(
        title="The annotation was set by hand",
        why="No tool restores it, and nothing records where it came from. In the next cluster it will be missing.",
        detection="The account's ``managedFields`` name neither this collection nor a tool that reconciles objects "
        "with its source (Helm, Argo CD, Flux, eksctl, Terraform and others) as an owner of the annotation.",
        fix="Put the account into ``irsa_bindings`` and run ``eksops.irsa.irsa_bindings`` or the role "
        "``eksops.irsa.irsa``, once with ``force`` (``irsa_force``): the value stays, and has an owner from then on.",
        references=(f"{_KUBERNETES}/reference/using-api/server-side-apply/",),
    ),
    "webhook-missing": Explanation(
        title="The pod identity webhook isn't installed",
        why="The webhook gives pods the variables and the token. On EKS it is part of the control plane, but its "
        "configuration is an object like any other, and can be deleted.",
        detection="The cluster has no ``MutatingWebhookConfiguration`` of the pod identity webhook, or only one "
        "without a rule for the creation of pods.",
        fix="On EKS apply the configuration of another cluster of the same version with this cluster's ``caBundle``, "
        "or ask AWS; elsewhere install the webhook from its repository. Then restart the pods with "
        "``eksops.irsa.pod_rollout``.",
        references=(_WEBHOOK,),
    ),
    "webhook-excluded": Explanation(
        title="The webhook's selectors exclude the pods",
        why="A pod with the label ``eks.amazonaws.com/skip-pod-identity-webhook`` is never mutated, nor is one that "
        "the ``objectSelector`` or ``namespaceSelector`` of the webhook doesn't choose.",
        detection="The selectors of the configuration, applied to the pods' and the namespace's labels as Kubernetes "
        "does, don't match.",
        fix="Remove the label from the pod template, or correct the selector.",
        references=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/",),
    ),
    "webhook-unreachable": Explanation(
        title="The API server can't reach the webhook",
        why="With ``failurePolicy: Ignore``, the default, pods then start without the variables, and only the API "
        "server's log reports it. With ``Fail`` no pod is created at all.",
        detection="A pod of the account that is created with a server-side dry run is returned without the variables, "
        "though the webhook should have matched it; or the creation is refused because the webhook can't be called.",
        fix="Restore the webhook: its pods, its service, network policies and security groups on its port. Then "
        "restart the pods that were not injected with ``eksops.irsa.pod_rollout``.",
        references=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",),
    ),
    "webhook-ca-stale": Explanation(
        title="The webhook's caBundle doesn't match its certificate",
        why="The API server trusts the webhook by the ``caBundle`` of its configuration. After a renewal, or when the "
        "configuration was copied from another cluster, they no longer match; pods start without the variables and "
        "without an event.",
        detection="The ``caBundle`` is empty, holds no certificate, has expired or lacks the authority that signed the "
        "webhook's certificate, as far as that can be read; or the error of a refused dry run names it.",
        fix="Put the authority of the serving certificate into ``webhooks[].clientConfig.caBundle``; cert-manager's "
        "injector does it automatically.",
        references=(
            f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#contacting-the-webhook",
        ),
    ),
    "pod-other-account": Explanation(
        title="The workload uses another service account",
        why="A pod without ``serviceAccountName`` has the account ``default``. The annotated account then does nothing "
        "for it.",
        detection="A pod that the label selectors choose names another account.",
        fix="Set ``serviceAccountName`` in the workload's pod template.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "pod-predates-annotation": Explanation(
        title="The pods are older than the annotation",
        why="The webhook acts only when a pod is created. Annotating the account changes nothing for pods that run.",
        detection="A container that the webhook should have injected has neither ``AWS_ROLE_ARN`` nor "
        "``AWS_WEB_IDENTITY_TOKEN_FILE``, or the pod's token has another audience than the account asks for now.",
        fix="Restart the pods' owners with ``eksops.irsa.pod_rollout``; it leaves pods alone that have the role "
        "already.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "pod-stale-role": Explanation(
        title="The pods have the account's previous role",
        why="The variables are written once, when a pod is created. After the annotation changes, running pods keep "
        "the old role.",
        detection="``AWS_ROLE_ARN`` of a container is another ARN than the account's annotation, or the pod still has "
        "the variables of an EKS Pod Identity association that was deleted.",
        fix="Restart the pods' owners with ``eksops.irsa.pod_rollout``.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "skip-containers": Explanation(
        title="The annotation skip-containers has an unintended effect",
        why="``eks.amazonaws.com/skip-containers`` on a pod lists containers that get no variables. On a service "
        "account or a workload nothing reads it, and a list that is not a line of CSV counts as empty.",
        detection="The annotation is on the account or on a workload itself, can't be parsed, names no container of "
        "the pod, or names them all. Excluding one of several containers is not a finding.",
        fix="Write the containers' names, with commas and without blanks, into the annotations of the pod template; or "
        "remove the annotation.",
        references=(_WEBHOOK,),
    ),
    "env-preset": Explanation(
        title="The container sets one of the variables itself",
        why="If a container sets ``AWS_ROLE_ARN`` or ``AWS_WEB_IDENTITY_TOKEN_FILE``, the webhook injects neither: the "
        "container is left with half an environment, or with a token of another audience.",
        detection="A container sets one of the two variables itself, and the result doesn't work: the other one is "
        "missing, the role is another, or the token has another audience or isn't mounted. A complete environment of "
        "its own is not a finding.",
        fix="Remove it from the template; the webhook sets both.",
        references=(_WEBHOOK,),
    ),
    "injected-sidecar": Explanation(
        title="A sidecar was added after the webhook ran",
        why="Webhooks run one after another. A container that a later one adds is invisible to the pod identity "
        "webhook, unless it is called again.",
        detection="A container has no variables while the webhook injected others of the same pod.",
        fix="Set ``reinvocationPolicy: IfNeeded`` in the webhook's configuration, then restart the pods with "
        "``eksops.irsa.pod_rollout``.",
        references=(
            f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy",
        ),
    ),
    "static-pod": Explanation(
        title="Static pods can't have a role",
        why="The kubelet starts static pods from files of the node. What the API server shows is a mirror; no webhook "
        "and no service account token reaches them.",
        detection="The pod has the annotation ``kubernetes.io/config.mirror``.",
        fix="Run it as a DaemonSet.",
        references=(f"{_KUBERNETES}/tasks/configure-pod-container/static-pod/",),
    ),
    "static-credentials": Explanation(
        title="Other credentials come first",
        why="SDKs look for ``AWS_ACCESS_KEY_ID`` and a profile before they look for the web identity token. What they "
        "find first is used.",
        detection="A container has such a variable in ``env``, or its ``envFrom`` names an object with such a key. "
        "Values are not read.",
        fix="Remove the variables, and the key from the Secret or ConfigMap; then delete the access key.",
        references=(_CHAIN_OF_SDKS,),
    ),
    "token-unreadable": Explanation(
        title="The container's user can't read the token",
        why="Before Kubernetes 1.19 the token's file belonged to root alone. Since then it belongs to the container's "
        "user, if all containers of the pod run as the same one.",
        detection="A container runs as another user than root, the pod has no ``fsGroup``, and the API server is older "
        "than 1.19.",
        fix="Set ``securityContext.fsGroup`` in the pod template, 65534 for instance.",
        references=(f"{_KUBERNETES}/reference/access-authn-authz/service-accounts-admin/", f"{_WEBHOOK}/issues/8"),
    ),
    "windows-path": Explanation(
        title="A Windows pod has the token's Linux path",
        why="The webhook writes a Windows path only if the pod's ``nodeSelector`` says that it is a Windows pod. It "
        "ignores taints and affinities.",
        detection="The pod's ``os``, security context or affinity is for Windows, and has no ``nodeSelector`` with "
        "``kubernetes.io/os: windows``.",
        fix="Add the ``nodeSelector`` to the pod template.",
        references=(f"{_WEBHOOK}#usage-with-windows-container-workloads",),
    ),
    "region-unset": Explanation(
        title="In a China region, no region is set",
        why="Without a region SDKs turn to the global STS endpoint, which is of another partition and knows neither "
        "the provider nor the role.",
        detection="The cluster is in ``aws-cn``, and a container has neither ``AWS_REGION`` nor "
        "``AWS_DEFAULT_REGION``.",
        fix="Set ``AWS_DEFAULT_REGION`` in the pod template.",
        references=(f"{_EKS}/configure-sts-endpoint.html",),
    ),
    "token-expired": Explanation(
        title="The application uses an old token",
        why="The kubelet replaces the token in its file long before it expires. An application that reads it only "
        "once, or copies it, ends up with an expired token.",
        detection="The test pod's log shows it, or STS rejects a fresh token as expired: then the API server's clock "
        "is wrong.",
        fix="Have the application read the file each time, which the SDKs' own provider does; upgrade it if it does "
        "not.",
        references=(f"{_EKS}/pod-configuration.html",),
    ),
    "sdk-too-old": Explanation(
        title="The application's SDK doesn't support web identities",
        why="An SDK from before September 2019 ignores the variables and uses the node's role. Java also needs the "
        "``sts`` module.",
        detection="The test pod has the variables, and its log names an SDK that is too old.",
        fix="Upgrade: boto3 1.9.220, botocore 1.12.200, AWS CLI 1.16.232, Go 1.23.13, Java 2.10.11, JavaScript 2.525.0 "
        "and 3.27.0 are the first that support them.",
        references=(f"{_EKS}/iam-roles-for-service-accounts-minimum-sdk.html",),
    ),
    "imds-fallback": Explanation(
        title="The pod uses the node's role",
        why="SDKs that find no other credentials ask the node's metadata service, and get the node's role. That hides "
        "the actual problem, and gives the pod permissions that it should not have.",
        detection="The caller in the test pod's answer is not the account's role, and no other finding explains it.",
        fix="Fix the other findings. Then block pods from the metadata service with a hop limit of 1 on the nodes.",
        references=("https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",),
    ),
    "propagation": Explanation(
        title="The change hadn't reached STS yet",
        why="IAM's changes reach STS after 2 to 30 seconds, seldom after up to two minutes.",
        detection="STS refused the account's token at first and accepted it later, with nothing changed in between.",
        fix="Nothing. Where a job continues too early, run ``eksops.irsa.irsa_verify`` first, which waits.",
        references=(f"{_IAM}/troubleshoot.html#troubleshoot_general_eventual-consistency",),
    ),
    "denied-elsewhere": Explanation(
        title="A policy outside of the role denies it",
        why="A service control policy or a resource control policy of the organisation, or a condition on where the "
        "request comes from, can deny what the trust policy allows. STS gives the same answer.",
        detection="The trust policy allows the request, but STS refuses the account's token, also after "
        "``propagation_timeout``.",
        fix="Ask the organisation's administrator for the policies on ``sts:AssumeRoleWithWebIdentity`` that apply to "
        "the role's account. CloudTrail has the event, with the role and the subject.",
        references=(
            f"{_IAM}/reference_policies_evaluation-logic.html",
            "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",
        ),
    ),
    "denied-unexplained": Explanation(
        title="STS refuses, and IAM can't be asked why",
        why="STS doesn't say which condition failed. The trust policy shows it, but the credentials in use may not "
        "read the role, or are of another account than the role.",
        detection="STS refuses the account's token, and the role or its provider could not be read.",
        fix="Run the verification with credentials of the role's account that may ``iam:GetRole`` and "
        "``iam:GetOpenIDConnectProvider``, and give the role's ARN in ``role_arn``.",
        references=(f"{_EKS}/cross-account-access.html",),
    ),
    "sts-region-disabled": Explanation(
        title="STS is deactivated in the region",
        why="Pods ask the STS endpoint of their region. An account's administrator can deactivate it, and in opt-in "
        "regions it follows the region.",
        detection="The regional endpoint of STS answers ``RegionDisabledException``; or, in an opt-in region, that "
        "there is no provider where IAM has one.",
        fix="Activate STS for the region, in IAM's account settings of the role's account.",
        references=(f"{_IAM}/id_credentials_temp_enable-regions.html", f"{_EKS}/configure-sts-endpoint.html"),
    ),
}
