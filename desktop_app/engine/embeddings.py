"""Embeddings of pictures, kept so that no picture is encoded twice.

In memory only, so far: the one used longest ago leaves when there are too many. A key names the
picture and the projector, so it stays right when another model is loaded, or on disk.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Embedding = npt.NDArray[np.float32]  # image tokens x width of the language model

DEFAULT_BOUND = 128 * 1024 * 1024  # bytes: 14 pictures of LLaVA-1.5-7B


@dataclass(frozen=True)
class EmbeddingKey:
    """What an embedding depends on."""

    sha256: str  # of the picture's file
    projector: str


def projector_identity(path: Path) -> str:
    """Return what tells one projector file from another, without reading it."""
    status = path.stat()
    return f"{path.absolute()}|{status.st_size}|{status.st_mtime_ns}"


class EmbeddingStore:
    """A bounded memory of embeddings."""

    def __init__(self, bound: int = DEFAULT_BOUND) -> None:
        """`bound` is in bytes; a single embedding is kept even if it is larger."""
        self._bound = bound
        self._size = 0
        self._kept: OrderedDict[EmbeddingKey, Embedding] = OrderedDict()

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """Return an embedding, and remember that it was used just now."""
        embedding = self._kept.get(key)
        if embedding is not None:
            self._kept.move_to_end(key)
        return embedding

    def put(self, key: EmbeddingKey, embedding: Embedding) -> None:
        """Keep an embedding."""
        old = self._kept.pop(key, None)
        self._size += embedding.nbytes - (old.nbytes if old is not None else 0)
        self._kept[key] = embedding
        while self._size > self._bound and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.nbytes
