# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's webhook makes the pods: what it injects is right, and what it never saw is stale."""

from __future__ import annotations

import copy
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods import injection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import Expected
from sandbox import webhook

Json = dict[str, t.Any]

ROLE = "arn:aws:iam::123456789012:role/app"
OTHER = "arn:aws:iam::123456789012:role/other"
BARE = "has no AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE"


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


def test_an_injected_pod_is_right() -> None:
    verdict = injection.judge(injected(pod(container("app"), init=[container("prepare")])), Expected(ROLE))
    assert verdict == injection.Verdict(False, (), ("prepare", "app"))


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        pytest.param(pod(), [f"container app {BARE}"], id="bare"),
        pytest.param(pod(container("a"), container("b")), [f"container a {BARE}", f"container b {BARE}"], id="two"),
        pytest.param(injected(pod(), OTHER), [f"container app has role {OTHER} instead of {ROLE}"], id="another-role"),
        pytest.param(
            injected(pod(annotations={"eks.amazonaws.com/skip-containers": "a,b"}), OTHER),
            [f"container app has role {OTHER} instead of {ROLE}"],
            id="others-are-skipped",
        ),
        pytest.param(
            pod(annotations={"eks.amazonaws.com/skip-containers": 'app"'}), [f"container app {BARE}"], id="csv-error"
        ),
        pytest.param(pod(status={"phase": "Pending"}), [f"container app {BARE}"], id="pending"),
        pytest.param(
            injected(pod(), pod_identity=True),
            ["container app has the credentials of an EKS Pod Identity association instead of the role"],
            id="pod-identity",
        ),
    ],
)
def test_stale(given: Json, reasons: list[str]) -> None:
    verdict = injection.judge(given, Expected(ROLE))
    assert (verdict.stale, list(verdict.reasons)) == (True, reasons)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(pod(annotations={"kubernetes.io/config.mirror": "x"}), "a static pod", id="static"),
        pytest.param(pod(deletionTimestamp="2026-11-22T10:00:00Z"), "being deleted", id="terminating"),
        pytest.param(pod(status={"phase": "Succeeded"}), "it has ended (succeeded)", id="completed"),
        pytest.param(pod(status={"phase": "Failed", "reason": "Evicted"}), "it has ended (evicted)", id="evicted"),
        pytest.param(
            pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": "1"}), "keeps the webhook away", id="label"
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
            id="preset-both-with-the-webhooks-volume",
        ),
        pytest.param(
            pod({"name": "app", "env": [{"name": "AWS_ROLE_ARN", "valueFrom": {"secretKeyRef": {}}}]}),
            "sets AWS_ROLE_ARN itself",
            id="preset-by-reference",
        ),
    ],
)
def test_not_the_webhooks(given: Json, reason: str) -> None:
    verdict = injection.judge(given, Expected(ROLE))
    assert not verdict.stale
    assert verdict.containers == ()
    assert len(verdict.reasons) == 1
    assert reason in verdict.reasons[0]


def test_ephemeral_containers_are_not_looked_at() -> None:
    given = injected(pod())
    given["spec"]["ephemeralContainers"] = [container("debug")]
    assert injection.judge(given, Expected(ROLE)) == injection.Verdict(False, (), ("app",))


def test_an_account_without_a_role_promises_nothing() -> None:
    assert Expected.from_account(account(None)) is None
    assert Expected.from_account(account("")) is None
    assert Expected.from_account({"metadata": {"annotations": None}}) is None
    verdict = injection.judge(pod(), None)
    assert verdict.stale is False
    assert verdict.reasons == ("its service account app has no annotation eks.amazonaws.com/role-arn",)


def test_on_windows_the_path_is_another() -> None:
    given = pod()
    given["spec"]["nodeSelector"] = {"kubernetes.io/os": "windows"}
    right = injected(given)
    path = next(each["value"] for each in right["spec"]["containers"][0]["env"] if each["name"].endswith("_FILE"))
    assert path.startswith("C:\\var\\run")
    assert injection.judge(right, Expected(ROLE)).containers == ("app",)
    assert injection.judge(right, Expected(OTHER)).stale


