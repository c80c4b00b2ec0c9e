# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for incomplete answers."""

from __future__ import annotations

import http.client

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api import limits
from urllib3.exceptions import IncompleteRead, ProtocolError

NOT_VALID = "the answer was cut, or a size in it is not valid"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ProtocolError("broken", IncompleteRead(60, 340)), "the answer was cut at least 340 bytes before its end"),
        (
            ProtocolError("broken", http.client.IncompleteRead(b"{", 1)),
            "the answer was cut at least 1 byte before its end",
        ),
        (ProtocolError("broken", http.client.IncompleteRead(b"a-token")), NOT_VALID),
        (ProtocolError("broken", IncompleteRead(11, -8)), NOT_VALID),
        (
            ProtocolError("broken", ConnectionResetError(104, "Connection reset by peer")),
            "[Errno 104] Connection reset by peer",
        ),
        (ProtocolError("broken", http.client.BadStatusLine("a-token")), "BadStatusLine"),
        (ProtocolError("Response ended prematurely"), "Response ended prematurely"),
        (ProtocolError(), "ProtocolError"),
    ],
)
def test_error_is_described_without_the_answer(error: Exception, text: str) -> None:
    assert limits.describe_http_error(error) == text
