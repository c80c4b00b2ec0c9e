# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reads of a whole cluster amount to: each service account's chain, each role, each finding once."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import typing as t

from ..arn import ROLE_ARN_ANNOTATION, Arn
from ..diagnosis import diagnose, expected_injection
from ..diagnosis import facts as proofs
from ..diagnosis import options as diagnosis_options
from ..diagnosis.causes import BY_ID, LINKS
from ..diagnosis.findings import Chain, Finding, KubernetesFacts, Unknown
from ..diagnosis.rules import account as account_rules
from ..diagnosis.rules import pods as pod_rules
from ..errors import ChainBroken
from ..service_account.annotations import is_role_arn
from ..wording import join_some as some
from . import roles as audit_roles
from .facts import Facts, Name, means_to_name_a_role
from .options import Wanted

Json = dict[str, t.Any]

FORMAT = "eksops.irsa/audit/1"
SEVERITIES = ("error", "warning", "note")
# What is true of an object altogether, the worst first.
STATES = ("error", "unknown", "warning", "note", "ok")
_TOLD = 5


@dataclasses.dataclass
class _Found:
    """A finding, and all whom it concerns."""

    finding: Finding
    service_accounts: dict[Name, None] = dataclasses.field(default_factory=dict)
    roles: dict[str, None] = dataclasses.field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, int, str, str]:
        """The worst first, then in the order of the chain."""
        finding = self.finding
        return SEVERITIES.index(finding.severity), LINKS.index(finding.link), finding.id, finding.message


@dataclasses.dataclass(frozen=True)
class _Account:
    """What is known of one service account."""

    name: Name
    role_arn: str | None
    bound_by: tuple[str, ...]
    pods: int
    stale: int
    is_known: bool


