"""A file is trusted as the least trusted of those from which it was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import update

from avstudio_core import Artifact, Studio
from avstudio_core.errors import TaskFailed
from avstudio_core.storage.tables import artifacts

OpenStudio = Callable[..., Studio]
PATIENCE = 30.0
WRITER = """
class WriteParams(Params):
    text: str = Field("", description="The text.")
    cover: Artifact | None = Field(None, description="Another file.")
    claims: str = Field("", description="The trust that it claims.")

class Written(Result):
    made: Artifact = Field(description="The file.")
    word: str = Field("word", description="A value.")

class Write(Processor[WriteParams, Written]):
    "Write a file."
    name = "text.write"
    accepts = ("*/*",)
    source_optional = True
    def outputs(self, params):
        return {"made": "text/plain"}
    def run(self, source, params, context):
        path = context.new_path("made.txt")
        path.write_text(params.text)
        made = context.publish(path, "made.txt", "text/plain")
        return Written(made=made.model_copy(update={"trust": params.claims}) if params.claims else made)

@hookimpl
def register_processors():
    return [Write]
"""


@pytest.fixture(params=["inline", "local"])
def studio(
    request: pytest.FixtureRequest, open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]
) -> Studio:
    return open_studio(write_plugin(WRITER), executor=request.param)


def from_web(studio: Studio, path: Path) -> Artifact:
    path.write_text("from the network")
    taken = studio.take_in(path)
    web = update(artifacts).where(artifacts.c.id == taken.id).values(trust="web")
    studio._database.write(lambda transaction: transaction.execute(web))
    return studio.artifact(taken.id)


def test_trust_is_inherited_from_files_and_values(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear")
    given, web = studio.take_in(tmp_path / "letter.txt"), from_web(studio, tmp_path / "page.txt")
    assert studio.run("text.write").made.trust == "studio"
    assert studio.run("text.write", given).made.trust == "media"
    assert studio.run("text.write", given, cover=web).made.trust == "web"
    assert studio.run("text.write", given, cover=given).made.trust == "media"
    results = studio.run_plan("text.write | text.write source=@write.made | text.write text=@write.word", web)
    assert [one.made.trust for one in results.values()] == ["web"] * 3
    assert studio.artifact(results["write2"].made.id).trust == "web"


def test_a_run_cannot_claim_another_trust(studio: Studio) -> None:
    with pytest.raises(TaskFailed, match="do not have the trust of its sources"):
        studio.run("text.write", claims="user")
