"""R6: clients of events that drop and resume while their server is killed again and again miss no end of a task."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avstudio_core import Studio
from avstudio_server.testing.server_process import ServerProcess

ENDS = "types=task.completed&types=task.failed"
LIFE_SECONDS = 2.0
"""How long a server lives before it is killed."""
PATIENCE_SECONDS = 120.0
"""How long clients may take to hear of all ends."""


@dataclass
class World:
    """What all clients share: where the server is, and the key."""

    key: str
    dice: random.Random
    address: str = ""
    over: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@dataclass
class Client:
    """Follows events, drops the connection at random, and resumes after the last number that it has."""

    world: World
    seqs: list[int] = field(default_factory=list)

    async def follow(self) -> None:
        from websockets.exceptions import WebSocketException

        while not self.world.over:
            with suppress(OSError, WebSocketException, TimeoutError, EOFError):
                await asyncio.wait_for(self._connected(), self.world.dice.uniform(0.2, 2 * LIFE_SECONDS))
            await asyncio.sleep(self.world.dice.uniform(0.0, 0.5))

    async def _connected(self) -> None:
        from websockets.asyncio.client import connect

        after = self.seqs[-1] if self.seqs else 0
        address = f"{self.world.address.replace('http:', 'ws:')}/api/v1/stream?{ENDS}&after={after}"
        async with connect(address, additional_headers=self.world.headers, proxy=None, compression=None) as socket:
            async for text in socket:
                event = json.loads(text)
                if event["type"].startswith("task."):
                    self.seqs.append(event["seq"])


async def submitted(world: World, acknowledged: set[str]) -> None:
    """Submit tasks until the server dies."""
    import httpx2

    with suppress(httpx2.HTTPError):
        async with httpx2.AsyncClient(base_url=world.address, headers=world.headers, timeout=20) as client:
            while True:
                kind, params = world.dice.choice((("wait", {"seconds": 0}), ("fail", {"message": "no"})))
                answer = await client.post(f"/api/v1/exercise/{kind}", json=params)
                acknowledged.add(answer.raise_for_status().json()["id"])
                await asyncio.sleep(0.02)


def ends(home: Path) -> dict[int, str]:
    """The numbers of all ends of tasks in a data folder, with the tasks."""
    with Studio(home=home, plugins="", executor="inline") as studio:
        found = studio.events(after=0, types=["task.completed", "task.failed"])
        return {event.seq: event.subject for event in found.stored()}


async def chaos(home: Path, clients: int, kills: int, seed: int) -> list[str]:
    """Everything that was missed, doubled or out of order; and tasks that were acknowledged and did not end."""
    with Studio(home=home, plugins="", executor="inline") as studio:
        world = World(studio.keys.create("chaos")[1], random.Random(seed))
    acknowledged = set[str]()
    following: list[Client] = [Client(world) for _ in range(clients)]
    running: list[asyncio.Task[Any]] = []
    for life in range(kills + 1):
        with await asyncio.to_thread(ServerProcess, home, workers=1) as server:
            world.address = server.address
            running = running or [asyncio.ensure_future(one.follow()) for one in following]
            sending = asyncio.ensure_future(submitted(world, acknowledged))
            await asyncio.sleep(LIFE_SECONDS)
            if life < kills:
                server.kill()
            sending.cancel()
            if life == kills:
                await _heard(home, following, acknowledged)
    world.over = True
    await asyncio.gather(*running, return_exceptions=True)
    return faults(ends(home), following, acknowledged)


async def _heard(home: Path, following: list[Client], acknowledged: set[str]) -> None:
    """Wait until all tasks have ended and all clients have heard of it, or until the time is over."""
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < until:
        known = await asyncio.to_thread(ends, home)
        if acknowledged <= {*known.values()} and all({*known} <= {*one.seqs} for one in following):
            return
        await asyncio.sleep(0.5)


def faults(known: dict[int, str], following: list[Client], acknowledged: set[str]) -> list[str]:
    found = [f"The task {task} was acknowledged and has no end." for task in acknowledged - {*known.values()}]
    for number, one in enumerate(following):
        if missed := known.keys() - {*one.seqs}:
            found.append(f"Client {number} missed {len(missed)} of {len(known)} ends.")
        if one.seqs != sorted({*one.seqs}):
            found.append(f"Client {number} got events twice or out of order.")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        found = asyncio.run(chaos(Path(home), given.clients, given.kills, given.seed))
        print(f"{given.clients} clients, {given.kills} kills, {len(ends(Path(home)))} ends, {len(found)} faults")
    print(*found[:50], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
