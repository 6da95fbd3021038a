"""The verbs of the project: `nox -s demo`, `nox -s tests` … `nox -l` lists them."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZipFile

import nox

nox.options.sessions = ["lint", "types", "tests", "docs"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True

CORE, AUDIO, LLM, SERVER, VIDEO = (f"packages/avstudio-{name}" for name in ("core", "audio", "llm", "server", "video"))
SERVED = f"{SERVER}[rest]"
EVERYTHING = (
    f"{CORE}[cache,keychain]",
    f"{AUDIO}[demucs,denoise,effects,pictures,whisper,spleeter,whisper-base]",
    f"{LLM}[anthropic,google,ollama,openai]",
    SERVED,
    f"{VIDEO}[opencv,text,torchcodec]",
)
EXAMPLES = tuple(f"examples/avstudio-{name}" for name in ("compare", "cue", "eliza", "loudness", "threads", "watch"))
USERS_CODE = (
    "quickstart.py",
    "embedding.py",
    "interface.py",
    "avstudio-eliza/avstudio_eliza.py",
    "avstudio-compare/avstudio_compare.py",
    "avstudio-cue/avstudio_cue.py",
    "avstudio-loudness/avstudio_loudness.py",
    "avstudio-threads/avstudio_threads.py",
    "avstudio-watch/avstudio_watch.py",
)
"""Of `examples/`: what those who use AV-Studio write, and check with what settings they like."""
READERS = ["opentimelineio", "otio-cmx3600-adapter", "otio-fcpx-xml-adapter", "pysubs2"]
"""What reads written files in tests."""
MEASURES = ["jiwer", "mir_eval<0.9"]
"""What measures the quality of transcripts and stems; BSS Eval left mir_eval in 0.9."""
TESTING = ["espeakng-loader", "hypothesis", *READERS, *MEASURES, "pytest", "pytest-timeout", "pytest-xdist"]
SITE = ["griffe-pydantic", "mkdocstrings[python]", "pytest", "ruff", "zensical"]
TOGETHER = ("-n", str((os.cpu_count() or 2) * 3 // 2))
"""More tests at a time than there are cores, because many wait for a process or a disk."""
THRIFTY = {"OMP_NUM_THREADS": "1", "AVSTUDIO_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
"""Libraries would use every core for each of these tests, and then spend most of the time waiting for each other.

