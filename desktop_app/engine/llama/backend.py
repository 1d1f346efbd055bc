"""llama.cpp as a whole: readied once in a process, and what it says of errors."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from functools import cache

from desktop_app.engine.llama.bindings import LIBGGML, LIBLLAMA, LIBRARIES, VERSION, ggml_functions, llama, mtmd
from desktop_app.engine.llama.cpu_backend import load_processor
from desktop_app.engine.llama.ggml_tensor import struct_matches

_log = logging.getLogger(__name__)
_LOG_ERROR = 4  # ggml_log_level

_last_errors: deque[str] = deque(maxlen=20)


@dataclass(frozen=True)
class Backend:
    """What is known of the llama.cpp that was readied."""

    processor: str  # whose part of it is loaded, where there is more than one
    readable: bool  # whether its tensors may be read and written


@llama.llama_log_callback
def _keep_errors(level: int, text: bytes, _data: object) -> None:
    # Everything else is dropped: it would hold the conversation, and it would go to stderr.
    if level == _LOG_ERROR:
        _last_errors.append(text.decode(errors="replace").strip())


@cache
def prepare() -> Backend:
    """Ready llama.cpp for this processor. Raises `UserError` (program-incomplete)."""
    for set_log in (llama.llama_log_set, mtmd.mtmd_log_set, mtmd.mtmd_helper_log_set):
        set_log(_keep_errors, None)
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
    """Return the last lines in which llama.cpp spoke of an error, for a report."""
    return "\n".join(_last_errors)


def forget_errors() -> None:
    """Forget those lines: something new begins."""
    _last_errors.clear()


def cpu_features() -> str:
    """Return which instructions of the processor llama.cpp uses, as it says it."""
    said = llama.llama_print_system_info().decode(errors="replace")
    processor = prepare().processor
    return f"{processor}: {said}" if processor else said
