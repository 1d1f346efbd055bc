"""Keeps None, True and False alive under PySide6 6.12 on Python 3.10 and 3.11. Import it before PySide6.

PySide6 6.12.0 drops a reference of None with every call that returns None (and of a bool with some
signals), as if they were immortal, which they are only from Python 3.12 on. After some thousand calls
the interpreter would end with "none_dealloc: deallocating None". 6.11.3 is clean. So the constants get
more references than a program can use up.
"""

import ctypes
import sys

_PLENTY = 1 << 40

if sys.version_info < (3, 12):
    for _constant in (None, True, False, NotImplemented, Ellipsis):
        ctypes.c_ssize_t.from_address(id(_constant)).value += _PLENTY
