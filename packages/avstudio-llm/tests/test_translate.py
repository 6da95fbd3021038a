"""`llm.translate`: cues, times, markup, line limits and terms are kept, whatever the model does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import avstudio_llm
from avstudio_core import Studio
from avstudio_core.chat import ChatRequest, EmbedRequest
from avstudio_core.documents.cues import Cue
from avstudio_core.documents.pieces import width
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.errors import InvalidInput, TaskFailed
from avstudio_core.testing import ProcessorContract, scripted
from avstudio_core.testing.scripted import Scripted

MODEL: dict[str, Any] = {"model": "scripted/one", "to": "German"}
Make = Callable[..., tuple[Studio, Scripted]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A studio whose model says what a test has it say."""
    made: list[Studio] = []

    def studio(executor: str = "inline") -> tuple[Studio, Scripted]:
        made.append(Studio(home=tmp_path / "home", executor=executor, plugins="", add=[avstudio_llm, scripted]))
        found = made[-1].llm._gateway.backends.find("scripted").backend
        assert isinstance(found, Scripted)
        return made[-1], found

    yield studio
    for one in made:
        one.close()


def film(folder: Path, *texts: str, name: str = "film.srt") -> Path:
    """Subtitles, a cue each two seconds."""
    cues = [Cue(n * 2.0, n * 2.0 + 1.5, text) for n, text in enumerate(texts)]
    (folder / name).write_text(Subtitles.of(cues, "srt").written(texts), encoding="utf-8")
    return folder / name


def lines(request: ChatRequest | EmbedRequest) -> dict[int, str]:
    """The numbered lines of a request; what is wrong with earlier ones comes after them."""
    assert isinstance(request, ChatRequest)
    asked = next(message.text for message in request.messages if message.role == "user")
    return {int(n): text for n, text in re.findall(r"^(\d+): (.*)$", asked.partition("\n\nThe last")[0], re.MULTILINE)}


def answer(said: Mapping[int, str]) -> str:
    return json.dumps({"lines": [{"number": number, "text": text} for number, text in said.items()]})


def shouted(request: ChatRequest) -> str:
    """The lines in capitals, tags as they are."""
    return answer({n: re.sub(r"(<[^>]*>)|(\w+)", _louder, text) for n, text in lines(request).items()})


def _louder(found: re.Match[str]) -> str:
    return found[1] or found[2].upper()


def written(result: Any) -> list[str]:
    return [cue.text for cue in Subtitles.parse(result.subtitles.path.read_text(encoding="utf-8")).cues]


class TestTranslate(ProcessorContract):
    plugin = avstudio_llm
    processor = "llm.translate"
    params = MODEL
    required = frozenset({"to"})

    @pytest.fixture
    def studio(self, tmp_path: Path, no_network: None) -> Iterator[Studio]:
        with Studio(home=tmp_path / "home", executor="inline", plugins="", add=[avstudio_llm, scripted]) as made:
            backend = made.llm._gateway.backends.find("scripted").backend
            assert isinstance(backend, Scripted)
            backend.says = [shouted]
            yield made

    @pytest.fixture
    def sample(self, tmp_path: Path) -> Path | None:
        return film(tmp_path, "Hello.", "How are you?")


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_cues_times_and_markup_stay(make: Make, tmp_path: Path, executor: str) -> None:
    studio, model = make(executor)
    model.says = [shouted]
    source = film(tmp_path, "<i>Hello\nthere.</i>", "- Who is it?\n- Me.", "♪ 1969 ♪", "Mind <b>this</b>.")
    result = studio.run("llm.translate", source, **MODEL)
    assert written(result) == ["<i>HELLO THERE.</i>", "- WHO IS IT?\n- ME.", "♪ 1969 ♪", "MIND <b>THIS</b>."]
    assert (result.cues, result.language, result.subtitles.name) == (4, "German", "film.german.srt")
    said = result.subtitles.path.read_text(encoding="utf-8")
    assert re.findall(r".*-->.*", said) == re.findall(r".*-->.*", source.read_text(encoding="utf-8"))


