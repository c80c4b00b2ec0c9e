# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How IRSA breaks: everything that `irsa_verify` and `irsa_audit` tell apart.

The one list of it. The findings of the code take link and severity from here, and the troubleshooting guide is made
from the same entries by ``tools/docs/troubleshooting.py``.

Texts are plain English with names of things between double backquotes, as in reStructuredText. What AWS, Kubernetes
and the SDKs say is quoted word for word, with the names and numbers of AWS's documentation in place of real ones.
"""

from __future__ import annotations

import dataclasses
import typing as t

Link = t.Literal["provider", "role", "account", "webhook", "pods", "sts"]
Severity = t.Literal["error", "warning", "note"]
# The links in the order of the chain, which is the order of findings.
LINKS: tuple[Link, ...] = ("provider", "role", "account", "webhook", "pods", "sts")


@dataclasses.dataclass(frozen=True)
class Cause:
    """One way in which the chain breaks.

    :param id: public API.
    :param link: where in the chain it is.
    :param severity: ``warning`` for what works, or may work, but shouldn't stay so; ``note`` for what is worth knowing.
    :param title: what is wrong, in a few words.
    :param says: what AWS, Kubernetes or the pod's log says, word for word, as people search for it.
    :param why: how it comes about, and why it breaks the chain.
    :param detected: by what it is told.
    :param fix: what to do about it in general; a finding says it of its own objects.
    :param by_hand: shell commands that show it, with the variables that the guide sets at its beginning.
    :param see: where AWS or Kubernetes documents the rule behind it.
    :param audit: whether only a look at the whole cluster shows it, `irsa_audit`'s.
    """

    id: str
    link: Link
    severity: Severity
    title: str
    says: tuple[str, ...]
    why: str
    detected: str
    fix: str
    by_hand: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    audit: bool = False


_EKS = "https://docs.aws.amazon.com/eks/latest/userguide"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
_STS = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"
_WEBHOOK = "https://github.com/aws/amazon-eks-pod-identity-webhook"
_KUBERNETES = "https://kubernetes.io/docs"
_OPERATORS = f"{_IAM}/reference_policies_elements_condition_operators.html"
_WEB_IDENTITY_KEYS = f"{_IAM}/reference_policies_iam-condition-keys.html#condition-keys-wif"
_CHAIN_OF_SDKS = "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html"

# One answer of STS as the SDKs pass it on. It never says which part of the role or of its trust policy is to blame.
_NOT_AUTHORIZED = (
    "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: "
    "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    "WebIdentityErr: failed to retrieve credentials caused by: AccessDenied: "
    "Not authorized to perform sts:AssumeRoleWithWebIdentity status code: 403",
    "operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, "
    "api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
    "software.amazon.awssdk.services.sts.model.StsException: "
    "Not authorized to perform sts:AssumeRoleWithWebIdentity (Service: Sts, Status Code: 403",
    "Amazon.SecurityToken.AmazonSecurityTokenServiceException: Not authorized to perform sts:AssumeRoleWithWebIdentity",
)
_NO_PROVIDER = (
    "No OpenIDConnect provider found in your account for https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE",
    "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: "
    "No OpenIDConnect provider found in your account for https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE",
    "WebIdentityErr: failed to retrieve credentials caused by: InvalidIdentityToken: No OpenIDConnect provider found "
    "in your account for https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE status code: 400",
    "InvalidIdentityTokenException: No OpenIDConnect provider found in your account for "
    "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE",
)
_AUDIENCE = (
    "Incorrect token audience",
    "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: "
    "Incorrect token audience",
)
# What a container without the variables gets: the node's role, or nothing where the node's metadata can't be reached.
_NODE_ROLE = (
    "User: arn:aws:sts::111122223333:assumed-role/NodeInstanceRole/i-1234567890abcdef0 is not authorized to perform",
    'Unable to locate credentials. You can configure credentials by running "aws configure".',
    "NoCredentialProviders: no valid providers in chain. Deprecated.",
    "failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata",
    "Unable to load credentials from any of the providers in the chain AwsCredentialsProviderChain",
    "CredentialsProviderError: Could not load credentials from any providers",
)

_SHOW_PROVIDER = 'aws iam get-open-id-connect-provider --open-id-connect-provider-arn "$PROVIDER_ARN"'
_LIST_PROVIDERS = "aws iam list-open-id-connect-providers --output text | grep -i oidc.eks"
_GET_ROLE = 'aws iam get-role --role-name "$ROLE" --query'
_SHOW_TRUST = f"{_GET_ROLE} Role.AssumeRolePolicyDocument"
_SHOW_CONDITIONS = f"{_GET_ROLE} 'Role.AssumeRolePolicyDocument.Statement[].Condition'"
_SHOW_ACCOUNT = 'kubectl -n "$NAMESPACE" get serviceaccount "$ACCOUNT" -o yaml'
_SHOW_WEBHOOK = "kubectl get mutatingwebhookconfiguration pod-identity-webhook -o yaml"
_SHOW_ENVIRONMENT = (
    'kubectl -n "$NAMESPACE" get pod "$POD" '
    '-o jsonpath=\'{range .spec.containers[*]}{.name}{": "}{.env[*].name}{"\\n"}{end}\''
)


CAUSES: tuple[Cause, ...] = (
    Cause(
        id="provider-missing",
        link="provider",
        severity="error",
        title="IAM doesn't know the cluster's OIDC issuer",
        says=_NO_PROVIDER,
        why="Each EKS cluster signs its tokens with an issuer of its own. STS accepts them only if the account of the "
        "role has an OIDC provider with exactly that URL, and EKS doesn't create it.",
        detected="``GetOpenIDConnectProvider`` for the provider's ARN, made of the role's account and the cluster's "
        "issuer, answers ``NoSuchEntity``, and no provider of the account is like it.",
        fix="Create the provider with ``eksops.irsa.iam_oidc_provider``; with ``cluster_name`` it takes the issuer "
        "from the cluster. The role ``eksops.irsa.irsa`` does it as its first step.",
        by_hand=('aws eks describe-cluster --name "$CLUSTER" --query cluster.identity.oidc.issuer', _LIST_PROVIDERS),
        see=(f"{_EKS}/enable-iam-roles-for-service-accounts.html",),
    ),
    Cause(
        id="provider-wrong-account",
        link="provider",
        severity="error",
        title="The provider is in the cluster's account, the role in another",
        says=_NO_PROVIDER,
        why="STS looks for the provider in the account of the role that is assumed. A role in another account than the "
        "cluster's needs the cluster's issuer as a provider there.",
        detected="The role's account differs from the cluster's, and has no provider for the cluster's issuer.",
        fix="Create the provider in the role's account: ``eksops.irsa.iam_oidc_provider`` with that account's "
        "credentials and ``url``. Or give the service account a role of the cluster's account.",
        by_hand=("aws sts get-caller-identity --query Account", _SHOW_PROVIDER),
        see=(f"{_EKS}/cross-account-access.html",),
    ),
    Cause(
        id="provider-url-drift",
        link="provider",
        severity="error",
        title="A provider's URL is almost the issuer",
        says=_NO_PROVIDER,
        why="The URL of a provider is compared with the token's ``iss`` as text. A slash at the end, another case or "
        "the wrong region makes it another provider, and the URL of a provider can't be changed.",
        detected="The provider for the issuer is missing, and the ARN of another one differs from it by nothing but a "
        "slash, case or the region.",
        fix="Create a provider with the issuer as ``aws eks describe-cluster`` prints it, with "
        "``eksops.irsa.iam_oidc_provider``; then remove the other one, once no role trusts it.",
        by_hand=('aws eks describe-cluster --name "$CLUSTER" --query cluster.identity.oidc.issuer', _LIST_PROVIDERS),
        see=(f"{_IAM}/id_roles_providers_create_oidc.html",),
    ),
    Cause(
        id="cluster-recreated",
        link="provider",
        severity="error",
        title="The trust is in another cluster's issuer",
        says=_NO_PROVIDER + _NOT_AUTHORIZED,
        why="A cluster that is created again, even with the same name, gets a new issuer. Roles and providers that "
        "were made for the old one never match its tokens.",
        detected="The statement of the trust policy that comes nearest names an EKS issuer with another id than this "
        "cluster's.",
        fix="Create the provider of the new issuer and point the role at it: ``eksops.irsa.irsa_role`` with "
        "``cluster_name`` adds this cluster's statement and leaves the old one alone until you remove it.",
        by_hand=('aws eks describe-cluster --name "$CLUSTER" --query cluster.identity.oidc.issuer', _SHOW_TRUST),
        see=(f"{_EKS}/enable-iam-roles-for-service-accounts.html",),
    ),
    Cause(
        id="client-id-missing",
        link="provider",
        severity="error",
        title="The provider doesn't accept the token's audience",
        says=_AUDIENCE,
        why="A provider has a list of client ids. STS refuses a token whose ``aud`` isn't among them, before it looks "
        "at any role. On EKS the audience is ``sts.amazonaws.com``; providers that were made by hand often lack it.",
        detected="The audience of the account's tokens is not in the provider's ``ClientIDList``.",
        fix="Add it: ``eksops.irsa.iam_oidc_provider`` adds ``sts.amazonaws.com`` unless ``client_ids`` says "
        "otherwise, and keeps the others.",
        by_hand=(f"{_SHOW_PROVIDER} --query ClientIDList",),
        see=(f"{_EKS}/enable-iam-roles-for-service-accounts.html", _STS),
    ),
    Cause(
        id="cn-audience",
        link="provider",
        severity="error",
        title="The audience sts.amazonaws.com.cn is used",
        says=_AUDIENCE + _NOT_AUTHORIZED,
        why="In the China regions hostnames end in ``.cn``, but the audience doesn't: tokens are issued for "
        "``sts.amazonaws.com`` there too.",
        detected="Audiences don't agree, and ``sts.amazonaws.com.cn`` is one of them: the account's, a client id of "
        "the provider's, or what the trust policy wants.",
        fix="Replace it by ``sts.amazonaws.com``, in all three places.",
        by_hand=(f"{_SHOW_PROVIDER} --query ClientIDList", _SHOW_TRUST),
        see=("https://docs.amazonaws.cn/en_us/eks/latest/userguide/enable-iam-roles-for-service-accounts.html",),
    ),
    Cause(
        id="audience-annotation",
        link="provider",
        severity="error",
        title="The account asks for an audience that isn't accepted",
        says=_AUDIENCE + _NOT_AUTHORIZED,
        why="The annotation ``eks.amazonaws.com/audience`` on the service account changes what its tokens are issued "
        "for. The provider's client ids and the role's ``aud`` condition have to say the same.",
        detected="The annotation's value is not in the provider's ``ClientIDList``, or isn't what the trust policy "
        "wants as ``aud``.",
        fix="Remove the annotation, if nothing else needs it: ``eksops.irsa.sa_annotate`` without ``audience``. Or let "
        "all three agree: ``client_ids`` of ``eksops.irsa.iam_oidc_provider``, ``audiences`` of "
        "``eksops.irsa.irsa_role``, ``audience`` of ``eksops.irsa.sa_annotate``.",
        by_hand=(_SHOW_ACCOUNT, f"{_SHOW_PROVIDER} --query ClientIDList", _SHOW_TRUST),
        see=(_WEBHOOK,),
    ),
    Cause(
        id="thumbprint",
        link="provider",
        severity="error",
        title="The provider's thumbprint doesn't match",
        says=(
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: "
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            "WebIdentityErr: failed to retrieve credentials caused by: InvalidIdentityToken: "
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
        ),
        why="AWS compares thumbprints only for issuers whose certificate comes from an authority outside of its own "
        "library. For those, the list in IAM has to follow the issuer's certificate.",
        detected="STS answers so to a token of the account. Nothing that can be read tells it beforehand.",
        fix="Update the list: ``thumbprints`` of ``eksops.irsa.iam_oidc_provider``. For an issuer of EKS leave the "
        "option out.",
        by_hand=(f"{_SHOW_PROVIDER} --query ThumbprintList",),
        see=(
            f"{_IAM}/id_roles_providers_create_oidc_verify-thumbprint.html",
            "https://repost.aws/knowledge-center/eks-error-invalid-identity-token",
        ),
    ),
    Cause(
        id="jwks-unreachable",
        link="provider",
        severity="error",
        title="STS can't read the issuer's keys",
        says=(
            "Couldn't retrieve verification key from your identity provider, "
            "please reference AssumeRoleWithWebIdentity documentation for requirements",
            "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: "
            "Couldn't retrieve verification key from your identity provider, "
            "please reference AssumeRoleWithWebIdentity documentation for requirements",
            "An error occurred (IDPCommunicationError) when calling the AssumeRoleWithWebIdentity operation",
        ),
        why="STS fetches the keys from the issuer's ``jwks_uri``. Now and then the connection fails, and SDKs don't "
        "always try again. If it always fails, the issuer isn't public, or has no such key.",
        detected="STS answers so to a token of the account, after a few attempts.",
        fix="If it comes and goes, try again with a growing pause. If it stays, look whether the issuer's "
        "``/.well-known/openid-configuration`` and the ``jwks_uri`` in it answer from the internet: for a cluster that "
        "runs elsewhere than on EKS they have to be published by hand.",
        by_hand=('curl -fsS "$ISSUER/.well-known/openid-configuration"', 'curl -fsS "$ISSUER/keys"'),
        see=(_STS,),
    ),
    Cause(
        id="provider-orphaned",
        link="provider",
        severity="warning",
        title="A provider of a cluster that is gone",
        says=(),
        why="Deleting an EKS cluster leaves its OIDC provider in IAM, and the roles that trust it. Nobody can act as "
        "them by it any more, but they hide which roles are in use, and an account takes 100 providers unless the "
        "quota is raised.",
        detected="The provider's URL is an EKS issuer of a region, and no cluster of the account in that region has "
        "it. A provider for a cluster of another account looks the same, which is why it is a warning.",
        fix="See that the cluster is gone, and not another account's; then remove the provider with "
        "``eksops.irsa.iam_oidc_provider`` (``state: absent``), which names the roles that still trust it.",
        by_hand=(_LIST_PROVIDERS, "aws eks list-clusters"),
        see=(f"{_EKS}/delete-cluster.html",),
        audit=True,
    ),
    Cause(
        id="role-missing",
        link="role",
        severity="error",
        title="The role doesn't exist",
        says=_NOT_AUTHORIZED,
        why="The annotation names a role that was never created, was deleted, or is spelled otherwise. STS doesn't say "
        "whether a role exists, so it looks like a lack of permission.",
        detected="``GetRole`` answers ``NoSuchEntity`` for the name at the end of the ARN.",
        fix="Create it with ``eksops.irsa.irsa_role``, or correct the annotation with ``eksops.irsa.sa_annotate``.",
        by_hand=('aws iam get-role --role-name "$ROLE"',),
        see=(f"{_EKS}/associate-service-account-role.html",),
    ),
    Cause(
        id="role-path-dropped",
        link="role",
        severity="error",
        title="The annotation lacks the role's path, or has another",
        says=_NOT_AUTHORIZED,
        why="A role with a path has it in its ARN: ``role/apps/shop-cart``. ``GetRole`` takes the name alone, so "
        "everything looks right; STS takes the whole ARN.",
        detected="The role that IAM finds by its name has another ARN than the annotation.",
        fix="Annotate with the ARN that IAM returns: ``role.arn`` of ``eksops.irsa.irsa_role``.",
        by_hand=(f"{_GET_ROLE} Role.Arn", 'echo "$ROLE_ARN"'),
        see=(f"{_IAM}/reference_identifiers.html#identifiers-arns",),
    ),
    Cause(
        id="arn-malformed",
        link="role",
        severity="error",
        title="The annotation isn't a role's ARN",
        says=(
            "Request ARN is invalid",
            "An error occurred (ValidationError) when calling the AssumeRoleWithWebIdentity operation: "
            "Request ARN is invalid",
            "failed to satisfy constraint: Member must have length greater than or equal to 20",
        ),
        why="The webhook passes on what it finds, be it a bare role name, an ARN with quotes or blanks around it, or "
        "one with a colon too many.",
        detected="The value doesn't have the form ``arn:aws:iam::111122223333:role/name``.",
        fix="Write the ARN as IAM returns it, without quotes in the value. ``eksops.irsa.sa_annotate`` refuses any "
        "other.",
        by_hand=('echo "[$ROLE_ARN]"',),
        see=("https://repost.aws/knowledge-center/eks-troubleshoot-irsa-errors",),
    ),
    Cause(
        id="arn-wrong-account",
        link="role",
        severity="error",
        title="The annotation names another AWS account",
        says=_NOT_AUTHORIZED + _NO_PROVIDER,
        why="Manifests that are copied from one environment to the next keep the old account's number.",
        detected="The account in the annotation is not the cluster's, no such role was found there, and ``role_arn`` "
        "wasn't given to say that it is meant.",
        fix="Correct the annotation with ``eksops.irsa.sa_annotate``. If the other account is meant, give ``role_arn`` "
        "to ``eksops.irsa.irsa_verify``.",
        by_hand=("aws sts get-caller-identity --query Account", 'echo "$ROLE_ARN"'),
        see=(f"{_EKS}/cross-account-access.html",),
    ),
    Cause(
        id="arn-wrong-partition",
        link="role",
        severity="error",
        title="The annotation names another AWS partition",
        says=_NOT_AUTHORIZED + _NO_PROVIDER,
        why="ARNs begin with ``arn:aws:``, in the China regions with ``arn:aws-cn:``, in GovCloud with "
        "``arn:aws-us-gov:``. Roles can't be assumed across partitions.",
        detected="The partition in the annotation is not that of the cluster's ARN.",
        fix="Annotate with the ARN that IAM returns in the cluster's partition.",
        by_hand=('aws eks describe-cluster --name "$CLUSTER" --query cluster.arn', 'echo "$ROLE_ARN"'),
        see=(f"{_IAM}/reference_identifiers.html#identifiers-arns",),
    ),
    Cause(
        id="federated-mismatch",
        link="role",
        severity="error",
        title="The trust policy doesn't name the cluster's provider",
        says=_NOT_AUTHORIZED,
        why="A statement lets in only the providers that its ``Principal`` names as ``Federated``, by their whole ARN "
        "in the role's account.",
        detected="The statement that comes nearest names another federated principal than the cluster's provider in "
        "the role's account, or there is no statement for a provider.",
        fix="Have ``eksops.irsa.irsa_role`` write the statement: with ``cluster_name`` or ``issuer`` and "
        "``service_accounts`` it merges this provider's and keeps all others.",
        by_hand=(_SHOW_TRUST, 'echo "$PROVIDER_ARN"'),
        see=(f"{_IAM}/reference_policies_elements_principal.html#principal-federated-web-identity",),
    ),
    Cause(
        id="wrong-action",
        link="role",
        severity="error",
        title="The trust policy allows another action",
        says=_NOT_AUTHORIZED,
        why="``sts:AssumeRole`` is another action than ``sts:AssumeRoleWithWebIdentity``, and doesn't include it.",
        detected="The statement for the provider has no action that matches ``sts:AssumeRoleWithWebIdentity``, without "
        "regard to case and with wildcards.",
        fix="Replace the action; ``eksops.irsa.irsa_role`` writes it right.",
        by_hand=(_SHOW_TRUST,),
        see=(f"{_EKS}/associate-service-account-role.html",),
    ),
    Cause(
        id="condition-key",
        link="role",
        severity="error",
        title="A condition's key isn't the issuer's",
        says=_NOT_AUTHORIZED,
        why="Keys are the issuer without ``https://``, then ``:sub`` or ``:aud``. With the scheme, a slash at the end "
        "or another cluster's id, the request has no such key, and a condition on it fails.",
        detected="A condition's key ends in ``:sub`` or ``:aud`` but doesn't begin with this issuer.",
        fix="Rewrite the key; ``eksops.irsa.irsa_role`` writes it from the cluster's issuer.",
        by_hand=('echo "${ISSUER#https://}:sub"', _SHOW_CONDITIONS),
        see=(_WEB_IDENTITY_KEYS,),
    ),
    Cause(
        id="condition-swapped",
        link="role",
        severity="error",
        title="The conditions on sub and aud are swapped",
        says=_NOT_AUTHORIZED,
        why="``:sub`` is the service account, ``system:serviceaccount:namespace:name``; ``:aud`` is "
        "``sts.amazonaws.com``. In the console's form they are easily taken for each other.",
        detected="A value that begins with ``system:serviceaccount:`` stands under ``:aud``, or an audience under "
        "``:sub``.",
        fix="Swap the keys; ``eksops.irsa.irsa_role`` writes both.",
        by_hand=(_SHOW_CONDITIONS,),
        see=(_WEB_IDENTITY_KEYS,),
    ),
    Cause(
        id="condition-unavailable",
        link="role",
        severity="error",
        title="A condition asks for what the request doesn't have",
        says=_NOT_AUTHORIZED,
        why="Of a web identity token, only ``aud``, ``sub``, ``amr``, ``email`` and ``oaud`` become condition keys. "
        "The caller is nobody yet, so there is no ``aws:PrincipalArn`` or ``aws:PrincipalTag`` either. A condition on "
        "an absent key fails, unless its operator is negated or ends in ``IfExists``.",
        detected="A failing condition's key is not among those that STS provides for this call.",
        fix="Remove the condition, or put it into the role's permissions, where the principal's keys exist.",
        by_hand=(_SHOW_CONDITIONS,),
        see=(_WEB_IDENTITY_KEYS,),
    ),
    Cause(
        id="sub-mismatch",
        link="role",
        severity="error",
        title="The trust policy is for another service account",
        says=_NOT_AUTHORIZED,
        why="The condition on ``:sub`` has to be the account's namespace and name, to the letter: case counts, and a "
        "chart's release name often becomes part of the account's.",
        detected="``:sub`` in the trust policy isn't ``system:serviceaccount:{namespace}:{name}`` of this account. The "
        "finding says which part differs.",
        fix="Add the account to the role: ``service_accounts`` of ``eksops.irsa.irsa_role``.",
        by_hand=(
            'echo "system:serviceaccount:$NAMESPACE:$ACCOUNT"',
            _SHOW_CONDITIONS,
        ),
        see=(f"{_EKS}/associate-service-account-role.html",),
    ),
    Cause(
        id="sub-wildcard-equals",
        link="role",
        severity="error",
        title="A wildcard stands under StringEquals",
        says=_NOT_AUTHORIZED,
        why="``StringEquals`` takes ``*`` and ``?`` as these characters. Only ``StringLike`` takes them as wildcards.",
        detected="The value would match this account as a pattern, but its operator compares it as text.",
        fix="Move the value under ``StringLike``, as ``eksops.irsa.irsa_role`` does with ``allow_wildcards``. Better: "
        "name the accounts.",
        by_hand=(_SHOW_CONDITIONS,),
        see=(_OPERATORS,),
    ),
    Cause(
        id="operators-anded",
        link="role",
        severity="error",
        title="Two operators on one key contradict each other",
        says=_NOT_AUTHORIZED,
        why="All operators of a statement have to hold. ``StringEquals`` for one account and ``StringLike`` for others "
        "don't add up: both are wanted of the same ``sub``.",
        detected="One operator's condition on the key holds, another's on the same key doesn't.",
        fix="Keep one of them, with a list of values, or write two statements.",
        by_hand=(_SHOW_CONDITIONS,),
        see=(f"{_IAM}/reference_policies_condition-logic-multiple-context-keys-or-values.html",),
    ),
    Cause(
        id="aud-mismatch",
        link="role",
        severity="error",
        title="The trust policy wants another audience",
        says=_NOT_AUTHORIZED,
        why="The condition on ``:aud`` has to be what the account's tokens are issued for: ``sts.amazonaws.com``, or "
        "the account's audience annotation.",
        detected="The condition on ``:aud`` is the one that fails, and the account's tokens are issued for "
        "``sts.amazonaws.com``.",
        fix="Align it: ``audiences`` of ``eksops.irsa.irsa_role``.",
        by_hand=(_SHOW_CONDITIONS,),
        see=(_WEB_IDENTITY_KEYS,),
    ),
    Cause(
        id="explicit-deny",
        link="role",
        severity="error",
        title="A Deny statement of the trust policy applies",
        says=_NOT_AUTHORIZED,
        why="A ``Deny`` that matches wins over every ``Allow``.",
        detected="A statement with ``Effect: Deny`` matches the provider, the action and the conditions of this "
        "account's request. The finding names it.",
        fix="Remove the statement, or narrow it so that it spares this account.",
        by_hand=(f"{_GET_ROLE} 'Role.AssumeRolePolicyDocument.Statement[?Effect==`Deny`]'",),
        see=(f"{_IAM}/reference_policies_evaluation-logic.html",),
    ),
    Cause(
        id="trust-too-broad",
        link="role",
        severity="warning",
        title="More service accounts than meant can act as the role",
        says=(),
        why="Without a condition on ``:sub``, or with a bare ``*``, every service account of the cluster can assume "
        "the role. ``ForAllValues`` holds even where the key is absent.",
        detected="A statement that allows the provider has no condition on ``:sub``, has only wildcards there, or "
        "depends on ``ForAllValues``.",
        fix="Name the accounts: ``service_accounts`` of ``eksops.irsa.irsa_role``.",
        by_hand=(_SHOW_CONDITIONS,),
        see=(f"{_EKS}/associate-service-account-role.html", _OPERATORS),
    ),
    Cause(
        id="trust-too-long",
        link="role",
        severity="error",
        title="The trust policy is larger than IAM takes",
        says=(
            "Cannot exceed quota for ACLSizePerRole: 2048",
            "An error occurred (LimitExceeded) when calling the UpdateAssumeRolePolicy operation: "
            "Cannot exceed quota for ACLSizePerRole: 2048",
            "LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048 status code: 409",
        ),
        why="A trust policy has at most 2048 characters, blanks not counted; AWS raises it to 4096 on demand. A "
        "statement for each of many accounts is soon too much.",
        detected="The document's length without blanks, as it is or with the statement that is missing in it, is over "
        "the account's ``AssumeRolePolicySizeQuota``.",
        fix="Put the accounts into one statement with a list, as ``eksops.irsa.irsa_role`` does; or use several roles; "
        "or have the quota raised.",
        by_hand=(
            f"{_SHOW_TRUST} --output json | tr -d ' \\n' | wc -c",
            "aws iam get-account-summary --query SummaryMap.AssumeRolePolicySizeQuota",
        ),
        see=(f"{_IAM}/reference_iam-quotas.html",),
    ),
    Cause(
        id="no-permissions",
        link="role",
        severity="warning",
        title="The role is assumed, but allows nothing",
        says=(
            "User: arn:aws:sts::111122223333:assumed-role/shop-cart/botocore-session-1700000000 is not authorized to "
            "perform: s3:ListBucket because no identity-based policy allows the s3:ListBucket action",
            "User: arn:aws:sts::111122223333:assumed-role/shop-cart/botocore-session-1700000000 is not authorized to "
            "perform: s3:ListBucket because no permissions boundary allows the s3:ListBucket action",
        ),
        why="IRSA works, as the role's name in the message shows. What is missing are policies on the role, or its "
        "permissions boundary takes them all away.",
        detected="The role has no policies, or only inline ones that allow nothing; or its boundary allows nothing.",
        fix="Attach policies: ``managed_policies`` and ``inline_policies`` of ``eksops.irsa.irsa_role``; or widen the "
        "boundary.",
        by_hand=(
            'aws iam list-attached-role-policies --role-name "$ROLE"',
            'aws iam list-role-policies --role-name "$ROLE"',
            f"{_GET_ROLE} Role.PermissionsBoundary",
        ),
        see=(f"{_IAM}/access_policies_boundaries.html",),
    ),
    Cause(
        id="chained-role-stale",
        link="role",
        severity="warning",
        title="A trust policy names a role or user that was deleted",
        says=(
            "User: arn:aws:sts::111122223333:assumed-role/shop-cart/botocore-session-1700000000 is not authorized to "
            "perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/reports",
            'MalformedPolicyDocument: Invalid principal in policy: "AWS":"AROAEXAMPLEID"',
        ),
        why="IAM stores a trusted role by its id. When that role is deleted, the id shows in place of the ARN, and a "
        "new role of the same name has another id: it isn't trusted.",
        detected="``Principal.AWS`` of a statement is an id, like ``AROAEXAMPLEID``, in place of an ARN.",
        fix="Write the role's ARN into the statement again, also if it looks the same.",
        by_hand=(f"{_GET_ROLE} 'Role.AssumeRolePolicyDocument.Statement[].Principal'",),
        see=(f"{_IAM}/reference_policies_elements_principal.html#principal-roles",),
    ),
    Cause(
        id="trusts-missing-account",
        link="role",
        severity="warning",
        title="A role trusts a service account that doesn't exist",
        says=(),
        why="A trust policy names its service accounts by namespace and name, whether they exist or not. Whoever may "
        "create an account of that name can act as the role.",
        detected="A statement that trusts the cluster's provider names a service account that the cluster hasn't got.",
        fix="Create the account if it is still to come. Else take it out of the trust policy: "
        "``eksops.irsa.irsa_role`` with the accounts that are left.",
        by_hand=(_SHOW_CONDITIONS, "kubectl get serviceaccounts --all-namespaces"),
        see=(f"{_EKS}/associate-service-account-role.html",),
        audit=True,
    ),
    Cause(
        id="trusts-unbound-account",
        link="role",
        severity="note",
        title="A role trusts a service account that doesn't use it",
        says=(),
        why="The account may act as the role, but its annotation names none or another one, so its pods don't. The "
        "trust is left over, or the annotation is still to come. A program can name the role itself, too.",
        detected="A statement that trusts the cluster's provider names a service account whose annotation "
        "``eks.amazonaws.com/role-arn`` is missing or names another role.",
        fix="Annotate the account with ``eksops.irsa.sa_annotate``, or take it out of the trust policy with "
        "``eksops.irsa.irsa_role``.",
        by_hand=(_SHOW_CONDITIONS, _SHOW_ACCOUNT),
        see=(f"{_EKS}/associate-service-account-role.html",),
        audit=True,
    ),
    Cause(
        id="role-shared",
        link="role",
        severity="note",
        title="Several service accounts share a role",
        says=(),
        why="Each of them has all the permissions that any of them needs, and CloudTrail tells their calls apart by "
        "the session's name at most.",
        detected="More than one service account of the cluster names the role.",
        fix="Give each its own role if they need different permissions. For replicas of one application it is in "
        "order: put ``role-shared`` into ``ignore``.",
        by_hand=(_SHOW_CONDITIONS,),
        see=("https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",),
        audit=True,
    ),
    Cause(
        id="role-unused",
        link="role",
        severity="warning",
        title="A role has not been used for a long time",
        says=(),
        why="A role that nobody uses is a way in that nobody watches. What was bound and never worked looks the same.",
        detected="``RoleLastUsed`` is older than ``unused_days``, or IAM has none and the role is older than that. IAM "
        "tracks use for 400 days.",
        fix="Remove the binding with ``eksops.irsa.irsa_bindings`` (``state: absent``) if nobody needs it; else see "
        "with ``eksops.irsa.irsa_verify`` whether it works.",
        by_hand=(f"{_GET_ROLE} Role.RoleLastUsed",),
        see=(f"{_IAM}/access_policies_last-accessed.html",),
        audit=True,
    ),
    Cause(
        id="policy-too-broad",
        link="role",
        severity="warning",
        title="A role may do everything, or give itself the right to",
        says=(),
        why="Whoever gets into a pod of the account gets the role. With ``*`` on ``*``, all actions of IAM or "
        "``AdministratorAccess`` that is the AWS account.",
        detected="A policy of the role allows every action, all but a few, or every action of IAM, on every resource "
        "and without a condition, and no permissions boundary bounds the role.",
        fix="Allow the actions and resources that the application uses, and set a ``permissions_boundary``: both are "
        "options of ``eksops.irsa.irsa_role``.",
        by_hand=(
            'aws iam list-attached-role-policies --role-name "$ROLE"',
            'aws iam list-role-policies --role-name "$ROLE"',
        ),
        see=(f"{_IAM}/best-practices.html#grant-least-privilege",),
        audit=True,
    ),
    Cause(
        id="account-missing",
        link="account",
        severity="error",
        title="The service account doesn't exist",
        says=(
            'pods "cart-" is forbidden: error looking up service account shop/cart: serviceaccount "cart" not found',
            'Error creating: pods "cart-" is forbidden: error looking up service account shop/cart: '
            'serviceaccount "cart" not found',
        ),
        why="Pods that name it can't be created. Namespace and name are often mixed up with the chart's release name.",
        detected="The API server has no such service account in the namespace.",
        fix="Create it with ``eksops.irsa.sa_annotate``, which annotates it at once.",
        by_hand=('kubectl -n "$NAMESPACE" get serviceaccounts',),
        see=(f"{_KUBERNETES}/tasks/configure-pod-container/configure-service-account/",),
    ),
    Cause(
        id="annotation-missing",
        link="account",
        severity="error",
        title="The service account names no role",
        says=_NODE_ROLE,
        why="Without ``eks.amazonaws.com/role-arn`` on the service account the webhook leaves its pods alone. An "
        "annotation on the workload or its pods has no effect.",
        detected="The account has no such annotation, nor one that looks like it. If a dry run shows that the "
        "webhook's own configuration gives a role to the account's pods, that is said as well.",
        fix="Annotate the account with ``eksops.irsa.sa_annotate``, then restart its pods with "
        "``eksops.irsa.pod_rollout``.",
        by_hand=(_SHOW_ACCOUNT,),
        see=(f"{_EKS}/associate-service-account-role.html",),
    ),
    Cause(
        id="annotation-empty",
        link="account",
        severity="error",
        title="The annotation is empty",
        says=_NODE_ROLE,
        why="The webhook takes an empty value for none. Charts write one where a value was not set.",
        detected="``eks.amazonaws.com/role-arn`` is there, with nothing in it.",
        fix="Set the role with ``eksops.irsa.sa_annotate``, or in the chart's values if it manages the account.",
        by_hand=(_SHOW_ACCOUNT,),
        see=(_WEBHOOK,),
    ),
    Cause(
        id="annotation-typo",
        link="account",
        severity="error",
        title="The annotation is misspelled, on another object, or for another role",
        says=_NODE_ROLE,
        why="The webhook reads exactly ``eks.amazonaws.com/role-arn``, and only on the service account. "
        "``eks.amazon.com/role-arn`` or ``iam.amazonaws.com/role`` is nothing to it.",
        detected="The account has a key that looks like one of the webhook's; or lacks the annotation while a "
        "workload, a pod or the namespace has it; or names another role than ``role_arn`` of "
        "``eksops.irsa.irsa_verify``.",
        fix="Annotate the account with ``eksops.irsa.sa_annotate`` and remove the other annotation.",
        by_hand=(_SHOW_ACCOUNT,),
        see=(_WEBHOOK,),
    ),
    Cause(
        id="pod-identity-wins",
        link="account",
        severity="warning",
        title="An EKS Pod Identity association takes precedence",
        says=("arn:aws:sts::111122223333:assumed-role/other-role/eks-production-cart-7f9c8d6b5-x2x4x-",),
        why="Pods of an account with an EKS Pod Identity association get that role, and the annotation is ignored. The "
        "caller's session name then begins with ``eks-`` and the cluster's name.",
        detected="``ListPodIdentityAssociations`` has one for this namespace and account, or a pod of a dry run comes "
        "back with its variables.",
        fix="Keep one of the two: delete the association, or remove the annotation with ``eksops.irsa.sa_annotate`` "
        "and ``state: absent``.",
        by_hand=(
            'aws eks list-pod-identity-associations --cluster-name "$CLUSTER" --namespace "$NAMESPACE" '
            '--service-account "$ACCOUNT"',
        ),
        see=(f"{_EKS}/pod-identities.html",),
    ),
    Cause(
        id="addon-reverts",
        link="account",
        severity="warning",
        title="An EKS add-on sets the annotation to another role",
        says=(),
        why="An add-on that was given a role writes it into the annotation of its service account whenever it is "
        "updated.",
        detected="``DescribeAddon`` of the add-on whose account it is has another ``serviceAccountRoleArn`` than the "
        "annotation.",
        fix="Give the add-on the role: ``aws eks update-addon --service-account-role-arn``.",
        by_hand=(
            'aws eks list-addons --cluster-name "$CLUSTER"',
            'aws eks describe-addon --cluster-name "$CLUSTER" --addon-name vpc-cni --query addon.serviceAccountRoleArn',
        ),
        see=("https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateAddon.html",),
    ),
    Cause(
        id="owner-reverts",
        link="account",
        severity="warning",
        title="Another tool manages the annotation",
        says=('Apply failed with 1 conflict: conflict with "helm": .metadata.annotations.eks.amazonaws.com/role-arn',),
        why="Helm, Argo CD, Flux, eksctl or another tool that keeps objects as its source has them writes its own "
        "value again when it next runs. So does ``kubectl apply`` of an older manifest.",
        detected="``metadata.managedFields`` names such a tool as an owner of an annotation that others own too, or "
        "that names another role than ``role_arn``; or the manifest that was last applied has another role. One tool "
        "that owns the right role alone is no finding.",
        fix="Set the role where that tool takes it from: the chart's values, the manifest in the repository, the "
        "``iam.serviceAccounts`` of the cluster's configuration.",
        by_hand=(f"{_SHOW_ACCOUNT} --show-managed-fields",),
        see=(f"{_KUBERNETES}/reference/using-api/server-side-apply/#conflicts",),
    ),
    Cause(
        id="bound-by-hand",
        link="account",
        severity="note",
        title="The annotation was set by hand",
        says=(),
        why="Nothing keeps it as it is, and nothing says where it came from. In the next cluster it will be missing.",
        detected="The account's ``managedFields`` name neither this collection nor a tool that keeps objects as its "
        "source has them (Helm, Argo CD, Flux, eksctl, Terraform and others) as an owner of the annotation.",
        fix="Put the account into ``irsa_bindings`` and run ``eksops.irsa.irsa_bindings`` or the role "
        "``eksops.irsa.irsa``, once with ``force`` (``irsa_force``): the value stays as it is, and has an owner from "
        "then on.",
        by_hand=('kubectl -n "$NAMESPACE" get serviceaccount "$ACCOUNT" -o yaml --show-managed-fields',),
        see=(f"{_KUBERNETES}/reference/using-api/server-side-apply/",),
        audit=True,
    ),
    Cause(
        id="webhook-missing",
        link="webhook",
        severity="error",
        title="The pod identity webhook isn't installed",
        says=(
            "Error from server (NotFound): mutatingwebhookconfigurations.admissionregistration.k8s.io "
            '"pod-identity-webhook" not found',
            *_NODE_ROLE,
        ),
        why="The webhook gives pods the variables and the token. On EKS it is part of the control plane, but its "
        "configuration is an object like any other, and can be deleted.",
        detected="The cluster has no ``MutatingWebhookConfiguration`` of the pod identity webhook, or one without a "
        "rule for the creation of pods.",
        fix="On EKS apply the configuration of another cluster of the same version with this cluster's ``caBundle``, "
        "or ask AWS; elsewhere install the webhook from its repository. Then restart the pods with "
        "``eksops.irsa.pod_rollout``.",
        by_hand=(_SHOW_WEBHOOK,),
        see=(_WEBHOOK,),
    ),
    Cause(
        id="webhook-excluded",
        link="webhook",
        severity="error",
        title="The webhook's selectors leave the pods out",
        says=_NODE_ROLE,
        why="A pod with the label ``eks.amazonaws.com/skip-pod-identity-webhook`` is never mutated, nor is one that "
        "the ``objectSelector`` or ``namespaceSelector`` of the webhook doesn't choose.",
        detected="The selectors of the configuration, applied to the pods' and the namespace's labels as Kubernetes "
        "does, don't match.",
        fix="Remove the label from the pod template, or correct the selector.",
        by_hand=(
            'kubectl get namespace "$NAMESPACE" --show-labels',
            'kubectl -n "$NAMESPACE" get pods --show-labels',
            _SHOW_WEBHOOK,
        ),
        see=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/",),
    ),
    Cause(
        id="webhook-unreachable",
        link="webhook",
        severity="error",
        title="The API server can't reach the webhook",
        says=(
            'failed calling webhook "pod-identity-webhook.amazonaws.com": failed to call webhook: Post '
            '"https://pod-identity-webhook.kube-system.svc:443/mutate?timeout=10s": context deadline exceeded',
            "Failed calling webhook, failing open pod-identity-webhook.amazonaws.com",
            'failed calling webhook "iam-for-pods.amazonaws.com"',
            'Internal error occurred: failed calling webhook "pod-identity-webhook.amazonaws.com": failed to call '
            'webhook: Post "https://pod-identity-webhook.kube-system.svc:443/mutate?timeout=10s": '
            "dial tcp 10.100.0.10:443: connect: connection refused",
        ),
        why="With ``failurePolicy: Ignore``, the default, pods then start without the variables, and only the API "
        "server's log says so. With ``Fail`` no pod is created at all.",
        detected="A pod of the account that is created with a server-side dry run comes back without the variables, "
        "though the webhook should have matched it; or the creation is refused because the webhook can't be called.",
        fix="Bring the webhook back: its pods, its service, network policies and security groups on its port. Then "
        "restart the pods that came up bare with ``eksops.irsa.pod_rollout``.",
        by_hand=(
            'kubectl -n "$NAMESPACE" run irsa-check --image=busybox --dry-run=server -o yaml '
            '--overrides="{\\"spec\\":{\\"serviceAccountName\\":\\"$ACCOUNT\\"}}" | grep AWS_ROLE_ARN',
        ),
        see=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",),
    ),
    Cause(
        id="webhook-ca-stale",
        link="webhook",
        severity="error",
        title="The webhook's caBundle doesn't fit its certificate",
        says=(
            'failed calling webhook "pod-identity-webhook.amazonaws.com": Post '
            '"https://pod-identity-webhook.kube-system.svc:443/mutate?timeout=30s": '
            "x509: certificate signed by unknown authority",
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ),
        why="The API server trusts the webhook by the ``caBundle`` of its configuration. After a renewal, or when the "
        "configuration was copied from another cluster, they no longer fit; pods start bare, without an event.",
        detected="The ``caBundle`` is empty, holds no certificate, has expired or lacks the authority that signed the "
        "webhook's certificate, as far as that can be read; or a refused dry run says so.",
        fix="Put the authority of the serving certificate into ``webhooks[].clientConfig.caBundle``; cert-manager's "
        "injector does it by itself.",
        by_hand=(
            "kubectl get mutatingwebhookconfiguration pod-identity-webhook "
            "-o jsonpath='{.webhooks[0].clientConfig.caBundle}' | base64 -d | openssl x509 -noout -subject -enddate",
        ),
        see=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#contacting-the-webhook",),
    ),
    Cause(
        id="pod-other-account",
        link="pods",
        severity="error",
        title="The workload uses another service account",
        says=_NODE_ROLE,
        why="A pod without ``serviceAccountName`` has the account ``default``. The annotated account then does nothing "
        "for it.",
        detected="A pod that the label selectors choose names another account.",
        fix="Set ``serviceAccountName`` in the workload's pod template.",
        by_hand=(
            'kubectl -n "$NAMESPACE" get pods -o custom-columns=POD:.metadata.name,ACCOUNT:.spec.serviceAccountName',
        ),
        see=(f"{_EKS}/pod-configuration.html",),
    ),
    Cause(
        id="pod-predates-annotation",
        link="pods",
        severity="error",
        title="The pods are older than the annotation",
        says=_NODE_ROLE,
        why="The webhook acts only when a pod is created. Annotating the account changes nothing for pods that run.",
        detected="A container that the webhook should have touched has neither ``AWS_ROLE_ARN`` nor "
        "``AWS_WEB_IDENTITY_TOKEN_FILE``, or the pod's token has another audience than the account asks for by now.",
        fix="Restart the pods' owners with ``eksops.irsa.pod_rollout``; it leaves pods alone that have the role "
        "already.",
        by_hand=(_SHOW_ENVIRONMENT,),
        see=(f"{_EKS}/pod-configuration.html",),
    ),
    Cause(
        id="pod-stale-role",
        link="pods",
        severity="error",
        title="The pods have the account's former role",
        says=("User: arn:aws:sts::111122223333:assumed-role/former-role/ is not authorized to perform",),
        why="The variables are written once, when a pod is created. After the annotation changes, running pods keep "
        "the old role.",
        detected="``AWS_ROLE_ARN`` of a container is another ARN than the account's annotation, or the pod still has "
        "the variables of an EKS Pod Identity association that is gone.",
        fix="Restart the pods' owners with ``eksops.irsa.pod_rollout``.",
        by_hand=('kubectl -n "$NAMESPACE" get pod "$POD" -o yaml | grep -A1 AWS_ROLE_ARN', 'echo "$ROLE_ARN"'),
        see=(f"{_EKS}/pod-configuration.html",),
    ),
    Cause(
        id="skip-containers",
        link="pods",
        severity="warning",
        title="The annotation skip-containers does otherwise than it seems",
        says=(),
        why="``eks.amazonaws.com/skip-containers`` on a pod lists containers that get no variables. On a service "
        "account or a workload nothing reads it, and a list that is no line of CSV counts as none.",
        detected="The annotation is on the account or on a workload itself, can't be parsed, names no container of "
        "the pod, or names them all. To take out one of several is no finding.",
        fix="Write the containers' names, with commas and without blanks, into the annotations of the pod template; "
        "or remove the annotation.",
        by_hand=('kubectl -n "$NAMESPACE" get pod "$POD" -o yaml | grep skip-containers',),
        see=(_WEBHOOK,),
    ),
    Cause(
        id="env-preset",
        link="pods",
        severity="error",
        title="The container sets one of the variables itself",
        says=(
            "WebIdentityErr: role ARN is not set",
            "Missing a required claim: aud",
            *_NODE_ROLE,
        ),
        why="If a container sets ``AWS_ROLE_ARN`` or ``AWS_WEB_IDENTITY_TOKEN_FILE``, the webhook injects neither: it "
        "is left with half an environment, or with a token of another audience.",
        detected="A container sets one of the two variables itself, and what it has is no use: the other one is "
        "missing, the role is another, or the token has another audience or isn't mounted. A whole environment of "
        "one's own is no finding.",
        fix="Remove it from the template; the webhook sets both.",
        by_hand=(_SHOW_ENVIRONMENT,),
        see=(_WEBHOOK,),
    ),
    Cause(
        id="injected-sidecar",
        link="pods",
        severity="warning",
        title="A sidecar was added after the webhook ran",
        says=_NODE_ROLE,
        why="Webhooks run one after another. A container that a later one adds is not seen by the pod identity "
        "webhook, unless it is called again.",
        detected="A container has no variables beside others that the webhook gave them to.",
        fix="Set ``reinvocationPolicy: IfNeeded`` in the webhook's configuration, then restart the pods with "
        "``eksops.irsa.pod_rollout``.",
        by_hand=(_SHOW_ENVIRONMENT,),
        see=(f"{_KUBERNETES}/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy",),
    ),
    Cause(
        id="static-pod",
        link="pods",
        severity="error",
        title="Static pods can't have a role",
        says=_NODE_ROLE,
        why="The kubelet starts static pods from files of the node. What the API server shows is a mirror; no webhook "
        "and no service account token reaches them.",
        detected="The pod has the annotation ``kubernetes.io/config.mirror``.",
        fix="Run it as a DaemonSet.",
        by_hand=('kubectl -n "$NAMESPACE" get pod "$POD" -o yaml | grep config.mirror',),
        see=(f"{_KUBERNETES}/tasks/configure-pod-container/static-pod/",),
    ),
    Cause(
        id="static-credentials",
        link="pods",
        severity="error",
        title="Other credentials come first",
        says=("arn:aws:iam::111122223333:user/deployer",),
        why="SDKs look for ``AWS_ACCESS_KEY_ID`` and a profile before they look for the web identity token. What they "
        "find first is used.",
        detected="A container has such a variable in ``env``, or its ``envFrom`` names an object with such a key. "
        "Values are not looked at.",
        fix="Remove the variables, and the key from the Secret or ConfigMap; then delete the access key.",
        by_hand=(_SHOW_ENVIRONMENT,),
        see=(_CHAIN_OF_SDKS,),
    ),
    Cause(
        id="token-unreadable",
        link="pods",
        severity="warning",
        title="The container's user can't read the token",
        says=(
            "open /var/run/secrets/eks.amazonaws.com/serviceaccount/token: permission denied",
            "WebIdentityErr: unable to read file at /var/run/secrets/eks.amazonaws.com/serviceaccount/token "
            "caused by: open /var/run/secrets/eks.amazonaws.com/serviceaccount/token: permission denied",
            "PermissionError: [Errno 13] Permission denied: '/var/run/secrets/eks.amazonaws.com/serviceaccount/token'",
            "Access to the path '/var/run/secrets/eks.amazonaws.com/serviceaccount/token' is denied.",
        ),
        why="Before Kubernetes 1.19 the token's file belonged to root alone. Since then it belongs to the container's "
        "user, if all containers of the pod run as the same one.",
        detected="A container surely runs as another user than root, the pod has no ``fsGroup``, and the API server "
        "is older than 1.19.",
        fix="Set ``securityContext.fsGroup`` in the pod template, 65534 for instance.",
        by_hand=(
            'kubectl -n "$NAMESPACE" exec "$POD" -- ls -lL /var/run/secrets/eks.amazonaws.com/serviceaccount/token',
        ),
        see=(f"{_KUBERNETES}/reference/access-authn-authz/service-accounts-admin/", f"{_WEBHOOK}/issues/8"),
    ),
    Cause(
        id="windows-path",
        link="pods",
        severity="error",
        title="A Windows pod has the token's Linux path",
        says=("The webIdentityTokenFile must be an absolute path.",),
        why="The webhook writes a Windows path only if the pod's ``nodeSelector`` says that it is one. Taints and "
        "affinities don't tell it.",
        detected="The pod says by ``os``, security context or affinity that it is for Windows, and has no "
        "``nodeSelector`` with ``kubernetes.io/os: windows``.",
        fix="Add the ``nodeSelector`` to the pod template.",
        by_hand=('kubectl -n "$NAMESPACE" get pod "$POD" -o jsonpath=\'{.spec.nodeSelector}\'',),
        see=(f"{_WEBHOOK}#usage-with-windows-container-workloads",),
    ),
    Cause(
        id="region-unset",
        link="pods",
        severity="warning",
        title="In a China region, no region is set",
        says=(
            "InvalidClientTokenId: The security token included in the request is invalid",
            "No OpenIDConnect provider found in your account for "
            "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/EXAMPLE",
        ),
        why="Without a region SDKs turn to the global STS endpoint, which is of another partition and knows neither "
        "the provider nor the role.",
        detected="The cluster is in ``aws-cn``, and a container has neither ``AWS_REGION`` nor ``AWS_DEFAULT_REGION``.",
        fix="Set ``AWS_DEFAULT_REGION`` in the pod template.",
        by_hand=(_SHOW_ENVIRONMENT,),
        see=(f"{_EKS}/configure-sts-endpoint.html",),
    ),
    Cause(
        id="token-expired",
        link="pods",
        severity="error",
        title="The application uses an old token",
        says=(
            "ExpiredTokenException",
            "An error occurred (ExpiredTokenException) when calling the AssumeRoleWithWebIdentity operation: "
            "Token expired: current date/time 1624482533 must be before the expiration date/time1624482335",
        ),
        why="The kubelet replaces the token in its file long before it expires. An application that reads it only "
        "once, or copies it, ends up with a token of yesterday.",
        detected="The test pod's log says so, or STS says so of a token that was just issued: then the API server's "
        "clock is wrong.",
        fix="Have the application read the file each time, which the SDKs' own provider does; upgrade it if it does "
        "not.",
        by_hand=('kubectl -n "$NAMESPACE" logs "$POD" | grep ExpiredToken',),
        see=(f"{_EKS}/pod-configuration.html",),
    ),
    Cause(
        id="sdk-too-old",
        link="pods",
        severity="error",
        title="The application's SDK doesn't know web identities",
        says=(
            "To use web identity tokens, the 'sts' service module must be on the class path.",
            *_NODE_ROLE,
        ),
        why="An SDK from before September 2019 ignores the variables and goes on to the node's role. Java also needs "
        "the ``sts`` module.",
        detected="The test pod has the variables, and its log names an SDK that is too old.",
        fix="Upgrade: boto3 1.9.220, botocore 1.12.200, AWS CLI 1.16.232, Go 1.23.13, Java 2.10.11, JavaScript 2.525.0 "
        "and 3.27.0 are the first that do.",
        by_hand=('kubectl -n "$NAMESPACE" exec "$POD" -- aws --version',),
        see=(f"{_EKS}/iam-roles-for-service-accounts-minimum-sdk.html",),
    ),
    Cause(
        id="imds-fallback",
        link="pods",
        severity="error",
        title="The pod acts as its node",
        says=(
            "arn:aws:sts::111122223333:assumed-role/NodeInstanceRole/i-1234567890abcdef0",
            *_NODE_ROLE,
        ),
        why="SDKs that find no other credentials ask the node's metadata service, and get the node's role. It hides "
        "whatever else is wrong, and gives the pod permissions that it isn't meant to have.",
        detected="The caller in the test pod's answer is not the account's role, and no other finding explains it.",
        fix="Mend the other findings. Then keep pods off the metadata service: a hop limit of 1 on the nodes.",
        by_hand=('kubectl -n "$NAMESPACE" exec "$POD" -- aws sts get-caller-identity',),
        see=("https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",),
    ),
    Cause(
        id="propagation",
        link="sts",
        severity="warning",
        title="The change hadn't reached STS yet",
        says=_NOT_AUTHORIZED,
        why="IAM's changes reach STS after 2 to 30 seconds, seldom after up to two minutes.",
        detected="STS refused the account's token at first and accepted it later, with nothing changed in between.",
        fix="Nothing. Where a job goes on too soon, wait for ``eksops.irsa.irsa_verify``.",
        see=(f"{_IAM}/troubleshoot.html#troubleshoot_general_eventual-consistency",),
    ),
    Cause(
        id="denied-elsewhere",
        link="sts",
        severity="error",
        title="A policy outside of the role denies it",
        says=_NOT_AUTHORIZED,
        why="A service control policy or a resource control policy of the organisation, or a condition on where the "
        "request comes from, can deny what the trust policy allows. STS answers alike.",
        detected="The trust policy allows the request, but STS refuses the account's token, also after "
        "``propagation_timeout``.",
        fix="Ask the organisation's administrator for the policies on ``sts:AssumeRoleWithWebIdentity`` that apply to "
        "the role's account. CloudTrail has the event, with the role and the subject.",
        by_hand=(
            "aws cloudtrail lookup-events "
            "--lookup-attributes AttributeKey=EventName,AttributeValue=AssumeRoleWithWebIdentity --max-results 5",
        ),
        see=(
            f"{_IAM}/reference_policies_evaluation-logic.html",
            "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",
        ),
    ),
    Cause(
        id="denied-unexplained",
        link="sts",
        severity="error",
        title="STS refuses, and IAM can't be asked why",
        says=_NOT_AUTHORIZED,
        why="STS doesn't say what it misses. The trust policy does, but the credentials in use may not read the role, "
        "or are of another account than the role.",
        detected="STS refuses the account's token, and the role or its provider could not be read.",
        fix="Run the verification with credentials of the role's account that may ``iam:GetRole`` and "
        "``iam:GetOpenIDConnectProvider``, and give the role's ARN in ``role_arn``.",
        by_hand=(_SHOW_TRUST, _SHOW_PROVIDER),
        see=(f"{_EKS}/cross-account-access.html",),
    ),
    Cause(
        id="sts-region-disabled",
        link="sts",
        severity="error",
        title="STS is switched off in the region",
        says=(
            "STS is not activated in this region for account:111122223333. "
            "Your account administrator can activate STS in this region using the IAM Console.",
            "An error occurred (RegionDisabledException) when calling the AssumeRoleWithWebIdentity operation: "
            "STS is not activated in this region for account:111122223333. "
            "Your account administrator can activate STS in this region using the IAM Console.",
        ),
        why="Pods ask the STS endpoint of their region. An account's administrator can deactivate it, and in regions "
        "that are opted into it follows the region.",
        detected="The regional endpoint of STS answers ``RegionDisabledException``; or, in a region that accounts opt "
        "into, that there is no provider where IAM has one.",
        fix="Activate STS for the region, in IAM's account settings of the role's account.",
        by_hand=('aws sts get-caller-identity --endpoint-url "https://sts.$AWS_REGION.amazonaws.com"',),
        see=(f"{_IAM}/id_credentials_temp_enable-regions.html", f"{_EKS}/configure-sts-endpoint.html"),
    ),
)
BY_ID: t.Mapping[str, Cause] = {each.id: each for each in CAUSES}
