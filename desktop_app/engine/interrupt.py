"""A flag with which one thread stops the work of another, even inside llama.cpp."""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import Any


class Interrupted(Exception):  # noqa: N818 - not an error: it was asked for
    """The work was stopped. Batches that were complete before are kept."""


class Interrupt:
    """Checked by the working thread hundreds of times a second; set from any thread.

    `now` stops in the middle of a computation, whose result is lost. `soon` stops at the next point where nothing is
    lost.

    C code can check it too: `c_function(c_argument)` returns whether to stop now. llama_decode does so; while a picture
    is encoded, `llama/mtmd.py` checks after every few nodes of the graph.
    """

    def __init__(self) -> None:
        self.soon = False
        self._now = (ctypes.c_char * 2)()  # a C string: empty, or not
        self._lock = threading.Lock()

    @property
    def now(self) -> bool:
        """Return whether to stop in the middle of a computation."""
        return bool(self._now.value)

    @property
    def c_function(self) -> Any:
        """Return the address of a C function: pointer -> whether to stop now.

        It is `strlen` of the C library, which returns 0 or 1. A Python function would wait for the interpreter lock
        a thousand times per token, for 5 ms each time if another thread is busy.
        """
        library: Any = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
        return ctypes.cast(library.strlen, ctypes.c_void_p).value

    @property
    def c_argument(self) -> int:
        """Return the argument for that function, valid as long as this object lives."""
        return ctypes.addressof(self._now)

    def stop_now(self) -> None:
        """Stop at once, in the middle of a computation."""
        with self._lock:
            self.soon = True
            self._now.value = b"1"

    def stop_soon(self) -> None:
        """Stop at the next point where nothing is lost."""
        self.soon = True

    def clear(self) -> None:
        """Reset the flag before other work begins."""
        with self._lock:
            self._now.value = b""
            self.soon = False

    def check(self) -> None:
        """Raise `Interrupted` if the work is to stop; called at points where nothing is lost."""
        if self.soon:
            raise Interrupted
