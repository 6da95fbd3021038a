"""What all processors of this package share: words of requests in English and German, and how times are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import avstudio_video
from avstudio_core import Processor, Studio
from avstudio_core.errors import InvalidParams
from avstudio_video.effects.catalogue import EFFECTS


@pytest.mark.parametrize("processor", avstudio_video.register_processors())
def test_requests_in_two_languages_name_it(processor: type[Processor[Any, Any]]) -> None:
    assert set(processor.cues) == {example.language for example in processor.examples} == {"en", "de"}
    for example in processor.examples:
        words = [*processor.cues[example.language], *(word for listed in processor.nouns.values() for word in listed)]
        assert any(word in example.request.casefold() for word in words), example.request
        processor.params_type.model_validate(example.params)


PARAMS = [one.params_type for one in avstudio_video.register_processors()]


@pytest.mark.parametrize("kind", [*PARAMS, *EFFECTS.values()])
def test_every_time_may_be_text_with_minutes(kind: Any) -> None:
    for name, one in kind.model_json_schema()["properties"].items():
        if one.get("unit") == "s":
            kinds = one.get("items", one)["anyOf"]
            assert {"type": "string"} in kinds, name
            assert any({"minimum", "exclusiveMinimum"} & inner.keys() for inner in kinds), name


@pytest.mark.parametrize("times", ["0:00.2,0:00:00.4", ["0:00.2", 0.4], [0.2, "0.4"]])
def test_minutes_are_understood(shared_studio: Studio, write: Callable[..., Path], times: Any) -> None:
    film = write("a.mp4", 20, sound=[440])
    assert [one.index for one in shared_studio.run("video.decode", film, times=times).index] == [5, 10]
    made = shared_studio.run("video.extract_audio", film, start="0:00.2", end="0:00.5", format="wav")
    assert made.tracks[0].duration == pytest.approx(0.3)
    chain = [{"type": "trim", "start": "0:00.2", "end": "0:00.4"}]
    assert shared_studio.run("video.effects", film, chain=chain).frames == 5
    with pytest.raises(InvalidParams, match=r"'1:x'.*'1:30'"):
        shared_studio.run("video.decode", film, start="1:x")


def test_a_delay_may_be_negative_minutes(shared_studio: Studio, write: Callable[..., Path]) -> None:
    film = write("a.mp4", 20, sound=[440])
    with pytest.raises(InvalidParams, match="at least -86400"):
        shared_studio.run("video.mux", film, sound=[film], sound_offsets="-24:00:01")
    assert shared_studio.run("video.mux", film, sound=[film], sound_offsets="-0:00.2").video
