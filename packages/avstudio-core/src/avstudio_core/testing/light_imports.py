"""Checks that loading and declaring a plugin imports no heavy library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

HEAVY = frozenset(
    {
        *("alembic", "anthropic", "av", "ctranslate2", "cv2", "demucs", "fastapi", "faster_whisper", "genai_prices"),
        *("httpx", "httpx2", "huggingface_hub", "jax", "librosa", "llama_cpp", "matplotlib", "mlx", "mlx_lm", "numba"),
        *("numpy", "onnxruntime", "openai", "pandas", "uvicorn", "watchfiles"),
        *("pedalboard", "PIL", "requests", "rich", "scipy", "sklearn", "soundfile", "tensorflow", "tokenizers"),
        *("torch", "torchaudio", "torchcodec", "transformers", "keyring"),
    }
)
"""Libraries that must be imported inside the method that uses them."""

DECLARE = """
import importlib, json, sys
from avstudio_core.artifact import Artifact
from avstudio_core.catalogue import declare, declare_interface
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.plugins import Plugins
from avstudio_core.settings_sources import load

module, name, params, source = json.loads(sys.argv[1])
plugins = Plugins()
plugins.add_modules([importlib.import_module(module)])
shelf = InstalledShelf(plugins, load({}))
shelf.all()
for kind in plugins.kind("processors").values():
    declare(kind(shelf), "")
for kind in plugins.kind("memory_managers").values():
    kind()
for kind in plugins.kind("interfaces").values():
    declare_interface(kind, "")
for family in ("agents", "backends", "price_books", "routers", "secret_stores"):
    plugins.kind(family)
if name:
    processor = plugins.find("processors", name)(shelf)
    given = processor.params_type(**params)
    processor.outputs(given)
    processor.needs(given, None)
    if source:
        processor.needs(given, Artifact.model_validate(source))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def check_imports(
    plugin: ModuleType, processor: str = "", params: Mapping[str, Any] | None = None, source: Any = None
) -> None:
    """Fail if a plugin imports a heavy library when it is loaded or declared, or when its needs are computed."""
    __tracebackhide__ = True
    heavy = imported_by(plugin, processor, params, source) & HEAVY
    assert not heavy, (
        f"'{plugin.__name__}' imports {', '.join(sorted(heavy))} before anything runs. "
        "Import it inside the method that uses it."
    )


def imported_by(
    plugin: ModuleType, processor: str = "", params: Mapping[str, Any] | None = None, source: Any = None
) -> frozenset[str]:
    """The packages that a new interpreter imports to load a plugin and to declare its classes.

    With the name of a `processor`, also to compute the needs of a run with these `params` and `source`.
    """
    return _imported(plugin, json.dumps([plugin.__name__, processor, dict(params or {}), source]))


@lru_cache(maxsize=16)
def _imported(plugin: ModuleType, given: str) -> frozenset[str]:
    """The same for the classes of tests of one plugin, which ask the same: an interpreter's start takes a while."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", DECLARE, given]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"'{plugin.__name__}' cannot be declared in a fresh interpreter:\n{ran.stderr}"
    return frozenset(json.loads(ran.stdout.splitlines()[-1]))
