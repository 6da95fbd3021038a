"""A program in Python that uses a studio by HTTP: it uploads a song, follows the plan, and keeps the vocals."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx

PLAN = "audio.separate:vocals stems=vocals | audio.transcribe"


def main(address: str, song: str) -> None:
    headers = {"Authorization": f"Bearer {os.environ['KEY']}"}
    with httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=60) as studio:
        with open(song, "rb") as content:
            source = checked(studio.post("/uploads", params={"name": Path(song).name}, content=content))["id"]
        plan = checked(studio.post("/plans", json={"plan": PLAN, "source": source}))
        follow(studio, plan["id"])
        separate, transcribe = checked(studio.get(f"/plans/{plan['id']}"))["tasks"]
        vocals = separate["result"]["stems"]["vocals"]
        file = studio.get(f"/artifacts/{vocals['id']}").raise_for_status()
        Path("vocals.flac").write_bytes(file.content)
        print(transcribe["result"]["text"])


def follow(studio: httpx.Client, plan: str) -> None:
    """Print the progress of a plan until it has ended."""
    with studio.stream("GET", f"/plans/{plan}/events") as events:
        for line in events.iter_lines():
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                print(event["type"], event["data"].get("percent", ""), file=sys.stderr)


def checked(answer: httpx.Response) -> dict[str, Any]:
    """The JSON of an answer; a problem ends the program with its explanation."""
    found: dict[str, Any] = answer.json()
    if answer.is_error:
        sys.exit(f"{found['detail']} {found['hint']}".strip())
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
