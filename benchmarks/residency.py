"""P15: how often models are loaded when a budget holds two of six, beside the best possible order of evictions.

Half of the models are media lanes, which run as tasks in worker processes; half are language models, which live in
processes of their own, under the same pool. All hold real memory; resident sizes are added up every few milliseconds.
Loads are compared with Belady's optimum, which knows the future, and with the least recently used, both simulated on
the trace as it is written. Two traces are run: work in sessions, as people work, and names drawn at random.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import allocating
import memory
import paired

from avstudio_core import Needs, Studio
from avstudio_core.kinds.backend import BackendHost
from avstudio_llm.residents import Gone, Resident

MODEL_MB = 160
HELD = 2
BUDGET_MB = HELD * MODEL_MB
MEDIA, LANGUAGE = ("demucs", "whisper", "scenes"), ("llama", "qwen", "mistral")
CLIENTS = 4
PATIENCE_SECONDS = 120.0
SESSIONS = (("demucs", "llama"), ("whisper", "qwen"), ("scenes", "llama"), ("whisper", "mistral"), ("demucs", "qwen"))
SESSION_REQUESTS = 12
HOLDING = f"""
import sys
held = bytearray({MODEL_MB - 12} << 20)
for page in range(0, len(held), 4096): held[page] = 1
print("ready", flush=True)
sys.stdin.read()
"""


class Language(Resident):
    """A language model: bytes that a process holds."""

    def __init__(self, host: BackendHost, name: str, log: Path) -> None:
        super().__init__(host, f"llm/{name}")
        self.name = name
        self.busy = 0
        self.evicted_busy = 0
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def load(self, gone: Gone) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{self.name} 0\n")
        command = [sys.executable, "-c", HOLDING]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def free(self) -> bool:
        assert self._process is not None
        self.evicted_busy += bool(self.busy)
        self._process.kill()
        self._process.communicate()
        return True

    async def ask(self, seconds: float = 0.02) -> None:
        async with self.used(Needs(family="language", model=self.name, memory_mb=MODEL_MB)):
            self.busy += 1
            await asyncio.sleep(seconds)
            assert self._process is not None
            assert self._process.poll() is None, f"'{self.name}' went while it was used"
            self.busy -= 1


class Place:
    """A studio with three media models and three language models."""

    def __init__(self, studio: Studio, log: Path) -> None:
        self._studio = studio
        self._log = log
        self.language = {name: Language(studio.llm._gateway, name, log) for name in LANGUAGE}

    def use(self, model: str, request: int) -> None:
        if model in self.language:
            asyncio.run(self.language[model].ask())
        else:
            log = str(self._log)
            used = self._studio.submit("bench.use", model=model, megabytes=MODEL_MB, log=log, request=request)
            used.result(PATIENCE_SECONDS)

    def play(self, trace: Sequence[str]) -> memory.Sampler:
        """Have clients work through the trace; each takes the next request when it has its answer."""
        sampler, requests, taking = memory.Sampler(), iter(list(enumerate(trace))), threading.Lock()

        def work() -> None:
            while True:
                with taking:
                    request = next(requests, None)
                if request is None:
                    return
                self.use(request[1], request[0])

        with sampler.watching(), ThreadPoolExecutor(CLIENTS) as clients:
            for future in [clients.submit(work) for _ in range(CLIENTS)]:
                future.result()
        return sampler


def in_sessions(requests: int) -> list[str]:
    """A person uses a medium and a language model by turns for a while, then goes on to others."""
    dice = random.Random(15)
    trace: list[str] = []
    while len(trace) < requests:
        trace += dice.choices(dice.choice(SESSIONS), k=SESSION_REQUESTS)
    return trace[:requests]


def at_random(requests: int) -> list[str]:
    return random.Random(15).choices(MEDIA + LANGUAGE, k=requests)


def belady(trace: Sequence[str]) -> int:
    """Loads when the model that is needed last, or never again, always makes room."""
    held: set[str] = set()
    loads = 0
    for place, model in enumerate(trace):
        if model not in held:
            loads += 1
            if len(held) == HELD:
                rest = trace[place + 1 :]
                held.remove(max(held, key=lambda one: rest.index(one) if one in rest else len(rest)))
            held.add(model)
    return loads


def least_recently_used(trace: Sequence[str]) -> int:
    held: OrderedDict[str, None] = OrderedDict()
    loads = 0
    for model in trace:
        if model not in held:
            loads += 1
            if len(held) == HELD:
                held.popitem(last=False)
        held[model] = None
        held.move_to_end(model)
    return loads


def measure(name: str, trace: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "loads"
        with Studio(add=[allocating], home=home, plugins="core", memory_mb=BUDGET_MB) as studio:
            place = Place(studio, log)
            sampler = place.play(trace)
            for model in place.language.values():
                model.close()
        loads = Counter(line.split()[0] for line in log.read_text().splitlines())
        evicted_busy = sum(model.evicted_busy for model in place.language.values())
    best, recent, ours = belady(trace), least_recently_used(trace), sum(loads.values())
    over = 100 * (sampler.peak_mb / BUDGET_MB - 1)
    print(f"\n{name}: {len(trace)} requests for {len(loads)} models, {CLIENTS} at once; all were answered")
    print(f"loads {ours}, {ours / best:.2f} × the best possible {best}  (aim: at most 1.25; LRU {recent / best:.2f})")
    print(f"peak of all processes {sampler.peak_mb:.0f} MB, {over:+.1f} % of {BUDGET_MB} MB  (aim: at most +3 %)")
    print(f"language models evicted while used: {evicted_busy}  (aim: 0)", flush=True)


async def rush(model: Language) -> float:
    """Many first requests at once, then one after another; give the median seconds of a warm one."""
    await asyncio.gather(*(model.ask(0) for _ in range(100)))
    seconds = []
    for _ in range(1000):
        began = time.perf_counter()
        await model.ask(0)
        seconds.append(time.perf_counter() - began)
    return paired.quantile(seconds, 0.5)


def measure_rush() -> None:
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "loads"
        with Studio(home=home, plugins="core", memory_mb=BUDGET_MB) as studio:
            model = Language(studio.llm._gateway, "llama", log)
            warm = asyncio.run(rush(model))
            model.close()
        loads = len(log.read_text().splitlines())
    print(f"\n100 concurrent first requests: {loads} load  (aim 1)")
    print(f"to hold a model that is in memory and let it go: {1000 * warm:.3f} ms  (aim: at most 1)")


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "avstudio-llm")
    requests = 100 if arguments.quick else 500
    measure("Sessions", in_sessions(requests))
    measure("Random", at_random(requests))
    measure_rush()


if __name__ == "__main__":
    main()
