# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of `sa_annotate` matches what the API server does, whichever managers write to the service account.

Check mode depends on this.
"""

from __future__ import annotations

import contextlib
import itertools
import typing as t

import hypothesis
import pytest
import urllib3
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client, service_accounts
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import spec as service_account_state
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import ServiceAccountSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import service_account
from hypothesis import strategies as st

if t.TYPE_CHECKING:
    from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.client import ApiServer, Json
    from sandbox.tests.support.clusters import ClusterUnderTest

NAMESPACE = "agreement"
ROLE = "eks.amazonaws.com/role-arn"
ARNS = [f"arn:aws:iam::123456789012:role/{name}" for name in "ab"]
# An annotation that state absent removes from other managers with force, one that it does not, and a label.
FIELDS = [("annotations", "eks.amazonaws.com/audience"), ("annotations", "note"), ("labels", "team")]
_numbers = itertools.count(1)


@pytest.fixture
def server(cluster: ClusterUnderTest) -> ApiServer:
    """The simulated API server or the real one, with a namespace for this test."""
    certificates = cluster.state.pki
    pool = urllib3.PoolManager(
        ca_certs=str(certificates / "ca.crt"),
        cert_file=str(certificates / "admin.crt"),
        key_file=str(certificates / "admin.key"),
    )
    server = client.ApiServer(pool, cluster.endpoint, authorization=lambda: None)
    service_accounts.create_namespace(server, name=NAMESPACE, manager="test")
    return server


class AccountUnderTest:
    """A service account to which the module and other managers write."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.name = f"account-{next(_numbers)}"
        self.path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{self.name}"

    def manifest(self, metadata: Json) -> Json:
        kept = {kind: {key: value for key, value in fields.items() if value} for kind, fields in metadata.items()}
        full = {kind: fields for kind, fields in kept.items() if fields}
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": self.name, **full}}

    def create(self, manager: str, metadata: Json) -> None:
        """Create the account as another manager, if it does not exist."""
        body = self.manifest(metadata)
        path = self.path.rpartition("/")[0]
        with contextlib.suppress(errors.AlreadyExists):
            self.server.request("POST", path, query={"fieldManager": manager}, body=body)

    def patch(self, manager: str, metadata: Json) -> None:
        """Patch the account as another manager, like ``kubectl annotate``. None removes a field."""
        with contextlib.suppress(errors.NotFound):
            self.server.request(
                "PATCH",
                self.path,
                query={"fieldManager": manager},
                body={"metadata": metadata},
                content_type=client.MERGE,
            )

    def apply(self, manager: str, metadata: Json) -> None:
        """Apply as another manager with force. This creates the account if it does not exist."""
        self.server.request(
            "PATCH",
            self.path,
            query={"fieldManager": manager, "force": True},
            body=self.manifest(metadata),
            content_type=client.APPLY,
        )

    def converge(self, options: Json) -> None:
        """Run the module. The plan must predict the result or the conflict."""
        spec = ServiceAccountSpec.from_params({**DEFAULTS, "name": self.name, **options})
        try:
            plan = service_account.plan_service_account(self.server, spec)
        except errors.Conflict as predicted:
            self.check_conflict(spec, predicted)
            return
        operations = service_account.operations(self.server)
        for action in plan.actions[:1]:
            operations[action.operation](**action.arguments, dry_run=True)
        assert self.observed(spec) == plan.before, "the dry run changed something"
        responses = [operations[action.operation](**action.arguments) for action in plan.actions]
        after = dict(plan.after)
        if after and after["uid"] is None:
            after["uid"] = self.observed(spec)["uid"]
        assert service_account_plan.with_server_state(spec, plan, responses).after == after
        assert self.observed(spec) == after
        second_plan = service_account.plan_service_account(self.server, spec)
        assert not second_plan, "a second run would change something"
        assert second_plan.before == second_plan.after == after

    def observed(self, spec: ServiceAccountSpec) -> Json:
        manifest = service_accounts.find_service_account(self.server, namespace=NAMESPACE, name=self.name)
        account = service_account_state.ServiceAccount.from_kubernetes(manifest) if manifest else None
        return service_account_state.describe(NAMESPACE, spec.name, account)

    def check_conflict(self, spec: ServiceAccountSpec, predicted: errors.Conflict) -> None:
        """The server must report the predicted conflicts. If other managers own a whole map, it may report more."""
        before = self.observed(spec)
        manifest = service_accounts.find_service_account(self.server, namespace=NAMESPACE, name=self.name)
        foreign_maps = service_account_state.ServiceAccount.from_kubernetes(manifest or {}).foreign_maps
        forced = service_account.plan_service_account(self.server, ServiceAccountSpec(**{**vars(spec), "force": True}))
        apply = next(action for action in forced.actions if action.operation == "apply_service_account")
        with pytest.raises(errors.Conflict) as caught:
            service_accounts.apply_service_account(self.server, **{**apply.arguments, "force": False})
        causes = caught.value.details["causes"]
        fields = {cause["field"].removeprefix(".metadata.").replace(".", " ", 1) for cause in causes}
        predicted_fields = {conflict["field"].replace(" ", "s ", 1) for conflict in predicted.details["conflicts"]}
        assert predicted_fields <= fields
        additional_maps = {field.partition(" ")[0] for field in fields - predicted_fields}
        assert not additional_maps or additional_maps <= foreign_maps
        managers = {cause["message"].split('"')[1] for cause in causes}
        owners = {owner["manager"] for conflict in predicted.details["conflicts"] for owner in conflict["owners"]}
        assert owners == managers or foreign_maps
        assert self.observed(spec) == before


