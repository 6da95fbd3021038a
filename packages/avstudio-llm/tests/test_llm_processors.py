"""`llm.chat`, `llm.embed`, `llm.summarize`: the contract of processors, and their own behaviour."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import Field

import avstudio_llm
from avstudio_core import Artifact, Context, Params, Processor, Result, Studio, hookimpl
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest
from avstudio_core.documents import transcript
from avstudio_core.documents.cues import Cue
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.errors import AVStudioError, BackendDown, ContextTooLong, TaskFailed
from avstudio_core.language_models import Can
from avstudio_core.testing import ProcessorContract, scripted
from avstudio_core.testing.scripted import Scripted

MODEL: dict[str, Any] = {"model": "scripted/one"}
PREPARED = Path(os.environ.get("AVSTUDIO_TEST_MODELS", "~/.cache/av-studio-tests")).expanduser()
Make = Callable[..., tuple[Studio, Scripted]]


def recording(folder: Path, lines: int) -> Path:
    """Subtitles of a talk, a sentence each two seconds."""
    path = folder / "talk.srt"
    cues = [Cue(n * 2.0, n * 2.0 + 2.0, f"Sentence {n} of the talk.") for n in range(lines)]
    path.write_text(Subtitles.of(cues, "srt").written([cue.text for cue in cues]), encoding="utf-8")
    return path


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A studio whose only usable model says what a test has it say; jobs run in worker processes, or not."""
    made: list[Studio] = []

    def studio(executor: str = "inline") -> tuple[Studio, Scripted]:
        made.append(Studio(home=tmp_path / "home", executor=executor, plugins="", add=[avstudio_llm, scripted]))
        found = made[-1].llm._gateway.backends.find("scripted").backend
        assert isinstance(found, Scripted)
        return made[-1], found

    yield studio
    for one in made:
        one.close()


class Contract(ProcessorContract):
    plugin = avstudio_llm
    params = MODEL

    @pytest.fixture
    def studio_plugins(self) -> Sequence[ModuleType]:
        return [avstudio_llm, scripted]

    @pytest.fixture
    def sample(self, tmp_path: Path) -> Path | None:
        return recording(tmp_path, 3)


class TestChat(Contract):
    processor = "llm.chat"
    params = MODEL | {"prompt": "What is it about?"}
    required = frozenset({"prompt"})


class TestEmbed(Contract):
    processor = "llm.embed"


class TestSummarize(Contract):
    processor = "llm.summarize"


def said(request: ChatRequest | EmbedRequest) -> str:
    assert isinstance(request, ChatRequest)
    return next(message.text for message in request.messages if message.role == "user")


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_chat_is_a_task_whose_words_are_events(make: Make, executor: str) -> None:
    studio, model = make(executor)
    model.says = [["It is ", "late."]]
    handle = studio.submit("llm.chat", prompt="What time is it?", system="Be brief.", **MODEL)
    result = handle.result()
    assert (result.text, result.model, result.cost, result.finish) == ("It is late.", "scripted/one", 0.0, "stop")
    assert (result.effective["model"], result.effective["rule"]) == ("scripted/one", "named")
    tokens = [event.data for event in handle.events() if event.type == "llm.token"]
    assert "".join(str(token["token"]) for token in tokens) == "It is late."


