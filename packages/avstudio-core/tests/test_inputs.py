"""Parameters that are files or refer to earlier steps, and steps that come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from avstudio_core import Artifact, Plan, Ref, Step, Studio
from avstudio_core.errors import InvalidInput, InvalidPlan, PluginError, TaskFailed, UnreadableMedia
from avstudio_core.testing import exercises

OpenStudio = Callable[..., Studio]

JOINING = """
class JoinParams(Params):
    tracks: list[Artifact] = Field(default=[], description="Files to join.", json_schema_extra={"accepts": ["text/*"]})
    ending: Artifact | None = Field(default=None, description="The last one.")
    times: int = Field(default=1, ge=1, le=9, description="How often.")
    ends: list[int] = Field(default=[], description="Numbers to add at the end.")

class Page(BaseModel):
    number: int
    file: Artifact

class JoinResult(Result):
    joined: Artifact
    length: int = 0
    name: str = "x"
    pages: list[Page] = []
    parts: list[Artifact] = []

class Join(Processor[JoinParams, JoinResult]):
    "Join texts."
    name = "text.join"
    accepts = ("text/plain",)
    source_optional = True

    def outputs(self, params): return {"joined": "text/plain"}

    def run(self, source, params, context):
        files = [*([source] if source else []), *params.tracks, *([params.ending] if params.ending else [])]
        text = "".join(file.path.read_text() for file in files) * params.times + "".join(map(str, params.ends))
        def made(name, text):
            path = context.new_path(name)
            path.write_text(text)
            return context.publish(path, name, "text/plain")
        pages = [Page(number=n, file=made(f"{n}.txt", letter)) for n, letter in enumerate(text[:3])]
        parts = [page.file for page in pages]
        return JoinResult(joined=made("joined.txt", text), length=len(text), pages=pages, parts=parts)

class ClearParams(Params):
    clean: Artifact | None = Field(default=None, description="The text without noise.")
    noisy: bool = Field(default=True, description="Whether to clean it first.")
    before: str = Field(default="text.join:joined times=2", description="How.")

class ClearResult(Result):
    text: str

class Clear(Processor[ClearParams, ClearResult]):
    "Read a text that is cleaned first."
    name = "text.read"
    accepts = ("text/plain",)

    def prerequisites(self, params): return {"clean": params.before} if params.noisy else {}

    def run(self, source, params, context):
        return ClearResult(text=(params.clean or source).path.read_text())