def test_webvtt_keeps_its_settings_and_is_escaped(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [shouted]
    text = "WEBVTT\n\nfirst\n00:01.000 --> 00:02.000 align:start\n<v Ann>Tom &amp; I.\n\nNOTE stays\n"
    (tmp_path / "film.vtt").write_text(text, encoding="utf-8")
    result = studio.run("llm.translate", tmp_path / "film.vtt", **MODEL)
    assert result.subtitles.path.read_text(encoding="utf-8") == text.replace("Tom &amp; I.", "TOM &amp; I.")
    assert lines(model.heard[0]) == {1: "Tom & I."}
    other = studio.run("llm.translate", tmp_path / "film.vtt", format="srt", **MODEL)
    assert other.subtitles.media_type == "application/x-subrip"
    assert written(other) == ["<v Ann>TOM & I."]


def test_long_lines_are_broken_and_too_long_ones_asked_for_again(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [answer({1: "far " * 12, 2: "One two three four five"}), answer({1: "near " * 5})]
    result = studio.run("llm.translate", film(tmp_path, "A", "B"), line_length=15, lines=2, **MODEL)
    assert written(result) == ["near near near\nnear near", "One two three\nfour five"]
    assert lines(model.heard[1]) == {1: "A"}
    model.says = [answer({1: "far " * 12})]
    kept = studio.run("llm.translate", film(tmp_path, "A"), line_length=15, lines=2, **MODEL)
    assert [one.code for one in kept.warnings] == ["too_long"]
    assert written(kept)[0].replace("\n", " ") == ("far " * 12).strip()


def test_lines_that_were_left_out_or_joined_are_asked_for_once_more(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [answer({1: "EINS", 2: "ZWEI DREI", 7: "?"}), shouted]
    result = studio.run("llm.translate", film(tmp_path, "one", "two", "three"), **MODEL)
    assert written(result) == ["EINS", "TWO", "THREE"]
    assert lines(model.heard[1]) == {1: "two", 2: "three"}


def test_cues_that_are_left_out_twice_are_named(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [answer({1: "EINS"}), answer({})]
    with pytest.raises(TaskFailed, match=r"left out cues 2, 3 in two requests\. Try another model") as failed:
        studio.run("llm.translate", film(tmp_path, "one", "two", "three"), **MODEL)
    assert failed.value.cause == "bad_answer"
    assert len(model.heard) == 2


def test_terms_are_said_checked_and_asked_for_again(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [answer({1: "Die Bank ist weit."}), answer({1: "Das Ufer ist weit."}), answer({1: "Der Park."})]
    terms = {"glossary": ["bank=Ufer", "ship = Schiff"]}
    result = studio.run("llm.translate", film(tmp_path, "The Bank is far."), **terms, **MODEL)
    assert (written(result), result.warnings) == (["Das Ufer ist weit."], [])
    (first, again) = (request for request in model.heard if isinstance(request, ChatRequest))
    assert "bank = Ufer" in first.messages[1].text
    assert "ship" not in first.messages[1].text
    assert "'bank' must be translated as 'Ufer'" in again.messages[1].text
    warned = studio.run("llm.translate", film(tmp_path, "The bank park."), **terms, **MODEL)
    assert [one.code for one in warned.warnings] == ["glossary"]


def test_markup_that_the_model_breaks_is_asked_for_again_and_then_left_out(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [answer({1: "Nimm <i>das."})]
    result = studio.run("llm.translate", film(tmp_path, "Take <i>that</i>."), **MODEL)
    assert (written(result), [one.code for one in result.warnings]) == (["Nimm das."], ["markup_lost"])
    assert len(model.heard) == 2


def test_batches_know_what_is_said_around_them(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [shouted]
    studio.run("llm.translate", film(tmp_path, *"abcdefg"), batch=3, source_language="English", **MODEL)
    asked = [request.messages[1].text for request in model.heard if isinstance(request, ChatRequest)]
    assert [list(lines(request).values()) for request in model.heard] == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert "Said before, not to be translated:\na\nb\nc\n\nSaid after, not to be translated:\ng" in asked[1]
    assert "from this language: English, into this language: German." in asked[0]


def test_a_segment_of_a_transcript_becomes_as_many_cues_as_it_fills(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    model.says = [shouted]
    said = {"segments": [{"start": 1, "end": 5, "text": " one two three four"}, {"start": 6, "end": 7, "text": "end"}]}
    (tmp_path / "talk.json").write_text(json.dumps(said), encoding="utf-8")
    result = studio.run("llm.translate", tmp_path / "talk.json", line_length=10, lines=1, **MODEL)
    cues = Subtitles.parse(result.subtitles.path.read_text(encoding="utf-8")).cues
    assert [cue.text for cue in cues] == ["ONE TWO", "THREE FOUR", "END"]
    assert [cue.start for cue in cues] == [1.0, pytest.approx(2.647), 6.0]
    assert [cue.end for cue in cues] == [pytest.approx(2.647), 5.0, 7.0]


def test_what_cannot_be_translated_is_reported(make: Make, tmp_path: Path) -> None:
    studio, model = make()
    with pytest.raises(TaskFailed, match="no words to translate"):
        studio.run("llm.translate", film(tmp_path, "♪ ♪", "1969"), **MODEL)
    (tmp_path / "bad.srt").write_text("Just words.", encoding="utf-8")
    with pytest.raises(TaskFailed, match=r"'bad\.srt' cannot be read: It contains no cue with times"):
        studio.run("llm.translate", tmp_path / "bad.srt", **MODEL)
    with pytest.raises(InvalidInput, match=r"'bank' is not an entry of a glossary\. Write term=translation"):
        studio.run("llm.translate", tmp_path / "bad.srt", glossary=["bank"], **MODEL)
    assert model.heard == []


WORD = st.text("abcdefg", min_size=1, max_size=9)
CUE = st.lists(WORD, min_size=1, max_size=8).map(" ".join)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CUE, min_size=1, max_size=12), st.integers(1, 5), st.integers(12, 40), st.data())
def test_whatever_is_left_out_first_every_cue_is_translated_in_its_place(
    studio_of_one: tuple[Studio, Scripted, Path], texts: list[str], batch: int, length: int, data: st.DataObject
) -> None:
    studio, model, folder = studio_of_one
    forgotten = data.draw(st.sets(st.sampled_from(texts)))
    seen: set[str] = set()

    def forgetful(request: ChatRequest) -> str:
        asked = lines(request)
        told = {n: text.upper() for n, text in asked.items() if text in seen or text not in forgotten}
        seen.update(asked.values())
        return answer(told)

    model.says = [forgetful]
    result = studio.run("llm.translate", film(folder, *texts), batch=batch, line_length=length, lines=4, **MODEL)
    assert [text.replace("\n", " ") for text in written(result)] == [text.upper() for text in texts]
    assert all(width(line) <= length for text in written(result) for line in text.split("\n"))


@pytest.fixture
def studio_of_one(make: Make, tmp_path: Path) -> tuple[Studio, Scripted, Path]:
    return (*make(), tmp_path)
