"""A file that C libraries write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avstudio_core.errors import InvalidInput, StorageError


class OutputFile:
    """A file for C libraries: it stores errors, which their callbacks would drop."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self.read, self.seek, self.tell = self._file.read, self._file.seek, self._file.tell
        self.close = self._file.close
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            return len(data)
        except OSError as error:
            self.error = error
            return 0

    def check(self) -> None:
        """Raise the stored error."""
        if self.error:
            raise self.error


@contextmanager
def output_file(path: Path, format: str) -> Iterator[OutputFile]:
    """A file to write; a failure removes it, and exceptions of libraries become errors of the core."""
    import av
    import soundfile

    try:
        file = OutputFile(path)
    except (OSError, ValueError) as error:
        raise StorageError.of(error if isinstance(error, OSError) else OSError(str(error)), path) from error
    try:
        yield file
        file.check()
    except BaseException as error:
        file.close()
        if path.is_file():
            path.unlink()
        cause = file.error or error
        if isinstance(cause, OSError):
            raise StorageError.of(cause, path) from error
        if isinstance(cause, (av.FFmpegError, soundfile.SoundFileError, AssertionError)):
            raise InvalidInput(f"These samples cannot be written as '{format}': {error}.") from error
        raise
    file.close()
