"""The contract of memory managers, as a test class to subclass."""

from __future__ import annotations

import re
import time
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

from avstudio_core.testing.contract import Contract
from avstudio_core.testing.light_imports import check_imports

if TYPE_CHECKING:
    from avstudio_core.kinds.memory_manager import MemoryManager
    from avstudio_core.studio import Studio


FIGURE_SECONDS = 1.0
"""How long a figure may take."""


class MemoryManagerContract(Contract):
    """The contract of memory managers, on machines with and without their device."""

    plugin: ModuleType
    manager: ClassVar[type[MemoryManager]]

    def test_it_names_its_device(self) -> None:
        """The device is one word of small letters and digits."""
        device = self.manager.device
        assert re.fullmatch(r"[a-z][a-z0-9]*", device), f"'{device}' is not such a word."

    def test_its_figures_make_sense(self) -> None:
        """The memory that is free is a whole number, not below 0, and not above the total."""
        manager = self.manager()
        assert isinstance(manager.present(), bool), "'present' must return True or False."
        free, total = manager.available_mb(), manager.total_mb()
        assert isinstance(free, int), f"'available_mb' is {free}, which is not a whole number."
        assert isinstance(total, int), f"'total_mb' is {total}, which is not a whole number."
        assert 0 <= free <= total, f"'available_mb' is {free}, 'total_mb' is {total}."

    def test_a_device_has_memory_when_it_is_there(self) -> None:
        """A device that is present has memory, and one that is absent has none."""
        manager = self.manager()
        total, present = manager.total_mb(), manager.present()
        assert (total > 0) is present, f"'present' is {present}, 'total_mb' is {total}."

    def test_its_figures_come_fast(self) -> None:
        """A figure takes less than a second: each task may need them."""
        manager = self.manager()
        manager.total_mb()  # the first call may load a library
        for figure in (manager.present, manager.available_mb, manager.total_mb):
            taken = []
            for _ in range(3):  # on a busy machine, one of them may take longer
                began = time.monotonic()
                figure()
                taken.append(time.monotonic() - began)
            assert min(taken) < FIGURE_SECONDS, f"'{figure.__name__}' takes {min(taken):.1f} s."

    def test_the_studio_budgets_with_it(self, studio: Studio) -> None:
        """The plugin registers the memory manager, and the studio makes a budget from it."""
        registered = studio.plugins.kind("memory_managers").values()
        assert self.manager in registered, f"'register_memory_managers' does not return {self.manager.__name__}."
        assert studio.pool.budget_mb(self.manager.device) >= 0

    def test_importing_it_is_light(self) -> None:
        """Importing the plugin and making the memory manager import no heavy library."""
        check_imports(self.plugin)
