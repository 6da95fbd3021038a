"""The contract tests what all processors must do; the tests here check the measurements of this one."""

from __future__ import annotations

import avstudio_loudness
import pytest

from avstudio_core import Studio
from avstudio_core.errors import TaskFailed
from avstudio_core.testing import ProcessorContract
from avstudio_core.testing.fixtures import Tone


class TestLoudness(ProcessorContract):
    plugin = avstudio_loudness
    processor = "audio.loudness"

    @pytest.mark.parametrize("rate", [44_100, 48_000])
    @pytest.mark.parametrize("level", [-23.0, -33.0])
    def test_a_reference_tone_has_the_loudness_of_the_standard(
        self, studio: Studio, tone: Tone, rate: int, level: float
    ) -> None:
        """EBU Tech 3341, cases 1 and 2: the loudness of a stereo sine of 1 kHz in LUFS equals its peak in dBFS, within 0.1 LU."""
        sample = tone(seconds=3, rate=rate, channels=2, level=10 ** (level / 20), frequency=1000)
        result = studio.run("audio.loudness", sample, target=-14)
        assert result.integrated == pytest.approx(level, abs=0.1)
        assert result.peak == pytest.approx(level, abs=0.05)
        assert result.gain == pytest.approx(-14 - result.integrated)

    def test_mono_is_3_db_softer_than_stereo(self, studio: Studio, tone: Tone) -> None:
        one, two = (studio.run("audio.loudness", tone(channels=channels)).integrated for channels in (1, 2))
        assert two - one == pytest.approx(3.01, abs=0.01)

    @pytest.mark.parametrize(
        ("sound", "message"),
        [
            ({"level": 0}, r"'tone-0\.wav' is silent"),
            ({"seconds": 0.3}, r"'tone-0\.wav' cannot be measured: Audio must have length greater"),
            ({"channels": 6}, r"'tone-0\.wav' cannot be measured: Audio must have five channels or less"),
        ],
    )
    def test_sound_without_measurable_loudness_is_refused(
        self, studio: Studio, tone: Tone, sound: dict[str, int], message: str
    ) -> None:
        with pytest.raises(TaskFailed, match=message) as failed:
            studio.submit("audio.loudness", tone(**sound)).result()
        assert failed.value.cause == "invalid_input"
