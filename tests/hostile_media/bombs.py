"""Small files that claim to be huge, deep or endless."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator

MANY = 0xFFFFFFFF


def bombs() -> Iterator[tuple[str, bytes]]:
    """The bombs, with a name each."""
    yield from waves()
    yield from sounds()
    yield from boxes()
    yield from pictures()
    yield from archives()
    yield from texts()


def wave(channels: int, rate: int, bits: int, claimed: int, data: bytes = b"\0\0", kind: int = 1) -> bytes:
    align = max(0, channels * bits // 8) & 0xFFFF
    speed = (rate * align) & MANY
    form = struct.pack("<HHIIHH", kind, channels, rate, speed, align, bits)
    return (
        b"RIFF" + struct.pack("<I", MANY) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", claimed) + data
    )


def waves() -> Iterator[tuple[str, bytes]]:
    """WAV, and what is like it."""
    usual = (1, 44_100, 16)
    yield "four-gigabytes.wav", wave(*usual, MANY)
    for number, (channels, rate, bits) in enumerate(
        ((255, 48_000, 16), (65_535, 48_000, 32), (0, 48_000, 16), (2, 768_000, 24), (2, MANY, 16), (2, 0, 16))
    ):
        yield f"strange-{number}.wav", wave(channels, rate, bits, MANY, bytes(100_000))
    for bits in (0, 1, 64, 65_535):
        yield f"bits-{bits}.wav", wave(2, 48_000, bits, MANY, bytes(1000))
    for kind in (2, 0x11, 0x31, 0x55, 0xFFFE, 0xFFFF):
        yield f"kind-{kind:x}.wav", wave(*usual, MANY, bytes(5000), kind)
    yield "long-form.wav", b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\x7f" + bytes(1000)
    yield "many-chunks.wav", b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\0\0\0\0" * 200_000
    yield "slow.wav", wave(1, 1, 8, 2_000_000, bytes(2_000_000))
    huge = struct.pack("<QQQI", 2**62, 2**62, 2**61, 0)
    yield "huge.rf64", b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(huge)) + huge + wave(*usual, MANY)[12:]


def sounds() -> Iterator[tuple[str, bytes]]:
    """Other sound."""
    yield "long.au", b".snd" + struct.pack(">IIIII", 24, MANY, 3, 192_000, 255) + bytes(1000)
    yield "offset.au", b".snd" + struct.pack(">IIIII", MANY, MANY, 3, 8000, 1)
    common = b"COMM" + struct.pack(">IhIh", 18, 255, MANY, 32) + b"\x40\x1e" + b"\xff" * 8
    yield "rate.aiff", b"FORM\xff\xff\xff\xffAIFF" + common + b"SSND\xff\xff\xff\xff" + bytes(1000)
    info = (
        struct.pack(">HH", 65_535, 65_535) + bytes(6) + (655_350 << 44 | 7 << 41 | 31 << 36 | (2**36 - 1)).to_bytes(8)
    )
    yield "years.flac", b"fLaC\x80\0\0\x22" + info + bytes(16)
    yield "padding.flac", b"fLaC\0\0\0\x22" + info + bytes(16) + b"\x01\xff\xff\xff" + bytes(1000)
    page = b"OggS\0\x02" + struct.pack("<qIII", 2**62, 1, 0, 0)
    yield (
        "years.ogg",
        (page + b"\x01\x1e" + b"\x01vorbis" + struct.pack("<IBIiiiB", 0, 255, MANY, 0, 0, 0, 0xB8) + b"\1") * 50,
    )
    yield "frames.mp3", b"\xff\xfb\x90\x00" + bytes(413) + b"Xing\0\0\0\x01" + b"\xff\xff\xff\xff" + bytes(400)
    yield "tags.mp3", b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(1000)
    yield "many-tags.mp3", (b"ID3\x04\0\0\0\0\0\x0b" + b"TXXX\0\0\0\x01\0\0\0") * 20_000
    yield "long.w64", b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + b"\xff" * 8 + b"wave" + bytes(100)
    yield (
        "long.caf",
        b"caff\0\1\0\0desc" + struct.pack(">q", 32) + struct.pack(">d4sIIIII", 1e300, b"lpcm", 0, 1, 1, MANY, 64),
    )


def box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(content) + 8 if size is None else size) + kind + content


def boxes() -> Iterator[tuple[str, bytes]]:
    """MP4 and Matroska."""
    start = box(b"ftyp", b"isom\0\0\0\0isom")
    header = struct.pack(">IIIIIIHH", 0, 0, 0, 1, MANY, 0x10000, 0x100, 0) + bytes(72)
    yield "hundred-years.mp4", start + box(b"moov", box(b"mvhd", header))
    deep = b""
    for _ in range(20_000):
        deep = b"\0\0\0\0moov" + deep
    yield "deep.mp4", start + deep
    nested = b""
    for _ in range(3000):
        nested = box(b"trak", nested)
    yield "nested.mp4", start + box(b"moov", nested)
    for table in (b"stsz", b"stco", b"stts", b"ctts", b"stsc", b"elst"):
        listed = box(b"mdia", box(b"minf", box(b"stbl", box(table, struct.pack(">III", 0, 0, MANY)))))
        yield f"{table.decode()}.mp4", start + box(b"moov", box(b"trak", listed))
    yield "tracks.mp4", start + box(b"moov", box(b"mvhd", header) + box(b"trak", b"") * 50_000)
    yield "large.mp4", start + struct.pack(">I4sQ", 1, b"mdat", 2**63 - 1) + bytes(100)
    yield "open.mkv", b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7 + b"\xec\x08" + b"\xff" * 7
    track = b"\xae\x86\xd7\x81\x01\x83\x81\x02"
    tracks = b"\x16\x54\xae\x6b" + (0x10000000 | len(track) * 10_000).to_bytes(4) + track * 10_000
    ebml = b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska"
    yield "tracks.mkv", ebml + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + tracks
    one = b"\x61\xa7\x87\x46\x6e\x81a\x46\x5c\x80"
    attached = b"\x19\x41\xa4\x69" + (0x10000000 | len(one) * 10_000).to_bytes(4) + one * 10_000
    yield "attachments.mkv", ebml + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + attached
    yield "deep.mkv", ebml + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + b"\x10\x43\xa7\x70\xff" * 20_000


def pictures() -> Iterator[tuple[str, bytes]]:
    """PNG, GIF, and others."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 16, 6, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(5_000_000)))
    yield "large.png", b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    yield "million.gif", b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff" + frame * 200_000 + b";"
    yield (
        "large.bmp",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", MANY, 0, 0, 54, 40, 2**30, 2**30, 1, 32, 0, 0, 0, 0, 0, 0),
    )
    yield "large.tif", b"II*\0\x08\0\0\0\xff\xff" + b"\0\1\4\0\1\0\0\0\xff\xff\xff\xff" * 1000
    yield "large.webp", b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6
    yield "large.jpg", b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\1\x22\0\2\x11\1\3\x11\1" + bytes(100)


