"""Files that refer to a server or to a file of this machine, as those of FFmpeg's playlists do."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile_media.bombs import box

M3U = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9S">'
    '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="a" bandwidth="1"><BaseURL>{}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>"
)
TEXTS = {
    "a.m3u8": M3U,
    "key.m3u8": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{0}"\n#EXTINF:10,\n{0}\n#EXT-X-ENDLIST\n',
    "map.m3u8": '#EXTM3U\n#EXT-X-MAP:URI="{0}"\n#EXTINF:10,\n{0}\n#EXT-X-ENDLIST\n',
    "master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n",
    "a.ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\na=control:{}\nm=audio 9 RTP/AVP 0\n",
    "a.mpd": DASH,
    "a.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{}"/></svg>',
    "a.edl": "# mpv EDL v0\n{},0,5\n",
    "a.ass": "[Script Info]\nVideo File: {0}\nAudio File: {0}\n[Events]\n",
    "a.cue": 'FILE "{}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "a.pls": "[playlist]\nFile1={}\nNumberOfEntries=1\n",
    "a.xspf": '<playlist version="1"><trackList><track><location>{}</location></track></trackList></playlist>',
    "a.asx": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "a.smil": '<smil><body><audio src="{}"/></body></smil>',
    "a.ram": "{}\n",
    "a.ism": '<SmoothStreamingMedia MajorVersion="2"><StreamIndex Type="audio" Url="{}"/></SmoothStreamingMedia>',
    "a.html": '<html><audio src="{}"></html>',
}
SCHEMES = (
    "{url}",
    "file://{file}",
    "{file}",
    "concat:{file}|{file}",
    "subfile,,start,0,end,64,,:{file}",
    "crypto:{url}",
)
TITLES = ("", ".wav", ".mp3", ".mp4")


def references(url: str, file: str) -> Iterator[tuple[str, bytes]]:
    """Files that refer to a URL and to a file, with a name each; the endings are also those of sound."""
    for title, text in TEXTS.items():
        for number, scheme in enumerate(SCHEMES):
            target = scheme.format(url=url, file=file)
            content = text.format(target).encode()
            yield f"{number}{title}{TITLES[number % len(TITLES)]}", content
    for number, target in enumerate((url, f"file://{file}", file)):
        place = box(b"dref", b"\0\0\0\0\0\0\0\1" + box(b"url ", b"\0\0\0\0" + target.encode() + b"\0"))
        track = box(b"trak", box(b"mdia", box(b"minf", box(b"dinf", place))))
        yield f"{number}.mov", box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", track)
