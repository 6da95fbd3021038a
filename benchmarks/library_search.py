"""A search of a library of a million texts: how long a page of 20 takes, for common, rare and unknown words."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import insert

from avstudio_core import Principal, Studio
from avstudio_core.documents.searchable import SearchText
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.search import Home, text_row
from avstudio_core.storage.tables import texts

WORDS = 20_000
OWNERS = ("ann", "ben", "cleo", "rare")
QUERIES = {
    "a common word": "w1",
    "two common words": "w1 w2",
    "a phrase": '"w1 w3"',
    "a rare word": "w19999",
    "an unknown word": "nothing",
    "words that never meet": "w1 w19998 w19997",
    "eight words": "w1 w2 w3 w4 w5 w6 w7 w8",
}


def main(quick: bool = False) -> None:
    """Fill a library, and print the median and the slowest of each search in milliseconds."""
    with tempfile.TemporaryDirectory() as folder, Studio(home=Path(folder), plugins="") as studio:
        count = 50_000 if quick else 1_000_000
        began = time.perf_counter()
        _fill(studio, count)
        print(f"{count} texts, {count / (time.perf_counter() - began):.0f} a second")
        for owner in (None, "ann", "rare"):
            session = studio if owner is None else studio.session(Principal(owner))
            for name, words in QUERIES.items():
                found, taken = [], []
                for _ in range(15):
                    start = time.perf_counter()
                    found = session.library.search(words, 20).items
                    taken.append(1000 * (time.perf_counter() - start))
                times = f"{statistics.median(taken):7.2f} {max(taken):7.2f}"
                print(f"{owner or 'everybody':10} {name:22} {len(found):3} {times}")


def _fill(studio: Studio, count: int) -> None:
    """Sentences of twelve words, as frequent as the words of a language."""
    made = random.Random(1)
    names = [f"w{one}" for one in range(WORDS)]
    frequency = [1 / (one + 1) for one in range(WORDS)]
    for start in range(0, count, 10_000):
        drawn = made.choices(names, frequency, k=12 * 10_000)
        owners = made.choices(OWNERS, (50, 30, 19.9, 0.1), k=10_000)
        rows = [
            text_row(
                SearchText(kind="speech", text=" ".join(drawn[12 * one : 12 * one + 12]), start=one, end=one + 1),
                Home(owners[one], "default", "audio.transcribe"),
                float(start + one),
            )
            for one in range(10_000)
        ]
        studio._database.write(partial(_insert, rows))


def _insert(rows: list[dict[str, Any]], transaction: Transaction) -> None:
    for row in rows:
        transaction.execute(insert(texts), row)


if __name__ == "__main__":
    typer.run(main)
