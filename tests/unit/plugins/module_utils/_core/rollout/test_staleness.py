# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods are injected by the webhook of the sandbox, or not at all."""

from __future__ import annotations

import copy
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import staleness
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.staleness import PodStatus
from sandbox import webhook
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

ROLE = "arn:aws:iam::123456789012:role/app"
OTHER = "arn:aws:iam::123456789012:role/other"
NOT_INJECTED = "has no AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE"


def account(role: str | None = ROLE, **annotations: str) -> Json:
    found = {f"eks.amazonaws.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
    if role is not None:
        found["eks.amazonaws.com/role-arn"] = role
    return {"metadata": {"name": "app", "namespace": "shop", "annotations": found}}


def pod(*containers: Json, init: t.Sequence[Json] = (), status: Json | None = None, **metadata: t.Any) -> Json:
    return {
        "metadata": {"name": "p", "namespace": "shop", "uid": "1", **metadata},
        "spec": {
            "serviceAccountName": "app",
            "containers": list(containers) or [container("app")],
            "initContainers": list(init),
        },
        "status": status or {"phase": "Running"},
    }


def container(name: str, **env: str) -> Json:
    return {"name": name, "env": [{"name": key, "value": value} for key, value in env.items()]}


def injected(original: Json, role: str = ROLE, **options: t.Any) -> Json:
    return webhook.inject(original, account(role), **options)


REPLICA_SET = Owner("apps/v1", "ReplicaSet", "web-6d")


def evaluate(
    given: Json, expected: ExpectedInjection | None, template: Json | None = None, **options: t.Any
) -> PodStatus:
    """:param template: the pod spec that the pod was created from, if known."""
    if template is None:
        return staleness.evaluate_pod(given, expected, {}, **options)
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6d", "controller": True}
    owned = {**given, "metadata": {**given["metadata"], "ownerReferences": [reference]}}
    replica_set = {"metadata": {}, "spec": {"template": {"spec": template}}}
    return staleness.evaluate_pod(owned, expected, {REPLICA_SET: replica_set}, **options)


def summary(status: PodStatus) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    return status.stale, status.reasons, status.correct_containers


def test_injected_pod_is_not_stale() -> None:
    status = evaluate(injected(pod(container("app"), init=[container("prepare")])), ExpectedInjection(ROLE))
    assert summary(status) == (False, (), ("prepare", "app"))


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        pytest.param(pod(), [f"container app {NOT_INJECTED}"], id="not-injected"),
        pytest.param(
            pod(container("a"), container("b")),
            [f"container a {NOT_INJECTED}", f"container b {NOT_INJECTED}"],
            id="two-containers-not-injected",
        ),
        pytest.param(injected(pod(), OTHER), [f"container app has role {OTHER} instead of {ROLE}"], id="another-role"),
        pytest.param(
            injected(pod(annotations={"eks.amazonaws.com/skip-containers": "a,b"}), OTHER),
            [f"container app has role {OTHER} instead of {ROLE}"],
            id="other-containers-are-skipped",
        ),
        pytest.param(
            pod(annotations={"eks.amazonaws.com/skip-containers": 'app"'}),
            [f"container app {NOT_INJECTED}"],
            id="invalid-skip-annotation",
        ),
        pytest.param(pod(status={"phase": "Pending"}), [f"container app {NOT_INJECTED}"], id="pending"),
        pytest.param(
            injected(pod(), pod_identity=True),
            ["container app has the credentials of an EKS Pod Identity association instead of the role"],
            id="pod-identity",
        ),
    ],
)
def test_stale_pods(given: Json, reasons: list[str]) -> None:
    status = evaluate(given, ExpectedInjection(ROLE))
    assert (status.stale, list(status.reasons)) == (True, reasons)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(
            pod(annotations={"kubernetes.io/config.mirror": "x"}),
            "it is a static pod, which webhooks do not process",
            id="static",
        ),
        pytest.param(pod(deletionTimestamp="2026-11-22T10:00:00Z"), "it is being deleted", id="terminating"),
        pytest.param(pod(status={"phase": "Succeeded"}), "it has ended (succeeded)", id="completed"),
        pytest.param(pod(status={"phase": "Failed", "reason": "Evicted"}), "it has ended (evicted)", id="evicted"),
        pytest.param(
            pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": "1"}),
            "its label eks.amazonaws.com/skip-pod-identity-webhook excludes it from the webhook",
            id="skip-label",
        ),
        pytest.param(
            pod(annotations={"eks.amazonaws.com/skip-containers": "app"}), "container app is skipped", id="skipped"
        ),
        pytest.param(pod(container("app", AWS_ROLE_ARN=OTHER)), "sets AWS_ROLE_ARN itself", id="preset-role"),
        pytest.param(
            pod(container("app", AWS_WEB_IDENTITY_TOKEN_FILE="/t")),
            "sets AWS_WEB_IDENTITY_TOKEN_FILE itself",
            id="preset-file",
        ),
        pytest.param(
            injected(pod(container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))),
            "sets AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE itself",
            id="preset-both-in-injected-pod",
        ),
        pytest.param(
            pod({"name": "app", "env": [{"name": "AWS_ROLE_ARN", "valueFrom": {"secretKeyRef": {}}}]}),
            "sets AWS_ROLE_ARN itself",
            id="preset-by-reference",
        ),
    ],
)
def test_pods_that_are_never_stale(given: Json, reason: str) -> None:
    status = evaluate(given, ExpectedInjection(ROLE))
    assert not status.stale
    assert status.correct_containers == ()
    assert len(status.reasons) == 1
    assert reason in status.reasons[0]


