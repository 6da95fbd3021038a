"""Removals at the command line: what they would remove, and what they have removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_core import Removed


def told(removed: Removed, *, dry_run: bool, as_json: bool) -> int:
    """Print what was removed, or would be."""
    from avstudio_server.cli.text.storage import removed_text
    from avstudio_server.views.storage import removed_data

    data = removed_data(removed, dry_run=dry_run)
    if as_json:
        output.write_json(data)
    else:
        output.write(removed_text(data))
    return 0


def agreed(names: Sequence[str], delete: Callable[..., Removed], *, dry_run: bool, yes: bool) -> Removed:
    """Delete what has each name, after a look at all of it, if a person agrees. Raises what `agree` raises."""
    from avstudio_core import Removed
    from avstudio_core.quotes import quoted
    from avstudio_server.cli.terminal.questions import agree
    from avstudio_server.cli.text.storage import amount
    from avstudio_server.views.storage import removed_data

    names = list(dict.fromkeys(names))
    foreseen = _sum(Removed(), [delete(name, dry_run=True) for name in names])
    if dry_run:
        return foreseen
    if not yes:
        every = ", ".join(quoted(name) for name in names)
        agree(f"Delete {every} with {amount(removed_data(foreseen))}?")
    return _sum(Removed(), [delete(name, dry_run=False) for name in names])


def _sum(removed: Removed, parts: Sequence[Any]) -> Removed:
    for part in parts:
        removed = removed.plus(part)
    return removed
