# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts that an audit reads from AWS and the cluster, with few requests, and missing permissions."""

from __future__ import annotations

import copy
import json
import types
import typing as t
import urllib.parse

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.facts import AuditFacts, AuditSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._module import audit
from ansible_collections.eksops.irsa.plugins.module_utils._module.audit import read_facts
from botocore.stub import Stubber
from unit.chain_objects import CHAIN, CLUSTER, OTHER, ROLE, account, hook, inject, plain_pod

Json = dict[str, t.Any]
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
PROVIDER = CHAIN.issuer.removeprefix("https://")
PROVIDER_ARN = f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}"
ORPHANED = "oidc.eks.us-east-1.amazonaws.com/id/FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER_ARN},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{PROVIDER}:sub": "system:serviceaccount:shop:app"}},
        }
    ],
}
# Copied for each use because botocore decodes the policy in place.
DETAIL = {
    "Path": "/",
    "RoleName": "app",
    "RoleId": "AROAABCDEFGHIJKLMNOPQ",
    "Arn": ROLE,
    "CreateDate": "2026-01-01T00:00:00Z",
    "AssumeRolePolicyDocument": urllib.parse.quote(json.dumps(TRUST)),
}


class Server:
    """An API server with these responses: objects, or exceptions to raise. Everything else does not exist."""

    host = "https://localhost"

    def __init__(self, **changes: t.Any) -> None:
        self.responses: Json = {
            "GET /api/v1/serviceaccounts": [account()],
            "GET /api/v1/namespaces": [{"metadata": {"name": "shop", "labels": {}}}],
            f"GET {WEBHOOKS}": [hook()],
            "GET /api/v1/pods": [],
            **changes,
        }
        self.requests: list[str] = []

    def request(self, method: str, path: str, **_options: t.Any) -> t.Any:
        name = f"{method} {path}"
        self.requests.append(name)
        response = self.responses.get(name, errors.NotFound(f"no {name}"))
        if isinstance(response, Exception):
            raise response
        return response

    def pages(self, path: str, *, keep: t.Any = None, **_options: t.Any) -> tuple[t.Any, str]:
        bodies = self.request("GET", path)
        return (bodies if keep is None else [kept for body in bodies if (kept := keep(body))]), "1"


class Cloud:
    """Clients with stubbed responses in the order of the requests."""

    def __init__(self) -> None:
        self.stubs: dict[tuple[str, str], Stubber] = {}

    def client(self, service: str, region: str | None = None) -> t.Any:
        return self.of(service, region or "eu-west-1").client

    def of(self, service: str, region: str = "eu-west-1") -> Stubber:
        if (service, region) not in self.stubs:
            client = boto3.client(service, region_name=region, aws_access_key_id="x", aws_secret_access_key="y")  # type: ignore[call-overload]
            self.stubs[service, region] = Stubber(client)
            self.stubs[service, region].activate()
        return self.stubs[service, region]


@pytest.fixture
def cloud() -> t.Iterator[Cloud]:
    cloud = Cloud()
    yield cloud
    for stub in cloud.stubs.values():
        stub.assert_no_pending_responses()


def stub_account(cloud: Cloud, *providers: str, roles: bool = True) -> None:
    """Stub the requests of every audit."""
    if roles:
        response = {"RoleDetailList": [dict(DETAIL)], "IsTruncated": False}
        expected = {"Filter": ["Role", "LocalManagedPolicy"], "MaxItems": 1000}
        cloud.of("iam").add_response("get_account_authorization_details", response, expected)
    cloud.of("iam").add_response(
        "get_open_id_connect_provider",
        {"Url": PROVIDER, "ClientIDList": ["sts.amazonaws.com"]},
        {"OpenIDConnectProviderArn": PROVIDER_ARN},
    )
    arns = [f"arn:aws:iam::123456789012:oidc-provider/{provider}" for provider in (PROVIDER, *providers)]
    response = {"OpenIDConnectProviderList": [{"Arn": arn} for arn in arns]}
    cloud.of("iam").add_response("list_open_id_connect_providers", response, {})
    cloud.of("eks").add_response("list_pod_identity_associations", {"associations": []}, {"clusterName": "prod"})


