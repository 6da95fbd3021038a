"""What agents get and return: messages, views, and turns. All of it is data that can be stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core.answers import ChatAnswer
from avstudio_core.artifact import MediaFacts
from avstudio_core.errors import NoModel

EVERYBODY = "broadcast"
"""The receiver of a message that each agent may answer."""
LONGEST_TEXT = 2000
"""The most characters of a result's text in a view."""


class Value(BaseModel):
    """A part of what agents exchange; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Payload(Value):
    """What a message asks for or tells."""

    action: str = Field(description="What to do, or what happened.")
    params: dict[str, JsonValue] = Field(default={}, description="Its details.")
    context: dict[str, JsonValue] = Field(default={}, description="What the receiver should know.")


class Metadata(Value):
    """When a message was sent, and in which run."""

    timestamp: float = Field(description="When it was sent.", json_schema_extra={"unit": "s"})
    priority: int = Field(default=0, ge=-100, le=100, description="That of the run's tasks.")
    correlation_id: str = Field(default="", description="The id of the run.")


class Message(Value):
    """What one agent says to another, or a user to an agent."""

    id: str = Field(description="Its id.")
    from_agent: str = Field(description="The agent that sends it, or 'user'.")
    to_agent: str = Field(description=f"The agent that gets it, 'user' or '{EVERYBODY}'.")
    type: Literal["request", "response", "event"] = Field(description="What it is.")
    payload: Payload = Field(description="What it asks for or tells.")
    metadata: Metadata = Field(description="When, and in which run.")
    reply_to: str | None = Field(default=None, description="The id of the message that it answers.")
    tainted: bool = Field(default=False, description="Whether it contains text from media, file names or the web.")


class SeenFile(Value):
    """A file as an agent sees it: never its content or its path."""

    id: str = Field(description="Its id, to which plans refer.")
    name: str = Field(description="Its name, which is text of a stranger.")
    media_type: str = Field(description="Its media type.")
    facts: MediaFacts = Field(default=MediaFacts(), description="Length, rate, size of the picture.")


class SeenResult(Value):
    """The result of an earlier step as an agent sees it."""

    task_id: str = Field(description="The task that made it.")
    processor: str = Field(description="Its processor.")
    artifacts: dict[str, SeenFile] = Field(default={}, description="The files that it made, by output.")
    values: dict[str, JsonValue] = Field(default={}, description="Its other values.")
    text: str = Field(default="", max_length=LONGEST_TEXT, description="The beginning of its text: tainted.")


class View(Value):
    """What a turn may see of a run: no paths, settings or keys."""

    request: str = Field(description="What the user asked for.")
    files: tuple[SeenFile, ...] = Field(default=(), description="The files of the request.")
    processors: dict[str, dict[str, JsonValue]] = Field(
        default={}, description="The declarations of the processors that the run may use, by name."
    )
    results: tuple[SeenResult, ...] = Field(default=(), description="What the run has made so far.")

    def chat(self, prompt: Any, /, **options: Any) -> ChatAnswer:
        """Call a language model at the run's expense, as `Context.chat` does. Raises `NoModel` if the run has none."""
        raise NoModel("This run has no language model.", hint="Plan without one.")

    def recall(self, query: str, limit: int = 5) -> tuple[str, ...]:
        """Up to `limit` memories that fit a query, the best first; none if the run has no memory."""
        return ()


class Draft(Value):
    """A plan for the run; the core checks and submits it."""

    kind: Literal["draft"] = "draft"
    plan: str = Field(description="The plan as text: an expression, or JSON (`Plan.text`).")
    source: str | None = Field(default=None, description="The id of the file that it reads, if it reads one.")
    reasons: dict[str, str] = Field(default={}, description="Why each step is there, by step.")
    declines: tuple[str, ...] = Field(default=(), description="The parts of the request that it leaves undone.")
    continues: bool = Field(default=False, description="Whether another turn follows when its steps have ended.")


class Question(Value):
    """Something that only the user can decide."""

    kind: Literal["question"] = "question"
    about: Literal["file", "language", "what", "which", "how_much"] = Field(description="What is open.")
    text: str = Field(description="The question.")
    choices: tuple[str, ...] = Field(default=(), description="The possible answers, if they can be listed.")


class Refusal(Value):
    """Nothing can be done, and why."""

    kind: Literal["refusal"] = "refusal"
    reason: Literal["not_possible", "wrong_media", "missing_input", "not_allowed", "contradiction"] = Field(
        description="A code of the reason."
    )
    text: str = Field(description="The reason for the user.")
    nearest: str = Field(default="", description="What is possible instead.")


class Handoff(Value):
    """The request is for another agent."""

    kind: Literal["handoff"] = "handoff"
    to_agent: str = Field(description="That agent.")
    text: str = Field(default="", description="Why.")


class Claim(Value):
    """A sentence of an answer, and the task whose result shows it."""

    text: str = Field(description="The sentence.")
    task_id: str = Field(description="The task.")


class Answer(Value):
    """What the run has found or made."""

    kind: Literal["answer"] = "answer"
    text: str = Field(description="The answer for the user.")
    claims: tuple[Claim, ...] = Field(default=(), description="Its sentences, each with the task that shows it.")


class Verdict(Value):
    """The review of a result."""

    kind: Literal["verdict"] = "verdict"
    accepted: bool = Field(description="Whether the result is good.")
    reason: str = Field(default="", description="What is wrong; the next run gets it.")


Turn = Annotated[Draft | Question | Refusal | Handoff | Answer | Verdict, Field(discriminator="kind")]
"""What an agent decides in one turn."""
TURNS = (Draft, Question, Refusal, Handoff, Answer, Verdict)
