"""Tools for testing plugins: a contract to subclass for each kind, synthetic media, and fixtures for pytest.

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
    from avstudio_core.testing.agent_contract import AgentContract
    from avstudio_core.testing.backend_contract import BackendContract
    from avstudio_core.testing.dialect import Dialect
    from avstudio_core.testing.executor_contract import ExecutorContract
    from avstudio_core.testing.http_backend_contract import HttpBackendContract
    from avstudio_core.testing.interface_contract import InterfaceContract
    from avstudio_core.testing.memory_manager_contract import MemoryManagerContract
    from avstudio_core.testing.model_server import ModelServer, Sent
    from avstudio_core.testing.patience import until
    from avstudio_core.testing.price_book_contract import PriceBookContract
    from avstudio_core.testing.processor_contract import ProcessorContract
    from avstudio_core.testing.router_contract import RouterContract
    from avstudio_core.testing.secret_store_contract import SecretStoreContract
    from avstudio_core.testing.weights_contract import WeightsContract

_HOMES = {
    "AgentContract": "agent_contract",
    "BackendContract": "backend_contract",
    "Dialect": "dialect",
    "ExecutorContract": "executor_contract",
    "HttpBackendContract": "http_backend_contract",
    "InterfaceContract": "interface_contract",
    "MemoryManagerContract": "memory_manager_contract",
    "ModelServer": "model_server",
    "PriceBookContract": "price_book_contract",
    "ProcessorContract": "processor_contract",
    "RouterContract": "router_contract",
    "SecretStoreContract": "secret_store_contract",
    "Sent": "model_server",
    "WeightsContract": "weights_contract",
    "until": "patience",
}

__all__ = [
    "AgentContract",
    "BackendContract",
    "Dialect",
    "ExecutorContract",
    "HttpBackendContract",
    "InterfaceContract",
    "MemoryManagerContract",
    "ModelServer",
    "PriceBookContract",
    "ProcessorContract",
    "RouterContract",
    "SecretStoreContract",
    "Sent",
    "WeightsContract",
    "until",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'avstudio_core.testing' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"avstudio_core.testing.{_HOMES[name]}"), name)
