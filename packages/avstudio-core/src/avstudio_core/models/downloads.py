"""Downloads of pinned files from the hub; they can be resumed, and their sha256 is checked before use."""

from __future__ import annotations

import os
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from avstudio_core.egress import Gate, proxy_of
from avstudio_core.errors import CorruptFile, WeightsMissing
from avstudio_core.storage.digest import file_sha256
from avstudio_core.storage.private_files import private
from avstudio_core.weights import Weights, WeightsFile

TIMEOUT_SECONDS = 30.0
CHUNK = 1 << 18


def fetch(
    gate: Gate, weights: type[Weights], file: WeightsFile, target: Path, progress: Callable[[float], None]
) -> None:
    """Download a file to `target`, resuming an interrupted download.

    Raises `WeightsMissing` if the hub does not answer, `CorruptFile` if the content does not match the pinned sha256,
    and `EgressRefused` if the policy forbids the hub's host, or a host that it redirects to.
    """
    url = f"{gate.settings.hub.rstrip('/')}/{weights.repository}/resolve/{weights.revision}/{file.name}"
    if not (target.exists() and file_sha256(target) == file.sha256):
        _download(gate, url, target, file.size, progress)
    if file_sha256(target) != file.sha256:
        target.unlink()
        raise CorruptFile(f"'{url}' is not the expected file: its sha256 is not {file.sha256}.")
    progress(1.0)


class _CheckedRedirects(HTTPRedirectHandler):
    """Checks the policy before following a redirect."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def redirect_request(self, *given: Any) -> Request | None:
        self._gate.leave(given[-1])
        return super().redirect_request(*given)


class _Proxies(ProxyHandler):
    """Uses the proxies of the environment as all our connections do: never for this machine."""

    def __init__(self, gate: Gate) -> None:
        super().__init__({"http": "", "https": ""})
        self._gate = gate

    def proxy_open(self, req: Request, proxy: str, type: str) -> Any:
        given = proxy_of(self._gate.settings, req.full_url)
        return super().proxy_open(req, given, type) if given else None


def _download(gate: Gate, url: str, target: Path, size: int | None, progress: Callable[[float], None]) -> None:
    gate.leave(url)
    have = target.stat().st_size if target.exists() else 0
    request = Request(url, headers={"Range": f"bytes={have}-", "User-Agent": "avstudio"})
    try:
        with (
            build_opener(_CheckedRedirects(gate), _Proxies(gate)).open(request, timeout=TIMEOUT_SECONDS) as answer,
            open(target, "ab" if answer.status == 206 else "wb", opener=private) as writer,
        ):
            end = writer.tell() + int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(CHUNK):
                writer.write(chunk)
                progress(min(1.0, writer.tell() / (size or end or 1)))
            writer.flush()
            os.fsync(writer.fileno())
            if writer.tell() < end:
                raise ConnectionError(f"the hub stopped after {writer.tell()} of {end} B")
    except HTTPError as error:
        if error.code == 416:  # the file is complete
            return
        raise WeightsMissing(f"'{url}' cannot be fetched: the hub answers {error.code} {error.reason}.") from error
    except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        reason = getattr(reason, "strerror", None) or reason
        raise WeightsMissing(
            f"'{url}' cannot be fetched: {reason}.", hint="Try again: the download is resumed."
        ) from error
