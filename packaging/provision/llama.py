"""Compiles llama.cpp once and keeps the wheel: for this computer, or for all processors of a package.

There are no wheels of llama-cpp-python to download, and pip's own wheel cache does not
know which CMAKE_ARGS a wheel was built with. So wheels are kept here, under a key that
contains everything that went into them. The bindings use ctypes: one wheel serves every Python.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from provision import paths
from provision.console import cause, give_up, say
from provision.stamp import cpu_identity, machine

#: No ffmpeg lookup on PATH for unknown pictures; no TLS, which only the download feature of llama.cpp's own
#: tools would use.
_ALWAYS = "-DMTMD_VIDEO=OFF -DLLAMA_OPENSSL=OFF"


@dataclass(frozen=True)
class Build:
    """One way to compile it."""

    options: str  # for CMake
    core_minutes: int  # measured: of one core, for all of it
    here_only: bool  # it may use whatever this processor can do


_BESIDE = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
NATIVE = Build(f"-DGGML_NATIVE=ON {_ALWAYS}", 14, here_only=True)
#: ggml's part for the processor once for each kind of processor, of which the program loads the best that runs
#: (desktop_app/engine/llama/cpu_backend.py). They lie, and look for each other, beside libllama.
EVERYWHERE = Build(
    "-DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON "
    f"-DCMAKE_INSTALL_BINDIR=llama_cpp/lib -DCMAKE_INSTALL_RPATH='{_BESIDE}' {_ALWAYS}",
    26,
    here_only=False,
)

#: One compiler process at its largest, in MiB.
_COMPILER_MEMORY = 1200
_NINJA_STEP = re.compile(r"\[(\d+)/(\d+)\]")


def cmake_args(build: Build) -> str:
    """Our choices, then the person's from the environment, which win."""
    return f"{build.options} {os.environ.get('CMAKE_ARGS', '')}".strip()


def cache_folder(build: Build = NATIVE) -> Path:
    """Where the wheel belongs."""
    processor = cpu_identity() if build.here_only else machine()
    parts = (paths.LLAMA_LOCK.read_text("utf-8"), cmake_args(build), sys.platform, processor)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return paths.cache() / "wheels" / key


def kept_wheel(build: Build = NATIVE) -> Path | None:
    """The wheel that was compiled earlier."""
    return next(iter(sorted(cache_folder(build).glob("*.whl"))), None)


def is_installed(wheel_file: Path, venv: Path | None = None) -> bool:
    """True if the environment holds exactly this build, not just the same version."""
    records = list((venv or paths.VENV).glob("**/site-packages/llama_cpp_python-*.dist-info/RECORD"))
    if len(records) != 1:
        return False
    with zipfile.ZipFile(wheel_file) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/RECORD"))
        built = archive.read(name).decode()
    return _libraries(built) == _libraries(records[0].read_text("utf-8"))


def _libraries(record: str) -> set[str]:
    return {line for line in record.splitlines() if line.startswith("llama_cpp/lib/")}


def compiled_wheel(build: Build = NATIVE) -> Path:
    """Compile the wheel now, and keep it."""
    folder = cache_folder(build)
    jobs = _parallel_jobs()
    minutes = max(1, round(build.core_minutes / jobs))
    what = "llama.cpp" if build.here_only else "llama.cpp for all processors"
    say(f"Compiling {what}, once: about {minutes} min with {jobs} compiler(s) at a time.")
    folder.mkdir(parents=True, exist_ok=True)
    log = paths.cache() / "logs" / "llama-build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # In the cache rather than in /tmp: that may be small, or in memory.
    with tempfile.TemporaryDirectory(prefix="llama-", dir=paths.cache()) as temporary:
        work = Path(temporary)
        tools = work / "tools"
        output = work / "wheel"
        with log.open("w", encoding="utf-8") as file:
            ended_well = _make_tools(tools, file.fileno()) and _compile(build, tools, output, jobs, log)
        if not ended_well:
            print(cause(log), file=sys.stderr)
            give_up(f"llama.cpp could not be compiled; the whole log is in {log}")
        made = next(output.glob("*.whl"))
        # Renaming within one file system: the cache never holds half a wheel.
        return made.replace(folder / made.name)


def _make_tools(tools: Path, log: int) -> bool:
    """An environment of its own for CMake and Ninja, which nobody needs afterwards."""
    pip = [str(paths.venv_python(tools)), "-m", "pip", "install", "--quiet", "--require-hashes"]
    steps = (
        [sys.executable, "-m", "venv", str(tools)],
        [*pip, "--requirement", str(paths.LLAMA_BUILD_LOCK)],
    )
    return all(subprocess.run(step, stdout=log, stderr=log, check=False).returncode == 0 for step in steps)


def _compile(build: Build, tools: Path, output: Path, jobs: int, log: Path) -> bool:
    environment = {
        **os.environ,
        "CMAKE_ARGS": cmake_args(build),
        "CMAKE_BUILD_PARALLEL_LEVEL": str(jobs),
        "PATH": f"{paths.venv_programs(tools)}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    command: list[str | Path] = [
        paths.venv_python(tools), "-m", "pip", "wheel", "--verbose",
        "--no-deps", "--no-cache-dir", "--no-build-isolation", "--require-hashes",
        "--requirement", paths.LLAMA_LOCK, "--wheel-dir", output,
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    progress = _Progress()
    with process, log.open("a", encoding="utf-8") as file:
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            if step := _NINJA_STEP.search(line):
                progress.show(int(step[1]), int(step[2]))
    progress.end()
    return process.returncode == 0


class _Progress:
    """How far the compiler is: a line that changes on a terminal, a line per tenth elsewhere."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._on_terminal = sys.stderr.isatty()
        self._tenth = 0

    def show(self, done: int, total: int) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        text = f"  {done} of {total} files, {minutes}:{seconds:02}"
        if self._on_terminal:
            sys.stderr.write(f"\r{text}\x1b[K")
            sys.stderr.flush()
        elif done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._on_terminal:
            print(file=sys.stderr)


def _parallel_jobs() -> int:
    """As many compilers as there are cores, if memory allows."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (AttributeError, ValueError, OSError):
        return cores or 1
    return max(1, min(cores or 1, memory // _COMPILER_MEMORY))
