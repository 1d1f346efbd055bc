"""The peak memory that is reported for this process."""

from __future__ import annotations

import mmap
import sys

import pytest

from desktop_app.engine.planning.process_memory import peak_memory, reset_peak_memory

_SIZE = 100 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can begin anew")
def test_the_peak_can_be_counted_anew() -> None:
    reset_peak_memory()
    before = peak_memory()
    with mmap.mmap(-1, _SIZE) as memory:
        memory.write(bytes(_SIZE))
    assert peak_memory() > before + _SIZE // 2
    reset_peak_memory()
    assert peak_memory() < before + _SIZE // 2