def archives() -> Iterator[tuple[str, bytes]]:
    """Archives in archives."""
    content = bytes(10 << 20)
    for _ in range(3):
        content = gzip.compress(content)
    yield "nested.gz", content
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.wav", bytes(20 << 20))
    yield "nested.zip", file.getvalue()
    yield "zeros.wav", b"RIFF\xff\xff\xff\xffWAVE" + bytes(16 << 20)
    yield "zeros.bin", bytes(16 << 20)
    yield "zstd.zst", b"\x28\xb5\x2f\xfd\xa4\0\0\0\x80" + b"\x02\0\x10\0" * 50_000


def texts() -> Iterator[tuple[str, bytes]]:
    """Subtitles and documents."""
    yield "cues.srt", b"".join(b"%d\n00:00:00,000 --> 99:59:59,999\nx\n\n" % one for one in range(100_000))
    yield "cues.vtt", b"WEBVTT\n\n" + b"00:00.000 --> 00:00.001\nx\n\n" * 100_000
    yield "line.srt", b"1\n00:00:00,000 --> 00:00:01,000\n" + b"x" * (8 << 20)
    yield "deep.json", b"[" * 1_000_000
    yield "wide.json", json.dumps({"segments": [{"start": 0, "end": 1e308, "text": "x"}] * 50_000}).encode()
    yield "script.ass", b"[Script Info]\n[Events]\n" + b"Dialogue: 0,0:00:00.00,9:59:59.99,,,0,0,0,,x\n" * 100_000