DEFAULTS: Json = {
    "namespace": NAMESPACE,
    "state": "present",
    "role_arn": None,
    "audience": None,
    "sts_regional_endpoints": None,
    "token_expiration": None,
    "labels": None,
    "annotations": None,
    "create": True,
    "create_namespace": False,
    "force": False,
    "delete": False,
}


def metadata() -> st.SearchStrategy[Json]:
    """Metadata that other managers set (a value) or remove (None)."""
    pairs = st.one_of(
        st.tuples(st.just(("annotations", ROLE)), st.sampled_from([*ARNS, None])),
        st.tuples(st.sampled_from(FIELDS), st.sampled_from(["x", "y", None])),
    )

    def mapping(fields: list[tuple[tuple[str, str], str | None]]) -> Json:
        result: Json = {}
        for (kind, key), value in fields:
            result.setdefault(kind, {})[key] = value
        return result

    return st.lists(pairs, max_size=3).map(mapping)


def options() -> st.SearchStrategy[Json]:
    """The options of a run of the module."""
    text = st.sampled_from(["x", "y"])
    return st.fixed_dictionaries(
        {"force": st.booleans()},
        optional={
            "role_arn": st.sampled_from(ARNS),
            "audience": text,
            "annotations": st.fixed_dictionaries({"note": st.sampled_from(["x", "y", None])}),
            "labels": st.fixed_dictionaries({"team": st.sampled_from(["x", "y", None])}),
        },
    ) | st.fixed_dictionaries({"state": st.just("absent"), "force": st.booleans(), "delete": st.booleans()})


MANAGERS = st.sampled_from(["kubectl-annotate", "helm", "argocd-controller"])
STEPS = st.one_of(
    st.tuples(st.just("converge"), options()),
    st.tuples(st.sampled_from(["create", "patch", "apply"]), MANAGERS, metadata()),
)


@hypothesis.given(steps=st.lists(STEPS, min_size=2, max_size=6))
@hypothesis.settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
def test_plan_matches_server(server: ApiServer, steps: list[tuple[t.Any, ...]]) -> None:
    account = AccountUnderTest(server)
    for what, *arguments in (*steps, ("converge", {"role_arn": ARNS[0]}), ("converge", {"state": "absent"})):
        getattr(account, what)(*arguments)
