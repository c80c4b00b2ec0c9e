# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RBAC objects of service accounts: what they contain, and the plan that applies or deletes them.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import errors
from .plan import Action, Plan
from .validation import Problems, check_service_account

Json = dict[str, t.Any]

GROUP = "rbac.authorization.k8s.io"
# The suboptions of rbac with the rules and with the name, by kind.
OPTIONS = {"Role": ("rules", "name"), "ClusterRole": ("cluster_rules", "cluster_name")}
MAX_NAME = 253


@dataclasses.dataclass(frozen=True, order=True)
class RbacObject:
    """The identity of an RBAC object.

    :param namespace: empty for a ClusterRole or ClusterRoleBinding.
    """

    kind: str
    namespace: str
    name: str

    @property
    def title(self) -> str:
        """``Role shop/cart-irsa`` or ``ClusterRole shop.cart-irsa``."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def find_roles(namespace: str, service_account: str, rbac: t.Mapping[str, t.Any]) -> list[RbacObject]:
    """The Role and the ClusterRole of a service account, if they have rules.

    A namespace has no dots, so the default names of different service accounts differ.
    """
    defaults = {"Role": f"{service_account}-irsa", "ClusterRole": f"{namespace}.{service_account}-irsa"}
    return [
        RbacObject(kind, namespace if kind == "Role" else "", str(rbac.get(name) or defaults[kind]))
        for kind, (rules, name) in OPTIONS.items()
        if rbac.get(rules)
    ]


def find_problems(accounts: t.Iterable[tuple[str, str, t.Sequence[RbacObject]]]) -> t.Iterator[tuple[str, str]]:
    """Find names that are too long, and objects that two service accounts would share: one would lose its rights.

    :param accounts: for each binding, its title for messages, its service account, and the result of `find_roles`.
    :returns: pairs of problem and fix.
    """
    owners: dict[RbacObject, tuple[str, str]] = {}
    for title, account, roles in accounts:
        for role in roles:
            option = f"rbac.{OPTIONS[role.kind][1]}"
            if len(role.name) > MAX_NAME:
                yield f"{title}: {role.kind} {role.name} has more than {MAX_NAME} characters", f"set {option}"
            owner, owner_title = owners.setdefault(role, (account, title))
            if owner != account:
                yield f"{title}: {role.kind} {role.name} is also that of {owner_title}", f"set another {option}"


def build_objects(params: t.Mapping[str, t.Any]) -> dict[RbacObject, Json]:
    """The objects of all bindings by identity, in the order in which they are applied.

    :param params: the options of `irsa_rbac`.
    :raises InvalidInput: a binding is not valid.
    """
    problems = Problems()
    objects: dict[RbacObject, Json] = {}
    accounts = []
    for binding in params["bindings"]:
        namespace, account, rbac = binding["namespace"], binding["service_account"], binding["rbac"] or {}
        check_service_account(problems, namespace, account, allow_wildcards=False)
        roles = find_roles(namespace, account, rbac)
        accounts.append((f"{namespace}/{account}", f"{namespace}/{account}", roles))
        subject = {"kind": "ServiceAccount", "namespace": namespace, "name": account}
        for role in roles:
            reference = {"apiGroup": GROUP, "kind": role.kind, "name": role.name}
            grant = dataclasses.replace(role, kind=f"{role.kind}Binding")
            objects[role] = _with_metadata(role, {"rules": rbac[OPTIONS[role.kind][0]]})
            objects[grant] = _with_metadata(grant, {"roleRef": reference, "subjects": [subject]})
    for message, fix in find_problems(accounts):
        problems.add(message, fix)
    problems.raise_if_any()
    return objects


def _with_metadata(item: RbacObject, fields: Json) -> Json:
    metadata = {"name": item.name, **({"namespace": item.namespace} if item.namespace else {})}
    return {"apiVersion": f"{GROUP}/v1", "kind": item.kind, "metadata": metadata, **fields}


def plan(state: str, objects: t.Mapping[RbacObject, Json], observed: t.Mapping[RbacObject, Json | None]) -> Plan:
    """The writes that apply or delete the objects. Labels and annotations of existing objects are kept.

    :param state: ``present`` or ``absent``.
    :param observed: the objects as the API server returns them; None if one does not exist.
    :raises Conflict: a binding exists for another role, which Kubernetes does not allow changing; or an object is being
        deleted.
    """
    actions: list[Action] = []
    warnings: list[str] = []
    before, after = {}, {}
    # The reverse order deletes a binding before its role.
    for item, body in list(objects.items())[:: 1 if state == "present" else -1]:
        found = observed[item]
        if found is not None and found["metadata"].get("deletionTimestamp"):
            finalizers = found["metadata"].get("finalizers") or ()
            if state == "present":
                raise errors.make_being_deleted_error(item.title, finalizers)
            warnings.append(errors.make_being_deleted_warning(item.title, finalizers))
            continue
        fields = {key: body[key] for key in ("rules", "roleRef", "subjects") if key in body}
        old = None if found is None else {key: found.get(key) for key in fields}
        if old is not None:
            before[item.title] = old
        if state == "absent":
            actions += [] if found is None else [_delete(item, found)]
            continue
        after[item.title] = fields
        if found is None:
            actions.append(Action("create", {"item": item, "body": body}, f"create {item.title}"))
        elif _normalize(old) != _normalize(fields):
            if "roleRef" in fields and found.get("roleRef") != fields["roleRef"]:
                raise _make_other_role_error(item, found)
            changed = {key: value for key, value in fields.items() if key != "roleRef"}
            actions.append(Action("patch", {"item": item, "body": changed}, f"update {item.title}"))
    return Plan(before, after, tuple(actions), tuple(warnings))


def _delete(item: RbacObject, found: Json) -> Action:
    return Action("delete", {"item": item, "uid": found["metadata"]["uid"]}, f"delete {item.title}")


def _normalize(value: t.Any) -> t.Any:
    """The value as the API server stores it: it omits empty fields."""
    if isinstance(value, dict):
        return {key: _normalize(part) for key, part in value.items() if part not in (None, [], {}, "")}
    return [_normalize(part) for part in value] if isinstance(value, list) else value


def _make_other_role_error(item: RbacObject, found: Json) -> errors.Conflict:
    reference = found.get("roleRef") or {}
    option = OPTIONS[item.kind.removesuffix("Binding")][1]
    return errors.Conflict(
        f"{item.title} exists for another role",
        cause=f"it is for {reference.get('kind')} {reference.get('name')}, and Kubernetes does not allow changing that",
        fix=f"delete it, or set another rbac.{option}",
    )