def read(cloud: Cloud, server: Server, **options: t.Any) -> AuditFacts:
    spec = AuditSpec.from_params(
        {
            "cluster_name": "prod",
            "fail_on": "error",
            "unused_days": 90,
            "pods": True,
            "dry_run_pod": False,
            "env_from": False,
            "providers": True,
            "max_workers": 1,  # for a fixed order of the calls
            "max_findings": 0,
            **options,
        }
    )
    aws, api_server = t.cast(t.Any, cloud), t.cast(t.Any, server)
    return read_facts(aws, api_server, spec, CLUSTER, redact=lambda _secret: None)


def test_whole_cluster_takes_one_list_per_kind(cloud: Cloud) -> None:
    stub_account(cloud)
    server = Server(**{"GET /api/v1/pods": [inject(plain_pod())]})
    facts = read(cloud, server)
    assert sorted(server.requests) == [
        "GET /api/v1/namespaces",
        "GET /api/v1/pods",
        "GET /api/v1/serviceaccounts",
        f"GET {WEBHOOKS}",
    ]
    assert facts.subjects_by_role == {"app": ["system:serviceaccount:shop:app"]}
    assert facts.skipped_checks == ()


def test_only_the_named_namespace_is_read(cloud: Cloud) -> None:
    stub_account(cloud)
    path = "/api/v1/namespaces/shop"
    server = Server(
        **{
            f"GET {path}": {"metadata": {"name": "shop"}},
            f"GET {path}/serviceaccounts": [account()],
            f"GET {path}/pods": [],
        }
    )
    facts = read(cloud, server, namespaces=["shop"])
    assert sorted(server.requests) == [
        f"GET {path}",
        f"GET {path}/pods",
        f"GET {path}/serviceaccounts",
        f"GET {WEBHOOKS}",
    ]
    assert list(t.cast(Json, facts.namespaces)) == ["shop"]


def test_several_namespaces_are_selected_from_a_list_of_all(cloud: Cloud) -> None:
    stub_account(cloud)
    other = {"namespace": "other"}
    server = Server(
        **{
            "GET /api/v1/namespaces/shop": {"metadata": {"name": "shop"}},
            "GET /api/v1/namespaces/bank": {"metadata": {"name": "bank"}},
            "GET /api/v1/serviceaccounts": [account(), {"metadata": {**account()["metadata"], **other}}],
            "GET /api/v1/pods": [plain_pod(), {**plain_pod(), "metadata": {**plain_pod()["metadata"], **other}}],
        }
    )
    facts = read(cloud, server, namespaces=["shop", "bank"])
    assert list(facts.service_accounts) == [("shop", "app")]
    assert list(t.cast(Json, facts.pods)) == [("shop", "app")]
    assert server.requests.count("GET /api/v1/serviceaccounts") == 1


