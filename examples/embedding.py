"""A studio inside your own program: `python examples/embedding.py`, in a folder with a `song.mp3`.

The page docs/howto/embed.md is made of the sections of this file, and a test runs it.
"""

# --8<-- [start:open]
import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from avstudio_core import (
    Event,
    InvalidInput,
    OutputExists,
    Plan,
    Principal,
    Ref,
    RunLimits,
    State,
    Step,
    Studio,
    TaskCancelled,
    TaskFailed,
    TaskOptions,
)

studio = Studio()
# --8<-- [end:open]

# --8<-- [start:run]
song = studio.run("audio.separate", "song.mp3", stems=["vocals"])
vocals = song.stems["vocals"]
print("model:", song.effective["model"], "| from the cache:", song.cache_hit)
for warning in song.warnings:
    print("warning:", warning.code, warning.message)
# --8<-- [end:run]

# --8<-- [start:submit]
handle = studio.submit("audio.transcribe", vocals, language="en")
for event in handle.events():
    if event.type == "task.progress":
        print(f"{event.data['percent']:.0f} %", event.data["message"])
words = handle.result()
print("words:", words.text)
# --8<-- [end:submit]

# --8<-- [start:timeout]
slow = studio.submit("audio.transcribe", "song.mp3", language="en", beam_size=10)
try:
    slow.result(timeout=0.01)
except TimeoutError:
    slow.cancel()  # otherwise it keeps running
try:
    slow.result()
except TaskCancelled as error:
    print("cancelled:", error)
# --8<-- [end:timeout]


# --8<-- [start:await]
async def facts_of(*paths: str) -> list[float]:
    probes = [studio.submit("audio.probe", path) for path in paths]
    async with asyncio.timeout(60):
        return [(await probe).contents.duration for probe in probes]


async def story_of(path: str) -> list[Event]:
    probe = studio.submit("audio.probe", path)
    return await asyncio.to_thread(list, probe.events())


print("seconds:", asyncio.run(facts_of("song.mp3", "song.mp3")))
print("story:", [event.type for event in asyncio.run(story_of("song.mp3"))])
# --8<-- [end:await]

# --8<-- [start:pipe]
results = studio.run_plan("audio.separate:vocals | audio.transcribe language=en", "song.mp3")
print("steps:", list(results), "| from the cache:", results["transcribe"].cache_hit)
# --8<-- [end:pipe]

# --8<-- [start:plan]
plan = Plan(
    steps=(
        Step(id="stems", processor="audio.separate", params={"stems": ["vocals"]}),
        Step(id="words", processor="audio.transcribe", source=Ref(step="stems", output="vocals")),
        Step(id="facts", processor="audio.probe", source=Ref(step="stems", output="vocals")),
    )
)
submitted = studio.submit_plan(plan, "song.mp3")
print("channels:", submitted.steps["facts"].result().contents.audio[0].channels)
print("language:", submitted.result(timeout=600)["words"].language)
# --8<-- [end:plan]

# --8<-- [start:options]
options = TaskOptions(priority=10, retries=2, strict=True, project="album")
studio.submit("audio.transcribe", vocals, language="en", options=options).result()
# --8<-- [end:options]

# --8<-- [start:runs]
run = studio.start_run(
    "audio.separate:vocals | audio.transcribe language=en",
    "song.mp3",
    key="request-17",
    limits=RunLimits(money=0.10, steps=20, tokens=50_000, seconds=600),
)
print("run:", run.wait().states)
# --8<-- [end:runs]

# --8<-- [start:errors]
try:
    studio.run("audio.transcribe", "song.mp3", language="Klingon")
except InvalidInput as error:
    print("refused:", error)

Path("notes.mp3").write_text("no music at all")
try:
    studio.run("audio.probe", "notes.mp3")
except TaskFailed as error:
    print("failed:", error.cause, "|", error)
# --8<-- [end:errors]

# --8<-- [start:export]
try:
    studio.export(vocals, "vocals.flac")
except OutputExists:
    studio.export(vocals, "vocals.flac", overwrite=True)
# --8<-- [end:export]

# --8<-- [start:tasks]
for task in studio.tasks.find(states=[State.FAILED], limit=20):
    print("task:", task.id, task.processor, task.reason, task.error.message if task.error else "")
newest = studio.tasks.find(states=[State.COMPLETED], limit=1)[0]
print("again:", type(studio.handle(newest.id).result()).__name__)
# --8<-- [end:tasks]

# --8<-- [start:threads]
with ThreadPoolExecutor() as threads:
    print("at once:", len(list(threads.map(lambda path: studio.run("audio.probe", path), ["song.mp3"] * 4))))
# --8<-- [end:threads]

# --8<-- [start:sessions]
anna = studio.session(Principal("anna", key="key_1", project="album"))
anna.run("audio.probe", "song.mp3")
print("anna:", [task.owner for task in anna.tasks.find()])
# --8<-- [end:sessions]

# --8<-- [start:close]
studio.close()
# --8<-- [end:close]