def test_ephemeral_containers_are_ignored() -> None:
    given = injected(pod())
    given["spec"]["ephemeralContainers"] = [container("debug")]
    assert summary(evaluate(given, ExpectedInjection(ROLE))) == (False, (), ("app",))


def test_pod_of_an_account_without_a_role_is_not_stale() -> None:
    assert ExpectedInjection.from_account(account(None)) is None
    assert ExpectedInjection.from_account(account("")) is None
    assert ExpectedInjection.from_account({"metadata": {"annotations": None}}) is None
    status = evaluate(pod(), None)
    assert status.stale is False
    assert status.reasons == ("its service account app has no annotation eks.amazonaws.com/role-arn",)


def test_windows_pod_with_a_windows_path() -> None:
    given = pod()
    given["spec"]["nodeSelector"] = {"kubernetes.io/os": "windows"}
    given = injected(given)
    environment = given["spec"]["containers"][0]["env"]
    path = next(variable["value"] for variable in environment if variable["name"].endswith("_FILE"))
    assert path.startswith("C:\\var\\run")
    assert evaluate(given, ExpectedInjection(ROLE)).correct_containers == ("app",)
    assert evaluate(given, ExpectedInjection(OTHER)).stale


@pytest.mark.parametrize(("audience", "stale"), [(None, False), ("sts.amazonaws.com", False), ("vault", True)], ids=str)
def test_token_with_another_audience_is_stale(audience: str | None, stale: bool) -> None:
    given = injected(pod())
    status = evaluate(given, ExpectedInjection(ROLE, audience))
    assert status.stale is stale
    if stale:
        assert status.reasons == ("the token's audience is sts.amazonaws.com instead of vault",)
        template = {"containers": given["spec"]["containers"], "volumes": given["spec"]["volumes"]}
        # The webhook keeps a volume of that name in the template.
        assert not evaluate(given, ExpectedInjection(ROLE, audience), template).stale


REGIONAL = "AWS_STS_REGIONAL_ENDPOINTS"


def inject_with(annotations: Json, given: Json | None = None, **options: t.Any) -> Json:
    return webhook.inject(given or pod(), account(**annotations), **options)


def required(annotations: Json) -> ExpectedInjection:
    expected = ExpectedInjection.from_account(account(**annotations))
    assert expected is not None
    return expected