def test_pods_are_kept_without_unused_fields(cloud: Cloud) -> None:
    stub_account(cloud)
    finished = plain_pod("web-finished", status={"phase": "Succeeded"})
    pod = inject(plain_pod(status={"phase": "Running", "conditions": [{"type": "Ready"}]}))
    pod["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    spec = copy.deepcopy(pod["spec"])
    pod["spec"]["tolerations"] = [{"operator": "Exists"}]
    for container in spec["containers"]:
        del container["image"]
    facts = read(cloud, Server(**{"GET /api/v1/pods": [finished, pod]}))
    (kept,) = t.cast(Json, facts.pods)["shop", "app"]
    assert kept["metadata"]["name"] == "web-5d4f-x1"
    assert "managedFields" not in kept["metadata"]
    assert kept["status"] == {"phase": "Running"}
    assert kept["spec"] == spec


def test_owners_are_read_only_for_pods_that_are_not_fully_injected(cloud: Cloud) -> None:
    stub_account(cloud)
    injected = inject(plain_pod("ok-1", owner=("apps/v1", "ReplicaSet", "ok-5d4f")))
    stale = plain_pod("web-1")
    owner = {"metadata": {"name": "web-5d4f", "namespace": "shop"}, "spec": {"template": {"spec": stale["spec"]}}}
    path = "/apis/apps/v1/namespaces/shop"
    server = Server(**{"GET /api/v1/pods": [injected, stale], f"GET {path}/replicasets/web-5d4f": owner})
    facts = read(cloud, server)
    assert [request for request in server.requests if path in request] == [
        f"GET {path}/replicasets/web-5d4f",
        f"GET {path}/deployments/web",
    ]
    assert facts.workloads == {
        "shop": {
            Owner("apps/v1", "ReplicaSet", "web-5d4f"): owner,
            Owner("apps/v1", "Deployment", "web"): None,
        }
    }


def test_many_owners_are_listed_and_others_dropped(cloud: Cloud) -> None:
    stub_account(cloud)
    pods = [inject(plain_pod(f"p{n}", owner=("apps/v1", "StatefulSet", f"s{n}")), OTHER) for n in range(9)]
    sets: list[Json] = [{"metadata": {"name": f"s{n}", "namespace": "shop"}, "spec": {}} for n in range(8)]
    other = {"metadata": {"name": "other", "namespace": "shop"}, "spec": {}}
    server = Server(**{"GET /api/v1/pods": pods, "GET /apis/apps/v1/statefulsets": [*sets, other]})
    facts = read(cloud, server)
    assert [request for request in server.requests if "apps" in request] == ["GET /apis/apps/v1/statefulsets"]
    workloads = {owner.name: body for owner, body in facts.workloads["shop"].items()}
    assert workloads == {**{body["metadata"]["name"]: body for body in sets}, "s8": None}


def test_clusters_are_read_in_the_regions_of_providers(cloud: Cloud) -> None:
    stub_account(cloud, ORPHANED, "token.actions.githubusercontent.com")
    stub = cloud.of("eks", "us-east-1")
    stub.add_response("list_clusters", {"clusters": ["old", "new"]}, {})
    stub.add_client_error("describe_cluster", "ResourceNotFoundException", "not found")
    arn = "arn:aws:eks:us-east-1:123456789012:cluster/new"
    cluster = {"name": "new", "arn": arn, "status": "ACTIVE", "identity": {"oidc": {"issuer": "https://issuer"}}}
    stub.add_response("describe_cluster", {"cluster": cluster}, {"name": "new"})
    assert read(cloud, Server()).issuers == {"us-east-1": frozenset({"https://issuer"})}


def test_unreadable_cluster_makes_the_issuers_unknown(cloud: Cloud) -> None:
    stub_account(cloud, ORPHANED)
    cloud.of("eks", "us-east-1").add_response("list_clusters", {"clusters": ["old"]}, {})
    cloud.of("eks", "us-east-1").add_client_error("describe_cluster", "AccessDeniedException", "no")
    facts = read(cloud, Server())
    assert isinstance(facts.issuers["us-east-1"], Unknown)
    assert [check for check in facts.skipped_checks if "eks:DescribeCluster" in check]


def test_roles_are_listed_if_their_details_are_denied(cloud: Cloud) -> None:
    cloud.of("iam").add_client_error("get_account_authorization_details", "AccessDenied", "no")
    cloud.of("iam").add_response("list_roles", {"Roles": [dict(DETAIL)], "IsTruncated": False}, {"MaxItems": 1000})
    stub_account(cloud, roles=False)
    facts = read(cloud, Server())
    assert facts.subjects_by_role == {"app": ["system:serviceaccount:shop:app"]}
    assert "ManagedPolicies" not in facts.known_roles["app"]
    assert [check for check in facts.skipped_checks if "iam:GetAccountAuthorizationDetails" in check]


def test_denied_reads_are_unknown_and_recorded(cloud: Cloud) -> None:
    stub_account(cloud)
    denied = errors.AccessDenied("could not list", cause="forbidden")
    facts = read(cloud, Server(**{"GET /api/v1/pods": denied, f"GET {WEBHOOKS}": denied}))
    assert isinstance(facts.pods, Unknown)
    assert isinstance(facts.webhooks, Unknown)
    assert sorted(check.rpartition(": ")[2] for check in facts.skipped_checks) == [
        "the permission list mutatingwebhookconfigurations.admissionregistration.k8s.io is missing.",
        "the permission list pods is missing.",
    ]


def test_denied_service_accounts_are_an_error(cloud: Cloud) -> None:
    stub_account(cloud)
    with pytest.raises(errors.AccessDenied):
        read(cloud, Server(**{"GET /api/v1/serviceaccounts": errors.AccessDenied("could not list")}))


def test_keys_of_env_sources_are_read_if_requested(cloud: Cloud) -> None:
    stub_account(cloud)
    pod = inject(plain_pod())
    pod["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    path = "GET /api/v1/namespaces/shop/configmaps/settings"
    settings = {"metadata": {"managedFields": [{"fieldsV1": {"f:data": {"f:AWS_PROFILE": {}}}}]}}
    server = Server(**{"GET /api/v1/pods": [pod, pod], path: settings})
    facts = read(cloud, server, env_from=True)
    assert server.requests.count(path) == 1
    assert facts.env_sources == {"shop": {("ConfigMap", "settings"): ["AWS_PROFILE"]}}


def test_dry_run_uses_the_first_annotated_account(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def verify(context: t.Any, spec: t.Any, *, start_pods: bool) -> t.Any:
        """Replace a verification; return findings of two links."""
        calls.append((spec.namespace, spec.service_account, spec.probes, context.cluster, start_pods))
        findings = (Finding("webhook-unreachable", "a", "b"), Finding("role-missing", "a", "b"))
        return types.SimpleNamespace(findings=findings, warnings=("Could not list pods.",))

    monkeypatch.setattr(audit.verification, "verify", verify)
    stub_account(cloud)
    accounts = [account(None), {"metadata": {**account()["metadata"], "name": "other"}}]
    facts = read(cloud, Server(**{"GET /api/v1/serviceaccounts": accounts}), dry_run_pod=True)
    assert calls == [("shop", "other", frozenset({"admission"}), CLUSTER, False)]
    assert [finding.id for finding in facts.webhook] == ["webhook-unreachable"]
    assert facts.skipped_checks == ("Could not list pods.",)


def test_no_dry_run_without_an_annotated_account(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(audit.verification, "verify")
    stub_account(cloud)
    facts = read(cloud, Server(**{"GET /api/v1/serviceaccounts": [account(None)]}), dry_run_pod=True)
    assert facts.webhook == ()


def test_pods_are_not_read_if_not_requested(cloud: Cloud) -> None:
    stub_account(cloud)
    server = Server()
    facts = read(cloud, server, pods=False)
    assert isinstance(facts.pods, Unknown)
    assert "GET /api/v1/pods" not in server.requests
    assert facts.skipped_checks == ()


def test_quotas_are_read_for_long_trust_policies_only(cloud: Cloud) -> None:
    long = json.dumps({**TRUST, "Id": "x" * 1500})
    detail = {**DETAIL, "AssumeRolePolicyDocument": urllib.parse.quote(long)}
    response = {"RoleDetailList": [detail], "IsTruncated": False}
    cloud.of("iam").add_response("get_account_authorization_details", response)
    stub_account(cloud, roles=False)
    cloud.of("iam").add_response("get_account_summary", {"SummaryMap": {"AssumeRolePolicySizeQuota": 4096}}, {})
    assert read(cloud, Server()).quotas == {"AssumeRolePolicySizeQuota": 4096}
