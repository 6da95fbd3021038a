"""Chains of effects: as text, as schema, and in blocks of any size."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

pytest.importorskip("pedalboard", reason="the extra avstudio-audio[effects] is not installed")

from avstudio_audio.rack.chain import effects_of
from avstudio_audio.rack.devices import Devices
from avstudio_audio.rack.effect import bounds
from avstudio_audio.rack.expression import EFFECTS, written
from avstudio_audio.rack.player import Player
from avstudio_audio.rack.presets import PRESETS

RATE = 8_000
PAGE = Path(__file__).parents[3] / "docs" / "howto" / "effects.md"
CHAIN = (
    "lowpass cutoff=200@0;1500@5, resample 3000 start=0.5 end=7, "
    "(dry + brickwall_limiter -20 > delay 0.3 50% + reverb mix=0.2@1;0.9@2), mp3"
)


def played(chain: Any, blocks: list[Any], tail: float | None = None, threads: int = 1) -> Any:
    player = Player(effects_of(chain), RATE, len(blocks[0]), Devices(RATE).make, threads=threads)
    return np.concatenate(list(player.played(blocks, tail)), axis=1)


NOISE = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 70_000)).astype(np.float32)
WHOLE = played(CHAIN, [NOISE])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 69_999), max_size=20))
def test_the_size_of_the_blocks_never_changes_the_sound(cuts: list[int]) -> None:
    np.testing.assert_array_equal(played(CHAIN, np.split(NOISE, sorted(cuts), axis=1)), WHOLE)


@pytest.mark.parametrize("threads", [2, 3, 40])
def test_the_number_of_threads_never_changes_the_sound(threads: int) -> None:
    before = {*threading.enumerate()}
    np.testing.assert_array_equal(played(CHAIN, [NOISE], threads=threads), WHOLE)
    assert {*threading.enumerate()} <= before


def automated(name: str, param: str, end: float, jumps: bool) -> dict[str, Any]:
    points = zip((0.5, end), bounds(EFFECTS[name].model_fields[param]), strict=True)
    return {"param": param, "points": [*points], "curve": "step" if jumps else "linear"}


def values(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """An effect with some values within its bounds."""
    fields = EFFECTS[name].model_fields
    found: dict[str, st.SearchStrategy[Any]] = {"mix": st.floats(0, 1), "bypass": st.booleans()}
    for one in EFFECTS[name].own():
        kind = fields[one].annotation
        if kind is bool:
            found[one] = st.booleans()
        elif get_origin(kind) is Literal:
            found[one] = st.sampled_from(get_args(kind))
        elif kind in (int, float):
            low, high = bounds(fields[one])
            found[one] = st.integers(int(low), int(high)) if kind is int else st.floats(low, high)
    moving = [one for one in EFFECTS[name].automatable() if fields[one].annotation is float]
    automation = st.builds(automated, st.just(name), st.sampled_from(moving), st.floats(1, 100), st.booleans())
    return st.fixed_dictionaries(
        {"type": st.just(name)}, optional={**found, "automation": st.lists(automation, max_size=1)}
    )


PLAIN = [name for name in EFFECTS if name not in ("plugin", "parallel")]
SINGLE = st.sampled_from(PLAIN).flatmap(values)
BRANCHES = st.builds(
    lambda branches: {"type": "parallel", "branches": branches},
    st.lists(st.lists(SINGLE, max_size=2), min_size=1, max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SINGLE | BRANCHES, min_size=1, max_size=4))
def test_a_chain_as_text_is_the_same_chain(chain: list[dict[str, Any]]) -> None:
    effects = effects_of(chain)
    assert effects_of(written(effects)) == effects


@pytest.mark.parametrize("path", ["a b, (c).vst3", 'a "b".vst3', "it's.vst3", "C:\\new\\a b.vst3"])
def test_a_quoted_path_is_one_value(path: str) -> None:
    quote = "'" if '"' in path else '"'
    found = effects_of([{"type": "plugin", "path": path}])
    assert effects_of(f"plugin {quote}{path}{quote}") == effects_of(written(found)) == found
    if "'" not in path:
        assert effects_of(f"plugin path='{path}' mix=1") == found


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_changes_the_sound_and_does_not_clip(preset: str) -> None:
    found = played(preset, [NOISE[:, :20_000]], 0.0)
    assert found.shape == (2, 20_000)
    assert 0.01 < float(np.abs(found).max()) < 1.2
    assert not np.allclose(found, NOISE[:, :20_000], atol=0.001)


def test_the_page_lists_every_effect_with_its_parameters() -> None:
    rows = re.findall(r"^\| (`.*?) \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name: re.findall(r"`(\w+)`", params) for names, params in rows for name in re.findall(r"`(\w+)`", names)}
    expected = {
        name: [one for one in kind.own() if one not in ("values", "branches")]
        for name, kind in EFFECTS.items()
        if name != "parallel"
    }
    assert listed == expected


def test_the_page_lists_every_preset() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in PRESETS)
