"""Standard error of a process of ours: it goes to a small file, which is read for the log when the process has ended.

There ggml, the C++ library and Python say why a process ends, and where each of its threads was; decoders of pictures
say what they stumble over. None of them speaks to the terminal. No conversation is written there: llama.cpp's own
messages go elsewhere (`llama/backend.py`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LARGEST = 1 << 20  # bytes; libraries that read damaged pictures may write much
_READ = 16_000  # bytes
_MOST_LINES = 40


class StandardErrorFile:
    """The file, as the program sees that starts the process."""

    def __init__(self) -> None:
        import tempfile  # with the first process, when the window is there

        try:
            number, self.path = tempfile.mkstemp(prefix="eyebright-engine-", suffix=".txt")
            os.close(number)
        except OSError:
            self.path = ""  # what the process writes is lost

    def take(self) -> str:
        """Return the last lines, without control characters, and remove the file."""
        if not self.path:
            return ""
        try:
            with Path(self.path).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _READ))
                text = file.read().decode(errors="replace")
        except OSError:
            text = ""
        remove(self.path)
        lines = ("".join(c for c in line if c.isprintable()) for line in text.splitlines())
        useful = [line for line in lines if line.strip() and not line.startswith("Extension modules:")]
        return "\n".join(useful[-_MOST_LINES:])


def write_to(path: str) -> None:
    """Let this process write its standard error to a file, also when it crashes; without one, to nowhere."""
    import faulthandler

    try:
        file = os.open(path or os.devnull, os.O_WRONLY | os.O_APPEND)
    except OSError:  # somebody has removed it
        file = os.open(os.devnull, os.O_WRONLY)
    os.dup2(file, 2)
    if file != 2:
        os.close(file)
    faulthandler.enable(2)


def keep_small(path: str) -> None:
    """Empty the file of this process when it has become large."""
    if path:
        with suppress(OSError):
            if os.fstat(2).st_size > _LARGEST:
                os.ftruncate(2, 0)


def remove(path: str) -> None:
    """Remove the file; for the process itself when the program that started it is gone."""
    if path:
        with suppress(OSError):
            Path(path).unlink()
