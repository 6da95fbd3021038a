"""`avstudio search`: a word in everything that was recorded or written."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

Words = Annotated[list[str], typer.Argument(metavar="WORDS", help="The words; '\"two words\"' stand side by side.")]
Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="Only speech, text, name, or a kind of a plugin, such as chapter."),
]
Type = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", help="Only recordings or files of it, such as 'video/*'."),
]
Project = Annotated[str | None, typer.Option("--project", metavar="NAME", help="Only in this project.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200, help="How many. [default: 20]")]


def command() -> Any:
    return groups.single(search, "search")


def search(
    words: Words,
    kind: Kind = None,
    media_type: Type = None,
    project: Project = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> int:
    """Find words in transcripts, texts that models wrote, and names of files: with the time, and the newest first.

    Case and accents do not matter, and nothing is an operator.
    """
    from avstudio_core import Studio
    from avstudio_server.cli.text.hits import hit_table

    with Studio(own=True) as studio:
        page = studio.library.search(" ".join(words), limit, kind=kind, media_type=media_type, project=project)
    if as_json:
        output.write_json([hit.model_dump(mode="json") for hit in page.items])
    else:
        output.write(hit_table(page.items) if page.items else "Nothing was found.")
    return 0
