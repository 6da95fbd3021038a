"""Draw the diagrams of the docs: `python docsite/diagrams.py` writes them to `docs/diagrams/`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from drawing import LINE, Arrow, Box, Drawing, Group, stacked

FOLDER = Path(__file__).parents[1] / "docs" / "diagrams"


def layers() -> Drawing:
    boxes = stacked(
        [
            ("server", Box(20, 12, width=480, title="avstudio_server", lines=("the avstudio command",), look="plugin")),
            (
                "studio",
                Box(20, 0, width=480, title="studio", lines=("the composition root: submit, follow, export, chat",)),
            ),
            (
                "tasks",
                Box(20, 0, width=480, title="tasks", lines=("plan → tasks → jobs: queue, engine, executors, events",)),
            ),
            ("gateway", Box(20, 0, width=480, title="gateway", lines=("language models: policy, ledger, router",))),
            (
                "plugins",
                Box(
                    20,
                    0,
                    width=480,
                    title="models · plugins · kinds",
                    lines=("memory, weights, discovery, one ABC a file",),
                ),
            ),
            ("storage", Box(20, 0, width=480, title="storage", lines=("database, artifacts, cache",))),
        ],
        gap=18,
    )
    side = boxes["plugins"].y - LINE / 2
    boxes["processing"] = Box(
        560, side, "avstudio_audio · _video · _llm", ("processors and backends,", "yours too"), "plugin", 240
    )
    order = ["server", "studio", "tasks", "gateway", "plugins", "storage"]
    arrows = [Arrow(a, b) for a, b in pairwise(order)]
    arrows.append(Arrow("processing", "plugins"))
    return Drawing("Calls go down: server, studio, tasks, gateway, kinds of plugins, storage.", boxes, tuple(arrows))


def star() -> Drawing:
    boxes = {
        "core": Box(345, 110, "avstudio_core", ("nouns, hooks, documents",), width=190),
        "server": Box(20, 20, "avstudio_server", look="plugin"),
        "audio": Box(250, 20, "avstudio_audio", look="plugin"),
        "video": Box(480, 20, "avstudio_video", look="plugin"),
        "llm": Box(710, 20, "avstudio_llm", look="plugin"),
        "yours": Box(365, 226, "your plugins", ("entry point: avstudio",), "outside"),
    }
    names = ("server", "audio", "video", "llm", "yours")
    return Drawing(
        "Every package imports the core and no other package.", boxes, tuple(Arrow(name, "core") for name in names)
    )


def states() -> Drawing:
    look = "state"
    boxes = {
        "pending": Box(20, 70, "PENDING", look=look),
        "assigned": Box(230, 70, "ASSIGNED", look=look),
        "progress": Box(440, 70, "IN_PROGRESS", look=look),
        "review": Box(650, 70, "AWAITING_REVIEW", look=look, width=160),
        "completed": Box(880, 70, "COMPLETED", look=look),
        "blocked": Box(230, 180, "BLOCKED", look=look),
        "failed": Box(440, 180, "FAILED", look=look),
    }
    arrows = (
        Arrow("pending", "assigned"),
        Arrow("assigned", "progress"),
        Arrow("progress", "review"),
        Arrow("review", "completed", "accepted"),
        Arrow("review", "progress", "sent back", via=((730, 38), (515, 38))),
        Arrow("progress", "failed"),
        Arrow("pending", "blocked", dashed=True),
        Arrow("assigned", "blocked"),
        Arrow("progress", "blocked"),
        Arrow("failed", "pending", "retry", via=((515, 240), (50, 240))),
        Arrow("blocked", "pending", "unblock", via=((110, 194),), at=(34, 14)),
    )
    return Drawing("The seven states of a task and the changes between them.", boxes, arrows)


def threads() -> Drawing:
    boxes = {
        "caller": Box(40, 50, "your threads", ("submit, follow, chat",), "plugin"),
        "engine": Box(40, 150, "engine", ("claims, renews leases,", "hands over, reports")),
        "waiting": Box(40, 268, "waiting", ("resolves result()",)),
        "events": Box(40, 352, "events", ("serves all listeners",)),
        "database": Box(250, 50, "database", ("the one writer:", "groups commits")),
        "lanes": Box(250, 150, "lane …", ("one a busy lane: feeds", "a worker, reads it")),
        "watcher": Box(250, 268, "lanes", ("retires idle lanes",)),
        "gateway": Box(250, 352, "gateway", ("event loop of", "language models")),
        "late": Box(460, 50, "late sync", ("syncs the log", "0.1 s later")),
        "checks": Box(460, 200, "file checks", ("verifies stored files",)),
        "pool": Box(460, 268, "pool", ("frees memory that", "others ask for")),
        "worker": Box(
            740, 130, "worker process", ("main: runs orders", "listener: cancel,", "model answers"), "outside"
        ),
        "mlx": Box(740, 340, "MLX process", ("one a loaded model",), "outside"),
        "files": Box(740, 30, "data folder", ("avstudio.db · artifacts",), "state"),
    }
    arrows = (
        Arrow("caller", "database", "writes"),
        Arrow("engine", "database"),
        Arrow("engine", "lanes", "orders"),
        Arrow("database", "late"),
        Arrow("late", "files"),
        Arrow("lanes", "worker", "socket"),
        Arrow("watcher", "lanes"),
        Arrow("pool", "lanes"),
        Arrow("gateway", "mlx", "socket"),
    )
    groups = (
        Group(20, 12, 610, 430, "studio process: every thread is a daemon, started when it is first needed"),
        Group(720, 100, 190, 330, "child processes"),
    )
    return Drawing("The threads of a studio's process, its worker processes and its files.", boxes, arrows, groups)


def prompt() -> Drawing:
    boxes = {
        "request": Box(20, 60, "request", ("chat, embed, route",), "plugin", 130),
        "candidates": Box(190, 60, "candidates", ("obstacles",), width=140),
        "router": Box(370, 60, "router", ("one rule decides",), width=130),
        "reserve": Box(540, 60, "reserve", ("the most it can cost",), width=140),
        "call": Box(720, 60, "call", ("policy, then backend",), width=140),
        "settle": Box(900, 60, "settle", ("what it did cost",), width=130),
        "answer": Box(900, 170, "answer", ("with its decision",), "plugin", 130),
        "partial": Box(720, 170, "PartialAnswer", ("the text so far",), "outside", 140),
    }
    arrows = (
        Arrow("request", "candidates"),
        Arrow("candidates", "router"),
        Arrow("router", "reserve"),
        Arrow("reserve", "call"),
        Arrow("call", "settle"),
        Arrow("settle", "answer"),
        Arrow("call", "partial", "broken off", at=(38, 4)),
        Arrow("call", "reserve", "fails before the first word: the next candidate", via=((790, 30), (610, 30))),
    )
    return Drawing("A prompt's way: candidates, router, reservation, call, settlement, answer.", boxes, arrows)


DRAWINGS = {"layers": layers, "star": star, "states": states, "threads": threads, "prompt": prompt}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
