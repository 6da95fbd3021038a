"""The memory of NVIDIA devices, from their driver: this does not need torch, whose import takes seconds."""

from __future__ import annotations

import ctypes
from typing import ClassVar

from avstudio_core import MemoryManager

MB = 1 << 20


class CudaMemory(MemoryManager):
    """The first CUDA device."""

    device: ClassVar[str] = "cuda"

    def present(self) -> bool:
        from avstudio_audio.model_choice import has_cuda

        return has_cuda()

    def total_mb(self) -> int:
        if not self.present():
            return 0
        driver, size = ctypes.CDLL("libcuda.so.1"), ctypes.c_size_t(0)
        return size.value // MB if driver.cuDeviceTotalMem_v2(ctypes.byref(size), 0) == 0 else 0

    def available_mb(self) -> int:
        """The memory that torch can still allocate. Creates a context on the device, so call it only before its use."""
        if not self.present():
            return 0
        import torch

        return int(torch.cuda.mem_get_info(0)[0] // MB)