@pytest.mark.parametrize(("audience", "stale"), [(None, False), ("sts.amazonaws.com", False), ("vault", True)], ids=str)
def test_audience_of_the_annotation(audience: str | None, stale: bool) -> None:
    given = injected(pod())
    verdict = injection.judge(given, Expected(ROLE, audience))
    assert verdict.stale is stale
    if stale:
        assert verdict.reasons == ("the token's audience is sts.amazonaws.com instead of vault",)
        own = {"containers": given["spec"]["containers"], "volumes": given["spec"]["volumes"]}
        # A volume of that name in the template is kept by the webhook.
        assert not injection.judge(given, Expected(ROLE, audience), own).stale


def test_without_a_role_wanted_what_is_injected_is_stale() -> None:
    verdict = injection.judge(injected(pod()), Expected(""))
    assert (verdict.stale, verdict.reasons) == (True, (f"container app still has role {ROLE}",))
    assert injection.judge(pod(), Expected("")) == injection.Verdict(False, (), ("app",))
    preset = pod(container("app", AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))
    assert not injection.judge(preset, Expected("")).stale


def test_the_template_tells_what_the_author_wrote() -> None:
    # By hand, but at the very place where the webhook writes: only the template tells.
    given = injected(pod(), OTHER)
    by_hand = given["spec"]
    assert injection.judge(given, Expected(ROLE)).stale
    assert injection.judge(given, Expected(ROLE), pod()["spec"]).stale
    assert not injection.judge(given, Expected(ROLE), by_hand).stale


def test_a_container_that_is_not_in_the_template_came_after_the_webhook() -> None:
    given = injected(pod())
    given["spec"]["containers"].append(container("sidecar"))
    verdict = injection.judge(given, Expected(ROLE), pod()["spec"])
    assert verdict.reasons == ("container sidecar was added after the webhook had seen the pod, so it has no role",)
    assert (verdict.stale, verdict.containers) == (False, ("app",))
    assert injection.judge(given, Expected(ROLE)).stale


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        ("", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a, b", ["a", " b"]),
        ('"a","b,c"', ["a", "b,c"]),
        ('"a""b"', ['a"b']),
        ('a"b', []),
        ('"a', []),
        ('"a"b', []),
        ("\na\nb", ["a"]),
    ],
)
def test_skipped_containers(annotation: str, names: list[str]) -> None:
    assert injection.skipped_containers({injection.SKIP_CONTAINERS: annotation}) == frozenset(names)


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True)
VARIABLES = st.sets(st.sampled_from(["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "PATH"]))


@st.composite
def pods(draw: st.DrawFn) -> Json:
    names = draw(NAMES)
    made = [container(name, **dict.fromkeys(sorted(draw(VARIABLES)), "mine")) for name in names]
    cut = draw(st.integers(0, len(names) - 1))
    given = pod(*made[cut:], init=made[:cut])
    if draw(st.booleans()):
        skipped = ",".join(draw(NAMES))
        given["metadata"]["annotations"] = {"eks.amazonaws.com/skip-containers": skipped}
    if draw(st.booleans()):
        given["spec"]["nodeSelector"] = {"kubernetes.io/os": draw(st.sampled_from(["linux", "windows"]))}
    return given


@hypothesis.given(pods(), st.booleans())
def test_what_the_webhook_has_seen_is_never_stale(given: Json, with_template: bool) -> None:
    before = copy.deepcopy(given)
    template = before["spec"] if with_template else None
    after = injected(given)
    verdict = injection.judge(after, Expected(ROLE), template)
    assert not verdict.stale
    # Seen before the annotation was there: stale exactly if the webhook would have given the role to any container.
    gained = injection.judge(after, Expected(ROLE), template).containers
    assert injection.judge(before, Expected(ROLE), template).stale is bool(gained)
    # And it is stale once the account names another role.
    assert injection.judge(after, Expected(OTHER), template).stale is bool(gained)
    assert injection.judge(after, Expected(""), template).stale is bool(gained)
