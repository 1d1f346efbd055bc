"""Caches the embeddings of pictures, so that no picture is encoded twice.

In memory they have full precision, and the least recently used ones are removed first. On disk, if there is a cache
folder, they have half precision. A key names the picture and the projector, so it stays valid when another model is
loaded.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop_app.engine.cache.checked_folder import CheckedFolder

Embedding = npt.NDArray[np.float32]  # image tokens x width of the language model

DEFAULT_BOUND = 128 * 1024 * 1024  # bytes, if no plan sets another
PREPARATION_VERSION = 1  # increase it when pictures are prepared for the projector differently
_STORED = np.dtype("<f2")


@dataclass(frozen=True)
class EmbeddingKey:
    """Everything that an embedding depends on."""

    sha256: str  # of the picture's file
    projector: str  # its content, and everything else that changes embeddings
    part: str = ""  # of the picture; "": the whole picture as one square

    @property
    def file_name(self) -> str:
        """Return the name of the file that holds the embedding."""
        part = f"|{self.part}" if self.part else ""
        return hashlib.sha256(f"{PREPARATION_VERSION}|{self.projector}|{self.sha256}{part}".encode()).hexdigest()[:60]


class EmbeddingStore:
    """A cache of embeddings in memory, limited in size, and in a folder on disk."""

    def __init__(self, bound: int = DEFAULT_BOUND, folder: CheckedFolder | None = None) -> None:
        """`bound`: bytes of memory; a single embedding is kept even if it is larger."""
        self._bound = bound
        self._size = 0
        self._kept: OrderedDict[EmbeddingKey, Embedding] = OrderedDict()
        self._folder = folder
        self._unsaved: dict[EmbeddingKey, npt.NDArray[np.float16]] = {}

    def keep_in(self, folder: CheckedFolder | None, bound: int = DEFAULT_BOUND) -> None:
        """Use another folder (None: no folder) and at most `bound` bytes of memory."""
        self._folder = folder
        self._unsaved.clear()
        self._bound = bound
        self._shrink()

    def clear(self) -> None:
        """Forget what is in memory, written or not."""
        self._kept.clear()
        self._unsaved.clear()
        self._size = 0

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """Return an embedding and mark it as used, None if it is not in the cache."""
        embedding = self._kept.get(key)
        if embedding is not None:
            self._kept.move_to_end(key)
            return embedding
        embedding = self._stored(key)
        if embedding is not None:
            self._keep(key, embedding)
        return embedding

    def put(self, key: EmbeddingKey, embedding: Embedding) -> None:
        """Add an embedding; `save` writes it to disk."""
        self._keep(key, embedding)
        if self._folder is not None:
            with np.errstate(over="ignore"):
                stored = embedding.astype(_STORED)
            if np.isfinite(stored).all():  # half precision ends at 65504; no embedding is known to exceed it
                self._unsaved[key] = stored
                if self._size + sum(waiting.nbytes for waiting in self._unsaved.values()) > self._bound:
                    self.save(lambda: None)

    def save(self, check: Callable[[], None]) -> None:
        """Write new embeddings to disk. `check` is called before each file and may raise."""
        while self._unsaved and self._folder is not None:
            check()
            key, stored = next(iter(self._unsaved.items()))
            notes = f"{stored.shape[0]} {stored.shape[1]}".encode()
            self._folder.write(key.file_name, notes, stored.tobytes())
            del self._unsaved[key]

    def _stored(self, key: EmbeddingKey) -> Embedding | None:
        found = self._folder.read(key.file_name) if self._folder is not None else None
        if self._folder is None or found is None:
            return None
        self._folder.used(key.file_name)
        rows, width = map(int, found.notes.split())
        return np.frombuffer(found.data, _STORED).reshape(rows, width).astype(np.float32)

    def _keep(self, key: EmbeddingKey, embedding: Embedding) -> None:
        old = self._kept.pop(key, None)
        self._size += embedding.nbytes - (old.nbytes if old is not None else 0)
        self._kept[key] = embedding
        self._shrink()

    def _shrink(self) -> None:
        while self._size > self._bound and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.nbytes
