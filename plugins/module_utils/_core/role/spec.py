# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spec of an IAM role, and its observed state."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import arn as arns
from .. import validation
from ..errors import InvalidInput
from ..policy import document as policy_document
from ..policy.document import Document
from ..policy.templates import Facts, Template
from ..trust.policy import Grant
from ..trust.statements import subject
from ..wording import format_integer
from . import checks
from .checks import OWNER_TAG, OWNER_VALUE

# The properties with a single value, as they are if CreateRole does not set them.
DEFAULT: dict[str, t.Any] = {"path": "/", "description": "", "max_session_duration": 3600, "permissions_boundary": None}


@dataclasses.dataclass(frozen=True)
class AccountScope:
    """The account and partition of roles and policies."""

    partition: str
    account_id: str

    def policy_arn(self, name: str, *, of_aws: bool = False, path: str = "") -> str:
        """The ARN of a managed policy of the account or of AWS."""
        return f"arn:{self.partition}:iam::{'aws' if of_aws else self.account_id}:policy/{path}{name}"

    def role_arn(self, path: str, name: str) -> str:
        """The ARN of a role of the account."""
        return f"arn:{self.partition}:iam::{self.account_id}:role{path}{name}"


@dataclasses.dataclass(frozen=True)
class Role:
    """The observed state of a role.

    :param managed_policies: ARNs, sorted; None if they could not be read and the spec does not set them.
    :param inline_policies: documents by name; None as for ``managed_policies``.
    :param instance_profiles: the names of the instance profiles that contain the role; read only before a deletion.
    """

    arn: str
    name: str
    path: str
    role_id: str | None
    description: str
    trust_policy: Document
    managed_policies: tuple[str, ...] | None
    inline_policies: t.Mapping[str, Document] | None
    permissions_boundary: str | None
    max_session_duration: int
    tags: t.Mapping[str, str]
    instance_profiles: tuple[str, ...] = ()

    @classmethod
    def from_aws(
        cls,
        role: t.Mapping[str, t.Any],
        *,
        managed_policies: t.Iterable[str] | None,
        inline_policies: t.Mapping[str, t.Any] | None,
        instance_profiles: t.Iterable[str] = (),
    ) -> Role:
        """Build it from AWS's answers.

        :param role: as `_api.aws.iam.get_role` returns it.
        """
        name = role["RoleName"]
        inline = None
        if inline_policies is not None:
            inline = {
                policy: policy_document.parse(document, f"the inline policy {policy} of role {name}")
                for policy, document in sorted(inline_policies.items())
            }
        return cls(
            arn=role["Arn"],
            name=name,
            path=role["Path"],
            role_id=role["RoleId"],
            description=role.get("Description") or "",
            trust_policy=policy_document.parse(role["AssumeRolePolicyDocument"], f"the trust policy of role {name}"),
            managed_policies=None if managed_policies is None else tuple(sorted(managed_policies)),
            inline_policies=inline,
            permissions_boundary=(role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or None,
            max_session_duration=role.get("MaxSessionDuration") or DEFAULT["max_session_duration"],
            tags=dict(sorted(role["Tags"].items())),
            instance_profiles=tuple(sorted(instance_profiles)),
        )

    @property
    def is_managed(self) -> bool:
        """Whether the role has this collection's tag, from its creation or set by a user, in any case."""
        return any(
            key.lower() == OWNER_TAG and value.strip().lower() == OWNER_VALUE for key, value in self.tags.items()
        )

    @property
    def owning_service(self) -> str | None:
        """The AWS service that alone can change the role; None if others can too."""
        if not self.path.startswith(validation.RESERVED_PATHS):
            return None
        return self.path.split("/")[2] or "AWS"

    @property
    def scope(self) -> AccountScope:
        """The account of the role."""
        arn = arns.Arn.parse(self.arn)
        return AccountScope(arn.partition, arn.account_id)

    def as_dict(self) -> dict[str, t.Any]:
        """The role as `irsa_role` returns it."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del values["instance_profiles"]
        return {
            **values,
            "managed_policies": None if self.managed_policies is None else list(self.managed_policies),
            "inline_policies": None if self.inline_policies is None else dict(self.inline_policies),
            "tags": dict(self.tags),
        }

    @property
    def options(self) -> dict[str, t.Any]:
        """The options of `irsa_role` for `DEFAULT`, where the role differs from it."""
        return {name: getattr(self, name) for name, value in DEFAULT.items() if getattr(self, name) != value}


@dataclasses.dataclass(frozen=True)
class RoleSpec:
    """The spec of a role. None does not change a property; an empty value clears it.

    :param permissions_boundary: an ARN; empty for no boundary.
    :param managed_policies: ARNs or names.
    :param subjects: the ``sub`` of each service account; None does not change the trust policy.
    :param purge_service_accounts: None to remove others only from a role that this collection created.
    """

    present: bool
    name: str
    path: str | None = None
    description: str | None = None
    max_session_duration: int | None = None
    permissions_boundary: str | None = None
    managed_policies: tuple[str, ...] | None = None
    purge_policies: bool = False
    inline_policies: t.Mapping[str, Document] | None = None
    purge_inline_policies: bool = False
    well_known: tuple[Template, ...] | None = None
    tags: t.Mapping[str, str] | None = None
    purge_tags: bool = True
    subjects: tuple[str, ...] | None = None
    purge_service_accounts: bool | None = None
    audiences: tuple[str, ...] = (arns.STS_AUDIENCE,)
    replace_trust: bool = False
    force: bool = False
    cluster_name: str | None = None
    issuer: str | None = None

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any], load_yaml: policy_document.LoadYaml | None = None) -> RoleSpec:
        """Check the options of `irsa_role`.

        :raises InvalidInput: invalid options; the error lists all of them.
        """
        problems = validation.Problems()
        present = params["state"] == "present"
        validation.check_role_name(problems, params["name"])
        if present:
            validation.check_reserved_role(problems, params["name"])
        if params["path"] is not None:
            validation.check_path(problems, params["path"])
        if params["description"] is not None:
            validation.check_description(problems, params["description"])
        duration = params["max_session_duration"]
        if duration is not None and not 3600 <= duration <= 43200:
            problems.add(
                f"max_session_duration {format_integer(duration)} is out of range", "use 3600 to 43200 seconds"
            )
        if params["permissions_boundary"]:
            validation.check_policy_arn(problems, "permissions_boundary", params["permissions_boundary"])
        for policy in params["managed_policies"] or ():
            check = validation.check_policy_arn if policy.startswith("arn:") else validation.check_policy_name
            check(problems, "managed policy", policy)
        tags = None if params["tags"] is None else _tags(problems, params["tags"])
        validation.check_tag_count(problems, tags or (), f"role {params['name']}")
        inline = _inline_policies(problems, params["inline_policies"], load_yaml)
        spec = cls(
            present=present,
            name=params["name"],
            path=params["path"],
            description=params["description"],
            max_session_duration=duration,
            permissions_boundary=params["permissions_boundary"],
            managed_policies=_tuple(params["managed_policies"]),
            purge_policies=params["purge_policies"],
            inline_policies=inline,
            purge_inline_policies=params["purge_inline_policies"],
            well_known=_well_known(problems, params.get("well_known_policies"), inline or {}),
            tags=tags,
            purge_tags=params["purge_tags"],
            subjects=_subjects(problems, params),
            purge_service_accounts=params["purge_service_accounts"],
            audiences=_audiences(problems, params["audiences"]),
            replace_trust=params["trust"] == "replace",
            force=params["force"],
            cluster_name=params["cluster_name"],
            issuer=params["issuer"],
        )
        if spec.issuer is not None:
            validation.check_issuer(problems, spec.issuer, is_removal=not present)
        if spec.subjects is not None and not spec.names_provider:
            problems.add(
                "service_accounts is set without a cluster",
                "set cluster_name, or set issuer to the cluster's OIDC issuer",
            )
        problems.raise_if_any()
        return spec

    @property
    def names_provider(self) -> bool:
        """Whether the spec names a provider."""
        return bool(self.cluster_name or self.issuer)

    @property
    def names_inline_policies(self) -> bool:
        """Whether the spec names inline policies."""
        return self.inline_policies is not None or self.well_known is not None

    @property
    def names_settings(self) -> bool:
        """Whether the spec names properties that GetAccountAuthorizationDetails does not return."""
        return self.description is not None or self.max_session_duration is not None

    def with_well_known_policies(self, scope: AccountScope, region: str | None) -> RoleSpec:
        """The spec with its well-known policies as inline policies.

        :param region: the cluster's region; None if unknown.
        :raises InvalidInput: a policy requires an unknown fact.
        """
        if self.well_known is None:
            return self
        facts = Facts(scope.partition, scope.account_id, region, self.cluster_name)
        documents = {template.policy_name: template.document(facts) for template in self.well_known}
        return dataclasses.replace(self, inline_policies={**(self.inline_policies or {}), **documents}, well_known=None)

    def purges_accounts_of(self, role: Role | None) -> bool:
        """Whether service accounts that the spec does not list lose the role."""
        if self.purge_service_accounts is None:
            return role is None or role.is_managed
        return self.purge_service_accounts

    def grant(self, provider_arn: str) -> Grant:
        """The grant of the spec for a provider."""
        return Grant(provider_arn, self.subjects or (), self.audiences)


def _tags(problems: validation.Problems, given: t.Mapping[t.Any, t.Any]) -> dict[str, str]:
    tags = validation.check_tags(problems, given)
    for key in tags:
        if key.lower() == OWNER_TAG:
            problems.add(
                f"tag {key} is reserved for this collection, which sets it on each role that it creates",
                "remove it from tags; to let state absent delete a role that another tool created, set the tag with "
                f"aws iam tag-role --role-name NAME --tags Key={OWNER_TAG},Value={OWNER_VALUE}",
            )
    return tags


def _tuple(values: t.Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(values))


def _inline_policies(
    problems: validation.Problems, policies: t.Mapping[str, t.Any] | None, load_yaml: policy_document.LoadYaml | None
) -> dict[str, Document] | None:
    if policies is None:
        return None
    documents: dict[str, Document] = {}
    for name, value in policies.items():
        what = f"inline policy {name!r}"
        validation.check_policy_name(problems, "inline policy", name)
        try:
            document = policy_document.parse(value, what, load_yaml)
        except InvalidInput as error:
            problems.add(f"{error.message}: {error.cause}", error.fix or "correct it")
            continue
        for fault in checks.inline_policy_faults(document):
            problems.add(f"{what}: {fault}", "follow the grammar of IAM policies")
        documents[name] = document
    size = checks.measure_inline_policies(documents)
    if size > checks.INLINE_QUOTA:
        problems.add(
            f"inline_policies have {size} characters in total",
            f"use at most {checks.INLINE_QUOTA}, not counting whitespace; use managed policies for the rest",
        )
    return documents


def _well_known(
    problems: validation.Problems, policies: t.Sequence[t.Any] | None, inline: t.Mapping[str, Document]
) -> tuple[Template, ...] | None:
    """Read well-known policies.

    :param policies: mappings with the fields of a template, as the action plugins resolve them.
    """
    if policies is None:
        return None
    templates: dict[str, Template] = {}
    for policy in policies:
        if not isinstance(policy, t.Mapping) or set(policy) != {"name", "policy_name", "statements"}:
            problems.add(
                f"well_known_policies: {policy} is not resolved",
                "run the module in an Ansible task: its action plugin resolves the policies",
            )
            continue
        template = Template(**policy)
        if template.policy_name in inline:
            problems.add(
                f"inline policy {template.policy_name} is in inline_policies and in well_known_policies",
                "rename one of them; a well-known policy has the parameter policy_name",
            )
        if templates.setdefault(template.policy_name, template) != template:
            problems.add(
                f"well_known_policies would write inline policy {template.policy_name} twice",
                "list the policy once with all parameters, or set a different policy_name for each",
            )
    return tuple(templates.values())


def _subjects(problems: validation.Problems, params: t.Mapping[str, t.Any]) -> tuple[str, ...] | None:
    accounts = params["service_accounts"]
    if accounts is None:
        return None
    # A subject with a wildcard can always be removed.
    allow_wildcards = params["allow_wildcards"] or params["state"] == "absent"
    for account in accounts:
        validation.check_service_account(
            problems, account["namespace"], account["name"], allow_wildcards=allow_wildcards
        )
    return tuple(sorted({subject(account["namespace"], account["name"]) for account in accounts}))


def _audiences(problems: validation.Problems, audiences: t.Sequence[str] | None) -> tuple[str, ...]:
    for audience in audiences or ():
        validation.check_audience(problems, audience)
    return tuple(dict.fromkeys(audiences or ()))
