"""Lets tests meet files that may not be read, also when they are run by root, who may read everything."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION_3 = 0x20080522
_READ_ALL = 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("words", ctypes.c_uint32 * 6),)  # effective, permitted, inheritable; then the same above 31


@contextmanager
def no_right_to_read_all() -> Iterator[None]:
    """While inside, this thread may read only what its user may."""
    if os.name == "nt":
        pytest.skip("Windows has other rights")
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, now = _Header(_VERSION_3, 0), _Capabilities()
    assert libc.capget(ctypes.byref(header), ctypes.byref(now)) == 0
    before = now.words[0]
    now.words[0] = before & ~_READ_ALL
    assert libc.capset(ctypes.byref(header), ctypes.byref(now)) == 0
    try:
        yield
    finally:
        now.words[0] = before
        assert libc.capset(ctypes.byref(header), ctypes.byref(now)) == 0


def without_rights() -> tuple[str, ...]:
    """Return the words to put before a command that shall read only what its user may."""
    if os.name == "nt":
        pytest.skip("Windows has other rights")
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything here")
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
