"""The flag by which one thread stops the work of another."""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import Any


class Interrupted(Exception):  # noqa: N818 - not an error: somebody wanted it
    """The work was stopped. What was evaluated completely before is kept."""


class Interrupt:
    """Asked by the work itself, hundreds of times a second; set from any thread.

    `now` stops at once, in the middle of a computation, whose result is lost. `soon` stops at the
    next place where nothing is lost.

    C code may ask too: `c_function` says of the memory at `c_argument` whether to stop now.
    """

    def __init__(self) -> None:
        self.soon = False
        self._now = (ctypes.c_char * 2)()  # a string in C: empty, or not
        self._lock = threading.Lock()

    @property
    def now(self) -> bool:
        """Return whether to stop in the middle of whatever is being computed."""
        return bool(self._now.value)

    @property
    def c_function(self) -> Any:
        """Return the address of a function in C: pointer -> whether to stop now.

        It is the C library's `strlen`, which finds 0 or 1. A function in Python would wait for the interpreter
        a thousand times per token; behind another thread that computes, 5 ms each time.
        """
        library: Any = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
        return ctypes.cast(library.strlen, ctypes.c_void_p).value

    @property
    def c_argument(self) -> int:
        """Return what that function wants, valid as long as this object lives."""
        return ctypes.addressof(self._now)

    def stop_now(self) -> None:
        """Stop in the middle of whatever is being computed."""
        with self._lock:
            self.soon = True
            self._now.value = b"1"

    def stop_soon(self) -> None:
        """Stop where nothing is lost."""
        self.soon = True

    def clear(self) -> None:
        """Forget what was wanted: other work begins."""
        with self._lock:
            self._now.value = b""
            self.soon = False

    def check(self) -> None:
        """Raise `Interrupted` if the work is to stop; called where nothing would be lost."""
        if self.soon:
            raise Interrupted
