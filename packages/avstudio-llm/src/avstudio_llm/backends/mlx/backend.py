"""The backend `mlx`: models on this machine's disk, each in a separate process that the model pool controls."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

from avstudio_core import Backend, BackendConfig, BackendHost, Model, Needs
from avstudio_core.chat import ChatRequest, Delta
from avstudio_core.errors import TaskCancelled, Unsupported
from avstudio_core.nearest import did_you_mean
from avstudio_llm.backends.mlx.folders import ModelFolder, find_all
from avstudio_llm.backends.mlx.process import ModelProcess
from avstudio_llm.libraries import library_obstacle, require
from avstudio_llm.residents import POLL_SECONDS, Gone, Resident

FAMILY = "mlx_llm"


class MlxModel(Resident):
    """A model and the process that holds it."""

    def __init__(self, host: BackendHost, lane: str, path: Path) -> None:
        super().__init__(host, lane)
        self._path = path
        self.process: ModelProcess | None = None

    def load(self, gone: Gone) -> None:
        process = self.process = ModelProcess(self._path, self.host.settings)
        try:
            while not _waited(process):
                if gone():
                    raise TaskCancelled(f"Loading '{self.lane}' was cancelled.")
            self._measure()
        except BaseException:
            process.end()
            raise

    def free(self) -> bool:
        assert self.process is not None
        self._measure()
        self.process.end()
        return True

    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    async def answer(self, request: ChatRequest, needs: Needs) -> AsyncIterator[Delta]:
        async with self.used(needs):
            assert self.process is not None
            async for delta in self.process.ask(request):
                yield delta

    def _measure(self) -> None:
        """Report the memory that the process really uses to the pool."""
        assert self.process is not None
        self.host.pool.measured(self.lane, self.process.peak_mb)


class Mlx(Backend):
    """Language models through mlx-lm; it runs on Apple silicon, and on Linux on the CPU.

    Models are folders in the hub's cache (of the owner `mlx-community`), in the folder of weights, and in those that
    `options = { folders = ["…"] }` names. None is ever downloaded.
    """

    name: ClassVar[str] = "mlx"
    distribution: ClassVar[str] = "avstudio-llm"
    extra: ClassVar[str] = "mlx"
    always_local: ClassVar[bool] = True
    lists_cheaply: ClassVar[bool] = True

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        super().__init__(config, host)
        self._residents: dict[str, MlxModel] = {}

    def obstacle(self) -> str | None:
        return library_obstacle(self, "mlx_lm")

    async def models(self) -> list[Model]:
        folders = await asyncio.to_thread(self._folders)
        return [
            Model(backend=self.config.name, name=name, local=True, can=folder.can, memory_mb=folder.memory_mb)
            for name, folder in folders.items()
        ]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        require(self, "mlx_lm")
        _refuse_unsupported(request, model)
        resident = self._residents.get(model.name)
        if resident is None:
            folder = self._folder(model.name)
            resident = self._residents.setdefault(model.name, MlxModel(self.host, model.id, folder.path))
            model = model.model_copy(update={"memory_mb": model.memory_mb or folder.memory_mb})
        answer = resident.answer(request, _needs(model))
        try:
            async for delta in answer:
                yield delta
        finally:
            await answer.aclose()  # type: ignore[attr-defined]

    async def close(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(resident.close) for resident in self._residents.values()))
        self._residents.clear()

    def _folders(self) -> dict[str, ModelFolder]:
        folders = self.config.options.get("folders", [])
        named = [str(folder) for folder in folders] if isinstance(folders, list) else [str(folders)]
        return find_all(self.host.settings, named)

    def _folder(self, name: str) -> ModelFolder:
        folders = self._folders()
        if name not in folders:
            hint = did_you_mean(name, folders) or "See the list of models."
            raise Unsupported(f"'{name}' is not an MLX model on this machine.", hint=hint)
        return folders[name]


def _waited(process: ModelProcess) -> bool:
    """Wait briefly for the model; return whether it is loaded. Raises the error of a failed load."""
    try:
        process.ready.result(timeout=POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def _needs(model: Model) -> Needs:
    device = "mps" if sys.platform == "darwin" else "cpu"
    return Needs(family=FAMILY, model=model.name, memory_mb=model.memory_mb, device=device)


def _refuse_unsupported(request: ChatRequest, model: Model) -> None:
    if any(message.images for message in request.messages):
        raise Unsupported(f"Backend 'mlx' cannot read images, but '{model.name}' was sent one.")
    if request.tools and request.tool_choice == "required":
        raise Unsupported("Backend 'mlx' cannot force a model to call a tool.", hint="Leave tool_choice at 'auto'.")
