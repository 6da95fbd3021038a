"""Checks a run's needs against this machine and its settings, before the run starts."""

from __future__ import annotations

from avstudio_core.egress import Gate
from avstudio_core.errors import EgressRefused, Unavailable
from avstudio_core.kinds.host import ModelPool
from avstudio_core.quotes import quoted
from avstudio_core.results import Needs


def refuse_unmet(processor: str, needs: Needs, pool: ModelPool, gate: Gate) -> None:
    """Check that a run can succeed here. Raises `Unavailable` for its device, `EgressRefused` for the network."""
    if not pool.present(needs.device):
        hint = "Choose the device 'cpu', or let the processor choose."
        raise Unavailable(f"{processor} needs the device {quoted(needs.device)}, which this machine lacks.", hint=hint)
    for name in ("offline", "local_only") if needs.network else ():
        if getattr(gate.settings, name):
            reason = f"the setting '{name}' is on"
            gate.note("", reason)
            message = f"{processor} needs the network, and {reason}."
            raise EgressRefused(message, hint=f"Turn off the setting '{name}', or choose another processor.")
