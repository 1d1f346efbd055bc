"""Makes room in memory for the projector: the KV cache is in a file while a picture is encoded."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop_app.atomic_files import INCOMING
from desktop_app.engine.llama.bindings import ContextPointer
from desktop_app.engine.llama.kv_state import KVState

_log = logging.getLogger(__name__)


@contextmanager
def swap_out(
    kv: KVState | None, folder: Path, close: Callable[[], None], reopen: Callable[[], ContextPointer]
) -> Iterator[None]:
    """Close the context inside the `with` block, and restore it afterwards. `reopen` returns an equal, empty context.

    If the KV cache cannot be saved (`kv` is None, or the disk is full), the context stays open, and needs memory in
    addition to the projector. If `reopen` raises, `kv` is without a context.
    """
    path = folder / f"{INCOMING}{os.getpid()}-aside"  # the prefix lets it be cleaned up later if this process is killed
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        closed = kv is not None and kv.write(path)
    except OSError:
        closed = False
    try:
        if kv is None or not closed:
            _log.warning("the KV cache cannot be saved while a picture is encoded")
            yield
            return
        close()
        kv.use(ContextPointer(0))  # nothing, unless it is opened again
        try:
            yield
        finally:
            kv.use(reopen())
            if not kv.read(path):
                raise RuntimeError("the saved KV cache cannot be read")
    finally:
        with suppress(OSError):
            path.unlink()