@hookimpl
def register_processors(): return [Join, Clear]
"""


@pytest.fixture
def joining(write_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return write_plugin("from pydantic import BaseModel\n" + JOINING)


@pytest.fixture
def studio(open_studio: OpenStudio, joining: ModuleType) -> Studio:
    return open_studio(joining, exercises)


@pytest.fixture
def texts(tmp_path: Path) -> list[Path]:
    """The files `a.txt` with the text `a`, and so on."""
    paths = [tmp_path / f"{letter}.txt" for letter in "abc"]
    for path in paths:
        path.write_text(path.stem)
    return paths


def read(artifact: Artifact) -> str:
    return artifact.path.read_text()


def test_a_parameter_is_a_path_an_artifact_or_an_id(studio: Studio, texts: list[Path]) -> None:
    stored = studio.take_in(texts[1])
    result = studio.run("text.join", texts[0], tracks=[texts[2], stored, stored.id], ending=str(texts[0]))
    assert read(result.joined) == "acbba"


def test_worker_processes_get_the_files_of_parameters(
    open_studio: OpenStudio, joining: ModuleType, texts: list[Path]
) -> None:
    assert read(open_studio(joining, executor="local").run("text.join", tracks=texts).joined) == "abc"


def test_lineage_has_all_parents(studio: Studio, texts: list[Path]) -> None:
    one, two, three = map(studio.take_in, texts)
    joined = studio.run("text.join", one, tracks=[two], ending=three).joined
    assert joined.lineage is not None
    assert joined.lineage.parents == (one.id, two.id, three.id)
    assert joined.lineage.params["tracks"] == [two.id]


def test_the_cache_knows_parameters_by_their_content(studio: Studio, texts: list[Path]) -> None:
    assert not studio.run("text.join", tracks=texts[:2]).cache_hit
    assert studio.run("text.join", tracks=[studio.take_in(path) for path in texts[:2]]).cache_hit
    texts[1].write_text("changed")
    assert read(studio.run("text.join", tracks=texts[:2]).joined) == "achanged"


@pytest.mark.parametrize(
    ("params", "error", "said"),
    [
        ({"ending": "missing.txt"}, UnreadableMedia, "missing.txt"),
        ({"ending": 7}, InvalidInput, "'ending' cannot be '7', which is not a file"),
        ({"tracks": ["picture.png"]}, InvalidInput, "'tracks' cannot be .*picture.png.*, whose type is 'image/png'"),
        ({"ending": "@a.b"}, UnreadableMedia, "@a.b"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_once(
    studio: Studio, texts: list[Path], monkeypatch: pytest.MonkeyPatch, params: Any, error: type[Exception], said: str
) -> None:
    monkeypatch.chdir(texts[0].parent)
    Path("picture.png").write_text("no picture")
    with pytest.raises(Exception, match=said) as refused:
        studio.submit("text.join", texts[0], **params)
    assert isinstance(refused.value, error)
    assert studio.tasks.find() == []


def test_a_step_reads_several_earlier_ones(studio: Studio, texts: list[Path]) -> None:
    plan = "text.join ending=b.txt | text.join times=2 source=@source | text.join tracks=@join.joined,@source ending=@join2"
    results = studio.run_plan(plan.replace("b.txt", str(texts[1])), texts[0])
    assert read(results["join3"].joined) == "aa" + "ab" + "a" + "aa"


def test_a_parameter_gets_a_value_of_an_earlier_result(studio: Studio, texts: list[Path]) -> None:
    results = studio.run_plan(f"text.join ending={texts[1]} | text.join times=@join.length", texts[0])
    assert read(results["join2"].joined) == "abab"
    results = studio.run_plan("text.join times=3 | text.join times=@join.pages.2.number", texts[0])
    assert read(results["join2"].joined) == "aaaaaa"


def test_a_list_gets_a_value_of_an_earlier_result_as_its_only_item(studio: Studio, texts: list[Path]) -> None:
    results = studio.run_plan("text.join times=3 | text.join ends=@join.length", texts[0])
    assert read(results["join2"].joined) == "aaa3"


def test_files_in_lists_of_a_result_are_stored_and_can_be_read(studio: Studio, texts: list[Path]) -> None:
    results = studio.run_plan(
        "text.join times=2 | text.join tracks=@join.parts | text.join ending=@join.pages.0.file", texts[0]
    )
    assert read(results["join2"].joined) == "aaaa"
    with pytest.raises(TaskFailed, match="One file is read here, but an earlier step made 2"):
        studio.run_plan("text.join times=2 | text.join ending=@join.parts", texts[0])
    assert read(studio.run_plan("text.join:parts | text.join times=5", texts[0])["join2"].joined) == "aaaaa"
    assert read(results["join3"].joined) == "aaaaa"
    assert read(studio.artifact(results["join"].pages[1].file.id)) == "a"


@pytest.mark.parametrize(
    ("expression", "said", "place"),
    [
        ("text.join | text.join times=@join.lenght", "does not have 'lenght'. .*'length'", "text.join"),
        (
            "text.join | text.join times=@join.name",
            "'times' takes a whole number, but 'join.name' is text",
            "text.join",
        ),
        ("text.join | text.join ends=@join.name", "'ends' takes a whole number, but 'join.name' is text", "text.join"),
        ("text.join | text.join times=@join.joined", "takes a value, but 'join.joined' is a file", "text.join"),
        ("text.join | text.join times=@join", "refers to a whole step", "text.join"),
        ("text.join | text.join ending=@other.joined", "reads from 'other.joined', which is not a step", "text.join"),
        ("text.join | text.join ending=@join.vocals", "does not make 'vocals'", "text.join"),
        ("text.join ending=@join", "cycle: join → join", "text.join"),
        ("text.join ending=@source", "has no source", "text.join"),
        ("text.join times=@source", "'source' is a file, not a value", "text.join"),
    ],
)
def test_a_reference_that_leads_nowhere_is_marked(studio: Studio, expression: str, said: str, place: str) -> None:
    with pytest.raises(InvalidPlan, match=said) as refused:
        studio.submit_plan(expression)
    *_, line, marks = str(refused.value.message).split("\n")
    assert line[marks.index("^") : len(marks)] == place


def test_the_json_form_has_the_same_references(studio: Studio, texts: list[Path]) -> None:
    plan = Plan.parse("text.join times=2 | text.join tracks=@join,@source times=@join.length source=@source")
    again = Plan.from_json(plan.model_dump_json())
    assert again.steps[1].params == {"tracks": ["@join", "@source"], "times": "@join.length"}
    assert [step.model_dump() for step in again.steps] == [step.model_dump() for step in plan.steps]
    assert read(studio.run_plan(again, texts[0])["join2"].joined) == "aaaa" * 2


def test_a_reference_in_python_is_a_ref(studio: Studio, texts: list[Path]) -> None:
    first = Step(id="first", processor="text.join", params={"ending": str(texts[1])})
    last = Step(
        id="last", processor="text.join", params={"tracks": [Ref(step="first", output="joined"), str(texts[2])]}
    )
    assert read(studio.run_plan(Plan(steps=(last, first)))["last"].joined) == "bc"


def test_a_value_that_is_not_valid_fails_its_step(studio: Studio, texts: list[Path]) -> None:
    texts[0].write_text("a" * 10)
    handle = studio.submit_plan("text.join | text.join times=@join.length", texts[0])
    with pytest.raises(TaskFailed, match="'times' is '10'"):
        handle.result(30)


def test_text_that_begins_with_the_mark_is_written_twice(studio: Studio, texts: list[Path]) -> None:
    [step] = Plan.parse("exercise.copy suffix=@@home").steps
    assert studio.run_plan(Plan(steps=(step,)), texts[0])["copy"].copied.path.read_text() == "a@home"
    assert studio.run("exercise.copy", texts[0], suffix="@home").copied.path.read_text() == "a@home"


def test_prerequisites_are_steps_of_the_same_plan(studio: Studio, texts: list[Path]) -> None:
    plan = studio.submit_plan("text.read", texts[0])
    assert list(plan.steps) == ["read-join", "read"]
    assert plan.result(30)["read"].text == "aa"
    assert studio.run("text.read", texts[0], noisy=False).text == "a"
    assert studio.run("text.read", texts[0], clean=texts[1]).text == "b"


def test_a_prerequisite_refers_to_its_own_steps(studio: Studio, texts: list[Path]) -> None:
    before = "text.join times=2 | text.join source=@source tracks=@join.joined,@source"
    assert studio.run("text.read", texts[0], before=before).text == "aaaa"
    plan = Plan.parse("text.join times=3 | text.read")
    steps = (plan.steps[0], plan.steps[1].model_copy(update={"params": {"before": before}}))
    assert studio.run_plan(Plan(steps=steps), texts[0])["read"].text == "aaa" + "a" * 6 + "aaa"


@pytest.mark.parametrize("before", ["text.join | text.join ending=@nothing", "text.join ||"])
def test_a_prerequisite_that_is_not_valid_is_a_fault_of_the_plugin(
    studio: Studio, texts: list[Path], before: str
) -> None:
    with pytest.raises(PluginError, match=r"text\.read"):
        studio.submit("text.read", texts[0], before=before)


def test_equal_prerequisites_are_one_step(studio: Studio, texts: list[Path]) -> None:
    plan = studio.submit_plan("text.read | text.read source=@source", texts[0])
    assert list(plan.steps) == ["read-join", "read", "read2"]
    assert plan.result(30)["read2"].text == "aa"


Graph = list[tuple[list[int], int]]
"""Of each step, the earlier steps that it joins, and how often it repeats them."""
GRAPHS = st.lists(st.tuples(st.lists(st.integers(0, 5), max_size=3), st.integers(1, 2)), min_size=1, max_size=6)


@given(graph=GRAPHS, order=st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_graph_gives_what_its_model_gives(studio: Studio, texts: list[Path], graph: Graph, order: Any) -> None:
    expected: dict[str, str] = {}
    steps = []
    for number, (reads, times) in enumerate(graph):
        names = [f"s{one}" for one in reads if one < number]
        source = names[0] if names else None
        params: dict[str, Any] = {"tracks": [f"@{name}.joined" for name in names[1:]], "times": times}
        steps.append(Step(id=f"s{number}", processor="text.join", params=params, source=source))
        expected[f"s{number}"] = "".join(expected[name] for name in names or []) * times if names else "a" * times
    order.shuffle(steps)
    results: Mapping[str, Any] = studio.run_plan(Plan(steps=tuple(steps)), texts[0])
    assert {name: read(result.joined) for name, result in results.items()} == expected


def test_a_list_of_files_as_text_refers_to_no_steps(studio: Studio, tmp_path: Path, texts: list[Path]) -> None:
    (tmp_path / "@b.txt").write_text("@")
    with pytest.raises(UnreadableMedia, match="'@nothing' does not exist"):
        studio.run("text.join", tracks=f"{texts[0]},@nothing")
    with pytest.raises(InvalidPlan, match="'@b' does not exist"):
        studio.run_plan(Plan(steps=(Step(id="a", processor="text.join", params={"tracks": f"{texts[0]},@b"}),)))


def test_several_lists_of_files_are_one_list(studio: Studio, texts: list[Path]) -> None:
    plan = f"text.join | text.join tracks=@join.parts,{texts[1]},@join.parts"
    assert read(studio.run_plan(plan, texts[0])["join2"].joined) == "aaba"


def test_values_without_an_end_or_a_number_in_json_are_refused(studio: Studio) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidInput, match="'tracks' is nested too deeply"):
        studio.run("text.join", tracks=loop)
    with pytest.raises(InvalidInput, match="should be a finite number"):
        studio.run("exercise.wait", seconds=float("inf"))
