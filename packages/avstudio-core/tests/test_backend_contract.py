from __future__ import annotations

from avstudio_core.testing import BackendContract, scripted
from avstudio_core.testing.scripted import Scripted


class TestScripted(BackendContract):
    plugin = scripted
    backend = Scripted
