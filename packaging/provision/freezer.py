"""The environment in which packages are made: the program's libraries and PyInstaller, and nothing else."""

import hashlib
import shutil
import sys
import sysconfig
from pathlib import Path

from provision import llama, paths, system, unpack_pyside
from provision.console import give_up, say, succeeds

VENV = paths.REPOSITORY / "build" / "packages" / "venv"


def prepare() -> Path:
    """Have it, with a llama.cpp for all processors; return its Python. Quick if nothing has changed."""
    system.install(missing_packages())
    wheel = llama.kept_wheel(llama.EVERYWHERE) or llama.compiled_wheel(llama.EVERYWHERE)
    locks = (paths.BASE_LOCK, paths.RUNTIME_LOCK, paths.FREEZE_LOCK)
    digest = hashlib.sha256(f"{sys.version}\n{wheel}\n{wheel.stat().st_mtime_ns}".encode())
    for file in (*locks, paths.UNPACKING):
        digest.update(file.read_bytes())
    stamp = VENV / "eyebright-stamp"
    python = paths.venv_python(VENV)
    if stamp.exists() and stamp.read_text("utf-8") == digest.hexdigest():
        return python
    say("Making the environment that packages are made from.")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.parent.mkdir(parents=True, exist_ok=True)
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]
    base, *others = locks
    steps: tuple[list[str | Path], ...] = (
        [sys.executable, "-m", "venv", VENV],
        [*pip, "--require-hashes", "-r", base],
        [*pip, "--require-hashes", *(part for lock in others for part in ("-r", lock))],
        [*pip, "--no-index", wheel],
    )
    for step in steps:
        if not succeeds(step):
            give_up("The environment for packages could not be made; see above.")
    unpack_pyside.unpack(python)
    stamp.write_text(digest.hexdigest(), "utf-8")
    return python


def missing_packages() -> set[str]:
    """What the system lacks for it, under Debian's names."""
    missing = system.missing_programs(system.PACKAGE_PROGRAMS) | system.missing_venv_module()
    missing |= system.missing_libraries(system.ENGINE_LIBRARIES | system.WINDOW_LIBRARIES)
    missing |= system.missing_libraries(_libpython())
    if llama.kept_wheel(llama.EVERYWHERE) is None:
        missing |= system.missing_compiler()
    return missing


def _libpython() -> dict[str, str]:
    """The library that the frozen program carries in place of Python; Debian's Python does without."""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    return {name: f"libpython{sys.version_info.major}.{sys.version_info.minor}"} if ".so" in name else {}
