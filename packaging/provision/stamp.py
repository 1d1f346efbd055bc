"""Finds out in a millisecond whether the virtual environment is up to date.

A stamp is a hash over everything that decides what gets installed. It is written last,
so an interrupted set-up is simply run again.
"""

import hashlib
import os
import sys
from pathlib import Path

from provision import paths

#: What ends the part of pyproject.toml that matters for the installation.
_TOOL_SETTINGS = "\n[tool.ruff]"


def cpu_identity() -> str:
    """What a compiler that builds for this very processor may rely on.

    Wheels and environments are found again by it, so a home folder shared between
    computers does not lead to illegal instructions.
    """
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(("flags", "Features")):  # x86, ARM
                    return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return os.environ.get("PROCESSOR_IDENTIFIER") or machine()


def machine() -> str:
    """The kind of processor: x86_64, arm64 and so on."""
    return os.uname().machine if hasattr(os, "uname") else "unknown"


def _locks(tools: bool) -> list[Path]:
    locks = [paths.BASE_LOCK, paths.LLAMA_LOCK, paths.RUNTIME_LOCK]
    return [*locks, paths.DEV_LOCK] if tools else locks


def fingerprint(tools: bool) -> str:
    """Hash what the environment is made from."""
    digest = hashlib.sha256()
    for file in (*_locks(tools), paths.UNPACKING):
        digest.update(file.read_bytes())
    project = (paths.REPOSITORY / "pyproject.toml").read_text("utf-8")
    version = (paths.VENV / "pyvenv.cfg").read_text("utf-8")
    for part in (
        project.partition(_TOOL_SETTINGS)[0],
        version,
        sys.platform,
        cpu_identity(),
        os.environ.get("CMAKE_ARGS", ""),
        str(paths.REPOSITORY),  # an editable installation points here
    ):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


def _file(tools: bool) -> Path:
    return paths.STAMPS / ("tools" if tools else "program")


def is_current(*, tools: bool = False, window: bool = False) -> bool:
    """True if nothing has to be installed."""
    try:
        if not paths.venv_python().exists():
            return False
        if window and not _window().exists():
            return False
        return _file(tools).read_text("utf-8") == fingerprint(tools)
    except OSError:
        return False


def renew(*, tools: bool) -> None:
    """Remember that everything is installed; the tools come on top of the program."""
    paths.STAMPS.mkdir(exist_ok=True)
    for kind in {False, tools}:
        _file(kind).write_text(fingerprint(kind), "utf-8")


def _window() -> Path:
    return paths.STAMPS / "window"


def note_window() -> None:
    """Remember that the libraries for windows have been found; looking costs a tenth of a second."""
    _window().touch()


def forget() -> None:
    """Make the next run set everything up again, because something is about to change."""
    for kind in (False, True):
        _file(kind).unlink(missing_ok=True)
