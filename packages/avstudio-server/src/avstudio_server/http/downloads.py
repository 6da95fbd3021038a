"""How a stored file is handed out: as a file to keep, never as a page to show."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePath
from urllib.parse import quote

from avstudio_core.media_types import NAMES, UNKNOWN

TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+\-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+\-]{0,126}")
SHOWN = re.compile(
    r"(?:audio|video)/.*|image/(?:png|jpeg|gif|webp|avif|bmp|tiff|heic|heif|jxl)|font/.*"
    r"|text/(?:plain|vtt|csv|markdown)|application/(?:json|x-subrip|zip|ogg|mxf|vnd\.avstudio\..*|.*\+json)"
)
"""Types that no browser runs; a file of any other type is handed out as bytes of no type."""
TYPES = mimetypes.MimeTypes(filenames=())
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f<>:\"/\\|?*;%\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")
"""Characters that file systems do not take, or that show a name otherwise than it is."""
DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)")
"""Names that mean devices to Windows."""
PREFERRED = {"audio/mpeg": ".mp3", "audio/mp4": ".m4a", "audio/ogg": ".ogg", "audio/aiff": ".aiff", "video/mp4": ".mp4"}
ENDINGS = {kind: ending for ending, kind in reversed(NAMES.items())} | PREFERRED


def served_type(media_type: str) -> str:
    """The type under which a file is handed out."""
    if TYPE.fullmatch(media_type) is None or SHOWN.fullmatch(media_type) is None:
        return UNKNOWN
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def download_name(name: str, media_type: str) -> str:
    """A name that any system takes as it is, and whose ending fits what the file is, not what its sender called it."""
    clean = UNSAFE.sub("_", name).strip(" .") or "file"
    clean = f"_{clean}" if DEVICES.match(clean) else clean
    ending = PurePath(clean).suffix.lower()
    named = NAMES.get(ending) or TYPES.guess_type(f"x{ending}")[0]
    if named is None or named == media_type or _alike(named, media_type):
        return clean
    return clean + (ENDINGS.get(media_type) or TYPES.guess_extension(media_type) or ".bin")


def _alike(named: str, media_type: str) -> bool:
    """Whether both are sound or moving pictures: a container may hold either."""
    media = {named.partition("/")[0], media_type.partition("/")[0]}
    return media <= {"audio", "video"} and media_type != UNKNOWN


def headers(name: str, media_type: str, sha256: str) -> dict[str, str]:
    """The headers of a stored file, whose content never changes."""
    own = download_name(name, media_type)
    plain = own.encode("ascii", errors="replace").decode().replace("?", "_")
    return {
        "Content-Type": served_type(media_type),
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(own, safe='')}",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
    }
