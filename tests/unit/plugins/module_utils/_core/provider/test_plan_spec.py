# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spec of an OIDC provider."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.plan import ProviderSpec

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
URL = f"https://{HOST}"
STS = "sts.amazonaws.com"


def make_spec(**options: t.Any) -> ProviderSpec:
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
    return ProviderSpec.from_params({**defaults, **options})


INVALID: list[tuple[dict[str, t.Any], str]] = [
    ({"url": HOST}, "is not an issuer that IAM accepts"),
    ({"url": f"http://{HOST}"}, "is not an issuer that IAM accepts"),
    ({"url": f"{URL}?x=y"}, "is not an issuer that IAM accepts"),
    ({"url": f"{URL}#x"}, "is not an issuer that IAM accepts"),
    ({"url": "https://example.com:8443/id"}, "is not an issuer that IAM accepts"),
    ({"url": "https://user@example.com"}, "is not an issuer that IAM accepts"),
    ({"url": f" {URL}"}, "is not an issuer that IAM accepts"),
    ({"url": f"{URL}\n"}, "is not an issuer that IAM accepts"),
    ({"url": "https://"}, "is not an issuer that IAM accepts"),
    ({"url": f"https://example.com/{'x' * 236}"}, "is not an issuer that IAM accepts"),
    ({"client_ids": [""]}, "'' is not a valid audience"),
    ({"client_ids": ["a b"]}, "'a b' is not a valid audience"),
    ({"client_ids": ["x" * 256]}, "is not a valid audience"),
    ({"thumbprints": []}, "thumbprints has 0 entries"),
    ({"thumbprints": [f"{number:040x}" for number in range(6)]}, "thumbprints has 6 entries"),
    ({"thumbprints": ["aa:bb"]}, "'aa:bb' is not a SHA-1 digest"),
    ({"thumbprints": ["g" * 40]}, "is not a SHA-1 digest"),
    ({"tags": {"aws:x": "y"}}, "reserved for AWS"),
    ({"tags": {"x": {"y": "z"}}}, "the value of tag 'x' is not a string"),
]


@pytest.mark.parametrize(("options", "message"), INVALID)
def test_invalid_options_are_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        make_spec(**options)
    assert message in str(caught.value)
    assert "Fix:" in str(caught.value)


def test_trailing_slash_of_url_is_kept() -> None:
    assert make_spec(url="https://example.auth0.com/").url == "https://example.auth0.com/"
