"""A file of arrays, whose pictures are written one by one."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from zipfile import ZipFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


class FrameArchive:
    """An `.npz` file with an array `frames` of `(count, height, width, 3)`; one picture of it is in memory."""

    def __init__(self, path: Path, count: int, size: tuple[int, int]) -> None:
        """All pictures have this width and height."""
        from numpy.lib.format import write_array_header_1_0

        self.path = path
        self._shape = (size[1], size[0], 3)
        self._count = 0
        self._file = path.open("wb")
        self._zip = ZipFile(self._file, "w")
        self._frames = self._zip.open("frames.npy", "w", force_zip64=True)
        head = {"descr": "|u1", "fortran_order": False, "shape": (count, *self._shape)}
        write_array_header_1_0(self._frames, head)
        self._start = self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file, self._zip:
            self._frames.close()

    def add(self, pixels: Pixels) -> int:
        """Write the next picture, and tell its place."""
        import numpy as np

        self._frames.write(np.ascontiguousarray(pixels).data)
        self._count += 1
        return self._count - 1

    def end(self, **arrays: NDArray[Any]) -> None:
        """Write what is known about the pictures, after the last one."""
        from numpy.lib.format import write_array

        self._frames.close()
        for name, array in arrays.items():
            with self._zip.open(f"{name}.npy", "w") as entry:
                write_array(entry, array)

    def pictures(self) -> Pixels:
        """All pictures that were written, in the file; also if they are fewer than its header says."""
        import numpy as np

        return np.memmap(self.path, np.uint8, "r", self._start, (self._count, *self._shape))
