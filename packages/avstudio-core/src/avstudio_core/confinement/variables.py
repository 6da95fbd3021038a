"""The environment variables that a worker process gets."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

from avstudio_core.names import is_secret
from avstudio_core.settings import FILE, PREFIX, SETTINGS

MORE_VARIABLES = f"{PREFIX}WORKER_VARIABLES"
NEEDED = frozenset(
    f"""
    PATH HOME USER LOGNAME TMPDIR TMP TEMP TZ LANG LANGUAGE LC_ALL LC_CTYPE LC_NUMERIC LC_TIME LC_COLLATE LC_MESSAGES
    PYTHONHOME PYTHONUTF8 PYTHONIOENCODING PYTHONHASHSEED PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONUSERBASE
    PYTHONNOUSERSITE PYTHONFAULTHANDLER PYTHONWARNINGS PYTHONMALLOC PYTHONOPTIMIZE PYTHONDEVMODE PYTHONTRACEMALLOC
    VIRTUAL_ENV COVERAGE_PROCESS_START COVERAGE_PROCESS_CONFIG LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH
    DYLD_FALLBACK_LIBRARY_PATH DYLD_FRAMEWORK_PATH MALLOC_ARENA_MAX MALLOC_CONF TOKENIZERS_PARALLELISM
    NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES NVIDIA_TF32_OVERRIDE PYTORCH_CUDA_ALLOC_CONF PYTORCH_ALLOC_CONF
    PYTORCH_ENABLE_MPS_FALLBACK PYTORCH_MPS_HIGH_WATERMARK_RATIO TORCH_HOME TORCH_NUM_THREADS TORCH_CUDA_ARCH_LIST
    HF_HOME HF_HUB_CACHE HF_HUB_OFFLINE HF_HUB_DISABLE_TELEMETRY HF_DATASETS_CACHE HUGGINGFACE_HUB_CACHE
    TRANSFORMERS_CACHE TRANSFORMERS_OFFLINE SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE
    {PREFIX}{FILE.upper()}
    """.split()
)
"""Places, language, libraries, devices, caches, certificates."""
FOR_LIBRARIES = re.compile(
    r"(OMP|KMP|MKL|OPENBLAS|VECLIB|NUMEXPR|BLIS|NUMBA|CT2|ORT|CUDA|CUDNN|CUBLAS|NCCL|ROCR|HIP|HSA)_[A-Z0-9_]+"
)
"""Options of libraries for threads and devices."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
"""Only for a worker that may open connections: the address of a proxy may have a password."""
OF_SETTINGS = frozenset(setting.variable for setting in SETTINGS)


def passed_on(named: str = "") -> dict[str, str]:
    """The variables of this process that every worker gets; `named` has more names, separated by commas."""
    more = {name.strip() for name in named.split(",")}
    return {
        name: value
        for name, value in os.environ.items()
        if name in more or name in NEEDED or (FOR_LIBRARIES.fullmatch(name) and not is_secret(name))
    }


def granted(declared: Collection[str], *, network: bool) -> dict[str, str]:
    """The variables of this process that only some workers get: declared ones, and proxies with the network."""
    proxies = {spelled for name in PROXIES if network for spelled in (name, name.lower())}
    return {name: value for name, value in os.environ.items() if name in declared or name in proxies}


def of_plugins(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that plugins declare; not those with the name of a secret."""
    return {name: value for name, value in settings.items() if name not in OF_SETTINGS and not is_secret(name)}


def of_the_core(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name in OF_SETTINGS}
