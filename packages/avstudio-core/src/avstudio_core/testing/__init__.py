"""For whoever tests a plugin: a contract to subclass for each kind, synthetic media, fixtures that pytest finds itself.

```python
import avstudio_loudness
from avstudio_core.testing import ProcessorContract


class TestLoudness(ProcessorContract):
    plugin = avstudio_loudness
    processor = "audio.loudness"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core.testing.contracts import MemoryManagerContract, ProcessorContract, WeightsContract
    from avstudio_core.testing.executor_contract import ExecutorContract

_HOMES = {
    "ExecutorContract": "executor_contract",
    "MemoryManagerContract": "contracts",
    "ProcessorContract": "contracts",
    "WeightsContract": "contracts",
}

__all__ = ["ExecutorContract", "MemoryManagerContract", "ProcessorContract", "WeightsContract"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'avstudio_core.testing' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"avstudio_core.testing.{_HOMES[name]}"), name)
