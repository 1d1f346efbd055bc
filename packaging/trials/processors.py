"""Runs the packaged program on emulated older processors (QEMU).

QEMU's user mode emulates one process; a process that it starts would run on the real processor. So a copy of the
program is marked, in seven bytes of the ELF header that nobody reads, and Linux (binfmt_misc) is told to start
with QEMU whatever has the mark.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from trials import x11_user
from trials.chroots import NotHad
from trials.x11_user import Disappointed

#: QEMU's name of a processor -> the part of llama.cpp that is the best for it.
EMULATED = {"Nehalem": "sse42", "SandyBridge": "sandybridge", "Haswell": "haswell"}
#: What the real one can do -> the parts that are right for it; the first line that fits counts.
_REAL = {
    "amx_int8": {"sapphirerapids"},
    "avx512f": {"skylakex", "cannonlake", "cascadelake", "icelake", "cooperlake", "zen4"},
    "avx_vnni": {"alderlake"},
    "avx2": {"haswell"},
    "avx": {"sandybridge", "ivybridge", "piledriver"},
}
_MARK, _PLACE = b"EYEBRGT", 9
_NAME = "eyebright-trial"
_FORMATS = Path("/proc/sys/fs/binfmt_misc")
_MOST_S = 300


@contextlib.contextmanager
def marked(program: Path, work: Path) -> Iterator[Path]:
    """Yield a copy of the program that QEMU runs, whoever starts it."""
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        raise NotHad("qemu-x86_64 is not here")
    copy = work / "emulated"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(program, copy, symlinks=True)
    command = copy / "eyebright"
    with command.open("r+b") as file:
        file.seek(_PLACE)
        file.write(_MARK)
    mounted = not (_FORMATS / "register").exists()
    if mounted and subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _FORMATS], check=False).returncode:
        raise NotHad("Linux cannot be asked here to start programs with QEMU (binfmt_misc)")
    try:
        rule = b":%s:M:%d:%s::%s:" % (_NAME.encode(), _PLACE, _MARK, os.fsencode(emulator))
        (_FORMATS / "register").write_bytes(rule)
        yield command
    finally:
        known = _FORMATS / _NAME
        if known.exists():
            known.write_text("-1", "utf-8")
        if mounted:
            subprocess.run(["umount", _FORMATS], check=False)
        shutil.rmtree(copy, ignore_errors=True)


def answers_as(processor: str, command: Path, work: Path) -> str:
    """Ask the program about a drawn picture, emulated; return which part of llama.cpp it has loaded."""
    loaded = _loaded(command, work, {"QEMU_CPU": processor})
    if loaded != EMULATED[processor]:
        raise Disappointed(f"it loaded {loaded}, where {EMULATED[processor]} would be right")
    return f"{loaded}; {_answer(command, work, {'QEMU_CPU': processor})}"


def answers_here(command: Path, work: Path) -> str:
    """Ask the program on the processor that is here."""
    flags = next(line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("flags"))
    right = next((parts for flag, parts in _REAL.items() if flag in flags.split()), {"sse42", "x64"})
    loaded = _loaded(command, work, {})
    if loaded not in right:
        raise Disappointed(f"it loaded {loaded}, where one of {', '.join(sorted(right))} would be right")
    return f"{loaded}; {_answer(command, work, {})}"


def _loaded(command: Path, work: Path, variables: dict[str, str]) -> str:
    said = _run([command, "doctor"], work, variables)
    line = next((line for line in said.splitlines() if line.startswith("Used by llama.cpp")), "")
    return line.removeprefix("Used by llama.cpp").partition(":")[0].strip()


def _answer(command: Path, work: Path, variables: dict[str, str]) -> str:
    picture = work / "circle.png"
    x11_user.draw_circle(picture)
    words: list[str | Path] = [command, "ask", picture, "-p", x11_user.QUESTION, "--greedy"]
    return x11_user.must_be_right(_run(words, work, variables).strip())


def _run(command: list[str | Path], work: Path, variables: dict[str, str]) -> str:
    # NumPy's OpenBLAS would compute for the processor that OPENBLAS_CORETYPE names, whichever there is.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    environment = plain | {"EYEBRIGHT_HOME": str(work / "home")} | variables
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_MOST_S, check=False, cwd=work
    )
    if result.returncode:
        raise Disappointed(result.stderr.strip()[-300:] or f"it ended with {result.returncode}")
    return result.stdout
