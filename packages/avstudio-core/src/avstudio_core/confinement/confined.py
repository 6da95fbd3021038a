"""Confines the current process: its own folder, no network, finite limits; as far as the system can do that."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from avstudio_core.confinement import landlock, system_calls
from avstudio_core.confinement.grant import Grant
from avstudio_core.confinement.limits import Limits
from avstudio_core.settings import Settings

SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store", "/gnu/store"),
    *("/proc", "/sys", "/run/systemd/resolve", "/run/opengl-driver", "/var/cache/fontconfig", "/var/lib/fonts"),
)
"""Folders of programs and facts about the machine, which a worker may read."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/dri", "/dev/kfd")
GPUS = "nvidia"
SHARED_MEMORY = "/dev/shm"


def settle(grant: Grant, settings: Settings) -> None:
    """Use the worker's own folder for everything: its working folder, home and temporary files."""
    own = Path(grant.folder)
    caches = {"TORCH_HOME": _torch_home(), "HF_HUB_CACHE": str(settings.hub_cache)}
    offline = {} if grant.network else {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    places = {"HOME": own / "home", "TMPDIR": own / "tmp", "PYTHONUSERBASE": _user_base()}
    os.environ.update(caches | offline | {name: str(path) for name, path in places.items()})
    if tempfile := sys.modules.get("tempfile"):  # it remembers the folder
        tempfile.tempdir = None  # type: ignore[attr-defined]
    os.chdir(own / "work")


def confine(grant: Grant, settings: Settings) -> None:
    """Give up all rights that the worker does not need; call it while the process has one thread. Raises `OSError`."""
    Limits.of(settings).apply(reserved=grant.device == "cpu")
    if not settings.confine_workers:
        return
    granted = list(_granted(grant, settings))  # computed first: afterwards, less can be read
    system_calls.gain_nothing()
    landlock.confine(granted)
    system_calls.drop_capabilities()
    system_calls.confine(network=grant.network)


def _granted(grant: Grant, settings: Settings) -> Iterator[tuple[str, int]]:
    """The paths that the worker may use, with its rights."""
    home = settings.home.resolve()
    for path in (*SYSTEM, *_libraries(), str(home / "weights"), str(settings.hub_cache), os.environ["TORCH_HOME"]):
        yield path, landlock.READ
    for given in filter(None, (settings.weights, grant.model)):
        yield str(given), landlock.READ
    yield str(home / "artifacts"), landlock.CONTENT
    for path in (*DEVICES, *_gpus()):
        yield path, landlock.DEVICE | landlock.LIST
    for path in (grant.folder, SHARED_MEMORY, *_more(settings.worker_folders)):
        yield path, landlock.OWN
    yield from _modules(_private(home))


def _libraries() -> Iterator[str]:
    """The folders of Python, and of shared libraries that the environment names."""
    yield from {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.path.realpath(sys.executable))}
    for name in ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH"):
        yield from filter(os.path.isabs, os.environ.get(name, "").split(os.pathsep))


def _modules(private: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The folders of Python's modules; from one around private files, only the modules themselves."""
    for path in map(os.path.realpath, filter(None, sys.path)):
        if not any(os.path.commonpath((path, one)) == path for one in private):
            yield path, landlock.READ
            continue
        yield path, landlock.LIST
        for entry in os.scandir(path):
            if entry.name.endswith(".py") or os.path.exists(os.path.join(entry.path, "__init__.py")):
                yield entry.path, landlock.READ


def _private(home: Path) -> list[str]:
    """The user's home and the data folder."""
    return [str(home), os.path.realpath(_user_home())]


def _user_home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a user without an entry, as in a container
        return "/root"


def _user_base() -> str:
    """Where the user's own packages are, which must still be found with another home."""
    return os.environ.get("PYTHONUSERBASE") or os.path.join(_user_home(), ".local")


def _torch_home() -> str:
    """Where torch finds models."""
    return os.environ.get("TORCH_HOME") or os.path.join(_user_home(), ".cache", "torch")


def _gpus() -> Iterator[str]:
    if os.path.isdir("/dev"):
        yield from (f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(GPUS))


def _more(listed: str | None) -> Iterator[str]:
    """The folders that the user grants to every worker."""
    for path in (listed or "").split(","):
        if path.strip():
            yield os.path.expanduser(path.strip())


def means(settings: Settings) -> dict[str, str]:
    """How the runs of this machine are confined, by what is confined: one line each."""
    if settings.executor == "inline":
        return dict.fromkeys(("network", "files", "limits"), "not confined: runs are in the studio's process")
    if not settings.confine_workers:
        off = "The setting 'confine_workers' is off."
        return {"network": off, "files": off, "limits": _limits()}
    return {"network": _network(), "files": _files(), "limits": _limits()}


def _network() -> str:
    if system_calls.can_filter():
        return "refused, unless a processor declares that it needs it (seccomp)"
    return "not confined: this system has no seccomp filter"


def _files() -> str:
    if found := landlock.version():
        return f"a worker writes only to its own folder, and reads no private files (Landlock {found})"
    return "not confined: this system has no Landlock"


def _limits() -> str:
    if os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        return "memory, processes, open files and written files"
    return "open files and the size of a file; memory and processes are not limited: this system does not show them"
