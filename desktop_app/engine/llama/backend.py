"""Initialises llama.cpp once per process, and collects its warnings and error messages."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from functools import cache

from desktop_app.engine.llama.bindings import LIBGGML, LIBLLAMA, LIBRARIES, VERSION, ggml_functions, llama, mtmd
from desktop_app.engine.llama.cpu_backend import load_processor
from desktop_app.engine.llama.ggml_tensor import struct_matches

_log = logging.getLogger(__name__)
_LOG_WARNING, _LOG_ERROR = 3, 4  # ggml_log_level

_last_errors: deque[str] = deque(maxlen=20)
_last_warnings: deque[str] = deque(maxlen=20)


@dataclass(frozen=True)
class Backend:
    """What is known about llama.cpp after `prepare`."""

    processor: str  # the processor type whose library was loaded; "" if there is only one
    readable: bool  # whether its tensors may be read and written in memory


@llama.llama_log_callback
def _keep_problems(level: int, text: bytes, _data: object) -> None:
    # Everything else is dropped: it could contain the conversation, and would go to stderr.
    kept = {_LOG_ERROR: _last_errors, _LOG_WARNING: _last_warnings}.get(level)
    if kept is not None:
        kept.append(text.decode(errors="replace").strip())


@cache
def prepare() -> Backend:
    """Initialise llama.cpp for this processor; later calls do nothing. Raises `UserError` (program-incomplete)."""
    for set_log in (llama.llama_log_set, mtmd.mtmd_log_set, mtmd.mtmd_helper_log_set):
        set_log(_keep_problems, None)
    processor = load_processor(LIBLLAMA, LIBGGML, LIBRARIES)
    llama.llama_backend_init()
    readable = struct_matches(ggml_functions())
    if not readable:
        _log.warning(
            "llama.cpp %s has other tensors than expected: the order of the class token cannot be corrected, "
            "MiniCPM-V sees no pictures, and weights have one layout",
            VERSION,
        )
    return Backend(processor, readable)


def last_errors() -> str:
    """Return the last error messages of llama.cpp, one per line."""
    return "\n".join(_last_errors)


def last_warnings() -> tuple[str, ...]:
    """Return the last warnings of llama.cpp, each once. Right after loading they are about the files alone."""
    said = (text.rpartition("load: ")[2].strip() for text in _last_warnings)
    return tuple(dict.fromkeys(text for text in said if any(map(str.isalpha, text))))


def forget_problems() -> None:
    """Forget these messages before something new begins."""
    _last_errors.clear()
    _last_warnings.clear()


def cpu_features() -> str:
    """Return which processor features llama.cpp uses, in its own words."""
    features = llama.llama_print_system_info().decode(errors="replace")
    processor = prepare().processor
    return f"{processor}: {features}" if processor else features