def test_a_chat_may_be_about_a_transcript_and_answer_with_data(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = ['{"speakers": 2}']
    schema = {"type": "object", "properties": {"speakers": {"type": "integer"}}, "required": ["speakers"]}
    asked = {"prompt": "How many speak?", "answer_schema": schema, "temperature": 0.0, "max_tokens": 50}
    assert studio.run("llm.chat", recording(tmp_path, 2), **asked, **MODEL).parsed == {"speakers": 2}
    heard = model.heard[0]
    assert isinstance(heard, ChatRequest)
    assert "talk.srt:\n[0:00:00] Sentence 0 of the talk.\n[0:00:02] Sentence 1" in said(heard)
    assert (heard.temperature, heard.max_tokens) == (0.0, 50)


def test_an_answer_that_was_cut_is_reported(make: Make) -> None:
    studio, model = make()
    model.says = [["It is", Delta(finish="length")]]
    result = studio.run("llm.chat", prompt="What time is it?", max_tokens=2, **MODEL)
    assert (result.text, result.finish, [one.code for one in result.warnings]) == ("It is", "length", ["cut"])


@pytest.mark.skipif(
    find_spec("mlx_lm") is None or not (PREPARED / "SmolLM2-135M-Instruct" / "config.json").is_file(),
    reason="The model is not prepared. Run: nox -s smollm",
)
def test_a_real_model_answers_a_task(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    section = f'[backends.mlx]\nkind = "mlx"\noptions = {{ folders = ["{PREPARED}"] }}\n'
    (home / "models.toml").write_text(section, encoding="utf-8")
    with Studio(home=home, plugins="llm", local_only=True, hub_cache=home / "hub") as studio:
        asked = {"prompt": "What is the capital of France?", "temperature": 0.0, "max_tokens": 20}
        result = studio.run("llm.chat", **asked, model="mlx/SmolLM2-135M-Instruct")
    assert "Paris" in result.text
    assert (result.cost, result.usage.estimated) == (0.0, False)


@pytest.mark.parametrize(
    ("answer", "cause", "problem"),
    [(" ", "bad_answer", "the model sent no text"), (BackendDown("Nobody there."), "backend_down", "Nobody there.")],
)
def test_a_chat_without_an_answer_says_why(
    make: Make, monkeypatch: pytest.MonkeyPatch, answer: str | AVStudioError, cause: str, problem: str
) -> None:
    monkeypatch.setattr("avstudio_core.gateway.attempts.FIRST_PAUSE", 0.0)
    studio, model = make()
    model.says = [answer]
    with pytest.raises(TaskFailed, match=problem) as failed:
        studio.run("llm.chat", prompt="Hello?", **MODEL)
    assert failed.value.cause == cause


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_vectors_keep_their_texts_times_and_model(make: Make, tmp_path: Path, executor: str) -> None:
    studio, model = make(executor)
    result = studio.run("llm.embed", recording(tmp_path, 150), **MODEL)
    kept = json.loads(result.vectors.path.read_text(encoding="utf-8"))
    assert (kept["model"], kept["dimensions"], result.count, result.dimensions) == ("scripted/one", 2, 150, 2)
    assert kept["items"][149] == {
        "text": "Sentence 149 of the talk.",
        "start": 298.0,
        "end": 300.0,
        "vector": [25.0, 4.0],
    }
    sizes = [len(request.texts) for request in model.heard if isinstance(request, EmbedRequest)]
    assert sizes == [64, 64, 22]


def test_texts_are_embedded_without_a_source_but_not_beside_one(make: Make, tmp_path: Path) -> None:
    studio, _ = make()
    result = studio.run("llm.embed", texts=["one", "two words"], **MODEL)
    assert [one["vector"] for one in json.loads(result.vectors.path.read_text())["items"]] == [[3.0, 0.0], [9.0, 1.0]]
    for source, texts in ((None, []), (recording(tmp_path, 1), ["one"])):
        with pytest.raises(TaskFailed, match="Give a source or 'texts'"):
            studio.run("llm.embed", source, texts=texts, **MODEL)


def summarized(request: ChatRequest) -> str:
    """Chapters at the first and the last line, one that there is not, and a summary that names both lines."""
    numbered = re.findall(r"^(\d+): (.*)$", said(request), re.MULTILINE)
    if not numbered:
        return "All: " + " | ".join(re.findall(r"^Part \d+:\n(.*)$", said(request), re.MULTILINE))
    (_, first), (number, last) = numbered[0], numbered[-1]
    starts = [{"line": 1, "title": first}, {"line": int(number), "title": f" The \n end: {last}"}]
    return json.dumps({"summary": f"{first} to {last}", "chapters": starts})


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_long_talk_is_summarised_part_by_part(make: Make, tmp_path: Path, executor: str) -> None:
    studio, model = make(executor)
    model.can = Can(context=2000)
    model.says = [summarized]
    result = studio.run("llm.summarize", recording(tmp_path, 200), most_chapters=5, **MODEL)
    parts = [re.findall(r"^\d+: Sentence (\d+)", said(one), re.MULTILINE) for one in model.heard[:-1]]
    assert len(parts) > 2
    assert [int(number) for part in parts for number in part] == list(range(200))
    assert result.text.startswith("All: Sentence 0 of the talk. to Sentence")
    assert result.text.endswith("to Sentence 199 of the talk.")
    assert (len(result.chapters), result.chapters[0].start, result.chapters[-1].end) == (5, 0.0, 400.0)
    assert result.usage.input == 7 * len(model.heard)


def test_chapters_have_the_times_of_their_lines(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [summarized]
    result = studio.run(
        "llm.summarize", recording(tmp_path, 4), style="bullets", length="short", language="de", **MODEL
    )
    assert [(one.title, one.start, one.end) for one in result.chapters] == [
        ("Sentence 0 of the talk.", 0.0, 6.0),
        ("The end: Sentence 3 of the talk.", 6.0, 8.0),
    ]
    assert result.summary.path.read_text(encoding="utf-8").endswith("- 0:00:06 The end: Sentence 3 of the talk.\n")
    assert json.loads(result.data.path.read_text(encoding="utf-8"))["chapters"][1]["start"] == 6.0
    (hit,) = studio.library.search('"the end"', kind="chapter").items
    assert (hit.start, hit.end, hit.artifact) == (6.0, 8.0, result.data.id)
    (heard,) = model.heard
    assert isinstance(heard, ChatRequest)
    for wish in ("two or three sentences", "a list of points", "in this language: German"):
        assert wish in said(heard)


def test_a_model_that_invents_lines_or_cannot_answer_so_is_reported(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = ['{"summary": "A talk.", "chapters": [{"line": 99, "title": "Never"}]}']
    dropped = studio.run("llm.summarize", recording(tmp_path, 4), **MODEL)
    assert (dropped.text, dropped.chapters) == ("A talk.", [])
    assert [one.code for one in dropped.warnings] == ["chapter_dropped"]
    model.says = ["I only chat."]
    plain = studio.run("llm.summarize", recording(tmp_path, 4), **MODEL)
    assert (plain.text, plain.chapters) == ("I only chat.", [])
    assert [one.code for one in plain.warnings] == ["no_chapters"]


def test_a_part_that_does_not_fit_after_all_is_halved(make: Make, tmp_path: Path) -> None:
    studio, model = make()

    def short_of_memory(request: ChatRequest) -> Any:
        lines = re.findall(r"^\d+: ", said(request), re.MULTILINE)
        return ContextTooLong("Too long.") if len(lines) > 3 else summarized(request)

    model.says = [short_of_memory]
    result = studio.run("llm.summarize", recording(tmp_path, 8), chapters=True, **MODEL)
    assert result.text.count(" to Sentence ") == 4


def test_a_text_without_times_has_no_chapters(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = ["In short."]
    (tmp_path / "book.txt").write_text("A long story.\n\nIts end.\n", encoding="utf-8")
    result = studio.run("llm.summarize", tmp_path / "book.txt", **MODEL)
    assert (result.text, result.chapters, result.duration, result.warnings) == ("In short.", [], None, [])


def test_private_text_is_shown_to_no_cloud_model(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = ["In short."]
    studio.run("llm.summarize", recording(tmp_path, 2), private=True, chapters=False, **MODEL)
    (heard,) = model.heard
    assert heard.wishes.private is True


class Heard(Result):
    transcript: Artifact = Field(description="As `audio.transcribe` makes it.")
    subtitles: dict[str, Artifact] = Field(description="By format.")


class Hear(Processor[Params, Heard]):
    """Hear what was said, as `audio.transcribe` does."""

    name = "audio.hear"

    def outputs(self, params: Params) -> dict[str, str]:
        return {"transcript": transcript.MEDIA_TYPE, "srt": "application/x-subrip"}

    def run(self, source: None, params: Params, context: Context) -> Heard:
        said = {"language": "en", "duration": 9, "segments": [{"id": 0, "start": 1, "end": 2, "text": " Hello."}]}
        files = {"transcript": json.dumps(said), "srt": "1\n00:00:01,000 --> 00:00:02,000\nHello.\n"}
        made = {}
        for name, text in files.items():
            context.new_path(name).write_text(text, encoding="utf-8")
            made[name] = context.publish(context.new_path(name), name, self.outputs(params)[name])
        return Heard(transcript=made["transcript"], subtitles={"srt": made["srt"]})


def test_a_pipe_reads_what_suits_each_best(tmp_path: Path) -> None:
    hearing = ModuleType("hearing")
    hearing.register_processors = hookimpl(lambda: [Hear])  # type: ignore[attr-defined]
    plugins = [avstudio_llm, scripted, hearing]
    with Studio(home=tmp_path / "home", executor="inline", plugins="", add=plugins) as studio:
        backend = studio.llm._gateway.backends.find("scripted").backend
        assert isinstance(backend, Scripted)
        backend.says = [summarized, '{"lines": [{"number": 1, "text": "Hallo."}]}']
        short = studio.run_plan("audio.hear | llm.summarize model=scripted/one")["summarize"]
        german = studio.run_plan("audio.hear | llm.translate to=de model=scripted/one")["translate"]
    assert (short.duration, short.chapters[0].end) == (9.0, 9.0)
    assert (german.subtitles.name, german.cues) == ("srt.de.srt", 1)
