# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An IAM role: as users want it, and as IAM has it."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import arn as arns
from .. import validation
from ..errors import InvalidInput
from ..policy import document as policy_document
from ..policy.document import Document
from ..policy.templates import Facts, Template
from ..trust import policy as trust_policy

# On every role that this collection makes. It says that `absent` may delete the role; giving it to a role hands the
# role over.
OWNER_TAG, OWNER_VALUE = "eksops.irsa/managed", "true"
_DEFAULT_DURATION = 3600
# What a role's inline policies may have together, and what a trust policy may have in any account: characters, white
# space not counted. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_QUOTA, LARGEST_TRUST = 10240, 4096
_SERVICE_PATH = "/aws-service-role/"


@dataclasses.dataclass(frozen=True)
class Place:
    """The account that roles and policies are in."""

    partition: str
    account_id: str

    def policy_arn(self, name: str, *, of_aws: bool = False, path: str = "") -> str:
        """The ARN of a managed policy of the account, or of AWS."""
        return f"arn:{self.partition}:iam::{'aws' if of_aws else self.account_id}:policy/{path}{name}"

    def role_arn(self, path: str, name: str) -> str:
        """The ARN of a role of the account."""
        return f"arn:{self.partition}:iam::{self.account_id}:role{path}{name}"


@dataclasses.dataclass(frozen=True)
class Role:
    """A role as IAM has it.

    :param managed_policies: ARNs, sorted; None if they couldn't be read and nobody asked for them.
    :param inline_policies: documents by name; None likewise.
    :param instance_profiles: the names of those that hold the role; read for removal only.
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
        """:param role: as `_api.iam.get_role` gives it."""
        name = role["RoleName"]
        inline = None
        if inline_policies is not None:
            inline = {
                each: policy_document.parse(document, f"the inline policy {each} of role {name}")
                for each, document in sorted(inline_policies.items())
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
            permissions_boundary=(role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            max_session_duration=role.get("MaxSessionDuration") or _DEFAULT_DURATION,
            tags=dict(sorted(role["Tags"].items())),
            instance_profiles=tuple(sorted(instance_profiles)),
        )

    @property
    def is_ours(self) -> bool:
        """Whether this collection made the role, or it was handed over."""
        return self.tags.get(OWNER_TAG) == OWNER_VALUE

    @property
    def is_service_linked(self) -> bool:
        """Whether the role belongs to an AWS service, which alone can change it."""
        return self.path.startswith(_SERVICE_PATH)

    @property
    def place(self) -> Place:
        """The account that the role is in."""
        arn = arns.Arn.parse(self.arn)
        return Place(arn.partition, arn.account_id)

    def as_dict(self) -> dict[str, t.Any]:
        """The role as `irsa_role` returns it."""
        return {
            "arn": self.arn,
            "name": self.name,
            "path": self.path,
            "role_id": self.role_id,
            "description": self.description,
            "trust_policy": self.trust_policy,
            "managed_policies": None if self.managed_policies is None else list(self.managed_policies),
            "inline_policies": None if self.inline_policies is None else dict(self.inline_policies),
            "permissions_boundary": self.permissions_boundary,
            "max_session_duration": self.max_session_duration,
            "tags": dict(self.tags),
        }


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A role as users want it. None is "leave it as it is"; what is empty is wanted empty.

    :param permissions_boundary: an ARN, or empty for no boundary.
    :param managed_policies: ARNs or names.
    :param subjects: the ``sub`` of each service account; None if service accounts are not spoken of.
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
    purge_service_accounts: bool = True
    audiences: tuple[str, ...] = (arns.STS_AUDIENCE,)
    replace_trust: bool = False
    force: bool = False
    cluster_name: str | None = None
    issuer: str | None = None

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any], load_yaml: policy_document.LoadYaml | None = None) -> Wanted:
        """From the options of `irsa_role`, checked.

        :raises InvalidInput: options that can't be right, all of them at once.
        """
        problems = validation.Problems()
        present = params["state"] == "present"
        validation.check_role_name(problems, params["name"])
        if params["path"] is not None:
            validation.check_path(problems, params["path"])
        if params["description"] is not None:
            validation.check_description(problems, params["description"])
        duration = params["max_session_duration"]
        if duration is not None and not 3600 <= duration <= 43200:
            problems.add(f"max_session_duration {duration} is out of IAM's range", "use 3600 to 43200 seconds")
        if params["permissions_boundary"]:
            validation.check_policy_arn(problems, "permissions_boundary", params["permissions_boundary"])
        for policy in params["managed_policies"] or ():
            check = validation.check_policy_arn if policy.startswith("arn:") else validation.check_policy_name
            check(problems, "managed policy", policy)
        tags = None if params["tags"] is None else validation.check_tags(problems, params["tags"])
        validation.check_tag_count(problems, len({*(tags or {}), OWNER_TAG}), f"role {params['name']}")
        inline = _inline_policies(problems, params["inline_policies"], load_yaml)
        wanted = cls(
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
            issuer=_issuer(problems, params["issuer"]),
        )
        if wanted.subjects is not None and not (wanted.cluster_name or wanted.issuer):
            problems.add(
                "service_accounts are given without a cluster", "give cluster_name, or the cluster's issuer as issuer"
            )
        elif wanted.subjects and len(wanted.subjects) > 1:  # one never makes too much
            _check_least_size(problems, wanted)
        problems.stop()
        return wanted

    @property
    def names_provider(self) -> bool:
        """Whether the options say which provider's statements are meant."""
        return bool(self.cluster_name or self.issuer)

    @property
    def names_inline_policies(self) -> bool:
        """Whether the options say which inline policies the role is to have."""
        return self.inline_policies is not None or self.well_known is not None

    def in_place(self, place: Place, region: str | None) -> Wanted:
        """The same with the well-known policies among the inline ones, for the role in its place.

        :param region: of the cluster that is named, if one is and that is known.
        :raises InvalidInput: something that a policy needs isn't known.
        """
        if self.well_known is None:
            return self
        facts = Facts(place.partition, place.account_id, region, self.cluster_name)
        documents = {each.policy_name: each.document(facts) for each in self.well_known}
        return dataclasses.replace(self, inline_policies={**(self.inline_policies or {}), **documents}, well_known=None)

    def grant(self, provider_arn: str) -> trust_policy.Grant:
        """What the role is to trust the provider with."""
        return trust_policy.Grant(provider_arn, self.subjects or (), self.audiences)


