"""1,000 listeners in one process: the share of a core that they take when nothing happens, and the delay of an event.

A third iterates on threads, a third on one event loop, a third are functions. Nothing polls for each of them: one
thread reads the log for all.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial

import noop
import paired

from avstudio_core import Event, EventStream, Studio

LISTENERS = 1000


class Heard:
    """Counts the events that all listeners got."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def add(self, event: Event) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait(self, count: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.count >= count, 60):
                raise SystemExit(f"Only {self.count} of {count} events arrived.")


def listen(studio: Studio, heard: Heard) -> asyncio.AbstractEventLoop:
    """Start all listeners, each for the events of a subject of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    for number in range(LISTENERS):
        stream = studio.events(subjects=["all", f"chat_{number}"])
        if number % 3 == 0:
            stream.wait(0)
            threading.Thread(target=_follow, args=(stream, heard), daemon=True).start()
        elif number % 3 == 1:
            asyncio.run_coroutine_threadsafe(stream.__aenter__(), loop).result()
            asyncio.run_coroutine_threadsafe(_iterate(stream, heard), loop)
        else:
            stream.call(heard.add)
    return loop


def _follow(stream: EventStream, heard: Heard) -> None:
    for event in stream:
        heard.add(event)


async def _iterate(stream: EventStream, heard: Heard) -> None:
    async for event in stream:
        heard.add(event)


def share(seconds: float) -> float:
    """The share of a core that this process uses for some seconds, in percent."""
    before = time.process_time()
    time.sleep(seconds)
    return 100 * (time.process_time() - before) / seconds


def milliseconds(work: Callable[[], object]) -> float:
    return 1000 * paired.timed(work)


def say(studio: Studio, heard: Heard, subject: str, each: int) -> None:
    """Publish an event, and wait until those who listen have it."""
    before = heard.count
    studio.publish("agent.message", subject, {"message": "hello"})
    heard.wait(before + each)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "sqlalchemy")
    seconds, events = (3.0, 20) if arguments.quick else (20.0, 200)
    with tempfile.TemporaryDirectory() as home, Studio(add=[noop], home=home, plugins="core") as studio:
        alone = share(seconds)
        heard = Heard()
        loop = listen(studio, heard)
        say(studio, heard, "all", LISTENERS)
        idle = f"{share(seconds):.2f} % of a core; without listeners {alone:.2f} %"
        print(f"{LISTENERS} listeners, nothing happens: {idle}  (aim: 5 %)", flush=True)
        one = [milliseconds(partial(say, studio, heard, f"chat_{number}", 1)) for number in range(events)]
        print(f"an event for one: p50 {paired.quantile(one, 0.5):.2f} ms, p99 {paired.quantile(one, 0.99):.2f} ms")
        everyone = [milliseconds(partial(say, studio, heard, "all", LISTENERS)) for _ in range(5)]
        print(f"an event for all of them: p50 {paired.quantile(everyone, 0.5):.0f} ms")
        studio.close()
        loop.call_soon_threadsafe(loop.stop)


if __name__ == "__main__":
    main()
