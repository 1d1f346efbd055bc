"""What the program does first when PyInstaller packed it. Run from its source, it has nothing to do here."""

from __future__ import annotations

import os
import sys

_PATH = "LD_LIBRARY_PATH"


def settle() -> None:
    """Become the engine process if this is to be one, and leave nothing to the programs that this one starts."""
    if not getattr(sys, "frozen", False):
        return
    import multiprocessing

    multiprocessing.freeze_support()  # does not return in the engine process
    # PyInstaller has set it for this process, which has read it by now. A web browser, opened for a link, would
    # find our libraries in place of the system's.
    before = os.environ.pop(f"{_PATH}_ORIG", None)
    if before is not None:
        os.environ[_PATH] = before
    else:
        os.environ.pop(_PATH, None)
    # But the processes of ours that this one starts set it for themselves: they are told to begin as the first one
    # did (https://pyinstaller.org/en/stable/runtime-information.html).
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
