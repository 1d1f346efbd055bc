"""Freezes the program with PyInstaller: a folder with the program, Python and all libraries."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

from provision import paths
from provision.console import give_up, say, succeeds

from release.outputs import BUILD, PROGRAM, moment

_SPEC = paths.REPOSITORY / "packaging" / "release" / "eyebright.spec"


def freeze() -> Path:
    """Make the program's folder again and return it."""
    say("Freezing the program.")
    log = BUILD / "pyinstaller.log"
    shutil.rmtree(BUILD / "frozen", ignore_errors=True)
    command: list[str | Path] = [
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN",
        "--distpath", BUILD / "frozen", "--workpath", BUILD / "work", _SPEC,
    ]  # fmt: skip
    # The same input makes the same bytes: hashes have a fixed seed, files a fixed time.
    environment = {**os.environ, "PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": str(moment())}
    environment |= {"PYTHONPATH": f"{paths.REPOSITORY}{os.pathsep}{paths.REPOSITORY / 'packaging'}"}
    with log.open("w", encoding="utf-8") as file:
        result = subprocess.run(command, cwd=BUILD, env=environment, stdout=file, stderr=file, check=False)
    if result.returncode:
        print(log.read_text("utf-8", "replace")[-4000:], file=sys.stderr)
        give_up(f"PyInstaller failed; the whole log is in {log}")
    if os.name != "nt":
        _link_copies(PROGRAM)
    if sys.platform == "linux":
        _strip(PROGRAM)
    return PROGRAM


def _strip(folder: Path) -> None:
    """Take the tables for debuggers out of what was compiled here, and of Python.

    Libraries of wheels stay as they are: `strip` breaks some whose sections have been moved, numpy's among them.
    """
    patterns = ("libpython*", "python3*/lib-dynload/*.so", "llama_cpp/lib/*.so")
    found = [path for pattern in patterns for path in (folder / "_internal").glob(pattern) if not path.is_symlink()]
    if not succeeds(["strip", "--strip-unneeded", *found]):
        give_up("Libraries could not be stripped; see above.")


def _link_copies(folder: Path) -> None:
    """Put links in place of libraries that lie side by side under several names, as wheels have to carry them."""
    for plain in sorted(folder.rglob("lib*.so")):
        for other in sorted(plain.parent.glob(f"{plain.name}.*")):
            if not other.is_symlink() and filecmp.cmp(plain, other, shallow=False):
                other.unlink()
                other.symlink_to(plain.name)