The second is for libraries whose threads AV-Studio counts itself, such as PyTorch. The third is for the hundreds of
processes that tests start: each would compile AV-Studio again where the environment forbids Python to keep bytecode.
"""


def install(session: nox.Session, *what: str) -> None:
    session.install("--quiet", "--constraint", "constraints.txt", *what)


def editable(*projects: str) -> list[str]:
    """What pip is told to install packages so that their source is what runs."""
    return [word for project in projects for word in ("-e", project)]


@nox.session
def demo(session: nox.Session) -> None:
    """Take a real song apart and write down its words: see `demo-output/`."""
    install(session, CORE, f"{AUDIO}[whisper,spleeter,whisper-base]", SERVER, "matplotlib")
    session.run("python", "examples/song_to_lyrics.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Every test of every package, of the example plugin and of the whole."""
    install(session, *editable(*EVERYTHING, *EXAMPLES), *TESTING, "openai", "scenedetect-headless", "schemathesis")
    session.run("pytest", *TOGETHER, *session.posargs, env=THRIFTY)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Thousands of requests made from the OpenAPI document, and other examples of all properties.

    No request may be a server error, or answered against the document. `nox -s tests` tries the same each time.
    """
    install(session, *editable(*EVERYTHING, *EXAMPLES), *TESTING, "openai", "schemathesis")
    more = {"AVSTUDIO_FUZZ_EXAMPLES": "40", **os.environ}
    patient = ("-o", "faulthandler_timeout=0")
    session.run("pytest", *patient, f"{SERVER}/tests/test_api_fuzz.py", *session.posargs, env=more)
    session.run("pytest", *TOGETHER, "-m", "hypothesis", "--hypothesis-profile", "others", env=THRIFTY)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, banned imports, layers and independence."""
    install(session, *editable(CORE, AUDIO, LLM, SERVED, VIDEO), "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict over code and tests, and over users' code as users have it: no settings, no plugin of pydantic."""
    more = "huey", "matplotlib", "mypy", "nox", "openai", "schemathesis"
    install(session, *editable(*EVERYTHING, *EXAMPLES), *TESTING, *more)
    sources = [f"{package}/src" for package in (CORE, AUDIO, LLM, SERVER, VIDEO)]
    session.run("mypy", *sources, "noxfile.py", "conftest.py", "docsite")
    for folder in (
        *sorted(Path("packages").glob("*/tests")),
        "tests",
        "benchmarks",
        *sorted(path for path in Path("examples").iterdir() if path.suffix != ".toml"),
    ):
        session.run("mypy", str(folder))
    users = ("--strict", "--config-file=", "--disable-error-code=import-untyped")  # of libraries that have no types
    session.run("mypy", *users, *(f"examples/{file}" for file in USERS_CODE))


@nox.session
def docs(session: nox.Session) -> None:
    """Write the reference pages from the source and build the site, strictly."""
    install(session, *editable(*EVERYTHING), *SITE)
    session.install("--quiet", *EXAMPLES)
    session.run("python", "docsite/reference.py")
    if "## audio.loudness" not in Path("docs/reference/processors.md").read_text(encoding="utf-8"):
        session.error("The example plugin is installed and has no page.")
    session.run("zensical", "build", "--strict", "--clean")


@nox.session
def pictures(session: nox.Session) -> None:
    """Draw the pictures of the docs anew: diagrams, a terminal with a real run, the demo's waveforms and words."""
    install(session, CORE, f"{AUDIO}[whisper,spleeter,whisper-base]", SERVER, "matplotlib", "pyte")
    session.run("python", "docsite/diagrams.py")
    session.run("python", "docsite/terminal.py")
    folder = Path(session.create_tmp())
    session.run("python", "examples/song_to_lyrics.py", "--output", str(folder))
    (folder / "song.png").replace("docs/pictures/song.png")


@nox.session
def bench(session: nox.Session) -> None:
    """Every benchmark; `-- --quick` for a first look."""
    install(session, *EVERYTHING, "huey", "click", "openai", "scenedetect-headless")
    for benchmark in sorted(Path("benchmarks").glob("*.py")):
        if "paired.arguments(" in benchmark.read_text(encoding="utf-8"):
            session.run("python", str(benchmark), *session.posargs)


@nox.session
def smollm(session: nox.Session) -> None:
    """Prepare a small real language model in the user's cache, once, and run the tests that need it."""
    install(session, *editable(CORE, f"{LLM}[mlx,openai]"), "accelerate", "gguf", "torch", *TESTING)
    session.run("python", f"{LLM}/tests/prepare_smollm.py")
    session.run("pytest", *map(str, sorted(Path(LLM, "tests").glob("test_mlx*.py"))), *session.posargs)


@nox.session
def torture(session: nox.Session) -> None:
    """Kill workers and studios 300 times while clients submit 6,000 tasks, and count what is lost."""
    install(session, "-e", CORE)
    session.run("python", "-m", "tests.torture", "--kills", "300", "--tasks", "6000", *session.posargs)


@nox.session
def hostile(session: nox.Session) -> None:
    """Send 600 mutants of media files, 600 of films, and bombs, to a server."""
    install(session, *editable(CORE, AUDIO, SERVED, f"{VIDEO}[opencv]"), "httpx2")
    session.run("python", "-m", "tests.hostile_media", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Load a server for 3 minutes: its memory, open files and threads stay as they are; `-- --minutes 150`."""
    install(session, *editable(CORE, SERVED), "httpx2")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """500 clients of events drop and resume while their server is killed: none may miss the end of a task."""
    install(session, *editable(CORE, SERVED), "httpx2")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session
def litellm(session: nox.Session) -> None:
    """Anthropic's library against a real server of its protocol: LiteLLM's proxy, in an environment of its own."""
    install(session, *editable(CORE, f"{LLM}[anthropic]"), *TESTING)
    place = Path(session.create_tmp()).resolve() / "litellm"
    if not place.exists():
        session.run("python", "-m", "venv", str(place))
        session.run(str(place / "bin" / "pip"), "install", "--quiet", "litellm[proxy]", external=True)
    proxy = {"AVSTUDIO_LITELLM": str(place / "bin" / "litellm"), **os.environ}
    session.run("pytest", f"{LLM}/tests/test_anthropic_litellm.py", *session.posargs, env=proxy)


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every distribution into `dist/`, each with its licence."""
    install(session, "build", "hatchling")
    build = ("python", "-m", "build", "--no-isolation", "--outdir", "dist")
    for project in (CORE, AUDIO, LLM, SERVER, VIDEO, "."):
        session.run(*build, "--sdist", "--wheel", project, silent=True)
    for wheel in Path("dist").glob("*.whl"):
        if not any(name.endswith("/licenses/LICENSE") for name in ZipFile(wheel).namelist()):
            session.error(f"{wheel} carries no licence.")


@nox.session(reuse_venv=False)
@nox.parametrize("package", ["core", "audio", "llm", "server", "video"])
def alone(session: nox.Session, package: str) -> None:
    """Each package's tests in an environment with the core alone."""
    folder = f"packages/avstudio-{package}"
    rest = "[rest]" if package == "server" else ""
    install(session, *dict.fromkeys((CORE, folder + rest)), *TESTING, "httpx2")
    session.run("pytest", "-n", "auto", f"{folder}/tests", *session.posargs, env=THRIFTY)


@nox.session(reuse_venv=False)
def plugin(session: nox.Session) -> None:
    """Build the example plugins as wheels, install them, and see them in the command, the catalogue and their tests."""
    install(session, CORE, SERVER, "build", *TESTING)
    dist = Path(session.create_tmp()).resolve()
    for example in EXAMPLES:
        session.run("python", "-m", "build", "--wheel", "--outdir", str(dist), example, silent=True)
    session.install("--quiet", *map(str, dist.glob("*.whl")))
    home = {"AVSTUDIO_HOME": str(dist / "home"), **os.environ}
    session.run("avstudio", "audio", "loudness", "--help", env=home)
    session.run("avstudio", "processors", "audio.loudness", "--json", env=home)
    session.run("avstudio", "llm", "chat", "I am sad.", "--model", "eliza/doctor", env=home)
    session.run("avstudio", "watch", "--help", env=home)
    session.run("pytest", *(f"{example}/tests" for example in EXAMPLES), *session.posargs)