def _tuple(values: t.Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(values))


def _inline_policies(
    problems: validation.Problems, given: t.Mapping[str, t.Any] | None, load_yaml: policy_document.LoadYaml | None
) -> dict[str, Document] | None:
    if given is None:
        return None
    documents: dict[str, Document] = {}
    for name, value in given.items():
        what = f"inline policy {name!r}"
        validation.check_policy_name(problems, "inline policy", name)
        try:
            document = policy_document.parse(value, what, load_yaml)
        except InvalidInput as error:
            problems.add(f"{error.message}: {error.cause}", error.fix or "correct it")
            continue
        for fault in policy_document.identity_policy_faults(document):
            problems.add(f"{what}: {fault}", "write it as IAM's policy grammar has it")
        documents[name] = document
    total = sum(policy_document.size(document) for document in documents.values())
    if total > INLINE_QUOTA:
        problems.add(
            f"inline_policies have {total} characters together",
            f"a role takes {INLINE_QUOTA}, white space not counted: make managed policies of some",
        )
    return documents


def _well_known(
    problems: validation.Problems, given: t.Sequence[t.Any] | None, inline: t.Mapping[str, Document]
) -> tuple[Template, ...] | None:
    """:param given: as the action plugins look them up, mappings with the fields of a template."""
    if given is None:
        return None
    found: dict[str, Template] = {}
    for each in given:
        if not isinstance(each, t.Mapping) or set(each) != {"name", "policy_name", "statements"}:
            problems.add(
                f"well_known_policies: {each} was not looked up",
                "run the module as a task of Ansible, whose action plugin does it",
            )
            continue
        template = Template(**each)
        if template.policy_name in inline:
            problems.add(
                f"{template.policy_name} is both in inline_policies and a well-known policy",
                "give one of them another name; a well-known policy takes policy_name",
            )
        if found.setdefault(template.policy_name, template) != template:
            problems.add(
                f"well_known_policies would write inline policy {template.policy_name} twice",
                "give it once with all of its parameters, or each a policy_name of its own",
            )
    return tuple(found.values())


def _subjects(problems: validation.Problems, params: t.Mapping[str, t.Any]) -> tuple[str, ...] | None:
    accounts = params["service_accounts"]
    if accounts is None:
        return None
    # Taking away needs no leave: what stands there with a wildcard has to be nameable.
    wild = params["allow_wildcards"] or params["state"] == "absent"
    for account in accounts:
        validation.check_service_account(problems, account["namespace"], account["name"], allow_wildcards=wild)
    return tuple(sorted({trust_policy.subject(account["namespace"], account["name"]) for account in accounts}))


def _audiences(problems: validation.Problems, given: t.Sequence[str] | None) -> tuple[str, ...]:
    for audience in given or ():
        validation.check_audience(problems, audience)
    return tuple(dict.fromkeys(given or ()))


def _issuer(problems: validation.Problems, given: str | None) -> str | None:
    if given is not None:
        validation.check_issuer(problems, given)
    return given


def _check_least_size(problems: validation.Problems, wanted: Wanted) -> None:
    """Refuses accounts that no role can take, before anything is asked of AWS."""
    issuer = wanted.issuer or "https://"
    grant = wanted.grant(arns.provider_arn("aws", "0" * 12, issuer))
    size = policy_document.size(trust_policy.document_of(grant))
    if size > LARGEST_TRUST:
        problems.add(
            f"{len(grant.subjects)} service accounts make a trust policy of at least {size} characters",
            f"IAM takes {LARGEST_TRUST} at most: use several roles, or a wildcard with allow_wildcards",
        )
