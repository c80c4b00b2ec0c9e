# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of clusters as the playbook fleet publishes them."""

from __future__ import annotations

import typing as t


def entry(status: str, counts: t.Mapping[str, int | None], **more: t.Any) -> dict[str, t.Any]:
    """The result of one cluster."""
    facts = {"account_id": "444455556666", "region": "eu-west-1", "state": "present", "proofs": None, "elapsed": None}
    return {"status": status, "cluster": "any", "counts": dict(counts), "error": None, **facts, **more}


SHOP = entry(
    "failed",
    {"total": 12, "ok": 1, "changed": 10, "failed": 1},
    account_id="111122223333",
    proofs=11,
    elapsed=0.44,
    error='1 of 12 bindings failed.\nshop/cart: namespace shop does not exist. Cause: namespaces "shop" not found. '
    "Fix: create it.",
)
BANK = entry("changed", {"total": 2, "ok": 1, "changed": 1, "failed": 0}, proofs=2, elapsed=0.56)
EMPTY = entry("empty", {"total": 0})
FLEET = {
    "idle": EMPTY,
    "later": entry("stopped", {"total": None}, region="us-west-2"),
    "shop": SHOP,
    "bank": BANK,
    "atm": entry("ok", {"total": 2, "ok": 2, "changed": 0, "failed": 0}, proofs=2, elapsed=61.3),
    "lost": {"status": "failed", "error": "The run ended before the cluster was processed."},
}
