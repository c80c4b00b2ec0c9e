# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, lists, and escapes for invisible characters."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.wording import (
    excerpt,
    join,
    join_some,
    plural,
    quantity,
    redact_credentials,
    sentence,
    visible,
)
from hypothesis import given, settings
from hypothesis import strategies as st

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")


@pytest.mark.parametrize(("count", "word"), [(0, "roles"), (1, "role"), (2, "roles")])
def test_noun_is_singular_only_for_one(count: int, word: str) -> None:
    assert plural(count, "role") == word
    assert quantity(count, "role") == f"{count} {word}"


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_items_are_joined_with_commas_and_and(items: list[str], text: str) -> None:
    assert join(items) == text
    assert join_some(items, 3) == text


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (1, "a and 3 more"),
        (2, "a, b and 2 more"),
        (3, "a, b, c and 1 more"),
        (4, "a, b, c and d"),
        (9, "a, b, c and d"),
    ],
)
def test_items_beyond_the_limit_are_counted(limit: int, text: str) -> None:
    assert join_some(["a", "b", "c", "d"], limit) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, tëxt 字 😀", "plain, tëxt 字 😀"),
        (" a\tb\r\n c ", "a b c"),
        ("\x1b[31mred\x00", "\\u001b[31mred\\u0000"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("none \ufffe \uffff \ud800", "none \\ufffe \\uffff \\ud800"),
        ("filler\u3164 blank\u2800 selector\ufe0f\U000e0101", "filler\\u3164 blank\\u2800 selector\\ufe0f\\U000e0101"),
    ],
)
def test_invisible_characters_become_escapes(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_visible_text_is_one_line_without_control_characters(text: str) -> None:
    result = visible(text)
    assert visible(result) == result
    assert not {unicodedata.category(character) for character in result} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    without_spaces = re.sub(r"\s", "", text)
    if without_spaces.isprintable():
        assert result.replace(" ", "") == without_spaces


@pytest.mark.parametrize(
    ("text", "expected"), [("it broke", "it broke."), ("why?", "why?"), ("it\nbroke. ", "it broke.")]
)
def test_sentence_ends_with_a_full_stop(text: str, expected: str) -> None:
    assert sentence(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it\n\x1b[2Jbroke", "it \\u001b[2Jbroke"),
        ("Bearer token is missing, use basic authentication", "Bearer token is missing, use basic authentication"),
        ("authorization: bearer abcdefghijklmnop.qrs-_~+/=, next", "authorization: bearer ********, next"),
        ("Proxy-Authorization: Basic bWU6c2VjcmV0LXBhc3N3b3Jk", "Proxy-Authorization: Basic ********"),
        ("token k8s-aws-v1.aHR0cHM6Ly9zdHM.", "token ********."),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcyJ9.c2lnbmF0dXJl end", "******** end"),
        (f"?X-Amz-Signature={'0a' * 32}&X-Amz-Expires=60", "?X-Amz-Signature=********&X-Amz-Expires=60"),
        (f"SignedHeaders=host, Signature={'0a' * 32}", "SignedHeaders=host, Signature=********"),
        ("x-amz-security-token:IQoJb3JpZ2lu+/== host:x", "x-amz-security-token:******** host:x"),
        ('{"X-Amz-Security-Token": "IQoJb3JpZ2lu"}', '{"X-Amz-Security-Token": "********"}'),
    ],
)
def test_excerpt_is_visible_and_has_no_credentials(text: str, expected: str) -> None:
    assert excerpt(text) == expected


def test_excerpt_is_cut_after_credentials_are_removed() -> None:
    assert excerpt("abcdef", 6) == "abcdef"
    assert excerpt("abcdefg", 6) == "abcde…"
    assert len(excerpt("x" * 5000)) == 1000
    assert excerpt("Bearer abcdefghijklmnopqrst", 20) == "Bearer ********"


TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcyJ9.c2lnbmF0dXJlLW9mLXRoYXQ"
KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "log",
    [
        f"token is {TOKEN}",
        f"Authorization: Bearer {TOKEN}\n",
        f'{{"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "{KEY}", "SessionToken": "{KEY}=="}}',
        f"export AWS_SECRET_ACCESS_KEY={KEY}",
        f"aws_session_token = {KEY}",
        f"<SecretAccessKey>{KEY}</SecretAccessKey>",
        f"secretAccessKey: '{KEY}'",
        f"&WebIdentityToken={TOKEN}",
    ],
)
def test_secrets_are_redacted(log: str) -> None:
    redacted = redact_credentials(log)
    for secret in (KEY, TOKEN, "eyJ", "ASIAIOSFODNN7EXAMPLE"):
        assert secret not in redacted
    assert "********" in redacted


def test_log_without_secrets_is_unchanged() -> None:
    log = '{"UserId": "AROAEXAMPLE:x", "Arn": "arn:aws:sts::123456789012:assumed-role/app/x"}\nAn error occurred\n'
    assert redact_credentials(log) == log


def test_text_about_credentials_is_unchanged() -> None:
    for text in (
        "The security token included in the request is invalid",
        "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint",
        "set access_key, secret_key, session_token, or profile",
        "not authorized to perform sts:AssumeRoleWithWebIdentity on role asiapacificadmins123",
    ):
        assert redact_credentials(text) == text


def test_redaction_of_long_text_takes_linear_time() -> None:
    start = time.process_time()
    for text in ("bearer " * 20_000, "eyJ" * 50_000, "session_token" * 10_000, "signature=" * 15_000, "a" * 150_000):
        redact_credentials(text)
    assert time.process_time() - start < 1