@pytest.mark.parametrize("template", [None, pod()["spec"]], ids=["template-unknown", "template-known"])
@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        pytest.param(
            {}, {"token_expiration": "3600"}, "the token's expiration is 86400 s instead of 3600 s", id="expiration"
        ),
        pytest.param(
            {"token_expiration": "3600"},
            {"token_expiration": "30"},
            "the token's expiration is 3600 s instead of 600 s",
            id="expiration-below-the-minimum",
        ),
        pytest.param({"token_expiration": "3600"}, {"token_expiration": "soon"}, None, id="invalid-expiration"),
        pytest.param(
            {"sts_regional_endpoints": "true"},
            {"sts_regional_endpoints": "false"},
            f"container app has {REGIONAL}=regional instead of no {REGIONAL}",
            id="regional-off",
        ),
        pytest.param(
            {"sts_regional_endpoints": "F"},
            {"sts_regional_endpoints": "T"},
            f"container app has no {REGIONAL} instead of {REGIONAL}=regional",
            id="regional-on",
        ),
        pytest.param({"sts_regional_endpoints": "true"}, {"sts_regional_endpoints": "1"}, None, id="same-boolean"),
        pytest.param({"sts_regional_endpoints": "true"}, {"sts_regional_endpoints": "no"}, None, id="invalid-boolean"),
        pytest.param({"sts_regional_endpoints": "false"}, {}, None, id="flag-of-the-webhook"),
    ],
)
@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_pod_with_other_settings_than_requested_is_stale(
    before: Json, after: Json, reason: str | None, template: Json | None, region: str | None
) -> None:
    status = evaluate(inject_with(before, region=region), required(after), template)
    assert (status.stale, status.reasons) == (bool(reason), (reason,) if reason else ())
    assert not evaluate(inject_with(after, region=region), required(after), template).stale


def test_annotation_of_the_pod_has_priority_over_that_of_the_account() -> None:
    given = pod(annotations={"eks.amazonaws.com/token-expiration": "7200"})
    assert not evaluate(inject_with({}, given), required({"token_expiration": "3600"})).stale


def test_regional_endpoint_that_the_author_sets_is_not_stale() -> None:
    regional = pod(container("app", **{REGIONAL: "regional", "PATH": "/bin"}))
    off = required({"sts_regional_endpoints": "false"})
    for template in (None, regional["spec"]):
        assert not evaluate(inject_with({}, regional), off, template).stale
    preset = pod(container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))
    assert evaluate(inject_with({}, preset), off, preset["spec"]).stale
    # A new pod would get the variable.
    assert evaluate(preset, required({"sts_regional_endpoints": "true"}), preset["spec"]).stale


def test_injected_pod_is_stale_if_no_role_is_expected() -> None:
    status = evaluate(injected(pod()), ExpectedInjection(""))
    assert (status.stale, status.reasons) == (True, (f"container app still has role {ROLE}",))
    assert summary(evaluate(pod(), ExpectedInjection(""))) == (False, (), ("app",))
    preset = pod(container("app", AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))
    assert not evaluate(preset, ExpectedInjection("")).stale


def test_pod_with_variables_from_its_template_is_not_stale() -> None:
    # The variables look like those of the webhook. Only the template shows where they come from.
    given = injected(pod(), OTHER)
    assert evaluate(given, ExpectedInjection(ROLE)).stale
    assert evaluate(given, ExpectedInjection(ROLE), pod()["spec"]).stale
    assert not evaluate(given, ExpectedInjection(ROLE), given["spec"]).stale


