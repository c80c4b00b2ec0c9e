# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IAM OIDC provider: what is returned of it, and what is written to make it as it is wanted."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import arn as arns
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider import spec_and_plan as provider_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.spec_and_plan import Observed, Wanted, plan
from hypothesis import given
from hypothesis import strategies as st

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
URL, ARN = f"https://{HOST}", f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
STS = "sts.amazonaws.com"
ONE, TWO = "a" * 40, "b" * 40


def wanted(**options: t.Any) -> Wanted:
    defaults = {
        "state": "present",
        "cluster_name": None,
        "url": URL,
        "client_ids": [STS],
        "purge_client_ids": False,
        "thumbprints": None,
        "tags": None,
        "purge_tags": True,
        "force": False,
    }
    return Wanted.from_params({**defaults, **options})


def observed(**found: t.Any) -> Observed:
    """A provider as IAM returns it."""
    return Observed(URL, ARN, {"Url": HOST, "ClientIDList": [STS], "ThumbprintList": [ONE], "Tags": {}, **found})


MISSING = Observed(URL, ARN, None)


def writes(made: t.Any) -> list[tuple[str, dict[str, t.Any]]]:
    return [
        (action.operation, {key: value for key, value in action.arguments.items() if key != "arn"})
        for action in made.actions
    ]


def cluster(**options: t.Any) -> arns.EksCluster:
    return arns.EksCluster.from_aws(
        {
            "name": "production",
            "arn": "arn:aws-cn:eks:cn-north-1:123456789012:cluster/production",
            "status": "ACTIVE",
            "version": "1.33",
            "endpoint": "https://example.gr7.cn-north-1.eks.amazonaws.com.cn",
            "certificateAuthority": {"data": "Q0E="},
            "identity": {"oidc": {"issuer": URL}},
            **options,
        }
    )


def test_the_arn_is_in_the_clusters_partition_and_account() -> None:
    assert provider_plan.arn_of(cluster()) == f"arn:aws-cn:iam::123456789012:oidc-provider/{HOST}"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"identity": {}}, "DescribeCluster returns no identity.oidc"),
        ({"identity": {"oidc": {}}, "status": "CREATING"}, "its status is CREATING"),
    ],
)
def test_a_cluster_without_issuer(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(errors.InvalidInput, match=says):
        provider_plan.arn_of(cluster(**options))


def test_describe() -> None:
    found = provider_plan.describe(cluster(), None)
    assert found["oidc"] == {
        "issuer": URL,
        "provider": HOST,
        "provider_arn": f"arn:aws-cn:iam::123456789012:oidc-provider/{HOST}",
        "provider_exists": False,
        "client_ids": [],
        "thumbprints": [],
        "tags": {},
    }
    assert found["cluster"]["partition"] == "aws-cn"
    assert found["cluster"]["certificate_authority"] == "Q0E="
    found = provider_plan.describe(cluster(), {"ClientIDList": ["b", "a"], "ThumbprintList": [ONE], "Tags": {"k": "v"}})
    assert found["oidc"]["provider_exists"] is True
    assert found["oidc"]["client_ids"] == ["a", "b"]


def test_creation_leaves_the_thumbprints_to_aws() -> None:
    made = plan(wanted(tags={"team": "a"}), MISSING)
    assert writes(made) == [
        ("create_oidc_provider", {"url": URL, "client_ids": [STS], "thumbprints": None, "tags": {"team": "a"}})
    ]
    assert made.before == {}
    assert made.after == {"arn": ARN, "url": URL, "client_ids": [STS], "thumbprints": None, "tags": {"team": "a"}}


def test_creation_with_everything() -> None:
    made = plan(wanted(client_ids=["b", "a", "b"], thumbprints=[TWO.upper(), ONE]), MISSING)
    ((_operation, arguments),) = writes(made)
    assert arguments["client_ids"] == ["b", "a"]
    assert arguments["thumbprints"] == [TWO, ONE]
    assert made.after["client_ids"] == ["a", "b"]
    assert made.after["thumbprints"] == [ONE, TWO]


# What is there, what is asked for, what is written.
CHANGES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], list[tuple[str, dict[str, t.Any]]]]] = {
    "nothing to do": ({}, {}, []),
    "others' audiences stay": ({"ClientIDList": ["x", STS]}, {}, []),
    "a missing audience": ({"ClientIDList": ["x"]}, {}, [("add_client_id", {"client_id": STS})]),
    "purge": (
        {"ClientIDList": ["x", "y"]},
        {"purge_client_ids": True},
        [
            ("add_client_id", {"client_id": STS}),
            ("remove_client_id", {"client_id": "x"}),
            ("remove_client_id", {"client_id": "y"}),
        ],
    ),
    "an empty list without purge is nothing": ({}, {"client_ids": []}, []),
    "an empty list with purge is none": (
        {},
        {"client_ids": [], "purge_client_ids": True},
        [("remove_client_id", {"client_id": STS})],
    ),
    "thumbprints left out are left alone": ({"ThumbprintList": [TWO]}, {}, []),
    "thumbprints in another order and case": (
        {"ThumbprintList": [TWO, ONE.upper()]},
        {"thumbprints": [ONE, TWO.upper()]},
        [],
    ),
    "thumbprints": ({}, {"thumbprints": [TWO]}, [("set_thumbprints", {"thumbprints": [TWO]})]),
    "tags left out are left alone": ({"Tags": {"a": "1"}}, {}, []),
    "tags": (
        {"Tags": {"a": "1", "b": "2", "aws:x": "3"}},
        {"tags": {"b": "3", "c": 4}},
        [("untag_oidc_provider", {"keys": ["a"]}), ("tag_oidc_provider", {"tags": {"b": "3", "c": "4"}})],
    ),
    "tags without purge": (
        {"Tags": {"a": "1"}},
        {"tags": {"b": "2"}, "purge_tags": False},
        [("tag_oidc_provider", {"tags": {"b": "2"}})],
    ),
    "no tags": ({"Tags": {"a": "1"}}, {"tags": {}}, [("untag_oidc_provider", {"keys": ["a"]})]),
    "the same tag in another case": (
        {"Tags": {"Team": "a"}},
        {"tags": {"team": "a"}},
        [("tag_oidc_provider", {"tags": {"team": "a"}})],
    ),
}


