"""An agent decides what to do about a request; it never does it itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from avstudio_core.agents import Answer, Draft, Handoff, Message, Question, Refusal, Verdict, View


class Agent(ABC):
    """Turns a message into a decision: a plan, a question, a refusal, a handoff, an answer or a verdict.

    A turn is pure: it reads and changes nothing but what it is given, and equal input gives an equal decision. The
    first line of the docstring is its summary everywhere.
    """

    name: ClassVar[str]

    abilities: ClassVar[tuple[str, ...]]
    """The processors that its plans may use: names, or all of a medium, such as `audio.*`."""

    @abstractmethod
    def turn(self, message: Message, view: View) -> Draft | Question | Refusal | Handoff | Answer | Verdict:
        """Decide about a message, in about two seconds without a language model."""

    @classmethod
    def may_use(cls, processor: str) -> bool:
        """Whether its plans may use a processor."""
        medium = processor.partition(".")[0]
        return any(one in (processor, f"{medium}.*") for one in cls.abilities)
