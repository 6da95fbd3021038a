"""Tasks for agents. Nothing runs them yet, so that every request is answered with what is missing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from avstudio_server.http.agents import no_agents
from avstudio_server.http.caller import CallerSession
from avstudio_server.rest.nouns import routes_of

router = routes_of("agents")


class AgentTask(BaseModel):
    """What an agent should do."""

    model_config = ConfigDict(extra="forbid")

    request: str = Field(min_length=1, max_length=10_000, description="What to do, in words.")
    agent: str | None = Field(default=None, description="The agent; by default, one is chosen.")
    files: list[str] = Field(default=[], max_length=100, description="The ids of artifacts that it concerns.")


@router.post("/task", status_code=202)
def submit(given: AgentTask, session: CallerSession) -> None:
    """Give an agent a task. 404 until agents are installed."""
    session.principal.require("run")
    no_agents()


@router.get("/task/{task_id}")
def show(task_id: str, session: CallerSession) -> None:
    """A task of an agent. 404 until agents are installed."""
    session.principal.require("read")
    no_agents()
