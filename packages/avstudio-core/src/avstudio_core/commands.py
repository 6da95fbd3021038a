"""Commands of the command line that plugins add."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One command: it is listed without an import, and imported when it is used; the JSON form is stable."""

    name: str
    """As it is typed after `avstudio`: a word, or two for a command of a medium, such as `llm chat`."""
    summary: str
    """One sentence."""
    place: str
    """What makes it, as `module:function`: a function without arguments that returns a command of click."""
    section: str = "Other"
    """The heading under which the help lists it."""
