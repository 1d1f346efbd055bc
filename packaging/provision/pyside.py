"""Unpacks the Python part of PySide6, which otherwise lies in a library and is compiled anew at every start."""

import os
import subprocess
from pathlib import Path

from provision.console import say

#: Run by the environment's Python. The variable is PySide6's own switch for it.
_UNPACK = """
import compileall, importlib.util, os, pathlib, py_compile, shutil, sys
spec = importlib.util.find_spec("shiboken6")
folder = pathlib.Path(spec.origin).parent / "files.dir"
shutil.rmtree(folder, ignore_errors=True)  # of another version
os.environ["SBK_EMBED"] = "0"
import PySide6
unchanging = py_compile.PycInvalidationMode.UNCHECKED_HASH
sys.exit(not compileall.compile_dir(folder, quiet=2, invalidation_mode=unchanging))
"""


def unpack(python: Path) -> None:
    """Do so in the environment of `python`. Where it does not work, windows open a little later than they could."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    result = subprocess.run([python, "-c", _UNPACK], env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        say("PySide6 could not be unpacked, so windows will open a little later than they could.")