class Audit:
    """The result of an audit.

    :param document: all of it as plain values, as the reports and the page take it.
    """

    def __init__(self, facts: Facts, wanted: Wanted) -> None:
        self._facts = facts
        self._wanted = wanted
        # What says the same is the same finding, whosever chain shows it.
        self._found: dict[tuple[str, str], _Found] = {}
        self._unknown: dict[str, list[str]] = collections.defaultdict(list)
        self._probes = _probes(facts, wanted)
        self._accounts = [self._look(name) for name in facts.looked_at]
        self._judge_roles()
        for each in facts.webhook:
            self._note(each)
        self._missing = self._name_missing()
        self._order = sorted(self._found.values(), key=lambda each: each.rank)
        self.document: Json = self._document()

    # Chains

    def _look(self, name: Name) -> _Account:
        facts, account = self._facts, self._facts.service_accounts[name]
        probes = dataclasses.replace(self._probes, namespace=name[0], service_account=name[1])
        chain = _chain(facts, self._wanted, probes, account)
        kubernetes = _kubernetes_facts(facts, name, account)
        aws = audit_roles.aws_facts(facts, facts.role_of(chain.role_arn))
        aws = dataclasses.replace(aws, associations=facts.associations_of(name))
        seen = diagnose.Observations(chain, aws, kubernetes)
        bound = account_rules.bound_by(account) if chain.role_arn else []
        pods, stale = _pods(chain, kubernetes)
        known = True
        # An account that a role trusts and that was never to name it has no chain of its own.
        if chain.role_arn or _means_a_role(account, kubernetes):
            role = _role_key(facts, chain.role_arn)
            found = diagnose.diagnose(probes, seen)
            for each in found.findings:
                self._note(each, [name], [role] if role and each.link == "role" else [])
            known = "unknown" not in found.links.values()
            for warning in found.warnings:
                self._unknown[warning].append("/".join(name))
        if bound and all(map(account_rules.is_by_hand, bound)):
            self._note(_by_hand(chain, bound), [name])
        return _Account(name, chain.role_arn, tuple(bound), pods, stale, known)

    def _note(self, finding: Finding, names: t.Iterable[Name] = (), roles: t.Iterable[str] = ()) -> None:
        if finding.id in self._wanted.ignore:
            return
        found = self._found.setdefault((finding.id, finding.message), _Found(finding))
        found.service_accounts.update(dict.fromkeys(names))
        found.roles.update(dict.fromkeys(roles))

    # Roles

    def _judge_roles(self) -> None:
        facts = self._facts
        named = {arn for each in self._accounts if (arn := each.role_arn)}
        for name, role in sorted(facts.known_roles.items()):
            if name in facts.trusted or role["Arn"] in named:
                for finding, names, roles in audit_roles.of_role(facts, name, unused_days=self._wanted.unused_days):
                    self._note(finding, names, [role["Arn"], *roles])
        if self._wanted.providers:
            for finding, names, roles in audit_roles.of_providers(facts):
                self._note(finding, names, roles)

    def _name_missing(self) -> list[Name]:
        """The service accounts that roles trust and the cluster hasn't got."""
        there = {each.name for each in self._accounts}
        found = {name for each in self._found.values() for name in each.service_accounts if name not in there}
        return sorted(found)

    # The document

    def _document(self) -> Json:
        facts, cluster = self._facts, self._facts.cluster
        findings = {id(found): index for index, found in enumerate(self._order)}
        of_account: dict[Name, list[int]] = collections.defaultdict(list)
        of_role: dict[str, list[int]] = collections.defaultdict(list)
        for found in self._order:
            for name in found.service_accounts:
                of_account[name].append(findings[id(found)])
            for arn in found.roles:
                of_role[arn].append(findings[id(found)])
        roles = self._roles()
        place = {role["arn"]: index for index, role in enumerate(roles)}
        accounts = [self._account(each, of_account[each.name], place) for each in self._accounts]
        accounts += [self._missing_account(name, of_account[name]) for name in self._missing]
        accounts.sort(key=lambda each: (each["namespace"], each["name"]))
        for index, each in enumerate(accounts):
            if each["role"] is not None:
                roles[each["role"]]["service_accounts"].append(index)
        for role in roles:
            role["findings"] = sorted(of_role[role["arn"]])
            role["state"] = self._state(role["findings"], known=role["exists"] is not None)
        return {
            "format": FORMAT,
            "generated_at": _instant(facts.now),
            "cluster": {
                "name": cluster.name if cluster else None,
                "account_id": facts.account_id,
                "partition": facts.partition,
                "region": cluster.region if cluster else self._wanted.region,
                "version": cluster.version if cluster else None,
                "issuer": facts.issuer,
            },
            "namespaces": list(self._wanted.namespaces) or None,
            "counts": {
                "service_accounts": _states(accounts),
                "roles": _states(roles),
                "pods": {
                    "total": sum(each.pods for each in self._accounts),
                    "stale": sum(each.stale for each in self._accounts),
                },
                "findings": self.severities(),
            },
            "provider": self._provider(),
            "service_accounts": accounts,
            "roles": roles,
            "findings": [_as_dict(each) for each in self._order],
            "unread": self._unread(),
        }

    def _account(self, account: _Account, findings: list[int], place: t.Mapping[str, int]) -> Json:
        namespace, name = account.name
        return {
            "namespace": namespace,
            "name": name,
            "exists": True,
            "role_arn": account.role_arn,
            "role": place.get(_role_key(self._facts, account.role_arn)),
            "bound_by": ", ".join(account.bound_by) or None,
            "pods": {"total": account.pods, "stale": account.stale},
            "state": self._state(findings, known=account.is_known),
            "findings": findings,
        }

    def _missing_account(self, name: Name, findings: list[int]) -> Json:
        return {
            "namespace": name[0],
            "name": name[1],
            "exists": False,
            "role_arn": None,
            "role": None,
            "bound_by": None,
            "pods": {"total": 0, "stale": 0},
            "state": self._state(findings, known=True),
            "findings": findings,
        }

    def _roles(self) -> list[Json]:
        """The roles that trust the cluster's provider, and those that service accounts name, there or not."""
        facts = self._facts
        own = {facts.known_roles[name]["Arn"]: name for name in facts.trusted}
        for each in self._accounts:
            key = _role_key(facts, each.role_arn)
            if key:
                own.setdefault(key, key.rpartition("/")[2])
        return [_role(facts, arn, name) for arn, name in sorted(own.items())]

    def _provider(self) -> Json:
        provider = self._facts.provider
        known = not isinstance(provider, Unknown)
        indices = [
            index
            for index, each in enumerate(self._order)
            if each.finding.link == "provider" and each.finding.id != "provider-orphaned"
        ]
        return {
            "arn": self._facts.provider_arn,
            "exists": provider is not None if known else None,
            "client_ids": list(provider["ClientIDList"]) if provider and not isinstance(provider, Unknown) else [],
            "state": self._state(indices, known=known),
            "findings": indices,
        }

    def _state(self, findings: t.Iterable[int], *, known: bool) -> str:
        states = {self._order[index].finding.severity for index in findings} | (set() if known else {"unknown"})
        return next((each for each in STATES if each in states), "ok")

    def _unread(self) -> list[str]:
        said = list(self._facts.unread)
        for warning, names in sorted(self._unknown.items()):
            if warning not in said:
                said.append(f"{warning} It concerns {some(sorted(names), _TOLD)}.")
        return said

    # What the module returns

    def severities(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        counted: collections.Counter[str] = collections.Counter(each.finding.severity for each in self._order)
        return {severity: counted[severity] for severity in SEVERITIES}

    @property
    def ok(self) -> bool:
        """Whether every chain holds that was looked at: none is broken, none unknown."""
        counts = self.document["counts"]
        broken = counts["findings"]["error"] + counts["service_accounts"]["unknown"]
        return not broken and self.document["provider"]["state"] not in ("error", "unknown")

    def returns(self, *, details: bool) -> Json:
        """What the module returns of it.

        :param details: whether with each service account and each role.
        """
        document, limit = self.document, self._wanted.limit
        findings = document["findings"]
        shown = findings[:limit] if limit else findings
        return {
            "ok": self.ok,
            **{key: document[key] for key in ("cluster", "provider", "counts", "unread")},
            "summary": self.summary(),
            "findings": shown,
            "omitted": len(findings) - len(shown),
            **({key: document[key] for key in ("service_accounts", "roles")} if details else {}),
        }

    def summary(self) -> list[Json]:
        """How often each finding was made, the worst first."""
        groups: dict[str, list[_Found]] = {}
        for each in self._order:
            groups.setdefault(each.finding.id, []).append(each)
        return [
            {
                "id": name,
                "severity": BY_ID[name].severity,
                "link": BY_ID[name].link,
                "title": BY_ID[name].title,
                "count": len(found),
                "service_accounts": len({each for one in found for each in one.service_accounts}),
            }
            for name, found in groups.items()
        ]

    def failure(self) -> ChainBroken | None:
        """The error with which the module fails; None if nothing is found that is bad enough."""
        bad = {"error": SEVERITIES[:1], "warning": SEVERITIES[:2], "never": ()}[self._wanted.fail_on]
        counts = self.severities()
        total = sum(counts[each] for each in bad)
        if not total:
            return None
        cluster = self._facts.cluster
        ids = [each["id"] for each in self.summary() if each["severity"] in bad]
        return ChainBroken(
            f"{f'EKS cluster {cluster.name}' if cluster else f'the cluster with issuer {self._facts.issuer}'} has "
            f"{' and '.join(f'{counts[each]} {each}s' if counts[each] != 1 else f'1 {each}' for each in bad)}",
            cause=", ".join(ids),
            fix="see findings and the reports for each of them, or put what is meant to be so into ignore",
        )


def _probes(facts: Facts, wanted: Wanted) -> diagnosis_options.Wanted:
    """What is to be looked at of each chain."""
    plain = proofs.wanted("", "", role_arn=None, issuer=facts.issuer, region=wanted.region, ask=False)
    return dataclasses.replace(
        plain, probes=frozenset({"static", "pods"} if wanted.pods else {"static"}), ignore=wanted.ignore
    )


def _chain(facts: Facts, wanted: Wanted, probes: diagnosis_options.Wanted, account: t.Mapping[str, t.Any]) -> Chain:
    chain = diagnosis_options.chain_of(probes, facts.cluster, account)
    arn = chain.role_arn or ""
    declared = is_role_arn(arn) and Arn.parse(arn).account_id in wanted.role_accounts
    return dataclasses.replace(chain, account_id=facts.account_id, partition=facts.partition, cross_account=declared)


def _kubernetes_facts(facts: Facts, name: Name, account: t.Mapping[str, t.Any]) -> KubernetesFacts:
    namespaces = facts.namespaces
    version = facts.cluster.version if facts.cluster else None
    return KubernetesFacts(
        account=account,
        namespace=namespaces if isinstance(namespaces, Unknown) else namespaces.get(name[0]),
        webhooks=facts.webhooks,
        serving_ca=Unknown("it is needed only where a dry run comes back untouched"),
        pods=facts.pods_of(name),
        workloads=facts.workloads.get(name[0], {}),
        admitted=None,
        minor_version=int(version.partition(".")[2] or 0) or None if version else None,
        observed_at=facts.now,
        env_sources=facts.env_sources.get(name[0], {}),
    )


def _means_a_role(account: t.Mapping[str, t.Any], kubernetes: KubernetesFacts) -> bool:
    from_pods = () if isinstance(kubernetes.pods, Unknown) else kubernetes.pods
    return any(map(means_to_name_a_role, (account, *from_pods)))


def _pods(chain: Chain, kubernetes: KubernetesFacts) -> tuple[int, int]:
    """How many pods of the account may yet run, and how many of them lack what new ones would be given."""
    live = [pod for pod in pod_rules.evaluate_pods(chain, kubernetes) if pod.is_live]
    return len(live), sum(pod.stale for pod in live)


def _by_hand(chain: Chain, bound: t.Sequence[str]) -> Finding:
    name = expected_injection.name_of(chain)
    return Finding(
        "bound-by-hand",
        f"annotation {ROLE_ARN_ANNOTATION} of service account {name} was set by {' and '.join(bound)}, which doesn't "
        "keep it so",
        f"put {name} into irsa_bindings with role_arn: {chain.role_arn}, or with the role's name if the role is to be "
        "kept, too; set force there once, so that the annotation is owned from then on",
        evidence="metadata.managedFields",
        found=", ".join(bound),
    )


def _role_key(facts: Facts, arn: str | None) -> str:
    """The ARN under which a role is shown: as IAM has it, else as the annotation has it, if it can be a role's."""
    role = facts.role_of(arn)
    if role is not None and not isinstance(role, Unknown):
        return str(role["Arn"])
    text = (arn or "").strip(" \t\r\n'\"")
    return text if is_role_arn(text) else ""


def _role(facts: Facts, arn: str, name: str) -> Json:
    role = facts.role_of(arn)
    unknown = isinstance(role, Unknown)
    body: t.Mapping[str, t.Any] = {} if role is None or isinstance(role, Unknown) else role
    managed = [
        {"kind": "managed", "name": each.rpartition("/")[2], "arn": each} for each in body.get("ManagedPolicies") or ()
    ]
    inline = [{"kind": "inline", "name": each, "arn": None} for each in sorted(body.get("InlinePolicies") or ())]
    return {
        "arn": arn,
        "name": name,
        "account_id": Arn.parse(arn).account_id,
        "exists": None if unknown else role is not None,
        "created": _date(body.get("CreateDate")),
        "last_used": _date((body.get("RoleLastUsed") or {}).get("LastUsedDate")),
        "policies": [*managed, *inline],
        "permissions_boundary": (body.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "subjects": facts.trusted.get(name, []) if body else [],
        "service_accounts": [],
    }


def _as_dict(found: _Found) -> Json:
    return {
        **found.finding.as_dict(),
        "service_accounts": ["/".join(name) for name in found.service_accounts],
        "roles": list(found.roles),
    }


def _states(things: t.Sequence[Json]) -> dict[str, int]:
    counted = collections.Counter(each["state"] for each in things)
    return {"total": len(things), **{state: counted[state] for state in reversed(STATES)}}


def _date(value: t.Any) -> str | None:
    return _instant(value.timestamp()) if isinstance(value, datetime.datetime) else None


def _instant(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), tz=datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
