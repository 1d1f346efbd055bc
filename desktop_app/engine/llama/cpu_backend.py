"""Loads the CPU library of llama.cpp that suits this processor best.

If llama.cpp was compiled for this computer, libllama is linked to its only CPU library. Packages contain one for each
type of processor (GGML_BACKEND_DL and GGML_CPU_ALL_VARIANTS of llama.cpp): libggml-cpu-haswell, -zen4 and so on. Each
reports whether it runs on this processor and how well; llama.cpp loads the best.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

from desktop_app.errors import UserError


def load_processor(llama: Any, ggml: Any, folder: Path) -> str:
    """Load the best CPU library in `folder`, and return its type ("haswell"); "" if libllama is linked to one.

    `llama` and `ggml` are the loaded libraries of these names. Call this once, before a model is loaded. Raises
    `UserError` (program-incomplete) if no library runs on this processor.
    """
    # libllama may be linked to another copy of libggml than the one that was loaded, with its own list of libraries.
    # Windows has only one, and does not export functions of libggml from libllama.
    registry = ggml if sys.platform == "win32" else llama
    kinds = sorted(folder.glob("*ggml-cpu-*"))
    if not kinds:
        if not registry.ggml_backend_reg_count():
            raise UserError("program-incomplete")
        return ""
    # llama.cpp would also load the library that this variable names.
    os.environ.pop("GGML_BACKEND_PATH", None)
    load = registry.ggml_backend_load_all_from_path
    load.argtypes, load.restype = [ctypes.c_char_p], None
    # Always with a folder: otherwise it would search the current one.
    load(os.fsencode(folder))
    loaded = [path for path in kinds if _is_loaded(path)]
    if not loaded:
        raise UserError("program-incomplete")
    # Libraries that were only asked for their score may stay in memory.
    best = max(loaded, key=lambda path: int(ctypes.CDLL(str(path)).ggml_backend_score()))
    return best.name.partition("ggml-cpu-")[2].partition(".")[0]


def _is_loaded(path: Path) -> bool:
    if sys.platform == "win32":
        find = ctypes.windll.kernel32.GetModuleHandleW
        find.argtypes, find.restype = [ctypes.c_wchar_p], ctypes.c_void_p
        return bool(find(path.name))
    try:
        ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return False
    return True
