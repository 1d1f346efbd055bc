"""The part of llama.cpp that computes, for the processor that is here.

Compiled for one computer, libllama is linked to it. Packages carry it once for each kind of processor
(GGML_BACKEND_DL and GGML_CPU_ALL_VARIANTS of llama.cpp): libggml-cpu-haswell, -zen4 and so on. Each of them says
whether it runs here and how well; llama.cpp loads the best.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

from desktop_app.errors import UserError


def load_processor(llama: Any, ggml: Any, folder: Path) -> str:
    """Load the best of those in `folder`, and return its name ("haswell"); "" where there is nothing to choose.

    `llama` and `ggml` are llama.cpp's libraries of these names, as they were loaded. Call it once, before a model is
    loaded. Raises `UserError` (program-incomplete) when none is there that runs here.
    """
    kinds = sorted(folder.glob("*ggml-cpu-*"))
    if not kinds:
        if not llama.ggml_backend_reg_count():
            raise UserError("program-incomplete")
        return ""
    # llama.cpp would load whatever this names, beside its own.
    os.environ.pop("GGML_BACKEND_PATH", None)
    # libllama may be linked to another file of libggml than the one that was loaded, with a list of its own. Windows
    # has no second one, and does not find there what libllama is linked to.
    load = (ggml if sys.platform == "win32" else llama).ggml_backend_load_all_from_path
    load.argtypes, load.restype = [ctypes.c_char_p], None
    # With a folder, and never without: it would look in the current one.
    load(os.fsencode(folder))
    loaded = [path for path in kinds if _is_loaded(path)]
    if not loaded:
        raise UserError("program-incomplete")
    # Those that were only asked may stay in memory.
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
