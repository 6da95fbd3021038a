from __future__ import annotations

import socket
import subprocess
import sys
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from urllib.request import urlopen

import pytest

from avstudio_core import Studio
from avstudio_core.testing import exercises
from avstudio_core.testing.fixtures import NetworkUsed, Tone


def test_tone_makes_the_wav_that_was_asked_for(tone: Tone) -> None:
    with wave.open(str(tone(seconds=0.5, rate=8000, channels=2, level=0.25, frequency=1000))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 2, 4000)
        samples = array("h", file.readframes(4000))
    assert max(samples) == round(0.25 * 32767)
    assert samples[0::2] == samples[1::2]


def test_tone_makes_a_new_file_each_time(tone: Tone) -> None:
    assert tone(seconds=0.01) != tone(seconds=0.01)


def test_a_tone_of_no_level_is_silence(tone: Tone) -> None:
    with wave.open(str(tone(seconds=0.01, level=0))) as file:
        assert set(file.readframes(441)) == {0}


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("reach", [lambda: urlopen("http://example.org"), lambda: _connect("192.0.2.1")])
def test_other_machines_are_out_of_reach(reach: object) -> None:
    assert callable(reach)
    with pytest.raises(NetworkUsed, match=r"example\.org|192\.0\.2\.1"):
        reach()


@pytest.mark.usefixtures("no_network")
def test_this_machine_is_within_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_studio_is_alone_and_offline(studio: Studio, tmp_path: Path) -> None:
    assert studio.settings.offline
    assert studio.settings.home.is_relative_to(tmp_path)
    assert list(studio.plugins.installed) == ["core"]


class TestOfOnePlugin:
    plugin = exercises

    def test_studio_knows_the_plugin_of_the_class(self, studio: Studio, tone: Tone) -> None:
        assert studio.run("exercise.copy", tone(seconds=0.01)).copied.path.is_file()


class TestOfChosenPlugins:
    @pytest.fixture
    def studio_plugins(self) -> Sequence[ModuleType]:
        return [exercises]

    def test_studio_knows_them(self, studio: Studio) -> None:
        assert "exercise.wait" in studio.plugins.kind("processors")


def test_a_foreign_test_suite_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test_foreign.py").write_text(
        "import sys\n"
        "def test_nothing_is_added(request):\n"
        "    assert request.fixturenames == ['request']\n"
        "    assert {'pydantic', 'sqlalchemy', 'alembic', 'numpy'} & sys.modules.keys() == set()\n"
        "    assert 'avstudio_core.testing.fixtures' in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "-p", "no:asyncio"]
    ran = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def _connect(host: str) -> None:
    socket.create_connection((host, 80), timeout=1.0).close()
