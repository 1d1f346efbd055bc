"""Paths of the set-up: the repository, its virtual environment, the lock files and the cache."""

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
VENV = REPOSITORY / ".venv"
LOCKS = REPOSITORY / "packaging" / "locks"
STAMPS = VENV / "eyebright"

#: Tools of the installation itself: pip and the build backend of this project.
BASE_LOCK = LOCKS / "base.txt"
RUNTIME_LOCK = LOCKS / "runtime.txt"
DEV_LOCK = LOCKS / "dev.txt"
#: What freezes the program, on top of what it runs with.
FREEZE_LOCK = LOCKS / "freeze.txt"
#: llama-cpp-python alone: it is compiled here, so it is not in the runtime lock.
LLAMA_LOCK = LOCKS / "llama.txt"
#: What compiles it.
LLAMA_BUILD_LOCK = LOCKS / "llama-build.txt"
#: Real weights for tests.
REAL_LOCK = LOCKS / "real.txt"
#: What writes the locks.
LOCK_TOOL_LOCK = LOCKS / "lock-tool.txt"
#: What is done to PySide6 once it is installed.
UNPACKING = Path(__file__).with_name("unpack_pyside.py").resolve()


def venv_programs(venv: Path = VENV) -> Path:
    """The folder of a virtual environment's programs."""
    return venv / ("Scripts" if os.name == "nt" else "bin")


def venv_python(venv: Path = VENV) -> Path:
    """The interpreter of a virtual environment, which may not exist yet."""
    return venv_programs(venv) / ("python.exe" if os.name == "nt" else "python")


def cache() -> Path:
    """The person's cache folder for Eyebright; it may be deleted at any time."""
    if os.name == "nt":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        return root / "eyebright" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "eyebright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eyebright"