@pytest.mark.parametrize(("found", "options", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_changes(found: dict[str, t.Any], options: dict[str, t.Any], expected: list[t.Any]) -> None:
    made = plan(wanted(**options), observed(**found))
    assert writes(made) == expected
    assert (made.before == made.after) is not bool(expected)
    assert all(action.arguments["arn"] == ARN for action in made.actions)


NAMES = st.sampled_from(["a", "B", "b", "c"])
TAGS = st.dictionaries(NAMES, st.sampled_from(["1", "2"])).filter(
    lambda tags: len(tags) == len({*map(str.lower, tags)})
)
THUMBPRINTS = st.lists(st.sampled_from([ONE, TWO, "C" * 40]), min_size=1, unique=True)


@given(
    before=st.fixed_dictionaries(
        {"ClientIDList": st.lists(NAMES, unique=True), "ThumbprintList": THUMBPRINTS, "Tags": TAGS}
    ),
    options=st.fixed_dictionaries(
        {"client_ids": st.lists(NAMES), "purge_client_ids": st.booleans(), "purge_tags": st.booleans()},
        optional={"thumbprints": THUMBPRINTS, "tags": TAGS},
    ),
)
def test_the_writes_lead_to_what_was_foreseen_and_no_further(
    before: dict[str, t.Any], options: dict[str, t.Any]
) -> None:
    """IAM, in ten lines, does the writes; then nothing is left to do."""
    made = plan(wanted(**options), observed(**before))
    found = {"ClientIDList": set(before["ClientIDList"]), "ThumbprintList": before["ThumbprintList"]}
    tags = dict(before["Tags"])
    for operation, arguments in writes(made):
        if operation == "add_client_id":
            found["ClientIDList"].add(arguments["client_id"])
        elif operation == "remove_client_id":
            found["ClientIDList"].remove(arguments["client_id"])
        elif operation == "set_thumbprints":
            found["ThumbprintList"] = arguments["thumbprints"]
        elif operation == "untag_oidc_provider":
            tags = {key: value for key, value in tags.items() if key not in arguments["keys"]}
        else:
            new = {key.lower() for key in arguments["tags"]}
            tags = {key: value for key, value in tags.items() if key.lower() not in new} | arguments["tags"]
    in_the_end = observed(**{**found, "Tags": tags})
    assert provider_plan.shape(in_the_end) == made.after
    assert not plan(wanted(**options), in_the_end)


def role(name: str, *statements: t.Any) -> dict[str, t.Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"RoleName": name, "AssumeRolePolicyDocument": document}


def trusts(federated: t.Any, effect: str = "Allow") -> dict[str, t.Any]:
    return {"Effect": effect, "Principal": {"Federated": federated}, "Action": "sts:AssumeRoleWithWebIdentity"}


def test_removal_is_refused_while_roles_trust_it() -> None:
    others = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    in_use = Observed(
        URL,
        ARN,
        observed().found,
        roles=(
            role("z", others, trusts(ARN), trusts(ARN)),
            role("unrelated", trusts(f"{ARN}/"), others),
            role("denied", trusts(ARN, "Deny")),
            role("a", trusts(["arn:aws:iam::123456789012:oidc-provider/x", ARN])),
            {"RoleName": "one", "AssumeRolePolicyDocument": {"Statement": trusts(ARN)}},
        ),
    )
    with pytest.raises(errors.Conflict) as caught:
        plan(wanted(state="absent"), in_use)
    assert caught.value.details["roles"] == ["a", "one", "z"]
    assert "trusted by 3 roles: a, one, z. Fix:" in str(caught.value)
    assert "force: true" in str(caught.value)
    assert writes(plan(wanted(state="absent", force=True), in_use)) == [("delete_oidc_provider", {})]


def test_removal() -> None:
    made = plan(wanted(state="absent"), observed())
    assert writes(made) == [("delete_oidc_provider", {})]
    assert made.before["arn"] == ARN
    assert made.after == {}
    assert not plan(wanted(state="absent"), MISSING)


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("other", "warned"), [(f"{ARN}/", True), (ARN.lower(), True), (f"{ARN}0", False), (ARN, False)]
)
def test_lookalikes_are_told(state: str, other: str, warned: bool) -> None:
    made = plan(
        wanted(state=state), Observed(URL, ARN, None, others=("arn:aws:iam::123456789012:oidc-provider/x", other))
    )
    assert bool(made.warnings) is warned
    assert all(other in warning for warning in made.warnings)


def test_a_slash_at_the_end_is_another_provider() -> None:
    assert wanted(url="https://example.auth0.com/").url == "https://example.auth0.com/"


BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"url": HOST}, "is no issuer that IAM takes"),
    ({"url": f"http://{HOST}"}, "is no issuer that IAM takes"),
    ({"url": f"{URL}?x=y"}, "is no issuer that IAM takes"),
    ({"url": f"{URL}#x"}, "is no issuer that IAM takes"),
    ({"url": "https://example.com:8443/id"}, "is no issuer that IAM takes"),
    ({"url": "https://user@example.com"}, "is no issuer that IAM takes"),
    ({"url": f" {URL}"}, "is no issuer that IAM takes"),
    ({"url": f"{URL}\n"}, "is no issuer that IAM takes"),
    ({"url": "https://"}, "is no issuer that IAM takes"),
    ({"url": f"https://example.com/{'x' * 236}"}, "is no issuer that IAM takes"),
    ({"client_ids": [""]}, "'' can't be an audience"),
    ({"client_ids": ["a b"]}, "'a b' can't be an audience"),
    ({"client_ids": ["x" * 256]}, "can't be an audience"),
    ({"thumbprints": []}, "thumbprints has 0 entries"),
    ({"thumbprints": [f"{number:040x}" for number in range(6)]}, "thumbprints has 6 entries"),
    ({"thumbprints": ["aa:bb"]}, "'aa:bb' is no SHA-1 digest"),
    ({"thumbprints": ["g" * 40]}, "is no SHA-1 digest"),
    ({"tags": {"aws:x": "y"}}, "reserved for AWS"),
    ({"tags": {"x": {"y": "z"}}}, "tag 'x'"),
]


@pytest.mark.parametrize(("options", "says"), BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_bad_options(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        wanted(**options)
    assert says in str(caught.value)
    assert "Fix:" in str(caught.value)


@pytest.mark.parametrize("found", [MISSING, observed(ClientIDList=["x"])], ids=["new", "more"])
def test_too_many_audiences(found: Observed) -> None:
    ids = [f"audience-{number}" for number in range(101 if found is MISSING else 100)]
    with pytest.raises(errors.InvalidInput, match="would have 101 audiences"):
        plan(wanted(client_ids=ids), found)
    assert plan(wanted(client_ids=ids[:100], purge_client_ids=True), found)


def test_too_many_tags() -> None:
    with pytest.raises(errors.InvalidInput, match="would have 51 tags"):
        plan(
            wanted(tags={"x": "y"}, purge_tags=False),
            observed(Tags={str(number): "" for number in range(50)}),
        )