def test_container_that_is_not_in_the_template_was_added_later() -> None:
    given = injected(pod())
    given["spec"]["containers"].append(container("sidecar"))
    status = evaluate(given, ExpectedInjection(ROLE), pod()["spec"])
    assert status.reasons == ("container sidecar was added after the webhook ran, so it has no role",)
    assert (status.stale, status.correct_containers) == (False, ("app",))


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True)
VARIABLES = st.sets(st.sampled_from(["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "PATH"]))


@st.composite
def pods(draw: st.DrawFn) -> Json:
    names = draw(NAMES)
    containers = [container(name, **dict.fromkeys(sorted(draw(VARIABLES)), "preset")) for name in names]
    init_count = draw(st.integers(0, len(names) - 1))
    given = pod(*containers[init_count:], init=containers[:init_count])
    if draw(st.booleans()):
        skipped = ",".join(draw(NAMES))
        given["metadata"]["annotations"] = {"eks.amazonaws.com/skip-containers": skipped}
    if draw(st.booleans()):
        given["spec"]["nodeSelector"] = {"kubernetes.io/os": draw(st.sampled_from(["linux", "windows"]))}
    return given


ACCOUNTS = st.fixed_dictionaries(
    {},
    optional={
        "sts_regional_endpoints": st.sampled_from(["true", "false", "maybe"]),
        "token_expiration": st.sampled_from(["600", "3600", "-1", "x"]),
    },
)


@hypothesis.given(pods(), ACCOUNTS, ACCOUNTS, st.booleans(), st.booleans())
def test_new_pod_has_the_requested_settings(
    given: Json, before: Json, after: Json, with_template: bool, regional: bool
) -> None:
    template = copy.deepcopy(given["spec"]) if with_template else None
    old = inject_with(before, given, sts_regional_endpoints=regional, region="eu-west-1")
    new = inject_with(after, given, sts_regional_endpoints=regional, region="eu-west-1")
    assert not evaluate(new, required(after), template).stale
    if evaluate(old, required(after), template).stale:
        assert old["spec"] != new["spec"]


@hypothesis.given(pods(), st.booleans())
def test_pod_processed_by_the_webhook_is_not_stale(given: Json, with_template: bool) -> None:
    before = copy.deepcopy(given)
    template = before["spec"] if with_template else None
    after = injected(given)
    status = evaluate(after, ExpectedInjection(ROLE), template)
    assert not status.stale
    is_injected = bool(status.correct_containers)
    # The pod from before the annotation is stale only if the webhook would inject a container now.
    assert evaluate(before, ExpectedInjection(ROLE), template).stale is is_injected
    # The injected pod is stale if the annotation changes.
    assert evaluate(after, ExpectedInjection(OTHER), template).stale is is_injected
    assert evaluate(after, ExpectedInjection(""), template).stale is is_injected


# Special cases


def with_sidecar(given: Json) -> Json:
    given["spec"]["containers"].append(container("sidecar"))
    return given


@pytest.mark.parametrize("template", [None, pod()["spec"]], ids=["template-unknown", "template-known"])
def test_sidecar_added_after_the_webhook_does_not_make_a_pod_stale(template: Json | None) -> None:
    # A restart would not help: the sidecar of a new pod would not be injected either.
    status = evaluate(with_sidecar(injected(pod())), ExpectedInjection(ROLE), template)
    assert summary(status) == (
        False,
        ("container sidecar was added after the webhook ran, so it has no role",),
        ("app",),
    )
    assert evaluate(with_sidecar(injected(pod())), ExpectedInjection(OTHER), template).stale


@pytest.mark.parametrize("template_known", [False, True], ids=["template-unknown", "template-known"])
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(pod(container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t")), id="preset"),
        pytest.param(pod(annotations={"eks.amazonaws.com/skip-containers": "app"}), id="skipped"),
    ],
)
def test_sidecar_is_added_later_even_if_the_webhook_set_no_role(given: Json, template_known: bool) -> None:
    template = copy.deepcopy(given["spec"]) if template_known else None
    status = evaluate(with_sidecar(injected(given)), ExpectedInjection(ROLE), template)
    assert not status.stale
    assert "container sidecar was added after the webhook ran, so it has no role" in status.reasons


def test_sidecar_of_a_pod_with_a_pod_identity_association_was_added_later() -> None:
    given = with_sidecar(injected(pod(), pod_identity=True))
    status = evaluate(given, ExpectedInjection(ROLE, pod_identity=True))
    assert [item.state for item in status.containers] == ["pod-identity", "added-later"]
    assert not status.stale


def test_pod_from_before_the_annotation_is_stale_despite_a_sidecar() -> None:
    assert evaluate(with_sidecar(pod()), ExpectedInjection(ROLE)).stale
    assert evaluate(with_sidecar(pod()), ExpectedInjection(ROLE), pod()["spec"]).stale


@pytest.mark.parametrize("role", [OTHER, ""], ids=["another-role", "no-role"])
def test_injected_pod_that_got_the_skip_label_later_can_be_stale(role: str) -> None:
    given = injected(pod())
    given["metadata"]["labels"] = {"eks.amazonaws.com/skip-pod-identity-webhook": "1"}
    assert evaluate(given, ExpectedInjection(role)).stale
    assert evaluate(given, ExpectedInjection(ROLE)).correct_containers == ("app",)


def test_pod_excluded_by_a_selector_of_the_webhook_is_not_stale() -> None:
    def find_exclusion(labels: t.Mapping[str, str]) -> str | None:
        return None if labels else "there must be a label irsa"

    status = evaluate(pod(), ExpectedInjection(ROLE), find_exclusion=find_exclusion)
    assert summary(status) == (False, ("its labels exclude it from the webhook: there must be a label irsa",), ())
    assert status.excluded == "there must be a label irsa"
    assert evaluate(pod(labels={"irsa": "yes"}), ExpectedInjection(ROLE), find_exclusion=find_exclusion).stale


def test_changed_template_of_the_deployment_is_not_used() -> None:
    # The Deployment now sets the role itself. The ReplicaSet of the pod does not.
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6d", "controller": True}
    given = injected(pod(ownerReferences=[reference]), OTHER)
    preset = container("app", AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/t")
    owned = {"ownerReferences": [{**reference, "kind": "Deployment", "name": "web"}]}
    workloads = {
        REPLICA_SET: {"metadata": owned, "spec": {"template": {"spec": pod()["spec"]}}},
        Owner("apps/v1", "Deployment", "web"): {"metadata": {}, "spec": {"template": {"spec": pod(preset)["spec"]}}},
    }
    status = staleness.evaluate_pod(given, ExpectedInjection(ROLE), workloads)
    assert status.owner == Owner("apps/v1", "Deployment", "web")
    assert status.reasons == (f"container app has role {OTHER} instead of {ROLE}",)


def test_pod_with_a_pod_identity_association_that_takes_precedence_is_not_stale() -> None:
    status = evaluate(injected(pod(), pod_identity=True), ExpectedInjection(ROLE, pod_identity=True))
    assert not status.stale
    assert "which takes precedence over the role" in status.reasons[0]


def test_pod_with_foreign_variables_is_not_stale_if_no_role_is_expected() -> None:
    given = pod(container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))
    assert not evaluate(given, ExpectedInjection(""), pod()["spec"]).stale


def test_audience_is_ignored_if_no_container_uses_the_injected_token() -> None:
    given = injected(pod(container("app", AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/t")))
    assert not evaluate(given, ExpectedInjection(ROLE, "vault")).stale
    assert (
        evaluate(injected(pod(), OTHER), ExpectedInjection(ROLE, "vault")).stale_settings[0].found
        == "sts.amazonaws.com"
    )


def test_template_of_the_replica_set_has_priority() -> None:
    pod_of_web = k8s.deployment_pod("web", "6d", "a")
    owner = Owner("apps/v1", "Deployment", "web")
    deployment = k8s.workload("web")
    deployment["spec"]["template"]["spec"]["containers"].append({"name": "new"})
    replica_set = k8s.workload("web-6d", owner=k8s.owner_reference("Deployment", "web"))
    workloads = {owner: deployment, REPLICA_SET: replica_set}
    assert staleness.find_template(owner, pod_of_web, workloads) == replica_set["spec"]["template"]["spec"]
    del workloads[REPLICA_SET]
    assert staleness.find_template(owner, pod_of_web, workloads) == deployment["spec"]["template"]["spec"]
    assert staleness.find_template(owner, pod_of_web, {}) is None
