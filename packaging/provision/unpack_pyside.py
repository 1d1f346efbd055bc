"""Unpacks the Python part of PySide6, which otherwise lies in a library and is compiled again at every start."""

import importlib.util
import os
import subprocess
from pathlib import Path

from provision.console import say

#: Where it lies then, in the folder of its package.
UNPACKED = "files.dir"

#: Run by the environment's Python. The variable is PySide6's own switch for it.
_UNPACK = f"""
import compileall, importlib.util, os, pathlib, py_compile, shutil, sys
spec = importlib.util.find_spec("shiboken6")
folder = pathlib.Path(spec.origin).parent / "{UNPACKED}"
shutil.rmtree(folder, ignore_errors=True)  # of another version
os.environ["SBK_EMBED"] = "0"
import PySide6
unchanging = py_compile.PycInvalidationMode.UNCHECKED_HASH
sys.exit(not compileall.compile_dir(folder, quiet=2, invalidation_mode=unchanging))
"""


def package() -> Path:
    """Return the folder of the package that holds it, of the Python that runs this."""
    spec = importlib.util.find_spec("shiboken6")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def unpack(python: Path) -> None:
    """Do so in the environment of `python`. Where it does not work, windows open a little later than they could."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    result = subprocess.run([python, "-c", _UNPACK], env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        say("PySide6 could not be unpacked, so windows will open a little later than they could.")
